//! `Package.resolved` of the Swift package manager, versions 1 to 3.
//!
//! A package is named by its repository, `github.com/owner/name`, as advisories name it. A pin to a branch or commit
//! has no version. Refused: packages of the project's own directories.

use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};
use serde::Deserialize;

use crate::document::{self, List, Table, Text};
use crate::project;
use crate::{Catalog, Reader, lock};

pub(crate) const READERS: &[Reader] = &[Reader { name: "swift-resolved", interest, read }];

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    // `.build/checkouts` holds the dependencies with what their authors resolved.
    let named = project::is_named(entry, "Package.resolved") && !entry.path.contains("/checkouts/");
    project::lock_if(named, entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(resolved) = document::json_table::<Resolved>(entry, content, catalog) else {
        return;
    };
    if resolved.version.get().is_none() {
        return document::malformed(
            entry,
            catalog,
            "not a list of resolved Swift packages: it states no version",
        );
    }
    let pins = resolved.object.0.iter().flat_map(|object| &object.pins.0).chain(&resolved.pins.0);
    catalog.declare_each_once(entry.path, pins.filter_map(|pin| pin.0.as_ref()?.package()));
}

#[derive(Debug, Deserialize)]
struct Resolved {
    #[serde(default)]
    version: Text,
    #[serde(default)]
    object: Table<Pins>,
    #[serde(default)]
    pins: List<Table<Pin>>,
}

#[derive(Debug, Deserialize)]
struct Pins {
    #[serde(default)]
    pins: List<Table<Pin>>,
}

#[derive(Debug, Deserialize)]
struct Pin {
    #[serde(default)]
    identity: Text,
    #[serde(default)]
    kind: Text,
    #[serde(default, alias = "repositoryURL")]
    location: Text,
    #[serde(default)]
    state: Table<State>,
}

#[derive(Debug, Deserialize)]
struct State {
    #[serde(default)]
    version: Text,
}

impl Pin {
    fn package(&self) -> Option<Package> {
        let name = match self.location.get() {
            _ if matches!(self.kind.get(), Some("localSourceControl" | "fileSystem")) => return None,
            Some(location) => repository(location)?,
            None => self.identity.get()?.to_owned(),
        };
        let version = self.state.0.as_ref().map_or("", |state| state.version.or_empty());
        Some(lock::locked(Ecosystem::Swift, &name, version, false))
    }
}

/// `https://github.com/a/b.git` and `git@github.com:a/b.git` → `github.com/a/b`; `None` for a path.
fn repository(location: &str) -> Option<String> {
    let plain = match location.split_once("://") {
        Some((_, rest)) => rest.rsplit_once('@').map_or(rest, |(_, rest)| rest).to_owned(),
        None => location.split_once('@')?.1.replacen(':', "/", 1),
    };
    let plain = plain.trim_end_matches('/');
    Some(plain.strip_suffix(".git").unwrap_or(plain).to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn all_versions_are_read() {
        check(
            "Package.resolved",
            r#"{"object": {"pins": [
                {"package": "Alamofire", "repositoryURL": "https://github.com/Alamofire/Alamofire.git", "state": {"branch": null, "revision": "0", "version": "5.6.4"}},
                {"package": "Local", "repositoryURL": "/home/x/local", "state": {"version": "1.0.0"}}
            ]}, "version": 1}"#,
            &["swift github.com/Alamofire/Alamofire 5.6.4 locked"],
        );
        check(
            "App.xcworkspace/xcshareddata/swiftpm/Package.resolved",
            r#"{"pins": [
                {"identity": "swift-nio", "kind": "remoteSourceControl", "location": "git@github.com:apple/swift-nio.git", "state": {"revision": "0", "version": "2.40.0"}},
                {"identity": "vapor", "kind": "remoteSourceControl", "location": "https://token@github.com/vapor/vapor", "state": {"branch": "main", "revision": "1"}},
                {"identity": "mona.list", "kind": "registry", "state": {"version": "1.1.0"}},
                {"identity": "ours", "kind": "localSourceControl", "location": "/x/ours", "state": {"version": "1.0.0"}},
                7
            ], "version": 3}"#,
            &[
                "swift github.com/apple/swift-nio 2.40.0 locked",
                "swift github.com/vapor/vapor  locked",
                "swift mona.list 1.1.0 locked",
            ],
        );
        check(
            "Package.resolved",
            "{}",
            &["gap malformed: not a list of resolved Swift packages: it states no version"],
        );
        check("app/.build/checkouts/vapor/Package.resolved", "{}", &[]);
    }
}
