//! Any bytes as a document of the feed `osv`, containers included.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_advisory::feed;

fuzz_target!(|data: &[u8]| {
    if let Some(feed) = feed::feed("osv") {
        let _ = feed.import_bytes("osv.json", data, None, &mut |_| {});
    }
});
