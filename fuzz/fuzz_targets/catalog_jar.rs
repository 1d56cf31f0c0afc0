//! Java archives, nested.
#![no_main]

use libfuzzer_sys::fuzz_target;

mod catalog_content;

fuzz_target!(|bytes: &[u8]| catalog_content::show("lib/app-1.0.jar", bytes));
