//! Packages that conda installed: `conda-meta/NAME-VERSION-BUILD.json` of an environment.
//!
//! A Python package of conda stands in the list twice, as its own metadata is in `site-packages` too: advisories of
//! PyPI are found by the latter.

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};
use serde::Deserialize;

use crate::document::{self, Table, Text};
use crate::project;
use crate::{Catalog, Reader};

pub(crate) const READERS: &[Reader] = &[Reader { name: "conda-meta", interest, read }];

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    let is_record = project::ends(entry, ".json") && entry.parent().rsplit('/').next() == Some("conda-meta");
    project::whole_if(is_record)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(record) = document::json::<Table<Record>>(entry, content, catalog) else {
        return;
    };
    let Some((record, name)) = record.0.as_ref().and_then(|record| Some((record, record.name.get()?))) else {
        return document::malformed(entry, catalog, "not a conda package's record: it names no package");
    };
    let mut package = Package::new(Ecosystem::Conda, name, record.version.or_empty());
    package.licenses = record.license.get().map(str::to_owned).into_iter().collect();
    catalog.declare(entry.path, package);
}

#[derive(Debug, Deserialize)]
struct Record {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    version: Text,
    #[serde(default)]
    license: Text,
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn records_are_packages() {
        let record = r#"{"build": "h7f8727e_0", "name": "openssl", "version": "1.1.1w", "license": "OpenSSL", "files": ["lib/x"]}"#;
        check(
            "opt/conda/conda-meta/openssl-1.1.1w-h7f8727e_0.json",
            record,
            &["conda openssl 1.1.1w installed OpenSSL"],
        );
        check("opt/conda/pkgs/openssl/info/index.json", record, &[]);
        check(
            "conda-meta/x.json",
            "[]",
            &["gap malformed: not a conda package's record: it names no package"],
        );
    }
}
