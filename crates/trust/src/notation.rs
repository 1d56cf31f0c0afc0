//! notation's signatures (notaryproject/specifications): JWS and COSE envelopes, verified with its own trust store and
//! trust policy, so that a site which has those needs no others.
//!
//! Everything is verified offline. A certificate that says where its revocation would be told needs a list of its
//! authority at hand, or its revocation is not known. Verification plugins are programs of others and are not run: a
//! signature that needs one is refused.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;
use seawall_inventory::Digest;
use serde::Deserialize;

use crate::certificate::Certificate;
use crate::certificate::chain::check_validity;
use crate::certificate::crl::{self, RevocationList, Status};
use crate::certificate::identity::Named;
use crate::image::Pinned;
use crate::key::{Hash, KeyAlgorithm, Scheme};
use crate::limits::{CHAIN_LENGTH_MAX, TRUSTED_ROOT_BYTES_MAX};
use crate::trusted_root::{Authority, Period};
use crate::verify::{By, Refusal, Verified};
use crate::{der, json, timestamp};

mod cbor;
mod chain;
mod cose;
mod jws;
mod policy;
mod store;

use policy::{Action, Level, Purpose, Stamps, Statement};

/// The artifact type of a signature's manifest.
pub const ARTIFACT_TYPE: &str = "application/vnd.cncf.notary.signature";
const JWS: &str = "application/jose+json";
const COSE: &str = "application/cose";
const PAYLOAD: &str = "application/vnd.cncf.notary.payload.v1+json";

const SIGNING_SCHEME: &str = "io.cncf.notary.signingScheme";
const SIGNING_TIME: &str = "io.cncf.notary.signingTime";
const AUTHENTIC_SIGNING_TIME: &str = "io.cncf.notary.authenticSigningTime";
const EXPIRY: &str = "io.cncf.notary.expiry";
const TIMESTAMP: &str = "io.cncf.notary.timestampSignature";
/// The headers that hold times.
const TIMES: [&str; 3] = [SIGNING_TIME, AUTHENTIC_SIGNING_TIME, EXPIRY];

/// Whether a layer of this media type is such an envelope.
pub(crate) fn is_envelope(media_type: &str) -> bool {
    [JWS, COSE].contains(&media_type)
}

/// Why a trust policy or store cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot use notation's trust policy in {directory}: {reason}")]
pub struct NotationError {
    directory: String,
    reason: String,
}

/// notation's trust policy with the stores that it names.
#[derive(Debug, Clone)]
pub struct Notation {
    statements: Vec<Statement>,
    stores: BTreeMap<(Purpose, String), Vec<Certificate>>,
    lists: Vec<RevocationList>,
}

impl Notation {
    /// Reads notation's configuration directory: `trustpolicy.oci.json` or `trustpolicy.json`, and below `truststore` the
    /// stores that it names. `lists` say what is revoked.
    ///
    /// # Errors
    /// The policy or a store that it names cannot be used.
    pub fn open(directory: &Path, lists: Vec<RevocationList>) -> Result<Notation, NotationError> {
        let failed = |reason: String| NotationError { directory: directory.display().to_string(), reason };
        let names = ["trustpolicy.oci.json", "trustpolicy.json"];
        let path = names.iter().map(|name| directory.join(name)).find(|path| path.exists());
        let path = path.ok_or_else(|| failed(format!("there is no {}", names.join(" or "))))?;
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(TRUSTED_ROOT_BYTES_MAX).read_to_end(&mut bytes))
            .map_err(|error| failed(error.to_string()))?;
        let statements = policy::read(&bytes).map_err(failed)?;
        let mut stores = BTreeMap::new();
        for (purpose, name) in statements.iter().flat_map(|statement| &statement.stores) {
            let read = store::read(directory, *purpose, name).map_err(failed)?;
            stores.insert((*purpose, name.clone()), read);
        }
        Ok(Notation { statements, stores, lists })
    }

    /// What it requires of a repository, by its whole name: `registry.example/app`. `None` where no statement is about it.
    pub fn of(&self, repository: &str) -> Option<Applicable<'_>> {
        let statement = policy::select(&self.statements, repository)?;
        Some(Applicable { notation: self, statement })
    }
}

/// The statement of the policy that is about a repository.
#[derive(Debug, Clone, Copy)]
pub struct Applicable<'a> {
    notation: &'a Notation,
    statement: &'a Statement,
}

