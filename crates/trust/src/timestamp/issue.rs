//! Makes time stamps (RFC 3161): a site's own time-stamp authority.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{CONTENT_TYPE, MESSAGE_DIGEST, SIGNED_DATA, SIGNING_CERTIFICATE, TST_INFO};
use crate::certificate::{Certificate, issue};
use crate::der::{self, write};
use crate::key::{KeyError, PrivateKey, random};

/// 2.999.1, of the arc for examples: a site has no number of its own, and nobody asks for a policy.
const POLICY: &[u8] = &[0x88, 0x37, 0x01];
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

/// A TimeStampResp that says that `signature` was seen at `at`.
pub(crate) fn stamp(
    signature: &[u8],
    authority: &Certificate,
    key: &PrivateKey,
    at: Timestamp,
) -> Result<Vec<u8>, KeyError> {
    let info = info(signature, at)?;
    let hash = write(der::SEQUENCE, &[&write(der::OID, &[SHA_256])]);
    let attributes = attributes(&info, authority, key);
    let signed = key.sign(&write(der::SET, &[&attributes]))?;
    let id = write(der::SEQUENCE, &[authority.issuer(), &write(der::INTEGER, &[authority.serial()])]);
    let signer = write(
        der::SEQUENCE,
        &[
            &[der::INTEGER, 1, 1],
            &id,
            &digest_algorithm(key),
            &write(der::explicit(0), &[&attributes]),
            &issue::algorithm(key),
            &write(der::OCTET_STRING, &[&signed]),
        ],
    );
    let content = write(der::explicit(0), &[&write(der::OCTET_STRING, &[&info])]);
    let content = write(der::SEQUENCE, &[&write(der::OID, &[TST_INFO]), &content]);
    let data = write(
        der::SEQUENCE,
        &[
            &[der::INTEGER, 1, 3],
            &write(der::SET, &[&hash]),
            &content,
            &write(der::explicit(0), &[authority.der()]),
            &write(der::SET, &[&signer]),
        ],
    );
    let token = write(der::SEQUENCE, &[&write(der::OID, &[SIGNED_DATA]), &write(der::explicit(0), &[&data])]);
    let granted = write(der::SEQUENCE, &[&[der::INTEGER, 1, 0]]);
    Ok(write(der::SEQUENCE, &[&granted, &token]))
}

fn info(signature: &[u8], at: Timestamp) -> Result<Vec<u8>, KeyError> {
    let hash = write(der::SEQUENCE, &[&write(der::OID, &[SHA_256])]);
    let imprint = write(der::SEQUENCE, &[&hash, &write(der::OCTET_STRING, &[&crate::sha256(signature)])]);
    let time = TimeZone::UTC.to_datetime(at).strftime("%Y%m%d%H%M%SZ").to_string();
    Ok(write(
        der::SEQUENCE,
        &[
            &[der::INTEGER, 1, 1],
            &write(der::OID, &[POLICY]),
            &imprint,
            &der::write_unsigned(&random::<16>()?),
            // GeneralizedTime, also before 2050.
            &write(0x18, &[time.as_bytes()]),
        ],
    ))
}

/// What is signed of the content and the signer, in the order of their bytes as DER wants it.
fn attributes(info: &[u8], authority: &Certificate, key: &PrivateKey) -> Vec<u8> {
    let attribute = |id: &[u8], value: &[u8]| {
        write(der::SEQUENCE, &[&write(der::OID, &[id]), &write(der::SET, &[value])])
    };
    let named = write(der::SEQUENCE, &[&write(der::OCTET_STRING, &[&crate::sha256(authority.der())])]);
    let certificate = write(der::SEQUENCE, &[&write(der::SEQUENCE, &[&named])]);
    let mut all = [
        attribute(CONTENT_TYPE, &write(der::OID, &[TST_INFO])),
        attribute(MESSAGE_DIGEST, &write(der::OCTET_STRING, &[&digest(key).of(info)])),
        attribute(SIGNING_CERTIFICATE, &certificate),
    ];
    all.sort();
    all.concat()
}

/// The hash of the content is that of the key's signatures.
fn digest(key: &PrivateKey) -> crate::key::Hash {
    use crate::key::{Hash, Scheme};
    match key.scheme() {
        Scheme::Ecdsa(hash) | Scheme::RsaPkcs1(hash) | Scheme::RsaPss(hash) => hash,
        Scheme::Ed25519 | Scheme::Ed25519Ph => Hash::Sha512,
    }
}

fn digest_algorithm(key: &PrivateKey) -> Vec<u8> {
    use crate::key::Hash;
    let last = match digest(key) {
        Hash::Sha256 => 1,
        Hash::Sha384 => 2,
        Hash::Sha512 => 3,
    };
    write(der::SEQUENCE, &[&write(der::OID, &[super::SHA_2, &[last]])])
}
