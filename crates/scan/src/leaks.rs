//! Hits of layers, of a directory and of an image's configuration → findings of the target.
//!
//! Unlike packages, a leak counts in every layer: a file that a later layer removes can be read all the same.

use std::collections::HashMap;

use seawall_finding::{Confidence, Finding, Gap, LeftOut};
use seawall_image::{LayerShape, Squash};
use seawall_inventory::{Image, PlaceLayer};
use seawall_leaks::{Carrier, Hit, IdentityKey, LayerLeaks, Location, Rules, Texts, finding};
use sha2::{Digest, Sha256};

use crate::coalesce::{in_layer, place_layer};
use crate::facts::LayerFacts;

/// How to look for leaked credentials.
#[derive(Debug, Clone, Copy)]
pub struct LeakSearch<'a> {
    /// By which rules.
    pub rules: &'a Rules,
    /// What makes identities of values that could be guessed; without it such a value is identified by its place.
    pub key: Option<&'a IdentityKey>,
    /// The least confidence that is reported; what is left out is counted.
    pub confidence_min: Confidence,
}

impl LeakSearch<'_> {
    /// Names the search: what another one found is not what this one finds.
    pub(crate) fn identity(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.rules.digest());
        hash.update(self.key.map(IdentityKey::name).unwrap_or_default());
        hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What a search found.
#[derive(Debug, Default)]
pub(crate) struct FoundLeaks {
    pub(crate) found: Vec<Finding>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) left_out: Option<LeftOut>,
}

impl FoundLeaks {
    fn add(&mut self, search: &LeakSearch<'_>, hit: Hit, location: Location, target: &str) {
        if hit.confidence >= search.confidence_min {
            self.found.push(finding(search.rules, hit, location, target));
        } else {
            let by = format!("confidence of leaks below {:?}", search.confidence_min).to_lowercase();
            self.left_out.get_or_insert(LeftOut { by, findings: 0 }).findings += 1;
        }
    }
}

/// The leaks of a directory.
pub(crate) fn of_directory(search: &LeakSearch<'_>, leaks: LayerLeaks, target: &str) -> FoundLeaks {
    let gaps = leaks.gaps.into_iter().chain(search.rules.gaps().iter().cloned()).collect();
    let mut all = FoundLeaks { gaps, ..FoundLeaks::default() };
    leaks.hits.into_iter().for_each(|hit| all.add(search, hit, Location::default(), target));
    all
}

/// The leaks of an image's layers, which are taken out of their facts, and of its configuration.
pub(crate) fn of_image(
    search: &LeakSearch<'_>,
    layers: &mut [LayerFacts],
    image: &Image,
    target: &str,
) -> FoundLeaks {
    let mut all = FoundLeaks { gaps: search.rules.gaps().to_vec(), ..FoundLeaks::default() };
    let leaks: Vec<LayerLeaks> = layers.iter_mut().map(|facts| std::mem::take(&mut facts.leaks)).collect();
    let shapes: Vec<&LayerShape> = layers.iter().map(|facts| &facts.shape).collect();
    let mut files: HashMap<(String, Option<String>, String), usize> = HashMap::new();
    let mut introduced: Vec<(usize, Hit, Option<u32>)> = Vec::new();
    let ends = Ends::new(&shapes);
    for (index, leaks) in leaks.into_iter().enumerate() {
        all.gaps.extend(leaks.gaps.into_iter().map(|gap| in_layer(gap, image, index)));
        for hit in leaks.hits {
            let outer = hit.path.as_deref().map(|path| path.split_once("!/").map_or(path, |(outer, _)| outer));
            let end = outer.and_then(|path| ends.of(index, path));
            let key = (hit.rule.clone(), hit.path.clone(), hit.value_id.clone());
            match files.get(&key).and_then(|at| introduced.get_mut(*at)) {
                // A layer that writes the file anew with the same credential in it ends nothing.
                Some((_, _, known_end)) => *known_end = end,
                None => {
                    files.insert(key, introduced.len());
                    introduced.push((index, hit, end));
                }
            }
        }
    }
    for (index, hit, deleted_in_layer) in introduced {
        let location = Location { layer: place_layer(image, index), deleted_in_layer };
        all.add(search, hit, location, target);
    }
    for (hit, layer) in of_configuration(search, image) {
        all.add(search, hit, Location { layer, deleted_in_layer: None }, target);
    }
    all
}

/// For each layer what it ends below it.
struct Ends<'s>(Vec<Squash<'s>>);

impl<'s> Ends<'s> {
    fn new(shapes: &[&'s LayerShape]) -> Ends<'s> {
        Ends(shapes.iter().map(|shape| Squash::new(&[*shape, *shape])).collect())
    }

    /// The first layer above `index` that removes or replaces the file.
    fn of(&self, index: usize, path: &str) -> Option<u32> {
        let above = self.0.iter().enumerate().skip(index + 1);
        let end = above.filter(|(_, squash)| !squash.survives(0, path)).map(|(layer, _)| layer).next();
        end.and_then(|layer| u32::try_from(layer).ok())
    }
}

/// The leaks of an image's configuration, each with the layer of its instruction.
fn of_configuration(search: &LeakSearch<'_>, image: &Image) -> Vec<(Hit, Option<PlaceLayer>)> {
    let mut found = Vec::new();
    let mut texts = Texts::new(search.rules, search.key);
    for (index, variable) in image.config.env.iter().enumerate() {
        texts.in_text(Carrier::Environment, &format!("/config/Env/{index}"), variable);
    }
    for (name, value) in &image.config.labels {
        let pointer = format!("/config/Labels/{}", name.replace('~', "~0").replace('/', "~1"));
        texts.in_text(Carrier::Label(name), &pointer, value);
    }
    for (pointer, words) in [("/config/Entrypoint", &image.config.entrypoint), ("/config/Cmd", &image.config.cmd)] {
        if !words.is_empty() {
            texts.in_text(Carrier::CommandLine, pointer, &words.join(" "));
        }
    }
    found.extend(texts.finish().hits.into_iter().map(|hit| {
        let layer = instruction_of(&hit, image);
        (hit, layer)
    }));
    let mut layer = 0;
    for (index, step) in image.history.iter().enumerate() {
        let mut texts = Texts::new(search.rules, search.key);
        texts.in_text(Carrier::History, &format!("/history/{index}/created_by"), &step.created_by);
        let of_step = place_layer(image, layer).filter(|_| !step.empty_layer);
        found.extend(texts.finish().hits.into_iter().map(|hit| (hit, of_step.clone())));
        layer += usize::from(!step.empty_layer);
    }
    found
}

/// A variable or label belongs to no layer, but to the instruction that set it, above which layer `n` was made.
fn instruction_of(hit: &Hit, image: &Image) -> Option<PlaceLayer> {
    let name = hit.carrier.as_deref().and_then(|carrier| carrier.rsplit(' ').next())?;
    let mut layer: usize = 0;
    for step in &image.history {
        let sets = ["ENV ", "LABEL "].iter().any(|word| step.created_by.contains(word)) && step.created_by.contains(name);
        if sets {
            let mut place = place_layer(image, layer.saturating_sub(1))?;
            // Without the value that stands in it.
            let head = step.created_by.split(name).next().unwrap_or_default();
            place.instruction = Some(format!("{head}{name}=…"));
            return Some(place);
        }
        layer += usize::from(!step.empty_layer);
    }
    None
}
