//! cosign before version 3: signatures in the tag `.sig` as simple signing, attestations in `.att` as envelopes, with
//! certificates and log entries in annotations (cosign, specs/SIGNATURE_SPEC.md and ATTESTATION_SPEC.md).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use seawall_inventory::Digest;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Carrier, Evidence, ImageError, Reference};
use crate::bundle::{Bundle, Content, LogEntry, Signer};
use crate::certificate::Certificate;
use crate::dsse::Envelope;
use crate::json::{self, Base64};
use crate::limits::ARTIFACTS_MAX;
use crate::verify::{Artifact, Refusal, Verified, Wanted, verify_any};

const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
const TYPE: &str = "cosign container image signature";

const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const BUNDLE: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// What a tag holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Signature,
    Attestation,
    /// A bill of materials that nobody signed: copied, and no evidence.
    Sbom,
}

impl Kind {
    /// Those that hold evidence.
    pub(crate) const ALL: [Kind; 2] = [Kind::Signature, Kind::Attestation];
    /// Those that an image may have beside it.
    pub(crate) const TAGS: [Kind; 3] = [Kind::Signature, Kind::Attestation, Kind::Sbom];

    pub(crate) fn tag(self, of: &Digest) -> String {
        let ending = match self {
            Kind::Signature => "sig",
            Kind::Attestation => "att",
            Kind::Sbom => "sbom",
        };
        format!("{}-{}.{ending}", of.algorithm().name(), of.hex())
    }

    /// Of the layers that are evidence.
    fn media_type(self) -> Option<&'static str> {
        match self {
            Kind::Signature => Some(SIMPLE_SIGNING),
            Kind::Attestation => Some(ENVELOPE),
            Kind::Sbom => None,
        }
    }
}

/// Simple signing's document; the fields that decide.
#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    identity: Named,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "docker-reference")]
    reference: String,
}

#[derive(Deserialize)]
struct Image {
    // The specification's example has a capital D.
    #[serde(rename = "docker-manifest-digest", alias = "Docker-manifest-digest")]
    digest: Digest,
}