impl<'a> Applicable<'a> {
    /// Its name.
    pub fn name(&self) -> &'a str {
        &self.statement.name
    }

    /// Whether it says that nothing is to be verified.
    pub fn is_skip(&self) -> bool {
        self.statement.level.is_none()
    }

    fn certificates(&self, of: Purpose) -> impl Iterator<Item = &'a Certificate> + use<'a> {
        let named = self.statement.stores.iter().filter(move |(purpose, _)| *purpose == of);
        let notation = self.notation;
        named.filter_map(|store| notation.stores.get(store)).flatten()
    }
}

/// A protected header.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Attribute {
    Text(String),
    Time(Timestamp),
    Other,
}

/// What both kinds of envelope have, as it stands there.
struct Parts {
    scheme: Scheme,
    content_type: String,
    critical: Vec<String>,
    /// The protected headers that are not the encoding's own.
    attributes: BTreeMap<String, Attribute>,
    payload: Vec<u8>,
    signed_bytes: Vec<u8>,
    signature: Vec<u8>,
    certificates: Vec<Vec<u8>>,
    timestamp: Option<Vec<u8>>,
}

/// Who vouches for the time of signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signing {
    /// Nobody, or a countersignature.
    X509,
    /// The signing authority.
    Authority { at: Timestamp },
}

/// An envelope whose form is right. What it says proves nothing before `verify`.
struct Envelope {
    scheme: Scheme,
    signing: Signing,
    expiry: Option<Timestamp>,
    payload: Vec<u8>,
    signed_bytes: Vec<u8>,
    signature: Vec<u8>,
    certificates: Vec<Certificate>,
    timestamp: Option<Vec<u8>>,
}

impl Envelope {
    fn read(media_type: &str, bytes: &[u8]) -> Result<Envelope, String> {
        let parts = match media_type {
            JWS => jws::read(bytes)?,
            _ => cose::read(bytes)?,
        };
        if parts.content_type != PAYLOAD {
            let found: String = parts.content_type.chars().take(100).collect();
            return Err(format!("`{found}` is signed where notation's payload is expected"));
        }
        let (signing, expiry) = attributes(&parts)?;
        if parts.certificates.len() > CHAIN_LENGTH_MAX {
            return Err(format!("it has more than {CHAIN_LENGTH_MAX} certificates"));
        }
        let certificates = parts.certificates.iter().map(|bytes| Certificate::read(bytes));
        Ok(Envelope {
            scheme: parts.scheme,
            signing,
            expiry,
            certificates: certificates.collect::<Result<_, _>>().map_err(|error| error.to_string())?,
            payload: parts.payload,
            signed_bytes: parts.signed_bytes,
            signature: parts.signature,
            timestamp: parts.timestamp,
        })
    }
}

/// The headers that notation defines. Each that is critical must be known and there, and each that decides something must
/// be critical.
fn attributes(parts: &Parts) -> Result<(Signing, Option<Timestamp>), String> {
    let critical = |name: &str| parts.critical.iter().any(|known| known == name);
    for name in &parts.critical {
        if ![SIGNING_SCHEME, AUTHENTIC_SIGNING_TIME, EXPIRY].contains(&name.as_str()) {
            let name: String = name.chars().take(100).collect();
            return Err(format!("it has a critical header that is not known ({name})"));
        }
        if !parts.attributes.contains_key(name) {
            return Err(format!("it calls a header critical that is not there ({name})"));
        }
    }
    let time = |name: &str| match parts.attributes.get(name) {
        None => Ok(None),
        Some(Attribute::Time(at)) => Ok(Some(*at)),
        Some(Attribute::Text(_) | Attribute::Other) => Err(format!("its {name} is no time")),
    };
    let (signed, authentic, expiry) = (time(SIGNING_TIME)?, time(AUTHENTIC_SIGNING_TIME)?, time(EXPIRY)?);
    for (name, is_there) in
        [(SIGNING_SCHEME, true), (AUTHENTIC_SIGNING_TIME, authentic.is_some()), (EXPIRY, expiry.is_some())]
    {
        if is_there && !critical(name) {
            return Err(format!("its header {name} is not critical"));
        }
    }
    let scheme = match parts.attributes.get(SIGNING_SCHEME) {
        Some(Attribute::Text(text)) => text.as_str(),
        _ => "",
    };
    let signing = match (scheme, signed, authentic) {
        ("notary.x509", Some(_), None) => Signing::X509,
        ("notary.x509.signingAuthority", None, Some(at)) => Signing::Authority { at },
        ("notary.x509" | "notary.x509.signingAuthority", _, _) => {
            return Err("it has not the time of signing that its scheme wants".to_owned());
        }
        (other, _, _) => {
            let other: String = other.chars().take(100).collect();
            return Err(format!("the signing scheme `{other}` is not known"));
        }
    };
    Ok((signing, expiry))
}

