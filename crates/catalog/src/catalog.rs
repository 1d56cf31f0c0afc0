//! What the readers found in one tree, how trees are put together, and what needs more than one file.
//!
//! Every fact names the file that states it, so that whoever squashes layers can drop the facts of files that an
//! upper layer removed or replaced ([`Catalog::retain_paths`]) before it adds the upper layer's.

use std::io;

use seawall_finding::{Gap, GapKind};
use seawall_inventory::{Content, Distro, Ecosystem, Entry, OwnedFiles, Package, Place};
use serde::{Deserialize, Serialize};

/// What the readers found in one tree (a layer, a directory).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Catalog {
    /// Packages; `places[0].path` is the file that declares each.
    pub packages: Vec<Package>,
    /// File lists of distribution packages, for ownership.
    pub owned: Vec<OwnedFiles>,
    /// Licences that another file states than the one that declares the package.
    pub licenses: Vec<PackageLicenses>,
    /// Facts about the distribution with the file that states them; a file that knows only a part (content sets,
    /// support streams, a repository branch) leaves `id` empty.
    pub distros: Vec<(String, Distro)>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// The licences of a package that a file of its own states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageLicenses {
    /// The file, `usr/share/doc/libc6/copyright`.
    pub path: String,
    /// The package's ecosystem.
    pub ecosystem: Ecosystem,
    /// The package's name.
    pub name: String,
    /// Names or expressions as recorded, each once.
    pub licenses: Vec<String>,
}

/// A squashed catalog with everything joined that is stated in more than one file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Joined {
    /// The distribution, where a file names one.
    pub distro: Option<Distro>,
    /// The packages with licences and owners, sorted by ecosystem, name, version, first place.
    pub packages: Vec<Package>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

impl Catalog {
    /// Adds a package declared by `path`.
    pub fn declare(&mut self, path: &str, mut package: Package) {
        package.places.insert(0, Place::path(path));
        self.packages.push(package);
    }

    /// Records that `path` could not be read.
    pub fn gap(&mut self, kind: GapKind, path: &str, reason: impl std::fmt::Display) {
        self.gaps.push(Gap::at(kind, path, reason));
    }

    /// The whole of a file; a gap and nothing where it is larger than `bytes_max` or cannot be read.
    pub(crate) fn whole<'c>(
        &mut self,
        entry: &Entry<'_>,
        content: &'c mut dyn Content,
        bytes_max: u64,
    ) -> Option<&'c [u8]> {
        match content.whole(bytes_max) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                self.gap(GapKind::Limit, entry.path, format_args!("larger than {bytes_max} bytes"));
                None
            }
            Err(error) => {
                self.gap(GapKind::Unreadable, entry.path, error);
                None
            }
        }
    }

    /// Adds the facts of another tree. For layers: lower first, and [`Catalog::retain_paths`] before each.
    pub fn extend(&mut self, upper: Catalog) {
        let Catalog { packages, owned, licenses, distros, gaps } = upper;
        self.packages.extend(packages);
        self.owned.extend(owned);
        self.licenses.extend(licenses);
        self.distros.extend(distros);
        self.gaps.extend(gaps);
    }

    /// Keeps only the facts of files for which `keep` is true. A fact from inside an archive
    /// (`outer.jar!/inner.jar`) is asked for by the archive's path.
    pub fn retain_paths(&mut self, mut keep: impl FnMut(&str) -> bool) {
        let mut place = |place: Option<&Place>| {
            place.and_then(|place| place.path.as_deref()).is_none_or(|path| keep(outermost(path)))
        };
        self.packages.retain(|package| place(package.places.first()));
        self.gaps.retain(|gap| place(Some(&gap.place)));
        self.owned.retain(|owned| keep(&owned.path));
        self.licenses.retain(|licenses| keep(&licenses.path));
        self.distros.retain(|(path, _)| keep(path));
    }
}

/// The file of the tree that holds `path`: the part before the first `!/`.
fn outermost(path: &str) -> &str {
    path.split_once("!/").map_or(path, |(outer, _)| outer)
}
