//! SBOM documents of all formats.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = seawall_catalog::read_sbom(bytes);
});
