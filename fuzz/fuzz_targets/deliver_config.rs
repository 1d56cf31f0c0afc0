//! A configuration of outputs, its templates tried out: whatever the text, no panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_deliver::{Config, Secret};

fuzz_target!(|text: &str| {
    let _ = Config::parse(text, &|source| match source.to_string().len() % 2 {
        0 => Ok(Secret::new("secret")),
        _ => Err("it is not there".to_owned()),
    });
});
