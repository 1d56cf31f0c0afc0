//! The evidence of something that nobody who counts vouches for: an image without the signature, the attestation or the
//! age that is required of it.

use serde::{Deserialize, Serialize};

/// A requirement of trust that is not met.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Untrusted {
    /// What is not trusted, by digest: `sha256:…`.
    pub digest: String,
    /// What is required: `a signature by key SHA256:…`.
    pub required: String,
    /// What was there instead: `no signature`, `a signature that is expired`.
    pub seen: String,
    /// Every signature and attestation that was looked at and does not meet it, with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rejected: Vec<String>,
    /// What would meet it.
    #[serde(default)]
    pub satisfied_by: String,
}

impl Untrusted {
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("required", self.required.clone()), ("seen", self.seen.clone())];
        facts.push(("digest", self.digest.clone()));
        facts.extend((!self.rejected.is_empty()).then(|| ("rejected", self.rejected.join("; "))));
        facts.extend((!self.satisfied_by.is_empty()).then(|| ("satisfied by", self.satisfied_by.clone())));
        facts
    }
}
