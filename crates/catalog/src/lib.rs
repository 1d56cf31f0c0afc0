//! Entries → packages, one file per ecosystem.
//!
//! [`Cataloger`] is one visitor that shows each entry to every [`Reader`]. A reader says by
//! name and metadata which files it may want and turns one file into packages, owned files, licences or
//! facts about the distribution. Readers keep no state between files: what needs two files is joined by
//! [`Catalog::join`], once the layers are squashed.

use std::collections::HashMap;

use seawall_inventory::{Content, Entry, Interest, Visitor};

mod alpm;
mod apk;
mod cargo_lock;
mod catalog;
mod cocoapods;
mod composer;
mod conan;
mod conda;
mod cran;
mod distro;
mod document;
mod dpkg;
mod executable;
mod gem;
mod go_binary;
mod go_mod;
mod gradle_lock;
mod hackage;
mod hex;
mod inflation;
mod jar;
mod limits;
mod lock;
mod maven_pom;
mod npm;
mod nuget;
mod overwritten;
pub mod ownership;
mod project;
mod pub_lock;
mod pypi;
mod reach;
mod rpm;
mod runtime;
mod rust_binary;
mod sbom;
mod sbt_lock;
mod swift;
#[cfg(test)]
mod testing;
mod tree;

pub use catalog::{Catalog, Joined, PackageLicenses};
pub use sbom::{SbomError, read_sbom};

use crate::inflation::Inflation;
use crate::overwritten::Overwritten;

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

impl Reader {
    fn wants_more(&self, named: &Entry<'_>, own: &Entry<'_>) -> bool {
        (self.interest)(named) > (self.interest)(own)
    }
}

/// All readers, in the order they see a file.
pub const READERS: &[&[Reader]] = &[
    distro::READERS,
    dpkg::READERS,
    apk::READERS,
    rpm::READERS,
    alpm::READERS,
    go_binary::READERS,
    rust_binary::READERS,
    jar::READERS,
    runtime::READERS,
    sbom::READERS,
    npm::READERS,
    pypi::READERS,
    gem::READERS,
    nuget::READERS,
    composer::READERS,
    go_mod::READERS,
    cargo_lock::READERS,
    gradle_lock::READERS,
    maven_pom::READERS,
    sbt_lock::READERS,
    hex::READERS,
    pub_lock::READERS,
    swift::READERS,
    cocoapods::READERS,
    conan::READERS,
    conda::READERS,
    cran::READERS,
    hackage::READERS,
];

/// Changes whenever a reader may give another answer for the same bytes: part of the key of cached layer facts.
pub const VERSION: u32 = 5;

/// The visitor that feeds all readers.
#[derive(Debug, Default)]
pub struct Cataloger {
    catalog: Catalog,
    overwritten: Overwritten,
    /// Name → the file's own name, in a second look at files under the names of links.
    own_names: HashMap<String, String>,
}

impl Cataloger {
    /// A cataloger with all readers.
    pub fn new() -> Cataloger {
        Cataloger::default()
    }

    /// A cataloger for a second look at files under the names of links, each with the file's own name: readers that
    /// have read it under its own name do not read it again.
    pub fn second_look(own_names: HashMap<String, String>) -> Cataloger {
        Cataloger { own_names, ..Cataloger::default() }
    }

    /// What was found.
    pub fn finish(mut self) -> Catalog {
        self.overwritten.apply(&mut self.catalog);
        self.catalog.inflation = Inflation::default();
        self.catalog
    }
}

impl Visitor for Cataloger {
    fn interest(&self, entry: &Entry<'_>) -> Interest {
        let interests = READERS.iter().copied().flatten().map(|reader| (reader.interest)(entry));
        interests.max().unwrap_or(Interest::No)
    }

    fn wants_more(&self, named: &Entry<'_>, own: &Entry<'_>) -> bool {
        READERS.iter().copied().flatten().any(|reader| reader.wants_more(named, own))
    }

    fn visit(&mut self, entry: &Entry<'_>, content: &mut dyn Content) {
        let own = self.own_names.get(entry.path).map(|own| Entry { path: own, ..*entry });
        for reader in READERS.iter().copied().flatten() {
            let is_wanted = match &own {
                Some(own) => reader.wants_more(entry, own),
                None => (reader.interest)(entry) != Interest::No,
            };
            if is_wanted {
                (reader.read)(entry, content, &mut self.catalog);
            }
        }
    }

    fn overwritten(&mut self, path: &str) {
        self.overwritten.mark(path, &self.catalog);
    }
}
