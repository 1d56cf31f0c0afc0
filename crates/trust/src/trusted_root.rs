//! Whom to believe: sigstore's `trusted_root.json` (protobuf-specs, `sigstore_trustroot.proto`), or a private
//! authority's certificates.

use jiff::Timestamp;
use serde::Deserialize;

use crate::certificate::crl::RevocationList;
use crate::certificate::{Certificate, CertificateError};
use crate::json::Base64;
use crate::key::{PublicKey, Scheme};

mod write;

const MEDIA_TYPES: [&str; 2] = [
    "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    "application/vnd.dev.sigstore.trustedroot.v0.2+json",
];

/// Logs and authorities that are believed.
#[derive(Debug, Clone, Default)]
pub struct TrustedRoot {
    /// Transparency logs of signatures.
    pub logs: Vec<LogKey>,
    /// Transparency logs of certificates.
    pub certificate_logs: Vec<LogKey>,
    /// Authorities for signers.
    pub authorities: Vec<Authority>,
    /// Authorities for time stamps.
    pub timestamp_authorities: Vec<Authority>,
    /// Certificates that its authorities took back.
    pub revoked: Vec<RevocationList>,
    /// What the document names and cannot be used here, with the reason.
    pub unusable: Vec<String>,
}

/// A log's key.
#[derive(Debug, Clone)]
pub struct LogKey {
    /// What entries call the log.
    pub(crate) id: Vec<u8>,
    /// The first bytes of a checkpoint's signature that mean this key.
    pub(crate) checkpoint_id: Vec<u8>,
    pub(crate) key: PublicKey,
    pub(crate) scheme: Scheme,
    /// When the key was in use.
    pub(crate) valid: Period,
}

impl LogKey {
    /// The key of a log that calls itself by the key's digest, in use since a moment.
    pub fn new(key: PublicKey, since: Timestamp) -> LogKey {
        let id = key.id().to_vec();
        let valid = Period { start: Some(since), end: None };
        LogKey { checkpoint_id: id.clone(), id, scheme: usual(&key), key, valid }
    }
}

/// An authority: from its lowest certificate to its root.
#[derive(Debug, Clone)]
pub struct Authority {
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) valid: Period,
}

impl Authority {
    /// The certificate that is believed for itself.
    pub(crate) fn root(&self) -> &[Certificate] {
        &self.certificates[self.certificates.len().saturating_sub(1)..]
    }

    /// The certificates below it.
    pub(crate) fn intermediates(&self) -> &[Certificate] {
        &self.certificates[..self.certificates.len().saturating_sub(1)]
    }
}

/// A span of time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Period {
    pub(crate) start: Option<Timestamp>,
    pub(crate) end: Option<Timestamp>,
}

impl Period {
    pub(crate) fn contains(self, at: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= at) && self.end.is_none_or(|end| at <= end)
    }
}

