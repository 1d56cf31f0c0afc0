//! What is in a target: an image's layers in parallel, a directory, a container, an SBOM.
//!
//! Never fails: a layer that cannot be read is a gap, and the others are examined all the same.

use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use seawall_catalog::{Catalog, Cataloger};
use seawall_finding::{Coverage, Finding, Gap, GapKind};
use seawall_image::source::container::OpenContainer;
use seawall_image::source::directory::{walk_directory, walk_directory_only};
use seawall_image::{BlobError, LayerWalk, Limits, OpenImage, Verification, walk_layer, walk_layer_only};
use seawall_inventory::{Inventory, Layer, Target, TargetKind, Visitor};
use seawall_leaks::{CONFIDENCE_MIN, Rules};
use seawall_lint::image_config::{self, FileChecks, ImageOptions};

use crate::aliases::{self, Reread};
use crate::aside::Aside;
use crate::base;
use crate::cache::LayerCache;
use crate::coalesce::{Squashed, coalesce};
use crate::facts::LayerFacts;
use crate::leaks::{self, FoundLeaks, LeakSearch};
use crate::programs::{LayerPrograms, ProgramVisitor};

/// How to examine.
pub struct Examine<'a> {
    /// Where facts of layers are kept; `None` keeps and uses none.
    pub cache: Option<&'a LayerCache>,
    /// Layers walked at the same time.
    pub jobs: NonZeroUsize,
    /// The search for leaked credentials; `None` looks at no file; the image's own texts are shown without any all the same.
    pub leaks: Option<LeakSearch<'a>>,
    /// What a target may make us do.
    pub limits: &'a Limits,
    /// Hears of every few stored bytes that were read, from any thread.
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

/// How far an examination is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Stored bytes read of all layers.
    pub bytes: u64,
    /// Stored bytes of all layers, 0 where the source does not tell.
    pub bytes_total: u64,
    /// Layers done.
    pub layers: usize,
    /// All layers.
    pub layers_total: usize,
}

/// What is in a target.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Examined {
    /// What exists.
    pub inventory: Inventory,
    /// What could not be examined.
    pub gaps: Vec<Gap>,
    /// Leaked credentials.
    pub leaks: Vec<Finding>,
    /// Bad settings of the image.
    pub settings: Vec<Finding>,
    /// How much was examined; by which advisories is not known yet.
    pub coverage: Coverage,
    /// Why facts could not be kept for the next time, where they could not.
    pub cache_error: Option<String>,
}

/// Examines an image that the user called `name`.
pub fn image(name: &str, open: &OpenImage, options: &Examine<'_>) -> Examined {
    let mut run = Run::new(open, options);
    let mut layers = run.layers();
    run.second_looks(&mut layers);
    let mut coverage = Coverage {
        layers: u32::try_from(layers.len()).unwrap_or(u32::MAX),
        layers_cached: run.cached(),
        ..Coverage::default()
    };
    for facts in &layers {
        coverage.files += facts.files;
        coverage.bytes += facts.bytes;
    }
    let (image, leaked) = match &options.leaks {
        Some(search) => {
            let configured = leaks::configured(search, &open.image);
            (configured.image.clone(), leaks::of_image(search, &mut layers, configured, name))
        }
        None => {
            // Nobody asks for leaks; what is shown of the image has none all the same.
            let rules = &Rules::builtin();
            let search = LeakSearch { rules, key: None, confidence_min: CONFIDENCE_MIN };
            (leaks::configured(&search, &open.image).image, FoundLeaks::default())
        }
    };
    let base = base::guess(&image);
    let base_layers = base.as_ref().map(|base| base.layers);
    let known = ImageOptions { base_layers, ..ImageOptions::default() };
    let Squashed { catalog, settings, mut programs, mut gaps } = coalesce(layers, &image, &known);
    let joined = catalog.join();
    joined.own(&mut programs.files);
    let configured = image_config::lint(&image, &ImageOptions { packages: &joined.packages, ..known });
    let settings_found = configured.found.into_iter().chain(settings.found).collect();
    gaps.extend(joined.gaps);
    gaps.extend(leaked.gaps);
    gaps.extend(settings.gaps);
    coverage.left_out.extend(leaked.left_out);
    let target = Target {
        kind: TargetKind::Image,
        name: name.to_owned(),
        digest: open.image.digest.clone().or_else(|| open.image.config_digest.clone()),
    };
    let inventory = Inventory {
        target,
        base,
        image: Some(image),
        distro: joined.distro,
        packages: joined.packages,
        programs: Some(programs),
        ..Inventory::default()
    };
    if let Some(cache) = options.cache.filter(|_| coverage.layers_cached < coverage.layers) {
        cache.trim();
    }
    let cache_error = run.cache_error();
    Examined { inventory, gaps, leaks: leaked.found, settings: settings_found, coverage, cache_error }
}

