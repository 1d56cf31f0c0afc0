//! Entries → packages, one file per ecosystem.
//!
//! [`Cataloger`] is one visitor that shows each entry to every [`Reader`]. A reader says by
//! name and metadata which files it may want and turns one file into packages, owned files or a
//! distribution. Readers keep no state between files: what needs two files is joined in `scan` on the squashed tree.

use seawall_finding::{Gap, GapKind};
use seawall_inventory::{Content, Distro, Entry, Interest, OwnedFiles, Package, Place, Visitor};
use serde::{Deserialize, Serialize};

mod limits;

/// What the readers found in one tree (a layer, a directory).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Catalog {
    /// Packages; `places[0].path` is the file that declares each.
    pub packages: Vec<Package>,
    /// File lists of distribution packages, for ownership.
    pub owned: Vec<OwnedFiles>,
    /// Distribution facts with the file that states them.
    pub distros: Vec<(String, Distro)>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// Reads one kind of evidence.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// For messages and coverage: `dpkg-status`, `jar`.
    pub name: &'static str,
    /// Which files it may want.
    pub interest: fn(&Entry<'_>) -> Interest,
    /// Reads one of them.
    pub read: fn(&Entry<'_>, &mut dyn Content, &mut Catalog),
}

/// All readers, in the order they see a file.
pub const READERS: &[&[Reader]] = &[];

/// Changes whenever a reader may give another answer for the same bytes: part of the key of cached layer facts.
pub const VERSION: u32 = 1;

/// The visitor that feeds all readers.
#[derive(Debug, Default)]
pub struct Cataloger {
    catalog: Catalog,
}

impl Cataloger {
    /// A cataloger with all readers.
    pub fn new() -> Cataloger {
        Cataloger::default()
    }

    /// What was found.
    pub fn finish(self) -> Catalog {
        self.catalog
    }
}

impl Visitor for Cataloger {
    fn interest(&self, entry: &Entry<'_>) -> Interest {
        let interests = READERS.iter().copied().flatten().map(|reader| (reader.interest)(entry));
        interests.max().unwrap_or(Interest::No)
    }

    fn visit(&mut self, entry: &Entry<'_>, content: &mut dyn Content) {
        for reader in READERS.iter().copied().flatten() {
            if (reader.interest)(entry) != Interest::No {
                (reader.read)(entry, content, &mut self.catalog);
            }
        }
    }
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
}