/// Why a document is no trusted root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a trusted root that can be read: {0}")]
pub struct RootError(pub String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    media_type: String,
    #[serde(default)]
    tlogs: Vec<WireLog>,
    #[serde(default)]
    ctlogs: Vec<WireLog>,
    #[serde(default)]
    certificate_authorities: Vec<WireAuthority>,
    #[serde(default)]
    timestamp_authorities: Vec<WireAuthority>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLog {
    #[serde(default)]
    base_url: String,
    public_key: WireKey,
    log_id: Option<KeyId>,
    checkpoint_key_id: Option<KeyId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireKey {
    raw_bytes: Base64,
    valid_for: Option<ValidFor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyId {
    key_id: Base64,
}

#[derive(Default, Deserialize)]
struct ValidFor {
    start: Option<Timestamp>,
    end: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAuthority {
    cert_chain: Chain,
    valid_for: Option<ValidFor>,
}

#[derive(Deserialize)]
struct Chain {
    certificates: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    raw_bytes: Base64,
}

impl TrustedRoot {
    /// Reads a `trusted_root.json`. A log with a key of an unknown kind is left out and named in `unusable`.
    ///
    /// # Errors
    /// It is none, or of an unknown version, or an authority in it has no certificate that can be read.
    pub fn read(bytes: &[u8]) -> Result<TrustedRoot, RootError> {
        let wire: Wire = crate::json::read(bytes).map_err(|error| RootError(error.to_string()))?;
        if !MEDIA_TYPES.contains(&wire.media_type.as_str()) {
            let found: String = wire.media_type.chars().take(100).collect();
            return Err(RootError(format!("`{found}` is no version that is known")));
        }
        let mut unusable = Vec::new();
        let mut logs = |wire: Vec<WireLog>| -> Vec<LogKey> {
            let read = wire.into_iter().map(log);
            read.filter_map(|log| log.map_err(|reason| unusable.push(reason)).ok()).collect()
        };
        let (tlogs, certificate_logs) = (logs(wire.tlogs), logs(wire.ctlogs));
        let authorities =
            |wire: Vec<WireAuthority>| wire.into_iter().map(authority).collect::<Result<Vec<_>, _>>();
        let bad = |error: CertificateError| RootError(error.to_string());
        Ok(TrustedRoot {
            logs: tlogs,
            certificate_logs,
            authorities: authorities(wire.certificate_authorities).map_err(bad)?,
            timestamp_authorities: authorities(wire.timestamp_authorities).map_err(bad)?,
            revoked: Vec::new(),
            unusable,
        })
    }

    /// A private authority: the certificates of a PEM text from the lowest to the root, without logs.
    ///
    /// # Errors
    /// The text holds something else than certificates.
    pub fn private(pem: &str) -> Result<TrustedRoot, CertificateError> {
        let authorities =
            vec![Authority { certificates: Certificate::read_pem(pem)?, valid: Period::default() }];
        Ok(TrustedRoot { authorities, ..TrustedRoot::default() })
    }

    /// Believes lists of revoked certificates too.
    #[must_use]
    pub fn with_revoked(mut self, lists: Vec<RevocationList>) -> TrustedRoot {
        self.revoked.extend(lists);
        self
    }

    /// Believes the time stamps of a private authority too.
    ///
    /// # Errors
    /// The text holds something else than certificates.
    pub fn with_timestamp_authority(mut self, pem: &str) -> Result<TrustedRoot, CertificateError> {
        let certificates = Certificate::read_pem(pem)?;
        self.timestamp_authorities.push(Authority { certificates, valid: Period::default() });
        Ok(self)
    }
}

fn period(wire: Option<ValidFor>) -> Period {
    let wire = wire.unwrap_or_default();
    Period { start: wire.start, end: wire.end }
}

fn usual(key: &PublicKey) -> Scheme {
    key.schemes().first().copied().unwrap_or(Scheme::Ed25519)
}

fn log(wire: WireLog) -> Result<LogKey, String> {
    let unusable = |reason: String| format!("the log {}: {reason}", wire.base_url);
    let key =
        PublicKey::from_spki(&wire.public_key.raw_bytes.0).map_err(|error| unusable(error.to_string()))?;
    let valid = period(wire.public_key.valid_for);
    if valid.start.is_none() {
        // Without it a key that leaks one day could have signed anything at any time.
        return Err(unusable("it does not say since when its key is in use".to_owned()));
    }
    let id = wire.log_id.map_or_else(|| key.id().to_vec(), |id| id.key_id.0);
    let checkpoint_id = wire.checkpoint_key_id.map_or_else(|| id.clone(), |id| id.key_id.0);
    Ok(LogKey { id, checkpoint_id, scheme: usual(&key), key, valid })
}

fn authority(wire: WireAuthority) -> Result<Authority, CertificateError> {
    let read = wire.cert_chain.certificates.iter().map(|raw| Certificate::read(&raw.raw_bytes.0));
    let certificates = read.collect::<Result<Vec<_>, _>>()?;
    match certificates.is_empty() {
        true => Err(CertificateError("an authority without a certificate".to_owned())),
        false => Ok(Authority { certificates, valid: period(wire.valid_for) }),
    }
}
