//! In-toto statements (in-toto/attestation, spec v1 and v0.1): what is said of which artifacts.

use std::collections::BTreeMap;

use seawall_inventory::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::limits::SUBJECTS_MAX;

/// Statement types that are read; the first is written.
const TYPES: [&str; 2] = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];

/// The predicate type of an image's signature in cosign 3.
pub const COSIGN_SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

/// Short names of predicate types as cosign's `--type` has them, and those that it lacks.
const PREDICATES: &[(&str, &str)] = &[
    ("custom", "https://cosign.sigstore.dev/attestation/v1"),
    ("cyclonedx", "https://cyclonedx.org/bom"),
    ("link", "https://in-toto.io/Link/v1"),
    ("openvex", "https://openvex.dev/ns"),
    ("slsaprovenance", "https://slsa.dev/provenance/v0.2"),
    ("slsaprovenance02", "https://slsa.dev/provenance/v0.2"),
    ("slsaprovenance1", "https://slsa.dev/provenance/v1"),
    ("spdx", "https://spdx.dev/Document"),
    ("spdxjson", "https://spdx.dev/Document"),
    ("test-result", "https://in-toto.io/attestation/test-result/v0.1"),
    ("vsa", "https://slsa.dev/verification_summary/v1"),
    ("vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"),
    ("vulns", "https://in-toto.io/attestation/vulns/v0.2"),
];

/// The address that a predicate type's short name stands for; an address stands for itself.
///
/// # Errors
/// It is neither.
pub fn predicate_type(name: &str) -> Result<String, String> {
    match PREDICATES.iter().find(|(short, _)| *short == name) {
        Some((_, address)) => Ok((*address).to_owned()),
        None if name.contains("://") => Ok(name.to_owned()),
        None => {
            let names: Vec<&str> = PREDICATES.iter().map(|(short, _)| *short).collect();
            Err(format!("`{name}` is neither an address nor one of {}", names.join(", ")))
        }
    }
}

/// What is said of which artifacts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    /// The artifacts.
    pub subject: Vec<Artifact>,
    /// What kind of thing is said: an address.
    pub predicate_type: String,
    /// What is said.
    #[serde(default)]
    pub predicate: Value,
}

/// One artifact of a statement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its name; proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Hexadecimal digits by algorithm.
    #[serde(default)]
    pub digest: BTreeMap<String, String>,
    /// What else the signer says of it (`-a key=value` of cosign).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, Value>>,
}

impl Statement {
    /// A statement of one artifact.
    pub fn new(digest: &Digest, predicate_type: &str, predicate: Value) -> Statement {
        let [kind, _] = TYPES;
        let digests = BTreeMap::from([(digest.algorithm().name().to_owned(), digest.hex().to_owned())]);
        Statement {
            kind: kind.to_owned(),
            subject: vec![Artifact { name: None, digest: digests, annotations: None }],
            predicate_type: predicate_type.to_owned(),
            predicate,
        }
    }

    /// Reads a statement.
    ///
    /// # Errors
    /// It is none, of an unknown version, or of nothing.
    pub fn read(bytes: &[u8]) -> Result<Statement, String> {
        let statement: Statement = crate::json::read(bytes).map_err(|error| error.to_string())?;
        if !TYPES.contains(&statement.kind.as_str()) {
            return Err(format!("`{}` is no in-toto statement that is known", statement.kind));
        }
        match statement.subject.len() {
            0 => Err("the statement is about nothing".to_owned()),
            1..=SUBJECTS_MAX => Ok(statement),
            _ => Err(format!("the statement is about more than {SUBJECTS_MAX} artifacts")),
        }
    }

    /// Whether the statement is about what has this digest.
    pub fn is_about(&self, digest: &Digest) -> bool {
        let name = digest.algorithm().name();
        self.subject.iter().any(|artifact| artifact.digest.get(name).is_some_and(|hex| hex == digest.hex()))
    }

    /// The bytes to sign.
    ///
    /// # Errors
    /// The predicate cannot be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements() {
        let digest = Digest::sha256([7; 32]);
        let text = |kind: &str, subject: &str| {
            let text = format!(
                r#"{{"_type":"{kind}","subject":[{subject}],"predicateType":"x","predicate":"words"}}"#
            );
            Statement::read(text.as_bytes())
        };
        let subject = format!(r#"{{"name":"a","digest":{{"sha1":"00","sha256":"{}"}}}}"#, digest.hex());
        for kind in TYPES {
            let statement = text(kind, &subject).unwrap();
            assert!(statement.is_about(&digest) && !statement.is_about(&Digest::sha256([8; 32])));
        }
        assert!(text("https://in-toto.io/Statement/v2", &subject).is_err());
        assert!(text(TYPES[0], "").unwrap_err().contains("nothing"));
        assert!(!text(TYPES[0], r#"{"name":"a"}"#).unwrap().is_about(&digest));
    }

    #[test]
    fn predicate_types() {
        assert_eq!(predicate_type("slsaprovenance1").unwrap(), "https://slsa.dev/provenance/v1");
        assert_eq!(predicate_type("https://x.example/y").unwrap(), "https://x.example/y");
        assert!(predicate_type("slsa").unwrap_err().contains("vuln"));
    }
}
