//! `Pipfile.lock` of Pipenv: JSON with a map of packages for each category, of which `develop` is for development.

use seawall_inventory::{Content, Entry, Interest, Package};
use serde::Deserialize;

use super::{is_archive, is_version, locked};
use crate::document::{self, Pairs, Table, Text};
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "pipfile-lock", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "Pipfile.lock"), entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(categories) = document::json::<Pairs<Pairs<Table<Locked>>>>(entry, content, catalog) else {
        return;
    };
    if !categories.0.iter().any(|(category, _)| category == "_meta" || category == "default") {
        return document::malformed(entry, catalog, "not a Pipenv lock file: it has no `default` packages");
    }
    let categories = categories.0.iter().filter(|(category, _)| category != "_meta");
    let packages = categories.flat_map(|(category, packages)| {
        let is_for_development = category == "develop";
        packages
            .0
            .iter()
            .filter_map(move |(name, locked)| locked.0.as_ref()?.package(name, is_for_development))
    });
    catalog.declare_each_once(entry.path, packages.collect::<Vec<_>>());
}

#[derive(Debug, Deserialize)]
struct Locked {
    #[serde(default)]
    version: Text,
    #[serde(default)]
    path: Text,
    #[serde(default)]
    file: Text,
}

impl Locked {
    /// What comes from a repository has no version here.
    fn package(&self, name: &str, is_for_development: bool) -> Option<Package> {
        let path = self.path.get().or_else(|| self.file.get().filter(|file| !file.contains("://")));
        if path.is_some_and(|path| !is_archive(path)) {
            return None;
        }
        let version = self.version.or_empty().trim_start_matches('=').trim();
        Some(locked(name, if is_version(version) { version } else { "" }, is_for_development))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn categories_are_read() {
        check(
            "Pipfile.lock",
            r#"{
                "_meta": {"hash": {"sha256": "0"}, "pipfile-spec": 6, "sources": []},
                "default": {
                    "Flask_Login": {"hashes": ["sha256:0"], "index": "pypi", "version": "==0.6.3"},
                    "forked": {"git": "https://github.com/a/forked.git", "ref": "0123"},
                    "ours": {"editable": true, "path": "."},
                    "odd": 7,
                    "open": {"version": "*"}
                },
                "develop": {"pytest": {"version": "==8.0.0"}, "flask-login": {"version": "==0.6.3"}},
                "docs": {"sphinx": {"version": "==7.0.0"}}
            }"#,
            &[
                "pypi flask-login 0.6.3 locked",
                "pypi forked  locked",
                "pypi open  locked",
                "pypi pytest 8.0.0 locked-for-development",
                "pypi sphinx 7.0.0 locked",
            ],
        );
        check("Pipfile.lock", "{}", &["gap malformed: not a Pipenv lock file: it has no `default` packages"]);
        check("Pipfile.lock", r#"{"default": [], "develop": null}"#, &[]);
    }
}
