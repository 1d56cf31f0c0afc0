//! The evidence of a leaked credential. Nothing here can hold the credential itself.

use serde::{Deserialize, Serialize};

/// A credential that was found where others can read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaked {
    /// What it is, for people: `AWS secret access key`.
    pub secret: String,
    /// Enough to recognise it, too little to use it: `AKIA…(20)`.
    pub redacted: String,
    /// Keyed hash of the value, 32 hexadecimal digits: the same credential at two places has one.
    pub value_id: String,
    /// Where the value stands, when it is no file: `environment variable DB_PASSWORD`, `build argument TOKEN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// What it was wrapped in, outermost first: `base64`, `gzip`, `zip`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encodings: Vec<String>,
    /// What speaks for its being real: `checksum`, `structure`, `entropy 4.2`, `context`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proof: Vec<String>,
    /// The layer, counted from 0, that removes or replaces the file; it stays readable in the image all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_in_layer: Option<u32>,
}

impl Leaked {
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("secret", self.secret.clone()), ("value", self.redacted.clone())];
        facts.extend(self.carrier.clone().map(|carrier| ("in", carrier)));
        facts.extend((!self.encodings.is_empty()).then(|| ("encoded as", self.encodings.join(" in "))));
        facts.extend((!self.proof.is_empty()).then(|| ("proof", self.proof.join(", "))));
        facts.extend(self.deleted_in_layer.map(|layer| ("deleted in layer", layer.to_string())));
        facts
    }
}
