//! `pdm.lock`.
//!
//! Since lock version 4.4 packages state their groups. Extras and development dependencies are both groups, so only
//! what is in no group but `dev`, PDM's own name for the latter, is said to be for development.

use seawall_inventory::{Content, Entry, Interest, Package};
use serde::Deserialize;

use super::{is_archive, locked, read_lock_file};
use crate::document::{List, Text};
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "pdm-lock", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "pdm.lock"), entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    read_lock_file("pdm", entry, content, catalog, Locked::package);
}

#[derive(Debug, Deserialize)]
struct Locked {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    version: Text,
    #[serde(default)]
    groups: List<Text>,
    #[serde(default)]
    path: Text,
}

impl Locked {
    fn package(&self) -> Option<Package> {
        if self.path.get().is_some_and(|path| !is_archive(path)) {
            return None;
        }
        let groups = &self.groups.0;
        let is_for_development = !groups.is_empty() && groups.iter().all(|group| group.get() == Some("dev"));
        Some(locked(self.name.get()?, self.version.or_empty(), is_for_development))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn packages_and_groups_are_read() {
        check(
            "pdm.lock",
            r#"
[metadata]
groups = ["default", "dev", "extra"]
lock_version = "4.5.0"

[[package]]
name = "requests"
version = "2.31.0"
extras = ["socks"]
groups = ["default"]

[[package]]
name = "requests"
version = "2.31.0"
groups = ["default"]

[[package]]
name = "pytest"
version = "8.0.0"
groups = ["dev"]

[[package]]
name = "rich"
version = "13.0.0"
groups = ["extra"]

[[package]]
name = "ours"
version = "0.1.0"
editable = true
path = "./ours"

[[package]]
name = "wheel-here"
version = "1.0"
path = "./dist/wheel_here-1.0-py3-none-any.whl"
"#,
            &[
                "pypi pytest 8.0.0 locked-for-development",
                "pypi requests 2.31.0 locked",
                "pypi rich 13.0.0 locked",
                "pypi wheel-here 1.0 locked",
            ],
        );
        check(
            "pdm.lock",
            "x = 1\n",
            &["gap malformed: not a pdm lock file: it has neither packages nor metadata"],
        );
    }
}
