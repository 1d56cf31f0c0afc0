//! Key files, public and private, encrypted and in the open.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_trust::{PrivateKey, PublicKey, Secret};

fuzz_target!(|bytes: &[u8]| {
    let _ = PublicKey::from_spki(bytes);
    let _ = PrivateKey::from_pkcs8(Secret::new(bytes));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = PublicKey::from_pem(text);
    // Without a password, or every input would cost a second of scrypt.
    let _ = PrivateKey::from_pem(text, None);
});
