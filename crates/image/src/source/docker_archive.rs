//! What `docker save` and the engines' export write: `manifest.json`, configurations and layers in one tar.
//!
//! Old engines write a directory for each layer and a symbolic link for a layer that occurs twice, newer ones an OCI
//! layout with a `manifest.json` besides; both are read by their `manifest.json`.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use seawall_inventory::{Algorithm, Digest, Layer};
use serde::Deserialize;

use super::choice::{ChoiceError, Offer, select};
use super::members::{Members, MembersError, WHAT};
use crate::limits::Limits;
use crate::manifest::{Descriptor, ManifestError, PlatformChoice, choose, digest_of, image};
use crate::{BlobError, Blobs, OpenImage};

pub(super) const MANIFEST: &str = "manifest.json";

/// Why an archive's images cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum DockerArchiveError {
    /// The file cannot be read.
    #[error("cannot read the archive")]
    Unreadable(#[from] io::Error),
    /// What it holds cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// None of its images is meant.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
}

impl From<MembersError> for DockerArchiveError {
    fn from(error: MembersError) -> DockerArchiveError {
        match error {
            MembersError::Unreadable(error) => DockerArchiveError::Unreadable(error),
            MembersError::Manifest(error) => DockerArchiveError::Manifest(error),
        }
    }
}

/// One image of `manifest.json` (moby, image/spec/v1.2.md, "Combined Image JSON + Filesystem Changeset Format").
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// Opens the images of an engine's export, which are all one, that `choice` wants.
pub(super) fn open_export(
    file: File,
    choice: &PlatformChoice,
    limits: &Limits,
) -> Result<Vec<OpenImage>, DockerArchiveError> {
    let members = Arc::new(Members::index(file, limits)?.sound()?);
    wanted(all(&members, limits)?, choice)
}

/// Opens the images that `reference` and `choice` want of an archive.
pub(super) fn open(
    members: &Arc<Members>,
    reference: Option<&str>,
    choice: &PlatformChoice,
    limits: &Limits,
) -> Result<Vec<OpenImage>, DockerArchiveError> {
    let images = all(members, limits)?;
    let offer = |one: &OpenImage| Offer {
        names: one.image.tags.clone(),
        digest: one.image.config_digest.clone(),
        platform: Some(one.image.platform.clone()),
    };
    let selected = select(&images.iter().map(offer).collect::<Vec<_>>(), reference)?;
    let kept = images.into_iter().enumerate().filter(|(at, _)| selected.contains(at));
    wanted(kept.map(|(_, one)| one).collect(), choice)
}

/// Whether there is a `manifest.json` of Docker's kind: a root file system may have one of its own.
pub(super) fn is_listing(members: &Members, limits: &Limits) -> bool {
    listed(members, limits).is_ok()
}

fn listed(members: &Members, limits: &Limits) -> Result<Vec<Listed>, DockerArchiveError> {
    let listed = members.document(MANIFEST, limits.manifest_bytes_max)?;
    let listed = serde_json::from_slice(&listed)
        .map_err(|source| ManifestError::Malformed { what: "the archive's manifest.json", source })?;
    Ok(listed)
}

fn all(members: &Arc<Members>, limits: &Limits) -> Result<Vec<OpenImage>, DockerArchiveError> {
    let listed = listed(members, limits)?;
    if listed.len() > limits.index_manifests_max {
        let max = limits.index_manifests_max as u64;
        return Err(ManifestError::Limit { what: WHAT, max, unit: "images" }.into());
    }
    listed.iter().map(|one| described(members, one, limits)).collect()
}

fn described(
    members: &Arc<Members>,
    listed: &Listed,
    limits: &Limits,
) -> Result<OpenImage, DockerArchiveError> {
    let config = members.document(&listed.config, limits.config_bytes_max)?;
    let mut described = image(&config, None, limits)?;
    let names = listed.layers.clone().unwrap_or_default();
    if names.len() != described.layers.len() {
        let reason =
            format!("manifest.json has {} layers, the configuration {}", names.len(), described.layers.len());
        return Err(ManifestError::Contradictory { what: WHAT, reason }.into());
    }
    described.tags = listed.repo_tags.clone().unwrap_or_default();
    let mut layers = Vec::new();
    for (layer, name) in described.layers.iter_mut().zip(names) {
        let (start, size) = members.find(&name)?;
        layer.size_bytes = size;
        layer.digest =
            name.strip_prefix("blobs/sha256/").and_then(|hex| format!("sha256:{hex}").parse().ok());
        layers.push((layer.diff_id.clone(), start, size));
    }
    let blobs = Layers { members: Arc::clone(members), layers };
    Ok(OpenImage { image: described, blobs: Box::new(blobs) })
}

/// Chooses as an index would.
fn wanted(opened: Vec<OpenImage>, choice: &PlatformChoice) -> Result<Vec<OpenImage>, DockerArchiveError> {
    let descriptors: Vec<Descriptor> = opened
        .iter()
        .enumerate()
        .map(|(position, one)| Descriptor {
            media_type: String::new(),
            // Only tells them apart: two images may have one configuration.
            digest: digest_of(Algorithm::Sha256, position.to_string().as_bytes()),
            size_bytes: 0,
            platform: Some(one.image.platform.clone()),
            annotations: Default::default(),
        })
        .collect();
    let chosen: Vec<Digest> =
        choose(&descriptors, choice)?.into_iter().map(|one| one.digest.clone()).collect();
    let kept =
        opened.into_iter().zip(descriptors).filter(|(_, descriptor)| chosen.contains(&descriptor.digest));
    Ok(kept.map(|(one, _)| one).collect())
}

/// Layers by their place in the archive.
struct Layers {
    members: Arc<Members>,
    layers: Vec<(Digest, u64, u64)>,
}

impl Blobs for Layers {
    fn open(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, BlobError> {
        match self.layers.iter().find(|(diff_id, _, _)| *diff_id == layer.diff_id) {
            Some((_, start, size)) => Ok(Box::new(self.members.slice(*start, *size))),
            None => Err(BlobError {
                diff_id: layer.diff_id.clone(),
                from: WHAT.to_owned(),
                source: io::ErrorKind::NotFound.into(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
