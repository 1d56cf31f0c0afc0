//! Saved answers of `docker inspect`, and files of attestations.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use seawall_audit::{Inputs, Root, Saved, attestations, plan, run};

static EMPTY: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir_in("/dev/shm").unwrap());

fuzz_target!(|bytes: &[u8]| {
    let root = Root::open(EMPTY.path()).unwrap();
    let audited = run(&Inputs {
        root: &root,
        endpoints: Vec::new(),
        saved: vec![Saved { name: "saved.json".to_owned(), bytes: bytes.to_vec() }],
        attestations: Vec::new(),
        trusted_users: None,
        trusted_images: None,
        now: Default::default(),
        known: &|_| None,
        scanned: &|_| None,
        newest: &|_| None,
    });
    let _ = plan(&audited).to_string();
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = attestations(text);
    }
});
