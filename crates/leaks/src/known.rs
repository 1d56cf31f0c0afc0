//! Keys and tokens that everybody has: test keys of libraries, examples of documentation. They open nothing.

use std::sync::OnceLock;

use sha2::{Digest, Sha256};

use crate::check::key_fingerprint;

/// First 16 digits of the SHA-256 of each known key, one a line, with where it was seen.
const KEYS: &str = include_str!("../../../rules/leaks/known-keys.txt");
/// SHA-256 of each known value, first 16 digits, likewise.
const VALUES: &str = include_str!("../../../rules/leaks/known-values.txt");

fn list(text: &'static str) -> Vec<&'static str> {
    let mut list: Vec<&str> =
        text.lines().filter_map(|line| line.split_whitespace().next()).filter(|word| *word != "#").collect();
    list.sort_unstable();
    list
}

/// Whether a PEM block is a key that is publicly known.
pub(crate) fn is_known(value: &[u8]) -> bool {
    static LIST: OnceLock<Vec<&str>> = OnceLock::new();
    let list = LIST.get_or_init(|| list(KEYS));
    key_fingerprint(value).is_some_and(|hash| {
        list.binary_search(&crate::value::hex(hash.get(..8).unwrap_or_default()).as_str()).is_ok()
    })
}

/// Whether a token is an example that is publicly known.
pub(crate) fn is_known_value(value: &[u8]) -> bool {
    static LIST: OnceLock<Vec<&str>> = OnceLock::new();
    let list = LIST.get_or_init(|| list(VALUES));
    let hash = crate::value::hex(&Sha256::digest(value));
    list.binary_search(&hash.get(..16).unwrap_or_default()).is_ok()
}
