//! Any bytes as a document of any feed: the first byte chooses which.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_advisory::feed::FEEDS;

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    if let Some(feed) = FEEDS.get(usize::from(*choice) % FEEDS.len()) {
        let _ = feed.import_bytes("dir/CVE-2024-0001.json", rest, Some("debian:12"), &mut |_| {});
    }
});
