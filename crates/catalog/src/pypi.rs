//! Python packages: what is installed in `site-packages` and the like, what pip and setuptools carry in themselves,
//! and the lock files of Poetry, uv, PDM, Pipenv, PEP 751 and requirements files.
//!
//! Names are normalised by PEP 503, as all parts of Seawall compare them. Refused: wheels and zipped eggs, which are
//! packages to be installed, and a project's own directory.

mod installed;
mod pdm;
mod pipfile;
mod poetry;
mod pylock;
mod requirements;
mod uv;
mod vendored;

use seawall_inventory::{Content, Ecosystem, Entry, Package};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::document::{self, List, Table};
use crate::{Catalog, Reader, lock};

pub(crate) const READERS: &[Reader] = &[
    installed::READER,
    vendored::READER,
    poetry::READER,
    uv::READER,
    pdm::READER,
    pipfile::READER,
    pylock::READER,
    requirements::READER,
];

/// What `poetry.lock` and `pdm.lock` have in common.
#[derive(Deserialize)]
#[serde(bound = "P: DeserializeOwned")]
struct LockFile<P> {
    #[serde(default, rename = "package")]
    packages: List<Table<P>>,
    #[serde(default)]
    metadata: Table<IgnoredAny>,
}

/// The packages that such a lock file states, as `P` reads them; a gap where it is none.
fn read_lock_file<P: DeserializeOwned>(
    tool: &str,
    entry: &Entry<'_>,
    content: &mut dyn Content,
    catalog: &mut Catalog,
    package: impl Fn(&P) -> Option<Package>,
) {
    let Some(lock) = document::toml::<LockFile<P>>(entry, content, catalog) else { return };
    if lock.packages.0.is_empty() && lock.metadata.0.is_none() {
        let reason = format!("not a {tool} lock file: it has neither packages nor metadata");
        return document::malformed(entry, catalog, &reason);
    }
    let packages = lock.packages.0.iter().filter_map(|stated| package(stated.0.as_ref()?));
    catalog.declare_each_once(entry.path, packages);
}

fn locked(name: &str, version: &str, is_for_development: bool) -> Package {
    lock::locked(Ecosystem::Pypi, &normalised(name), version, is_for_development)
}

/// PEP 503: lower case, each run of `-`, `_` and `.` is one `-`.
fn normalised(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.trim().chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            c => normal.push(c.to_ascii_lowercase()),
        }
    }
    normal
}

/// Whether a path names a distribution file (wheel, source archive) and not a directory.
fn is_archive(path: &str) -> bool {
    let path = path.split(['#', '?']).next().unwrap_or(path);
    [".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".egg"].iter().any(|end| path.ends_with(end))
}

/// The name and version pinned by a requirement (PEP 508) `Name[extra] == 1.2 ; marker`.
fn pin(requirement: &str) -> Option<(&str, &str)> {
    let (name, specifiers) = requirement_name(requirement)?;
    let specifiers = specifiers.split(';').next()?.trim();
    let specifiers =
        specifiers.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(specifiers);
    // One exact version decides, whatever other conditions it meets.
    let mut versions = specifiers.split(',').filter_map(|specifier| {
        let specifier = specifier.trim();
        specifier.strip_prefix("===").or_else(|| specifier.strip_prefix("==")).map(str::trim)
    });
    versions.find(|version| is_version(version)).map(|version| (name, version))
}

/// The name that begins a requirement, and what follows it and its extras.
fn requirement_name(requirement: &str) -> Option<(&str, &str)> {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = requirement.find(|c| !is_of_name(c)).unwrap_or(requirement.len());
    let (name, rest) = requirement.split_at(end);
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']')?.1.trim_start(),
        None => rest,
    };
    name.starts_with(|c: char| c.is_ascii_alphanumeric()).then_some((name, rest))
}

/// One version, not a pattern of versions.
fn is_version(text: &str) -> bool {
    let is_of_version = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '!');
    !text.is_empty() && text.chars().all(is_of_version)
}

#[cfg(test)]
mod tests {
    use super::{normalised, pin};

    #[test]
    fn names_are_normalised() {
        assert_eq!(normalised("Foo.._-Bar"), "foo-bar");
        assert_eq!(normalised(" zope.interface "), "zope-interface");
    }

    #[test]
    fn only_one_exact_version_is_a_pin() {
        assert_eq!(pin("Django==4.2.1"), Some(("Django", "4.2.1")));
        assert_eq!(
            pin("requests[socks, use_chardet] == 2.31.0 ; python_version < '4'"),
            Some(("requests", "2.31.0"))
        );
        assert_eq!(pin("a>=0.9, ==1.0,!=1.1"), Some(("a", "1.0")));
        assert_eq!(pin("a (==1.0)"), Some(("a", "1.0")));
        assert_eq!(pin("a===1!1.0+local.1"), Some(("a", "1!1.0+local.1")));
        for open in ["a", "a>=1", "a==1.*", "a @ https://x/a-1.0.whl", "", "==1", "[x]==1", "a[==1"] {
            assert_eq!(pin(open), None, "{open}");
        }
    }
}
