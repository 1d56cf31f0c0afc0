//! Any bytes as a document of the feed `updateinfo`, containers included.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_advisory::feed;

fuzz_target!(|data: &[u8]| {
    if let Some(feed) = feed::feed("updateinfo") {
        let _ = feed.import_bytes("updateinfo.xml", data, None, &mut |_| {});
    }
});
