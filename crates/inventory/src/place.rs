//! Where something is.

use serde::{Deserialize, Serialize};

use crate::Digest;

/// Where in the target something was found; every part is optional.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Place {
    /// The layer that introduced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<PlaceLayer>,
    /// Path from the root of the file tree, without leading `/`; a file inside an
    /// archive is `outer.jar!/inner.jar`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// JSON pointer (RFC 6901) into a manifest or document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

/// A layer as a place names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PlaceLayer {
    /// Position in the image, 0 is the lowest.
    pub index: u32,
    /// Digest of the uncompressed layer.
    pub diff_id: Digest,
    /// The build instruction that made it (`history[].created_by`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction: Option<String>,
}

impl Place {
    /// A path, layer not known (yet).
    pub fn path(path: impl Into<String>) -> Place {
        Place { path: Some(path.into()), ..Place::default() }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.path, &self.pointer, &self.layer) {
            (Some(path), _, _) => write!(f, "/{path}")?,
            (None, Some(pointer), _) => f.write_str(pointer)?,
            (None, None, Some(layer)) => write!(f, "layer {}", layer.diff_id.short())?,
            (None, None, None) => f.write_str("target")?,
        }
        match self.line {
            Some(line) => write!(f, ":{line}"),
            None => Ok(()),
        }
    }
}
