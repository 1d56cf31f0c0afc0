//! Any bytes as a document of the feed `rustsec`, containers included.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_advisory::feed;

fuzz_target!(|data: &[u8]| {
    if let Some(feed) = feed::feed("rustsec") {
        let _ = feed.import_bytes("RUSTSEC-2020-0001.md", data, None, &mut |_| {});
    }
});
