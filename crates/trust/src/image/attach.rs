//! Hangs a signature on an image: as a referrer, or in the tag that the older generation reads.

use jiff::Timestamp;
use seawall_image::manifest::{OCI_INDEX, OCI_MANIFEST, digest_of};
use seawall_image::registry::fallback_tag;
use seawall_inventory::{Algorithm, Digest};
use serde_json::{Value, json};

use super::legacy::{self, Kind};
use super::{Home, ImageError, Pinned};
use crate::bundle::{Bundle, MEDIA_TYPE};
use crate::key::PrivateKey;
use crate::limits::FALLBACK_TRIES_MAX;
use crate::sign::{SignError, Signatory, sign_statement};
use crate::statement::{COSIGN_SIGN, Statement};

const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const EMPTY: &[u8] = b"{}";
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";

/// Says something of an image, signed, and gives the digest of the referrer that carries it.
///
/// # Errors
/// The key did not sign, or the registry did not take it.
pub fn attest<'a>(
    home: &Home,
    image: &Pinned,
    predicate_type: &str,
    predicate: Value,
    by: impl Into<Signatory<'a>>,
    now: Timestamp,
) -> Result<Digest, ImageError> {
    let bundle = sign_statement(&Statement::new(&image.digest, predicate_type, predicate), by)?;
    attach(home, image, &bundle, predicate_type, now)
}

/// Signs an image as cosign 3 does: with a statement that says nothing else.
///
/// # Errors
/// The key did not sign, or the registry did not take it.
pub fn sign<'a>(
    home: &Home,
    image: &Pinned,
    by: impl Into<Signatory<'a>>,
    now: Timestamp,
) -> Result<Digest, ImageError> {
    attest(home, image, COSIGN_SIGN, json!({}), by, now)
}

/// Signs an image in the tag `.sig` as cosign before version 3 did, for podman, skopeo and CRI-O.
///
/// # Errors
/// The key did not sign, or the registry did not take it.
pub fn sign_simply(home: &Home, image: &Pinned, key: &PrivateKey) -> Result<(), ImageError> {
    let payload = legacy::payload(&home.repository(), &image.digest);
    let signature = key.sign(&payload).map_err(SignError::from)?;
    add_simple_signature(home, &image.digest, &payload, legacy::layer(&payload, &signature))
}

fn attach(
    home: &Home,
    image: &Pinned,
    bundle: &Bundle,
    predicate_type: &str,
    now: Timestamp,
) -> Result<Digest, ImageError> {
    let bytes = bundle
        .write()
        .map_err(|error| ImageError::Document { what: "the bundle".to_owned(), reason: error.to_string() })?;
    let blob = home.put_blob(&bytes)?;
    let empty = home.put_blob(EMPTY)?;
    let annotations = json!({
        "org.opencontainers.image.created": now.to_string(),
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": predicate_type,
    });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": MEDIA_TYPE,
        "config": {"mediaType": EMPTY_TYPE, "digest": empty, "size": EMPTY.len()},
        "layers": [{"mediaType": MEDIA_TYPE, "digest": blob, "size": bytes.len()}],
        "subject": {"mediaType": image.media_type, "digest": image.digest, "size": image.size_bytes},
        "annotations": annotations,
    });
    let manifest = manifest.to_string().into_bytes();
    let lists_referrers = home.put_manifest(None, OCI_MANIFEST, &manifest)?;
    let digest = digest_of(Algorithm::Sha256, &manifest);
    if !lists_referrers {
        let entry = json!({
            "mediaType": OCI_MANIFEST, "digest": digest, "size": manifest.len(),
            "artifactType": MEDIA_TYPE, "annotations": annotations,
        });
        add_to_fallback(home, &image.digest, &entry)?;
    }
    Ok(digest)
}

/// Adds a referrer to the index under the fallback tag. Somebody else may do so at the same time, and the one who
/// writes last would drop the other: so it is read again, and written again where ours is missing.
pub(super) fn add_to_fallback(home: &Home, of: &Digest, entry: &Value) -> Result<(), ImageError> {
    let tag = fallback_tag(of);
    let what = || format!("the tag {tag}");
    for _ in 0..FALLBACK_TRIES_MAX {
        let mut index = match home.tag(&tag)? {
            Some(bytes) => crate::json::value(&bytes)
                .map_err(|error| ImageError::Document { what: what(), reason: error.to_string() })?,
            None => json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}),
        };
        let Some(manifests) = index.get_mut("manifests").and_then(Value::as_array_mut) else {
            return Err(ImageError::Document { what: what(), reason: "it is no index".to_owned() });
        };
        if manifests.iter().any(|known| known["digest"] == entry["digest"]) {
            return Ok(());
        }
        manifests.push(entry.clone());
        home.put_manifest(Some(&tag), OCI_INDEX, index.to_string().as_bytes())?;
    }
    Err(ImageError::Document { what: what(), reason: "others write it all the time".to_owned() })
}

fn add_simple_signature(home: &Home, of: &Digest, payload: &[u8], layer: Value) -> Result<(), ImageError> {
    let tag = Kind::Signature.tag(of);
    home.put_blob(payload)?;
    let mut layers = match home.tag(&tag)? {
        Some(bytes) => {
            let manifest = crate::json::value(&bytes).map_err(|error| ImageError::Document {
                what: format!("the tag {tag}"),
                reason: error.to_string(),
            })?;
            manifest["layers"].as_array().cloned().unwrap_or_default()
        }
        None => Vec::new(),
    };
    layers.push(layer);
    let digests: Vec<&Value> = layers.iter().map(|layer| &layer["digest"]).collect();
    let config = json!({
        "architecture": "", "os": "", "config": {}, "created": "0001-01-01T00:00:00Z",
        "rootfs": {"type": "layers", "diff_ids": digests},
    });
    let config = config.to_string().into_bytes();
    let config_digest = home.put_blob(&config)?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": CONFIG_TYPE, "digest": config_digest, "size": config.len()},
        "layers": layers,
    });
    home.put_manifest(Some(&tag), OCI_MANIFEST, manifest.to_string().as_bytes())?;
    Ok(())
}
