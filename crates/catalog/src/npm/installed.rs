//! `package.json` of the packages that are unpacked below `node_modules` (npm, Yarn, pnpm's `.pnpm` store).
//!
//! Refused: `package.json` files that only steer module resolution or belong to test fixtures, and private ones,
//! which no registry has.

use std::fmt;

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::document::{self, Flag, Shape, Text};
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "npm-installed", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::whole_if(project::ends(entry, "/package.json") && package_directory(entry.path).is_some())
}

/// The `NAME` or `@SCOPE/NAME` in `…/node_modules/NAME/package.json`.
fn package_directory(path: &str) -> Option<&str> {
    let directory = path.strip_suffix("/package.json")?;
    let (above, name) = directory.rsplit_once('/')?;
    let (modules, directory) = match above.rsplit_once('/') {
        Some((modules, scope)) if scope.starts_with('@') => (modules, directory.get(modules.len() + 1..)?),
        _ => (above, name),
    };
    let before = modules.strip_suffix("node_modules")?;
    let is_package = !name.is_empty()
        && !name.starts_with('.')
        && (before.is_empty() || before.ends_with('/'))
        && !is_fixture(before);
    is_package.then_some(directory)
}

/// Whether a `node_modules` is the test material of a package: `node_modules/resolve/test/x/node_modules`.
fn is_fixture(before: &str) -> bool {
    let Some((_, inside)) = before.split_once("node_modules/") else {
        return false;
    };
    inside.split('/').any(|component| {
        matches!(
            component,
            "test" | "tests" | "__tests__" | "fixtures" | "__fixtures__" | "test-fixtures" | "testdata"
        )
    })
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(manifest) = document::json::<Manifest>(entry, content, catalog) else {
        return;
    };
    // Without a version it was not installed from a registry: a stub like `{"type": "module"}`.
    let Some(version) = manifest.version.get() else {
        return;
    };
    let Some(name) = manifest.name.get().or_else(|| package_directory(entry.path)) else {
        return;
    };
    if manifest.private.0 {
        return;
    }
    let mut package = Package::new(Ecosystem::Npm, name, version);
    package.licenses = manifest.licenses();
    catalog.declare(entry.path, package);
}

/// The fields of a `package.json` that are wanted; the last of two with the same name holds, as in npm.
#[derive(Debug, Default)]
struct Manifest {
    name: Text,
    version: Text,
    private: Flag,
    license: Shape<Shape<Text>>,
    licenses: Shape<Shape<Text>>,
}

