//! What the guard costs: the same work bare and watched, in turns, in one table.
//! `cargo run --release -p seawall-agent --example cost RULES [ROUNDS]`
#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Instant;

use seawall_agent::containers;
use seawall_agent::{Guard, Judgement, Notice, Options, RuleFile};
use seawall_detect::Matching;
use seawall_finding::Priority;
use seawall_policy::{Judged, Policy, Sink};

/// Perl is everywhere; what it costs itself is in both numbers. Each prints how often it worked and its CPU time.
const WORKS: &[(&str, &str, u32)] = &[
    ("getppid", "syscall(110)", 3_000_000),
    ("open+close", "sysopen(F, '/etc/hostname', 0); close F", 600_000),
    ("open+close, written", "sysopen(F, '/tmp/seawall-cost', 65); close F", 400_000),
    ("exec", "system('/bin/true')", 700),
    ("connect refused", "socket(C, 2, 1, 0); connect(C, $a); close C", 60_000),
];

struct Nobody;

impl Sink for Nobody {
    fn take(&mut self, _: &Judged) -> std::io::Result<()> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rules = PathBuf::from(arguments.first().ok_or("which rules?")?);
    let rounds: usize = arguments.get(1).map_or("3", String::as_str).parse()?;
    println!("work                  bare ns  watched ns   added   guard ns  events each  lost");
    for (name, script, count) in WORKS {
        let (mut bare, mut watched) = (f64::MAX, f64::MAX);
        let (mut guard_ns, mut events, mut lost) = (f64::MAX, 0.0, 0);
        for _ in 0..rounds {
            bare = bare.min(work(script, *count)?);
            let guard = Running::start(&rules)?;
            let (cpu, _) = (cpu_ns()?, ());
            watched = watched.min(work(script, *count)?);
            guard_ns = guard_ns.min((cpu_ns()? - cpu) / f64::from(*count));
            let counts = guard.end()?;
            events = counts.0 as f64 / f64::from(*count);
            lost += counts.1;
        }
        let added = watched - bare;
        println!(
            "{name:<20} {bare:>8.0}  {watched:>10.0}  {added:>6.0}  {guard_ns:>9.0}  {events:>11.3}  {lost}"
        );
    }
    let began = Instant::now();
    let guard = Running::start(&rules)?;
    println!("watching after {:.0?}, resident {}", began.elapsed(), resident()?);
    guard.end()?;
    Ok(())
}

/// Nanoseconds of CPU for each.
fn work(script: &str, count: u32) -> Result<f64, Box<dyn Error>> {
    let script = format!(
        "$a = pack('S n a4 x8', 2, 9, \"\\x7f\\0\\0\\1\"); for (1..{count}) {{ {script} }} \
         my @t = times; print $t[0] + $t[1] + $t[2] + $t[3]"
    );
    let output = Command::new("perl").args(["-e", &script]).output()?;
    Ok(String::from_utf8(output.stdout)?.parse::<f64>()? * 1e9 / f64::from(count))
}

/// CPU time of this process, without its children.
fn cpu_ns() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace().collect();
    let ticks: f64 =
        fields.get(11).ok_or("no time")?.parse::<f64>()? + fields.get(12).ok_or("no time")?.parse::<f64>()?;
    Ok(ticks * 1e7)
}

fn resident() -> Result<String, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(line.unwrap_or_default().trim().to_owned())
}

struct Running {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Result<(u64, u64), String>>,
}

impl Running {
    fn start(rules: &Path) -> Result<Self, Box<dyn Error>> {
        let stop = Arc::new(AtomicBool::new(false));
        let (said, heard) = channel();
        let stopped = Arc::clone(&stop);
        let options = Options {
            judgement: Judgement {
                rules: vec![RuleFile::Path(rules.to_owned())],
                matching: Matching::First,
                min_priority: Priority::Debug,
                policy: Policy::default(),
            },
            proc_root: PathBuf::from("/proc"),
            hostname: "host".to_owned(),
            containers: containers::Options::of_host(Path::new("/")),
            reload: Arc::default(),
            duration: None,
            with: Vec::new(),
            record: None,
            kernel: String::new(),
            names: seawall_agent::NameSource::Observed,
            mode: seawall_respond::Mode::Rehearsal,
        };
        let thread = std::thread::spawn(move || {
            let say = |notice| {
                let _ = said.send(matches!(notice, Notice::Watching { .. }));
            };
            let guard = Guard::new(options, vec![Box::new(Nobody)], say);
            let counts = guard.and_then(|mut guard| guard.run(&stopped));
            counts
                .map(|counts| (counts.events_total(), counts.lost_total()))
                .map_err(|error| format!("{error:?}"))
        });
        match heard.recv() {
            Ok(_) => Ok(Self { stop, thread }),
            Err(_) => Err(thread.join().map_err(|_| "it panicked")?.err().unwrap_or_default().into()),
        }
    }

    fn end(self) -> Result<(u64, u64), Box<dyn Error>> {
        self.stop.store(true, Ordering::Relaxed);
        Ok(self.thread.join().map_err(|_| "it panicked")??)
    }
}
