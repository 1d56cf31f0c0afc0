//! `pnpm-lock.yaml`, lockfileVersion 5 to 9.
//!
//! Format: <https://github.com/pnpm/spec/tree/master/lockfile>. Up to version 6 each package says whether it is for
//! development only; version 9 leaves that to the graph from `importers` through `snapshots`.

use std::collections::{HashMap, HashSet};

use seawall_inventory::{Content, Entry, Interest, Package};
use serde::Deserialize;

use super::{Origin, locked, origin, split_at_sign};
use crate::document::{self, Flag, Pairs, Table};
use crate::project;
use crate::reach::reachable;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "pnpm-lock", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "pnpm-lock.yaml"), entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    // pnpm 11 may put a document about its own tools in front.
    let Some(documents) = document::yaml::<Table<Lock>>(entry, content, catalog) else {
        return;
    };
    let mut packages = Vec::new();
    for lock in documents.iter().map(|document| document.0.as_ref()) {
        let Some((lock, major)) = lock.and_then(|lock| Some((lock, lock.major()?))) else {
            document::malformed(entry, catalog, "not a pnpm lock file: it states no lockfileVersion");
            continue;
        };
        packages.extend(lock.packages(major));
    }
    catalog.declare_each_once(entry.path, packages);
}

#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(default, rename = "lockfileVersion")]
    version: Option<String>,
    #[serde(default)]
    importers: Pairs<Table<Importer>>,
    #[serde(default)]
    packages: Pairs<Table<Locked>>,
    #[serde(default)]
    snapshots: Pairs<Table<Snapshot>>,
}

/// A project of the workspace.
#[derive(Debug, Deserialize)]
struct Importer {
    #[serde(default)]
    dependencies: Pairs<Table<Reference>>,
    #[serde(default, rename = "optionalDependencies")]
    optional_dependencies: Pairs<Table<Reference>>,
}

#[derive(Debug, Deserialize)]
struct Reference {
    #[serde(default)]
    version: Option<String>,
}

/// A value of `packages`; name and version stand there only where the key does not tell them.
#[derive(Debug, Deserialize)]
struct Locked {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    dev: Flag,
    #[serde(default)]
    resolution: Table<Resolution>,
}

#[derive(Debug, Deserialize)]
struct Resolution {
    #[serde(default)]
    directory: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Snapshot {
    #[serde(default)]
    dependencies: Pairs<Option<String>>,
    #[serde(default, rename = "optionalDependencies")]
    optional_dependencies: Pairs<Option<String>>,
}

impl Lock {
    fn major(&self) -> Option<u32> {
        self.version.as_deref()?.split('.').next()?.parse().ok()
    }

    fn packages(&self, major: u32) -> Vec<Package> {
        let production = (major >= 9 && !self.importers.0.is_empty()).then(|| self.production());
        let entries =
            self.packages.0.iter().filter_map(|(key, locked)| Some((key.as_str(), locked.0.as_ref()?)));
        let mut packages = Vec::new();
        for (key, entry) in entries {
            if entry.resolution.0.as_ref().is_some_and(|resolution| resolution.directory.is_some()) {
                continue;
            }
            let Some((name, version)) = identity(key, entry, major) else { continue };
            let is_for_development = production
                .as_ref()
                .map_or(entry.dev.0, |production| !production.contains(without_peers(key)));
            packages.push(locked(name, version, is_for_development));
        }
        packages
    }

