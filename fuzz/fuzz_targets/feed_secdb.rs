//! Any bytes as a document of the feed `alpine-secdb`, containers included.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_advisory::feed;

fuzz_target!(|data: &[u8]| {
    if let Some(feed) = feed::feed("alpine-secdb") {
        let _ = feed.import_bytes("main.json", data, None, &mut |_| {});
    }
});
