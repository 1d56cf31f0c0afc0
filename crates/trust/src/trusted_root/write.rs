//! Writes a `trusted_root.json` that sigstore's own clients read.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::{Authority, LogKey, MEDIA_TYPES, Period, TrustedRoot};
use crate::key::{Hash, Scheme};

impl TrustedRoot {
    /// As JSON; `uri` is where its services are said to be, which nothing offline asks.
    pub fn write(&self, uri: &str) -> String {
        let logs = |logs: &[LogKey]| logs.iter().map(|one| log(one, uri)).collect::<Vec<_>>();
        let all = |all: &[Authority]| all.iter().map(|one| authority(one, uri)).collect::<Vec<_>>();
        let [media_type, _] = MEDIA_TYPES;
        let root = json!({
            "mediaType": media_type,
            "tlogs": logs(&self.logs),
            "ctlogs": logs(&self.certificate_logs),
            "certificateAuthorities": all(&self.authorities),
            "timestampAuthorities": all(&self.timestamp_authorities),
        });
        format!("{root:#}\n")
    }
}

fn log(log: &LogKey, uri: &str) -> Value {
    let details = match log.scheme {
        Scheme::Ecdsa(Hash::Sha256) => "PKIX_ECDSA_P256_SHA_256",
        Scheme::Ecdsa(Hash::Sha384) => "PKIX_ECDSA_P384_SHA_384",
        Scheme::Ecdsa(Hash::Sha512) => "PKIX_ECDSA_P521_SHA_512",
        Scheme::RsaPkcs1(_) => "PKIX_RSA_PKCS1V15_2048_SHA256",
        Scheme::RsaPss(_) => "PKIX_RSA_PSS_2048_SHA256",
        Scheme::Ed25519 => "PKIX_ED25519",
        Scheme::Ed25519Ph => "PKIX_ED25519_PH",
    };
    json!({
        "baseUrl": uri,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": BASE64_STANDARD.encode(log.key.spki()),
            "keyDetails": details,
            "validFor": period(log.valid),
        },
        "logId": {"keyId": BASE64_STANDARD.encode(&log.id)},
    })
}

fn authority(authority: &Authority, uri: &str) -> Value {
    let raw = authority.certificates.iter().map(|one| json!({"rawBytes": BASE64_STANDARD.encode(one.der())}));
    let name = |wanted: &str| {
        let subject = authority.certificates.first().and_then(|lowest| lowest.subject_attributes().ok());
        let found = subject.unwrap_or_default().into_iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value).unwrap_or_default()
    };
    json!({
        "subject": {"organization": name("O"), "commonName": name("CN")},
        "uri": uri,
        "certChain": {"certificates": raw.collect::<Vec<_>>()},
        "validFor": period(authority.valid),
    })
}

fn period(period: Period) -> Value {
    let mut value = json!({});
    if let Some(start) = period.start {
        value["start"] = json!(start);
    }
    if let Some(end) = period.end {
        value["end"] = json!(end);
    }
    value
}
