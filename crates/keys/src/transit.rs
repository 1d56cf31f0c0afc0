//! Keys in the transit engine of HashiCorp Vault and OpenBao (`/v1/transit`, API documentation of both).
//!
//! The service gets a hash where the scheme has one, is asked for one version of the key, and what it answers is
//! verified with the public key of that version. Nothing is tried twice, no redirection is followed: a token goes to the
//! address that the user gave, and over plain http to this machine only.

use std::num::NonZeroU32;
use std::path::PathBuf;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use seawall_trust::key::Hash;
use seawall_trust::{KeyAlgorithm, KeyError, KeyHolder, PrivateKey, PublicKey, Secret};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::limits::SENT_BYTES_MAX;

mod call;

use call::Client;

/// How addresses begin, and whose they are.
pub(crate) const SCHEMES: [(&str, Product); 2] =
    [("hashivault://", Product::Vault), ("openbao://", Product::OpenBao)];

/// Which of the two services, by the address. They speak the same, and differ in the names of their variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// HashiCorp Vault.
    Vault,
    /// OpenBao.
    OpenBao,
}

/// The address of a key: `hashivault://NAME[?version=N]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransitUri {
    product: Product,
    name: String,
    version: Option<NonZeroU32>,
}

impl TransitUri {
    /// Reads what comes behind the scheme.
    pub(crate) fn parse(product: Product, text: &str) -> Result<TransitUri, String> {
        let (name, query) = match text.split_once('?') {
            Some((name, query)) => (name, Some(query)),
            None => (text, None),
        };
        // The name becomes a part of a path.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        match name.chars().all(is_plain) && !name.starts_with('.') {
            true if name.is_empty() => return Err("no name of a key".to_owned()),
            true => {}
            false => return Err("the name of a key may hold letters, digits, `_`, `-` and `.`".to_owned()),
        }
        let version = match query {
            None => None,
            Some(query) => {
                let number =
                    query.strip_prefix("version=").ok_or("nothing but `version` may stand behind the `?`")?;
                Some(number.parse().map_err(|_| "a version is a number from 1".to_owned())?)
            }
        };
        Ok(TransitUri { product, name: name.to_owned(), version })
    }

    /// Whose address it is.
    pub fn product(&self) -> Product {
        self.product
    }
}

/// How to reach the service.
#[derive(Debug, Clone)]
pub struct Service {
    /// `https://vault.example:8200`.
    pub address: String,
    /// What it knows us by.
    pub token: Secret,
    /// The namespace, where the service has some.
    pub namespace: Option<String>,
    /// Where the engine is mounted; `transit` where nobody said otherwise.
    pub mount: String,
    /// Authorities (PEM) to believe instead of the system's.
    pub ca: Option<PathBuf>,
}

