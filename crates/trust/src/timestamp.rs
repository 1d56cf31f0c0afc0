//! RFC 3161 time stamps: that an authority saw a signature at a moment.

use jiff::{SignedDuration, Timestamp};

use crate::certificate::{Certificate, TIME_STAMPING, chain};
use crate::der::{self, DerError, Element, Reader};
use crate::key::{Hash, Scheme};
use crate::limits::CHAIN_LENGTH_MAX;
use crate::trusted_root::Authority;

const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
/// `id-aa-signingCertificateV2` (RFC 5035).
const SIGNING_CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f];
const SHA_2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

/// A token as it stands in a response, nothing of it verified.
struct Token<'a> {
    /// The TSTInfo that is signed.
    info: &'a [u8],
    certificates: Vec<Certificate>,
    signer: SignerInfo<'a>,
}

struct SignerInfo<'a> {
    issuer: &'a [u8],
    serial: &'a [u8],
    hash: Hash,
    /// The signed attributes, as a SET, which is what is signed (RFC 5652, 5.4).
    attributes: Vec<u8>,
    signature: &'a [u8],
}

pub(crate) mod issue;

/// When one of the authorities saw `signature`, by a TimeStampResp.
pub(crate) fn check(
    response: &[u8],
    signature: &[u8],
    authorities: &[Authority],
) -> Result<Timestamp, String> {
    let token =
        response_token(response).map_err(|error| format!("the time stamp cannot be read: {}", error.0))?;
    check_content(&token, signature, authorities).map(|info| info.at)
}

/// The same by a token alone: the first and last moment that it can mean.
pub(crate) fn check_token(
    bytes: &[u8],
    signature: &[u8],
    authorities: &[Authority],
) -> Result<(Timestamp, Timestamp), String> {
    let unreadable = |error: DerError| format!("the time stamp cannot be read: {}", error.0);
    let token = token(der::sequence(bytes).map_err(unreadable)?).map_err(unreadable)?;
    let info = check_content(&token, signature, authorities)?;
    let around = |by: SignedDuration| info.at.checked_add(by).map_err(|error| error.to_string());
    Ok((around(-info.accuracy)?, around(info.accuracy)?))
}

fn check_content<'a>(
    token: &Token<'a>,
    signature: &[u8],
    authorities: &[Authority],
) -> Result<Info<'a>, String> {
    let info = info(token.info).map_err(|error| format!("the time stamp cannot be read: {}", error.0))?;
    if info.imprint != info.hash.of(signature) {
        return Err("the time stamp is of another signature".to_owned());
    }
    check_attributes(token).map_err(|error| format!("the time stamp's attributes are wrong: {}", error.0))?;
    let mut why = "no authority for time stamps is trusted".to_owned();
    for authority in authorities.iter().filter(|authority| authority.valid.contains(info.at)) {
        match check_signer(token, authority, info.at) {
            Ok(()) => return Ok(info),
            Err(reason) => why = reason,
        }
    }
    Err(why)
}

fn check_signer(token: &Token<'_>, authority: &Authority, at: Timestamp) -> Result<(), String> {
    // A certificate in the token is as good as one in the trusted root: the path decides.
    let is_named = |certificate: &&Certificate| {
        certificate.issuer() == token.signer.issuer && certificate.serial() == token.signer.serial
    };
    let leaf = token.certificates.iter().chain(&authority.certificates).find(is_named);
    let leaf = leaf.ok_or("no trusted authority made the time stamp")?;
    let others = [authority.intermediates(), &token.certificates].concat();
    chain::path(leaf, &others, authority.root(), TIME_STAMPING, at)?;
    check_signing_certificate(token, leaf)
        .map_err(|error| format!("the time stamp's attributes are wrong: {}", error.0))?;
    let key = leaf.key().map_err(|error| error.to_string())?;
    let hash = token.signer.hash;
    let schemes = [Scheme::Ecdsa(hash), Scheme::RsaPkcs1(hash), Scheme::Ed25519];
    let signed = |scheme: &Scheme| key.verifies_as(*scheme, &token.signer.attributes, token.signer.signature);
    match schemes.iter().any(signed) {
        true => Ok(()),
        false => Err("the signature of the time stamp is wrong".to_owned()),
    }
}

/// The token of a TimeStampResp that was granted.
fn response_token(bytes: &[u8]) -> Result<Token<'_>, DerError> {
    let mut response = der::sequence(bytes)?;
    let status = response.nested(der::SEQUENCE)?.small()?;
    if status > 1 {
        return Err(DerError("the authority refused it"));
    }
    let content = response.nested(der::SEQUENCE)?;
    response.end()?;
    token(content)
}

