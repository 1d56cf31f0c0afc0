//! X.509 certificates (RFC 5280) as far as code signing needs them: Fulcio's, a private authority's, a time-stamp
//! authority's. What was signed is kept as it stood.

use jiff::Timestamp;

use crate::der::{self, DerError, Reader};
use crate::key::{Hash, KeyError, PublicKey, Scheme};
use crate::limits::{CERTIFICATE_BYTES_MAX, EXTENSIONS_MAX};
use crate::pem;

pub(crate) mod chain;
pub mod crl;
pub mod identity;
pub mod issue;
pub(crate) mod sct;

const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];

/// Attributes of subjects.
const SUBJECT_ATTRIBUTES: &[(&[u8], &str)] = &[
    (&[0x55, 0x04, 0x03], "CN"),
    (&[0x55, 0x04, 0x05], "SERIALNUMBER"),
    (&[0x55, 0x04, 0x06], "C"),
    (&[0x55, 0x04, 0x07], "L"),
    (&[0x55, 0x04, 0x08], "ST"),
    (&[0x55, 0x04, 0x09], "STREET"),
    (&[0x55, 0x04, 0x0a], "O"),
    (&[0x55, 0x04, 0x0b], "OU"),
    (&[0x55, 0x04, 0x11], "POSTALCODE"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01], "UID"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19], "DC"),
];

/// `id-kp-codeSigning`.
pub(crate) const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];
/// `id-kp-timeStamping`.
pub(crate) const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    /// The signed part, as it stands in `der`.
    tbs: Vec<u8>,
    scheme: Scheme,
    signature: Vec<u8>,
    serial: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    not_before: Timestamp,
    not_after: Timestamp,
    spki: Vec<u8>,
    extensions: Vec<Extension>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Extension {
    id: Vec<u8>,
    is_critical: bool,
    value: Vec<u8>,
}

/// Why bytes are no certificate that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate that can be used: {0}")]
pub struct CertificateError(pub String);

impl From<DerError> for CertificateError {
    fn from(error: DerError) -> CertificateError {
        CertificateError(error.0.to_owned())
    }
}

