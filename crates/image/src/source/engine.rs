//! Images of container engines.
//!
//! Engines are tried in order. Docker's and podman's unpacked layers are read in place where this process may;
//! otherwise the image is exported into an unlinked temporary file. containerd keeps blobs as they came and gives
//! them one by one.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use seawall_engine::containerd::ContainerdImage;
use seawall_engine::docker::DockerImage;
use seawall_engine::{Containerd, Docker, Endpoint, Engine, EngineError};
use seawall_inventory::{Algorithm, Digest, ImageName, Layer};

use super::docker_archive::{DockerArchiveError, open_export};
use super::in_place;
use super::resolve::{Root, resolve};
use super::spool::spool;
use crate::limits::Limits;
use crate::manifest::{ManifestError, PlatformChoice, digest_of};
use crate::{BlobError, Blobs, OpenImage};

/// How to get images and containers from engines.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The engines, in the order to try them.
    pub endpoints: Vec<Endpoint>,
    /// Whether to read an engine's directories.
    pub in_place: InPlace,
    /// Where exports go, which take as much room as the image has uncompressed; `None` is the system's place.
    pub temporary: Option<PathBuf>,
    /// What images may take.
    pub limits: Limits,
}

/// Whether to read an engine's directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InPlace {
    /// Where this process may and they say all there is.
    #[default]
    WherePossible,
    /// Never; ask the engine for an export.
    Never,
}

/// Why no engine gave an image or container.
#[derive(Debug, thiserror::Error)]
pub enum EngineSourceError {
    /// None of them has it, or none could be asked.
    #[error("no engine has {wanted}{}", list(tried))]
    Nowhere {
        /// The reference or container name.
        wanted: String,
        /// Each engine that was tried, and why it did not do.
        tried: Vec<Tried>,
    },
    /// An engine has it and cannot give it.
    #[error("cannot get {wanted} from {endpoint}")]
    Engine {
        /// The reference or container name.
        wanted: String,
        /// The engine.
        endpoint: String,
        /// Why.
        #[source]
        source: Box<EngineFailure>,
    },
}

/// Why an engine's image cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum EngineFailure {
    /// The engine fails.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Its manifest or configuration cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The export cannot be stored or read.
    #[error("cannot read what the engine exports")]
    Export(#[source] io::Error),
}

impl From<DockerArchiveError> for EngineFailure {
    fn from(error: DockerArchiveError) -> EngineFailure {
        match error {
            DockerArchiveError::Unreadable(error) => EngineFailure::Export(error),
            DockerArchiveError::Manifest(error) => EngineFailure::Manifest(error),
            DockerArchiveError::Choice(error) => EngineFailure::Export(io::Error::other(error)),
        }
    }
}

/// An engine that was tried in vain.
#[derive(Debug)]
pub struct Tried {
    /// The engine.
    pub endpoint: Endpoint,
    /// Why it did not do.
    pub error: EngineError,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.endpoint, self.error.failure)
    }
}

/// Engines that are not there are told only where no other is: that is the question then.
fn list(tried: &[Tried]) -> String {
    let any_there = tried.iter().any(|one| !one.error.failure.is_absent());
    let told: Vec<String> = tried
        .iter()
        .filter(|one| !any_there || !one.error.failure.is_absent())
        .map(|one| format!("\n  {one}"))
        .collect();
    match told.is_empty() {
        true => "; there was none to try".to_owned(),
        false => format!("; tried:{}", told.concat()),
    }
}

/// Opens the image that a reference, an image id or the beginning of one means to the first engine that has it.
///
/// # Errors
/// No engine has it, or the one that does cannot give it.
pub fn open(
    reference: &str,
    choice: &PlatformChoice,
    options: &EngineOptions,
) -> Result<Vec<OpenImage>, EngineSourceError> {
    first(reference, options, |engine| match engine {
        Engine::Docker(docker) => {
            let image = docker.image(reference)?;
            from_docker(docker, &image, reference, choice, options)
        }
        Engine::Containerd(containerd) => {
            let image = containerd_image(&containerd, reference)?;
            from_containerd(Arc::new(containerd), &image, reference, choice, &options.limits)
        }
    })
}

/// What the first engine says that has `wanted`.
pub(super) fn first<T>(
    wanted: &str,
    options: &EngineOptions,
    ask: impl Fn(Engine) -> Result<T, EngineFailure>,
) -> Result<T, EngineSourceError> {
    let mut tried = Vec::new();
    for endpoint in &options.endpoints {
        let failure = match Engine::connect(endpoint) {
            Ok(engine) => match ask(engine) {
                Ok(found) => return Ok(found),
                Err(failure) => failure,
            },
            Err(error) => {
                tried.push(Tried { endpoint: endpoint.clone(), error });
                continue;
            }
        };
        if let EngineFailure::Engine(error) = failure {
            if error.failure.is_not_found() {
                tried.push(Tried { endpoint: endpoint.clone(), error });
                continue;
            }
            return Err(given_up(wanted, endpoint, EngineFailure::Engine(error)));
        }
        return Err(given_up(wanted, endpoint, failure));
    }
    Err(EngineSourceError::Nowhere { wanted: wanted.to_owned(), tried })
}

