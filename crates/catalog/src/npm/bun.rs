//! `bun.lock`, the text lock file of Bun 1.2 and later: JSON with trailing commas and comments.
//!
//! Format: <https://bun.com/docs/pm/lockfile>. The binary `bun.lockb` of earlier versions is reported as not read.

use std::collections::{HashMap, HashSet};

use seawall_finding::GapKind;
use seawall_inventory::{Content, Entry, Interest, Package};
use serde::Deserialize;

use super::{Origin, locked, origin, split_at_sign};
use crate::document::{self, List, Pairs, Shape, Table, Text};
use crate::limits::NPM_NESTING_MAX;
use crate::project;
use crate::reach::reachable;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "bun-lock", interest, read };

pub(super) const BINARY_READER: Reader =
    Reader { name: "bun-binary-lock", interest: binary_interest, read: read_binary };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "bun.lock"), entry)
}

#[inline(always)]
fn binary_interest(entry: &Entry<'_>) -> Interest {
    let named = project::is_named(entry, "bun.lockb") && !project::is_inside_dependency(entry.path);
    if named { Interest::Head(1) } else { Interest::No }
}

fn read_binary(entry: &Entry<'_>, _: &mut dyn Content, catalog: &mut Catalog) {
    let reason =
        "the binary lock file of Bun before 1.2; `bun install --save-text-lockfile` makes one that is read";
    catalog.gap(GapKind::Unsupported, entry.path, reason);
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(text) = document::text(entry, content, catalog) else {
        return;
    };
    match serde_json::from_str::<Table<Lock>>(&strict_json(&text)) {
        Ok(Table(Some(lock))) if lock.version.get().is_some() => {
            catalog.declare_each_once(entry.path, lock.all_packages());
        }
        Ok(_) => document::malformed(entry, catalog, "not a bun lock file: it states no lockfileVersion"),
        Err(error) => document::malformed(entry, catalog, &format!("not valid JSON: {error}")),
    }
}

/// The text without comments and without commas before a closing bracket.
fn strict_json(text: &str) -> String {
    let mut strict = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut comma = false;
    while let Some(char) = chars.next() {
        match char {
            '/' if chars.peek() == Some(&'/') => while chars.next_if(|&c| c != '\n').is_some() {},
            '/' if chars.peek() == Some(&'*') => {
                let mut previous = ' ';
                _ = chars.next();
                while let Some(char) = chars.next().filter(|&c| !(previous == '*' && c == '/')) {
                    previous = char;
                }
            }
            ',' => comma = true,
            _ if char.is_whitespace() => strict.push(char),
            _ => {
                if std::mem::take(&mut comma) && !matches!(char, ']' | '}') {
                    strict.push(',');
                }
                strict.push(char);
                if char == '"' {
                    while let Some(char) = chars.next() {
                        strict.push(char);
                        match char {
                            '"' => break,
                            '\\' => strict.extend(chars.next()),
                            _ => {}
                        }
                    }
                }
            }
        }
    }
    strict
}

#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(default, rename = "lockfileVersion")]
    version: Text,
    #[serde(default)]
    workspaces: Pairs<Table<Workspace>>,
    /// Key: where it lies below `node_modules`, `a` or `a/b` for the `b` that only `a` sees.
    #[serde(default)]
    packages: Pairs<List<Shape<Pairs<Text>>>>,
}

#[derive(Debug, Deserialize)]
struct Workspace {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    dependencies: Pairs<Text>,
    #[serde(default, rename = "optionalDependencies")]
    optional_dependencies: Pairs<Text>,
    #[serde(default, rename = "peerDependencies")]
    peer_dependencies: Pairs<Text>,
}

impl Lock {
    fn all_packages(&self) -> Vec<Package> {
        let production = (!self.workspaces.0.is_empty()).then(|| self.production());
        let mut packages = Vec::new();
        for (key, items) in &self.packages.0 {
            let Some(Shape::Text(resolution)) = items.0.first() else { continue };
            let Some((name, reference)) = split_at_sign(resolution) else { continue };
            let is_for_development =
                production.as_ref().is_some_and(|reached| !reached.contains(key.as_str()));
            match origin(reference) {
                Origin::Registry => packages.push(locked(name, reference, is_for_development)),
                Origin::Alias(name, version) => packages.push(locked(name, version, is_for_development)),
                Origin::Elsewhere => packages.push(locked(name, "", is_for_development)),
                Origin::Local => {}
            }
        }
        packages
    }

