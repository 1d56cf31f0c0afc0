//! Manifests, indexes and configurations → [`Image`].
//!
//! Reads OCI image manifests and indexes (image-spec `manifest.md`, `image-index.md`, `config.md`) and Docker's
//! schema 2 manifests and manifest lists, chooses by platform, and pairs layers with the history that made them.
//! Fetches nothing: sources hand in bytes whose digest they have checked with [`verify`].

use std::collections::BTreeMap;

use seawall_inventory::{Algorithm, Digest, History, Image, ImageConfig, Layer, Platform};
use serde::Deserialize;
use sha2::{Digest as _, Sha256, Sha512};

use crate::limits::Limits;

/// Media type of an OCI index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of an OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of Docker's manifest list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Media type of Docker's image manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// Both media types of Docker's schema 1 manifests begin with this.
const DOCKER_SCHEMA_1: &str = "application/vnd.docker.distribution.manifest.v1+";
/// What BuildKit writes into the index for provenance and SBOM.
const ATTESTATION: &str = "attestation-manifest";
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not the JSON that its media type says.
    #[error("cannot read {what}")]
    Malformed {
        /// Which document.
        what: &'static str,
        /// The cause.
        #[source]
        source: serde_json::Error,
    },
    /// A document contradicts itself or another one.
    #[error("{what} is contradictory: {reason}")]
    Contradictory {
        /// Which document.
        what: &'static str,
        /// How.
        reason: String,
    },
    /// Bytes do not have the digest by which they were asked for.
    #[error("{what} has digest {found} instead of {expected}")]
    Digest {
        /// Which document.
        what: &'static str,
        /// As referenced.
        expected: Digest,
        /// As computed.
        found: Digest,
    },
    /// A named limit was reached.
    #[error("{what} has more than {max} {unit}")]
    Limit {
        /// Which document.
        what: &'static str,
        /// The limit.
        max: u64,
        /// Of what.
        unit: &'static str,
    },
    /// A format that is not supported.
    #[error("{0}")]
    Unsupported(String),
    /// The platform is not on offer.
    #[error("no image for {wanted}; on offer: {}", list(offered))]
    Platform {
        /// Asked for.
        wanted: Platform,
        /// On offer.
        offered: Vec<Platform>,
    },
}

fn list(platforms: &[Platform]) -> String {
    if platforms.is_empty() {
        return "none".to_owned();
    }
    platforms.iter().map(Platform::to_string).collect::<Vec<_>>().join(", ")
}

/// Which images of an index are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PlatformChoice {
    /// This machine's; where an index offers only one other, that one.
    #[default]
    Host,
    /// This one and no other.
    One(Platform),
    /// Every one.
    All,
}

/// A reference from one document to another (image-spec `descriptor.md`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Media type as stated.
    pub media_type: String,
    /// Digest.
    pub digest: Digest,
    /// Size in bytes as stated.
    pub size_bytes: u64,
    /// Platform, where stated.
    pub platform: Option<Platform>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// An image manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The configuration.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<Descriptor>,
}

/// What a manifest's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// A list of manifests.
    Index(Vec<Descriptor>),
    /// One image.
    Manifest(Manifest),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDocument {
    #[serde(default)]
    schema_version: u64,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    artifact_type: Option<String>,
    manifests: Option<Vec<RawDescriptor>>,
    config: Option<RawDescriptor>,
    layers: Option<Vec<RawDescriptor>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    #[serde(default)]
    media_type: Option<String>,
    digest: Digest,
    #[serde(default)]
    size: u64,
    platform: Option<RawPlatform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct RawPlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    variant: Option<String>,
}

impl From<RawDescriptor> for Descriptor {
    fn from(raw: RawDescriptor) -> Descriptor {
        Descriptor {
            media_type: raw.media_type.unwrap_or_default(),
            digest: raw.digest,
            size_bytes: raw.size,
            platform: raw.platform.map(|platform| Platform {
                os: platform.os,
                architecture: platform.architecture,
                variant: platform.variant.filter(|variant| !variant.is_empty()),
            }),
            annotations: raw.annotations.unwrap_or_default(),
        }
    }
}

/// The digest of `bytes` by `algorithm`.
pub fn digest_of(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    match algorithm {
        Algorithm::Sha256 => Digest::sha256(Sha256::digest(bytes).into()),
        Algorithm::Sha512 => Digest::sha512(Sha512::digest(bytes).into()),
    }
}