/// Examines a container that the user called `name`.
pub fn container(name: &str, open: &OpenContainer, options: &Examine<'_>) -> Examined {
    let mut examined = image(name, &open.image, options);
    examined.inventory.target.kind = TargetKind::Container;
    examined.inventory.container = Some(open.container.clone());
    // What it changed is among them: they are not its image's.
    examined.inventory.programs = None;
    examined.gaps.extend(open.gaps.iter().cloned());
    examined
}

/// Examines a directory or root file system that the user called `name`.
///
/// # Errors
/// The directory itself cannot be opened; everything below is a gap.
pub fn directory(name: &str, root: &Path, options: &Examine<'_>) -> io::Result<Examined> {
    let mut cataloger = Cataloger::new();
    let read = AtomicU64::new(0);
    let progress = |bytes| {
        let bytes = read.fetch_add(bytes, Ordering::Relaxed) + bytes;
        (options.progress)(Progress { bytes, bytes_total: 0, layers: 0, layers_total: 0 });
    };
    let (walk, leaks) = thread::scope(|scope| {
        let mut leaks = options.leaks.map(|search| Aside::start(scope, search));
        let mut visitors: Vec<&mut dyn Visitor> = vec![&mut cataloger];
        visitors.extend(leaks.as_mut().map(|leaks| leaks as &mut dyn Visitor));
        let walk = walk_directory(root, &mut visitors, options.limits, &progress);
        (walk, leaks.map(Aside::finish))
    });
    let walk = walk?;
    let mut layers = [LayerFacts::of(walk, cataloger, FileChecks::default(), LayerPrograms::default())];
    for (_, reread) in aliases::rereads(&layers) {
        let mut cataloger = reread.cataloger();
        walk_directory_only(root, &reread.wanted, &mut [&mut cataloger], options.limits)?;
        aliases::attribute(&reread, &cataloger.finish(), &mut layers);
    }
    let [facts] = layers;
    let mut coverage = Coverage { files: facts.files, bytes: facts.bytes, ..Coverage::default() };
    let leaked = match (&options.leaks, leaks) {
        (Some(search), Some(leaks)) => leaks::of_directory(search, leaks, name),
        _ => FoundLeaks::default(),
    };
    coverage.left_out.extend(leaked.left_out);
    let joined = facts.catalog.join();
    let mut gaps = facts.gaps;
    gaps.extend(joined.gaps);
    gaps.extend(leaked.gaps);
    let inventory = Inventory {
        target: Target { kind: TargetKind::Directory, name: name.to_owned(), digest: None },
        distro: joined.distro,
        packages: joined.packages,
        ..Inventory::default()
    };
    let settings = Vec::new();
    Ok(Examined { inventory, gaps, leaks: leaked.found, settings, coverage, cache_error: None })
}

/// Where distributions keep what is installed, and what names the distribution.
const DATABASES: [&str; 9] = [
    "etc/os-release",
    "usr/lib/os-release",
    "var/lib/dpkg/status",
    "lib/apk/db/installed",
    "usr/lib/apk/db/installed",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages",
    "var/lib/rpm/Packages.db",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
];

