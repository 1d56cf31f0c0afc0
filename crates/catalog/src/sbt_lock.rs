//! `build.sbt.lock`, which the dependency-lock plugin of sbt writes for a Scala project.

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};
use serde::Deserialize;

use crate::document::{self, List, Table, Text};
use crate::project;
use crate::{Catalog, Reader, lock};

pub(crate) const READERS: &[Reader] = &[Reader { name: "sbt-lock", interest, read }];

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "build.sbt.lock"), entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(lock) = document::json_table::<Lock>(entry, content, catalog) else {
        return;
    };
    if lock.version.get().is_none() {
        return document::malformed(entry, catalog, "not an sbt lock file: it states no lockVersion");
    }
    catalog.declare_each_once(
        entry.path,
        lock.modules.0.iter().filter_map(|module| module.0.as_ref()?.package()),
    );
}

#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(default, rename = "lockVersion")]
    version: Text,
    #[serde(default)]
    modules: List<Table<Module>>,
}

#[derive(Debug, Deserialize)]
struct Module {
    #[serde(default)]
    org: Text,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    version: Text,
    #[serde(default)]
    configurations: List<Text>,
}

impl Module {
    fn package(&self) -> Option<Package> {
        let name = format!("{}:{}", self.org.get()?, self.name.get()?);
        let configurations = &self.configurations.0;
        let is_of_tests = |name: &Text| matches!(name.get(), Some("test" | "test-internal" | "it"));
        let is_for_development = !configurations.is_empty() && configurations.iter().all(is_of_tests);
        Some(lock::locked(Ecosystem::Maven, &name, self.version.or_empty(), is_for_development))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn modules_are_read() {
        check(
            "build.sbt.lock",
            r#"{"lockVersion": 1, "modules": [
                {"org": "org.typelevel", "name": "cats-core_2.13", "version": "2.9.0", "artifacts": [], "configurations": ["compile", "runtime", "test"]},
                {"org": "org.scalatest", "name": "scalatest_2.13", "version": "3.2.15", "configurations": ["test"]},
                {"name": "odd"}, 7
            ]}"#,
            &[
                "maven org.scalatest:scalatest_2.13 3.2.15 locked-for-development",
                "maven org.typelevel:cats-core_2.13 2.9.0 locked",
            ],
        );
        check("build.sbt.lock", "{}", &["gap malformed: not an sbt lock file: it states no lockVersion"]);
    }
}
