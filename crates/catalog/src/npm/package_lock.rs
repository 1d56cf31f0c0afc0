//! `package-lock.json` and `npm-shrinkwrap.json` of npm (lockfileVersion 1, 2 and 3), and the record of the
//! installed tree that npm keeps as `node_modules/.package-lock.json`.
//!
//! Format: <https://docs.npmjs.com/cli/configuring-npm/package-lock-json>.

use seawall_inventory::{Content, Entry, Interest, Package};
use serde::Deserialize;

use super::{Origin, locked, origin, tarball_version};
use crate::document::{self, Flag, Pairs, Shape, Table, Text};
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "npm-lock", interest, read };

/// The hidden one lies in `node_modules` by nature, so no other rule about its place applies.
pub(super) const HIDDEN_READER: Reader = Reader { name: "npm-hidden-lock", interest: hidden_interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    let named =
        project::is_named(entry, "package-lock.json") || project::is_named(entry, "npm-shrinkwrap.json");
    project::lock_if(named, entry)
}

#[inline(always)]
fn hidden_interest(entry: &Entry<'_>) -> Interest {
    project::whole_if(project::ends(entry, "node_modules/.package-lock.json"))
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(lock) = document::json_table::<Lock>(entry, content, catalog) else {
        return;
    };
    if lock.version.get().is_none() && lock.packages.0.is_empty() && lock.dependencies.0.is_empty() {
        document::malformed(entry, catalog, "not an npm lock file: it states no lockfileVersion");
        return;
    }
    // Version 2 has both for the sake of npm 6; `packages` knows more.
    let mut packages = Vec::new();
    if lock.packages.0.is_empty() {
        nested(&lock.dependencies, &mut packages);
    } else {
        packages.extend(lock.packages.0.iter().filter_map(|(path, package)| flat(path, package.0.as_ref()?)));
    }
    catalog.declare_each_once(entry.path, packages);
}

#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(default, rename = "lockfileVersion")]
    version: Text,
    #[serde(default)]
    packages: Pairs<Table<Located>>,
    #[serde(default)]
    dependencies: Pairs<Table<Nested>>,
}

/// A value of `packages`, whose key is a directory.
#[derive(Debug, Deserialize)]
struct Located {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    version: Text,
    #[serde(default)]
    resolved: Text,
    #[serde(default)]
    link: Flag,
    #[serde(default)]
    dev: Flag,
    #[serde(default)]
    license: Shape<Text>,
}

/// The package of a directory; none for the project's own directories and links to them.
fn flat(path: &str, located: &Located) -> Option<Package> {
    let (_, directory) = path.rsplit_once("node_modules/")?;
    let name = located.name.get().unwrap_or(directory);
    if located.link.0 || name.is_empty() {
        return None;
    }
    let is_local = located
        .resolved
        .get()
        .is_some_and(|resolved| resolved.starts_with("file:") && origin(resolved) == Origin::Local);
    if is_local {
        return None;
    }
    let mut package = locked(name, located.version.or_empty(), located.dev.0);
    package.licenses = match &located.license {
        Shape::Text(license) if !license.is_empty() => vec![license.clone()],
        Shape::List(licenses) => licenses.iter().filter_map(|name| name.0.clone()).collect(),
        Shape::Absent | Shape::Flag(_) | Shape::Number(_) | Shape::Text(_) | Shape::Map(_) => Vec::new(),
    };
    Some(package)
}

/// A value of `dependencies`; how deep they nest is bounded by the JSON reader's own depth limit.
#[derive(Debug, Deserialize)]
struct Nested {
    #[serde(default)]
    version: Text,
    #[serde(default)]
    dev: Flag,
    #[serde(default)]
    dependencies: Pairs<Table<Nested>>,
}

