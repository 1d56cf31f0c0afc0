//! notation's envelopes in both encodings, lists of revoked certificates, podman's policy: whatever the bytes, no panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_trust::certificate::crl::RevocationList;
use seawall_trust::containers_policy::ContainersPolicy;
use seawall_trust::notation::claimed;

fuzz_target!(|bytes: &[u8]| {
    for media_type in ["application/jose+json", "application/cose"] {
        let _ = claimed(media_type, bytes);
    }
    let _ = ContainersPolicy::read(bytes);
    if let Ok(lists) = RevocationList::read_all(bytes) {
        for list in lists {
            assert_eq!(RevocationList::read_all(list.to_pem().as_bytes()), Ok(vec![list]));
        }
    }
});
