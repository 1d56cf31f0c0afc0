//! Keys that are elsewhere than in a file: in a token that speaks PKCS #11, in the transit engine of Vault or OpenBao.
//!
//! Reads the addresses in which cosign and RFC 7512 name them, and makes of each a [`seawall_trust::PrivateKey`] that
//! signs there, or the public keys. Has no cloud's key service, never sees a private key, keeps no PIN or token longer
//! than it must, tries no PIN twice, reads no environment.

mod limits;
mod place;
pub mod token;
pub mod transit;

pub use place::{Place, PlaceError};

/// Somebody else's words in one line, without what a terminal would obey.
fn shown(text: &str) -> String {
    let escaped = text.split_whitespace().collect::<Vec<_>>().join(" ").escape_debug().to_string();
    escaped.replace("\\\"", "\"").replace("\\'", "'")
}