fn nested(dependencies: &Pairs<Table<Nested>>, packages: &mut Vec<Package>) {
    for (name, Table(dependency)) in &dependencies.0 {
        let Some(dependency) = dependency else { continue };
        let reference = dependency.version.or_empty();
        match origin(reference) {
            Origin::Registry => packages.push(locked(name, reference, dependency.dev.0)),
            Origin::Alias(name, version) => packages.push(locked(name, version, dependency.dev.0)),
            Origin::Elsewhere => {
                let version = tarball_version(name, reference).unwrap_or_default();
                packages.push(locked(name, version, dependency.dev.0));
            }
            Origin::Local => {}
        }
        nested(&dependency.dependencies, packages);
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn version_3_names_directories() {
        let lock = r#"{
          "name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
          "packages": {
            "": {"name": "app", "version": "1.0.0", "workspaces": ["packages/*"]},
            "node_modules/lodash": {"version": "4.17.20", "license": "MIT",
              "resolved": "https://registry.npmjs.org/lodash/-/lodash-4.17.20.tgz"},
            "node_modules/a/node_modules/lodash": {"version": "3.10.1", "dev": true},
            "node_modules/react-alias": {"name": "react", "version": "17.0.2"},
            "node_modules/@babel/core": {"version": "7.20.2", "devOptional": true},
            "node_modules/forked": {"version": "1.2.3", "resolved": "git+ssh://git@github.com/a/forked.git#1"},
            "node_modules/packed": {"version": "1.0.0", "resolved": "file:packed-1.0.0.tgz"},
            "node_modules/ours": {"resolved": "packages/ours", "link": true},
            "node_modules/copied": {"version": "1.0.0", "resolved": "file:copied"},
            "packages/ours": {"version": "0.1.0"}
          }}"#;
        check(
            "app/package-lock.json",
            lock,
            &[
                "npm @babel/core 7.20.2 locked",
                "npm forked 1.2.3 locked",
                "npm lodash 3.10.1 locked-for-development",
                "npm lodash 4.17.20 locked MIT",
                "npm packed 1.0.0 locked",
                "npm react 17.0.2 locked",
            ],
        );
        check("app/node_modules/x/package-lock.json", lock, &[]);
    }

    #[test]
    fn a_document_of_another_shape_is_a_gap() {
        check("package-lock.json", "[]", &["gap malformed: it is no JSON object"]);
    }

    #[test]
    fn version_1_nests_them() {
        check(
            "npm-shrinkwrap.json",
            r#"{"lockfileVersion": 1, "dependencies": {
              "a": {"version": "1.0.0", "dependencies": {"b": {"version": "2.0.0", "dev": true}}},
              "b": {"version": "1.0.0", "bundled": true},
              "react-alias": {"version": "npm:react@17.0.2"},
              "forked": {"version": "git+ssh://git@github.com/a/forked.git#1", "from": "forked@a/forked"},
              "tarball": {"version": "https://registry.npmjs.org/tarball/-/tarball-1.0.1.tgz"},
              "ours": {"version": "file:ours"},
              "odd": 3
            }}"#,
            &[
                "npm a 1.0.0 locked",
                "npm b 1.0.0 locked",
                "npm b 2.0.0 locked-for-development",
                "npm forked  locked",
                "npm react 17.0.2 locked",
                "npm tarball 1.0.1 locked",
            ],
        );
    }

    #[test]
    fn one_package_in_many_directories_is_one_and_for_production_where_any_is() {
        check(
            "package-lock.json",
            r#"{"lockfileVersion": 2, "packages": {
              "node_modules/a": {"version": "1.0.0", "dev": true},
              "node_modules/b/node_modules/a": {"version": "1.0.0"}
            }, "dependencies": {"c": {"version": "1.0.0"}}}"#,
            &["npm a 1.0.0 locked"],
        );
    }

    #[test]
    fn the_record_of_the_installed_tree_is_read() {
        check(
            "app/node_modules/.package-lock.json",
            r#"{"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "1.0.0"}}}"#,
            &["npm a 1.0.0 locked"],
        );
    }

    #[test]
    fn what_is_no_lock_file_is_a_gap() {
        check("package-lock.json", r#"{"lockfileVersion": 3, "packages": {"": {}}}"#, &[]);
        check(
            "package-lock.json",
            "{}",
            &["gap malformed: not an npm lock file: it states no lockfileVersion"],
        );
        let deep = "{\"dependencies\":{\"a\":".repeat(500);
        check(
            "package-lock.json",
            deep,
            &["gap malformed: not valid JSON: recursion limit exceeded at line 1 column 1340"],
        );
    }
}
