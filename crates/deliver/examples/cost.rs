//! What a finding costs on its way out: processor time of this process for each, and how long until it is written.
//! `cargo run --release -p seawall-deliver --example cost`. The numbers in docs/design/008-outputs.md are from it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement prints, and stops where it cannot go on"
)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use seawall_deliver::metrics::Usage;
use seawall_deliver::{Config, Deliveries, Secret, Surroundings};
use seawall_finding::{Confidence, Evidence, FieldValue, Finding, Happened, Priority, Severity, Subject};
use seawall_inventory::Place;
use seawall_policy::{Judged, Sink, Verdict};

const COUNT: usize = 50_000;

/// A finding like those of the official rules: 18 fields, two ancestors.
fn judged(number: usize) -> Judged {
    let fields: BTreeMap<String, FieldValue> = (0..18)
        .map(|field| {
            (format!("proc.field{field}"), FieldValue::Text(format!("value {field} of some length")))
        })
        .collect();
    let output: String = fields.keys().map(|name| format!("{name}=value of some length ")).collect();
    let happened = Happened {
        rule: "Read sensitive file untrusted".to_owned(),
        priority: Priority::Warning,
        source: "syscall".to_owned(),
        event: "openat".to_owned(),
        number: number as u64,
        time: "2026-11-28T10:15:00.123456789Z".to_owned(),
        output: output.clone(),
        fields,
        lineage: vec!["cat /etc/shadow".to_owned(), "sh -c cat /etc/shadow".to_owned()],
        tags: ["maturity_stable", "host", "container", "filesystem", "mitre_credential_access"]
            .map(str::to_owned)
            .to_vec(),
        events: 1,
        about: format!("/usr/bin/cat /etc/shadow{number}"),
        ..Happened::default()
    };
    let finding = Finding {
        rule: "read-sensitive-file-untrusted".to_owned(),
        subject: Subject::Container { engine: "docker".to_owned(), name: "web".to_owned() },
        place: Place::default(),
        severity: Severity::Medium,
        confidence: Confidence::High,
        summary: output,
        evidence: Evidence::Happened(Box::new(happened)),
        remedy: String::new(),
        references: Vec::new(),
        controls: Vec::new(),
    };
    Judged {
        fingerprint: finding.fingerprint(),
        finding,
        verdict: Verdict::Warn,
        reasons: Vec::new(),
        responses: Vec::new(),
        waived: None,
    }
}

fn start(outputs: &str) -> Deliveries {
    let config = Config::parse(&format!("version: 1\n{outputs}"), &|_| Ok(Secret::new(""))).unwrap();
    let surroundings = Surroundings { host: "node-1".to_owned(), clock: Arc::new(jiff::Timestamp::now) };
    Deliveries::start(config, surroundings).unwrap()
}

/// Takes everything and answers, in this process: the service's own time is part of what is measured.
fn service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let (mut buffer, mut seen) = (vec![0; 1 << 20], Vec::new());
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    seen.extend_from_slice(&buffer[..read]);
                    let Some(end) = seen.windows(4).position(|end| end == b"\r\n\r\n") else { continue };
                    let head = String::from_utf8_lossy(&seen[..end]).to_lowercase();
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                    if seen.len() >= end + 4 + length.parse::<usize>().unwrap() {
                        seen.clear();
                        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
                    }
                }
            });
        }
    });
    address
}

fn cpu() -> Duration {
    Usage::read(Path::new("/proc")).unwrap().cpu
}

fn measure(name: &str, outputs: &str, count: usize) {
    let findings: Vec<Judged> = (0..1000).map(judged).collect();
    let mut deliveries = start(outputs);
    let before = cpu();
    let mut taking = Duration::ZERO;
    for begin in (0..count).step_by(1000) {
        let started = Instant::now();
        for finding in &findings {
            deliveries.take(finding).unwrap();
        }
        taking += started.elapsed();
        let done =
            |output: &seawall_deliver::OutputStatus| output.sent + output.folded >= begin as u64 + 1000;
        while !deliveries.watch().outputs().iter().all(done) {
            thread::sleep(Duration::from_micros(200));
        }
    }
    let gaps = deliveries.shut_down(Duration::from_secs(60));
    let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    println!(
        "{name:<34} {:>7.2} µs CPU each, {:>6.2} µs in take, lost: {}",
        each(cpu() - before),
        each(taking),
        gaps.len()
    );
}

/// From `take` to the line in the file, one finding at a time.
fn latency(path: &Path) {
    let mut deliveries =
        start(&format!("outputs:\n  - file: {{path: {}, format: falco-json}}\n", path.display()));
    let mut times: Vec<Duration> = (0..1000)
        .map(|number| {
            let size = path.metadata().map_or(0, |about| about.len());
            let finding = judged(number);
            thread::sleep(Duration::from_millis(1));
            let begin = Instant::now();
            deliveries.take(&finding).unwrap();
            while path.metadata().map_or(0, |about| about.len()) == size {
                std::hint::spin_loop();
            }
            begin.elapsed()
        })
        .collect();
    times.sort();
    println!("written within {:?} at the median, {:?} at the 99th percentile", times[500], times[990]);
}

fn main() {
    let directory = Path::new("/tmp").join(format!("seawall-deliver-cost-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let file = |format: &str| {
        format!("outputs:\n  - file: {{path: {}/{format}.log, format: {format}}}\n", directory.display())
    };
    let address = service();
    measure("nothing", "outputs: []\n", COUNT);

    for format in ["falco", "falco-json", "json", "ocsf"] {
        measure(&format!("file, {format}"), &file(format), COUNT);
    }
    let http = |template: &str| {
        format!("outputs:\n  - http: {{template: {template}, url: 'http://{address}'}}\n    fold: off\n")
    };
    measure("http, json-lines, batches", &http("json-lines"), COUNT);
    measure("http, otlp, batches", &http("otlp"), COUNT);
    measure("http, loki, batches", &http("loki"), COUNT);
    measure("http, slack, one by one", &http("slack"), COUNT / 10);
    let spool = format!("spool: {{directory: {}/spool}}\n", directory.display());
    measure("http, json-lines, spooled", &format!("{spool}{}", http("json-lines")), COUNT);
    measure("http, webhook, spooled, one by one", &format!("{spool}{}", http("webhook")), COUNT / 10);
    latency(&directory.join("latency.log"));
    std::fs::remove_dir_all(&directory).unwrap();
}
