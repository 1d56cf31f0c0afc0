//! `poetry.lock`.
//!
//! Poetry 1.0 to 1.4 states a category, 2.0 and later the groups of each package; between them no word is said of
//! development. Groups other than `main` are for development by Poetry's own definition.

use seawall_inventory::{Content, Entry, Interest, Package};
use serde::Deserialize;

use super::{locked, read_lock_file};
use crate::document::{List, Table, Text};
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "poetry-lock", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "poetry.lock"), entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    read_lock_file("poetry", entry, content, catalog, Locked::package);
}

#[derive(Debug, Deserialize)]
struct Locked {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    version: Text,
    #[serde(default)]
    category: Text,
    #[serde(default)]
    groups: List<Text>,
    #[serde(default)]
    source: Table<Source>,
}

#[derive(Debug, Deserialize)]
struct Source {
    #[serde(default, rename = "type")]
    kind: Text,
}

impl Locked {
    fn package(&self) -> Option<Package> {
        if self.source.0.as_ref().is_some_and(|source| source.kind.get() == Some("directory")) {
            return None;
        }
        let groups = &self.groups.0;
        let is_for_development = match self.category.get() {
            Some(category) => category != "main",
            None => !groups.is_empty() && groups.iter().all(|group| group.get() != Some("main")),
        };
        Some(locked(self.name.get()?, self.version.or_empty(), is_for_development))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn categories_and_groups_tell_development() {
        check(
            "app/poetry.lock",
            r#"
[[package]]
name = "Django_Thing"
version = "4.2.1"
category = "main"
optional = false

[[package]]
name = "pytest"
version = "7.4.0"
category = "dev"

[[package]]
name = "black"
version = "24.1.0"
groups = ["dev", "lint"]

[[package]]
name = "idna"
version = "3.7"
groups = ["dev", "main"]

[[package]]
name = "certifi"
version = "2024.7.4"

[[package]]
name = "ours"
version = "0.1.0"
[package.source]
type = "directory"
url = "../ours"

[[package]]
name = "forked"
version = "1.0"
[package.source]
type = "git"
url = "https://github.com/a/forked"

[metadata]
lock-version = "2.1"
"#,
            &[
                "pypi black 24.1.0 locked-for-development",
                "pypi certifi 2024.7.4 locked",
                "pypi django-thing 4.2.1 locked",
                "pypi forked 1.0 locked",
                "pypi idna 3.7 locked",
                "pypi pytest 7.4.0 locked-for-development",
            ],
        );
        check("site-packages/x/poetry.lock", "[metadata]\n", &[]);
    }

    #[test]
    fn odd_entries_cost_only_themselves() {
        check(
            "poetry.lock",
            "package = [1, {name = 3}, {version = '1'}, {name = 'a', version = '1', groups = 7, source = 'x'}]\n",
            &["pypi 3  locked", "pypi a 1 locked"],
        );
        check("poetry.lock", "[metadata]\n", &[]);
        check(
            "poetry.lock",
            "a = 1\n",
            &["gap malformed: not a poetry lock file: it has neither packages nor metadata"],
        );
    }
}
