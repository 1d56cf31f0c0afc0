//! Images of a registry.

use std::io::{self, Read};

use seawall_inventory::{Image, ImageName, Layer};

use super::resolve::{Part, Root, resolve};
use crate::manifest::{ManifestError, PlatformChoice};
use crate::registry::{Registry, RegistryError};
use crate::{BlobError, Blobs, OpenImage};

/// Why an image of a registry cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum RegistrySourceError {
    /// A document cannot be had.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A document cannot be used.
    #[error("cannot open {name}")]
    Manifest {
        /// The reference.
        name: Box<ImageName>,
        /// Why.
        #[source]
        source: ManifestError,
    },
}

/// Either failure while a name is still implied.
enum Inner {
    Registry(RegistryError),
    Manifest(ManifestError),
}

impl From<ManifestError> for Inner {
    fn from(error: ManifestError) -> Inner {
        Inner::Manifest(error)
    }
}

/// Opens the images that a reference means: one, or with [`PlatformChoice::All`] one for each platform. Manifests
/// and configurations are fetched and checked; layers are streamed when they are opened.
///
/// # Errors
/// A document cannot be had or used, or the platform is not on offer.
pub fn open(
    registry: &Registry,
    name: &ImageName,
    choice: &PlatformChoice,
) -> Result<Vec<OpenImage>, RegistrySourceError> {
    let root = registry.manifest(name)?;
    let root = Root { bytes: root.bytes, digest: root.digest, media_type: root.media_type };
    let images = resolve(root, choice, registry.limits(), &|part, descriptor, bytes_max| {
        let fetched = match part {
            Part::Config => registry.document(name, &descriptor.digest, bytes_max),
            Part::Manifest => {
                registry.manifest(&name.with_digest(descriptor.digest.clone())).map(|fetched| fetched.bytes)
            }
        };
        fetched.map_err(Inner::Registry)
    });
    let images = images.map_err(|error| match error {
        Inner::Registry(error) => RegistrySourceError::Registry(error),
        Inner::Manifest(source) => RegistrySourceError::Manifest { name: Box::new(name.clone()), source },
    })?;
    let opened = images.into_iter().map(|image| OpenImage {
        image: Image { name: Some(name.clone()), ..image },
        blobs: Box::new(RegistryBlobs { registry: registry.clone(), name: name.clone() }),
    });
    Ok(opened.collect())
}

struct RegistryBlobs {
    registry: Registry,
    name: ImageName,
}

impl Blobs for RegistryBlobs {
    fn open(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, BlobError> {
        let error = |source| BlobError {
            diff_id: layer.diff_id.clone(),
            from: format!("registry {}", self.name.registry()),
            source,
        };
        let Some(digest) = &layer.digest else {
            return Err(error(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the manifest names no blob for it",
            )));
        };
        let size = Some(layer.size_bytes).filter(|&size| size > 0);
        self.registry.blob(&self.name, digest, size).map_err(|failure| error(io::Error::other(failure)))
    }
}