/// Only the distribution's packages of a machine, from their databases: a machine has too many files for a walk where
/// nobody asked for one.
///
/// # Errors
/// The root cannot be opened.
pub fn installed(name: &str, root: &Path, limits: &Limits) -> io::Result<Examined> {
    let wanted = DATABASES.iter().map(|path| ((*path).to_owned(), vec![(*path).to_owned()])).collect();
    let mut cataloger = Cataloger::new();
    let walk = walk_directory_only(root, &wanted, &mut [&mut cataloger], limits)?;
    let joined = cataloger.finish().join();
    let mut gaps = walk.gaps;
    gaps.extend(joined.gaps);
    let inventory = Inventory {
        target: Target { kind: TargetKind::Host, name: name.to_owned(), digest: None },
        distro: joined.distro,
        packages: joined.packages,
        ..Inventory::default()
    };
    Ok(Examined { inventory, gaps, ..Examined::default() })
}

/// Takes over what an SBOM, which the user called `name`, says.
///
/// # Errors
/// The document as a whole is not an SBOM.
pub fn sbom(name: &str, bytes: &[u8]) -> Result<Examined, seawall_catalog::SbomError> {
    let (mut inventory, gaps) = seawall_catalog::read_sbom(bytes)?;
    if inventory.target.name.is_empty() {
        name.clone_into(&mut inventory.target.name);
    }
    Ok(Examined { inventory, gaps, ..Examined::default() })
}

/// The walk over the layers of one image.
struct Run<'r> {
    open: &'r OpenImage,
    options: &'r Examine<'r>,
    /// Uncompressed bytes of the layers walked so far.
    bytes: AtomicU64,
    stored: AtomicU64,
    stored_total: u64,
    done: AtomicUsize,
    cached: AtomicUsize,
    cache_error: Mutex<Option<String>>,
}