/// A token: the content of a ContentInfo (RFC 5652, 3).
fn token(mut content: Reader<'_>) -> Result<Token<'_>, DerError> {
    if content.oid()? != SIGNED_DATA {
        return Err(DerError("it is not signed data"));
    }
    let mut signed = content.nested(der::explicit(0))?.nested(der::SEQUENCE)?;
    signed.small()?;
    signed.expect(der::SET)?;
    let mut encapsulated = signed.nested(der::SEQUENCE)?;
    if encapsulated.oid()? != TST_INFO {
        return Err(DerError("it holds something else than a time"));
    }
    let info = encapsulated.nested(der::explicit(0))?.expect(der::OCTET_STRING)?.body;
    let certificates = signed.optional(der::explicit(0))?.map_or(Ok(Vec::new()), certificates)?;
    signed.optional(der::explicit(1))?;
    let mut signers = signed.nested(der::SET)?;
    signed.end()?;
    let signer = signer(signers.nested(der::SEQUENCE)?)?;
    // RFC 3161, 2.4.2: only the authority's own signature.
    signers.end()?;
    Ok(Token { info, certificates, signer })
}

fn certificates(element: Element<'_>) -> Result<Vec<Certificate>, DerError> {
    let mut reader = Reader::new(element.body);
    let mut certificates = Vec::new();
    while !reader.is_empty() {
        if certificates.len() == CHAIN_LENGTH_MAX {
            return Err(DerError("too many certificates"));
        }
        let whole = reader.element()?.whole;
        certificates
            .push(Certificate::read(whole).map_err(|_| DerError("a certificate that cannot be read"))?);
    }
    Ok(certificates)
}

fn signer(mut reader: Reader<'_>) -> Result<SignerInfo<'_>, DerError> {
    reader.small()?;
    let mut id = reader.nested(der::SEQUENCE)?;
    let issuer = id.expect(der::SEQUENCE)?.whole;
    let serial = id.expect(der::INTEGER)?.body;
    id.end()?;
    let hash = hash(reader.nested(der::SEQUENCE)?)?;
    let attributes = reader.expect(der::explicit(0))?;
    let attributes = der::write(der::SET, &[attributes.body]);
    reader.expect(der::SEQUENCE)?;
    let signature = reader.expect(der::OCTET_STRING)?.body;
    reader.optional(der::explicit(1))?;
    reader.end()?;
    Ok(SignerInfo { issuer, serial, hash, attributes, signature })
}

/// That the signed attributes name no other certificate than the signer's (RFC 5816): somebody could else show one with
/// the same issuer and number.
fn check_signing_certificate(token: &Token<'_>, leaf: &Certificate) -> Result<(), DerError> {
    let mut attributes = Reader::new(&token.signer.attributes).nested(der::SET)?;
    while !attributes.is_empty() {
        let mut attribute = attributes.nested(der::SEQUENCE)?;
        if attribute.oid()? != SIGNING_CERTIFICATE {
            continue;
        }
        let mut named = attribute.nested(der::SET)?.nested(der::SEQUENCE)?;
        let mut first = named.nested(der::SEQUENCE)?.nested(der::SEQUENCE)?;
        let hash = match first.optional(der::SEQUENCE)? {
            Some(algorithm) => hash(Reader::new(algorithm.body))?,
            None => Hash::Sha256,
        };
        if first.expect(der::OCTET_STRING)?.body != hash.of(leaf.der()) {
            return Err(DerError("they name another certificate"));
        }
    }
    Ok(())
}

/// The attributes bind the signature to this content.
fn check_attributes(token: &Token<'_>) -> Result<(), DerError> {
    let mut outer = Reader::new(&token.signer.attributes);
    let mut attributes = outer.nested(der::SET)?;
    let (mut kind, mut digest, mut certificate) = (None, None, None);
    while !attributes.is_empty() {
        let mut attribute = attributes.nested(der::SEQUENCE)?;
        let id = attribute.oid()?;
        let mut values = attribute.nested(der::SET)?;
        let place = match id {
            CONTENT_TYPE => &mut kind,
            MESSAGE_DIGEST => &mut digest,
            SIGNING_CERTIFICATE => &mut certificate,
            _ => continue,
        };
        let value = values.element()?.body;
        values.end()?;
        if place.replace(value).is_some() {
            return Err(DerError("an attribute stands there twice"));
        }
    }
    match kind == Some(TST_INFO) && digest == Some(token.signer.hash.of(token.info).as_slice()) {
        true => Ok(()),
        false => Err(DerError("they are of another content")),
    }
}

struct Info<'a> {
    hash: Hash,
    imprint: &'a [u8],
    at: Timestamp,
    /// How far it may be off.
    accuracy: SignedDuration,
}

fn info(bytes: &[u8]) -> Result<Info<'_>, DerError> {
    let mut reader = der::sequence(bytes)?;
    if reader.small()? != 1 {
        return Err(DerError("a version that is not known"));
    }
    reader.oid()?;
    let mut imprint = reader.nested(der::SEQUENCE)?;
    let hash = hash(imprint.nested(der::SEQUENCE)?)?;
    let value = imprint.expect(der::OCTET_STRING)?.body;
    imprint.end()?;
    reader.expect(der::INTEGER)?;
    let at = reader.time()?;
    let accuracy = match reader.optional(der::SEQUENCE)? {
        Some(element) => accuracy(Reader::new(element.body))?,
        None => SignedDuration::ZERO,
    };
    Ok(Info { hash, imprint: value, at, accuracy })
}

/// Seconds, thousandths and millionths of them, each left out where it is none.
fn accuracy(mut reader: Reader<'_>) -> Result<SignedDuration, DerError> {
    let number = |element: Option<Element<'_>>| match element {
        None => Ok(0),
        Some(element) if element.body.len() <= 4 => {
            Ok(element.body.iter().fold(0, |value: i64, byte| value << 8 | i64::from(*byte)))
        }
        Some(_) => Err(DerError("an accuracy beyond reason")),
    };
    let seconds = number(reader.optional(der::INTEGER)?)?;
    let thousandths = number(reader.optional(der::implicit(0))?)?;
    let millionths = number(reader.optional(der::implicit(1))?)?;
    reader.end()?;
    let fraction = SignedDuration::from_millis(thousandths) + SignedDuration::from_micros(millionths);
    Ok(SignedDuration::from_secs(seconds) + fraction)
}

fn hash(mut algorithm: Reader<'_>) -> Result<Hash, DerError> {
    let oid = algorithm.oid()?;
    match oid.strip_prefix(SHA_2) {
        Some([1]) => Ok(Hash::Sha256),
        Some([2]) => Ok(Hash::Sha384),
        Some([3]) => Ok(Hash::Sha512),
        _ => Err(DerError("a hash that is weak or not known")),
    }
}
