//! Signed certificate timestamps inside a certificate (RFC 6962, 3.2 and 3.3): a log's promise to show everybody that the
//! certificate was issued.

use jiff::Timestamp;

use super::Certificate;
use crate::der::{self, Reader};
use crate::key::{KeyError, PrivateKey};
use crate::limits::SCTS_MAX;
use crate::trusted_root::LogKey;

pub(super) const SCT_LIST: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];

struct Sct<'a> {
    log_id: &'a [u8],
    timestamp: [u8; 8],
    extensions: &'a [u8],
    signature: &'a [u8],
}

/// That one of the logs promised to show this certificate, which `issuer` issued.
pub(crate) fn check(leaf: &Certificate, issuer: &Certificate, logs: &[LogKey]) -> Result<(), String> {
    let list = leaf.extension(SCT_LIST).ok_or("the certificate has no signed certificate timestamp")?;
    let scts = list_of(list).ok_or("the certificate's timestamps cannot be read")?;
    let tbs = leaf.tbs_without(SCT_LIST).map_err(|error| error.to_string())?;
    let issuer_key_hash = crate::sha256(issuer.spki());
    let mut why = "no log of the trusted root promised to show the certificate".to_owned();
    for sct in &scts {
        for log in logs.iter().filter(|log| log.id == sct.log_id) {
            let at = i64::try_from(u64::from_be_bytes(sct.timestamp)).ok();
            let at = at.and_then(|ms| Timestamp::from_millisecond(ms).ok());
            if !at.is_some_and(|at| log.valid.contains(at)) {
                why = "the certificate's timestamp is of another time than its log's key".to_owned();
            } else if log.key.verifies_as(
                log.scheme,
                &signed_bytes(sct, &issuer_key_hash, &tbs),
                sct.signature,
            ) {
                return Ok(());
            } else {
                why = "the signature of the certificate's timestamp is wrong".to_owned();
            }
        }
    }
    Err(why)
}

/// The promise of a log, as the extension's value; `tbs` is the certificate without it.
pub(super) fn promise(
    tbs: &[u8],
    issuer_spki: &[u8],
    log: &PrivateKey,
    at: Timestamp,
) -> Result<Vec<u8>, KeyError> {
    let id = log.public().id();
    let timestamp = at.as_millisecond().to_be_bytes();
    let unsigned = Sct { log_id: &id, timestamp, extensions: &[], signature: &[] };
    let signature = log.sign(&signed_bytes(&unsigned, &crate::sha256(issuer_spki), tbs))?;
    // SHA-256 and ECDSA (RFC 5246, 7.4.1.4.1).
    let parts = [&[0][..], &id, &timestamp, &[0, 0, 4, 3], &prefix(&signature), &signature].concat();
    let list = [&prefix(&parts)[..], &parts].concat();
    Ok(der::write(der::OCTET_STRING, &[&prefix(&list), &list]))
}

/// The length in two bytes.
fn prefix(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes()
}

fn signed_bytes(sct: &Sct<'_>, issuer_key_hash: &[u8], tbs: &[u8]) -> Vec<u8> {
    let length = |length: usize| length.to_be_bytes();
    let mut bytes = vec![0, 0];
    bytes.extend_from_slice(&sct.timestamp);
    bytes.extend_from_slice(&[0, 1]);
    bytes.extend_from_slice(issuer_key_hash);
    bytes.extend_from_slice(&length(tbs.len())[5..]);
    bytes.extend_from_slice(tbs);
    bytes.extend_from_slice(&length(sct.extensions.len())[6..]);
    bytes.extend_from_slice(sct.extensions);
    bytes
}

fn list_of(value: &[u8]) -> Option<Vec<Sct<'_>>> {
    let mut reader = Reader::new(value);
    let list = reader.expect(der::OCTET_STRING).ok()?.body;
    reader.end().ok()?;
    let (mut list, behind) = prefixed(list)?;
    let mut scts = Vec::new();
    while !list.is_empty() {
        let (one, rest) = prefixed(list)?;
        list = rest;
        scts.extend(sct(one));
        if scts.len() > SCTS_MAX {
            return None;
        }
    }
    behind.is_empty().then_some(scts)
}

/// One timestamp; `None` for one of a later version.
fn sct(bytes: &[u8]) -> Option<Sct<'_>> {
    let (version, rest) = bytes.split_first()?;
    let (log_id, rest) = rest.split_at_checked(32)?;
    let (timestamp, rest) = rest.split_at_checked(8)?;
    let (extensions, rest) = prefixed(rest)?;
    // Hash and signature algorithm: the log's key says both.
    let (_, rest) = rest.split_at_checked(2)?;
    let (signature, rest) = prefixed(rest)?;
    (*version == 0 && rest.is_empty()).then_some(Sct {
        log_id,
        timestamp: timestamp.try_into().ok()?,
        extensions,
        signature,
    })
}

/// Bytes behind their length in two bytes.
fn prefixed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(2)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(length.try_into().ok()?)))
}
