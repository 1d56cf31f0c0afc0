//! Makes bundles with a key, or with a key and the certificate that a private authority gave for it.

use crate::bundle::{Bundle, Content, Signer};
use crate::certificate::Certificate;
use crate::dsse::{Envelope, IN_TOTO, pre_authentication_encoding};
use crate::key::{Hash, KeyError, PrivateKey, Scheme};
use crate::site::{Issued, SiteError};
use crate::statement::Statement;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key did not sign.
    #[error("the key did not sign")]
    Key(#[from] KeyError),
    /// The certificate is of another key.
    #[error("the certificate of `{0}` is of another key")]
    OtherCertificate(String),
    /// The site's log or time-stamp authority did not vouch for it.
    #[error("the site does not vouch for the signature")]
    Site(#[from] Box<SiteError>),
    /// What to sign cannot be written.
    #[error("the statement cannot be written")]
    Statement(#[from] serde_json::Error),
}

/// Who signs.
#[derive(Debug, Clone, Copy)]
pub struct Signatory<'a> {
    key: &'a PrivateKey,
    certificate: Option<&'a Certificate>,
    witness: Option<&'a Issued<'a>>,
}

impl<'a> From<&'a PrivateKey> for Signatory<'a> {
    fn from(key: &'a PrivateKey) -> Signatory<'a> {
        Signatory { key, certificate: None, witness: None }
    }
}

impl<'a> From<&'a Issued<'a>> for Signatory<'a> {
    fn from(issued: &'a Issued<'a>) -> Signatory<'a> {
        Signatory { key: &issued.key, certificate: Some(&issued.certificate), witness: Some(issued) }
    }
}

impl<'a> Signatory<'a> {
    /// One whom a certificate names. Its authorities are not part of a bundle: whoever verifies has them.
    ///
    /// # Errors
    /// The certificate is of another key.
    pub fn certified(key: &'a PrivateKey, certificate: &'a Certificate) -> Result<Signatory<'a>, SignError> {
        match certificate.spki() == key.public().spki() {
            true => Ok(Signatory { key, certificate: Some(certificate), witness: None }),
            false => Err(SignError::OtherCertificate(certificate.label())),
        }
    }

    /// The key.
    pub fn key(&self) -> &'a PrivateKey {
        self.key
    }

    fn bundle(self, content: Content, message: &[u8]) -> Result<Bundle, SignError> {
        let signer = match self.certificate {
            Some(certificate) => Signer::Certificates(vec![certificate.clone()]),
            None => Signer::Key { hint: self.key.public().hint() },
        };
        let mut bundle = Bundle { signer, log_entries: Vec::new(), timestamps: Vec::new(), content };
        if let Some(issued) = self.witness {
            issued.witness(&mut bundle, message).map_err(Box::new)?;
        }
        Ok(bundle)
    }
}

/// Signs a file.
///
/// # Errors
/// The key did not sign.
pub fn sign_bytes<'a>(message: &[u8], by: impl Into<Signatory<'a>>) -> Result<Bundle, SignError> {
    let by = by.into();
    let key = by.key;
    // The hash that the signature uses, so that a verifier needs only one; pure Ed25519 uses none of the message.
    let hash = match key.scheme() {
        Scheme::Ecdsa(hash) | Scheme::RsaPkcs1(hash) | Scheme::RsaPss(hash) => hash,
        Scheme::Ed25519 | Scheme::Ed25519Ph => Hash::Sha256,
    };
    let content = Content::Message { digest: Some((hash, hash.of(message))), signature: key.sign(message)? };
    by.bundle(content, message)
}

/// Signs a statement.
///
/// # Errors
/// The key did not sign, or the statement cannot be written.
pub fn sign_statement<'a>(statement: &Statement, by: impl Into<Signatory<'a>>) -> Result<Bundle, SignError> {
    let by = by.into();
    let payload = statement.to_bytes()?;
    let signature = by.key.sign(&pre_authentication_encoding(IN_TOTO, &payload))?;
    // A key id would have to be the bundle's hint exactly; the hint alone says it all.
    let envelope = Envelope { payload_type: IN_TOTO.to_owned(), payload, signature, key_id: String::new() };
    by.bundle(Content::Envelope(envelope), &[])
}
