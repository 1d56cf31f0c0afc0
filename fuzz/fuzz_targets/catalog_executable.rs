//! ELF, PE and Mach-O files: Go build information, cargo-auditable, crates in panic messages.
#![no_main]

use libfuzzer_sys::fuzz_target;

mod catalog_content;

fuzz_target!(|bytes: &[u8]| {
    // Files below 4 KiB are not looked at; the mutator prefers small ones.
    let mut file = bytes.to_vec();
    file.resize(file.len().max(4096), 0);
    catalog_content::show("usr/bin/app", &file);
});
