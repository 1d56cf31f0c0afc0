//! Files of an image that can be run, by which a guard tells what runs from what was shipped.

use serde::{Deserialize, Serialize};

use crate::{Digest, Purl};

/// The programs of an image: whatever the kernel would run, with or without leave (a mode can be changed later).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Programs {
    /// Whether every layer was seen to its end: only then a file that is not named here is not in the image.
    pub is_complete: bool,
    /// Sorted by path.
    pub files: Vec<Program>,
}

/// A file that is executable by its mode, an ELF file, or a script with an interpreter line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// From the image's root, without leading `/`.
    pub path: String,
    /// Its size.
    pub size_bytes: u64,
    /// Digest of its content; absent where it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The distribution package that installed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Purl>,
}