impl Certificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// It is none, or signed with an algorithm that is weak or unknown.
    pub fn read(bytes: &[u8]) -> Result<Certificate, CertificateError> {
        if bytes.len() > CERTIFICATE_BYTES_MAX {
            return Err(CertificateError(format!("it is larger than {CERTIFICATE_BYTES_MAX} bytes")));
        }
        let mut outer = der::sequence(bytes)?;
        let tbs = outer.expect(der::SEQUENCE)?;
        let algorithm = outer.expect(der::SEQUENCE)?;
        let signature = outer.bits()?;
        outer.end()?;

        let mut inner = Reader::new(tbs.body);
        if inner.nested(der::explicit(0))?.small()? != 2 {
            return Err(CertificateError("it is not of version 3".to_owned()));
        }
        let serial = inner.expect(der::INTEGER)?.body;
        if inner.expect(der::SEQUENCE)?.body != algorithm.body {
            return Err(CertificateError("it names two signature algorithms".to_owned()));
        }
        let issuer = inner.expect(der::SEQUENCE)?.whole;
        let mut validity = inner.nested(der::SEQUENCE)?;
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        let subject = inner.expect(der::SEQUENCE)?.whole;
        let spki = inner.expect(der::SEQUENCE)?.whole;
        // Unique identifiers, which nobody writes any more.
        inner.optional(der::implicit(1))?;
        inner.optional(der::implicit(2))?;
        let extensions = match inner.optional(der::explicit(3))? {
            Some(element) => extensions(element.body)?,
            None => Vec::new(),
        };
        inner.end()?;
        Ok(Certificate {
            der: bytes.to_vec(),
            tbs: tbs.whole.to_vec(),
            scheme: scheme(&mut Reader::new(algorithm.body))?,
            signature: signature.to_vec(),
            serial: serial.to_vec(),
            issuer: issuer.to_vec(),
            subject: subject.to_vec(),
            not_before,
            not_after,
            spki: spki.to_vec(),
            extensions,
        })
    }

    /// Reads the certificates of a PEM text, of which there is at least one.
    ///
    /// # Errors
    /// It is no PEM, or holds something else.
    pub fn read_pem(text: &str) -> Result<Vec<Certificate>, CertificateError> {
        let blocks = pem::blocks(text).map_err(|error| CertificateError(error.to_string()))?;
        let read = |block: &pem::Block| match block.label.as_str() {
            "CERTIFICATE" => Certificate::read(&block.bytes),
            other => Err(CertificateError(format!("`{other}` where CERTIFICATE is expected"))),
        };
        blocks.iter().map(read).collect()
    }

    /// As DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// As PEM.
    pub fn to_pem(&self) -> String {
        pem::write("CERTIFICATE", &self.der)
    }

    /// The key that it certifies.
    ///
    /// # Errors
    /// It is weak or of an unknown kind.
    pub fn key(&self) -> Result<PublicKey, KeyError> {
        PublicKey::from_spki(&self.spki)
    }

    /// First and last moment of its validity.
    pub fn validity(&self) -> (Timestamp, Timestamp) {
        (self.not_before, self.not_after)
    }

    pub(crate) fn is_valid_at(&self, at: Timestamp) -> bool {
        self.not_before <= at && at <= self.not_after
    }

    pub(crate) fn serial(&self) -> &[u8] {
        &self.serial
    }

    pub(crate) fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    /// Its subject's common name, or organisation, for people.
    pub fn label(&self) -> String {
        name_text(&self.subject).unwrap_or_else(|| "a certificate without a name".to_owned())
    }

    pub(crate) fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// The attributes of its subject, by their short names (RFC 4514) or numbers.
    pub(crate) fn subject_attributes(&self) -> Result<Vec<(String, String)>, DerError> {
        let mut reader = der::sequence(&self.subject)?;
        let mut attributes = Vec::new();
        while !reader.is_empty() {
            let mut set = reader.nested(der::SET)?;
            while !set.is_empty() {
                let mut attribute = set.nested(der::SEQUENCE)?;
                let id = attribute.oid()?;
                let text = String::from_utf8(attribute.element()?.body.to_vec());
                let text = text.map_err(|_| DerError("a name that is not UTF-8"))?;
                attribute.end()?;
                let known = SUBJECT_ATTRIBUTES.iter().find(|(known, _)| *known == id);
                let name = known.map_or_else(|| oid_text(id), |(_, name)| (*name).to_owned());
                attributes.push((name, text));
            }
        }
        Ok(attributes)
    }

    /// Whether it issued itself, and its signature is its own.
    pub(crate) fn is_self_signed(&self) -> bool {
        self.is_issued_by(self) && self.key().is_ok_and(|key| self.is_signed_by(&key))
    }

    /// Whether what it says of the use of its key must be heeded.
    pub(crate) fn is_key_usage_critical(&self) -> bool {
        self.extensions.iter().any(|extension| extension.id == KEY_USAGE && extension.is_critical)
    }

    /// Whether it says where its revocation would be told: by a list or by a responder.
    pub(crate) fn names_revocation(&self) -> bool {
        const DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 0x1f];
        const AUTHORITY_INFORMATION: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01];
        const RESPONDER: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01];
        // The same extension may only say where the issuer's certificate lies.
        let responder = self
            .extension(AUTHORITY_INFORMATION)
            .is_some_and(|value| value.windows(RESPONDER.len()).any(|window| window == RESPONDER));
        responder || self.extension(DISTRIBUTION_POINTS).is_some()
    }

    pub(crate) fn is_issued_by(&self, issuer: &Certificate) -> bool {
        self.issuer == issuer.subject
    }

    /// Whether an authority's key made the signature.
    pub(crate) fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.verifies_as(self.scheme, &self.tbs, &self.signature)
    }

    pub(crate) fn extension(&self, id: &[u8]) -> Option<&[u8]> {
        self.extensions
            .iter()
            .find(|extension| extension.id == id)
            .map(|extension| extension.value.as_slice())
    }

    /// Whether it is an authority, and how many others may stand between it and the leaf.
    pub(crate) fn authority(&self) -> Result<Option<Option<u32>>, DerError> {
        let Some(value) = self.extension(BASIC_CONSTRAINTS) else { return Ok(None) };
        let mut reader = der::sequence(value)?;
        let is_authority = reader.optional(der::BOOLEAN)?.is_some_and(|element| element.body == [0xff]);
        let length = if reader.is_empty() { None } else { Some(reader.small()?) };
        reader.end()?;
        Ok(is_authority.then_some(length))
    }

    /// Bit 0 is `digitalSignature`, bit 5 `keyCertSign`; `None` where nothing is said.
    pub(crate) fn key_usage(&self, bit: u8) -> Result<Option<bool>, DerError> {
        let Some(value) = self.extension(KEY_USAGE) else { return Ok(None) };
        let mut reader = Reader::new(value);
        let element = reader.expect(der::BIT_STRING)?;
        reader.end()?;
        let [_, bits @ ..] = element.body else { return Err(DerError("an empty bit string")) };
        let byte = bits.get(usize::from(bit / 8)).copied().unwrap_or(0);
        Ok(Some(byte & (0x80 >> (bit % 8)) != 0))
    }

    /// The purposes that it is for; `None` where nothing is said.
    pub(crate) fn purposes(&self) -> Result<Option<Vec<&[u8]>>, DerError> {
        let Some(value) = self.extension(EXTENDED_KEY_USAGE) else { return Ok(None) };
        let mut reader = der::sequence(value)?;
        let mut purposes = Vec::new();
        while !reader.is_empty() {
            purposes.push(reader.oid()?);
        }
        Ok(Some(purposes))
    }

    /// The first critical extension that nobody here understands. Name constraints are understood by refusing them:
    /// ignoring them would let a constrained authority vouch for everybody.
    pub(crate) fn obstacle(&self) -> Option<String> {
        let known = [BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, SUBJECT_ALTERNATIVE_NAME];
        let unknown =
            |extension: &&Extension| extension.is_critical && !known.contains(&extension.id.as_slice());
        if self.extension(NAME_CONSTRAINTS).is_some() {
            return Some("it has name constraints, which are not supported".to_owned());
        }
        let unknown = self.extensions.iter().find(unknown)?;
        Some(format!("it has a critical extension that is not known ({})", oid_text(&unknown.id)))
    }

    /// The signed part without one extension, as it was before a log's timestamps were put in (RFC 6962, 3.2).
    pub(crate) fn tbs_without(&self, id: &[u8]) -> Result<Vec<u8>, DerError> {
        let mut reader = der::sequence(&self.tbs)?;
        let (mut before, mut kept) = (Vec::new(), Vec::new());
        while !reader.is_empty() {
            let element = reader.element()?;
            if element.tag != der::explicit(3) {
                before.extend_from_slice(element.whole);
                continue;
            }
            let mut extensions = der::sequence(element.body)?;
            while !extensions.is_empty() {
                let extension = extensions.expect(der::SEQUENCE)?;
                if Reader::new(extension.body).oid()? != id {
                    kept.extend_from_slice(extension.whole);
                }
            }
        }
        let extensions = der::write(der::explicit(3), &[&der::write(der::SEQUENCE, &[&kept])]);
        Ok(der::write(der::SEQUENCE, &[&before, &extensions]))
    }

    pub(crate) fn spki(&self) -> &[u8] {
        &self.spki
    }
}

