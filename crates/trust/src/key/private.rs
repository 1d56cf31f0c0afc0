//! Private keys: PKCS #8 (RFC 5958) as it is, as PEM, or in cosign's encrypted file; SEC 1 and PKCS #1 are read too.
//! And keys that a token or service holds and that we never see.

use std::fmt;

use ed25519_dalek::SigningKey;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};

use super::public::{EC_PUBLIC_KEY, ED25519, PRIME256V1, RSA_ENCRYPTION, SECP384R1, ecdsa_spki, spki};
use super::{Hash, KeyError, PublicKey, Scheme, encrypted, random};
use crate::der;
use crate::pem;
use crate::secret::Secret;

/// The kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyAlgorithm {
    /// ECDSA over P-256, what cosign makes.
    P256,
    /// ECDSA over P-384.
    P384,
    /// Ed25519.
    Ed25519,
    /// RSA.
    Rsa {
        /// Of the modulus.
        bits: u32,
    },
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyAlgorithm::P256 => f.write_str("ECDSA P-256"),
            KeyAlgorithm::P384 => f.write_str("ECDSA P-384"),
            KeyAlgorithm::Ed25519 => f.write_str("Ed25519"),
            KeyAlgorithm::Rsa { bits } => write!(f, "RSA {bits}"),
        }
    }
}

/// A token or service that signs with a key and does not hand it out.
pub trait KeyHolder: Send + Sync {
    /// Signs a message in the scheme of the key's kind ([`PrivateKey::scheme`]).
    ///
    /// # Errors
    /// It did not.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>;
}

/// A key that signs. It cannot print itself.
pub struct PrivateKey {
    signer: Signer,
    public: PublicKey,
}

enum Signer {
    /// The key is ours, and this is its PKCS #8 document.
    Ours(Box<Pair>, Secret),
    Held(Box<dyn KeyHolder>),
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(SigningKey),
    Rsa(RsaKeyPair),
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "private key of {:?}", self.public)
    }
}

impl PrivateKey {
    /// Makes a new key. RSA keys are read and used, not made: nothing asks for new ones.
    ///
    /// # Errors
    /// The operating system gives no random numbers, or RSA was asked for.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<PrivateKey, KeyError> {
        let ecdsa = |with: &'static EcdsaSigningAlgorithm| {
            let made = EcdsaKeyPair::generate_pkcs8(with, &SystemRandom::new());
            made.map(|made| Secret::new(made.as_ref())).map_err(|_| KeyError::Library("no key was made"))
        };
        let pkcs8 = match algorithm {
            KeyAlgorithm::P256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING)?,
            KeyAlgorithm::P384 => ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING)?,
            KeyAlgorithm::Ed25519 => {
                let seed = zeroize::Zeroizing::new(random::<32>()?);
                let inner = Secret::new(der::write(der::OCTET_STRING, &[seed.as_ref()]));
                pkcs8_of(&[&der::write(der::OID, &[ED25519])], &inner)
            }
            KeyAlgorithm::Rsa { .. } => return Err(KeyError::Unsupported("new RSA keys".to_owned())),
        };
        PrivateKey::from_pkcs8(pkcs8)
    }

    /// Reads a PKCS #8 document.
    ///
    /// # Errors
    /// It is none, or a key that is weak or of an unknown kind.
    pub fn from_pkcs8(pkcs8: Secret) -> Result<PrivateKey, KeyError> {
        let mut reader = der::sequence(pkcs8.expose())?;
        if reader.small()? > 1 {
            return Err(KeyError::Malformed("an unknown version of PKCS #8"));
        }
        let mut algorithm = reader.nested(der::SEQUENCE)?;
        let inner = reader.expect(der::OCTET_STRING)?.body;
        let (signer, public) = match algorithm.oid()? {
            EC_PUBLIC_KEY => ecdsa(algorithm.oid()?, pkcs8.expose())?,
            ED25519 => ed25519(inner)?,
            RSA_ENCRYPTION => rsa(inner)?,
            _ => return Err(KeyError::Unsupported("neither ECDSA, Ed25519 nor RSA".to_owned())),
        };
        Ok(PrivateKey { signer: Signer::Ours(Box::new(signer), pkcs8), public })
    }

    /// A key that somebody else holds, by its public half. Every signature is verified before it is handed on.
    pub fn held(public: PublicKey, holder: Box<dyn KeyHolder>) -> PrivateKey {
        PrivateKey { signer: Signer::Held(holder), public }
    }

    /// Reads a key file: cosign's encrypted one, or PKCS #8, SEC 1 or PKCS #1 in the open.
    ///
    /// # Errors
    /// It is none, the password is wrong or missing, or the key is weak or of an unknown kind.
    pub fn from_pem(text: &str, password: Option<&Secret>) -> Result<PrivateKey, KeyError> {
        let blocks = pem::blocks(text)?;
        // OpenSSL writes the curve of an EC key in a block of its own before it.
        let block = blocks.iter().find(|block| block.label != "EC PARAMETERS");
        let label = block.map_or("nothing", |block| block.label.as_str());
        let wanted = "a private key";
        let Some(block) = block else { return Err(KeyError::WrongBlock { found: label.to_owned(), wanted }) };
        match label {
            encrypted::LABEL | encrypted::OLD_LABEL => {
                let password = password.ok_or(KeyError::PasswordNeeded)?;
                PrivateKey::from_pkcs8(encrypted::open(&block.bytes, password)?)
            }
            "PRIVATE KEY" => PrivateKey::from_pkcs8(Secret::from(block.bytes.clone())),
            "EC PRIVATE KEY" => PrivateKey::from_pkcs8(pkcs8_of_sec1(&block.bytes)?),
            "RSA PRIVATE KEY" => {
                let parts = [&der::write(der::OID, &[RSA_ENCRYPTION])[..], &[der::NULL, 0]];
                PrivateKey::from_pkcs8(pkcs8_of(&parts, &Secret::from(block.bytes.clone())))
            }
            _ => Err(KeyError::WrongBlock { found: label.to_owned(), wanted }),
        }
    }

    /// Whether a key file needs a password.
    pub fn is_encrypted(text: &str) -> bool {
        [encrypted::LABEL, encrypted::OLD_LABEL].iter().any(|label| text.contains(label))
    }

    /// Writes cosign's encrypted key file. An empty password is one.
    ///
    /// # Errors
    /// The operating system gives no random numbers, or somebody else holds the key.
    pub fn to_encrypted_pem(&self, password: &Secret) -> Result<String, KeyError> {
        encrypted::seal(self.pkcs8()?, password)
    }

    pub(crate) fn pkcs8(&self) -> Result<&Secret, KeyError> {
        match &self.signer {
            Signer::Ours(_, pkcs8) => Ok(pkcs8),
            Signer::Held(_) => Err(KeyError::Unsupported("one that is not to be handed out".to_owned())),
        }
    }

    /// The other half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The way in which it signs: the usual one of its kind.
    pub fn scheme(&self) -> Scheme {
        match self.public.algorithm() {
            KeyAlgorithm::P256 => Scheme::Ecdsa(Hash::Sha256),
            KeyAlgorithm::P384 => Scheme::Ecdsa(Hash::Sha384),
            KeyAlgorithm::Ed25519 => Scheme::Ed25519,
            KeyAlgorithm::Rsa { .. } => Scheme::RsaPkcs1(Hash::Sha256),
        }
    }

    /// Signs a message.
    ///
    /// # Errors
    /// The operating system gives no random numbers, or who holds the key does not sign.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.signer {
            Signer::Ours(pair, _) => pair.sign(message),
            Signer::Held(holder) => {
                let signature = holder.sign(message).map_err(KeyError::Holder)?;
                match self.public.verifies_as(self.scheme(), message, &signature) {
                    true => Ok(signature),
                    false => Err(KeyError::HolderLies),
                }
            }
        }
    }
}

