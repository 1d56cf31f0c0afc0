//! DSSE envelopes (secure-systems-lab/dsse, protocol.md and envelope.md): a signed payload that names its type.
//!
//! Exactly one signature. DSSE allows several, but then two readers may each be content with another one, and
//! sigstore's bundles forbid it.

use serde::{Deserialize, Serialize};

use crate::json::Base64;

/// The payload type of in-toto statements.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// A payload and the signature over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is.
    pub payload_type: String,
    /// The payload as it was signed.
    pub payload: Vec<u8>,
    /// The signature over the pre-authentication encoding.
    pub signature: Vec<u8>,
    /// Who is said to have signed; empty where nobody is. Proves nothing.
    pub key_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireEnvelope {
    payload: Base64,
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Debug, Serialize, Deserialize)]
struct WireSignature {
    sig: Base64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    keyid: String,
}

impl Envelope {
    /// Reads an envelope by itself, as `.att` tags hold them.
    ///
    /// # Errors
    /// It is none, or has not exactly one signature.
    pub fn read(bytes: &[u8]) -> Result<Envelope, String> {
        let wire: WireEnvelope = crate::json::read(bytes).map_err(|error| error.to_string())?;
        Envelope::try_from(wire)
    }

    /// The bytes that are signed.
    pub fn signed_bytes(&self) -> Vec<u8> {
        pre_authentication_encoding(&self.payload_type, &self.payload)
    }

    pub(crate) fn to_wire(&self) -> WireEnvelope {
        WireEnvelope {
            payload: Base64(self.payload.clone()),
            payload_type: self.payload_type.clone(),
            signatures: vec![WireSignature {
                sig: Base64(self.signature.clone()),
                keyid: self.key_id.clone(),
            }],
        }
    }
}

impl TryFrom<WireEnvelope> for Envelope {
    type Error = String;

    fn try_from(wire: WireEnvelope) -> Result<Envelope, String> {
        let count = wire.signatures.len();
        let [signature] = <[WireSignature; 1]>::try_from(wire.signatures)
            .map_err(|_| format!("the envelope has {count} signatures where exactly one is allowed"))?;
        if signature.sig.0.is_empty() {
            return Err("the envelope's signature is empty".to_owned());
        }
        Ok(Envelope {
            payload_type: wire.payload_type,
            payload: wire.payload.0,
            signature: signature.sig.0,
            key_id: signature.keyid,
        })
    }
}

/// What DSSE signs: type and payload, each with its length, so that no byte can move from one to the other.
pub(crate) fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_of_the_specification() {
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn exactly_one_signature() {
        let check = |signatures: &str, expected: &str| {
            let text = format!(r#"{{"payload":"e30=","payloadType":"x","signatures":[{signatures}]}}"#);
            let read = Envelope::read(text.as_bytes()).map(|_| "ok".to_owned());
            assert!(read.clone().unwrap_or_else(|error| error).contains(expected), "{signatures}: {read:?}");
        };
        check(r#"{"sig":"AAAA"}"#, "ok");
        check("", "0 signatures");
        check(r#"{"sig":"AAAA"},{"sig":"AAAA"}"#, "2 signatures");
        check(r#"{"sig":""}"#, "is empty");
        check(r#"{"sig":"*"}"#, "not base64");
    }
}