fn extensions(bytes: &[u8]) -> Result<Vec<Extension>, CertificateError> {
    let mut reader = der::sequence(bytes)?;
    let mut extensions: Vec<Extension> = Vec::new();
    while !reader.is_empty() {
        if extensions.len() == EXTENSIONS_MAX {
            return Err(CertificateError(format!("it has more than {EXTENSIONS_MAX} extensions")));
        }
        let mut one = reader.nested(der::SEQUENCE)?;
        let id = one.oid()?.to_vec();
        let is_critical = match one.optional(der::BOOLEAN)?.map(|element| element.body) {
            None | Some([0]) => false,
            Some([0xff]) => true,
            Some(_) => return Err(CertificateError("a truth value that is neither".to_owned())),
        };
        let value = one.expect(der::OCTET_STRING)?.body.to_vec();
        one.end()?;
        if extensions.iter().any(|known| known.id == id) {
            return Err(CertificateError(format!("it has an extension twice ({})", oid_text(&id))));
        }
        extensions.push(Extension { id, is_critical, value });
    }
    Ok(extensions)
}

/// The signature algorithm of an AlgorithmIdentifier's content.
fn scheme(reader: &mut Reader<'_>) -> Result<Scheme, CertificateError> {
    const ECDSA_WITH: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
    const PKCS1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    let oid = reader.oid()?;
    let (family, last) = oid.split_at(oid.len().saturating_sub(1));
    let scheme = match (family, last) {
        (ECDSA_WITH, [2]) => Scheme::Ecdsa(Hash::Sha256),
        (ECDSA_WITH, [3]) => Scheme::Ecdsa(Hash::Sha384),
        (ECDSA_WITH, [4]) => Scheme::Ecdsa(Hash::Sha512),
        (PKCS1, [11]) => Scheme::RsaPkcs1(Hash::Sha256),
        (PKCS1, [12]) => Scheme::RsaPkcs1(Hash::Sha384),
        (PKCS1, [13]) => Scheme::RsaPkcs1(Hash::Sha512),
        ([0x2b, 0x65], [0x70]) => Scheme::Ed25519,
        _ => {
            let oid = oid_text(oid);
            return Err(CertificateError(format!("a signature algorithm that is weak or not known ({oid})")));
        }
    };
    Ok(scheme)
}

/// `2.5.29.17`.
fn oid_text(oid: &[u8]) -> String {
    let mut parts: Vec<u64> = Vec::new();
    let mut value: u64 = 0;
    for byte in oid {
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            parts.push(value);
            value = 0;
        }
    }
    let Some(first) = parts.first().copied() else { return String::new() };
    let top = first.min(80) / 40;
    let rest = parts.iter().skip(1).map(|part| format!(".{part}"));
    format!("{top}.{}{}", first - top * 40, rest.collect::<String>())
}

/// The common name of a name, or else its last attribute.
fn name_text(name: &[u8]) -> Option<String> {
    const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
    let mut reader = der::sequence(name).ok()?;
    let mut last = None;
    while !reader.is_empty() {
        let mut attribute = reader.nested(der::SET).ok()?.nested(der::SEQUENCE).ok()?;
        let id = attribute.oid().ok()?;
        let text: String =
            String::from_utf8_lossy(attribute.element().ok()?.body).chars().take(200).collect();
        if id == COMMON_NAME {
            return Some(text);
        }
        last = Some(text);
    }
    last
}

#[cfg(test)]
mod tests;
