//! Any text as a Quadlet unit, a service, a drop-in and a shell script.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_lint::fix::fix;
use seawall_lint::manifest::{File, Options, examine};
use seawall_lint::workload::Selection;

fuzz_target!(|text: &str| {
    let selection = Selection { all: true, ..Selection::default() };
    let options = Options { selection, ..Options::default() };
    let paths = ["a.container", "a.container.d/b.conf", "p.pod", "k.kube", "s.service", "r.sh"];
    let _ = examine(&paths.map(|path| File { path, text }), &options);
    let words = format!("[Container]\nPodmanArgs={text}\n");
    let _ = examine(&[File { path: "w.container", text: &words }], &options);
    let run = format!("docker run {text}");
    let _ = examine(&[File { path: "r.sh", text: &run }], &options);
    if text.len() < 2000 {
        let _ = fix(File { path: "a.container", text }, &options, &|_| true);
    }
});
