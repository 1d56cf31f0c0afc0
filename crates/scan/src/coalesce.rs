//! Layers → the squashed tree's facts, each with the layer that introduced it.

use std::collections::{HashMap, HashSet};

use seawall_catalog::Catalog;
use seawall_finding::{Findings, Gap};
use seawall_image::Squash;
use seawall_inventory::{Ecosystem, Image, Package, PlaceLayer, Programs};
use seawall_lint::image_config::{ImageOptions, lint_files};

use crate::facts::LayerFacts;
use crate::programs;

/// The squashed tree.
pub(crate) struct Squashed {
    /// What the catalogers found in it.
    pub(crate) catalog: Catalog,
    /// What the modes and names of its files say.
    pub(crate) settings: Findings,
    /// What of its files can be run.
    pub(crate) programs: Programs,
    /// Gaps of all walks.
    pub(crate) gaps: Vec<Gap>,
}

/// The facts of the squashed tree. `layers` are lowest first, one per layer of `image`.
pub(crate) fn coalesce(layers: Vec<LayerFacts>, image: &Image, options: &ImageOptions<'_>) -> Squashed {
    let introductions = Introductions::of(&layers);
    let mut shapes = Vec::with_capacity(layers.len());
    let mut catalogs = Vec::with_capacity(layers.len());
    let mut files = Vec::with_capacity(layers.len());
    let mut layer_programs = Vec::with_capacity(layers.len());
    let mut gaps = Vec::new();
    for (index, facts) in layers.into_iter().enumerate() {
        shapes.push(facts.shape);
        catalogs.push(facts.catalog);
        files.push(facts.files_seen);
        layer_programs.push(facts.programs);
        gaps.extend(facts.gaps.into_iter().map(|gap| in_layer(gap, image, index)));
    }
    let squash = Squash::new(&shapes.iter().collect::<Vec<_>>());
    let mut squashed = Catalog::default();
    for (index, (mut catalog, first_layers)) in catalogs.into_iter().zip(introductions.layers).enumerate() {
        for (package, introduced) in catalog.packages.iter_mut().zip(first_layers) {
            for place in &mut package.places {
                place.layer = place_layer(image, introduced);
            }
        }
        catalog.gaps = catalog.gaps.into_iter().map(|gap| in_layer(gap, image, index)).collect();
        catalog.retain_paths(|path| squash.survives(index, path));
        squashed.extend(catalog);
    }
    let settings = lint_files(image, options, &files, &|index, path| squash.survives(index, path));
    let programs = programs::squashed(layer_programs, &|index, path| squash.survives(index, path));
    Squashed { catalog: squashed, settings, programs, gaps }
}

pub(crate) fn in_layer(mut gap: Gap, image: &Image, index: usize) -> Gap {
    gap.place.layer = place_layer(image, index);
    gap
}

pub(crate) fn place_layer(image: &Image, index: usize) -> Option<PlaceLayer> {
    let layer = image.layers.get(index)?;
    Some(PlaceLayer {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        diff_id: layer.diff_id.clone(),
        instruction: layer.instruction.clone(),
    })
}

/// For every package of every layer, the layer that introduced it.
///
/// A package database is one file that every layer which installs something writes anew. A package was
/// introduced by the lowest layer from which on every version of its file declares it.
struct Introductions {
    layers: Vec<Vec<usize>>,
}

type Key<'a> = (Ecosystem, &'a str, &'a str, Option<&'a str>);

fn key(package: &Package) -> Key<'_> {
    (package.ecosystem, &package.name, &package.version, package.architecture.as_deref())
}

fn path(package: &Package) -> &str {
    package.places.first().and_then(|place| place.path.as_deref()).unwrap_or_default()
}

impl Introductions {
    fn of(layers: &[LayerFacts]) -> Introductions {
        // Path → the packages that its newest version so far declares, with the layer that introduced each.
        let mut newest: HashMap<&str, HashMap<Key<'_>, usize>> = HashMap::new();
        let mut all = Vec::with_capacity(layers.len());
        for (index, facts) in layers.iter().enumerate() {
            let packages = &facts.catalog.packages;
            let before =
                |package| newest.get(path(package)).and_then(|known| known.get(&key(package))).copied();
            let introduced: Vec<usize> =
                packages.iter().map(|package| before(package).unwrap_or(index)).collect();
            let rewritten: HashSet<&str> = packages.iter().map(path).collect();
            for path in rewritten {
                newest.insert(path, HashMap::new());
            }
            for (package, introduced) in packages.iter().zip(&introduced) {
                newest.entry(path(package)).or_default().insert(key(package), *introduced);
            }
            all.push(introduced);
        }
        Introductions { layers: all }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each layer: the packages that `status` declares in it; expected: the introducing layer per package.
    fn check(layers: &[&[&str]], expected: &[&[usize]]) {
        let facts: Vec<LayerFacts> = layers
            .iter()
            .map(|names| {
                let mut facts = LayerFacts::default();
                for name in *names {
                    facts.catalog.declare("status", Package::new(Ecosystem::Deb, *name, "1"));
                }
                facts
            })
            .collect();
        assert_eq!(Introductions::of(&facts).layers, expected, "{layers:?}");
    }

    #[test]
    fn a_package_was_introduced_where_its_file_first_kept_declaring_it() {
        check(&[&["a"], &["a", "b"], &["a", "b", "c"]], &[&[0], &[0, 1], &[0, 1, 2]]);
        check(&[&["a"], &[], &["a"]], &[&[0], &[], &[0]]);
        check(&[&["a", "b"], &["b"], &["a", "b"]], &[&[0, 0], &[0], &[2, 0]]);
    }
}