    /// The keys in `packages` that some project needs outside development.
    fn production(&self) -> HashSet<&str> {
        let snapshots: HashMap<&str, &Snapshot> = self
            .snapshots
            .0
            .iter()
            .filter_map(|(key, snapshot)| Some((key.as_str(), snapshot.0.as_ref()?)))
            .collect();
        // Snapshots are found by `name@version`, and an alias refers to `realname@version` itself.
        let by_name: HashMap<(&str, &str), &str> =
            snapshots.keys().filter_map(|key| Some((split_at_sign(key)?, *key))).collect();
        let target = |name: &str, reference: &str| {
            by_name.get(&(name, reference)).or_else(|| by_name.get(&split_at_sign(reference)?)).copied()
        };
        let starts =
            self.importers.0.iter().filter_map(|(_, importer)| importer.0.as_ref()).flat_map(|importer| {
                let wanted = importer.dependencies.0.iter().chain(&importer.optional_dependencies.0);
                wanted.filter_map(|(name, reference)| target(name, reference.0.as_ref()?.version.as_deref()?))
            });
        let reached = reachable(starts, |key, waiting| {
            let Some(snapshot) = snapshots.get(key) else { return };
            let wanted = snapshot.dependencies.0.iter().chain(&snapshot.optional_dependencies.0);
            waiting.extend(wanted.filter_map(|(name, reference)| target(name, reference.as_deref()?)));
        });
        reached.into_iter().map(without_peers).collect()
    }
}

/// `foo@1.0.0(bar@2.0.0)(baz@3.0.0)` is `foo@1.0.0` resolved with these peers.
fn without_peers(key: &str) -> &str {
    key.split('(').next().unwrap_or(key)
}

fn identity<'a>(key: &'a str, entry: &'a Locked, major: u32) -> Option<(&'a str, &'a str)> {
    if let Some(name) = entry.name.as_deref() {
        return Some((name, entry.version.as_deref().unwrap_or_default()));
    }
    if major <= 5 {
        return slashed_identity(key);
    }
    // Version 6 begins keys of the default registry with a slash, those of others with their host.
    let key = match key.strip_prefix('/') {
        Some(rest) => rest,
        None if major < 9 => key.split_once('/')?.1,
        None => key,
    };
    let (name, reference) = split_at_sign(without_peers(key))?;
    match origin(reference) {
        Origin::Registry | Origin::Alias(..) => Some((name, reference)),
        Origin::Elsewhere => Some((name, entry.version.as_deref().unwrap_or_default())),
        Origin::Local => None,
    }
}

