//! An image of Docker or podman whose layers' directories can be read here and now.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use seawall_engine::EngineKind;
use seawall_engine::docker::DockerImage;
use seawall_inventory::{Digest, Layer};

use super::engine::has_digest;
use super::overlay::{Form, LayerTar, is_all_visible, is_readable, owner};
use crate::limits::Limits;
use crate::manifest::{ManifestError, PlatformChoice, image};
use crate::{BlobError, Blobs, OpenImage};

/// Opens an image in place; `None` where its directories or configuration cannot be read or do not fit together.
///
/// # Errors
/// The image is not for the platform asked for, or its configuration cannot be used.
pub(super) fn open(
    kind: EngineKind,
    known: &DockerImage,
    choice: &PlatformChoice,
    limits: &Limits,
) -> Result<Option<OpenImage>, ManifestError> {
    let (Some(overlay), Some(id)) = (&known.overlay, &known.id) else {
        return Ok(None);
    };
    if !is_all_visible() {
        return Ok(None);
    }
    let mut directories = overlay.lower.clone();
    directories.push(overlay.upper.clone());
    if directories.len() != known.diff_ids.len() || !directories.iter().all(|path| is_readable(path)) {
        return Ok(None);
    }
    // The configuration whose digest is the image's id, so that nothing hangs on what the engine tells of it.
    let config = known.config_files.iter().find_map(|path| has_digest(path, id, limits.config_bytes_max));
    let Some(config) = config else {
        return Ok(None);
    };
    let described = image(&config, None, limits)?;
    if described.layers.iter().map(|layer| &layer.diff_id).ne(known.diff_ids.iter()) {
        return Ok(None);
    }
    if let PlatformChoice::One(wanted) = choice
        && !wanted.accepts(&described.platform)
    {
        let offered = vec![described.platform];
        return Err(ManifestError::Platform { wanted: wanted.clone(), offered });
    }
    let form = form(kind, &overlay.upper);
    let layers = known.diff_ids.iter().cloned().zip(directories).collect();
    Ok(Some(OpenImage { image: described, blobs: Box::new(Directories { layers, form }) }))
}

/// Only a podman that is not root's mounts without privileges; Docker's user namespaces are made by a root.
pub(super) fn form(kind: EngineKind, directory: &Path) -> Form {
    match (kind, owner(directory)) {
        (EngineKind::Podman, Some(uid)) if uid != 0 => Form::Rootless,
        (EngineKind::Docker | EngineKind::Podman | EngineKind::Containerd, _) => Form::Privileged,
    }
}

/// Layers by directory.
struct Directories {
    layers: Vec<(Digest, PathBuf)>,
    form: Form,
}

impl Blobs for Directories {
    fn open(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, BlobError> {
        let opened = match self.layers.iter().find(|(diff_id, _)| *diff_id == layer.diff_id) {
            Some((_, directory)) => {
                LayerTar::open(directory, self.form).map_err(|error| (directory.display().to_string(), error))
            }
            None => Err(("the image".to_owned(), io::Error::from(io::ErrorKind::NotFound))),
        };
        match opened {
            Ok(tar) => Ok(Box::new(tar)),
            Err((from, source)) => Err(BlobError { diff_id: layer.diff_id.clone(), from, source }),
        }
    }

    fn is_verbatim(&self, _: &Layer) -> bool {
        false
    }
}