fn given_up(wanted: &str, endpoint: &Endpoint, failure: EngineFailure) -> EngineSourceError {
    let (wanted, endpoint) = (wanted.to_owned(), endpoint.to_string());
    EngineSourceError::Engine { wanted, endpoint, source: Box::new(failure) }
}

/// An image of Docker or podman: in place, or else by export.
pub(super) fn from_docker(
    docker: Docker,
    image: &DockerImage,
    reference: &str,
    choice: &PlatformChoice,
    options: &EngineOptions,
) -> Result<Vec<OpenImage>, EngineFailure> {
    let mut images = Vec::new();
    if options.in_place == InPlace::WherePossible && docker.is_local() {
        let kind = docker.version().kind;
        images.extend(in_place::open(kind, image, choice, &options.limits)?);
    }
    if images.is_empty() {
        let export = docker.export_image(reference)?;
        let spooled = spool(export, options.temporary.as_deref(), options.limits.archive_bytes_max);
        images = open_export(spooled.map_err(EngineFailure::Export)?, choice, &options.limits)?;
    }
    let name: Option<ImageName> = reference.parse().ok();
    for opened in &mut images {
        opened.image.digest = opened.image.digest.take().or_else(|| manifest_digest(image, name.as_ref()));
        if opened.image.tags.is_empty() {
            opened.image.tags = image.tags.clone();
        }
        // An id is a well-formed name too, of a repository that nobody has.
        opened.image.name = name.clone().filter(|_| !is_id(image, reference));
    }
    Ok(images)
}

fn is_id(image: &DockerImage, reference: &str) -> bool {
    let digits = reference.strip_prefix("sha256:").unwrap_or(reference);
    image.id.as_ref().is_some_and(|id| !digits.is_empty() && id.hex().starts_with(digits))
}

/// The manifest's digest that the engine recorded when it pulled or pushed the image under this repository.
fn manifest_digest(image: &DockerImage, name: Option<&ImageName>) -> Option<Digest> {
    let recorded = || image.repo_digests.iter().filter_map(|text| text.parse::<ImageName>().ok());
    let same = |one: &ImageName| {
        name.is_some_and(|name| name.registry() == one.registry() && name.repository() == one.repository())
    };
    recorded().find(same).or_else(|| recorded().next()).and_then(|one| one.digest().cloned())
}

/// An image of containerd by any form of its reference.
pub(super) fn containerd_image(
    containerd: &Containerd,
    reference: &str,
) -> Result<ContainerdImage, EngineError> {
    let full = reference.parse::<ImageName>().map(|name| name.to_string());
    let mut last = None;
    for name in [Some(reference.to_owned()), full.ok()].into_iter().flatten() {
        match containerd.image(&name) {
            Err(error) if error.failure.is_not_found() => last = Some(error),
            other => return other,
        }
    }
    let digits = reference.strip_prefix("sha256:").unwrap_or(reference);
    let is_id = digits.len() >= 7 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id
        && let Some(image) = containerd.list()?.into_iter().find(|one| one.digest.hex().starts_with(digits))
    {
        return Ok(image);
    }
    match last {
        Some(error) => Err(error),
        None => containerd.image(reference),
    }
}

/// An image of containerd's content store.
pub(super) fn from_containerd(
    containerd: Arc<Containerd>,
    image: &ContainerdImage,
    reference: &str,
    choice: &PlatformChoice,
    limits: &Limits,
) -> Result<Vec<OpenImage>, EngineFailure> {
    let read = |digest: &Digest, bytes_max: u64| -> Result<Vec<u8>, EngineFailure> {
        let mut bytes = Vec::new();
        let reader = containerd.blob(&image.namespace, digest)?;
        reader.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(EngineFailure::Export)?;
        Ok(bytes)
    };
    let bytes = read(&image.digest, limits.manifest_bytes_max)?;
    crate::manifest::verify("the manifest", &bytes, &image.digest)?;
    let root = Root { bytes, digest: image.digest.clone(), media_type: image.media_type.clone() };
    let images = resolve::<EngineFailure>(root, choice, limits, &|_, descriptor, bytes_max| {
        read(&descriptor.digest, bytes_max)
    })?;
    let name = image.name.parse::<ImageName>().or_else(|_| reference.parse()).ok();
    let opened = images.into_iter().map(|mut one| {
        one.name = name.clone();
        one.tags = vec![image.name.clone()];
        let blobs = Content { containerd: Arc::clone(&containerd), namespace: image.namespace.clone() };
        OpenImage { image: one, blobs: Box::new(blobs) }
    });
    Ok(opened.collect())
}

/// containerd's content store.
struct Content {
    containerd: Arc<Containerd>,
    namespace: String,
}

impl Blobs for Content {
    fn open(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, BlobError> {
        let digest = layer.digest.as_ref().unwrap_or(&layer.diff_id);
        self.containerd.blob(&self.namespace, digest).map_err(|error| BlobError {
            diff_id: layer.diff_id.clone(),
            from: self.containerd.endpoint().to_string(),
            source: io::Error::other(error),
        })
    }
}

/// Whether a file has this digest; such a file is what its name says.
pub(super) fn has_digest(path: &std::path::Path, expected: &Digest, bytes_max: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(bytes_max).read_to_end(&mut bytes).ok()?;
    let algorithm: Algorithm = expected.algorithm();
    (digest_of(algorithm, &bytes) == *expected).then_some(bytes)
}

#[cfg(test)]
pub(super) mod tests;
