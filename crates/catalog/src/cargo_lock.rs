//! `Cargo.lock`, versions 1 to 4.
//!
//! Format: <https://doc.rust-lang.org/cargo/guide/cargo-toml-vs-cargo-lock.html>. Packages without a source are the
//! project's own (its workspace, its directories). What is for development, for building or for another platform only
//! is not recorded.

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};
use serde::Deserialize;

use crate::document::{self, List, Table, Text};
use crate::lock;
use crate::project;
use crate::{Catalog, Reader};

pub(crate) const READERS: &[Reader] = &[Reader { name: "cargo-lock", interest, read }];

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    let named = project::is_named(entry, "Cargo.lock") && !is_vendored(entry.parent());
    project::lock_if(named, entry)
}

/// `vendor/NAME`, where `cargo vendor` puts each crate with the lock file that its authors published.
fn is_vendored(directory: &str) -> bool {
    directory.rsplit('/').nth(1) == Some("vendor")
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(lock) = document::toml::<Lock>(entry, content, catalog) else {
        return;
    };
    // Cargo before 1.16 kept the project itself in `root`.
    if lock.packages.is_none() && lock.root.is_none() && lock.version.get().is_none() {
        return document::malformed(entry, catalog, "not a Cargo lock file: it has no packages");
    }
    let packages = lock.packages.unwrap_or_default();
    let packages = packages.0.iter().filter_map(|package| package.0.as_ref()?.package());
    catalog.declare_each_once(entry.path, packages);
}

#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(default)]
    version: Text,
    #[serde(default, rename = "package")]
    packages: Option<List<Table<Locked>>>,
    #[serde(default)]
    root: Option<Table<Locked>>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    version: Text,
    #[serde(default)]
    source: Text,
}

impl Locked {
    fn package(&self) -> Option<Package> {
        self.source.get()?;
        Some(lock::locked(Ecosystem::Cargo, self.name.get()?, self.version.or_empty(), false))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use crate::testing::{catalog_of, check_listed as check};

    #[test]
    fn crates_with_a_source_are_locked() {
        check(
            "app/Cargo.lock",
            r#"
version = 4

[[package]]
name = "app"
version = "0.1.0"
dependencies = ["serde", "forked 1.0.0 (git+https://github.com/a/forked)"]

[[package]]
name = "serde"
version = "1.0.219"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "5f0e"

[[package]]
name = "forked"
version = "1.0.0"
source = "git+https://github.com/a/forked?branch=main#0123"

[[package]]
name = "mirrored"
version = "2.0.0"
source = "sparse+https://example.org/index/"

[[patch.unused]]
name = "unused"
version = "1.0.0"
"#,
            &["cargo forked 1.0.0 locked", "cargo mirrored 2.0.0 locked", "cargo serde 1.0.219 locked"],
        );
        check("root/.cargo/registry/src/index/x-1.0.0/Cargo.lock", "version = 3\n", &[]);
        check("app/vendor/x/Cargo.lock", "x", &[]);
    }

    #[test]
    fn the_first_form_of_the_file_is_read() {
        check(
            "Cargo.lock",
            "[root]\nname = \"app\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"libc\"\nversion = \"0.2.20\"\n\
             source = \"registry+https://github.com/rust-lang/crates.io-index\"\n\n[metadata]\n\"checksum libc 0.2.20\" = \"x\"\n",
            &["cargo libc 0.2.20 locked"],
        );
    }

    #[test]
    fn odd_entries_cost_only_themselves() {
        check(
            "Cargo.lock",
            "package = [7, {name = 'a', version = [], source = 's'}, {name = {}, version = '1', source = 's'}]\n",
            &["cargo a  locked"],
        );
        check("Cargo.lock", "version = 3\n", &[]);
        check("Cargo.lock", "a = 1\n", &["gap malformed: not a Cargo lock file: it has no packages"]);
    }

    /// Cargo's own reading of this workspace's lock file.
    #[test]
    fn it_finds_what_cargo_finds() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1", "--offline", "--locked", "--manifest-path"])
            .arg(format!("{root}/Cargo.toml"))
            .output()
            .unwrap();
        let Ok(metadata) = serde_json::from_slice::<serde_json::Value>(&output.stdout) else {
            eprintln!("skipped: cargo metadata does not run offline");
            return;
        };
        let mut expected: Vec<String> = metadata["packages"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|package| !package["source"].is_null())
            .map(|package| {
                format!("{} {}", package["name"].as_str().unwrap(), package["version"].as_str().unwrap())
            })
            .collect();
        expected.sort();
        let catalog = catalog_of("Cargo.lock", std::fs::read(format!("{root}/Cargo.lock")).unwrap());
        let mut found: Vec<String> =
            catalog.packages.iter().map(|p| format!("{} {}", p.name, p.version)).collect();
        found.sort();
        assert_eq!(found, expected);
    }
}
