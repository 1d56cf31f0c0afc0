//! The JSON of a bundle: every field optional, as protobuf has them, and the rules that make a bundle of them.

use serde::{Deserialize, Serialize};

use super::{Bundle, Content, InclusionProof, LogEntry, MEDIA_TYPE, Signer};
use crate::certificate::Certificate;
use crate::dsse::{Envelope, WireEnvelope};
use crate::json::{Base64, Int64};
use crate::key::Hash;
use crate::limits::{CHAIN_LENGTH_MAX, LOG_ENTRIES_MAX, PROOF_HASHES_MAX, TIMESTAMPS_MAX};

/// What each version's media type is.
const MEDIA_TYPES: [(&str, Version); 4] = [
    (MEDIA_TYPE, Version::V03),
    ("application/vnd.dev.sigstore.bundle+json;version=0.3", Version::V03),
    ("application/vnd.dev.sigstore.bundle+json;version=0.2", Version::V02),
    ("application/vnd.dev.sigstore.bundle+json;version=0.1", Version::V01),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    V01,
    V02,
    V03,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireBundle {
    media_type: String,
    verification_material: Material,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_signature: Option<MessageSignature>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dsse_envelope: Option<WireEnvelope>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<PublicKeyHint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x509_certificate_chain: Option<Chain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<RawBytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tlog_entries: Option<Vec<WireEntry>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp_verification_data: Option<Timestamps>,
}

#[derive(Serialize, Deserialize)]
struct PublicKeyHint {
    #[serde(default)]
    hint: String,
}

#[derive(Serialize, Deserialize)]
struct Chain {
    certificates: Vec<RawBytes>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawBytes {
    raw_bytes: Base64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Timestamps {
    rfc3161_timestamps: Option<Vec<Timestamp>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Timestamp {
    signed_timestamp: Base64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageSignature {
    #[serde(skip_serializing_if = "Option::is_none")]
    message_digest: Option<MessageDigest>,
    signature: Base64,
}

#[derive(Serialize, Deserialize)]
struct MessageDigest {
    #[serde(default)]
    algorithm: String,
    #[serde(default)]
    digest: Base64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEntry {
    #[serde(default)]
    log_index: Int64,
    log_id: LogId,
    kind_version: KindVersion,
    #[serde(default)]
    integrated_time: Int64,
    #[serde(skip_serializing_if = "Option::is_none")]
    inclusion_promise: Option<Promise>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inclusion_proof: Option<WireProof>,
    canonicalized_body: Base64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogId {
    key_id: Base64,
}

#[derive(Serialize, Deserialize)]
struct KindVersion {
    kind: String,
    version: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Promise {
    signed_entry_timestamp: Base64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireProof {
    #[serde(default)]
    log_index: Int64,
    root_hash: Base64,
    tree_size: Int64,
    #[serde(default)]
    hashes: Vec<Base64>,
    checkpoint: Checkpoint,
}

#[derive(Serialize, Deserialize)]
struct Checkpoint {
    envelope: String,
}

pub(super) fn read(bytes: &[u8]) -> Result<Bundle, String> {
    let wire: WireBundle = crate::json::read(bytes).map_err(|error| error.to_string())?;
    let known = MEDIA_TYPES.iter().find(|(media_type, _)| *media_type == wire.media_type);
    let (_, version) =
        known.ok_or_else(|| format!("`{}` is no version that is known", shown(&wire.media_type)))?;
    let material = wire.verification_material;
    let signer =
        signer(material.public_key, material.x509_certificate_chain, material.certificate, *version)?;
    let entries = material.tlog_entries.unwrap_or_default();
    if entries.len() > LOG_ENTRIES_MAX {
        return Err(format!("it has more than {LOG_ENTRIES_MAX} log entries"));
    }
    let log_entries =
        entries.into_iter().map(|entry| log_entry(entry, *version)).collect::<Result<_, _>>()?;
    let timestamps =
        material.timestamp_verification_data.and_then(|data| data.rfc3161_timestamps).unwrap_or_default();
    if timestamps.len() > TIMESTAMPS_MAX {
        return Err(format!("it has more than {TIMESTAMPS_MAX} time stamps"));
    }
    let timestamps = timestamps.into_iter().map(|timestamp| timestamp.signed_timestamp.0).collect();
    let content = match (wire.message_signature, wire.dsse_envelope) {
        (Some(message), None) => self::message(message)?,
        (None, Some(envelope)) => Content::Envelope(Envelope::try_from(envelope)?),
        (Some(_), Some(_)) => return Err("it holds a message signature and an envelope".to_owned()),
        (None, None) => return Err("it holds no signature".to_owned()),
    };
    Ok(Bundle { signer, log_entries, timestamps, content })
}

fn signer(
    key: Option<PublicKeyHint>,
    chain: Option<Chain>,
    certificate: Option<RawBytes>,
    version: Version,
) -> Result<Signer, String> {
    let raw = match (key, chain, certificate) {
        (Some(key), None, None) => return Ok(Signer::Key { hint: key.hint }),
        (None, None, Some(certificate)) => vec![certificate],
        (None, Some(_), None) if version >= Version::V03 => {
            return Err("it holds a chain of certificates, which version 0.3 forbids".to_owned());
        }
        (None, Some(chain), None) => chain.certificates,
        (None, None, None) => return Err("it names neither a key nor a certificate".to_owned()),
        _ => return Err("it names a key and a certificate, or two kinds of certificates".to_owned()),
    };
    if raw.is_empty() || raw.len() > CHAIN_LENGTH_MAX {
        return Err(format!("it has {} certificates; 1 to {CHAIN_LENGTH_MAX} are allowed", raw.len()));
    }
    let certificates =
        raw.iter().map(|raw| Certificate::read(&raw.raw_bytes.0).map_err(|error| error.to_string()));
    certificates.collect::<Result<_, _>>().map(Signer::Certificates)
}

fn message(message: MessageSignature) -> Result<Content, String> {
    let digest = match message.message_digest {
        // cosign writes an empty one for Ed25519.
        Some(told) if !(told.algorithm.is_empty() && told.digest.0.is_empty()) => {
            let hash = hash(&told.algorithm)
                .ok_or_else(|| format!("`{}` is no known hash", shown(&told.algorithm)))?;
            Some((hash, told.digest.0))
        }
        Some(_) | None => None,
    };
    match message.signature.0.is_empty() {
        true => Err("its signature is empty".to_owned()),
        false => Ok(Content::Message { digest, signature: message.signature.0 }),
    }
}

fn log_entry(wire: WireEntry, version: Version) -> Result<LogEntry, String> {
    if wire.inclusion_proof.is_none() && (version >= Version::V02 || wire.inclusion_promise.is_none()) {
        return Err("a log entry has no inclusion proof".to_owned());
    }
    let proof = wire.inclusion_proof.map(|proof| {
        let unsigned =
            |number: Int64| u64::try_from(number.0).map_err(|_| "a negative size or index".to_owned());
        if proof.hashes.len() > PROOF_HASHES_MAX {
            return Err(format!("an inclusion proof has more than {PROOF_HASHES_MAX} hashes"));
        }
        Ok(InclusionProof {
            index: unsigned(proof.log_index)?,
            tree_size: unsigned(proof.tree_size)?,
            root: proof.root_hash.0,
            hashes: proof.hashes.into_iter().map(|hash| hash.0).collect(),
            checkpoint: proof.checkpoint.envelope,
        })
    });
    Ok(LogEntry {
        index: wire.log_index.0,
        log_id: wire.log_id.key_id.0,
        kind: wire.kind_version.kind,
        version: wire.kind_version.version,
        integrated_time: wire.integrated_time.0,
        signed_entry_timestamp: wire.inclusion_promise.map(|promise| promise.signed_entry_timestamp.0),
        proof: proof.transpose()?,
        body: wire.canonicalized_body.0,
    })
}

pub(super) fn write(bundle: &Bundle) -> Result<Vec<u8>, String> {
    let mut material = Material::default();
    match &bundle.signer {
        Signer::Key { hint } => material.public_key = Some(PublicKeyHint { hint: hint.clone() }),
        Signer::Certificates(certificates) => match certificates.as_slice() {
            [leaf] => material.certificate = Some(RawBytes { raw_bytes: Base64(leaf.der().to_vec()) }),
            _ => return Err("version 0.3 holds exactly one certificate".to_owned()),
        },
    }
    let entries = &bundle.log_entries;
    if entries.iter().any(|entry| entry.proof.is_none()) {
        return Err("version 0.3 needs an inclusion proof of every log entry".to_owned());
    }
    material.tlog_entries = (!entries.is_empty()).then(|| entries.iter().map(wire_entry).collect());
    let stamps = bundle.timestamps.iter().map(|stamp| Timestamp { signed_timestamp: Base64(stamp.clone()) });
    material.timestamp_verification_data =
        (!bundle.timestamps.is_empty()).then(|| Timestamps { rfc3161_timestamps: Some(stamps.collect()) });
    let (message_signature, dsse_envelope) = match &bundle.content {
        Content::Message { digest, signature } => {
            let message_digest = digest.as_ref().map(|(hash, digest)| MessageDigest {
                algorithm: hash_name(*hash).to_owned(),
                digest: Base64(digest.clone()),
            });
            (Some(MessageSignature { message_digest, signature: Base64(signature.clone()) }), None)
        }
        Content::Envelope(envelope) => (None, Some(envelope.to_wire())),
    };
    let wire = WireBundle {
        media_type: MEDIA_TYPE.to_owned(),
        verification_material: material,
        message_signature,
        dsse_envelope,
    };
    serde_json::to_vec(&wire).map_err(|error| error.to_string())
}

fn wire_entry(entry: &LogEntry) -> WireEntry {
    let number = |number: u64| Int64(i64::try_from(number).unwrap_or(i64::MAX));
    WireEntry {
        log_index: Int64(entry.index),
        log_id: LogId { key_id: Base64(entry.log_id.clone()) },
        kind_version: KindVersion { kind: entry.kind.clone(), version: entry.version.clone() },
        integrated_time: Int64(entry.integrated_time),
        inclusion_promise: entry
            .signed_entry_timestamp
            .clone()
            .map(|timestamp| Promise { signed_entry_timestamp: Base64(timestamp) }),
        inclusion_proof: entry.proof.as_ref().map(|proof| WireProof {
            log_index: number(proof.index),
            root_hash: Base64(proof.root.clone()),
            tree_size: number(proof.tree_size),
            hashes: proof.hashes.iter().cloned().map(Base64).collect(),
            checkpoint: Checkpoint { envelope: proof.checkpoint.clone() },
        }),
        canonicalized_body: Base64(entry.body.clone()),
    }
}

const HASHES: [(&str, Hash); 3] =
    [("SHA2_256", Hash::Sha256), ("SHA2_384", Hash::Sha384), ("SHA2_512", Hash::Sha512)];

fn hash(name: &str) -> Option<Hash> {
    HASHES.iter().find(|(known, _)| *known == name).map(|(_, hash)| *hash)
}

fn hash_name(hash: Hash) -> &'static str {
    HASHES.iter().find(|(_, known)| *known == hash).map_or("", |(name, _)| name)
}

/// The beginning of a text from the file, for a message.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}
