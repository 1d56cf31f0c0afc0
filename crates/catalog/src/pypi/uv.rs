//! `uv.lock`.
//!
//! What is for development the graph tells: it is what the projects' own dependencies and extras do not lead to.

use std::collections::{HashMap, HashSet};

use seawall_inventory::{Content, Entry, Interest};
use serde::Deserialize;

use super::{is_archive, locked};
use crate::document::{self, List, Pairs, Table, Text};
use crate::project;
use crate::reach::reachable;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "uv-lock", interest, read };

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "uv.lock"), entry)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(lock) = document::toml::<Lock>(entry, content, catalog) else {
        return;
    };
    if lock.version.get().is_none() {
        return document::malformed(entry, catalog, "not a uv lock file: it states no version");
    }
    let all: Vec<&Locked> = lock.packages.0.iter().filter_map(|package| package.0.as_ref()).collect();
    let production = production(&all, &lock.members());
    let packages =
        all.iter().enumerate().filter(|(_, package)| !package.is_local()).filter_map(|(index, package)| {
            let is_for_development =
                production.as_ref().is_some_and(|production| !production.contains(&index));
            Some(locked(package.name.get()?, package.version.or_empty(), is_for_development))
        });
    catalog.declare_each_once(entry.path, packages.collect::<Vec<_>>());
}

#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(default)]
    version: Text,
    #[serde(default)]
    manifest: Table<Manifest>,
    #[serde(default, rename = "package")]
    packages: List<Table<Locked>>,
}

#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(default)]
    members: List<Text>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    version: Text,
    #[serde(default)]
    source: Table<Source>,
    #[serde(default)]
    dependencies: List<Table<Dependency>>,
    #[serde(default, rename = "optional-dependencies")]
    optional_dependencies: Pairs<List<Table<Dependency>>>,
}

#[derive(Debug, Deserialize)]
struct Source {
    #[serde(default)]
    editable: Text,
    #[serde(default, rename = "virtual")]
    without_code: Text,
    #[serde(default)]
    directory: Text,
    #[serde(default)]
    path: Text,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    version: Text,
}

impl Lock {
    /// The projects of a workspace; a lone project has no list.
    fn members(&self) -> HashSet<&str> {
        let members = self.manifest.0.iter().flat_map(|manifest| &manifest.members.0);
        members.filter_map(Text::get).collect()
    }
}

impl Locked {
    /// The directory that is the package, where it is no distribution from elsewhere.
    fn directory(&self) -> Option<&str> {
        let source = self.source.0.as_ref()?;
        let directory =
            [&source.editable, &source.without_code, &source.directory].into_iter().find_map(Text::get);
        directory.or_else(|| source.path.get().filter(|path| !is_archive(path)))
    }

    fn is_local(&self) -> bool {
        self.directory().is_some()
    }

    fn wanted(&self) -> impl Iterator<Item = &Dependency> {
        let optional = self.optional_dependencies.0.iter().flat_map(|(_, list)| &list.0);
        self.dependencies.0.iter().chain(optional).filter_map(|dependency| dependency.0.as_ref())
    }
}

/// The packages that a project needs outside development; `None` where no project can be told.
fn production(all: &[&Locked], members: &HashSet<&str>) -> Option<HashSet<usize>> {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, package) in all.iter().enumerate() {
        by_name.entry(package.name.or_empty()).or_default().push(index);
    }
    let is_project = |package: &Locked| match members.is_empty() {
        true => package.directory() == Some("."),
        false => members.contains(package.name.or_empty()),
    };
    let starts: Vec<usize> =
        all.iter().enumerate().filter(|(_, package)| is_project(package)).map(|(index, _)| index).collect();
    if starts.is_empty() {
        return None;
    }
    Some(reachable(starts, |index, waiting| {
        for dependency in all.get(index).into_iter().flat_map(|package| package.wanted()) {
            let same_name = by_name.get(dependency.name.or_empty()).into_iter().flatten().copied();
            // A name that is locked in two versions is wanted with its version.
            waiting.extend(same_name.filter(|other| {
                let version = all.get(*other).and_then(|package| package.version.get());
                dependency.version.get().is_none_or(|wanted| version == Some(wanted))
            }));
        }
    }))
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    const LOCK: &str = r#"
version = 1
requires-python = ">=3.12"

[[package]]
name = "app"
version = "0.1.0"
source = { editable = "." }
dependencies = [
    { name = "httpx", extra = ["http2"] },
    { name = "numpy", version = "1.26.4", source = { registry = "https://pypi.org/simple" }, marker = "x" },
    { name = "ours" },
]

[package.optional-dependencies]
cli = [{ name = "rich" }]

[package.dev-dependencies]
dev = [{ name = "pytest" }, { name = "numpy", version = "2.0.0" }]

[[package]]
name = "httpx"
version = "0.27.0"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "idna" }]
[package.optional-dependencies]
http2 = [{ name = "h2" }]

[[package]]
name = "h2"
version = "4.1.0"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "idna"
version = "3.7"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "numpy"
version = "1.26.4"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "numpy"
version = "2.0.0"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "ours"
version = "0.1.0"
source = { directory = "ours" }
dependencies = [{ name = "forked" }]

[[package]]
name = "forked"
version = "1.0"
source = { git = "https://github.com/a/forked?rev=1#0123" }

[[package]]
name = "rich"
version = "13.0.0"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "pytest"
version = "8.0.0"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "idna" }, { name = "pluggy" }]

[[package]]
name = "pluggy"
version = "1.5.0"
source = { registry = "https://pypi.org/simple" }
"#;

    #[test]
    fn the_graph_tells_development() {
        check(
            "app/uv.lock",
            LOCK,
            &[
                "pypi forked 1.0 locked",
                "pypi h2 4.1.0 locked",
                "pypi httpx 0.27.0 locked",
                "pypi idna 3.7 locked",
                "pypi numpy 1.26.4 locked",
                "pypi numpy 2.0.0 locked-for-development",
                "pypi pluggy 1.5.0 locked-for-development",
                "pypi pytest 8.0.0 locked-for-development",
                "pypi rich 13.0.0 locked",
            ],
        );
    }

    #[test]
    fn without_a_project_nothing_is_said_of_development() {
        check(
            "uv.lock",
            "version = 1\n[[package]]\nname = 'a'\nversion = '1'\nsource = { registry = 'r' }\n",
            &["pypi a 1 locked"],
        );
        check("uv.lock", "version = 1\n", &[]);
        check("uv.lock", "a = 1\n", &["gap malformed: not a uv lock file: it states no version"]);
    }
}
