//! Whether a bundle is what is wanted: the right artifact, signed by the right one, at a time when he could.
//!
//! Nothing here asks anybody. A check that cannot be done is a refusal with its reason; there is no "skipped" that
//! passes, and what was not asked for is listed as unchecked.

use std::fmt;

use jiff::Timestamp;
use seawall_inventory::{Algorithm, Digest};

use crate::bundle::{Bundle, Content, Signer};
use crate::certificate::crl::{self, Status};
use crate::certificate::identity::{Identity, Named};
use crate::certificate::{CODE_SIGNING, Certificate, chain, sct};
use crate::dsse::IN_TOTO;
use crate::key::PublicKey;
use crate::log::body::SignedBy;
use crate::log::{self, Recorded};
use crate::notation::Notation;
use crate::statement::Statement;
use crate::timestamp;
use crate::trusted_root::{Authority, TrustedRoot};

/// What must be signed.
#[derive(Debug, Clone, Copy)]
pub enum Artifact<'a> {
    /// A file.
    Bytes(&'a [u8]),
    /// What has this digest: an image.
    Digest(&'a Digest),
}

impl Artifact<'_> {
    fn digest(self, algorithm: Algorithm) -> Digest {
        use sha2::Digest as _;
        match (self, algorithm) {
            (Artifact::Digest(digest), _) => digest.clone(),
            (Artifact::Bytes(bytes), Algorithm::Sha256) => Digest::sha256(crate::sha256(bytes)),
            (Artifact::Bytes(bytes), Algorithm::Sha512) => Digest::sha512(sha2::Sha512::digest(bytes).into()),
        }
    }
}

/// Who must have signed.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// Whoever has one of these keys. Log entries and time stamps are checked where a trusted root is given.
    Keys(&'a [PublicKey], Option<&'a TrustedRoot>),
    /// One whom an authority of the trusted root certified as one of these. Where the root has logs, an entry in one
    /// of them is part of it.
    Identities(&'a [Identity], &'a TrustedRoot),
    /// One whom notation's trust policy names, in notation's format.
    Notation(&'a Notation),
}

impl<'a> Wanted<'a> {
    fn root(self) -> Option<&'a TrustedRoot> {
        match self {
            Wanted::Keys(_, root) => root,
            Wanted::Identities(_, root) => Some(root),
            Wanted::Notation(_) => None,
        }
    }
}

impl fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = match self {
            Wanted::Keys(keys, _) => keys.iter().map(|key| format!("key {}", key.fingerprint())).collect(),
            Wanted::Identities(identities, _) => identities.iter().map(ToString::to_string).collect(),
            Wanted::Notation(_) => vec!["whoever notation's trust policy names".to_owned()],
        };
        f.write_str(&texts.join(" or "))
    }
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is signed with a key where an identity is wanted, or the other way round.
    #[error("it is signed by {found} where {wanted} is wanted")]
    OtherKind {
        /// `a key`, `a certificate`.
        found: &'static str,
        /// The same.
        wanted: &'static str,
    },
    /// It says itself that another key made it.
    #[error("it is signed with another key ({0})")]
    OtherKey(String),
    /// The signature is not by the key, or not over the artifact.
    #[error("the signature is not by this key over this artifact")]
    BadSignature,
    /// The signature is good, and of something else.
    #[error("it is a signature of another artifact")]
    OtherArtifact,
    /// What it says is not an in-toto statement, or cannot be read.
    #[error("what is signed cannot be read: {0}")]
    Unreadable(String),
    /// A log entry is wrong.
    #[error("the transparency log: {0}")]
    Log(String),
    /// The time of signing is not known.
    #[error("nobody vouches for the time of signing: {0}")]
    Time(String),
    /// The certificate, its authority, or the time when it was used.
    #[error("{0}")]
    Certificate(String),
    /// Nobody promised to show the certificate.
    #[error("the certificate's transparency: {0}")]
    CertificateLog(String),
    /// Somebody else is named.
    #[error("it is signed by {0}")]
    OtherIdentity(Named),
    /// The signer said until when it counts.
    #[error("its signer let it expire at {0}")]
    Expired(Timestamp),
    /// A certificate was revoked.
    #[error("the certificate of `{0}` was revoked at {1}")]
    Revoked(String, Timestamp),
    /// It is not known whether a certificate was revoked.
    #[error(
        "whether the certificate of `{0}` was revoked is not known: there is no list of its authority that holds"
    )]
    RevocationUnknown(String),
}

/// Who signed, when, and what.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// Who.
    pub by: By,
    /// When, where a log or a time-stamp authority vouches for it.
    pub at: Option<Timestamp>,
    /// Positions in the logs that recorded it.
    pub log_indexes: Vec<i64>,
    /// What is said, where it is a statement.
    pub statement: Option<Statement>,
    /// What the bundle has besides and nobody asked to check.
    pub unchecked: Vec<String>,
    /// What was found wrong and only logged by the level of notation's trust policy.
    pub tolerated: Vec<String>,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// Who has this key.
    Key(PublicKey),
    /// Who is named here.
    Identity(Named),
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            By::Key(key) => write!(f, "key {}", key.fingerprint()),
            By::Identity(named) => named.fmt(f),
        }
    }
}

