//! `pylock.toml` and `pylock.NAME.toml` (PEP 751).
//!
//! Which groups a package belongs to is only in its marker, so nothing is said to be for development.

use seawall_inventory::{Content, Entry, Interest, Package};
use serde::Deserialize;

use super::locked;
use crate::document::{self, List, Table, Text};
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "pylock", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    let named = project::ends(entry, ".toml") && is_pylock(entry.name());
    project::lock_if(named, entry)
}

fn is_pylock(name: &str) -> bool {
    let middle = name.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix("toml"));
    match middle.and_then(|middle| middle.strip_suffix('.')) {
        Some(name) => !name.is_empty() && !name.contains('.'),
        None => middle == Some(""),
    }
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(lock) = document::toml::<Lock>(entry, content, catalog) else {
        return;
    };
    if lock.version.get().is_none() {
        return document::malformed(entry, catalog, "not a PEP 751 lock file: it states no lock-version");
    }
    let packages = lock.packages.0.iter().filter_map(|package| package.0.as_ref()?.package());
    catalog.declare_each_once(entry.path, packages);
}

#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(default, rename = "lock-version")]
    version: Text,
    #[serde(default)]
    packages: List<Table<Locked>>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    version: Text,
    #[serde(default)]
    directory: Table<Directory>,
}

#[derive(Debug, Deserialize)]
struct Directory {}

impl Locked {
    fn package(&self) -> Option<Package> {
        if self.directory.0.is_some() {
            return None;
        }
        Some(locked(self.name.get()?, self.version.or_empty(), false))
    }
}

#[cfg(test)]
mod tests {
    use super::is_pylock;
    use crate::testing::check_listed as check;

    #[test]
    fn packages_are_read() {
        let lock = r#"
lock-version = "1.0"
created-by = "pip"
[[packages]]
name = "attrs"
version = "25.1.0"
[[packages.wheels]]
name = "attrs-25.1.0-py3-none-any.whl"
[[packages]]
name = "forked"
[packages.vcs]
type = "git"
[[packages]]
name = "ours"
version = "0.1"
[packages.directory]
path = "."
"#;
        for path in ["pylock.toml", "app/pylock.dev.toml"] {
            check(path, lock, &["pypi attrs 25.1.0 locked", "pypi forked  locked"]);
        }
        check(
            "pylock.toml",
            "packages = 1",
            &["gap malformed: not a PEP 751 lock file: it states no lock-version"],
        );
        for other in ["pylock..toml", "pylock.a.b.toml", "pylocktoml", "xpylock.toml"] {
            assert!(!is_pylock(other), "{other}");
        }
    }
}
