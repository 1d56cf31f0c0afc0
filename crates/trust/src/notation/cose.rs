//! COSE_Sign1 envelopes (RFC 9052; notaryproject/specifications, signature-envelope-cose.md).

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::cbor::{self, Item};
use super::{Attribute, Parts, TIMESTAMP};
use crate::key::{Hash, Scheme};

const ALGORITHM: i128 = 1;
const CRITICAL: i128 = 2;
const CONTENT_TYPE: i128 = 3;
const X5CHAIN: i128 = 33;
/// Tag of COSE_Sign1.
const SIGN1: u64 = 18;
/// Tag of seconds since 1970.
const EPOCH: u64 = 1;

pub(super) fn read(bytes: &[u8]) -> Result<Parts, String> {
    let Item::Tag(SIGN1, envelope) = cbor::read(bytes)? else {
        return Err("it is no tagged COSE_Sign1".to_owned());
    };
    let Item::Array(fields) = *envelope else { return Err("it is no COSE_Sign1".to_owned()) };
    let [Item::Bytes(protected), unprotected @ Item::Map(_), Item::Bytes(payload), Item::Bytes(signature)] =
        fields.as_slice()
    else {
        return Err("it has other fields than a COSE_Sign1, or its payload lies elsewhere".to_owned());
    };
    let headers = cbor::read(protected)?;
    let mut attributes = BTreeMap::new();
    let Item::Map(entries) = &headers else { return Err("its protected header is no map".to_owned()) };
    for (key, value) in entries {
        match (key, value) {
            (Item::Integer(ALGORITHM | CRITICAL | CONTENT_TYPE | X5CHAIN), _) => {}
            (Item::Text(name), Item::Text(text)) => {
                attributes.insert(name.clone(), Attribute::Text(text.clone()));
            }
            (Item::Text(name), value) => {
                attributes.insert(name.clone(), time(value).map_or(Attribute::Other, Attribute::Time));
            }
            // A hash envelope (258 to 260) says of its payload that it is something else.
            _ => return Err("it has a protected header that is not known".to_owned()),
        }
        if let Item::Map(open) = unprotected
            && open.iter().any(|(other, _)| other == key)
        {
            return Err("it has a header both protected and unprotected".to_owned());
        }
    }
    let header = |key: i128| headers.get(&Item::Integer(key));
    let chain = header(X5CHAIN).or_else(|| unprotected.get(&Item::Integer(X5CHAIN)));
    Ok(Parts {
        scheme: scheme(header(ALGORITHM))?,
        content_type: match header(CONTENT_TYPE) {
            Some(Item::Text(text)) => text.clone(),
            _ => return Err("it does not say what is signed".to_owned()),
        },
        critical: critical(header(CRITICAL))?,
        attributes,
        signed_bytes: signed_bytes(protected, payload),
        payload: payload.clone(),
        signature: signature.clone(),
        certificates: certificates(chain)?,
        timestamp: match unprotected.get(&Item::Text(TIMESTAMP.to_owned())) {
            None => None,
            Some(Item::Bytes(token)) => Some(token.clone()),
            Some(_) => return Err("its time stamp is none".to_owned()),
        },
    })
}

/// `Sig_structure` (RFC 9052, 4.4).
fn signed_bytes(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    const CONTEXT: &[u8] = b"Signature1";
    let mut bytes = cbor::head(4, 4);
    for (major, part) in [(3, CONTEXT), (2, protected), (2, &[]), (2, payload)] {
        bytes.extend(cbor::head(major, part.len()));
        bytes.extend_from_slice(part);
    }
    bytes
}

fn scheme(algorithm: Option<&Item>) -> Result<Scheme, String> {
    match algorithm {
        Some(Item::Integer(-7)) => Ok(Scheme::Ecdsa(Hash::Sha256)),
        Some(Item::Integer(-35)) => Ok(Scheme::Ecdsa(Hash::Sha384)),
        Some(Item::Integer(-36)) => Ok(Scheme::Ecdsa(Hash::Sha512)),
        Some(Item::Integer(-37)) => Ok(Scheme::RsaPss(Hash::Sha256)),
        Some(Item::Integer(-38)) => Ok(Scheme::RsaPss(Hash::Sha384)),
        Some(Item::Integer(-39)) => Ok(Scheme::RsaPss(Hash::Sha512)),
        Some(Item::Integer(other)) => Err(format!("a signature algorithm that is not known ({other})")),
        _ => Err("it names no signature algorithm".to_owned()),
    }
}

fn critical(header: Option<&Item>) -> Result<Vec<String>, String> {
    let Some(Item::Array(items)) = header else {
        return Err("it has no list of critical headers".to_owned());
    };
    let text = |item: &Item| {
        let Item::Text(text) = item else { return Err("a critical header that is not known".to_owned()) };
        Ok(text.clone())
    };
    items.iter().map(text).collect()
}

fn certificates(chain: Option<&Item>) -> Result<Vec<Vec<u8>>, String> {
    let bytes = |item: &Item| {
        let Item::Bytes(bytes) = item else { return Err("a certificate that is none".to_owned()) };
        Ok(bytes.clone())
    };
    match chain {
        Some(Item::Array(items)) => items.iter().map(bytes).collect(),
        Some(one) => bytes(one).map(|one| vec![one]),
        None => Err("it has no certificates".to_owned()),
    }
}

fn time(item: &Item) -> Option<Timestamp> {
    let Item::Tag(EPOCH, seconds) = item else { return None };
    let Item::Integer(seconds) = **seconds else { return None };
    Timestamp::from_second(i64::try_from(seconds).ok()?).ok()
}
