//! JWS envelopes (RFC 7515, flattened JSON; notaryproject/specifications, signature-envelope-jws.md).

use std::collections::BTreeMap;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::Deserialize;
use serde_json::Value;

use super::{Attribute, Parts, TIMES};
use crate::json::{self, Base64};
use crate::key::{Hash, Scheme};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    payload: String,
    protected: String,
    header: Header,
    signature: String,
}

/// What nobody signs. A field that is not known could be taken for a protected one by somebody, so there may be none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    x5c: Vec<Base64>,
    #[serde(rename = "io.cncf.notary.timestampSignature")]
    timestamp: Option<Base64>,
    #[serde(rename = "io.cncf.notary.signingAgent")]
    _agent: Option<String>,
}

#[derive(Deserialize)]
struct Protected {
    alg: String,
    cty: String,
    #[serde(default)]
    crit: Vec<String>,
    #[serde(flatten)]
    attributes: BTreeMap<String, Value>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Parts, String> {
    let wire: Wire = json::read(bytes).map_err(|error| error.to_string())?;
    let decoded =
        |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| "a field that is not base64".to_owned());
    let protected: Protected =
        json::read(&decoded(&wire.protected)?).map_err(|error| format!("its protected header: {error}"))?;
    let attribute = |(name, value): (String, Value)| {
        let attribute = match (TIMES.contains(&name.as_str()), value.as_str()) {
            (true, Some(text)) => text.parse().map_or(Attribute::Other, Attribute::Time),
            (false, Some(text)) => Attribute::Text(text.to_owned()),
            (_, None) => Attribute::Other,
        };
        (name, attribute)
    };
    Ok(Parts {
        scheme: scheme(&protected.alg)?,
        content_type: protected.cty,
        critical: protected.crit,
        attributes: protected.attributes.into_iter().map(attribute).collect(),
        signed_bytes: format!("{}.{}", wire.protected, wire.payload).into_bytes(),
        payload: decoded(&wire.payload)?,
        signature: decoded(&wire.signature)?,
        certificates: wire.header.x5c.into_iter().map(|certificate| certificate.0).collect(),
        timestamp: wire.header.timestamp.map(|token| token.0),
    })
}

fn scheme(name: &str) -> Result<Scheme, String> {
    match name {
        "ES256" => Ok(Scheme::Ecdsa(Hash::Sha256)),
        "ES384" => Ok(Scheme::Ecdsa(Hash::Sha384)),
        "ES512" => Ok(Scheme::Ecdsa(Hash::Sha512)),
        "PS256" => Ok(Scheme::RsaPss(Hash::Sha256)),
        "PS384" => Ok(Scheme::RsaPss(Hash::Sha384)),
        "PS512" => Ok(Scheme::RsaPss(Hash::Sha512)),
        other => {
            let other: String = other.chars().take(20).collect();
            Err(format!("a signature algorithm that is not known ({other})"))
        }
    }
}