impl Manifest {
    fn licenses(&self) -> Vec<String> {
        let mut names = license_names(&self.license);
        for name in license_names(&self.licenses) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// All forms that packages use: `"MIT"`, `{"type": "MIT"}`, `["MIT", "ISC"]`, `[{"type": "MIT"}, …]`.
fn license_names(license: &Shape<Shape<Text>>) -> Vec<String> {
    match license {
        Shape::Text(text) => {
            Some(text.trim().to_owned()).filter(|text| !text.is_empty()).into_iter().collect()
        }
        Shape::Map(pairs) => {
            let text = |value: &Shape<Text>| match value {
                Shape::Text(text) => Some(text.clone()),
                Shape::Absent | Shape::Flag(_) | Shape::Number(_) | Shape::List(_) | Shape::Map(_) => None,
            };
            named(pairs, text).into_iter().collect()
        }
        Shape::List(items) => items
            .iter()
            .filter_map(|item| match item {
                Shape::Text(text) => Some(text.clone()).filter(|text| !text.is_empty()),
                Shape::Map(pairs) => named(pairs, |value| value.0.clone()),
                Shape::Absent | Shape::Flag(_) | Shape::Number(_) | Shape::List(_) => None,
            })
            .collect(),
        Shape::Absent | Shape::Flag(_) | Shape::Number(_) => Vec::new(),
    }
}

/// The name in `{"type": "MIT", "url": …}`.
fn named<T>(pairs: &[(String, T)], text: impl Fn(&T) -> Option<String>) -> Option<String> {
    let of_key = |key| text(&pairs.iter().find(|(name, _)| name == key)?.1).filter(|text| !text.is_empty());
    ["type", "name"].into_iter().find_map(of_key)
}

impl<'de> Deserialize<'de> for Manifest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Manifest, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Manifest;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Manifest, A::Error> {
                let mut manifest = Manifest::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "name" => manifest.name = map.next_value()?,
                        "version" => manifest.version = map.next_value()?,
                        "private" => manifest.private = map.next_value()?,
                        "license" => manifest.license = map.next_value()?,
                        "licenses" => manifest.licenses = map.next_value()?,
                        _ => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
                Ok(manifest)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn an_installed_package_is_a_package_root_below_node_modules() {
        let lodash = r#"{"name": "lodash", "version": "4.17.20", "license": "MIT", "private": false}"#;
        for path in [
            "node_modules/lodash/package.json",
            "usr/local/lib/node_modules/npm/node_modules/lodash/package.json",
            "app/node_modules/.pnpm/lodash@4.17.20/node_modules/lodash/package.json",
        ] {
            check(path, lodash, &["npm lodash 4.17.20 installed MIT"]);
        }
        for path in [
            "package.json",
            "app/package.json",
            "app/node_modules/package.json",
            "app/node_modules/.cache/package.json",
            "app/node_modules/lodash/fp/package.json",
            "app/node_modules/resolve/test/a/node_modules/lodash/package.json",
            "app/xnode_modules/lodash/package.json",
        ] {
            check(path, lodash, &[]);
        }
    }

    #[test]
    fn scoped_and_aliased_packages_have_the_name_that_they_state() {
        check(
            "node_modules/@babel/core/package.json",
            r#"{"name": "@babel/core", "version": "7.20.2"}"#,
            &["npm @babel/core 7.20.2 installed"],
        );
        check(
            "node_modules/react-alias/package.json",
            r#"{"name": "react", "version": "17.0.2"}"#,
            &["npm react 17.0.2 installed"],
        );
        check("node_modules/@a/b/package.json", r#"{"version": "1.0.0"}"#, &["npm @a/b 1.0.0 installed"]);
    }

    #[test]
    fn every_form_of_the_licence_field_is_read() {
        let with = |field: &str| format!(r#"{{"name": "a", "version": "1.0.0", {field}}}"#);
        for (field, shown) in [
            (r#""license": {"type": "MIT", "url": "http://x"}"#, "MIT"),
            (r#""license": ["MIT", "Apache-2.0"]"#, "MIT, Apache-2.0"),
            (r#""licenses": [{"type": "MIT"}, {"type": "GPL-2.0"}]"#, "MIT, GPL-2.0"),
            (r#""licenses": [{"name": "MIT"}, 3, null]"#, "MIT"),
            (r#""license": "(MIT OR Apache-2.0)", "license": "ISC""#, "ISC"),
        ] {
            check("node_modules/a/package.json", with(field), &[&format!("npm a 1.0.0 installed {shown}")]);
        }
        check("node_modules/a/package.json", with(r#""license": 1"#), &["npm a 1.0.0 installed"]);
    }

    #[test]
    fn stubs_and_private_packages_are_no_packages_and_bad_ones_are_gaps() {
        check("node_modules/a/package.json", r#"{"type": "module"}"#, &[]);
        check("node_modules/a/package.json", r#"{"name": "a", "version": "1", "private": true}"#, &[]);
        check(
            "node_modules/a/package.json",
            r#"{"name": "a", "#,
            &["gap malformed: not valid JSON: EOF while parsing a value at line 1 column 14"],
        );
        check(
            "node_modules/a/package.json",
            "[]",
            &["gap malformed: not valid JSON: invalid type: sequence, expected an object at line 1 column 0"],
        );
    }

    #[test]
    fn a_byte_order_mark_is_no_fault() {
        check(
            "node_modules/a/package.json",
            "\u{feff}{\"name\": \"a\", \"version\": \"1.0.0\"}",
            &["npm a 1.0.0 installed"],
        );
    }
}