/// Checks that `bytes` are what `expected` names.
///
/// # Errors
/// They are not.
pub fn verify(what: &'static str, bytes: &[u8], expected: &Digest) -> Result<(), ManifestError> {
    let found = digest_of(expected.algorithm(), bytes);
    match found == *expected {
        true => Ok(()),
        false => Err(ManifestError::Digest { what, expected: expected.clone(), found }),
    }
}

impl Document {
    /// Reads a manifest or index. What it is follows from what it contains: `media_type` (of the descriptor or
    /// the HTTP header, may be empty) only serves to recognise what is not supported.
    ///
    /// # Errors
    /// It is malformed, too large, or neither an image nor an index of images.
    pub fn parse(bytes: &[u8], media_type: &str, limits: &Limits) -> Result<Document, ManifestError> {
        const WHAT: &str = "the manifest";
        if bytes.len() as u64 > limits.manifest_bytes_max {
            return Err(ManifestError::Limit { what: WHAT, max: limits.manifest_bytes_max, unit: "bytes" });
        }
        let raw: RawDocument = serde_json::from_slice(bytes)
            .map_err(|source| ManifestError::Malformed { what: WHAT, source })?;
        let own_type = raw.media_type.as_deref().unwrap_or(media_type);
        if raw.schema_version == 1 || own_type.starts_with(DOCKER_SCHEMA_1) {
            return Err(ManifestError::Unsupported(
                "the manifest is of Docker's schema 1, which engines dropped in 2024; push the image again"
                    .to_owned(),
            ));
        }
        match (raw.manifests, raw.config, raw.layers) {
            (Some(manifests), None, None) => index(manifests, limits),
            (None, Some(config), Some(layers)) => manifest(config, layers, raw.artifact_type, limits),
            (Some(_), _, _) => Err(ManifestError::Contradictory {
                what: WHAT,
                reason: "it has both manifests and layers".to_owned(),
            }),
            (None, _, _) => Err(ManifestError::Unsupported(format!(
                "the document ({}) is neither an image manifest nor an index",
                if own_type.is_empty() { "without media type" } else { own_type }
            ))),
        }
    }
}

fn index(manifests: Vec<RawDescriptor>, limits: &Limits) -> Result<Document, ManifestError> {
    let max = limits.index_manifests_max;
    if manifests.len() > max {
        return Err(ManifestError::Limit { what: "the index", max: max as u64, unit: "manifests" });
    }
    Ok(Document::Index(manifests.into_iter().map(Descriptor::from).collect()))
}

fn manifest(
    config: RawDescriptor,
    layers: Vec<RawDescriptor>,
    artifact_type: Option<String>,
    limits: &Limits,
) -> Result<Document, ManifestError> {
    let config = Descriptor::from(config);
    if !matches!(config.media_type.as_str(), "" | OCI_CONFIG | DOCKER_CONFIG) {
        let kind = artifact_type.unwrap_or_else(|| config.media_type.clone());
        return Err(ManifestError::Unsupported(format!(
            "it is no container image but an artifact of type {kind}"
        )));
    }
    if layers.len() > limits.layers_max {
        let max = limits.layers_max as u64;
        return Err(ManifestError::Limit { what: "the manifest", max, unit: "layers" });
    }
    Ok(Document::Manifest(Manifest { config, layers: layers.into_iter().map(Descriptor::from).collect() }))
}

impl Descriptor {
    /// Whether it is no image but BuildKit's statement about one.
    pub fn is_attestation(&self) -> bool {
        let unknown = self
            .platform
            .as_ref()
            .is_some_and(|platform| platform.os == "unknown" && platform.architecture == "unknown");
        unknown || self.annotations.get(REFERENCE_TYPE).is_some_and(|kind| kind == ATTESTATION)
    }

    /// Whether it refers to another index.
    pub fn is_index(&self) -> bool {
        matches!(self.media_type.as_str(), OCI_INDEX | DOCKER_LIST)
    }
}

