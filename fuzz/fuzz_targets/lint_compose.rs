//! Any text as a Compose file, with every rule and what mends it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_lint::fix::fix;
use seawall_lint::manifest::{File, Options, examine};
use seawall_lint::workload::Selection;

fuzz_target!(|text: &str| {
    let selection = Selection { all: true, ..Selection::default() };
    let options = Options { selection, ..Options::default() };
    let service = format!("services:\n  a:\n    image: a\n    {text}");
    for text in [text, service.as_str()] {
        let file = File { path: "compose.yaml", text };
        let _ = examine(&[file], &options);
        if text.len() < 2000 {
            let _ = fix(file, &options, &|_| true);
        }
    }
});