/// Why a key of a service cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TransitError {
    /// Settings that are wrong.
    #[error("the service's {what} cannot be used: {reason}")]
    Settings {
        /// Which.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// It is not to be reached.
    #[error("cannot {operation} at {address}")]
    Unreachable {
        /// What was to be done.
        operation: String,
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// 403.
    #[error("{address} does not let this token {operation}{said}")]
    Denied {
        /// What was to be done.
        operation: String,
        /// Where.
        address: String,
        /// Its own words.
        said: String,
    },
    /// 404.
    #[error("{address} has nothing there to {operation}; the key or the engine's mount is another{said}")]
    Missing {
        /// What was to be done.
        operation: String,
        /// Where.
        address: String,
        /// Its own words.
        said: String,
    },
    /// Another 4xx.
    #[error("{address} refuses to {operation} (HTTP {status}){said}")]
    Refused {
        /// What was to be done.
        operation: String,
        /// Where.
        address: String,
        /// The status.
        status: u16,
        /// Its own words.
        said: String,
    },
    /// 3xx: it is one that hands on, and a token is handed on to nobody.
    #[error("{address} sends elsewhere to {operation}; give the address of the active node")]
    Elsewhere {
        /// What was to be done.
        operation: String,
        /// Where.
        address: String,
    },
    /// 5xx: sealed, or in trouble.
    #[error("{address} cannot {operation} now (HTTP {status}{hint}){said}")]
    Trouble {
        /// What was to be done.
        operation: String,
        /// Where.
        address: String,
        /// The status.
        status: u16,
        /// What the status means with these services.
        hint: &'static str,
        /// Its own words.
        said: String,
    },
    /// An answer that is none.
    #[error("what {address} answers to {operation} cannot be used: {reason}")]
    Answer {
        /// What was to be done.
        operation: String,
        /// Where.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A version that the key has not.
    #[error("the key `{name}` has no version {wanted}; the versions that it has are {there}")]
    Version {
        /// The key.
        name: String,
        /// The version.
        wanted: u32,
        /// Those that are there.
        there: String,
    },
    /// A key that cannot be used.
    #[error("version {version} of the key `{name}` ({kind}) cannot be used")]
    Key {
        /// The key.
        name: String,
        /// Which version.
        version: u32,
        /// What the service calls its kind.
        kind: String,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// A message that has to be sent as a whole and is too long for that.
    #[error("{0} bytes are too many to be sent for an Ed25519 signature; a key of another kind signs a hash")]
    TooLong(usize),
}

/// The key that an address names, in the version that it names or the latest; the service signs with it.
///
/// # Errors
/// The service is not to be reached, refuses, or has no such key.
pub fn private_key(uri: &TransitUri, service: &Service) -> Result<PrivateKey, TransitError> {
    let client = Client::new(service)?;
    let told = Told::of(&client, uri)?;
    let version = uri.version.map_or(told.latest_version, NonZeroU32::get);
    let public = told.version(uri, version)?;
    let algorithm = public.algorithm();
    let holder = TransitHolder { client, name: uri.name.clone(), version, algorithm };
    Ok(PrivateKey::held(public, Box::new(holder)))
}

/// The public keys of an address: the version that it names, or all that the service still lets sign or verify, the
/// latest first.
///
/// # Errors
/// The service is not to be reached, refuses, or has no such key.
pub fn public_keys(uri: &TransitUri, service: &Service) -> Result<Vec<PublicKey>, TransitError> {
    let told = Told::of(&Client::new(service)?, uri)?;
    match uri.version {
        Some(version) => Ok(vec![told.version(uri, version.get())?]),
        None => told.versions().into_iter().rev().map(|version| told.version(uri, version)).collect(),
    }
}

/// What `GET /v1/transit/keys/NAME` answers.
#[derive(Deserialize)]
struct Told {
    #[serde(rename = "type")]
    kind: String,
    latest_version: u32,
    /// Versions below are not to be believed any more.
    #[serde(default)]
    min_decryption_version: u32,
    /// Number → what is said of it: an object of a key that signs, a time of one that only encrypts.
    keys: serde_json::Map<String, Value>,
}

impl Told {
    fn of(client: &Client, uri: &TransitUri) -> Result<Told, TransitError> {
        let operation = format!("read the key `{}`", uri.name);
        client.get(&format!("keys/{}", uri.name), &operation)
    }

    fn versions(&self) -> Vec<u32> {
        let numbers = self.keys.keys().filter_map(|number| number.parse().ok());
        let mut versions: Vec<u32> =
            numbers.filter(|version| *version >= self.min_decryption_version).collect();
        versions.sort_unstable();
        versions
    }

    fn version(&self, uri: &TransitUri, version: u32) -> Result<PublicKey, TransitError> {
        if !self.versions().contains(&version) {
            let there: Vec<String> = self.versions().iter().map(u32::to_string).collect();
            let (name, there) = (uri.name.clone(), there.join(", "));
            return Err(TransitError::Version { name, wanted: version, there });
        }
        let text = self.keys.get(&version.to_string()).and_then(|about| about["public_key"].as_str());
        let key = match text {
            // Ed25519's is the bare key in base64, the others' a PEM block.
            Some(text) if self.kind == "ed25519" => match BASE64_STANDARD.decode(text) {
                Ok(raw) => PublicKey::ed25519(&raw),
                Err(_) => Err(KeyError::Malformed("an Ed25519 key is written in base64")),
            },
            Some(text) => PublicKey::from_pem(text),
            None => Err(KeyError::Unsupported("one that does not sign".to_owned())),
        };
        key.map_err(|source| {
            let kind = crate::shown(&self.kind);
            TransitError::Key { name: uri.name.clone(), version, kind, source }
        })
    }
}

struct TransitHolder {
    client: Client,
    name: String,
    version: u32,
    algorithm: KeyAlgorithm,
}

#[derive(Deserialize)]
struct Signed {
    /// `vault:v1:` and base64.
    signature: String,
}

impl KeyHolder for TransitHolder {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let hashed = |hash: Hash| BASE64_STANDARD.encode(hash.of(message));
        let mut body = match self.algorithm {
            KeyAlgorithm::P256 => json!({"input": hashed(Hash::Sha256), "hash_algorithm": "sha2-256"}),
            KeyAlgorithm::P384 => json!({"input": hashed(Hash::Sha384), "hash_algorithm": "sha2-384"}),
            KeyAlgorithm::Rsa { .. } => json!({
                "input": hashed(Hash::Sha256), "hash_algorithm": "sha2-256", "signature_algorithm": "pkcs1v15",
            }),
            KeyAlgorithm::Ed25519 if message.len() > SENT_BYTES_MAX => {
                return Err(TransitError::TooLong(message.len()).into());
            }
            KeyAlgorithm::Ed25519 => json!({"input": BASE64_STANDARD.encode(message)}),
        };
        body["prehashed"] = Value::from(self.algorithm != KeyAlgorithm::Ed25519);
        body["marshaling_algorithm"] = Value::from("asn1");
        body["key_version"] = Value::from(self.version);
        let operation = format!("sign with the key `{}`", self.name);
        let signed: Signed = self.client.post(&format!("sign/{}", self.name), &body, &operation)?;
        let text = signed.signature.rsplit(':').next().unwrap_or_default();
        let signature = BASE64_STANDARD.decode(text);
        signature
            .map_err(|_| self.client.unusable(&operation, "the signature is not written in base64").into())
    }
}

#[cfg(test)]
mod tests;
