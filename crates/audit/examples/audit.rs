//! Audits this machine and prints the answers and how long it took:
//! `cargo run -p seawall-audit --example audit -- [--root DIR] [--inspect FILE]… [ENDPOINT…]`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use seawall_audit::{Inputs, Root, Saved};
use seawall_engine::{Endpoint, usual_endpoints};

fn main() -> ExitCode {
    let mut root = "/".to_owned();
    let (mut endpoints, mut saved) = (Vec::new(), Vec::new());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--root" => root = words.next().unwrap_or_default(),
            "--inspect" => {
                let name = words.next().unwrap_or_default();
                let bytes = std::fs::read(&name).unwrap_or_default();
                saved.push(Saved { name, bytes });
            }
            text => endpoints.extend(text.parse::<Endpoint>()),
        }
    }
    if endpoints.is_empty() && saved.is_empty() && root == "/" {
        endpoints = usual_endpoints(0, None);
    }
    let opened = match Root::open(Path::new(&root)) {
        Ok(opened) => opened,
        Err(error) => {
            eprintln!("{root}: {error}");
            return ExitCode::from(2);
        }
    };
    let mut inputs = Inputs::new(&opened, jiff::Timestamp::now());
    (inputs.endpoints, inputs.saved) = (endpoints, saved);
    let start = Instant::now();
    let audited = seawall_audit::run(&inputs);
    let took = start.elapsed();
    for check in &audited.checks {
        let ids: Vec<&str> = check.controls.iter().map(|control| control.id.as_str()).collect();
        let outcome = check.outcome.name();
        let id = ids.get(2).unwrap_or(&"-");
        println!(
            "{outcome:14} {id:7} {:30} {}: {} [{}]",
            check.rule,
            check.subject.label(),
            check.seen,
            check.looked_at
        );
    }
    for gap in &audited.findings.gaps {
        println!("gap            {gap}");
    }
    println!("{} answers, {} failures, {took:?}", audited.checks.len(), audited.findings.found.len());
    ExitCode::SUCCESS
}
