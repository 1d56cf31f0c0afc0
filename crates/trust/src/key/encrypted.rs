//! cosign's encrypted key file: a JSON document in PEM, scrypt for the password and NaCl's secretbox for the key
//! (go-securesystemslib, `encrypted`).

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{KeyError, random, secretbox};
use crate::secret::Secret;

/// The labels: what is written, and the older one.
pub(super) const LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
pub(super) const OLD_LABEL: &str = "ENCRYPTED COSIGN PRIVATE KEY";

/// log₂ of scrypt's N: 2^15 of old files and 2^16. Others would let a key file choose how long we compute.
const LOG_N: [u8; 2] = [15, 16];
const R: u32 = 8;
const P: u32 = 1;

#[derive(Serialize, Deserialize)]
struct File {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Serialize, Deserialize)]
struct Params {
    #[serde(rename = "N")]
    n: u32,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// The PKCS #8 document in a key file.
pub(crate) fn open(json: &[u8], password: &Secret) -> Result<Secret, KeyError> {
    let file: File = crate::json::read(json).map_err(|_| KeyError::Encryption("it is not cosign's JSON"))?;
    let log_n = LOG_N.into_iter().find(|log_n| 1 << log_n == file.kdf.params.n);
    let Some(log_n) = log_n.filter(|_| file.kdf.params.r == R && file.kdf.params.p == P) else {
        return Err(KeyError::Encryption("scrypt with parameters that cosign does not write"));
    };
    if file.kdf.name != "scrypt" || file.cipher.name != "nacl/secretbox" {
        return Err(KeyError::Encryption("it is neither scrypt nor nacl/secretbox"));
    }
    let decoded =
        |text: &str| BASE64_STANDARD.decode(text).map_err(|_| KeyError::Encryption("it is not base64"));
    let nonce: [u8; 24] = decoded(&file.cipher.nonce)?
        .try_into()
        .map_err(|_| KeyError::Encryption("the nonce has not 24 bytes"))?;
    let key = derive(password, &decoded(&file.kdf.salt)?, log_n)?;
    secretbox::open(&key, &nonce, &decoded(&file.ciphertext)?)
        .map(Secret::from)
        .ok_or(KeyError::WrongPassword)
}

/// A key file for a PKCS #8 document.
pub(super) fn seal(pkcs8: &Secret, password: &Secret) -> Result<String, KeyError> {
    seal_as(LABEL, pkcs8, password)
}

/// The same for something else than a key, under another label.
pub(crate) fn seal_as(label: &str, content: &Secret, password: &Secret) -> Result<String, KeyError> {
    let [_, log_n] = LOG_N;
    let (salt, nonce) = (random::<32>()?, random::<24>()?);
    let key = derive(password, &salt, log_n)?;
    let file = File {
        kdf: Kdf {
            name: "scrypt".to_owned(),
            params: Params { n: 1 << log_n, r: R, p: P },
            salt: BASE64_STANDARD.encode(salt),
        },
        cipher: Cipher { name: "nacl/secretbox".to_owned(), nonce: BASE64_STANDARD.encode(nonce) },
        ciphertext: BASE64_STANDARD.encode(secretbox::seal(&key, &nonce, content.expose())),
    };
    let json = serde_json::to_vec(&file).map_err(|_| KeyError::Library("JSON"))?;
    Ok(crate::pem::write(label, &json))
}

fn derive(password: &Secret, salt: &[u8], log_n: u8) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let params = scrypt::Params::new(log_n, R, P).map_err(|_| KeyError::Library("scrypt"))?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(password.expose(), salt, &params, key.as_mut())
        .map_err(|_| KeyError::Library("scrypt"))?;
    Ok(key)
}
