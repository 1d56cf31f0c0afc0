//! Sigstore bundles (protobuf-specs, `sigstore_bundle.proto`): a signature with all that its verification needs.
//!
//! Versions 0.1 to 0.3 are read, 0.3 is written, as the JSON of the protobuf mapping. Reading proves nothing: what a
//! bundle says is only what somebody wrote until `verify` has compared it.

use crate::certificate::Certificate;
use crate::dsse::Envelope;
use crate::key::Hash;

mod wire;

/// Media type of what is written; as a referrer's artifact type too.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A signature with all that its verification needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Who is said to have signed.
    pub signer: Signer,
    /// Entries of transparency logs.
    pub log_entries: Vec<LogEntry>,
    /// RFC 3161 time-stamp responses over the signature.
    pub timestamps: Vec<Vec<u8>>,
    /// What is signed.
    pub content: Content,
}

/// Who is said to have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// Who has a key that the verifier knows.
    Key {
        /// Which one; any text, empty where it is not said.
        hint: String,
    },
    /// Whom the first certificate names; issuers may follow.
    Certificates(Vec<Certificate>),
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A file.
    Message {
        /// Its digest, where it is told.
        digest: Option<(Hash, Vec<u8>)>,
        /// The signature over the file.
        signature: Vec<u8>,
    },
    /// A DSSE envelope.
    Envelope(Envelope),
}

impl Content {
    /// The signature itself, which logs record and time stamps seal.
    pub fn signature(&self) -> &[u8] {
        match self {
            Content::Message { signature, .. } => signature,
            Content::Envelope(envelope) => &envelope.signature,
        }
    }
}

/// An entry of a transparency log as a bundle carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Position in the log.
    pub index: i64,
    /// Of the log: SHA-256 of its key, or what its trusted root calls it.
    pub log_id: Vec<u8>,
    /// `hashedrekord`.
    pub kind: String,
    /// `0.0.1`.
    pub version: String,
    /// Seconds since 1970 when the log took it in; only a signed entry timestamp vouches for that. 0 where not told.
    pub integrated_time: i64,
    /// The log's promise to take it in, signed.
    pub signed_entry_timestamp: Option<Vec<u8>>,
    /// Its proof to have taken it in.
    pub proof: Option<InclusionProof>,
    /// What the log recorded.
    pub body: Vec<u8>,
}

/// A Merkle inclusion proof (RFC 6962, 2.1.1) and the checkpoint that signs its root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// Position in the tree, which for a sharded log is not that in the log.
    pub index: u64,
    /// Leaves of the tree.
    pub tree_size: u64,
    /// Its root.
    pub root: Vec<u8>,
    /// The path.
    pub hashes: Vec<Vec<u8>>,
    /// A signed note (C2SP signed-note).
    pub checkpoint: String,
}

/// Why bytes are no bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a sigstore bundle that can be read: {0}")]
pub struct BundleError(pub String);

impl Bundle {
    /// Reads a bundle.
    ///
    /// # Errors
    /// It is none, of an unknown version, or breaks the rules of its version.
    pub fn read(bytes: &[u8]) -> Result<Bundle, BundleError> {
        wire::read(bytes).map_err(BundleError)
    }

    /// Writes version 0.3.
    ///
    /// # Errors
    /// It holds a chain of certificates, for which 0.3 has no place, or a log entry without its proof.
    pub fn write(&self) -> Result<Vec<u8>, BundleError> {
        wire::write(self).map_err(BundleError)
    }
}

#[cfg(test)]
mod tests;
