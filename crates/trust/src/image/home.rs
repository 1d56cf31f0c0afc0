//! Where an image and what belongs to it lie: a repository of a registry, or an OCI layout in a directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use seawall_image::manifest::{OCI_INDEX, OCI_MANIFEST, digest_of};
use seawall_image::registry::{Failure, Registry};
use seawall_inventory::{Algorithm, Digest, ImageName};
use serde::Deserialize;
use serde_json::{Value, json};

use super::layout::{self, failed, read_blob, read_file, replace};
use super::{ImageError, Pinned};
use crate::limits::MANIFEST_BYTES_MAX;

const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Where an image lies.
#[derive(Debug, Clone)]
pub enum Home {
    /// In a registry, by this name.
    Registry(Registry, Box<ImageName>),
    /// In a layout, by this tag or digest; the only one where neither is said.
    Layout(PathBuf, Option<String>),
}

/// What a manifest is where it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum As<'t> {
    /// Part of something else.
    Child,
    /// What refers to another manifest.
    Referrer,
    /// The image itself, under a tag where there is one.
    Image(Option<&'t str>),
    /// What a tag made of an image's digest means.
    Beside(&'t str),
}

/// A manifest and what it is.
pub(super) struct Fetched {
    pub(super) pinned: Pinned,
    pub(super) bytes: Vec<u8>,
}

impl Home {
    /// The name that signatures of the older generation are made for.
    pub(super) fn repository(&self) -> String {
        match self {
            Home::Registry(_, name) => match name.registry() {
                "docker.io" => format!("index.docker.io/{}", name.repository()),
                registry => format!("{registry}/{}", name.repository()),
            },
            Home::Layout(..) => String::new(),
        }
    }

    /// The repository's whole name, by which policies know it; a layout has none.
    pub fn scope(&self) -> String {
        match self {
            Home::Registry(_, name) => format!("{}/{}", name.registry(), name.repository()),
            Home::Layout(..) => String::new(),
        }
    }

    /// What the name means now. Asked once: whoever goes on does so by the digest.
    pub(super) fn root(&self) -> Result<Fetched, ImageError> {
        match self {
            Home::Registry(registry, name) => {
                let fetched = registry.manifest(name)?;
                Ok(self::fetched(fetched.digest, fetched.media_type, fetched.bytes))
            }
            Home::Layout(path, reference) => {
                let index = index(path)?;
                let entry = index.choose(reference.as_deref()).ok_or_else(|| ImageError::Document {
                    what: path.display().to_string(),
                    reason: "it has no such image, or several and none was named".to_owned(),
                })?;
                self.manifest(&entry.digest)
            }
        }
    }

    /// A manifest by its digest.
    pub(super) fn manifest(&self, digest: &Digest) -> Result<Fetched, ImageError> {
        match self {
            Home::Registry(registry, name) => {
                let fetched = registry.manifest(&name.with_digest(digest.clone()))?;
                Ok(self::fetched(fetched.digest, fetched.media_type, fetched.bytes))
            }
            Home::Layout(path, _) => {
                let bytes = read_blob(path, digest, MANIFEST_BYTES_MAX)?;
                let stated: Stated = crate::json::read(&bytes).unwrap_or_default();
                let kind = if stated.manifests.is_some() { OCI_INDEX } else { OCI_MANIFEST };
                let media_type = stated.media_type.unwrap_or_else(|| kind.to_owned());
                Ok(self::fetched(digest.clone(), media_type, bytes))
            }
        }
    }

    /// A blob by its digest.
    pub(super) fn blob(&self, digest: &Digest, bytes_max: u64) -> Result<Vec<u8>, ImageError> {
        match self {
            Home::Registry(registry, name) => Ok(registry.document(name, digest, bytes_max)?),
            Home::Layout(path, _) => read_blob(path, digest, bytes_max),
        }
    }

    /// What refers to a digest.
    pub(super) fn referrers(&self, of: &Digest) -> Result<Vec<Pinned>, ImageError> {
        match self {
            Home::Registry(registry, name) => {
                let pinned = |referrer: seawall_image::registry::Referrer| Pinned {
                    digest: referrer.digest,
                    media_type: referrer.media_type,
                    size_bytes: referrer.size,
                };
                Ok(registry.referrers(name, of)?.into_iter().map(pinned).collect())
            }
            Home::Layout(path, _) => {
                let mut referrers = Vec::new();
                for entry in index(path)?.manifests {
                    let fetched = self.manifest(&entry.digest)?;
                    let stated: Stated = crate::json::read(&fetched.bytes).unwrap_or_default();
                    if stated.subject.is_some_and(|subject| subject.digest == *of) {
                        referrers.push(fetched.pinned);
                    }
                }
                Ok(referrers)
            }
        }
    }

    /// The bytes of a tag's manifest; `None` where there is no such tag, and only then.
    pub(super) fn tag(&self, tag: &str) -> Result<Option<Vec<u8>>, ImageError> {
        Ok(self.tagged(tag)?.map(|fetched| fetched.bytes))
    }

    /// The manifest of a tag; `None` where there is no such tag, and only then.
    pub(super) fn tagged(&self, tag: &str) -> Result<Option<Fetched>, ImageError> {
        match self {
            Home::Registry(registry, name) => match registry.tagged_manifest(name, tag) {
                Ok(got) => Ok(Some(self::fetched(got.digest, got.media_type, got.bytes))),
                Err(error) if matches!(error.failure, Failure::NotFound(_)) => Ok(None),
                Err(error) => Err(error.into()),
            },
            Home::Layout(path, _) => {
                let index = index(path)?;
                let named = index.manifests.iter().find(|entry| entry.name() == Some(tag));
                named.map(|entry| self.manifest(&entry.digest)).transpose()
            }
        }
    }

    /// Stores a blob.
    pub(super) fn put_blob(&self, bytes: &[u8]) -> Result<Digest, ImageError> {
        match self {
            Home::Registry(registry, name) => Ok(registry.push_blob(name, bytes)?),
            Home::Layout(path, _) => {
                let digest = digest_of(Algorithm::Sha256, bytes);
                layout::write_blob(path, &digest, bytes)?;
                Ok(digest)
            }
        }
    }

    /// Stores a manifest, under a tag where one is given. Whether the place itself lists it as a referrer.
    pub(super) fn put_manifest(
        &self,
        tag: Option<&str>,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<bool, ImageError> {
        let digest = digest_of(Algorithm::Sha256, bytes);
        let fetched = fetched(digest, media_type.to_owned(), bytes.to_vec());
        self.store(&fetched, tag.map_or(As::Referrer, As::Beside))
    }

    /// Stores a manifest that has its digest already. Whether the place itself lists it as a referrer.
    pub(super) fn store(&self, fetched: &Fetched, kind: As<'_>) -> Result<bool, ImageError> {
        let Fetched { pinned, bytes } = fetched;
        match self {
            Home::Registry(registry, name) => {
                let digest = pinned.digest.to_string();
                let reference = match kind {
                    As::Image(Some(tag)) | As::Beside(tag) => tag,
                    As::Child | As::Referrer | As::Image(None) => &digest,
                };
                let pushed = registry.push_manifest(name, Some(reference), &pinned.media_type, bytes)?;
                Ok(pushed.lists_referrers)
            }
            Home::Layout(path, _) => {
                layout::write_blob(path, &pinned.digest, bytes)?;
                if kind != As::Child {
                    add_to_index(path, kind, pinned)?;
                }
                Ok(true)
            }
        }
    }

    /// Makes ready what is to be written to: a layout that is not there yet.
    pub(super) fn prepare(&self) -> Result<(), ImageError> {
        let Home::Layout(path, _) = self else { return Ok(()) };
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let directory = path.join("blobs").join(algorithm.name());
            fs::create_dir_all(&directory).map_err(failed("make", &directory))?;
        }
        for (name, text) in [
            ("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#),
            ("index.json", r#"{"schemaVersion":2,"manifests":[]}"#),
        ] {
            let path = path.join(name);
            if !path.exists() {
                replace(&path, text.as_bytes())?;
            }
        }
        Ok(())
    }

    /// The tag under which a copy is to be known: its own, or what a layout's image was known by.
    pub(super) fn tag_of(&self, from: &Home) -> Option<String> {
        let own = |home: &Home| match home {
            Home::Registry(_, name) if name.digest().is_none() => name.tag().map(str::to_owned),
            Home::Registry(..) => None,
            Home::Layout(_, reference) => reference.clone().filter(|text| !text.contains(':')),
        };
        match self {
            Home::Registry(..) => own(self),
            Home::Layout(..) => own(self).or_else(|| own(from)),
        }
    }

    /// Whether a blob is there. Of a registry that is its word; in a layout the blob is read.
    pub(super) fn has_blob(&self, digest: &Digest, size: u64) -> Result<bool, ImageError> {
        match self {
            Home::Registry(registry, name) => Ok(registry.has_blob(name, digest)?),
            Home::Layout(path, _) => Ok(layout::has_blob(path, digest, size)),
        }
    }

    /// A blob as a stream whose digest nobody has compared yet.
    pub(super) fn open_blob(
        &self,
        digest: &Digest,
        size: u64,
    ) -> Result<Box<dyn io::Read + Send>, ImageError> {
        match self {
            Home::Registry(registry, name) => Ok(registry.blob(name, digest, Some(size))?),
            Home::Layout(path, _) => Ok(Box::new(layout::open_blob(path, digest, size)?)),
        }
    }

    /// Stores a blob from a stream, if it has this digest.
    pub(super) fn put_stream(
        &self,
        digest: &Digest,
        size: u64,
        mut from: Box<dyn io::Read + Send>,
    ) -> Result<(), ImageError> {
        match self {
            Home::Registry(registry, name) => Ok(registry.push_stream(name, digest, &mut from)?),
            Home::Layout(path, _) => layout::write_stream(path, digest, size, from),
        }
    }
}

fn fetched(digest: Digest, media_type: String, bytes: Vec<u8>) -> Fetched {
    Fetched { pinned: Pinned { digest, media_type, size_bytes: bytes.len() as u64 }, bytes }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stated {
    media_type: Option<String>,
    manifests: Option<Vec<Value>>,
    subject: Option<Entry>,
}

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    digest: Digest,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

impl Entry {
    fn name(&self) -> Option<&str> {
        self.annotations.get(REF_NAME).map(String::as_str)
    }
}

impl Index {
    /// The entry that a tag or digest means; without one the only entry, signatures' tags aside.
    fn choose(&self, reference: Option<&str>) -> Option<&Entry> {
        match reference {
            Some(reference) => self
                .manifests
                .iter()
                .find(|entry| entry.name() == Some(reference) || entry.digest.to_string() == reference),
            None => {
                let is_image = |entry: &&Entry| !entry.annotations.contains_key(REFERS);
                let mut images = self.manifests.iter().filter(is_image);
                images.next().filter(|_| images.next().is_none())
            }
        }
    }
}

/// Marks what we add to a layout, so that it is not taken for an image.
const REFERS: &str = "dev.seawall.refers";

fn index(layout: &Path) -> Result<Index, ImageError> {
    let path = layout.join("index.json");
    let bytes = read_file(&path, MANIFEST_BYTES_MAX)?;
    crate::json::read(&bytes).map_err(|error| unreadable(&path, &error))
}

fn unreadable(path: &Path, error: &serde_json::Error) -> ImageError {
    ImageError::Document { what: path.display().to_string(), reason: error.to_string() }
}

fn add_to_index(layout: &Path, kind: As<'_>, pinned: &Pinned) -> Result<(), ImageError> {
    let path = layout.join("index.json");
    let bytes = read_file(&path, MANIFEST_BYTES_MAX)?;
    let mut index: Value = crate::json::value(&bytes).map_err(|error| unreadable(&path, &error))?;
    let Some(manifests) = index.get_mut("manifests").and_then(Value::as_array_mut) else {
        return Err(ImageError::Document {
            what: path.display().to_string(),
            reason: "it lists no manifests".to_owned(),
        });
    };
    let (tag, is_image) = match kind {
        As::Image(tag) => (tag, true),
        As::Beside(tag) => (Some(tag), false),
        As::Child | As::Referrer => (None, false),
    };
    let digest = pinned.digest.to_string();
    let name = |entry: &Value| entry["annotations"][REF_NAME].as_str().map(str::to_owned);
    // An image may have several tags; a tag means one thing.
    let is_replaced = |entry: &Value| match (tag, name(entry)) {
        (Some(tag), Some(name)) => tag == name,
        (_, named) => entry["digest"] == digest.as_str() && named.is_none(),
    };
    manifests.retain(|entry| !is_replaced(entry));
    let mut annotations = json!({});
    if !is_image {
        annotations[REFERS] = json!("true");
    }
    if let Some(tag) = tag {
        annotations[REF_NAME] = json!(tag);
    }
    manifests.push(json!({
        "mediaType": pinned.media_type, "digest": digest, "size": pinned.size_bytes, "annotations": annotations,
    }));
    let bytes = serde_json::to_vec(&index).map_err(|error| unreadable(&path, &error))?;
    replace(&path, &bytes)
}
