//! From a reference's document to the images it means: index → platform → manifest → configuration.

use seawall_inventory::Digest;

use crate::limits::Limits;
use crate::manifest::{Descriptor, Document, Manifest, ManifestError, PlatformChoice, choose, image, verify};

/// A document as a source gave it, its digest checked.
pub(super) struct Root {
    pub(super) bytes: Vec<u8>,
    pub(super) digest: Digest,
    pub(super) media_type: String,
}

/// What is fetched: registries keep manifests and blobs at different addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Manifest,
    Config,
}

/// Gives the document that a descriptor names, at most so many bytes.
pub(super) type Fetch<'a, E> = dyn Fn(Part, &Descriptor, u64) -> Result<Vec<u8>, E> + 'a;

/// The images that `root` means to `choice`, described but without their layers' blobs.
pub(super) fn resolve<E: From<ManifestError>>(
    root: Root,
    choice: &PlatformChoice,
    limits: &Limits,
    fetch: &Fetch<'_, E>,
) -> Result<Vec<seawall_inventory::Image>, E> {
    let Root { bytes, digest, media_type } = root;
    let mut images = Vec::new();
    match Document::parse(&bytes, &media_type, limits)? {
        Document::Manifest(manifest) => {
            let mut one = described(&manifest, limits, fetch)?;
            if let PlatformChoice::One(wanted) = choice
                && !wanted.accepts(&one.platform)
            {
                let offered = vec![one.platform];
                return Err(ManifestError::Platform { wanted: wanted.clone(), offered }.into());
            }
            one.digest = Some(digest);
            images.push(one);
        }
        Document::Index(descriptors) => {
            let mut found = Vec::new();
            collect(&descriptors, choice, limits, fetch, 1, &mut found)?;
            for (descriptor, manifest) in found {
                let mut one = described(&manifest, limits, fetch)?;
                one.digest = Some(descriptor.digest);
                one.index_digest = Some(digest.clone());
                images.push(one);
            }
        }
    }
    Ok(images)
}

fn collect<E: From<ManifestError>>(
    descriptors: &[Descriptor],
    choice: &PlatformChoice,
    limits: &Limits,
    fetch: &Fetch<'_, E>,
    depth: usize,
    found: &mut Vec<(Descriptor, Manifest)>,
) -> Result<(), E> {
    let too_many = |what, max: usize, unit| ManifestError::Limit { what, max: max as u64, unit };
    if depth > limits.index_depth_max {
        return Err(too_many("the index", limits.index_depth_max, "levels").into());
    }
    for descriptor in choose(descriptors, choice)? {
        if found.len() >= limits.index_manifests_max {
            return Err(too_many("the index", limits.index_manifests_max, "manifests").into());
        }
        let bytes = fetch(Part::Manifest, descriptor, limits.manifest_bytes_max)?;
        verify("the manifest", &bytes, &descriptor.digest)?;
        match Document::parse(&bytes, &descriptor.media_type, limits)? {
            Document::Manifest(manifest) => found.push((descriptor.clone(), manifest)),
            Document::Index(inner) => collect(&inner, choice, limits, fetch, depth + 1, found)?,
        }
    }
    Ok(())
}

fn described<E: From<ManifestError>>(
    manifest: &Manifest,
    limits: &Limits,
    fetch: &Fetch<'_, E>,
) -> Result<seawall_inventory::Image, E> {
    let config = fetch(Part::Config, &manifest.config, limits.config_bytes_max)?;
    verify("the image configuration", &config, &manifest.config.digest)?;
    let mut described = image(&config, Some(&manifest.layers), limits)?;
    // `image` hashes with SHA-256; the manifest may name the configuration otherwise.
    described.config_digest = Some(manifest.config.digest.clone());
    Ok(described)
}
