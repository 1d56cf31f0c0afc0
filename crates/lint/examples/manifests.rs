//! Prints what is found in files, one finding a line: for comparing with other tools.
#![expect(clippy::print_stdout, reason = "an example speaks")]

use seawall_lint::manifest::{File, Options, examine};
use seawall_lint::workload::Selection;

fn main() {
    let all = std::env::args().any(|argument| argument == "--all");
    let paths: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    for path in paths {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let selection = Selection { all, ..Selection::default() };
        let start = std::time::Instant::now();
        let examined =
            examine(&[File { path: &path, text: &text }], &Options { selection, ..Options::default() });
        if std::env::args().any(|argument| argument == "--fix") {
            let fixed =
                seawall_lint::fix::fix(File { path: &path, text: &text }, &Options::default(), &|_| true);
            println!("{path}\tFIXED\t{}", fixed.applied.len());
        }
        let took = start.elapsed();
        if took.as_millis() > 500 {
            println!("{path}\tSLOW\t{took:?}");
        }
        for finding in &examined.found {
            let line = finding.place.line.unwrap_or(0);
            println!(
                "{path}\t{line}\t{}\t{}\t{}\t{}",
                finding.severity,
                finding.rule,
                finding.subject.label(),
                finding.summary
            );
        }
        for gap in &examined.gaps {
            println!("{path}\tGAP\t{}", gap.reason);
        }
        println!("{path}\tWORKLOADS\t{}", examined.workloads.len());
    }
}
