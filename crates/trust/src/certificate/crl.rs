//! Lists of revoked certificates (RFC 5280, section 5): read, asked, and written for a private authority.
//!
//! Only whole lists of an authority's own certificates: one that is partial, indirect or a delta says so with a critical
//! extension, and is refused.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Certificate, CertificateError, extensions, scheme};
use crate::der::{self, Reader};
use crate::key::{PrivateKey, Scheme};
use crate::limits::REVOKED_MAX;
use crate::pem;

const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 0x14];
const LABEL: &str = "X509 CRL";

/// A list of revoked certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationList {
    der: Vec<u8>,
    tbs: Vec<u8>,
    scheme: Scheme,
    signature: Vec<u8>,
    issuer: Vec<u8>,
    /// When it was made.
    pub made: Timestamp,
    /// When a newer one is due.
    pub next: Option<Timestamp>,
    /// Serial numbers, and since when they are revoked.
    pub revoked: BTreeMap<Vec<u8>, Timestamp>,
}

/// What lists say of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Good,
    Revoked(Timestamp),
    /// No list of its authority that holds is at hand.
    Unknown,
}

impl RevocationList {
    /// Reads lists, in PEM or DER.
    ///
    /// # Errors
    /// It is none, or of a kind that is not supported.
    pub fn read_all(bytes: &[u8]) -> Result<Vec<RevocationList>, CertificateError> {
        match std::str::from_utf8(bytes) {
            Ok(text) if text.contains("-----BEGIN") => {
                let blocks = pem::blocks(text).map_err(|error| CertificateError(error.to_string()))?;
                let read = |block: &pem::Block| match block.label.as_str() {
                    LABEL => RevocationList::read(&block.bytes),
                    other => Err(CertificateError(format!("`{other}` where {LABEL} is expected"))),
                };
                blocks.iter().map(read).collect()
            }
            _ => RevocationList::read(bytes).map(|one| vec![one]),
        }
    }

    fn read(bytes: &[u8]) -> Result<RevocationList, CertificateError> {
        let mut outer = der::sequence(bytes)?;
        let tbs = outer.expect(der::SEQUENCE)?;
        let algorithm = outer.expect(der::SEQUENCE)?;
        let signature = outer.bits()?;
        outer.end()?;
        let mut inner = Reader::new(tbs.body);
        // Version 2 is written as 1; version 1 is not written, and has no extensions.
        if inner.optional(der::INTEGER)?.is_some_and(|version| version.body != [1]) {
            return Err(CertificateError("a list of a version that is not known".to_owned()));
        }
        if inner.expect(der::SEQUENCE)?.body != algorithm.body {
            return Err(CertificateError("it names two signature algorithms".to_owned()));
        }
        let issuer = inner.expect(der::SEQUENCE)?.whole.to_vec();
        let made = inner.time()?;
        let next = if inner.is_time_next() { Some(inner.time()?) } else { None };
        let mut revoked = BTreeMap::new();
        if let Some(list) = inner.optional(der::SEQUENCE)? {
            let mut entries = Reader::new(list.body);
            while !entries.is_empty() {
                let (serial, at) = entry(entries.nested(der::SEQUENCE)?)?;
                revoked.insert(serial, at);
                if revoked.len() > REVOKED_MAX {
                    return Err(CertificateError(format!("it has more than {REVOKED_MAX} entries")));
                }
            }
        }
        if let Some(element) = inner.optional(der::explicit(0))?
            && extensions(element.body)?.iter().any(|extension| extension.is_critical)
        {
            return Err(CertificateError("the list is partial, or by somebody else".to_owned()));
        }
        inner.end()?;
        let (tbs, signature) = (tbs.whole.to_vec(), signature.to_vec());
        Ok(RevocationList {
            der: bytes.to_vec(),
            tbs,
            scheme: scheme(&mut Reader::new(algorithm.body))?,
            signature,
            issuer,
            made,
            next,
            revoked,
        })
    }

    /// Writes a list in PEM, signed by an authority's key.
    ///
    /// # Errors
    /// The key did not sign.
    pub fn write(
        authority: &Certificate,
        key: &PrivateKey,
        (made, next): (Timestamp, Timestamp),
        revoked: &BTreeMap<Vec<u8>, Timestamp>,
    ) -> Result<String, crate::KeyError> {
        let algorithm = super::issue::algorithm(key);
        let entry = |(serial, at): (&Vec<u8>, &Timestamp)| {
            der::write(der::SEQUENCE, &[&der::write(der::INTEGER, &[serial]), &der::write_time(*at)])
        };
        let entries: Vec<u8> = revoked.iter().flat_map(entry).collect();
        let list = if revoked.is_empty() { Vec::new() } else { der::write(der::SEQUENCE, &[&entries]) };
        // Lists must grow in number; seconds since 1970 do.
        let number = der::write_unsigned(&made.as_second().to_be_bytes());
        let number = super::issue::extension(CRL_NUMBER, super::issue::Criticality::Plain, &number);
        let tbs = der::write(
            der::SEQUENCE,
            &[
                &[der::INTEGER, 1, 1],
                &algorithm,
                authority.subject(),
                &der::write_time(made),
                &der::write_time(next),
                &list,
                &der::write(der::explicit(0), &[&der::write(der::SEQUENCE, &[&number])]),
            ],
        );
        let signature = key.sign(&tbs)?;
        let bytes =
            der::write(der::SEQUENCE, &[&tbs, &algorithm, &der::write(der::BIT_STRING, &[&[0], &signature])]);
        Ok(pem::write(LABEL, &bytes))
    }

    /// As PEM.
    pub fn to_pem(&self) -> String {
        pem::write(LABEL, &self.der)
    }

    /// Whether an authority signed it.
    pub(crate) fn is_by(&self, issuer: &Certificate) -> bool {
        let key = issuer.key();
        self.issuer == issuer.subject()
            // Bit 6 is `cRLSign`.
            && matches!(issuer.key_usage(6), Ok(Some(true) | None))
            && key.is_ok_and(|key| key.verifies_as(self.scheme, &self.tbs, &self.signature))
    }
}

fn entry(mut entry: Reader<'_>) -> Result<(Vec<u8>, Timestamp), CertificateError> {
    let serial = entry.expect(der::INTEGER)?.body.to_vec();
    let at = entry.time()?;
    if let Some(element) = entry.optional(der::SEQUENCE)?
        && extensions(element.whole)?.iter().any(|extension| extension.is_critical)
    {
        // A certificate issuer of its own: an indirect list.
        return Err(CertificateError("the list is partial, or by somebody else".to_owned()));
    }
    entry.end()?;
    Ok((serial, at))
}

/// What the lists say of a certificate that `issuer` issued. Revoked is revoked whatever else is said, also by a list
/// that is out of date.
pub(crate) fn status(
    certificate: &Certificate,
    issuer: &Certificate,
    lists: &[RevocationList],
    now: Timestamp,
) -> Status {
    let mut status = Status::Unknown;
    for list in lists.iter().filter(|list| list.is_by(issuer)) {
        match list.revoked.get(certificate.serial()) {
            Some(at) => return Status::Revoked(*at),
            None if list.made <= now && list.next.is_none_or(|next| now <= next) => status = Status::Good,
            None => {}
        }
    }
    status
}
