//! What one layer contributes, independent of the image it is in: the unit of the cache.

use seawall_catalog::{Catalog, Cataloger};
use seawall_finding::Gap;
use seawall_image::LayerShape;
use serde::{Deserialize, Serialize};

/// Everything that a scan keeps of one layer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct LayerFacts {
    /// What the catalogers found.
    pub(crate) catalog: Catalog,
    /// Which paths of lower layers this layer hides.
    pub(crate) shape: LayerShape,
    /// What the walk could not read.
    pub(crate) gaps: Vec<Gap>,
    /// Files, directories and links.
    pub(crate) files: u64,
    /// Uncompressed bytes.
    pub(crate) bytes: u64,
}

/// Changes whenever cached facts would be wrong: the layout of [`LayerFacts`], the walk, the catalogers.
pub(crate) fn version() -> u64 {
    const LAYOUT: u64 = 1;
    LAYOUT << 32 | u64::from(seawall_image::VERSION) << 16 | u64::from(seawall_catalog::VERSION)
}

/// The visitors of one walk.
pub(crate) fn visitors() -> Cataloger {
    Cataloger::new()
}