impl<'r> Run<'r> {
    fn new(open: &'r OpenImage, options: &'r Examine<'r>) -> Run<'r> {
        let sizes: Vec<u64> = open.image.layers.iter().map(|layer| layer.size_bytes).collect();
        // A total with a layer missing would be a bar that runs over its end.
        let is_known = sizes.iter().all(|size| *size > 0);
        let stored_total = if is_known { sizes.iter().sum() } else { 0 };
        Run {
            open,
            options,
            bytes: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            stored_total,
            done: AtomicUsize::new(0),
            cached: AtomicUsize::new(0),
            cache_error: Mutex::new(None),
        }
    }

    /// The facts of every layer, lowest first; layers that occur twice are walked once.
    fn layers(&self) -> Vec<LayerFacts> {
        let image = &self.open.image;
        let mut distinct: Vec<&Layer> = Vec::new();
        for layer in &image.layers {
            if !distinct.iter().any(|known| known.diff_id == layer.diff_id) {
                distinct.push(layer);
            }
        }
        // The largest first, so that no thread is left alone with it at the end.
        distinct.sort_by_key(|layer| std::cmp::Reverse(layer.size_bytes));
        let facts: Vec<Mutex<Option<LayerFacts>>> = distinct.iter().map(|_| Mutex::new(None)).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let (Some(layer), Some(slot)) = (distinct.get(at), facts.get(at)) else { return };
                let found = self.layer(layer);
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
                self.done.fetch_add(1, Ordering::Relaxed);
                self.tell(0);
            }
        };
        thread::scope(|scope| {
            let helpers = self.options.jobs.get().min(distinct.len()).saturating_sub(1);
            for _ in 0..helpers {
                scope.spawn(work);
            }
            work();
        });
        let found: Vec<Option<LayerFacts>> =
            facts.into_iter().map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect();
        self.in_order(&distinct, found)
    }

    /// The facts in the order of the image's layers, copied where a layer occurs again.
    fn in_order(&self, distinct: &[&Layer], mut found: Vec<Option<LayerFacts>>) -> Vec<LayerFacts> {
        let layers = &self.open.image.layers;
        let mut ordered = Vec::with_capacity(layers.len());
        for (index, layer) in layers.iter().enumerate() {
            let at = distinct.iter().position(|known| known.diff_id == layer.diff_id);
            let slot = at.and_then(|at| found.get_mut(at));
            let occurs_again = layers.iter().skip(index + 1).any(|later| later.diff_id == layer.diff_id);
            let facts = slot.and_then(|slot| if occurs_again { slot.clone() } else { slot.take() });
            // Only a thread that panicked leaves a slot empty, and then the panic has gone on from the scope.
            ordered.push(facts.unwrap_or_default());
        }
        ordered
    }

    fn layer(&self, layer: &Layer) -> LayerFacts {
        let diff_id = &layer.diff_id;
        let known = self.options.cache.and_then(|cache| cache.get(diff_id, None));
        let known_leaks = match &self.options.leaks {
            Some(search) => self.options.cache.and_then(|cache| cache.get_leaks(diff_id, &search.identity())),
            None => Some(Default::default()),
        };
        if let (Some(facts), Some(leaks)) = (&known, &known_leaks) {
            self.cached.fetch_add(1, Ordering::Relaxed);
            self.tell(layer.size_bytes);
            return LayerFacts { leaks: leaks.clone(), ..facts.clone() };
        }
        let mut cataloger = known.is_none().then(Cataloger::new);
        let mut checks = known.is_none().then(FileChecks::default);
        let search = self.options.leaks.as_ref().filter(|_| known_leaks.is_none());
        let (walk, programs, leaks) = thread::scope(|scope| {
            let mut leaks = search.map(|search| Aside::start(scope, *search));
            let mut programs = ProgramVisitor::before(leaks.as_mut());
            let mut visitors: Vec<&mut dyn Visitor> = Vec::new();
            visitors.extend(cataloger.as_mut().map(|cataloger| cataloger as &mut dyn Visitor));
            visitors.extend(checks.as_mut().map(|checks| checks as &mut dyn Visitor));
            // It streams the files, and lets the search for leaks read with it, so it is the last.
            visitors.push(&mut programs);
            let walk = self.walk(layer, &mut visitors);
            let programs = programs.finish();
            (walk, programs, leaks.map(Aside::finish))
        });
        let walk = match walk {
            Ok(walk) => walk,
            Err(error) => return LayerFacts::of_gap(unreadable(&error)),
        };
        let is_whole = walk.verification == Verification::Matches;
        let mut facts = match (known, cataloger) {
            (Some(facts), _) => facts,
            (None, cataloger) => {
                let facts =
                    LayerFacts::of(walk, cataloger.unwrap_or_default(), checks.unwrap_or_default(), programs);
                if is_whole {
                    self.keep(|cache| cache.put(diff_id, None, &facts));
                }
                facts
            }
        };
        facts.leaks = known_leaks.or(leaks).unwrap_or_default();
        if let Some(search) = search.filter(|_| is_whole) {
            self.keep(|cache| cache.put_leaks(diff_id, &search.identity(), &facts.leaks));
        }
        facts
    }

    fn walk(&self, layer: &Layer, visitors: &mut [&mut dyn Visitor]) -> Result<LayerWalk, BlobError> {
        let walked = self.bytes.load(Ordering::Relaxed);
        let bytes_left = self.options.limits.image_bytes_max.saturating_sub(walked);
        let limits = Limits {
            layer_bytes_max: self.options.limits.layer_bytes_max.min(bytes_left),
            ..self.options.limits.clone()
        };
        let blob = self.open.blobs.open(layer)?;
        let expected = self.open.blobs.is_verbatim(layer).then_some(&layer.diff_id);
        let walk = walk_layer(blob, expected, visitors, &limits, &|bytes| self.tell(bytes));
        self.bytes.fetch_add(walk.bytes, Ordering::Relaxed);
        Ok(walk)
    }

    /// Reads the files behind links whose names say more than the files' own.
    fn second_looks(&mut self, layers: &mut [LayerFacts]) {
        for (index, reread) in aliases::rereads(layers) {
            let Some(layer) = self.open.image.layers.get(index) else { continue };
            match self.second_look(layer, &reread) {
                Ok(found) => aliases::attribute(&reread, &found, layers),
                Err(error) => {
                    layers.get_mut(index).into_iter().for_each(|facts| facts.gaps.push(unreadable(&error)));
                }
            }
        }
    }

    fn second_look(&self, layer: &Layer, reread: &Reread) -> Result<Catalog, BlobError> {
        let key = Some(&reread.wanted);
        if let Some(facts) = self.options.cache.and_then(|cache| cache.get(&layer.diff_id, key)) {
            return Ok(facts.catalog);
        }
        let blob = self.open.blobs.open(layer)?;
        let expected = self.open.blobs.is_verbatim(layer).then_some(&layer.diff_id);
        let mut cataloger = reread.cataloger();
        let visitors = &mut [&mut cataloger as &mut dyn Visitor];
        let walk = walk_layer_only(blob, expected, &reread.wanted, visitors, self.options.limits, &|_| {});
        let is_whole = walk.verification == Verification::Matches;
        // The walk's own gaps are those of the first look.
        let facts = LayerFacts { catalog: cataloger.finish(), ..LayerFacts::default() };
        if is_whole {
            self.keep(|cache| cache.put(&layer.diff_id, key, &facts));
        }
        Ok(facts.catalog)
    }

    fn keep(&self, put: impl FnOnce(&LayerCache) -> io::Result<()>) {
        if let Some(Err(error)) = self.options.cache.map(put) {
            let mut known = self.cache_error.lock().unwrap_or_else(PoisonError::into_inner);
            known.get_or_insert_with(|| error.to_string());
        }
    }

    fn cached(&self) -> u32 {
        u32::try_from(self.cached.load(Ordering::Relaxed)).unwrap_or(u32::MAX)
    }

    fn cache_error(&self) -> Option<String> {
        self.cache_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tell(&self, bytes: u64) {
        let bytes = self.stored.fetch_add(bytes, Ordering::Relaxed) + bytes;
        (self.options.progress)(Progress {
            bytes,
            bytes_total: self.stored_total,
            layers: self.done.load(Ordering::Relaxed),
            layers_total: self.open.image.layers.len(),
        });
    }
}

