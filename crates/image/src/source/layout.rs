//! OCI image layouts: `oci-layout`, `index.json` and `blobs/` (image-spec `image-layout.md`), in a directory or in an
//! archive.
//!
//! Every document's digest is checked; a layer's is checked by whoever walks it. In a directory no symbolic link is
//! followed, so that a layout cannot lead to other files of the host.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{CWD, Mode, OFlags, openat};
use seawall_inventory::{Algorithm, Digest, Image, Layer};
use serde::Deserialize;

use super::beneath::open_path;
use super::choice::{ChoiceError, Offer, select};
use super::members::{Members, MembersError};
use super::resolve::{Root, resolve};
use crate::limits::Limits;
use crate::manifest::{
    Descriptor, Document, ManifestError, OCI_INDEX, PlatformChoice, choose, digest_of, verify,
};
use crate::{BlobError, Blobs, OpenImage};

/// The file that marks a directory as a layout.
pub(super) const MARKER: &str = "oci-layout";
/// The entry point.
pub(super) const INDEX: &str = "index.json";
/// Some 30 bytes in practice.
const MARKER_BYTES_MAX: u64 = 4096;
/// Annotations that name an image: the specification's, and containerd's with the full name (BuildKit, Docker).
const NAMES: [&str; 2] = ["io.containerd.image.name", "org.opencontainers.image.ref.name"];
/// What `cosign save` tells images from signatures by.
const COSIGN_KIND: &str = "kind";
const COSIGN: &str = "dev.cosignproject.cosign/";

/// Why a layout's images cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A file of it cannot be read.
    #[error("cannot read {path} of the OCI layout")]
    Unreadable {
        /// Inside the layout; empty for the layout itself.
        path: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A document of it cannot be used.
    #[error("cannot use the OCI layout")]
    Manifest(#[from] ManifestError),
    /// It is of another version.
    #[error("OCI layouts of version {0} are not supported")]
    Version(String),
    /// None of its images is meant.
    #[error("cannot choose an image of the OCI layout")]
    Choice(#[from] ChoiceError),
}

/// `oci-layout`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marker {
    image_layout_version: String,
}

/// Opens the images that a reference (a name, a tag or `@` and a digest) and `choice` mean of the layout in the
/// directory `path`. Without a reference there must be only one, for any number of platforms.
///
/// # Errors
/// A document cannot be read or used, or no image or several are meant; the error lists those that there are.
pub fn open(
    path: &Path,
    reference: Option<&str>,
    choice: &PlatformChoice,
    limits: &Limits,
) -> Result<Vec<OpenImage>, LayoutError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, path, flags, Mode::empty())
        .map_err(|error| LayoutError::Unreadable { path: String::new(), source: error.into() })?;
    let files = Arc::new(Files::Directory { root, shown: path.display().to_string() });
    open_files(&files, reference, choice, limits)
}

/// The same of an archive.
pub(super) fn open_archive(
    members: &Arc<Members>,
    reference: Option<&str>,
    choice: &PlatformChoice,
    limits: &Limits,
) -> Result<Vec<OpenImage>, LayoutError> {
    open_files(&Arc::new(Files::Archive(Arc::clone(members))), reference, choice, limits)
}

fn open_files(
    files: &Arc<Files>,
    reference: Option<&str>,
    choice: &PlatformChoice,
    limits: &Limits,
) -> Result<Vec<OpenImage>, LayoutError> {
    check_version(files)?;
    let bytes = files.document(INDEX, limits.manifest_bytes_max)?;
    let Document::Index(mut listed) = Document::parse(&bytes, OCI_INDEX, limits)? else {
        let reason = "it is a manifest and not an index".to_owned();
        return Err(ManifestError::Contradictory { what: INDEX, reason }.into());
    };
    listed.retain(is_image);
    if reference.is_none() && listed.len() > 1 {
        listed.retain(|descriptor| !is_artifact(files, descriptor, limits));
    }
    let offers: Vec<Offer> = listed.iter().map(offer).collect();
    let selected: Vec<Descriptor> = match select(&offers, reference) {
        Ok(selected) => selected.into_iter().filter_map(|at| listed.get(at).cloned()).collect(),
        // A manifest inside an index inside the index: its digest names it well enough.
        Err(error) => match reference.and_then(digest_in).filter(|digest| files.has(&blob_path(digest))) {
            Some(digest) => vec![Descriptor {
                media_type: String::new(),
                digest,
                size_bytes: 0,
                platform: None,
                annotations: Default::default(),
            }],
            None => return Err(error.into()),
        },
    };
    let mut images = Vec::new();
    for descriptor in once(choose(&selected, choice)?) {
        let bytes = files.document(&blob_path(&descriptor.digest), limits.manifest_bytes_max)?;
        verify("the manifest", &bytes, &descriptor.digest)?;
        let (digest, media_type) = (descriptor.digest.clone(), descriptor.media_type.clone());
        let found =
            resolve::<LayoutError>(Root { bytes, digest, media_type }, choice, limits, &|_, part, max| {
                files.document(&blob_path(&part.digest), max)
            })?;
        let tags = tags(&listed, &descriptor.digest);
        images.extend(found.into_iter().map(|image| Image { tags: tags.clone(), ..image }));
    }
    let is_index = once(selected.iter().collect()).len() > 1;
    let index_digest = is_index.then(|| digest_of(Algorithm::Sha256, &bytes));
    let opened = images.into_iter().map(|mut image| {
        image.index_digest = image.index_digest.take().or_else(|| index_digest.clone());
        OpenImage { image, blobs: Box::new(LayoutBlobs { files: Arc::clone(files) }) }
    });
    Ok(opened.collect())
}

