//! `packages.lock.json`: for each target framework what each package name was resolved to.

use seawall_inventory::{Content, Entry, Interest, Package};
use serde::Deserialize;

use super::locked;
use crate::document::{self, Pairs, Table, Text};
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "nuget-lock", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "packages.lock.json"), entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(lock) = document::json_table::<Lock>(entry, content, catalog) else {
        return;
    };
    if lock.version.get().is_none() {
        return document::malformed(entry, catalog, "not a NuGet lock file: it states no version");
    }
    let all = lock.dependencies.0.iter().flat_map(|(_, framework)| &framework.0);
    catalog
        .declare_each_once(entry.path, all.filter_map(|(name, package)| package.0.as_ref()?.package(name)));
}

#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(default)]
    version: Text,
    #[serde(default)]
    dependencies: Pairs<Pairs<Table<Resolved>>>,
}

#[derive(Debug, Deserialize)]
struct Resolved {
    #[serde(default, rename = "type")]
    kind: Text,
    #[serde(default)]
    resolved: Text,
}

impl Resolved {
    /// `Project` is another project of the solution.
    fn package(&self, name: &str) -> Option<Package> {
        let is_project = self.kind.or_empty().eq_ignore_ascii_case("project");
        (!is_project).then(|| locked(name, self.resolved.or_empty(), false))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn resolved_packages_are_locked_once() {
        check(
            "packages.lock.json",
            r#"{"version": 1, "dependencies": {
                "net6.0": {
                    "Serilog": {"type": "Direct", "requested": "[3.1.1, )", "resolved": "3.1.1", "contentHash": "x"},
                    "System.Buffers": {"type": "Transitive", "resolved": "4.5.1"},
                    "other": {"type": "Project", "dependencies": {"Serilog": "3.1.1"}}
                },
                "net8.0": {"Serilog": {"type": "CentralTransitive", "resolved": "3.1.1"}, "Odd": [], "Bare": {}},
                "odd": null
            }}"#,
            &["nuget Bare  locked", "nuget Serilog 3.1.1 locked", "nuget System.Buffers 4.5.1 locked"],
        );
        check("packages.lock.json", "{}", &["gap malformed: not a NuGet lock file: it states no version"]);
    }
}