fn unreadable(error: &BlobError) -> Gap {
    let mut reason = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        reason.push_str(": ");
        reason.push_str(&error.to_string());
        cause = error.source();
    }
    Gap::of_target(GapKind::Unreadable, reason)
}

#[cfg(test)]
mod tests {
    use seawall_image::source::local::{self, Local, LocalOptions};
    use serde_json::json;

    use super::*;

    #[test]
    fn no_value_is_shown_where_nobody_looks_for_leaks() {
        let secret = ["w4Gn8sLq", "2VzX7bTk"].concat();
        let image_with_secret = seawall_testkit::Image::new().tag("leaky:1").configure(|config| {
            config["config"]["Env"] = json!([format!("DEPLOY_TOKEN={secret}")]);
            config["config"]["Labels"] = json!({"deploy.token": secret});
            config["history"] =
                json!([{"created_by": format!("ENV DEPLOY_TOKEN={secret}"), "empty_layer": true}]);
        });
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("image.tar");
        std::fs::write(&path, image_with_secret.docker_archive()).unwrap();
        let limits = Limits::default();
        let choice = seawall_image::manifest::PlatformChoice::Host;
        let local = LocalOptions { choice, temporary: None, limits: limits.clone() };
        let Local::Images(images) = local::open(&path, None, &local).unwrap() else { panic!("no image") };
        let options =
            Examine { cache: None, jobs: NonZeroUsize::MIN, leaks: None, limits: &limits, progress: &|_| {} };
        let examined = image("leaky:1", images.first().unwrap(), &options);
        let shown = format!("{examined:?}");
        assert!(shown.contains("DEPLOY_TOKEN=…") && !shown.contains(&secret), "{shown}");
        assert!(examined.leaks.is_empty());
    }
}