fn check_version(files: &Files) -> Result<(), LayoutError> {
    let bytes = files.document(MARKER, MARKER_BYTES_MAX)?;
    let marker: Marker =
        serde_json::from_slice(&bytes).map_err(|source| ManifestError::Malformed { what: MARKER, source })?;
    match marker.image_layout_version.starts_with("1.") {
        true => Ok(()),
        false => Err(LayoutError::Version(marker.image_layout_version.chars().take(20).collect())),
    }
}

/// Whether it is neither BuildKit's nor cosign's statement about an image.
fn is_image(descriptor: &Descriptor) -> bool {
    let kind = descriptor.annotations.get(COSIGN_KIND).and_then(|kind| kind.strip_prefix(COSIGN));
    !descriptor.is_attestation() && kind.is_none_or(|kind| kind.starts_with("image"))
}

/// Whether its manifest says that it is something else than an image: a signature or an attestation by the image's side.
fn is_artifact(files: &Files, descriptor: &Descriptor, limits: &Limits) -> bool {
    let read = files.document(&blob_path(&descriptor.digest), limits.manifest_bytes_max);
    let parsed = read.map(|bytes| Document::parse(&bytes, &descriptor.media_type, limits));
    matches!(parsed, Ok(Err(ManifestError::Unsupported(_))))
}

fn offer(descriptor: &Descriptor) -> Offer {
    Offer {
        names: NAMES.iter().filter_map(|name| descriptor.annotations.get(*name)).cloned().collect(),
        digest: Some(descriptor.digest.clone()),
        platform: descriptor.platform.clone(),
    }
}

/// The best name of each descriptor with this digest.
fn tags(listed: &[Descriptor], digest: &Digest) -> Vec<String> {
    let mut tags = Vec::new();
    for descriptor in listed.iter().filter(|descriptor| descriptor.digest == *digest) {
        let name = NAMES.iter().find_map(|name| descriptor.annotations.get(*name));
        if let Some(name) = name.filter(|name| !tags.contains(*name)) {
            tags.push(name.clone());
        }
    }
    tags
}

/// An image under two names is listed twice.
fn once(chosen: Vec<&Descriptor>) -> Vec<&Descriptor> {
    let mut kept: Vec<&Descriptor> = Vec::new();
    for descriptor in chosen {
        if !kept.iter().any(|one| one.digest == descriptor.digest) {
            kept.push(descriptor);
        }
    }
    kept
}

fn digest_in(reference: &str) -> Option<Digest> {
    reference.rsplit_once('@').map_or(reference, |(_, digest)| digest).parse().ok()
}

/// `blobs/sha256/<hex>`: a digest that parsed has no other characters.
fn blob_path(digest: &Digest) -> String {
    format!("blobs/{}", digest.to_string().replace(':', "/"))
}

/// Where a layout's files lie.
enum Files {
    Directory { root: OwnedFd, shown: String },
    Archive(Arc<Members>),
}

impl Files {
    fn document(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>, LayoutError> {
        let unreadable = |source| LayoutError::Unreadable { path: path.to_owned(), source };
        match self {
            Files::Directory { root, .. } => {
                let mut bytes = Vec::new();
                let file = open_beneath(root, path).map_err(unreadable)?;
                file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
                match bytes.len() as u64 > bytes_max {
                    true => {
                        let what = "a document of the layout";
                        Err(ManifestError::Limit { what, max: bytes_max, unit: "bytes" }.into())
                    }
                    false => Ok(bytes),
                }
            }
            Files::Archive(members) => members.document(path, bytes_max).map_err(|error| match error {
                MembersError::Unreadable(source) => unreadable(source),
                MembersError::Manifest(error) => error.into(),
            }),
        }
    }

    fn has(&self, path: &str) -> bool {
        match self {
            Files::Directory { root, .. } => open_beneath(root, path).is_ok(),
            Files::Archive(members) => members.has(path),
        }
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Files::Directory { root, .. } => Ok(Box::new(open_beneath(root, path)?)),
            Files::Archive(members) => {
                let (start, size) = members.find(path).map_err(io::Error::other)?;
                Ok(Box::new(members.slice(start, size)))
            }
        }
    }

    fn shown(&self) -> &str {
        match self {
            Files::Directory { shown, .. } => shown,
            Files::Archive(_) => "the OCI archive",
        }
    }
}

fn open_beneath(root: &OwnedFd, path: &str) -> io::Result<File> {
    match open_path(root, path)? {
        Some((file, _)) => Ok(file),
        None => {
            let reason = "there is no such file, or it is a link, which is not followed";
            Err(io::Error::new(io::ErrorKind::NotFound, reason))
        }
    }
}

struct LayoutBlobs {
    files: Arc<Files>,
}

impl Blobs for LayoutBlobs {
    fn open(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, BlobError> {
        let digest = layer.digest.as_ref().unwrap_or(&layer.diff_id);
        self.files.open(&blob_path(digest)).map_err(|source| BlobError {
            diff_id: layer.diff_id.clone(),
            from: self.files.shown().to_owned(),
            source,
        })
    }
}

#[cfg(test)]
mod tests;
