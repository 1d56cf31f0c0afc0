//! All that is known of one target.

use serde::{Deserialize, Serialize};

use crate::{Container, Digest, Distro, Image, Package, Programs};

/// All that is known of one target.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Inventory {
    /// What was looked at.
    pub target: Target,
    /// The image, where the target is one or a container of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// The container, where the target is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
    /// The base image, where it can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// The distribution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distro: Option<Distro>,
    /// The packages, sorted by ecosystem, name, version, first place.
    pub packages: Vec<Package>,
    /// The files that can be run, where the target is an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programs: Option<Programs>,
}

/// What was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Target {
    /// What it is.
    pub kind: TargetKind,
    /// As the user named it.
    pub name: String,
    /// What pins it: the manifest's digest or the document's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// The kinds of target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetKind {
    /// An image from a registry, an engine, an archive or a layout.
    #[default]
    Image,
    /// A directory or root file system.
    Directory,
    /// A container.
    Container,
    /// A software bill of materials.
    Sbom,
    /// A machine with its engines.
    Host,
    /// Build files and manifests.
    Files,
}

/// The base image: the lowest layers, that somebody else maintains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Its reference, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many of the lowest layers belong to it.
    pub layers: u32,
    /// How this is known: `label`, `given`, `history`.
    pub known_by: String,
}