/// The manifests of an index that `choice` wants. A descriptor without platform is taken whatever the choice, and
/// so is an index inside the index: its own descriptors decide.
///
/// # Errors
/// None fits; the error lists what is on offer.
pub fn choose<'a>(
    manifests: &'a [Descriptor],
    choice: &PlatformChoice,
) -> Result<Vec<&'a Descriptor>, ManifestError> {
    let images: Vec<&Descriptor> =
        manifests.iter().filter(|descriptor| !descriptor.is_attestation()).collect();
    let fits = |wanted: &Platform, descriptor: &Descriptor| match &descriptor.platform {
        Some(platform) => wanted.accepts(platform),
        None => true,
    };
    let (wanted, sole_other_will_do) = match choice {
        PlatformChoice::All => return Ok(images),
        PlatformChoice::Host => (Platform::host(), true),
        PlatformChoice::One(platform) => (platform.clone(), false),
    };
    let fitting: Vec<&Descriptor> = images.iter().copied().filter(|image| fits(&wanted, image)).collect();
    // Windows images come once per version of the system: the first will do. A wish for `arm` without variant is
    // satisfied by the first as well. Descriptors without platform are images of their own.
    let with_platform = fitting.iter().copied().find(|image| image.platform.is_some());
    match (with_platform, fitting.is_empty(), images.as_slice()) {
        (Some(first), _, _) => Ok(vec![best(first, &fitting)]),
        (None, false, _) => Ok(fitting),
        (None, true, [only]) if sole_other_will_do => Ok(vec![*only]),
        (None, true, _) => {
            let offered = images.iter().filter_map(|image| image.platform.clone()).collect();
            Err(ManifestError::Platform { wanted, offered })
        }
    }
}

