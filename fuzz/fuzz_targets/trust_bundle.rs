//! Bundles, trusted roots, envelopes and statements, and their verification: whatever the bytes, no panic, and never a
//! signature that counts.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use seawall_trust::bundle::Bundle;
use seawall_trust::certificate::identity::{Identity, Pattern};
use seawall_trust::dsse::Envelope;
use seawall_trust::statement::Statement;
use seawall_trust::trusted_root::TrustedRoot;
use seawall_trust::verify::{Artifact, Wanted, verify};

const ROOT: &[u8] = include_bytes!("../../crates/trust/testdata/trusted_root.json");

fuzz_target!(|bytes: &[u8]| {
    let _ = Envelope::read(bytes);
    let _ = Statement::read(bytes);
    let _ = TrustedRoot::read(bytes);
    let Ok(bundle) = Bundle::read(bytes) else { return };
    let Ok(root) = TrustedRoot::read(ROOT) else { return };
    let identities = [Identity { subject: Pattern::exact("nobody@example.com"), issuer: None }];
    let wanted = Wanted::Identities(&identities, &root);
    assert!(verify(&bundle, Artifact::Bytes(b"file"), wanted, Timestamp::UNIX_EPOCH).is_err());
    if let Ok(written) = bundle.write() {
        assert_eq!(Bundle::read(&written).as_ref(), Ok(&bundle));
    }
});