/// Verifies a bundle.
///
/// `now` is when a certificate must hold if nobody vouches for another time.
///
/// # Errors
/// Why it is not what is wanted.
pub fn verify(
    bundle: &Bundle,
    artifact: Artifact<'_>,
    wanted: Wanted<'_>,
    now: Timestamp,
) -> Result<Verified, Refusal> {
    match (&bundle.signer, wanted) {
        (Signer::Key { hint }, Wanted::Keys(keys, _)) => {
            let key = key_of(bundle, hint, keys, artifact)?;
            let seen = witnesses(bundle, artifact, SignedBy::Key(key), wanted.root(), now)?;
            seen.verified(By::Key(key.clone()), bundle, artifact)
        }
        (Signer::Certificates(certificates), Wanted::Identities(identities, root)) => {
            let (leaf, others) =
                certificates.split_first().ok_or_else(|| Refusal::Certificate("there is none".to_owned()))?;
            let key = leaf.key().map_err(|error| Refusal::Certificate(error.to_string()))?;
            check_signature(bundle, &key, artifact)?;
            let seen = witnesses(bundle, artifact, SignedBy::Certificate(leaf), Some(root), now)?;
            check_certificate(leaf, others, root, seen.at, now)?;
            let named = Named::of(leaf).map_err(Refusal::Certificate)?;
            if !identities.iter().any(|identity| identity.matches(&named)) {
                return Err(Refusal::OtherIdentity(named));
            }
            seen.verified(By::Identity(named), bundle, artifact)
        }
        (Signer::Key { .. }, Wanted::Identities(..)) => {
            Err(Refusal::OtherKind { found: "a key", wanted: "a certificate" })
        }
        (Signer::Key { .. } | Signer::Certificates(_), Wanted::Notation(_)) => {
            Err(Refusal::OtherKind { found: "sigstore's means", wanted: "a signature of notation" })
        }
        (Signer::Certificates(_), Wanted::Keys(..)) => {
            Err(Refusal::OtherKind { found: "a certificate", wanted: "a key" })
        }
    }
}

/// Verifies a bundle against several wishes, of which one is enough. Of several refusals the one is told that came of a
/// signature of the wanted kind.
///
/// # Errors
/// Why it is none of what is wanted.
pub fn verify_any(
    bundle: &Bundle,
    artifact: Artifact<'_>,
    wanted: &[Wanted<'_>],
    now: Timestamp,
) -> Result<Verified, Refusal> {
    let mut refusal = Refusal::OtherKind { found: "somebody", wanted: "nobody" };
    for wish in wanted {
        match verify(bundle, artifact, *wish, now) {
            Ok(verified) => return Ok(verified),
            Err(Refusal::OtherKind { .. }) if wanted.len() > 1 => {}
            Err(reason) => refusal = reason,
        }
    }
    Err(refusal)
}

/// The key that made the signature. A hint that looks like a key's digest must be that of the key.
fn key_of<'k>(
    bundle: &Bundle,
    hint: &str,
    keys: &'k [PublicKey],
    artifact: Artifact<'_>,
) -> Result<&'k PublicKey, Refusal> {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let key_id = match &bundle.content {
        Content::Envelope(envelope) => envelope.key_id.as_str(),
        Content::Message { .. } => "",
    };
    let is_digest = |hint: &str| BASE64_STANDARD.decode(hint).is_ok_and(|bytes| bytes.len() == 32);
    let agrees = |key: &&PublicKey| [hint, key_id].iter().all(|hint| !is_digest(hint) || key.hint() == *hint);
    let mut refusal = Refusal::OtherKey(if is_digest(hint) { hint } else { key_id }.to_owned());
    for key in keys.iter().filter(agrees) {
        match check_signature(bundle, key, artifact) {
            Ok(()) => return Ok(key),
            Err(reason) => refusal = reason,
        }
    }
    Err(refusal)
}

fn check_signature(bundle: &Bundle, key: &PublicKey, artifact: Artifact<'_>) -> Result<(), Refusal> {
    let is_good = match (&bundle.content, artifact) {
        (Content::Message { digest, signature }, Artifact::Bytes(bytes)) => {
            if digest.as_ref().is_some_and(|(hash, told)| hash.of(bytes) != *told) {
                return Err(Refusal::OtherArtifact);
            }
            key.verifies(bytes, signature)
        }
        // What is signed here is a file, and an image's digest is none.
        (Content::Message { .. }, Artifact::Digest(_)) => return Err(Refusal::OtherArtifact),
        (Content::Envelope(envelope), _) => key.verifies(&envelope.signed_bytes(), &envelope.signature),
    };
    if is_good { Ok(()) } else { Err(Refusal::BadSignature) }
}

