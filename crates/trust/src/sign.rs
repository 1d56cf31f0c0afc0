//! Makes bundles with a key.

use crate::bundle::{Bundle, Content, Signer};
use crate::dsse::{Envelope, IN_TOTO, pre_authentication_encoding};
use crate::key::{Hash, KeyError, PrivateKey, Scheme};
use crate::statement::Statement;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key did not sign.
    #[error("the key did not sign")]
    Key(#[from] KeyError),
    /// What to sign cannot be written.
    #[error("the statement cannot be written")]
    Statement(#[from] serde_json::Error),
}

/// Signs a file.
///
/// # Errors
/// The key did not sign.
pub fn sign_bytes(message: &[u8], key: &PrivateKey) -> Result<Bundle, SignError> {
    // The hash that the signature uses, so that a verifier needs only one; pure Ed25519 uses none of the message.
    let hash = match key.scheme() {
        Scheme::Ecdsa(hash) | Scheme::RsaPkcs1(hash) | Scheme::RsaPss(hash) => hash,
        Scheme::Ed25519 | Scheme::Ed25519Ph => Hash::Sha256,
    };
    let content = Content::Message { digest: Some((hash, hash.of(message))), signature: key.sign(message)? };
    Ok(bundle(content, key))
}

/// Signs a statement.
///
/// # Errors
/// The key did not sign, or the statement cannot be written.
pub fn sign_statement(statement: &Statement, key: &PrivateKey) -> Result<Bundle, SignError> {
    let payload = statement.to_bytes()?;
    let signature = key.sign(&pre_authentication_encoding(IN_TOTO, &payload))?;
    // A key id would have to be the bundle's hint exactly; the hint alone says it all.
    let envelope = Envelope { payload_type: IN_TOTO.to_owned(), payload, signature, key_id: String::new() };
    Ok(bundle(Content::Envelope(envelope), key))
}

fn bundle(content: Content, key: &PrivateKey) -> Bundle {
    let signer = Signer::Key { hint: key.public().hint() };
    Bundle { signer, log_entries: Vec::new(), timestamps: Vec::new(), content }
}
