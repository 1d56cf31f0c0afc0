//! Signatures and attestations of images: where they lie in a registry, which are there, and whether they count.
//!
//! Two generations are read: bundles as referrers (cosign 3) and the tags `.sig` and `.att` (before). A registry that
//! does not tell is an error and never "no signatures".

use jiff::Timestamp;
use seawall_image::Limits;
use seawall_image::manifest::{DOCKER_LIST, Descriptor, Document, OCI_INDEX};
use seawall_image::registry::{Failure, RegistryError};
use seawall_inventory::Digest;
use serde::Deserialize;

use crate::bundle::Bundle;
use crate::json;
use crate::limits::{ARTIFACTS_MAX, BUNDLE_BYTES_MAX, EVIDENCE_BYTES_MAX, INDEX_DEPTH_MAX, INDEX_IMAGES_MAX};
use crate::notation;
use crate::sign::SignError;
use crate::statement::COSIGN_SIGN;
use crate::verify::{Artifact, Refusal, Verified, Wanted, verify_any};

mod attach;
pub mod copy;
mod home;
mod layout;
pub(crate) mod legacy;

pub use attach::{attest, sign, sign_simply};
pub use home::Home;
pub use layout::LayoutError;

/// The beginning of every media type that bundles had.
const BUNDLE_PREFIX: &str = "application/vnd.dev.sigstore.bundle";

/// What happened between us and where the image lies.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The registry did not tell, or did not take what was pushed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The layout cannot be read or written.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The key did not sign.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A document of the image is not what it should be.
    #[error("cannot use {what}: {reason}")]
    Document {
        /// Which.
        what: String,
        /// Why.
        reason: String,
    },
}

impl ImageError {
    /// Whether it is only that there is no such thing.
    fn is_not_found(&self) -> bool {
        match self {
            ImageError::Registry(error) => matches!(error.failure, Failure::NotFound(_)),
            ImageError::Layout(error) => error.is_not_found(),
            ImageError::Sign(_) | ImageError::Document { .. } => false,
        }
    }
}

/// An image, or an index of images, by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its size.
    pub size_bytes: u64,
}

/// One signature or attestation of an image, and whether it counts.
#[derive(Debug)]
pub struct Attempt {
    /// Where it lies: `referrer sha256:…`, `tag sha256-….sig`.
    pub place: String,
    /// What it says, or why it does not count.
    pub outcome: Result<Verified, Refusal>,
}

impl Attempt {
    /// What a signature that counts says: an address.
    pub fn says(&self) -> Option<&str> {
        let verified = self.outcome.as_ref().ok()?;
        // The older generation's signature says nothing but that it is one.
        Some(verified.statement.as_ref().map_or(COSIGN_SIGN, |statement| statement.predicate_type.as_str()))
    }
}

/// What a name means now. Whoever goes on from here does so by the digest, so that a tag that moves moves nothing.
///
/// # Errors
/// The manifest cannot be had.
pub fn pin(home: &Home) -> Result<Pinned, ImageError> {
    home.root().map(|fetched| fetched.pinned)
}

/// The images that a name means: itself, and for an index all images in it.
///
/// # Errors
/// A document cannot be had or used.
pub fn resolve(home: &Home) -> Result<Vec<Pinned>, ImageError> {
    let root = home.root()?;
    let mut found = vec![root.pinned.clone()];
    let mut open = vec![(root, 0)];
    while let Some((document, depth)) = open.pop() {
        for child in children(&document.pinned, &document.bytes)? {
            if found.iter().any(|known| known.digest == child.digest) {
                continue;
            }
            if found.len() >= INDEX_IMAGES_MAX || depth >= INDEX_DEPTH_MAX {
                let reason =
                    format!("more than {INDEX_IMAGES_MAX} images, or indexes in indexes without end");
                return Err(ImageError::Document { what: "the index".to_owned(), reason });
            }
            let fetched = home.manifest(&child.digest)?;
            found.push(fetched.pinned.clone());
            open.push((fetched, depth + 1));
        }
    }
    Ok(found)
}

/// The images of an index; none of an image. BuildKit's unsigned statements are no images, and are signed as part of
/// the index.
fn children(of: &Pinned, bytes: &[u8]) -> Result<Vec<Descriptor>, ImageError> {
    match Document::parse(bytes, &of.media_type, &Limits::default()) {
        Ok(Document::Index(manifests)) => {
            Ok(manifests.into_iter().filter(|one| !one.is_attestation()).collect())
        }
        Ok(Document::Manifest(_)) => Ok(Vec::new()),
        // An artifact that is no image can be signed as well.
        Err(_) if ![OCI_INDEX, DOCKER_LIST].contains(&of.media_type.as_str()) => Ok(Vec::new()),
        Err(error) => Err(ImageError::Document { what: of.digest.to_string(), reason: error.to_string() }),
    }
}