/// Of several that fit, the highest variant, as engines choose (`arm/v7` before `arm/v6`).
fn best<'a>(first: &'a Descriptor, fitting: &[&'a Descriptor]) -> &'a Descriptor {
    let variant = |descriptor: &Descriptor| {
        descriptor.platform.as_ref().and_then(|platform| platform.variant.clone()).unwrap_or_default()
    };
    fitting
        .iter()
        .copied()
        .filter(|one| one.platform.is_some())
        .fold(first, |best, one| if variant(one) > variant(best) { one } else { best })
}

#[derive(Deserialize)]
struct RawConfig {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    variant: Option<String>,
    created: Option<String>,
    #[serde(default)]
    config: Option<RawRunConfig>,
    #[serde(default)]
    rootfs: Option<RawRootfs>,
    #[serde(default)]
    history: Option<Vec<RawHistory>>,
}

#[derive(Deserialize)]
struct RawRootfs {
    #[serde(default)]
    diff_ids: Option<Vec<Digest>>,
}

#[derive(Deserialize)]
struct RawHistory {
    created: Option<String>,
    created_by: Option<String>,
    #[serde(default)]
    empty_layer: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct RawRunConfig {
    user: Option<String>,
    env: Option<Vec<String>>,
    entrypoint: Option<OneOrMore>,
    cmd: Option<OneOrMore>,
    working_dir: Option<String>,
    exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    volumes: Option<BTreeMap<String, serde_json::Value>>,
    labels: Option<BTreeMap<String, String>>,
    healthcheck: Option<RawHealthcheck>,
}

/// Old builders wrote `"Cmd": "sh"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn into_vec(self) -> Vec<String> {
        match self {
            OneOrMore::One(one) => vec![one],
            OneOrMore::More(more) => more,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawHealthcheck {
    test: Option<Vec<String>>,
}

/// Builds the image that a configuration describes. `stored` are the layers as the manifest names them, lowest
/// first; an archive of old that has no descriptors passes `None`.
///
/// # Errors
/// The configuration is malformed or too large, or has another number of layers than the manifest.
pub fn image(config: &[u8], stored: Option<&[Descriptor]>, limits: &Limits) -> Result<Image, ManifestError> {
    const WHAT: &str = "the image configuration";
    if config.len() as u64 > limits.config_bytes_max {
        return Err(ManifestError::Limit { what: WHAT, max: limits.config_bytes_max, unit: "bytes" });
    }
    let raw: RawConfig =
        serde_json::from_slice(config).map_err(|source| ManifestError::Malformed { what: WHAT, source })?;
    let diff_ids = raw.rootfs.and_then(|rootfs| rootfs.diff_ids).unwrap_or_default();
    let history = raw.history.unwrap_or_default();
    if diff_ids.len() > limits.layers_max {
        return Err(ManifestError::Limit { what: WHAT, max: limits.layers_max as u64, unit: "layers" });
    }
    if history.len() > limits.history_max {
        return Err(ManifestError::Limit {
            what: WHAT,
            max: limits.history_max as u64,
            unit: "history entries",
        });
    }
    if let Some(stored) = stored.filter(|stored| stored.len() != diff_ids.len()) {
        let reason = format!("it has {} layers where the manifest has {}", diff_ids.len(), stored.len());
        return Err(ManifestError::Contradictory { what: WHAT, reason });
    }
    let history: Vec<History> = history.into_iter().map(step).collect();
    let instructions = instructions(&history, diff_ids.len());
    let layers = diff_ids.into_iter().zip(instructions).enumerate();
    let layers = layers.map(|(position, (diff_id, instruction))| {
        let descriptor = stored.and_then(|stored| stored.get(position));
        Layer {
            diff_id,
            digest: descriptor.map(|descriptor| descriptor.digest.clone()),
            media_type: descriptor.map(|descriptor| descriptor.media_type.clone()).unwrap_or_default(),
            size_bytes: descriptor.map_or(0, |descriptor| descriptor.size_bytes),
            instruction,
        }
    });
    Ok(Image {
        platform: Platform {
            os: if raw.os.is_empty() { "linux".to_owned() } else { raw.os },
            architecture: raw.architecture,
            variant: raw.variant.filter(|variant| !variant.is_empty()),
        },
        created: raw.created,
        config: run_config(raw.config.unwrap_or_default()),
        history,
        layers: layers.collect(),
        config_digest: Some(digest_of(Algorithm::Sha256, config)),
        ..Image::default()
    })
}

fn run_config(raw: RawRunConfig) -> ImageConfig {
    let tests = raw.healthcheck.and_then(|check| check.test).unwrap_or_default();
    ImageConfig {
        user: raw.user.unwrap_or_default(),
        env: raw.env.unwrap_or_default(),
        entrypoint: raw.entrypoint.map(OneOrMore::into_vec).unwrap_or_default(),
        cmd: raw.cmd.map(OneOrMore::into_vec).unwrap_or_default(),
        working_dir: raw.working_dir.unwrap_or_default(),
        exposed_ports: raw.exposed_ports.unwrap_or_default().into_keys().collect(),
        volumes: raw.volumes.unwrap_or_default().into_keys().collect(),
        labels: raw.labels.unwrap_or_default(),
        has_healthcheck: tests.first().is_some_and(|first| first != "NONE"),
        healthcheck: tests,
    }
}

fn step(raw: RawHistory) -> History {
    History {
        created_by: instruction(raw.created_by.as_deref().unwrap_or_default()),
        recorded: raw.created_by.unwrap_or_default(),
        created: raw.created,
        empty_layer: raw.empty_layer,
    }
}

/// The instruction as it stood in the Dockerfile: builders record it as `/bin/sh -c #(nop)  CMD ["sh"]`,
/// `/bin/sh -c apt-get update`, `|1 A=b /bin/sh -c make` or `RUN /bin/sh -c make # buildkit`.
fn instruction(created_by: &str) -> String {
    let text = created_by.trim();
    let text = text.strip_suffix("# buildkit").map_or(text, str::trim_end);
    if let Some((_, nop)) = text.split_once("#(nop)") {
        return nop.trim().to_owned();
    }
    let arguments = text.strip_prefix("RUN ").unwrap_or(text);
    let command = match arguments.strip_prefix('|') {
        Some(counted) => counted.split_once("/bin/sh -c ").map(|(_, command)| command),
        None => arguments.strip_prefix("/bin/sh -c "),
    };
    match command {
        Some(command) => format!("RUN {}", command.trim()),
        None => text.to_owned(),
    }
}

/// For each layer the instruction that made it: the history entries that are not marked empty, in order. Where
/// their number differs from the layers' (squashed and repacked images), nothing can be said.
fn instructions(history: &[History], layers: usize) -> Vec<Option<String>> {
    let made: Vec<&History> = history.iter().filter(|step| !step.empty_layer).collect();
    if made.len() != layers {
        return vec![None; layers];
    }
    made.iter().map(|step| Some(step.created_by.clone()).filter(|text| !text.is_empty())).collect()
}

#[cfg(test)]
mod tests;
