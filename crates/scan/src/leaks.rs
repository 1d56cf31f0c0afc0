//! Hits of layers, of a directory and of an image's configuration → findings of the target.
//!
//! Unlike packages, a leak counts in every layer: a file that a later layer removes can be read all the same.

use std::collections::{HashMap, HashSet};

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

/// The leaks of an image's layers, which are taken out of their facts, with those of its configuration.
pub(crate) fn of_image(
    search: &LeakSearch<'_>,
    layers: &mut [LayerFacts],
    configured: Configured,
    target: &str,
) -> FoundLeaks {
    let image = &configured.image;
    let mut all = FoundLeaks { gaps: search.rules.gaps().to_vec(), ..FoundLeaks::default() };
    let leaks: Vec<LayerLeaks> = layers.iter_mut().map(|facts| std::mem::take(&mut facts.leaks)).collect();
    let shapes: Vec<&LayerShape> = layers.iter().map(|facts| &facts.shape).collect();
    let mut files: HashMap<(String, Option<String>, String), usize> = HashMap::new();
    let mut introduced: Vec<(usize, Hit, Option<u32>)> = Vec::new();
    let ends = Ends::new(&shapes);
    for (index, leaks) in leaks.into_iter().enumerate() {
        all.gaps.extend(leaks.gaps.into_iter().map(|gap| in_layer(gap, image, index)));
        for hit in leaks.hits {
            let outer =
                hit.path.as_deref().map(|path| path.split_once("!/").map_or(path, |(outer, _)| outer));
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
    for (hit, layer) in configured.hits {
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
pub(crate) struct Configured {
    /// The image as it may be shown: what leaks in its texts is not in them any more.
    pub(crate) image: Image,
    hits: Vec<(Hit, Option<PlaceLayer>)>,
}

/// Searches the configuration of an image.
pub(crate) fn configured(search: &LeakSearch<'_>, image: &Image) -> Configured {
    let mut shown = image.clone();
    let mut hits: Vec<(Hit, Option<usize>)> = Vec::new();
    let mut texts = Texts::new(search.rules, search.key);
    for (index, variable) in shown.config.env.iter_mut().enumerate() {
        *variable = texts.in_text(Carrier::Environment, &format!("/config/Env/{index}"), variable);
    }
    for (name, value) in std::mem::take(&mut shown.config.labels) {
        let name = texts.in_text(Carrier::Other("name of a label"), "/config/Labels", &name);
        let pointer = format!("/config/Labels/{}", name.replace('~', "~0").replace('/', "~1"));
        let value = texts.in_text(Carrier::Label(&name), &pointer, &value);
        shown.config.labels.insert(name, value);
    }
    let config = &mut shown.config;
    let ports = config.exposed_ports.iter_mut().map(|text| ("exposed port", "/config/ExposedPorts", text));
    let volumes = config.volumes.iter_mut().map(|text| ("volume", "/config/Volumes", text));
    let others = [
        ("user", "/config/User", &mut config.user),
        ("working directory", "/config/WorkingDir", &mut config.working_dir),
    ];
    for (what, pointer, text) in others.into_iter().chain(ports).chain(volumes) {
        *text = texts.in_text(Carrier::Other(what), pointer, text);
    }
    let commands = [
        ("/config/Entrypoint", &mut config.entrypoint),
        ("/config/Cmd", &mut config.cmd),
        ("/config/Healthcheck/Test", &mut config.healthcheck),
    ];
    for (pointer, words) in commands {
        // Shown as one text only where it must be: a password that is an argument of its own has no context alone.
        let line = words.join(" ");
        let safe = texts.in_text(Carrier::CommandLine, pointer, &line);
        if safe != line {
            *words = vec![safe];
        }
    }
    hits.extend(texts.finish().hits.into_iter().map(|hit| {
        let step = step_of(&hit, image);
        (hit, step)
    }));
    let labels = image.config.labels.iter().map(|(name, value)| format!("{name}={value}"));
    let told: HashSet<String> = image.config.env.iter().cloned().chain(labels).collect();
    for (index, step) in shown.history.iter_mut().enumerate() {
        let mut texts = Texts::new(search.rules, search.key).beside(&told);
        let recorded = std::mem::take(&mut step.recorded);
        let _ = texts.in_text(Carrier::History, &format!("/history/{index}/created_by"), &recorded);
        step.created_by = shown_instruction(search, &step.created_by);
        hits.extend(texts.finish().hits.into_iter().map(|hit| (hit, Some(index))));
    }
    for layer in &mut shown.layers {
        layer.instruction = layer.instruction.take().map(|text| shown_instruction(search, &text));
    }
    let hits = hits
        .into_iter()
        .map(|(hit, step)| (hit, step.and_then(|step| layer_of_step(&shown, step))))
        .collect();
    Configured { hits, image: shown }
}

/// An instruction without the values that leak in it.
fn shown_instruction(search: &LeakSearch<'_>, text: &str) -> String {
    Texts::new(search.rules, search.key).in_text(Carrier::History, "", text)
}

/// The instruction of the history that set a variable or label.
fn step_of(hit: &Hit, image: &Image) -> Option<usize> {
    let name = hit.carrier.as_deref().and_then(|carrier| carrier.rsplit(' ').next())?;
    let sets = |text: &str| ["ENV ", "LABEL "].iter().any(|word| text.contains(word)) && text.contains(name);
    image.history.iter().rposition(|step| sets(&step.created_by))
}

/// The layer that an instruction made or, where it made none, the one below it, with the instruction itself.
fn layer_of_step(image: &Image, step: usize) -> Option<PlaceLayer> {
    let below = image.history.iter().take(step).filter(|step| !step.empty_layer).count();
    let step = image.history.get(step)?;
    let mut place = place_layer(image, if step.empty_layer { below.saturating_sub(1) } else { below })?;
    place.instruction = Some(step.created_by.clone());
    Some(place)
}
