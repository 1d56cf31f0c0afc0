//! Copies images with everything that is said of them: the images of an index, referrers and what refers to those, and the
//! tags `.sig`, `.att` and `.sbom`. Every digest stays what it is, so every signature counts at the other end too.
//!
//! What is there already is not sent again, so a copy that broke off goes on where it was. The tag comes last: whoever pulls
//! it finds the signatures already there.

use std::collections::BTreeSet;

use seawall_image::manifest::OCI_INDEX;
use seawall_inventory::Digest;
use serde::Deserialize;
use serde_json::{Value, json};

use super::attach::add_to_fallback;
use super::home::{As, Fetched};
use super::legacy::Kind;
use super::{Home, ImageError};
use crate::json;
use crate::limits::{COPY_DEPTH_MAX, COPY_MANIFESTS_MAX};

/// What of an image is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The image with everything that is said of it.
    Everything,
    /// The image alone.
    ImageOnly,
}

/// What was copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Manifests and indexes written.
    pub manifests: usize,
    /// Those of them that say something of another: signatures, attestations, bills of materials.
    pub statements: usize,
    /// Blobs sent.
    pub blobs: usize,
    /// Their size.
    pub bytes: u64,
    /// Blobs that were there already.
    pub present: usize,
    /// Layers that lie elsewhere by their manifest's own word, and were not to be had here.
    pub foreign: usize,
}

/// A manifest or index, as far as it names others.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    config: Option<Part>,
    #[serde(default)]
    layers: Vec<Part>,
    #[serde(default)]
    manifests: Vec<Part>,
    subject: Option<Part>,
    artifact_type: Option<String>,
    #[serde(default)]
    annotations: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    digest: Digest,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    urls: Vec<String>,
}

/// Copies what `from` means to where `to` is, under its tag where it has one, and gives the digest.
///
/// # Errors
/// Something cannot be had or stored; what was stored stays, and the tag is not moved.
pub fn copy(from: &Home, to: &Home, extent: Extent) -> Result<(Digest, Copied), ImageError> {
    to.prepare()?;
    let root = from.root()?;
    let mut copying = Copying { from, to, extent, seen: BTreeSet::new(), copied: Copied::default() };
    let digest = root.pinned.digest.clone();
    copying.manifest(&root, As::Child, 0)?;
    to.store(&root, to.tag_of(from).as_deref().map_or(As::Image(None), |tag| As::Image(Some(tag))))?;
    Ok((digest, copying.copied))
}

struct Copying<'a> {
    from: &'a Home,
    to: &'a Home,
    extent: Extent,
    seen: BTreeSet<Digest>,
    copied: Copied,
}

impl Copying<'_> {
    /// Copies what a manifest names, then the manifest, then what is said of it.
    fn manifest(&mut self, fetched: &Fetched, kind: As<'_>, depth: usize) -> Result<(), ImageError> {
        let digest = &fetched.pinned.digest;
        if !self.seen.insert(digest.clone()) {
            return Ok(());
        }
        if depth > COPY_DEPTH_MAX || self.seen.len() > COPY_MANIFESTS_MAX {
            let reason = format!("more than {COPY_MANIFESTS_MAX} manifests, or one in another without end");
            return Err(ImageError::Document { what: "the image".to_owned(), reason });
        }
        let named: Named = json::read(&fetched.bytes).map_err(|error| ImageError::Document {
            what: format!("the manifest {digest}"),
            reason: error.to_string(),
        })?;
        for child in &named.manifests {
            let child = self.from.manifest(&child.digest)?;
            self.manifest(&child, As::Child, depth + 1)?;
        }
        for part in named.config.iter().chain(&named.layers) {
            self.blob(part)?;
        }
        let lists_referrers = self.to.store(fetched, kind)?;
        self.copied.manifests += 1;
        if let (Some(subject), As::Referrer, false) = (&named.subject, kind, lists_referrers) {
            add_to_fallback(self.to, &subject.digest, &entry(fetched, &named))?;
        }
        match self.extent {
            Extent::Everything => self.said_of(digest, depth),
            Extent::ImageOnly => Ok(()),
        }
    }

    /// Copies what refers to a manifest, and the tags that are made of its digest.
    fn said_of(&mut self, digest: &Digest, depth: usize) -> Result<(), ImageError> {
        for referrer in self.from.referrers(digest)? {
            let fetched = self.from.manifest(&referrer.digest)?;
            self.copied.statements += usize::from(!self.seen.contains(&referrer.digest));
            self.manifest(&fetched, As::Referrer, depth + 1)?;
        }
        for kind in Kind::TAGS {
            let tag = kind.tag(digest);
            if let Some(fetched) = self.from.tagged(&tag)? {
                self.copied.statements += usize::from(!self.seen.contains(&fetched.pinned.digest));
                self.manifest(&fetched, As::Child, depth + 1)?;
                self.to.store(&fetched, As::Beside(&tag))?;
            }
        }
        Ok(())
    }

    fn blob(&mut self, part: &Part) -> Result<(), ImageError> {
        if self.to.has_blob(&part.digest, part.size)? {
            self.copied.present += 1;
            return Ok(());
        }
        let stream = match self.from.open_blob(&part.digest, part.size) {
            Ok(stream) => stream,
            // Layers that may not be distributed lie where their address says, for whoever may have them.
            Err(error) if !part.urls.is_empty() && error.is_not_found() => {
                self.copied.foreign += 1;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.to.put_stream(&part.digest, part.size, stream)?;
        self.copied.blobs += 1;
        self.copied.bytes += part.size;
        Ok(())
    }
}

/// What the fallback tag says of a referrer.
fn entry(fetched: &Fetched, named: &Named) -> Value {
    let config = named.config.as_ref().map(|config| config.media_type.clone());
    let kind = named.artifact_type.clone().or(config).unwrap_or_default();
    let pinned = &fetched.pinned;
    let media_type = if pinned.media_type.is_empty() { OCI_INDEX } else { pinned.media_type.as_str() };
    let mut entry = json!({
        "mediaType": media_type, "digest": pinned.digest, "size": pinned.size_bytes, "artifactType": kind,
    });
    if !named.annotations.is_null() {
        entry["annotations"] = named.annotations.clone();
    }
    entry
}
