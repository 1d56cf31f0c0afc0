//! Text → name → source → manifest → layers → entries.
//!
//! Reads images from registries, engines, archives and layouts, and file trees from directories and containers, and
//! shows their entries to visitors. Knows nothing about packages. Never unpacks an image and never follows a path
//! of one on the host.

use std::io::Read;

use seawall_inventory::{Image, Layer};

mod compression;
mod content;
pub mod credentials;
mod gaps;
mod layer;
pub mod limits;
pub mod manifest;
mod path;
pub mod registry;
pub mod source;
mod squash;
mod stream;
mod tar;
mod temporary;
mod walk;
mod whiteout;

pub use layer::{LayerFile, layer_files, walk_layer, walk_layer_only};
pub use limits::Limits;
pub use squash::{Resolver, Squash};
pub use walk::{Alias, AliasKind, LayerWalk, Link, Verification, Wanted};
pub use whiteout::LayerShape;

/// Changes whenever a walk may show other entries for the same bytes: part of the key of everything that is cached.
pub const VERSION: u16 = 1;

/// An image whose layers can be read.
pub struct OpenImage {
    /// What its manifest and configuration say.
    pub image: Image,
    /// Where its layers come from.
    pub blobs: Box<dyn Blobs>,
}

/// Gives the blobs of an image's layers as stored (compressed or not).
pub trait Blobs: Send + Sync {
    /// Opens one layer's blob for reading from its start.
    ///
    /// # Errors
    /// The source cannot give it; the caller reports a gap for this layer and goes on with the others.
    fn open(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, BlobError>;

    /// Whether the bytes of a layer are the ones that its digests were computed from.
    ///
    /// An engine's unpacked layers and a container's upper layer are read in place and shown as a tar made anew: the
    /// same files in other bytes, so a reader must not compare them with `diff_id`.
    fn is_verbatim(&self, _layer: &Layer) -> bool {
        true
    }
}

/// Why a layer's blob could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open layer {diff_id} from {from}")]
pub struct BlobError {
    /// The layer.
    pub diff_id: seawall_inventory::Digest,
    /// The source, for people.
    pub from: String,
    /// The cause.
    #[source]
    pub source: std::io::Error,
}
