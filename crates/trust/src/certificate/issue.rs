//! Writes certificates: a private authority's own, a signer's, a time-stamp authority's.

use jiff::Timestamp;

use super::sct;
use super::{
    BASIC_CONSTRAINTS, CODE_SIGNING, Certificate, CertificateError, EXTENDED_KEY_USAGE, KEY_USAGE,
    SUBJECT_ALTERNATIVE_NAME, TIME_STAMPING,
};
use crate::der::{self, write};
use crate::key::{Hash, KeyError, PrivateKey, PublicKey, Scheme, random};

const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
const ISSUER_V1: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01, 0x01];
const ISSUER_V2: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01, 0x08];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const ORGANISATION: &[u8] = &[0x55, 0x04, 0x0a];
/// `digitalSignature`; `keyCertSign` and `cRLSign`.
const USAGE_SIGN: &[u8] = &[3, 2, 7, 0x80];
const USAGE_AUTHORITY: &[u8] = &[3, 2, 1, 0x06];

/// Why a certificate was not issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The key did not sign.
    #[error("the authority's key did not sign")]
    Key(#[from] KeyError),
    /// What was written cannot be read.
    #[error("the certificate that was written is not one")]
    Certificate(#[from] CertificateError),
}

/// What a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// An authority for signers, with so many others allowed below it.
    Authority {
        /// How many.
        below: u8,
    },
    /// A root, for authorities and those who stamp times, with so many authorities allowed below it.
    Root {
        /// How many.
        below: u8,
    },
    /// One who stamps times.
    Stamp,
    /// A signer.
    Signer {
        /// Mail address or URI.
        identity: String,
        /// Who vouched for it, as Fulcio's certificates say it: an address.
        issuer: String,
    },
}

/// A certificate to issue.
#[derive(Debug)]
pub struct Template<'a> {
    /// Organisation and common name of its subject; a signer's may be empty, its identity names it.
    pub subject: Option<(&'a str, &'a str)>,
    /// Its key.
    pub key: &'a PublicKey,
    /// First and last moment.
    pub valid: (Timestamp, Timestamp),
    /// What it is for.
    pub role: Role,
}

/// Who issues.
#[derive(Debug, Clone, Copy)]
pub enum Issuer<'a> {
    /// The subject itself: a root.
    Itself(&'a PrivateKey),
    /// An authority.
    Authority(&'a Certificate, &'a PrivateKey),
}

impl Template<'_> {
    /// Issues the certificate. With the key of a log of certificates, that log's promise is part of it.
    ///
    /// # Errors
    /// A key did not sign.
    pub fn issue(
        &self,
        issuer: Issuer<'_>,
        certificate_log: Option<(&PrivateKey, Timestamp)>,
    ) -> Result<Certificate, IssueError> {
        // 20 bytes at most, and positive (RFC 5280, 4.1.2.2).
        let mut serial = random::<16>()?;
        serial[0] = serial[0] & 0x7f | 0x40;
        let (key, issuer_spki) = match issuer {
            Issuer::Itself(key) => (key, self.key.spki()),
            Issuer::Authority(certificate, key) => (key, certificate.spki()),
        };
        let mut extensions = self.extensions(issuer_spki);
        if let Some((log, at)) = certificate_log {
            let tbs = self.tbs(issuer, &serial, &extensions);
            let promise = sct::promise(&tbs, issuer_spki, log, at)?;
            extensions.extend(extension(sct::SCT_LIST, Criticality::Plain, &promise));
        }
        let tbs = self.tbs(issuer, &serial, &extensions);
        let signature = write(der::BIT_STRING, &[&[0], &key.sign(&tbs)?]);
        Ok(Certificate::read(&write(der::SEQUENCE, &[&tbs, &algorithm(key), &signature]))?)
    }

    fn tbs(&self, issuer: Issuer<'_>, serial: &[u8], extensions: &[u8]) -> Vec<u8> {
        let subject = name(self.subject);
        let (issuer_name, key) = match issuer {
            Issuer::Itself(key) => (subject.as_slice(), key),
            Issuer::Authority(certificate, key) => (certificate.subject(), key),
        };
        let (from, until) = self.valid;
        write(
            der::SEQUENCE,
            &[
                &write(der::explicit(0), &[&[der::INTEGER, 1, 2]]),
                &write(der::INTEGER, &[serial]),
                &algorithm(key),
                issuer_name,
                &write(der::SEQUENCE, &[&der::write_time(from), &der::write_time(until)]),
                &subject,
                self.key.spki(),
                &write(der::explicit(3), &[&write(der::SEQUENCE, &[extensions])]),
            ],
        )
    }

    fn extensions(&self, issuer_spki: &[u8]) -> Vec<u8> {
        use Criticality::{Critical, Plain};
        let purpose = |id: &[u8]| write(der::SEQUENCE, &[&write(der::OID, &[id])]);
        let constraints = |below: u8| {
            let below = write(der::INTEGER, &[&[below]]);
            extension(BASIC_CONSTRAINTS, Critical, &write(der::SEQUENCE, &[&[1, 1, 0xff], &below]))
        };
        let mut bytes = match &self.role {
            Role::Authority { below } => [
                constraints(*below),
                extension(KEY_USAGE, Critical, USAGE_AUTHORITY),
                extension(EXTENDED_KEY_USAGE, Plain, &purpose(CODE_SIGNING)),
            ],
            Role::Root { below } => {
                [constraints(*below), extension(KEY_USAGE, Critical, USAGE_AUTHORITY), Vec::new()]
            }
            // RFC 3161, 2.3: its purpose is critical and the only one.
            Role::Stamp => [
                Vec::new(),
                extension(KEY_USAGE, Critical, USAGE_SIGN),
                extension(EXTENDED_KEY_USAGE, Critical, &purpose(TIME_STAMPING)),
            ],
            Role::Signer { .. } => [
                Vec::new(),
                extension(KEY_USAGE, Critical, USAGE_SIGN),
                extension(EXTENDED_KEY_USAGE, Plain, &purpose(CODE_SIGNING)),
            ],
        }
        .concat();
        if let Role::Signer { identity, issuer } = &self.role {
            let kind = der::implicit(if identity.contains("://") { 6 } else { 1 });
            let names = write(der::SEQUENCE, &[&write(kind, &[identity.as_bytes()])]);
            // RFC 5280, 4.2.1.6: critical where the subject is empty.
            let criticality = if self.subject.is_none() { Critical } else { Plain };
            bytes.extend(extension(SUBJECT_ALTERNATIVE_NAME, criticality, &names));
            bytes.extend(extension(ISSUER_V1, Plain, issuer.as_bytes()));
            bytes.extend(extension(ISSUER_V2, Plain, &write(der::UTF8_STRING, &[issuer.as_bytes()])));
        }
        let own = write(der::OCTET_STRING, &[&key_id(self.key.spki())]);
        bytes.extend(extension(SUBJECT_KEY_ID, Plain, &own));
        let above = write(der::SEQUENCE, &[&write(der::implicit(0), &[&key_id(issuer_spki)])]);
        bytes.extend(extension(AUTHORITY_KEY_ID, Plain, &above));
        bytes
    }
}

