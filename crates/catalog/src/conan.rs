//! `conan.lock` of Conan 1 and 2.
//!
//! References are `name/version[@user/channel][#revision][%time]`. What is required for building runs on the machine
//! that builds, so it is for development. Refused: the project's own recipe.

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};
use serde::Deserialize;

use crate::document::{self, List, Pairs, Table, Text};
use crate::project;
use crate::{Catalog, Reader, lock};

pub(crate) const READERS: &[Reader] = &[Reader { name: "conan-lock", interest, read }];

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "conan.lock"), entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(lock) = document::json_table::<Lock>(entry, content, catalog) else {
        return;
    };
    if lock.version.get().is_none() && lock.graph.0.is_none() {
        return document::malformed(entry, catalog, "not a Conan lock file: it states no version");
    }
    let nodes = lock
        .graph
        .0
        .iter()
        .flat_map(|graph| &graph.nodes.0)
        .filter_map(|(_, node)| node.0.as_ref()?.package());
    let listed = |references: &List<Text>, is_for_development| -> Vec<Package> {
        references.0.iter().filter_map(|reference| package(reference.get()?, is_for_development)).collect()
    };
    let packages = nodes.chain(listed(&lock.requires, false)).chain(listed(&lock.build_requires, true));
    catalog.declare_each_once(entry.path, packages);
}

#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(default)]
    version: Text,
    #[serde(default, rename = "graph_lock")]
    graph: Table<Graph>,
    #[serde(default)]
    requires: List<Text>,
    #[serde(default)]
    build_requires: List<Text>,
}

#[derive(Debug, Deserialize)]
struct Graph {
    #[serde(default)]
    nodes: Pairs<Table<Node>>,
}

#[derive(Debug, Deserialize)]
struct Node {
    #[serde(default, rename = "ref")]
    reference: Text,
    /// In its place before Conan 1.28, with the package's own id behind a colon.
    #[serde(default, rename = "pref")]
    package_reference: Text,
    #[serde(default)]
    path: Text,
    #[serde(default)]
    context: Text,
}

impl Node {
    fn package(&self) -> Option<Package> {
        let is_own = self.path.get().is_some();
        let reference = self.reference.get().or_else(|| self.package_reference.get()).filter(|_| !is_own)?;
        package(reference, self.context.get() == Some("build"))
    }
}

fn package(reference: &str, is_for_development: bool) -> Option<Package> {
    let reference = reference.split(['#', '@', '%', ':']).next()?;
    let (name, version) = reference.split_once('/')?;
    (!version.is_empty()).then(|| lock::locked(Ecosystem::Conan, name, version, is_for_development))
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn both_forms_are_read() {
        check(
            "conan.lock",
            r#"{"version": "0.5", "requires": ["zlib/1.2.13#97d5%1680", "poco/1.9.4@us/stable", 7, "odd"], "build_requires": ["cmake/3.25.0#0"], "python_requires": []}"#,
            &[
                "conan cmake 3.25.0 locked-for-development",
                "conan poco 1.9.4 locked",
                "conan zlib 1.2.13 locked",
            ],
        );
        check(
            "app/conan.lock",
            r#"{"graph_lock": {"nodes": {
                "0": {"ref": "app/1.0", "path": "conanfile.py"},
                "1": {"ref": "openssl/3.0.5#0", "context": "host", "requires": ["2"]},
                "2": {"ref": "ninja/1.11", "context": "build"},
                "3": null,
                "4": {"pref": "zlib/1.2.11#4199:6af9#4c5a", "options": ""}
            }}, "version": "0.4"}"#,
            &[
                "conan ninja 1.11 locked-for-development",
                "conan openssl 3.0.5 locked",
                "conan zlib 1.2.11 locked",
            ],
        );
        check("conan.lock", "{}", &["gap malformed: not a Conan lock file: it states no version"]);
    }
}
