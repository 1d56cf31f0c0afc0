//! Public keys: SubjectPublicKeyInfo (RFC 5280, 4.1; RFC 5480; RFC 8410; RFC 3279).

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ring::signature::{self as ring_signature, UnparsedPublicKey, VerificationAlgorithm};

use super::{Hash, KeyAlgorithm, KeyError, Scheme};
use crate::der::{self, Reader};
use crate::pem;

pub(super) const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
pub(super) const PRIME256V1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
pub(super) const SECP384R1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const SECP521R1: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
pub(super) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
pub(super) const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// A key that verifies.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    algorithm: KeyAlgorithm,
    spki: Vec<u8>,
    /// What the algorithm itself calls its public key: a point, or PKCS #1.
    raw: Vec<u8>,
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, self.fingerprint())
    }
}

impl PublicKey {
    /// Reads `-----BEGIN PUBLIC KEY-----`.
    ///
    /// # Errors
    /// It is something else, or a key that is weak or of an unknown kind.
    pub fn from_pem(text: &str) -> Result<PublicKey, KeyError> {
        let wanted = "one PUBLIC KEY";
        match pem::blocks(text)?.as_slice() {
            [block] if block.label == "PUBLIC KEY" => PublicKey::from_spki(&block.bytes),
            [block, ..] => Err(KeyError::WrongBlock { found: block.label.clone(), wanted }),
            [] => Err(KeyError::WrongBlock { found: "nothing".to_owned(), wanted }),
        }
    }

    /// Reads a SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// It is something else, or a key that is weak or of an unknown kind.
    pub fn from_spki(spki: &[u8]) -> Result<PublicKey, KeyError> {
        let mut reader = der::sequence(spki)?;
        let mut algorithm = reader.nested(der::SEQUENCE)?;
        let raw = reader.bits()?;
        reader.end()?;
        let oid = algorithm.oid()?;
        let algorithm = match oid {
            EC_PUBLIC_KEY => curve(&mut algorithm, raw)?,
            ED25519 if raw.len() == 32 => {
                algorithm.end()?;
                KeyAlgorithm::Ed25519
            }
            ED25519 => return Err(KeyError::Malformed("an Ed25519 key has 32 bytes")),
            RSA_ENCRYPTION => {
                algorithm.expect(der::NULL)?;
                algorithm.end()?;
                rsa(raw)?
            }
            _ => return Err(KeyError::Unsupported("neither ECDSA, Ed25519 nor RSA".to_owned())),
        };
        Ok(PublicKey { algorithm, spki: spki.to_vec(), raw: raw.to_vec() })
    }

    /// An ECDSA key, by what PKCS #11 says of it: the curve's identifier in DER, and the point uncompressed.
    ///
    /// # Errors
    /// A curve that is unknown, or no point of it.
    pub fn ecdsa(parameters: &[u8], point: &[u8]) -> Result<PublicKey, KeyError> {
        let mut reader = Reader::new(parameters);
        let curve = reader.oid()?;
        reader.end()?;
        PublicKey::from_spki(&ecdsa_spki(curve, point))
    }

    /// An Ed25519 key, by its 32 bytes.
    ///
    /// # Errors
    /// There are more or less.
    pub fn ed25519(raw: &[u8]) -> Result<PublicKey, KeyError> {
        PublicKey::from_spki(&spki(&[&der::write(der::OID, &[ED25519])], raw))
    }