/// Any short name of a key does (RFC 7093, 2).
fn key_id(spki: &[u8]) -> Vec<u8> {
    crate::sha256(spki)[..20].to_vec()
}

fn name(parts: Option<(&str, &str)>) -> Vec<u8> {
    let attribute = |id: &[u8], text: &str| {
        let parts = [write(der::OID, &[id]), write(der::UTF8_STRING, &[text.as_bytes()])];
        write(der::SET, &[&write(der::SEQUENCE, &[&parts[0], &parts[1]])])
    };
    let attributes = match parts {
        Some((organisation, common)) => {
            [attribute(ORGANISATION, organisation), attribute(COMMON_NAME, common)].concat()
        }
        None => Vec::new(),
    };
    write(der::SEQUENCE, &[&attributes])
}

/// Whether who does not know an extension must refuse the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Criticality {
    Critical,
    Plain,
}

pub(crate) fn extension(id: &[u8], criticality: Criticality, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = match criticality {
        Criticality::Critical => &[1, 1, 0xff],
        Criticality::Plain => &[],
    };
    write(der::SEQUENCE, &[&write(der::OID, &[id]), critical, &write(der::OCTET_STRING, &[value])])
}

/// The AlgorithmIdentifier of a key's signatures.
pub(crate) fn algorithm(key: &PrivateKey) -> Vec<u8> {
    const ECDSA_WITH: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
    const PKCS1: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    let ecdsa = |last: u8| write(der::SEQUENCE, &[&write(der::OID, &[&ECDSA_WITH, &[last]])]);
    let rsa = |last: u8| write(der::SEQUENCE, &[&write(der::OID, &[&PKCS1, &[last]]), &[der::NULL, 0]]);
    match key.scheme() {
        Scheme::Ecdsa(Hash::Sha256) => ecdsa(2),
        Scheme::Ecdsa(Hash::Sha384) => ecdsa(3),
        Scheme::Ecdsa(Hash::Sha512) => ecdsa(4),
        Scheme::RsaPkcs1(Hash::Sha256) | Scheme::RsaPss(Hash::Sha256) => rsa(11),
        Scheme::RsaPkcs1(Hash::Sha384) | Scheme::RsaPss(Hash::Sha384) => rsa(12),
        Scheme::RsaPkcs1(Hash::Sha512) | Scheme::RsaPss(Hash::Sha512) => rsa(13),
        Scheme::Ed25519 | Scheme::Ed25519Ph => {
            write(der::SEQUENCE, &[&write(der::OID, &[&[0x2b, 0x65, 0x70]])])
        }
    }
}
