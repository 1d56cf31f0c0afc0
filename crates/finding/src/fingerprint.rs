//! What identifies a finding from scan to scan.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::Finding;

/// Hash of rule, subject identity, place and evidence key; not of severity, version, layer, line or prose, so it
/// survives rewording, re-rating, rebuilding, re-tagging and a line more above it. 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(String);

impl Fingerprint {
    pub(crate) fn of(finding: &Finding) -> Fingerprint {
        let place = &finding.place;
        let parts = [
            finding.rule.as_str(),
            &finding.subject.identity(),
            place.path.as_deref().unwrap_or_default(),
            &place.pointer.as_deref().map(without_positions).unwrap_or_default(),
            &finding.evidence.key(),
        ];
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        let hex = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Fingerprint(hex)
    }
}

/// A pointer without positions in lists: a container more above it does not make a finding new.
fn without_positions(pointer: &str) -> String {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = pointer.split(['/', '.']).filter(|part| !is_number(part)).collect();
    parts.join("/")
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a fingerprint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a fingerprint of 32 hexadecimal digits")]
pub struct FingerprintError(String);

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Fingerprint, FingerprintError> {
        if text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(Fingerprint(text.to_owned()))
        } else {
            Err(FingerprintError(text.chars().take(100).collect()))
        }
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fingerprint, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