    /// An RSA key, by its numbers, the most significant byte first.
    ///
    /// # Errors
    /// It is weak, or has more bits than are supported.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, KeyError> {
        let raw = der::write(der::SEQUENCE, &[&der::write_unsigned(modulus), &der::write_unsigned(exponent)]);
        PublicKey::from_spki(&spki(&[&der::write(der::OID, &[RSA_ENCRYPTION]), &[der::NULL, 0]], &raw))
    }

    /// Of what kind it is.
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// As SubjectPublicKeyInfo.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// As PEM.
    pub fn to_pem(&self) -> String {
        pem::write("PUBLIC KEY", &self.spki)
    }

    /// SHA-256 of the SubjectPublicKeyInfo, the id that logs use and that people can compare.
    pub fn id(&self) -> [u8; 32] {
        crate::sha256(&self.spki)
    }

    /// The id as `SHA256:` and hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", crate::hex(&self.id()))
    }

    /// The id as bundles and envelopes name the key: base64.
    pub fn hint(&self) -> String {
        BASE64_STANDARD.encode(self.id())
    }

    /// The ways in which a key of this kind signs messages in sigstore's formats, its usual one first. ECDSA keys over
    /// P-384 were used with SHA-256 by older clients.
    pub fn schemes(&self) -> &'static [Scheme] {
        match self.algorithm {
            KeyAlgorithm::P256 => &[Scheme::Ecdsa(Hash::Sha256)],
            KeyAlgorithm::P384 => &[Scheme::Ecdsa(Hash::Sha384), Scheme::Ecdsa(Hash::Sha256)],
            KeyAlgorithm::Ed25519 => &[Scheme::Ed25519, Scheme::Ed25519Ph],
            KeyAlgorithm::Rsa { .. } => &[Scheme::RsaPkcs1(Hash::Sha256), Scheme::RsaPss(Hash::Sha256)],
        }
    }

    /// Whether the key made this signature over the message, in any of its ways.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.schemes().iter().any(|scheme| self.verifies_as(*scheme, message, signature))
    }

    /// Whether the key made this signature over the message in this way. A way that is not the key's is none.
    pub fn verifies_as(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> bool {
        let with = |algorithm: &'static dyn VerificationAlgorithm| {
            UnparsedPublicKey::new(algorithm, &self.raw).verify(message, signature).is_ok()
        };
        match (self.algorithm, scheme) {
            (KeyAlgorithm::P256, Scheme::Ecdsa(Hash::Sha256)) => {
                with(&ring_signature::ECDSA_P256_SHA256_ASN1)
            }
            (KeyAlgorithm::P256, Scheme::Ecdsa(Hash::Sha384)) => {
                with(&ring_signature::ECDSA_P256_SHA384_ASN1)
            }
            (KeyAlgorithm::P384, Scheme::Ecdsa(Hash::Sha256)) => {
                with(&ring_signature::ECDSA_P384_SHA256_ASN1)
            }
            (KeyAlgorithm::P384, Scheme::Ecdsa(Hash::Sha384)) => {
                with(&ring_signature::ECDSA_P384_SHA384_ASN1)
            }
            (KeyAlgorithm::Rsa { .. }, Scheme::RsaPkcs1(hash)) => with(match hash {
                Hash::Sha256 => &ring_signature::RSA_PKCS1_2048_8192_SHA256,
                Hash::Sha384 => &ring_signature::RSA_PKCS1_2048_8192_SHA384,
                Hash::Sha512 => &ring_signature::RSA_PKCS1_2048_8192_SHA512,
            }),
            (KeyAlgorithm::Rsa { .. }, Scheme::RsaPss(hash)) => with(match hash {
                Hash::Sha256 => &ring_signature::RSA_PSS_2048_8192_SHA256,
                Hash::Sha384 => &ring_signature::RSA_PSS_2048_8192_SHA384,
                Hash::Sha512 => &ring_signature::RSA_PSS_2048_8192_SHA512,
            }),
            (KeyAlgorithm::Ed25519, Scheme::Ed25519) => with(&ring_signature::ED25519),
            (KeyAlgorithm::Ed25519, Scheme::Ed25519Ph) => self.verifies_prehashed(message, signature),
            (
                KeyAlgorithm::P256 | KeyAlgorithm::P384 | KeyAlgorithm::Ed25519 | KeyAlgorithm::Rsa { .. },
                Scheme::Ecdsa(_)
                | Scheme::RsaPkcs1(_)
                | Scheme::RsaPss(_)
                | Scheme::Ed25519
                | Scheme::Ed25519Ph,
            ) => false,
        }
    }

    fn verifies_prehashed(&self, message: &[u8], signature: &[u8]) -> bool {
        use sha2::Digest as _;
        let Ok(raw) = <[u8; 32]>::try_from(self.raw.as_slice()) else { return false };
        let (Ok(key), Ok(signature)) =
            (ed25519_dalek::VerifyingKey::from_bytes(&raw), ed25519_dalek::Signature::from_slice(signature))
        else {
            return false;
        };
        let hash = sha2::Sha512::new_with_prefix(message);
        !key.is_weak() && key.verify_prehashed_strict(hash, None, &signature).is_ok()
    }
}

/// A SubjectPublicKeyInfo of the parts of its algorithm and the key itself.
pub(super) fn spki(algorithm: &[&[u8]], raw: &[u8]) -> Vec<u8> {
    let algorithm = der::write(der::SEQUENCE, algorithm);
    der::write(der::SEQUENCE, &[&algorithm, &der::write(der::BIT_STRING, &[&[0], raw])])
}

pub(super) fn ecdsa_spki(curve: &[u8], point: &[u8]) -> Vec<u8> {
    spki(&[&der::write(der::OID, &[EC_PUBLIC_KEY]), &der::write(der::OID, &[curve])], point)
}

fn curve(algorithm: &mut Reader<'_>, point: &[u8]) -> Result<KeyAlgorithm, KeyError> {
    let curve = algorithm.oid()?;
    algorithm.end()?;
    let (found, length) = match curve {
        PRIME256V1 => (KeyAlgorithm::P256, 65),
        SECP384R1 => (KeyAlgorithm::P384, 97),
        SECP521R1 => return Err(KeyError::Unsupported("ECDSA over P-521".to_owned())),
        _ => return Err(KeyError::Unsupported("ECDSA over another curve than P-256 and P-384".to_owned())),
    };
    match point.first() == Some(&4) && point.len() == length {
        true => Ok(found),
        false => Err(KeyError::Malformed("the point of an ECDSA key is not in its uncompressed form")),
    }
}

fn rsa(raw: &[u8]) -> Result<KeyAlgorithm, KeyError> {
    let mut reader = der::sequence(raw)?;
    let modulus = reader.unsigned()?;
    reader.small()?;
    reader.end()?;
    let leading = modulus.first().map_or(0, |byte| byte.leading_zeros());
    let bits = u32::try_from(modulus.len() * 8).unwrap_or(u32::MAX).saturating_sub(leading);
    match bits {
        2048..=8192 => Ok(KeyAlgorithm::Rsa { bits }),
        _ => Err(KeyError::Unsupported(format!("RSA of {bits} bits; 2048 to 8192 are"))),
    }
}
