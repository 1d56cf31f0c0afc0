//! `pubspec.lock` of Dart and Flutter.
//!
//! Format: <https://dart.dev/tools/pub/glossary#lockfile>. Only direct dependencies say whether they are for development.
//! Refused: packages of the SDK and the project's own directories.

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};
use serde::Deserialize;

use crate::document::{self, Pairs, Table};
use crate::project;
use crate::{Catalog, Reader, lock};

pub(crate) const READERS: &[Reader] = &[Reader { name: "pub-lock", interest, read }];

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    let named = project::is_named(entry, "pubspec.lock") && !entry.path.contains(".pub-cache/");
    project::lock_if(named, entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(documents) = document::yaml::<Table<Lock>>(entry, content, catalog) else {
        return;
    };
    let locks: Vec<&Lock> = documents.iter().filter_map(|document| document.0.as_ref()).collect();
    if !locks.iter().any(|lock| lock.packages.is_some()) {
        return document::malformed(entry, catalog, "not a pub lock file: it has no packages");
    }
    let all = locks.iter().filter_map(|lock| lock.packages.as_ref()).flat_map(|packages| &packages.0);
    catalog.declare_each_once(entry.path, all.filter_map(|(name, locked)| locked.0.as_ref()?.package(name)));
}

#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(default)]
    packages: Option<Pairs<Table<Locked>>>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    #[serde(default)]
    dependency: Option<String>,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    description: Table<Description>,
}

#[derive(Debug, Deserialize)]
struct Description {
    #[serde(default)]
    name: Option<String>,
}

impl Locked {
    fn package(&self, key: &str) -> Option<Package> {
        if matches!(self.source.as_deref(), Some("sdk" | "path")) {
            return None;
        }
        let name = self.description.0.as_ref().and_then(|description| description.name.as_deref());
        let is_for_development = self.dependency.as_deref() == Some("direct dev");
        let version = self.version.as_deref().unwrap_or_default();
        Some(lock::locked(Ecosystem::Pub, name.unwrap_or(key), version, is_for_development))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn packages_are_read() {
        check(
            "pubspec.lock",
            "packages:\n  http:\n    dependency: \"direct main\"\n    description:\n      name: http\n      url: \"https://pub.dev\"\n    source: hosted\n    version: \"1.10\"\n  \
             lints:\n    dependency: \"direct dev\"\n    source: hosted\n    version: \"3.0.0\"\n  \
             flutter:\n    dependency: \"direct main\"\n    description: flutter\n    source: sdk\n    version: \"0.0.0\"\n  \
             ours:\n    source: path\n    version: \"1.0.0\"\n  \
             forked:\n    description:\n      url: x\n    source: git\n    version: \"2.0.0\"\n  odd: 7\nsdks:\n  dart: \">=3.0.0\"\n",
            &["pub forked 2.0.0 locked", "pub http 1.10 locked", "pub lints 3.0.0 locked-for-development"],
        );
        check("pubspec.lock", "a: 1\n", &["gap malformed: not a pub lock file: it has no packages"]);
        check("root/.pub-cache/hosted/pub.dev/x/pubspec.lock", "packages: {}\n", &[]);
    }
}
