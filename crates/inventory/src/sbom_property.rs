//! Names of the properties that carry, through an SBOM, what its format has no field for, so that an image
//! and its own SBOM give the same answers. Written by `report`, read by `catalog`.

/// Name of the distribution's source package.
pub const SOURCE_NAME: &str = "seawall:source:name";
/// Version of the distribution's source package.
pub const SOURCE_VERSION: &str = "seawall:source:version";
/// RPM modularity label.
pub const MODULE: &str = "seawall:module";
/// Who built the package.
pub const VENDOR: &str = "seawall:vendor";
/// How the package is there: `installed`, `locked`, `locked-for-development`, `recovered`.
pub const PRESENCE: &str = "seawall:presence";
/// Package URL of the owning distribution package.
pub const OWNER: &str = "seawall:owner";
/// Name and version as the ecosystem spells them, where the package URL normalises.
pub const NAME: &str = "seawall:name";
/// Path of the declaring file.
pub const PATH: &str = "seawall:path";
/// Index of the introducing layer.
pub const LAYER_INDEX: &str = "seawall:layer:index";
/// Digest of the introducing layer.
pub const LAYER_DIFF_ID: &str = "seawall:layer:diff_id";
/// The build instruction of the introducing layer.
pub const LAYER_INSTRUCTION: &str = "seawall:layer:instruction";
/// The distribution as JSON ([`crate::Distro`]).
pub const DISTRO: &str = "seawall:distro";
/// The target as JSON ([`crate::Target`]).
pub const TARGET: &str = "seawall:target";