/// notation's payload.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    target_artifact: Target,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    media_type: String,
    digest: Digest,
    size: u64,
}

/// Which artifact an envelope says that it is over. Proves nothing.
///
/// # Errors
/// The bytes are no envelope of notation's.
pub fn claimed(media_type: &str, bytes: &[u8]) -> Result<Digest, String> {
    let envelope = Envelope::read(media_type, bytes)?;
    let payload: Payload = json::read(&envelope.payload).map_err(|error| error.to_string())?;
    Ok(payload.target_artifact.digest)
}

/// Verifies an envelope that hangs on an image.
pub(crate) fn verify(
    (media_type, bytes): (&str, &[u8]),
    image: &Pinned,
    by: Applicable<'_>,
    now: Timestamp,
) -> Result<Verified, Refusal> {
    let Some(level) = by.statement.level else {
        return Err(Refusal::Unreadable("the policy says that nothing is to be verified".to_owned()));
    };
    let envelope = Envelope::read(media_type, bytes).map_err(Refusal::Unreadable)?;
    check_integrity(&envelope, image)?;
    let mut weighed = Weighed { tolerated: Vec::new() };
    let Level { authenticity, timestamp, expiry, revocation } = level;
    weighed.weigh(authenticity, check_authenticity(&envelope, by).map_err(Refusal::Certificate))?;
    weighed.weigh(expiry, check_expiry(&envelope, now))?;
    let at = check_times(&envelope, by, now);
    weighed.weigh(timestamp, at.as_ref().map(|_| ()).map_err(|reason| Refusal::Time(reason.clone())))?;
    if revocation != Action::Skip {
        let lists = &by.notation.lists;
        weighed.weigh(revocation, check_revocation(&envelope.certificates, lists, now))?;
    }
    let leaf = envelope.certificates.first();
    let subjects = leaf.map(subject_text).into_iter().collect();
    Ok(Verified {
        by: By::Identity(Named { subjects, issuer: None }),
        at: at.ok().flatten(),
        log_indexes: Vec::new(),
        statement: None,
        unchecked: Vec::new(),
        tolerated: weighed.tolerated,
    })
}

/// What was found wrong and does not decide.
struct Weighed {
    tolerated: Vec<String>,
}

impl Weighed {
    fn weigh(&mut self, action: Action, checked: Result<(), Refusal>) -> Result<(), Refusal> {
        match (action, checked) {
            (_, Ok(())) => Ok(()),
            (Action::Enforce, Err(refusal)) => Err(refusal),
            (Action::Log | Action::Skip, Err(refusal)) => {
                self.tolerated.push(refusal.to_string());
                Ok(())
            }
        }
    }
}

/// The first certificate's key made the signature, it is over this image, and the certificates are a chain. What the policy
/// only logs is not this.
fn check_integrity(envelope: &Envelope, image: &Pinned) -> Result<(), Refusal> {
    let leaf = envelope.certificates.first();
    let leaf = leaf.ok_or_else(|| Refusal::Certificate("there is none".to_owned()))?;
    let key = leaf.key().map_err(|error| Refusal::Certificate(error.to_string()))?;
    // The key says how it signs; an envelope that says another way would have it verified in that one.
    let scheme = match key.algorithm() {
        KeyAlgorithm::P256 => Scheme::Ecdsa(Hash::Sha256),
        KeyAlgorithm::P384 => Scheme::Ecdsa(Hash::Sha384),
        KeyAlgorithm::Rsa { bits: 2048 } => Scheme::RsaPss(Hash::Sha256),
        KeyAlgorithm::Rsa { bits: 3072 } => Scheme::RsaPss(Hash::Sha384),
        KeyAlgorithm::Rsa { bits: 4096 } => Scheme::RsaPss(Hash::Sha512),
        other @ (KeyAlgorithm::Rsa { .. } | KeyAlgorithm::Ed25519) => {
            return Err(Refusal::Certificate(format!("a key that notation does not know ({other})")));
        }
    };
    if envelope.scheme != scheme {
        let why = format!("it says {} where its key signs by {scheme}", envelope.scheme);
        return Err(Refusal::Unreadable(why));
    }
    let signature = match scheme {
        Scheme::Ecdsa(_) => asn1_of(&envelope.signature).ok_or(Refusal::BadSignature)?,
        Scheme::RsaPss(_) | Scheme::RsaPkcs1(_) | Scheme::Ed25519 | Scheme::Ed25519Ph => {
            envelope.signature.clone()
        }
    };
    if !key.verifies_as(scheme, &envelope.signed_bytes, &signature) {
        return Err(Refusal::BadSignature);
    }
    let payload: Payload =
        json::read(&envelope.payload).map_err(|error| Refusal::Unreadable(error.to_string()))?;
    let target = payload.target_artifact;
    let is_it = target.digest == image.digest
        && target.size == image.size_bytes
        && target.media_type == image.media_type;
    if !is_it {
        return Err(Refusal::OtherArtifact);
    }
    chain::check(&envelope.certificates).map_err(Refusal::Certificate)
}

