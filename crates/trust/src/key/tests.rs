use std::process::{Command, Stdio};

use super::*;
use crate::secret::Secret;

fn password() -> Secret {
    Secret::new("correct horse")
}

const MADE: [KeyAlgorithm; 3] = [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Ed25519];

#[test]
fn keys_sign_and_verify_what_they_signed() {
    for algorithm in MADE {
        let key = PrivateKey::generate(algorithm).unwrap();
        let public = PublicKey::from_pem(&key.public().to_pem()).unwrap();
        assert_eq!((public.algorithm(), &public), (algorithm, key.public()));
        let mut signature = key.sign(b"message").unwrap();
        assert!(public.verifies(b"message", &signature), "{algorithm}");
        assert!(!public.verifies(b"massage", &signature), "{algorithm}");
        let another = PrivateKey::generate(algorithm).unwrap();
        assert!(!another.public().verifies(b"message", &signature), "{algorithm}");
        *signature.last_mut().unwrap() ^= 1;
        assert!(!public.verifies(b"message", &signature), "{algorithm}");
        assert!(!public.verifies(b"message", b""), "{algorithm}");
    }
}

/// One that signs with the key inside it, whatever key it is said to hold.
struct Holder(PrivateKey);

impl KeyHolder for Holder {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(self.0.sign(message)?)
    }
}

#[test]
fn a_key_that_is_held_elsewhere_signs_and_does_not_leave() {
    for algorithm in MADE {
        let key = PrivateKey::generate(algorithm).unwrap();
        let public = key.public().clone();
        let held = PrivateKey::held(public.clone(), Box::new(Holder(key)));
        assert!(public.verifies(b"message", &held.sign(b"message").unwrap()), "{algorithm}");
        assert!(matches!(held.to_encrypted_pem(&password()), Err(KeyError::Unsupported(_))));
        let other = PrivateKey::generate(algorithm).unwrap();
        let lies = PrivateKey::held(public, Box::new(Holder(other)));
        assert!(matches!(lies.sign(b"message"), Err(KeyError::HolderLies)), "{algorithm}");
    }
}

#[test]
fn an_ecdsa_signature_of_two_halves() {
    let check = |halves: &[u8], expected: Option<&[u8]>| {
        assert_eq!(ecdsa_der(halves).ok().as_deref(), expected, "{halves:?}");
    };
    check(&[1, 2], Some(&[0x30, 6, 2, 1, 1, 2, 1, 2]));
    check(&[0, 1, 0x80, 0], Some(&[0x30, 8, 2, 1, 1, 2, 3, 0, 0x80, 0]));
    check(&[1, 2, 3], None);
    check(&[], None);
}

#[test]
fn an_encrypted_key_opens_with_its_password_only() {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let text = key.to_encrypted_pem(&password()).unwrap();
    assert!(PrivateKey::is_encrypted(&text));
    let read = PrivateKey::from_pem(&text, Some(&password())).unwrap();
    assert_eq!(read.public(), key.public());
    let opened = |password: Option<&Secret>| PrivateKey::from_pem(&text, password).map(|_| ());
    assert!(matches!(opened(Some(&Secret::new("battery"))), Err(KeyError::WrongPassword)));
    assert!(matches!(opened(None), Err(KeyError::PasswordNeeded)));
    let old = text.replace("SIGSTORE", "COSIGN");
    assert_eq!(PrivateKey::from_pem(&old, Some(&password())).unwrap().public(), key.public());
}

#[test]
fn scrypt_parameters_that_cosign_does_not_write_are_refused() {
    let document = |n: u32, r: u32| {
        let json = format!(
            r#"{{"kdf":{{"name":"scrypt","params":{{"N":{n},"r":{r},"p":1}},"salt":"AAAA"}},
                "cipher":{{"name":"nacl/secretbox","nonce":"{}"}},"ciphertext":"AAAA"}}"#,
            "A".repeat(32)
        );
        let text = crate::pem::write("ENCRYPTED COSIGN PRIVATE KEY", json.as_bytes());
        PrivateKey::from_pem(&text, Some(&password())).map(|_| ()).unwrap_err()
    };
    assert!(matches!(document(1 << 30, 8), KeyError::Encryption(_)));
    assert!(matches!(document(1 << 15, 1 << 20), KeyError::Encryption(_)));
    assert!(matches!(document(1 << 15, 8), KeyError::WrongPassword));
}