impl Pair {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        use ed25519_dalek::Signer as _;
        let random = SystemRandom::new();
        match self {
            Pair::Ecdsa(pair) => {
                let signed = pair.sign(&random, message);
                signed
                    .map(|signature| signature.as_ref().to_vec())
                    .map_err(|_| KeyError::Library("it did not sign"))
            }
            Pair::Ed25519(key) => Ok(key.sign(message).to_bytes().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| KeyError::Library("it did not sign"))?;
                Ok(signature)
            }
        }
    }
}

/// Wraps a key of its own format in PKCS #8.
fn pkcs8_of(algorithm: &[&[u8]], inner: &Secret) -> Secret {
    let algorithm = der::write(der::SEQUENCE, algorithm);
    let inner = Secret::new(der::write(der::OCTET_STRING, &[inner.expose()]));
    Secret::new(der::write(der::SEQUENCE, &[&[der::INTEGER, 1, 0], &algorithm, inner.expose()]))
}

/// SEC 1's ECPrivateKey names its curve itself (RFC 5915).
fn pkcs8_of_sec1(sec1: &[u8]) -> Result<Secret, KeyError> {
    let mut reader = der::sequence(sec1)?;
    reader.small()?;
    reader.expect(der::OCTET_STRING)?;
    let curve = reader.nested(der::explicit(0))?.oid()?;
    let parts = [der::write(der::OID, &[EC_PUBLIC_KEY]), der::write(der::OID, &[curve])];
    Ok(pkcs8_of(&[&parts[0], &parts[1]], &Secret::new(sec1)))
}

fn ecdsa(curve: &[u8], pkcs8: &[u8]) -> Result<(Pair, PublicKey), KeyError> {
    let algorithm = match curve {
        PRIME256V1 => &ECDSA_P256_SHA256_ASN1_SIGNING,
        SECP384R1 => &ECDSA_P384_SHA384_ASN1_SIGNING,
        _ => return Err(KeyError::Unsupported("ECDSA over another curve than P-256 and P-384".to_owned())),
    };
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &SystemRandom::new())
        .map_err(|_| KeyError::Malformed("an ECDSA key whose parts do not belong together"))?;
    let public = PublicKey::from_spki(&ecdsa_spki(curve, pair.public_key().as_ref()))?;
    Ok((Pair::Ecdsa(pair), public))
}

fn ed25519(inner: &[u8]) -> Result<(Pair, PublicKey), KeyError> {
    let mut reader = der::Reader::new(inner);
    let seed = reader.expect(der::OCTET_STRING)?.body;
    reader.end()?;
    let seed = seed.try_into().map_err(|_| KeyError::Malformed("an Ed25519 key has 32 bytes"))?;
    let key = SigningKey::from_bytes(seed);
    let public = PublicKey::ed25519(key.verifying_key().as_bytes())?;
    Ok((Pair::Ed25519(key), public))
}

fn rsa(inner: &[u8]) -> Result<(Pair, PublicKey), KeyError> {
    let pair = RsaKeyPair::from_der(inner).map_err(|_| {
        KeyError::Unsupported("RSA that is malformed or has not 2048 to 4096 bits".to_owned())
    })?;
    let parts = [&der::write(der::OID, &[RSA_ENCRYPTION])[..], &[der::NULL, 0]];
    let public = PublicKey::from_spki(&spki(&parts, pair.public_key().as_ref()))?;
    Ok((Pair::Rsa(pair), public))
}