    /// The keys that some workspace needs outside development, found as Node.js finds modules: in the own
    /// directory first, then in each one above.
    fn production(&self) -> HashSet<&str> {
        let packages: HashMap<&str, &[Shape<Pairs<Text>>]> =
            self.packages.0.iter().map(|(key, items)| (key.as_str(), items.0.as_slice())).collect();
        let find = |from: &str, name: &str| {
            let mut directory = Some(from);
            for _ in 0..NPM_NESTING_MAX {
                let key = match directory {
                    Some("") | None => name.to_owned(),
                    Some(directory) => format!("{directory}/{name}"),
                };
                if let Some((&key, _)) = packages.get_key_value(key.as_str()) {
                    return Some(key);
                }
                directory = directory?.rsplit_once('/').map(|(above, _)| above);
            }
            None
        };
        let starts =
            self.workspaces.0.iter().filter_map(|(_, workspace)| workspace.0.as_ref()).flat_map(|own| {
                let wanted = own
                    .dependencies
                    .0
                    .iter()
                    .chain(&own.optional_dependencies.0)
                    .chain(&own.peer_dependencies.0);
                wanted.filter_map(|(name, _)| find(own.name.or_empty(), name))
            });
        reachable(starts, |key, waiting| {
            let items = packages.get(key).copied().unwrap_or_default();
            let maps = items.iter().filter_map(|item| match item {
                Shape::Map(map) => Some(map),
                Shape::Absent | Shape::Flag(_) | Shape::Number(_) | Shape::Text(_) | Shape::List(_) => None,
            });
            let kinds = ["dependencies", "optionalDependencies", "peerDependencies"];
            let wanted = maps.flatten().filter(|(kind, _)| kinds.contains(&kind.as_str()));
            waiting.extend(wanted.flat_map(|(_, names)| &names.0).filter_map(|(name, _)| find(key, name)));
        })
    }
}

#[cfg(test)]
mod tests {
    use super::strict_json;
    use crate::testing::check_listed as check;

    #[test]
    fn trailing_commas_and_comments_go() {
        let check = |text: &str, strict: &str| assert_eq!(strict_json(text), strict, "{text}");
        check("[1, 2,]", "[1 ,2]");
        check("{\"a\": \"// x, }\\\",]\", /* , */ }", "{\"a\": \"// x, }\\\",]\"  }");
        check("// a\n[1]", "\n[1]");
        check("\"open", "\"open");
        check("/* open", "");
    }

    #[test]
    fn the_text_format_is_read() {
        check(
            "bun.lock",
            r#"{
  "lockfileVersion": 1,
  "workspaces": {
    "": {
      "name": "app",
      "dependencies": { "express": "^4.17.1", "react-alias": "npm:react@17.0.2", },
      "devDependencies": { "jest": "^29.0.0", },
    },
    "packages/ours": { "name": "ours", "dependencies": { "ms": "2.1.3" }, },
  },
  "packages": {
    "express": ["express@4.17.1", "", { "dependencies": { "debug": "2.6.9", "ms": "*" } }, "sha512-a"],
    "debug": ["debug@2.6.9", "", { "dependencies": { "ms": "2.0.0" } }, "sha512-b"],
    "debug/ms": ["ms@2.0.0", "", {}, "sha512-c"],
    "ms": ["ms@2.1.3", "", {}, "sha512-c"],
    "jest": ["jest@29.0.0", "", { "dependencies": { "slash": "^3" }, "bin": "bin/jest.js" }, "sha512-d"],
    "jest/slash": ["slash@3.0.0", "", {}, "sha512-e"],
    "react-alias": ["react@17.0.2", "", {}, "sha512-f"],
    "ours": ["ours@workspace:packages/ours"],
    "forked": ["forked@github:a/forked#0123", {}, "a-forked-0123"],
  }
}"#,
            &[
                "npm debug 2.6.9 locked",
                "npm express 4.17.1 locked",
                "npm forked  locked-for-development",
                "npm jest 29.0.0 locked-for-development",
                "npm ms 2.0.0 locked",
                "npm ms 2.1.3 locked",
                "npm react 17.0.2 locked",
                "npm slash 3.0.0 locked-for-development",
            ],
        );
    }

    #[test]
    fn the_binary_format_is_said_not_to_be_read() {
        check(
            "app/bun.lockb",
            "\0\u{1}",
            &[
                "gap unsupported: the binary lock file of Bun before 1.2; `bun install --save-text-lockfile` makes one that is read",
            ],
        );
        check("app/bun.lock", "{}", &["gap malformed: not a bun lock file: it states no lockfileVersion"]);
    }
}
