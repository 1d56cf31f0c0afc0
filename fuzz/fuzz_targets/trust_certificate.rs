//! Certificates and the names in them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_trust::certificate::Certificate;
use seawall_trust::certificate::identity::Named;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Certificate::read_pem(text);
    }
    let Ok(certificate) = Certificate::read(bytes) else { return };
    assert_eq!(certificate.der(), bytes);
    let _ = (certificate.key(), certificate.label(), Named::of(&certificate));
});
