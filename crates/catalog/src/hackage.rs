//! Haskell packages: `cabal.project.freeze` and `stack.yaml.lock`.
//!
//! Cabal writes a constraint for each package, `any.NAME ==VERSION`; Stack names only the packages beyond its snapshot,
//! so that file is never the whole, which is a gap.

use seawall_finding::GapKind;
use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};
use serde::Deserialize;

use crate::document::{self, List, Table};
use crate::project;
use crate::{Catalog, Reader, lock};

pub(crate) const READERS: &[Reader] = &[
    Reader { name: "cabal-freeze", interest: freeze_interest, read: read_freeze },
    Reader { name: "stack-lock", interest: stack_interest, read: read_stack },
];

#[inline(always)]
fn freeze_interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "cabal.project.freeze"), entry)
}

#[inline(always)]
fn stack_interest(entry: &Entry<'_>) -> Interest {
    project::lock_if(project::is_named(entry, "stack.yaml.lock"), entry)
}

fn read_freeze(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(text) = document::text(entry, content, catalog) else {
        return;
    };
    let constraints = text.split([',', '\n']).filter_map(|constraint| {
        let (name, version) = constraint.trim().trim_start_matches("constraints:").trim().split_once("==")?;
        package(name.trim().trim_start_matches("any."), version.trim())
    });
    catalog.declare_each_once(entry.path, constraints);
}

fn read_stack(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(documents) = document::yaml::<Table<Lock>>(entry, content, catalog) else {
        return;
    };
    let packages = documents.iter().filter_map(|lock| lock.0.as_ref()).flat_map(|lock| &lock.packages.0);
    catalog.declare_each_once(entry.path, packages.filter_map(|locked| locked.0.as_ref()?.package()));
    let reason = "a Stack lock file does not name the packages of its snapshot";
    catalog.gap(GapKind::Unsupported, entry.path, reason);
}

#[derive(Debug, Deserialize)]
struct Lock {
    #[serde(default)]
    packages: List<Table<Locked>>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    #[serde(default)]
    completed: Table<Completed>,
}

#[derive(Debug, Deserialize)]
struct Completed {
    #[serde(default)]
    hackage: Option<String>,
}

impl Locked {
    /// `aeson-2.0.3.0@sha256:…,1234`.
    fn package(&self) -> Option<Package> {
        let (name, version) =
            self.completed.0.as_ref()?.hackage.as_deref()?.split('@').next()?.rsplit_once('-')?;
        package(name, version)
    }
}

fn package(name: &str, version: &str) -> Option<Package> {
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let is_version = !version.is_empty() && version.chars().all(|c| c.is_ascii_digit() || c == '.');
    (is_name && is_version).then(|| lock::locked(Ecosystem::Hackage, name, version, false))
}

#[cfg(test)]
mod tests {
    use crate::testing::check_listed as check;

    #[test]
    fn constraints_of_cabal_are_read() {
        check(
            "cabal.project.freeze",
            "active-repositories: hackage.haskell.org:merge\nconstraints: any.Cabal ==3.8.1.0,\n             any.aeson ==2.1.2.1,\n             \
             aeson -cffi +ordered-keymap,\n             any.x ==1 || ==2\nindex-state: hackage.haskell.org 2023-01-01T00:00:00Z\n",
            &["hackage Cabal 3.8.1.0 locked", "hackage aeson 2.1.2.1 locked"],
        );
        check("cabal.project.freeze", "", &[]);
    }

    #[test]
    fn what_stack_names_is_read() {
        check(
            "stack.yaml.lock",
            "packages:\n- completed:\n    hackage: acme-missiles-0.3@sha256:2ba66a,613\n    pantry-tree:\n      size: 226\n  original:\n    hackage: acme-missiles-0.3\n\
             - completed:\n    git: x\n- 7\nsnapshots: []\n",
            &[
                "gap unsupported: a Stack lock file does not name the packages of its snapshot",
                "hackage acme-missiles 0.3 locked",
            ],
        );
    }
}
