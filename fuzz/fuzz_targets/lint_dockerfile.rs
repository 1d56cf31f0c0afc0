//! A build file from somebody else: spans and changes fit it, and what the changes make can be read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_finding::Evidence;
use seawall_lint::dockerfile::{Options, apply, lint};

fuzz_target!(|bytes: &[u8]| {
    let options = Options { enable: &["all"], dockerignore: Some("*.md\n!a\n"), ..Options::default() };
    let linted = lint("Dockerfile", bytes, &options);
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    let text = String::from_utf8_lossy(bytes);
    let is_text = matches!(text, std::borrow::Cow::Borrowed(_));
    for finding in &linted.findings.found {
        let line = finding.place.line.unwrap_or_default() as usize;
        assert!((1..=lines).contains(&line), "line {line} of {lines}");
        let Evidence::Misset(misset) = &finding.evidence else { panic!("{finding:?}") };
        let Some(change) = &misset.change else { continue };
        assert!(change.start <= change.end && change.end <= bytes.len(), "{change:?}");
        if is_text {
            assert!(text.is_char_boundary(change.start) && text.is_char_boundary(change.end), "{change:?}");
        }
    }
    let fixed = apply(bytes, &linted.findings.found);
    let _ = lint("Dockerfile", &fixed.text, &options);
});