/// The two numbers of an ECDSA signature side by side (RFC 7518, 3.4), as DER has them.
fn asn1_of(signature: &[u8]) -> Option<Vec<u8>> {
    if ![64, 96].contains(&signature.len()) {
        return None;
    }
    let (r, s) = signature.split_at(signature.len() / 2);
    Some(der::write(der::SEQUENCE, &[&der::write_unsigned(r), &der::write_unsigned(s)]))
}

/// A certificate of the chain is in a trust store for this scheme, and the signer is wanted.
fn check_authenticity(envelope: &Envelope, by: Applicable<'_>) -> Result<(), String> {
    let purpose = match envelope.signing {
        Signing::X509 => Purpose::Ca,
        Signing::Authority { .. } => Purpose::SigningAuthority,
    };
    if !by.certificates(purpose).any(|trusted| envelope.certificates.contains(trusted)) {
        return Err(format!(
            "none of its certificates is in a trust store ({}) of the policy `{}`",
            purpose.name(),
            by.name()
        ));
    }
    let Some(wanted) = &by.statement.identities else { return Ok(()) };
    let leaf = envelope.certificates.first().ok_or("there is none")?;
    let attributes = leaf.subject_attributes().map_err(|error| error.to_string())?;
    let mut subject = policy::Attributes::new();
    for (name, value) in attributes {
        if subject.insert(name.clone(), value).is_some() {
            return Err(format!("its subject names {name} twice"));
        }
    }
    let is_wanted =
        |identity: &policy::Attributes| identity.iter().all(|(name, value)| subject.get(name) == Some(value));
    match wanted.iter().any(is_wanted) {
        true => Ok(()),
        false => Err(format!("it is signed by `{}`, whom the policy does not name", subject_text(leaf))),
    }
}

fn check_expiry(envelope: &Envelope, now: Timestamp) -> Result<(), Refusal> {
    match envelope.expiry {
        Some(expiry) if expiry <= now => Err(Refusal::Expired(expiry)),
        Some(_) | None => Ok(()),
    }
}

/// That every certificate held when the signature was made, as far as somebody vouches for that; else now.
fn check_times(envelope: &Envelope, by: Applicable<'_>, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let hold = |at: Timestamp| {
        envelope.certificates.iter().try_for_each(|certificate| check_validity(certificate, at))
    };
    if let Signing::Authority { at } = envelope.signing {
        return hold(at).map(|()| Some(at));
    }
    let authorities: Vec<Authority> = by
        .certificates(Purpose::Tsa)
        .map(|root| Authority { certificates: vec![root.clone()], valid: Period::default() })
        .collect();
    let has_expired = || envelope.certificates.iter().any(|certificate| certificate.validity().1 < now);
    if authorities.is_empty() || (by.statement.stamps == Stamps::AfterExpiry && !has_expired()) {
        return hold(now).map(|()| None);
    }
    let token = envelope.timestamp.as_ref().ok_or("it has no countersignature of a time-stamp authority")?;
    let (from, until) = timestamp::check_token(token, &envelope.signature, &authorities)?;
    hold(from).and_then(|()| hold(until)).map(|()| Some(until))
}

/// A certificate that says where its revocation would be told must be told of.
fn check_revocation(
    certificates: &[Certificate],
    lists: &[RevocationList],
    now: Timestamp,
) -> Result<(), Refusal> {
    for pair in certificates.windows(2) {
        let [certificate, issuer] = pair else { break };
        match crl::status(certificate, issuer, lists, now) {
            Status::Good => {}
            Status::Revoked(at) => return Err(Refusal::Revoked(certificate.label(), at)),
            Status::Unknown if !certificate.names_revocation() => {}
            Status::Unknown => return Err(Refusal::RevocationUnknown(certificate.label())),
        }
    }
    Ok(())
}

fn subject_text(certificate: &Certificate) -> String {
    let attributes = certificate.subject_attributes().unwrap_or_default();
    let texts: Vec<String> = attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests;
