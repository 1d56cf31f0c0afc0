//! Files that a cataloger wants under the name of a link: a database behind a symbolic link to another layer, a hard
//! link to a file whose own name says nothing.
//!
//! Where a link leads is known only once all layers are seen, so the few files in question are read in a second walk
//! of their layer. What they declare belongs to the link: it is in the image as long as the link is.

use std::collections::BTreeMap;

use seawall_catalog::{Catalog, Cataloger};
use seawall_image::{Alias, AliasKind, Resolver, Squash, Wanted};

use crate::facts::LayerFacts;

/// For each layer that must be walked again: which of its files, under which names.
pub(crate) type Rereads = BTreeMap<usize, Reread>;

/// The second look at one layer.
#[derive(Debug, Default)]
pub(crate) struct Reread {
    /// Real path → names.
    pub(crate) wanted: Wanted,
    /// Name → the layer that has the link.
    links: BTreeMap<String, usize>,
}

impl Reread {
    /// The cataloger of the second look.
    pub(crate) fn cataloger(&self) -> Cataloger {
        let names = |(own, names): (&String, &Vec<String>)| {
            names.iter().map(|name| (name.clone(), own.clone())).collect::<Vec<_>>()
        };
        Cataloger::second_look(self.wanted.iter().flat_map(names).collect())
    }
}

/// What must be read again, by layer; `layers` are lowest first.
pub(crate) fn rereads(layers: &[LayerFacts]) -> Rereads {
    let mut rereads = Rereads::new();
    if layers.iter().all(|facts| facts.aliases.is_empty()) {
        return rereads;
    }
    let shapes: Vec<_> = layers.iter().map(|facts| &facts.shape).collect();
    let links: Vec<_> = layers.iter().map(|facts| facts.links.as_slice()).collect();
    let squash = Squash::new(&shapes);
    let resolver = Resolver::new(&squash, &links);
    for (index, facts) in layers.iter().enumerate() {
        for alias in facts.aliases.iter().filter(|alias| squash.survives(index, &alias.path)) {
            let Some((layer, file)) = file_of(index, alias, &squash, &resolver) else { continue };
            let reread = rereads.entry(layer).or_default();
            reread.wanted.entry(file).or_default().push(alias.path.clone());
            reread.links.insert(alias.path.clone(), index);
        }
    }
    rereads
}

/// The layer that has the file of an alias, and the file's own name there.
fn file_of(
    layer: usize,
    alias: &Alias,
    squash: &Squash<'_>,
    resolver: &Resolver<'_>,
) -> Option<(usize, String)> {
    match alias.kind {
        AliasKind::Hard => Some((layer, alias.target.clone())),
        AliasKind::Symbolic => {
            let file = resolver.resolve(&alias.target)?;
            Some((squash.layer_of(&file)?, file))
        }
    }
}

/// Gives what a second look found to the layers that have the links.
pub(crate) fn attribute(reread: &Reread, found: &Catalog, layers: &mut [LayerFacts]) {
    for (index, facts) in layers.iter_mut().enumerate() {
        if !reread.links.values().any(|layer| *layer == index) {
            continue;
        }
        let mut own = found.clone();
        own.retain_paths(|path| reread.links.get(path) == Some(&index));
        facts.catalog.extend(own);
    }
}
