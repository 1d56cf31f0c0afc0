//! Running and stopped containers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// A container of some engine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Container {
    /// The engine's id, 64 hexadecimal digits for Docker and podman.
    pub id: String,
    /// Its name, without leading `/`.
    pub name: String,
    /// `docker`, `podman`, `containerd`.
    pub engine: String,
    /// The image reference it was started from, as written.
    pub image: String,
    /// The image's configuration digest, where the engine tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<Digest>,
    /// Whether a process of it runs.
    pub running: bool,
    /// Its main process in the host's pid namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}
