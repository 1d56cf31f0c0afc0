//! What a log recorded, and that it is this signature: the same artifact, the same signature, the same signer.
//!
//! An entry that is only *in* the log proves nothing of the bundle that shows it (CVE-2022-36056, CVE-2026-22703).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Deserialize;
use serde_json::Value;

use crate::bundle::{Content, LogEntry};
use crate::certificate::Certificate;
use crate::json::{self, Base64};
use crate::key::{Hash, PublicKey};
use crate::pem;

/// Who signed, as an entry must name him.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SignedBy<'a> {
    Key(&'a PublicKey),
    Certificate(&'a Certificate),
}

impl SignedBy<'_> {
    /// A key is never taken for a certificate (GHSA-fx35-mq7g-6g98).
    fn is_in_pem(self, text: &[u8]) -> bool {
        let Ok(blocks) = pem::blocks(&String::from_utf8_lossy(text)) else { return false };
        let Some(first) = blocks.first() else { return false };
        match (self, first.label.as_str()) {
            (SignedBy::Key(key), "PUBLIC KEY") => first.bytes.as_slice() == key.spki(),
            (SignedBy::Certificate(certificate), "CERTIFICATE") => {
                first.bytes.as_slice() == certificate.der()
            }
            (SignedBy::Key(_) | SignedBy::Certificate(_), _) => false,
        }
    }

    fn is_verifier(self, verifier: &Verifier) -> bool {
        match (self, &verifier.public_key, &verifier.x509_certificate) {
            (SignedBy::Key(key), Some(raw), None) => raw.raw_bytes.0 == key.spki(),
            (SignedBy::Certificate(certificate), None, Some(raw)) => raw.raw_bytes.0 == certificate.der(),
            (SignedBy::Key(_) | SignedBy::Certificate(_), _, _) => false,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    api_version: String,
    kind: String,
    spec: Value,
}

#[derive(Deserialize)]
struct HexHash {
    algorithm: String,
    value: String,
}

impl HexHash {
    fn is_of(&self, bytes: &[u8]) -> bool {
        let hash = match self.algorithm.as_str() {
            "sha256" => Hash::Sha256,
            "sha384" => Hash::Sha384,
            "sha512" => Hash::Sha512,
            _ => return false,
        };
        self.value == crate::hex(&hash.of(bytes))
    }
}

#[derive(Deserialize)]
struct HashedRekord1 {
    data: Data1,
    signature: Signature1,
}

#[derive(Deserialize)]
struct Data1 {
    hash: HexHash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signature1 {
    content: Base64,
    public_key: PublicKey1,
}

#[derive(Deserialize)]
struct PublicKey1 {
    content: Base64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse1 {
    payload_hash: HexHash,
    signatures: Vec<DsseSignature1>,
}

#[derive(Deserialize)]
struct DsseSignature1 {
    signature: Base64,
    verifier: Base64,
}

#[derive(Deserialize)]
struct InToto2 {
    content: InTotoContent,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InTotoContent {
    envelope: InTotoEnvelope,
    payload_hash: HexHash,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InTotoEnvelope {
    payload_type: String,
    signatures: Vec<InTotoSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InTotoSignature {
    /// Base64 of the base64 of the envelope.
    sig: Base64,
    public_key: Base64,
}

#[derive(Deserialize)]
struct RawHash {
    algorithm: String,
    digest: Base64,
}

impl RawHash {
    fn is_of(&self, bytes: &[u8]) -> bool {
        let hash = match self.algorithm.as_str() {
            "SHA2_256" => Hash::Sha256,
            "SHA2_384" => Hash::Sha384,
            "SHA2_512" => Hash::Sha512,
            _ => return false,
        };
        self.digest.0 == hash.of(bytes)
    }
}

#[derive(Deserialize)]
struct Signature2 {
    content: Base64,
    verifier: Verifier,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verifier {
    public_key: Option<Raw>,
    x509_certificate: Option<Raw>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    raw_bytes: Base64,
}

#[derive(Deserialize)]
struct HashedRekord2 {
    data: RawHash,
    signature: Signature2,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dsse2 {
    payload_hash: RawHash,
    signatures: Vec<Signature2>,
}

/// That the entry recorded this content, signed by this signer. `message` is the file that a message signature is over.
pub(crate) fn check(
    entry: &LogEntry,
    content: &Content,
    message: Option<&[u8]>,
    by: SignedBy<'_>,
) -> Result<(), String> {
    let body: Body =
        json::read(&entry.body).map_err(|error| format!("the log entry cannot be read: {error}"))?;
    if body.kind != entry.kind || body.api_version != entry.version {
        return Err("the log entry is of another kind than the bundle says".to_owned());
    }
    let kind = (body.kind.as_str(), body.api_version.as_str());
    // What the entry says of artifact, signature and signer; each must be what the bundle says.
    let (artifact, signature, signer) = match (kind, content, message) {
        (("hashedrekord", "0.0.1"), Content::Message { signature, .. }, Some(message)) => {
            let spec: HashedRekord1 = spec(body.spec)?;
            let signer = by.is_in_pem(&spec.signature.public_key.content.0);
            (spec.data.hash.is_of(message), spec.signature.content.0 == *signature, signer)
        }
        (("hashedrekord", "0.0.2"), Content::Message { signature, .. }, Some(message)) => {
            let spec: HashedRekord2 = field(body.spec, "hashedRekordV002")?;
            let signer = by.is_verifier(&spec.signature.verifier);
            (spec.data.is_of(message), spec.signature.content.0 == *signature, signer)
        }
        // A log that takes only hashes records an envelope by what was signed of it.
        (("hashedrekord", "0.0.2"), Content::Envelope(envelope), _) => {
            let spec: HashedRekord2 = field(body.spec, "hashedRekordV002")?;
            let signer = by.is_verifier(&spec.signature.verifier);
            (
                spec.data.is_of(&envelope.signed_bytes()),
                spec.signature.content.0 == envelope.signature,
                signer,
            )
        }
        (("dsse", "0.0.1"), Content::Envelope(envelope), _) => {
            let spec: Dsse1 = spec(body.spec)?;
            let signature = only(&spec.signatures)?;
            let signer = by.is_in_pem(&signature.verifier.0);
            (spec.payload_hash.is_of(&envelope.payload), signature.signature.0 == envelope.signature, signer)
        }
        (("dsse", "0.0.2"), Content::Envelope(envelope), _) => {
            let spec: Dsse2 = field(body.spec, "dsseV002")?;
            let signature = only(&spec.signatures)?;
            let signer = by.is_verifier(&signature.verifier);
            (spec.payload_hash.is_of(&envelope.payload), signature.content.0 == envelope.signature, signer)
        }
        (("intoto", "0.0.2"), Content::Envelope(envelope), _) => {
            let spec: InToto2 = spec(body.spec)?;
            let signature = only(&spec.content.envelope.signatures)?;
            let artifact = spec.content.payload_hash.is_of(&envelope.payload)
                && spec.content.envelope.payload_type == envelope.payload_type;
            let recorded = BASE64_STANDARD.decode(&signature.sig.0).unwrap_or_default();
            (artifact, recorded == envelope.signature, by.is_in_pem(&signature.public_key.0))
        }
        ((kind, version), _, _) => {
            let kind: String = format!("{kind} {version}").chars().take(100).collect();
            return Err(format!("a log entry of the kind `{kind}` does not record such a signature"));
        }
    };
    match (artifact, signature, signer) {
        (true, true, true) => Ok(()),
        (false, _, _) => Err("the log entry is of another artifact".to_owned()),
        (_, false, _) => Err("the log entry is of another signature".to_owned()),
        (_, _, false) => Err("the log entry is of another signer".to_owned()),
    }
}

fn spec<T: serde::de::DeserializeOwned>(spec: Value) -> Result<T, String> {
    serde_json::from_value(spec).map_err(|error| format!("the log entry cannot be read: {error}"))
}

fn field<T: serde::de::DeserializeOwned>(spec: Value, name: &str) -> Result<T, String> {
    self::spec(spec.get(name).cloned().unwrap_or(Value::Null))
}

fn only<T>(signatures: &[T]) -> Result<&T, String> {
    match signatures {
        [one] => Ok(one),
        _ => Err(format!("the log entry has {} signatures where one is expected", signatures.len())),
    }
}