/// Rekor's promise as an annotation.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Promise {
    signed_entry_timestamp: Base64,
    payload: PromisePayload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PromisePayload {
    body: Base64,
    integrated_time: i64,
    log_index: i64,
    #[serde(rename = "logID")]
    log_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EntryKind {
    kind: String,
    api_version: String,
}

#[derive(Deserialize)]
struct Stamp {
    #[serde(rename = "SignedRFC3161Timestamp")]
    stamp: Base64,
}

/// What is signed for an image.
pub(crate) fn payload(repository: &str, image: &Digest) -> Vec<u8> {
    let payload = json!({
        "critical": {
            "identity": {"docker-reference": repository},
            "image": {"docker-manifest-digest": image},
            "type": TYPE,
        },
        "optional": null,
    });
    payload.to_string().into_bytes()
}

/// The layer of a payload, with its signature.
pub(crate) fn layer(payload: &[u8], signature: &[u8]) -> Value {
    json!({
        "mediaType": SIMPLE_SIGNING,
        "digest": Digest::sha256(crate::sha256(payload)),
        "size": payload.len(),
        "annotations": {SIGNATURE: BASE64_STANDARD.encode(signature)},
    })
}

/// Verifies everything that a tag's manifest carries.
pub(crate) fn examine(
    evidence: &mut Evidence<'_>,
    kind: Kind,
    image: &Digest,
    manifest: &[u8],
    wanted: &[Wanted<'_>],
    now: Timestamp,
) -> Result<Vec<Result<Verified, Refusal>>, ImageError> {
    let carrier: Carrier = match json::read(manifest) {
        Ok(carrier) => carrier,
        Err(error) => return Ok(vec![Err(Refusal::Unreadable(error.to_string()))]),
    };
    let mut outcomes = Vec::new();
    for layer in
        carrier.layers.iter().filter(|layer| kind.media_type() == Some(&layer.media_type)).take(ARTIFACTS_MAX)
    {
        let bytes = evidence.blob(&layer.digest)?;
        outcomes.push(match kind {
            Kind::Signature => signature(layer, &bytes, image, wanted, now).map(|signed| signed.verified),
            Kind::Attestation | Kind::Sbom => attestation(layer, &bytes, image, wanted, now),
        });
    }
    Ok(outcomes)
}

/// A simple signature that verified, and the name that it is for.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) verified: Verified,
    pub(crate) reference: String,
}

/// Verifies the simple signatures of a tag's manifest, with the names that they are for.
pub(crate) fn signatures(
    evidence: &mut Evidence<'_>,
    image: &Digest,
    manifest: &[u8],
    wanted: &[Wanted<'_>],
    now: Timestamp,
) -> Result<Vec<Result<Signed, Refusal>>, ImageError> {
    let carrier: Carrier = match json::read(manifest) {
        Ok(carrier) => carrier,
        Err(error) => return Ok(vec![Err(Refusal::Unreadable(error.to_string()))]),
    };
    let mut outcomes = Vec::new();
    let layers = carrier.layers.iter().filter(|layer| layer.media_type == SIMPLE_SIGNING);
    for layer in layers.take(ARTIFACTS_MAX) {
        let bytes = evidence.blob(&layer.digest)?;
        outcomes.push(signature(layer, &bytes, image, wanted, now));
    }
    Ok(outcomes)
}

fn signature(
    layer: &Reference,
    payload: &[u8],
    image: &Digest,
    wanted: &[Wanted<'_>],
    now: Timestamp,
) -> Result<Signed, Refusal> {
    let encoded = layer.annotations.get(SIGNATURE).map_or("", String::as_str);
    let signature = BASE64_STANDARD.decode(encoded).ok().filter(|signature| !signature.is_empty());
    let signature =
        signature.ok_or_else(|| Refusal::Unreadable("its signature is empty or not base64".to_owned()))?;
    let bundle = bundle(layer, Content::Message { digest: None, signature })?;
    let verified = verify_any(&bundle, Artifact::Bytes(payload), wanted, now)?;
    // Only now is the payload what somebody signed; and it must be about this image.
    let payload: Payload = json::read(payload).map_err(|error| Refusal::Unreadable(error.to_string()))?;
    match payload.critical.kind == TYPE && payload.critical.image.digest == *image {
        true => Ok(Signed { verified, reference: payload.critical.identity.reference }),
        false => Err(Refusal::OtherArtifact),
    }
}

fn attestation(
    layer: &Reference,
    envelope: &[u8],
    image: &Digest,
    wanted: &[Wanted<'_>],
    now: Timestamp,
) -> Result<Verified, Refusal> {
    let envelope = Envelope::read(envelope).map_err(Refusal::Unreadable)?;
    let bundle = bundle(layer, Content::Envelope(envelope))?;
    verify_any(&bundle, Artifact::Digest(image), wanted, now)
}

/// What the annotations say, as a bundle says it. A certificate's annotation must hold certificates: a bare key in it
/// would vouch for itself (GHSA-fx35-mq7g-6g98).
fn bundle(layer: &Reference, content: Content) -> Result<Bundle, Refusal> {
    let annotation = |name: &str| layer.annotations.get(name).filter(|text| !text.is_empty());
    let read =
        |text: &String| Certificate::read_pem(text).map_err(|error| Refusal::Unreadable(error.to_string()));
    let signer = match annotation(CERTIFICATE) {
        None => Signer::Key { hint: String::new() },
        Some(text) => {
            let mut certificates = read(text)?;
            certificates.extend(annotation(CHAIN).map(read).transpose()?.unwrap_or_default());
            Signer::Certificates(certificates)
        }
    };
    let log_entries = annotation(BUNDLE).map(log_entry).transpose()?.into_iter().collect();
    let timestamps = annotation(TIMESTAMP)
        .map(|text| json::read::<Stamp>(text.as_bytes()).map(|stamp| stamp.stamp.0))
        .transpose()
        .map_err(|error| Refusal::Unreadable(error.to_string()))?;
    Ok(Bundle { signer, log_entries, timestamps: timestamps.into_iter().collect(), content })
}

fn log_entry(text: &String) -> Result<LogEntry, Refusal> {
    let unreadable = |error: serde_json::Error| Refusal::Unreadable(format!("the log entry: {error}"));
    let promise: Promise = json::read(text.as_bytes()).map_err(unreadable)?;
    let payload = promise.payload;
    let kind: EntryKind = json::read(&payload.body.0).map_err(unreadable)?;
    let log_id = crate::unhex(&payload.log_id)
        .ok_or_else(|| Refusal::Unreadable("the log entry names no log".to_owned()))?;
    Ok(LogEntry {
        index: payload.log_index,
        log_id,
        kind: kind.kind,
        version: kind.api_version,
        integrated_time: payload.integrated_time,
        signed_entry_timestamp: Some(promise.signed_entry_timestamp.0),
        proof: None,
        body: payload.body.0,
    })
}
