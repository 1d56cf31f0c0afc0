//! `_vendor/vendor.txt` of pip and `_vendor/vendored.txt` of setuptools: the packages whose code they carry in
//! themselves. The list is the one that their authors unpack that directory from, so its packages are there.

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};

use super::{normalised, pin};
use crate::document;
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "python-vendored", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    let is_list = project::ends(entry, "pip/_vendor/vendor.txt")
        || project::ends(entry, "setuptools/_vendor/vendored.txt")
        || project::ends(entry, "pkg_resources/_vendor/vendored.txt");
    project::whole_if(is_list)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(text) = document::text(entry, content, catalog) else {
        return;
    };
    let pins = text.lines().filter_map(|line| pin(line.split('#').next()?.trim()));
    // Of setuptools pip carries only `pkg_resources`, which no advisory means by that name.
    let packages = pins
        .filter(|(name, _)| *name != "setuptools")
        .map(|(name, version)| Package::new(Ecosystem::Pypi, normalised(name), version));
    catalog.declare_each_once(entry.path, packages);
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn what_pip_carries_is_installed() {
        check(
            "usr/lib/python3.12/site-packages/pip/_vendor/vendor.txt",
            "CacheControl==0.14.0\nrequests==2.32.3\n    certifi==2024.7.4\n    idna==3.7 # why\nresolvelib\nsetuptools==70.3.0\n",
            &[
                "pypi cachecontrol 0.14.0 installed",
                "pypi certifi 2024.7.4 installed",
                "pypi idna 3.7 installed",
                "pypi requests 2.32.3 installed",
            ],
        );
        check("app/_vendor/vendor.txt", "a==1\n", &[]);
    }
}
