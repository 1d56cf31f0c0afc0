//! Keys and what they do: sign a message, verify a signature.
//!
//! ECDSA over P-256 and P-384, Ed25519 pure and prehashed, RSA of 2048 to 8192 bits. Anything weaker or unknown (SHA-1,
//! RSA-1024, P-521, DSA) is refused by name and never tried with something near it.

use std::fmt;

use crate::der::DerError;
use crate::pem::PemError;

pub(crate) mod encrypted;
mod private;
mod public;
mod secretbox;

pub use private::{KeyAlgorithm, KeyHolder, PrivateKey};
pub use public::PublicKey;

/// A hash that signatures use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The hash of a message.
    pub fn of(self, message: &[u8]) -> Vec<u8> {
        use sha2::Digest as _;
        match self {
            Hash::Sha256 => sha2::Sha256::digest(message).to_vec(),
            Hash::Sha384 => sha2::Sha384::digest(message).to_vec(),
            Hash::Sha512 => sha2::Sha512::digest(message).to_vec(),
        }
    }
}

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// ECDSA, signature in DER.
    Ecdsa(Hash),
    /// RSA, PKCS #1 v1.5.
    RsaPkcs1(Hash),
    /// RSA, PSS with a salt as long as the hash.
    RsaPss(Hash),
    /// Ed25519 over the message.
    Ed25519,
    /// Ed25519ph: over the message's SHA-512, as cosign writes into transparency logs.
    Ed25519Ph,
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scheme::Ecdsa(hash) => write!(f, "ECDSA with {hash:?}"),
            Scheme::RsaPkcs1(hash) => write!(f, "RSA with {hash:?}"),
            Scheme::RsaPss(hash) => write!(f, "RSA-PSS with {hash:?}"),
            Scheme::Ed25519 => f.write_str("Ed25519"),
            Scheme::Ed25519Ph => f.write_str("Ed25519ph"),
        }
    }
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not PEM.
    #[error("the key is no PEM text")]
    Pem(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// PEM of something else.
    #[error("the file holds `{found}` where {wanted} is expected")]
    WrongBlock {
        /// The label of the PEM block.
        found: String,
        /// What would do.
        wanted: &'static str,
    },
    /// The bytes in the PEM block are no key.
    #[error("the key cannot be read: {0}")]
    Malformed(&'static str),
    /// A kind of key that is not supported.
    #[error("a key of this kind is not supported: {0}")]
    Unsupported(String),
    /// The encryption of a key file is another than cosign's.
    #[error("the key file is encrypted in an unknown way: {0}")]
    Encryption(&'static str),
    /// The password does not open the key file, or the file was changed.
    #[error("the password does not open the key file")]
    WrongPassword,
    /// An encrypted key and no password.
    #[error("the key file needs a password")]
    PasswordNeeded,
    /// The operating system gives no random numbers, or the library refused to sign.
    #[error("the key library failed: {0}")]
    Library(&'static str),
    /// A token or service that holds the key did not sign.
    #[error("what holds the key did not sign")]
    Holder(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A token or service signed with another key, or something else.
    #[error("what holds the key gave a signature that its public key does not verify")]
    HolderLies,
}

impl From<DerError> for KeyError {
    fn from(error: DerError) -> KeyError {
        KeyError::Malformed(error.0)
    }
}

impl From<PemError> for KeyError {
    fn from(error: PemError) -> KeyError {
        KeyError::Pem(Box::new(error))
    }
}

/// An ECDSA signature as ASN.1 has it (RFC 3279, 2.2.3), of the two numbers one behind the other (PKCS #11, 2.3.1).
///
/// # Errors
/// It has not two halves.
pub fn ecdsa_der(halves: &[u8]) -> Result<Vec<u8>, KeyError> {
    use crate::der;
    if halves.is_empty() || !halves.len().is_multiple_of(2) {
        return Err(KeyError::Malformed("an ECDSA signature has two halves"));
    }
    let (r, s) = halves.split_at(halves.len() / 2);
    Ok(der::write(der::SEQUENCE, &[&der::write_unsigned(r), &der::write_unsigned(s)]))
}

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    use ring::rand::{SecureRandom as _, SystemRandom};
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| KeyError::Library("no random numbers"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
