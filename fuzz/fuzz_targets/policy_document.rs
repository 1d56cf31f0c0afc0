//! Policy files, ignore files of other tools, VEX documents and baselines.
#![no_main]

use std::io::Write;

use libfuzzer_sys::fuzz_target;
use seawall_policy::Policy;

fuzz_target!(|bytes: &[u8]| {
    let mut policy = Policy::default();
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = policy.add_text(text, "policy.yaml");
    }
    let mut file = tempfile::NamedTempFile::new_in("/dev/shm").unwrap();
    file.write_all(bytes).unwrap();
    let _ = policy.add_vex(file.path());
    let _ = policy.add_ignore_file(file.path());
    let _ = policy.add_baseline(file.path());
});
