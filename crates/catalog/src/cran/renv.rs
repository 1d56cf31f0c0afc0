//! `renv.lock`: JSON with a map of packages.
//!
//! Format: <https://rstudio.github.io/renv/articles/lockfile.html>. Packages of CRAN, Bioconductor and repositories alike
//! state a version.

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};
use serde::Deserialize;

use crate::document::{self, Pairs, Table, Text};
use crate::project;
use crate::{Catalog, Reader, lock};

pub(super) const READER: Reader = Reader { name: "renv-lock", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "renv.lock"), entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(lock) = document::json_table::<Lock>(entry, content, catalog) else {
        return;
    };
    let Some(packages) = lock.packages else {
        return document::malformed(entry, catalog, "not an renv lock file: it has no `Packages`");
    };
    let packages = packages.0.iter().filter_map(|(name, locked)| locked.0.as_ref()?.package(name));
    catalog.declare_each_once(entry.path, packages);
}

#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(default, rename = "Packages")]
    packages: Option<Pairs<Table<Locked>>>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    #[serde(default, rename = "Version")]
    version: Text,
    #[serde(default, rename = "Source")]
    source: Text,
}

impl Locked {
    fn package(&self, name: &str) -> Option<Package> {
        let is_local = self.source.get() == Some("Local");
        (!is_local).then(|| lock::locked(Ecosystem::Cran, name, self.version.or_empty(), false))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn packages_are_read() {
        check(
            "app/renv.lock",
            r#"{"R": {"Version": "4.3.1"}, "Packages": {
                "jsonlite": {"Package": "jsonlite", "Version": "1.8.4", "Source": "Repository", "Repository": "CRAN"},
                "ours": {"Package": "ours", "Version": "0.1", "Source": "Local"},
                "odd": 7
            }}"#,
            &["cran jsonlite 1.8.4 locked"],
        );
        check("renv.lock", "{}", &["gap malformed: not an renv lock file: it has no `Packages`"]);
    }
}
