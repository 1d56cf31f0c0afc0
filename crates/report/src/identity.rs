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
    dashed(&hex(&bytes[..16]))
}

/// A calendar date as a time; `None` for what is none, because readers refuse a whole document for a bad time.
pub(crate) fn midnight(date: &str) -> Option<String> {
    let date: jiff::civil::Date = date.parse().ok()?;
    Some(format!("{date}T00:00:00Z"))
}

/// 32 hexadecimal digits in the form of a UUID.
pub(crate) fn dashed(hex: &str) -> String {
    let parts = [hex.get(..8), hex.get(8..12), hex.get(12..16), hex.get(16..20), hex.get(20..)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("-")
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
