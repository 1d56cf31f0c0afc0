//! Any text as a Kubernetes manifest, with every rule, every standard and what mends it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_lint::fix::fix;
use seawall_lint::manifest::{File, Options, examine};
use seawall_lint::pss::{Level, Version, evaluate};
use seawall_lint::workload::Selection;

fuzz_target!(|text: &str| {
    let selection = Selection { all: true, ..Selection::default() };
    let options = Options { selection, ..Options::default() };
    let manifest = format!("apiVersion: v1\nkind: Pod\n{text}");
    for text in [text, manifest.as_str()] {
        let file = File { path: "a.yaml", text };
        for workload in &examine(&[file], &options).workloads {
            let _ = evaluate(workload, Level::Restricted, Version::LATEST, None);
        }
        if text.len() < 2000 {
            let _ = fix(file, &options, &|_| true);
        }
    }
});