/// What an envelope says, if it says it of the artifact.
fn statement(bundle: &Bundle, artifact: Artifact<'_>) -> Result<Option<Statement>, Refusal> {
    let Content::Envelope(envelope) = &bundle.content else { return Ok(None) };
    if envelope.payload_type != IN_TOTO {
        let kind: String = envelope.payload_type.chars().take(100).collect();
        return Err(Refusal::Unreadable(format!("`{kind}` is no statement")));
    }
    let statement = Statement::read(&envelope.payload).map_err(Refusal::Unreadable)?;
    let algorithms = [Algorithm::Sha256, Algorithm::Sha512];
    match algorithms.into_iter().any(|algorithm| statement.is_about(&artifact.digest(algorithm))) {
        true => Ok(Some(statement)),
        false => Err(Refusal::OtherArtifact),
    }
}

/// What logs and time-stamp authorities saw.
struct Seen {
    at: Option<Timestamp>,
    log_indexes: Vec<i64>,
    unchecked: Vec<String>,
}

impl Seen {
    fn verified(self, by: By, bundle: &Bundle, artifact: Artifact<'_>) -> Result<Verified, Refusal> {
        let Seen { at, log_indexes, unchecked } = self;
        let (statement, tolerated) = (statement(bundle, artifact)?, Vec::new());
        Ok(Verified { by, at, log_indexes, statement, unchecked, tolerated })
    }
}

fn witnesses(
    bundle: &Bundle,
    artifact: Artifact<'_>,
    by: SignedBy<'_>,
    root: Option<&TrustedRoot>,
    now: Timestamp,
) -> Result<Seen, Refusal> {
    let mut periods = Vec::new();
    let mut seen = Seen { at: None, log_indexes: Vec::new(), unchecked: Vec::new() };
    let message = match artifact {
        Artifact::Bytes(bytes) => Some(bytes),
        Artifact::Digest(_) => None,
    };
    for entry in &bundle.log_entries {
        // Of whichever log: an entry of something else has no business here.
        log::body::check(entry, &bundle.content, message, by).map_err(Refusal::Log)?;
        match log::check(entry, root.map_or(&[], |root| &root.logs)).map_err(Refusal::Log)? {
            Some(Recorded { at, valid }) => {
                seen.at = seen.at.or(at);
                periods.push(valid);
                seen.log_indexes.push(entry.index);
            }
            None => seen.unchecked.push(format!("entry {} of a log that is not known", entry.index)),
        }
    }
    if root.is_some_and(|root| !root.logs.is_empty()) && seen.log_indexes.is_empty() {
        let unusable = root.map(|root| root.unusable.join("; ")).unwrap_or_default();
        let unusable = if unusable.is_empty() { unusable } else { format!(" (not usable: {unusable})") };
        return Err(Refusal::Log(format!("no log of the trusted root recorded it{unusable}")));
    }
    stamps(bundle, root.map_or(&[], |root| &root.timestamp_authorities), &mut seen);
    // An entry that says no time, or one that nobody signed, could else be made with a key that was given up long ago.
    match periods.iter().all(|period| period.contains(seen.at.unwrap_or(now))) {
        true => Ok(seen),
        false => Err(Refusal::Log("the log's key was not in use at the time of the signature".to_owned())),
    }
}

/// Time stamps come before a log's own word: an authority for time is asked for nothing else.
fn stamps(bundle: &Bundle, authorities: &[Authority], seen: &mut Seen) {
    for stamp in &bundle.timestamps {
        match timestamp::check(stamp, bundle.content.signature(), authorities) {
            Ok(at) => {
                seen.at = Some(at);
                return;
            }
            Err(reason) => seen.unchecked.push(reason),
        }
    }
}

fn check_certificate(
    leaf: &Certificate,
    others: &[Certificate],
    root: &TrustedRoot,
    seen_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let at = seen_at.unwrap_or(now);
    let mut why = "the trusted root has no authority for signers".to_owned();
    for authority in root.authorities.iter().filter(|authority| authority.valid.contains(at)) {
        let others = [authority.intermediates(), others].concat();
        let path = match chain::path(leaf, &others, authority.root(), CODE_SIGNING, at) {
            Ok(path) => path,
            Err(reason) => {
                why = reason;
                continue;
            }
        };
        check_revocation(leaf, &path, root, now)?;
        // Only a root with a log of certificates promises that there is one.
        return match path.first() {
            Some(issuer) if !root.certificate_logs.is_empty() => {
                sct::check(leaf, issuer, &root.certificate_logs).map_err(Refusal::CertificateLog)
            }
            _ => Ok(()),
        };
    }
    match seen_at {
        None if !leaf.is_valid_at(now) => Err(Refusal::Time(why)),
        Some(_) | None => Err(Refusal::Certificate(why)),
    }
}

/// That no list of an authority on the path revokes what it issued. A revoked certificate does not count for what it
/// signed before either: who has its key could have made that time up.
fn check_revocation(
    leaf: &Certificate,
    path: &[&Certificate],
    root: &TrustedRoot,
    now: Timestamp,
) -> Result<(), Refusal> {
    let certificates = std::iter::once(leaf).chain(path.iter().copied());
    for (certificate, issuer) in certificates.zip(path) {
        if let Status::Revoked(at) = crl::status(certificate, issuer, &root.revoked, now) {
            return Err(Refusal::Revoked(certificate.label(), at));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