#[test]
fn private_keys_do_not_print_themselves() {
    let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
    assert_eq!(format!("{key:?}"), format!("private key of Ed25519 {}", key.public().fingerprint()));
}

#[test]
fn a_key_of_another_kind_is_not_tried() {
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    let signature = key.sign(b"message").unwrap();
    for scheme in
        [Scheme::Ed25519, Scheme::Ed25519Ph, Scheme::RsaPkcs1(Hash::Sha256), Scheme::Ecdsa(Hash::Sha512)]
    {
        assert!(!key.public().verifies_as(scheme, b"message", &signature), "{scheme}");
    }
    assert!(PublicKey::from_pem(&key.to_encrypted_pem(&password()).unwrap()).is_err());
}

/// OpenSSL's output for its arguments and standard input; `None` where it is not installed.
fn openssl(arguments: &[&str]) -> Option<String> {
    let output = Command::new("openssl").args(arguments).stdin(Stdio::null()).output().ok()?;
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn keys_of_openssl_are_read() {
    let made: [&[&str]; 6] = [
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
        &["genpkey", "-algorithm", "ED25519"],
        &["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        &["ecparam", "-name", "prime256v1", "-genkey"],
        &["genrsa", "-traditional", "2048"],
    ];
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    for arguments in made {
        let Some(text) = openssl(arguments) else {
            println!("skipped: openssl is not installed");
            return;
        };
        let key = PrivateKey::from_pem(&text, None).unwrap();
        std::fs::write(at("key"), &text).unwrap();
        let public = openssl(&["pkey", "-in", &at("key"), "-pubout"]).unwrap();
        assert_eq!(PublicKey::from_pem(&public).unwrap(), *key.public(), "{arguments:?}");
        assert_eq!(key.public().to_pem(), public, "{arguments:?}");
        if key.public().algorithm() == KeyAlgorithm::Ed25519 {
            continue;
        }
        let hash = if key.public().algorithm() == KeyAlgorithm::P384 { "-sha384" } else { "-sha256" };
        std::fs::write(at("message"), "message").unwrap();
        std::fs::write(at("signature"), key.sign(b"message").unwrap()).unwrap();
        std::fs::write(at("public"), public).unwrap();
        openssl(&["dgst", hash, "-verify", &at("public"), "-signature", &at("signature"), &at("message")])
            .unwrap();
    }
}

#[test]
fn weak_and_unknown_keys_are_refused() {
    let made: [(&[&str], &str); 4] = [
        (&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], "RSA"),
        (&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], "curve"),
        (&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "curve"),
        (&["genpkey", "-algorithm", "X25519"], "neither"),
    ];
    for (arguments, expected) in made {
        let Some(text) = openssl(arguments) else {
            println!("skipped: openssl is not installed");
            return;
        };
        let error = PrivateKey::from_pem(&text, None).unwrap_err().to_string();
        assert!(error.contains("not supported") && error.contains(expected), "{arguments:?}: {error}");
    }
}

/// RFC 8032, 7.3: the signature that cosign makes where it records in a log.
#[test]
fn ed25519ph_of_the_specification() {
    let hex = |text: &str| crate::unhex(text).unwrap();
    let seed = hex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42");
    let pkcs8 = [hex("302e020100300506032b657004220420"), seed].concat();
    let key = PrivateKey::from_pkcs8(Secret::new(pkcs8)).unwrap();
    let signature = hex("98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41\
         31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406");
    assert!(key.public().verifies_as(Scheme::Ed25519Ph, b"abc", &signature));
    assert!(!key.public().verifies_as(Scheme::Ed25519, b"abc", &signature));
    assert!(key.public().verifies(b"abc", &signature) && !key.public().verifies(b"abd", &signature));
}
