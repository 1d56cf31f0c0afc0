//! A credential while it is looked at: what may be told of it, and nothing else.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::entropy;

/// Keys the identity of values that nobody can guess; it is public, so guessable values get none of it.
const PUBLIC_KEY: &[u8] = b"seawall leaked value, public key 1";
/// Bits that put a value out of reach of guessing.
const STRONG_BITS: f32 = 64.0;
/// A person's password reaches many bits by length alone; below this many bytes none counts as strong.
const STRONG_BYTES: usize = 20;
/// A prefix longer than this would tell more than the kind.
const PREFIX_BYTES_MAX: usize = 12;

/// The secret part of a match. Its bytes go to checks and hashes and nowhere else: it cannot be printed, stored or
/// compared.
#[derive(Clone, Copy)]
pub(crate) struct Value<'v>(&'v [u8]);

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(…)")
    }
}

/// The key of the identities; it cannot be printed either.
#[derive(Clone)]
pub struct IdentityKey(Vec<u8>);

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityKey(…)")
    }
}

impl IdentityKey {
    /// A key from a secret of the caller.
    pub fn new(secret: &[u8]) -> IdentityKey {
        IdentityKey(secret.to_vec())
    }

    /// A name of the key that does not tell it: cached facts belong to one key.
    pub fn name(&self) -> [u8; 32] {
        hmac(&self.0, &[b"name of the key"])
    }
}

/// How a value is to be told: by whom it was found and where.
pub(crate) struct Context<'c> {
    /// The rule.
    pub(crate) rule: &'c str,
    /// The path or carrier.
    pub(crate) place: &'c str,
    /// The how many-th guessable value of this rule there.
    pub(crate) ordinal: usize,
    /// Whether people choose such values.
    pub(crate) password: bool,
}

impl<'v> Value<'v> {
    pub(crate) fn new(bytes: &'v [u8]) -> Value<'v> {
        Value(bytes)
    }

    /// Whether nobody can find it by guessing.
    pub(crate) fn is_strong(&self, password: bool) -> bool {
        let bits = entropy::bits_per_byte(self.0) * self.0.len() as f32;
        bits >= STRONG_BITS && (!password || self.0.len() >= STRONG_BYTES && entropy::is_mixed(self.0))
    }

    /// 32 hexadecimal digits that two places share when the same value stands in both. Without a key a value that
    /// could be guessed is identified by its place alone, so that the identity tells nothing of it.
    pub(crate) fn identity(&self, key: Option<&IdentityKey>, context: &Context<'_>) -> String {
        let hash = match key {
            Some(key) => hmac(&key.0, &[self.0]),
            None if self.is_strong(context.password) => hmac(PUBLIC_KEY, &[self.0]),
            None => {
                let ordinal = (context.ordinal as u64).to_le_bytes();
                hmac(PUBLIC_KEY, &[context.rule.as_bytes(), b"\0", context.place.as_bytes(), b"\0", &ordinal])
            }
        };
        hex(hash.get(..16).unwrap_or_default())
    }

    /// Enough to recognise it: the public prefix of its kind and its length; of what people choose only how long it
    /// is, roughly.
    pub(crate) fn redacted(&self, literals: &[Vec<u8>], password: bool) -> String {
        if self.0.starts_with(b"-----BEGIN ") || self.0.starts_with(b"---- BEGIN ") {
            return format!("{} bytes", self.0.len());
        }
        let lower = self.0.get(..PREFIX_BYTES_MAX.min(self.0.len())).unwrap_or_default().to_ascii_lowercase();
        let prefix = literals
            .iter()
            .map(|literal| literal.iter().zip(&lower).take_while(|(a, b)| a == b).count())
            .filter(|length| *length >= 3 && self.0.len() >= length + 12)
            .max();
        match prefix.filter(|_| !password).and_then(|length| self.0.get(..length)) {
            Some(prefix) => format!("{}…({})", String::from_utf8_lossy(prefix), self.0.len()),
            None => format!("…({})", length_class(self.0.len())),
        }
    }
}

const fn length_class(length: usize) -> &'static str {
    match length {
        0..8 => "under 8",
        8..16 => "8 to 15",
        16..32 => "16 to 31",
        32..64 => "32 to 63",
        _ => "64 or more",
    }
}

/// HMAC-SHA256 (RFC 2104).
fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    let short = if key.len() > 64 { Sha256::digest(key).to_vec() } else { key.to_vec() };
    block.iter_mut().zip(short).for_each(|(to, from)| *to = from);
    let mut inner = Sha256::new();
    inner.update(block.map(|byte| byte ^ 0x36));
    parts.iter().for_each(|part| inner.update(part));
    let mut outer = Sha256::new();
    outer.update(block.map(|byte| byte ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        let hash = hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hex(&hash), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    fn identity(value: &str, key: Option<&str>, place: &str) -> String {
        let key = key.map(|key| IdentityKey::new(key.as_bytes()));
        let context = Context { rule: "r", place, ordinal: 0, password: true };
        Value::new(value.as_bytes()).identity(key.as_ref(), &context)
    }

    #[test]
    fn a_guessable_value_has_no_identity_of_its_own_without_a_key() {
        assert_eq!(identity("hunter2", None, "a"), identity("swordfish", None, "a"));
        assert_ne!(identity("hunter2", None, "a"), identity("hunter2", None, "b"));
        assert_eq!(identity("hunter2", Some("k"), "a"), identity("hunter2", Some("k"), "b"));
        assert_ne!(identity("hunter2", Some("k"), "a"), identity("hunter2", Some("l"), "a"));
        let strong = "q8Zp3LxT0vRk7YwN2mHd";
        assert_eq!(identity(strong, None, "a"), identity(strong, None, "b"));
    }

    #[test]
    fn nothing_prints_a_value() {
        let value = Value::new(b"ghp_abcdefghijklmnopqrstuvwxyz0123456789");
        assert_eq!(format!("{value:?}"), "Value(…)");
        assert_eq!(value.redacted(&[b"ghp_".to_vec()], false), "ghp_…(40)");
        assert_eq!(Value::new(b"hunter2!!").redacted(&[b"hunter".to_vec()], true), "…(8 to 15)");
    }
}