/// Verifies every signature and attestation that an image has.
///
/// # Errors
/// What there is cannot be listed or fetched.
pub fn examine(
    home: &Home,
    image: &Digest,
    wanted: &[Wanted<'_>],
    now: Timestamp,
) -> Result<Vec<Attempt>, ImageError> {
    examine_until(home, image, wanted, now, &|_| false)
}

/// The same, until what was found is enough: a signature that counts is not made to count less by another, and each
/// one that is not looked at saves two round trips, the tags of the older generation two more.
///
/// # Errors
/// What there is cannot be listed or fetched.
pub fn examine_until(
    home: &Home,
    image: &Digest,
    wanted: &[Wanted<'_>],
    now: Timestamp,
    is_enough: &dyn Fn(&[Attempt]) -> bool,
) -> Result<Vec<Attempt>, ImageError> {
    let mut attempts = Vec::new();
    let mut evidence = Evidence { home, left_bytes: EVIDENCE_BYTES_MAX };
    for referrer in home.referrers(image)? {
        let place = format!("referrer {}", referrer.digest);
        let fetched = home.manifest(&referrer.digest)?;
        let carrier: Carrier = match json::read(&fetched.bytes) {
            Ok(carrier) => carrier,
            Err(error) => {
                let outcome = Err(Refusal::Unreadable(error.to_string()));
                attempts.push(Attempt { place, outcome });
                continue;
            }
        };
        for (media_type, bytes) in envelopes(&mut evidence, image, &carrier)? {
            let outcome = match notation::is_envelope(media_type) {
                true => by_notation(home, image, (media_type, &bytes), wanted, now)?,
                false => Bundle::read(&bytes)
                    .map_err(|error| Refusal::Unreadable(error.0))
                    .and_then(|bundle| verify_any(&bundle, Artifact::Digest(image), wanted, now)),
            };
            attempts.push(Attempt { place: place.clone(), outcome });
        }
        if is_enough(&attempts) {
            return Ok(attempts);
        }
    }
    for kind in legacy::Kind::ALL {
        let tag = kind.tag(image);
        if let Some(manifest) = home.tag(&tag)? {
            for outcome in legacy::examine(&mut evidence, kind, image, &manifest, wanted, now)? {
                attempts.push(Attempt { place: format!("tag {tag}"), outcome });
            }
        }
    }
    Ok(attempts)
}

/// Verifies the signatures in an image's tag `.sig`, with the names that they are for.
pub(crate) fn simple_signatures(
    home: &Home,
    image: &Digest,
    wanted: &[Wanted<'_>],
    now: Timestamp,
) -> Result<Vec<Result<legacy::Signed, Refusal>>, ImageError> {
    let mut evidence = Evidence { home, left_bytes: EVIDENCE_BYTES_MAX };
    match home.tag(&legacy::Kind::Signature.tag(image))? {
        Some(manifest) => legacy::signatures(&mut evidence, image, &manifest, wanted, now),
        None => Ok(Vec::new()),
    }
}

/// What signatures are read from, as long as it is not too much.
pub(crate) struct Evidence<'h> {
    home: &'h Home,
    left_bytes: u64,
}

impl Evidence<'_> {
    fn blob(&mut self, digest: &Digest) -> Result<Vec<u8>, ImageError> {
        let bytes = self.home.blob(digest, BUNDLE_BYTES_MAX)?;
        let left = self.left_bytes.checked_sub(bytes.len() as u64);
        self.left_bytes = left.ok_or_else(|| ImageError::Document {
            what: "the image's signatures".to_owned(),
            reason: format!("they are larger than {EVIDENCE_BYTES_MAX} bytes"),
        })?;
        Ok(bytes)
    }
}

/// A manifest that carries artifacts, as far as it matters.
#[derive(Deserialize)]
struct Carrier {
    subject: Option<Reference>,
    #[serde(default)]
    layers: Vec<Reference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    #[serde(default)]
    media_type: String,
    digest: Digest,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

/// A signature of notation's, by the first wish that is one for it.
fn by_notation(
    home: &Home,
    image: &Digest,
    envelope: (&str, &[u8]),
    wanted: &[Wanted<'_>],
    now: Timestamp,
) -> Result<Result<Verified, Refusal>, ImageError> {
    let notation = wanted.iter().find_map(|wish| match wish {
        Wanted::Notation(notation) => Some(*notation),
        Wanted::Keys(..) | Wanted::Identities(..) => None,
    });
    let Some(notation) = notation else {
        return Ok(Err(Refusal::OtherKind { found: "notation's means", wanted: "a sigstore signature" }));
    };
    let repository = home.scope();
    match notation.of(&repository) {
        Some(policy) => Ok(notation::verify(envelope, &home.manifest(image)?.pinned, policy, now)),
        None => {
            let why = format!("no statement of notation's trust policy is about `{repository}`");
            Ok(Err(Refusal::Certificate(why)))
        }
    }
}

/// The bundles and envelopes of a referrer, with their media types. What it is follows from its layers: the type in a list
/// of referrers is what some registry made of it. A manifest of another subject has nothing to say here.
fn envelopes<'c>(
    evidence: &mut Evidence<'_>,
    image: &Digest,
    carrier: &'c Carrier,
) -> Result<Vec<(&'c str, Vec<u8>)>, ImageError> {
    if carrier.subject.as_ref().is_none_or(|subject| subject.digest != *image) {
        return Ok(Vec::new());
    }
    let is_signature = |layer: &&Reference| {
        layer.media_type.starts_with(BUNDLE_PREFIX) || notation::is_envelope(&layer.media_type)
    };
    let mut found = Vec::new();
    for layer in carrier.layers.iter().filter(is_signature).take(ARTIFACTS_MAX) {
        found.push((layer.media_type.as_str(), evidence.blob(&layer.digest)?));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
