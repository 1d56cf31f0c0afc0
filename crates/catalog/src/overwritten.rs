//! Forgets what a layer's archive said of a path before it said something else of it.
//!
//! Marks are kept and applied once, at the end: an archive that writes one path a million times must not cost
//! a million walks over all facts.

use std::collections::HashMap;

use crate::Catalog;
use crate::catalog::outermost;

/// Paths that were overwritten, with how many facts there were by then.
#[derive(Debug, Default)]
pub(crate) struct Overwritten {
    marks: HashMap<String, Counts>,
}

#[derive(Debug, Clone, Copy)]
struct Counts {
    packages: usize,
    owned: usize,
    licenses: usize,
    distros: usize,
    gaps: usize,
}

impl Overwritten {
    /// Everything that `catalog` now knows from `path` and below it is to be forgotten.
    pub(crate) fn mark(&mut self, path: &str, catalog: &Catalog) {
        let counts = Counts {
            packages: catalog.packages.len(),
            owned: catalog.owned.len(),
            licenses: catalog.licenses.len(),
            distros: catalog.distros.len(),
            gaps: catalog.gaps.len(),
        };
        self.marks.insert(path.to_owned(), counts);
    }

    /// Forgets it.
    pub(crate) fn apply(&self, catalog: &mut Catalog) {
        if self.marks.is_empty() {
            return;
        }
        let place = |places: &seawall_inventory::Place| places.path.clone();
        self.retain(&mut catalog.packages, |p| p.places.first().and_then(place), |c| c.packages);
        self.retain(&mut catalog.owned, |owned| Some(owned.path.clone()), |c| c.owned);
        self.retain(&mut catalog.licenses, |licenses| Some(licenses.path.clone()), |c| c.licenses);
        self.retain(&mut catalog.distros, |(path, _)| Some(path.clone()), |c| c.distros);
        self.retain(&mut catalog.gaps, |gap| place(&gap.place), |c| c.gaps);
    }

    fn retain<T>(
        &self,
        facts: &mut Vec<T>,
        path: impl Fn(&T) -> Option<String>,
        count: impl Fn(&Counts) -> usize,
    ) {
        let mut index = 0;
        facts.retain(|fact| {
            let is_before = |at: &str| self.marks.get(at).is_some_and(|counts| index < count(counts));
            let path = path(fact);
            let is_kept = path.as_deref().map(outermost).is_none_or(|path| !ancestors(path).any(is_before));
            index += 1;
            is_kept
        });
    }
}

/// The path itself and every directory above it.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(parent, _)| parent))
}
