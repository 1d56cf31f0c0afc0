//! Saved answers of `docker inspect`, and files of attestations.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use seawall_audit::{Inputs, Root, Saved, attestations, plan, run};

static EMPTY: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir_in("/dev/shm").unwrap());

fuzz_target!(|bytes: &[u8]| {
    let root = Root::open(EMPTY.path()).unwrap();
    let mut inputs = Inputs::new(&root, Default::default());
    inputs.saved = vec![Saved { name: "saved.json".to_owned(), bytes: bytes.to_vec() }];
    let audited = run(&inputs);
    let _ = plan(&audited).to_string();
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = attestations(text);
    }
});