/// Version 5: `/lodash/4.17.21`, `/@babel/core/7.20.2_peers`, `registry.example.org/lodash/4.17.21`.
fn slashed_identity(key: &str) -> Option<(&str, &str)> {
    let path = key.strip_prefix('/').or_else(|| Some(key.split_once('/')?.1))?;
    let end = match path.strip_prefix('@') {
        Some(scoped) => {
            let name = scoped.find('/')? + 1;
            name + 1 + path.get(name + 1..)?.find('/')?
        }
        None => path.find('/')?,
    };
    let (name, rest) = (path.get(..end)?, path.get(end + 1..)?);
    let version = rest.split(['/', '_']).next()?;
    version.starts_with(|c: char| c.is_ascii_digit()).then_some((name, version))
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn version_9_tells_development_by_the_graph() {
        check(
            "app/pnpm-lock.yaml",
            r"lockfileVersion: '9.0'

settings:
  autoInstallPeers: true

importers:

  .:
    dependencies:
      '@babel/core':
        specifier: ^7.20.2
        version: 7.29.13
      react-alias:
        specifier: npm:react@^17.0.2
        version: react@17.0.2
      ours:
        specifier: workspace:*
        version: link:packages/ours
    optionalDependencies:
      fsevents:
        specifier: ^2.0.0
        version: 2.3.3
    devDependencies:
      jest:
        specifier: ^29.0.0
        version: 29.7.0(@types/node@26.6.6)

packages:

  '@babel/core@7.29.13':
    resolution: {integrity: sha512-j1nv}
    engines: {node: '>=6.9.0'}

  '@types/node@26.6.6':
    resolution: {integrity: sha512-aaaa}

  copied@file:copied:
    resolution: {directory: copied, type: directory}

  forked@https://codeload.github.com/a/forked/tar.gz/0123:
    resolution: {tarball: https://codeload.github.com/a/forked/tar.gz/0123}
    version: 1.2.3

  fsevents@2.3.3:
    resolution: {integrity: sha512-dddd}
    os: [darwin]

  jest@29.7.0:
    resolution: {integrity: sha512-bbbb}
    hasBin: true

  js-tokens@4.0.0:
    resolution: {integrity: sha512-cccc}

  react@17.0.2:
    resolution: {integrity: sha512-eeee}

snapshots:

  '@babel/core@7.29.13':
    dependencies:
      js-tokens: 4.0.0
      forked: https://codeload.github.com/a/forked/tar.gz/0123

  '@types/node@26.6.6': {}

  forked@https://codeload.github.com/a/forked/tar.gz/0123: {}

  fsevents@2.3.3:
    optional: true

  jest@29.7.0(@types/node@26.6.6):
    dependencies:
      '@types/node': 26.6.6
      js-tokens: 4.0.0

  js-tokens@4.0.0: {}

  react@17.0.2: {}
",
            &[
                "npm @babel/core 7.29.13 locked",
                "npm @types/node 26.6.6 locked-for-development",
                "npm forked 1.2.3 locked",
                "npm fsevents 2.3.3 locked",
                "npm jest 29.7.0 locked-for-development",
                "npm js-tokens 4.0.0 locked",
                "npm react 17.0.2 locked",
            ],
        );
    }

    #[test]
    fn version_6_has_at_signs_and_flags() {
        check(
            "pnpm-lock.yaml",
            r"lockfileVersion: '6.0'
dependencies:
  lodash:
    specifier: 4.17.20
    version: 4.17.20
packages:
  /lodash@4.17.20:
    resolution: {integrity: sha512-PlhdFcillOINfeV7Ni6oF1TAEayyZBoZ8bcshTHqOYJYlrqzRK5hagpagky5o4HfCzzd1TRkXPMFq6cKk9rGmA==}
    dev: false
  /@babel/helper@7.18.6(@babel/core@7.20.2):
    resolution: {integrity: sha512-x}
    dev: true
  registry.example.org/private@1.0.0:
    resolution: {integrity: sha512-x}
  github.com/a/forked/0123:
    resolution: {tarball: https://codeload.github.com/a/forked/tar.gz/0123}
    name: forked
    version: 1.2.3
    dev: false
",
            &[
                "npm @babel/helper 7.18.6 locked-for-development",
                "npm forked 1.2.3 locked",
                "npm lodash 4.17.20 locked",
                "npm private 1.0.0 locked",
            ],
        );
    }

    #[test]
    fn version_5_has_slashes() {
        check(
            "pnpm-lock.yaml",
            r"lockfileVersion: 5.4
specifiers:
  lodash: 4.17.20
dependencies:
  lodash: 4.17.20
packages:
  /lodash/4.17.20:
    resolution: {integrity: sha512-x}
    dev: false
  /@babel/helper/7.18.6_@babel+core@7.20.2:
    resolution: {integrity: sha512-x}
    dev: true
  /styled/5.0.0_react-dom@16.13.1+react@16.13.1:
    resolution: {integrity: sha512-x}
  registry.example.org/private/1.0.0:
    resolution: {integrity: sha512-x}
  file:ours:
    resolution: {directory: ours, type: directory}
    name: ours
    version: 1.0.0
",
            &[
                "npm @babel/helper 7.18.6 locked-for-development",
                "npm lodash 4.17.20 locked",
                "npm private 1.0.0 locked",
                "npm styled 5.0.0 locked",
            ],
        );
    }

    #[test]
    fn what_is_no_lock_file_is_a_gap() {
        check(
            "pnpm-lock.yaml",
            "a: 1\n",
            &["gap malformed: not a pnpm lock file: it states no lockfileVersion"],
        );
        check("pnpm-lock.yaml", "lockfileVersion: '9.0'\n", &[]);
    }

    /// Half a second of work in 500 bytes, as often as an attacker likes, if anchors were free.
    #[test]
    fn anchors_of_anchors_are_given_up_early() {
        let mut lock = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (name, of) in ('b'..='m').zip('a'..) {
            lock.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{of}"); 9].join(",")));
        }
        let before = std::time::Instant::now();
        let catalog = crate::testing::catalog_of("pnpm-lock.yaml", lock);
        assert!(catalog.gaps[0].reason.contains(" YAML"), "{:?}", catalog.gaps);
        assert!(before.elapsed() < std::time::Duration::from_millis(400), "{:?}", before.elapsed());
    }

    #[test]
    fn a_limit_is_told_in_words() {
        let lock = "---\na: 1\n".repeat(10_000);
        let reason = &crate::testing::catalog_of("pnpm-lock.yaml", lock).gaps[0].reason;
        assert!(reason.starts_with("it has more than ") && reason.ends_with(" YAML documents"), "{reason}");
    }
}
