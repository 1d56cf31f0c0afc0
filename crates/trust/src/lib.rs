//! Who vouches for what: keys and identities, signatures and attestations over files and images.
//!
//! Writes and reads sigstore's bundles and key files, verifies them against keys, private authorities or a trusted root,
//! and says as findings which requirement an image fails. Everything is verified offline: a log or authority is only
//! ever a key in a file here. Has no clock, prints nothing, reads no environment; decides nothing about findings.

mod beside;
pub mod bundle;
pub mod certificate;
pub mod containers_policy;
mod der;
pub mod dsse;
pub mod image;
pub mod json;
pub mod key;
pub mod limits;
mod log;
pub mod notation;
mod pem;
pub mod provenance;
pub mod requirement;
mod rules;
mod secret;
pub mod sign;
pub mod site;
pub mod statement;
#[cfg(test)]
mod testing;
mod timestamp;
pub mod trusted_root;
pub mod verify;

pub use key::{KeyAlgorithm, KeyError, KeyHolder, PrivateKey, PublicKey};
pub use rules::RULES;
pub use secret::Secret;

/// SHA-256.
fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
