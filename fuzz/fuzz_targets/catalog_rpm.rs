//! rpm databases of all three formats.
#![no_main]

use libfuzzer_sys::fuzz_target;

mod catalog_content;

fuzz_target!(|bytes: &[u8]| {
    let path = match bytes.first() {
        Some(b'S') => "var/lib/rpm/rpmdb.sqlite",
        Some(b'R') => "var/lib/rpm/Packages.db",
        _ => "var/lib/rpm/Packages",
    };
    catalog_content::show(path, bytes);
});
