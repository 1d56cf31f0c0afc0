//! Ids that documents need, made from what they are about so that the same report gives the same document.

use seawall_inventory::Presence;
use sha2::{Digest, Sha256};

use crate::Report;

fn hash(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sixteen hexadecimal digits of a hash over the parts.
pub(crate) fn short_hash(parts: &[&str]) -> String {
    hex(&hash(parts)[..8])
}

/// A UUID version 8 (RFC 9562 section 5.8) from the target, the time and the packages.
pub(crate) fn uuid(report: &Report) -> String {
    let inventory = &report.inventory;
    let created = report.created.to_string();
    let digest = inventory.target.digest.as_ref().map(ToString::to_string).unwrap_or_default();
    let count = inventory.packages.len().to_string();
    let mut bytes = hash(&[&inventory.target.name, &digest, &created, &count, &report.version]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex(&bytes[..16]);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The word that JSON uses.
pub(crate) fn presence(presence: Presence) -> &'static str {
    match presence {
        Presence::Installed => "installed",
        Presence::Locked => "locked",
        Presence::LockedForDevelopment => "locked-for-development",
        Presence::Recovered => "recovered",
    }
}
