//! A value with the place where somebody gave it.

use serde::{Deserialize, Serialize};

/// Where something was said.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Origin {
    /// JSON pointer into the document (`/spec/containers/0/image`), `[Container] Image` in a unit, `--privileged` on a
    /// command line, `HostConfig.Privileged` in an engine's answer.
    pub pointer: String,
    /// Line in the file, from 1; 0 where there is no file.
    #[serde(default)]
    pub line: u32,
}

impl Origin {
    /// At a pointer and a line.
    pub fn new(pointer: impl Into<String>, line: u32) -> Origin {
        Origin { pointer: pointer.into(), line }
    }
}

/// A value that somebody gave, and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Given<T> {
    /// What was said.
    pub value: T,
    /// Where.
    #[serde(default)]
    pub origin: Origin,
}

impl<T> Given<T> {
    /// A value from a place.
    pub fn new(value: T, origin: Origin) -> Given<T> {
        Given { value, origin }
    }
}
