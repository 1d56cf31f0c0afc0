//! What one layer contributes, independent of the image it is in: the unit of the cache.

use seawall_catalog::{Catalog, Cataloger};
use seawall_finding::{Gap, GapKind};
use seawall_image::{Alias, LayerShape, LayerWalk, Link};
use seawall_leaks::LayerLeaks;
use seawall_lint::image_config::{FileChecks, LayerFiles};
use serde::{Deserialize, Serialize};

use crate::programs::LayerPrograms;

/// Everything that a scan keeps of one layer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct LayerFacts {
    /// What the catalogers found.
    pub(crate) catalog: Catalog,
    /// Which paths of lower layers this layer hides.
    pub(crate) shape: LayerShape,
    /// Its symbolic links; only where some layer has aliases are they ever followed.
    pub(crate) links: Vec<Link>,
    /// Links under whose name a cataloger wants a file.
    pub(crate) aliases: Vec<Alias>,
    /// What the walk could not read.
    pub(crate) gaps: Vec<Gap>,
    /// Files, links and devices.
    pub(crate) files: u64,
    /// Uncompressed bytes.
    pub(crate) bytes: u64,
    /// What the modes and names of files say about how the image was made.
    pub(crate) files_seen: LayerFiles,
    /// What of it can be run.
    pub(crate) programs: LayerPrograms,
    /// Leaked credentials; kept by themselves, because they depend on the rules and the key of the search.
    #[serde(skip)]
    pub(crate) leaks: LayerLeaks,
}

impl LayerFacts {
    /// The facts of a finished walk.
    pub(crate) fn of(
        walk: LayerWalk,
        cataloger: Cataloger,
        checks: FileChecks,
        mut programs: LayerPrograms,
    ) -> LayerFacts {
        let LayerWalk { files, bytes, shape, links, aliases, mut gaps, diff_id: _, verification: _ } = walk;
        // A walk that missed something may have missed a program.
        programs.is_whole &= gaps.is_empty();
        gaps.extend(
            programs
                .take_gaps()
                .filter(|gap| !gaps.iter().any(|told| told.place == gap.place))
                .collect::<Vec<_>>(),
        );
        let mut catalog = cataloger.finish();
        // A file that the walk could not read to its end, its reader could not either.
        let is_told = |gap: &Gap| gap.place.path.is_some() && gaps.iter().any(|told| told.place == gap.place);
        catalog.gaps.retain(|gap| gap.kind != GapKind::Unreadable || !is_told(gap));
        LayerFacts {
            catalog,
            shape,
            links,
            aliases,
            gaps,
            files,
            bytes,
            leaks: LayerLeaks::default(),
            files_seen: checks.finish(),
            programs,
        }
    }

    /// The facts of a layer of which only this is known.
    pub(crate) fn of_gap(gap: Gap) -> LayerFacts {
        LayerFacts { gaps: vec![gap], ..LayerFacts::default() }
    }
}

/// Changes whenever cached facts would be wrong: the layout of [`LayerFacts`], the walk, the catalogers.
pub(crate) fn version() -> u64 {
    const LAYOUT: u64 = 4;
    LAYOUT << 32 | u64::from(seawall_image::VERSION) << 16 | u64::from(seawall_catalog::VERSION)
}
