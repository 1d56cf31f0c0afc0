//! A guard that runs beside a test and hands over what it finds.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use seawall_agent::containers;
use seawall_agent::{Counts, Guard, GuardError, Judgement, NameSource, Notice, Options, RuleFile};
use seawall_detect::Matching;
use seawall_finding::{Evidence, Happened, Priority};
use seawall_policy::{Judged, Policy, Sink};
use seawall_respond::Mode;

/// Tests of one machine would see one another's processes.
static ONE: Mutex<()> = Mutex::new(());

/// What was found.
#[derive(Debug, Clone)]
pub(crate) struct Alert {
    pub(crate) rule: String,
    pub(crate) happened: Happened,
    pub(crate) judged: Judged,
}

pub(crate) struct Channel(pub(crate) Sender<Alert>);

impl Sink for Channel {
    fn take(&mut self, judged: &Judged) -> std::io::Result<()> {
        let Evidence::Happened(happened) = &judged.finding.evidence else { return Ok(()) };
        let alert =
            Alert { rule: happened.rule.clone(), happened: (**happened).clone(), judged: judged.clone() };
        self.0.send(alert).map_err(std::io::Error::other)
    }
}

pub(crate) struct Running {
    alerts: Receiver<Alert>,
    stop: Arc<AtomicBool>,
    pub(crate) reload: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Counts, GuardError>>>,
    all: Vec<Alert>,
    _one: MutexGuard<'static, ()>,
}

/// What a test asks for beside the usual.
pub(crate) struct Setup {
    pub(crate) rules: Vec<RuleFile>,
    pub(crate) matching: Matching,
    pub(crate) containers: containers::Options,
    pub(crate) record: Option<PathBuf>,
    pub(crate) mode: Mode,
    pub(crate) policy: Policy,
}

impl Setup {
    /// These rules on the host alone.
    pub(crate) fn of(rules: Vec<RuleFile>) -> Setup {
        let containers = containers::Options {
            stores: Vec::new(),
            ..containers::Options::of_host(std::path::Path::new("/"))
        };
        Setup {
            rules,
            matching: Matching::First,
            containers,
            record: None,
            mode: Mode::Rehearsal,
            policy: Policy::default(),
        }
    }
}

pub(crate) fn judgement(rules: Vec<RuleFile>, matching: Matching) -> Judgement {
    Judgement { rules, matching, min_priority: Priority::Debug, policy: Policy::default() }
}

pub(crate) const OFFICIAL: &str = "/work/shared/data/falco-rules/falco_rules.yaml";

/// Falco's published rules; none, with a word, where they are not.
pub(crate) fn official() -> Option<RuleFile> {
    let path = PathBuf::from(OFFICIAL);
    if path.exists() {
        return Some(RuleFile::Path(path));
    }
    println!("skipped: {} is not there", path.display());
    None
}

impl Running {
    /// None, with a word, where the kernel cannot be watched.
    pub(crate) fn start(setup: Setup) -> Option<Running> {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (sender, alerts) = channel();
        let (said, heard) = channel();
        let (stop, reload) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (stop_of_guard, reload_of_guard) = (Arc::clone(&stop), Arc::clone(&reload));
        let thread = std::thread::spawn(move || {
            let options = Options {
                judgement: Judgement { policy: setup.policy, ..judgement(setup.rules, setup.matching) },
                proc_root: PathBuf::from("/proc"),
                hostname: "host".to_owned(),
                containers: setup.containers,
                reload: reload_of_guard,
                duration: None,
                with: Vec::new(),
                record: setup.record,
                kernel: "6".to_owned(),
                names: NameSource::Observed,
                mode: setup.mode,
            };
            let say = move |notice| {
                let _ = said.send(notice);
            };
            let mut guard = Guard::new(options, vec![Box::new(Channel(sender))], say)?;
            guard.run(&stop_of_guard)
        });
        let until_watching = || loop {
            match heard.recv_timeout(Duration::from_secs(60)) {
                Ok(Notice::Warnings(_)) => {}
                other => return other,
            }
        };
        match until_watching() {
            Ok(Notice::Watching { .. }) => {
                let running =
                    Running { alerts, stop, reload, thread: Some(thread), all: Vec::new(), _one: one };
                // The others are of no interest, but who speaks must be heard.
                std::thread::spawn(move || while heard.recv().is_ok() {});
                Some(running)
            }
            other => {
                stop.store(true, Ordering::Relaxed);
                let ended = thread.join().unwrap();
                println!("skipped: {other:?} {:?}", ended.err());
                None
            }
        }
    }

    /// The rules that spoke of something with this mark in it, after everything before was heard.
    pub(crate) fn rules_of(&mut self, mark: &str) -> BTreeSet<String> {
        self.of(mark).into_iter().map(|alert| alert.rule).collect()
    }

    /// The alerts with this mark, after everything before was heard.
    pub(crate) fn of(&mut self, mark: &str) -> Vec<Alert> {
        self.settle();
        self.all.iter().filter(|alert| alert.happened.output.contains(mark)).cloned().collect()
    }

    /// Does something that a rule of every test finds, and waits until it is told: the kernel tells in order.
    fn settle(&mut self) {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let mark = format!("settled-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        Command::new("grep").args(["BEGIN RSA PRIVATE", &mark]).stderr(Stdio::null()).status().unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        while !self.all.iter().any(|alert| alert.happened.output.contains(&mark)) {
            let left = end.saturating_duration_since(Instant::now());
            self.all.push(self.alerts.recv_timeout(left).unwrap());
        }
    }

    /// Ends the guard and returns what it counted, and all that it found.
    pub(crate) fn end_with_alerts(mut self) -> (Counts, Vec<Alert>) {
        self.stop.store(true, Ordering::Relaxed);
        let counts = self.thread.take().unwrap().join().unwrap().unwrap();
        self.all.extend(self.alerts.try_iter());
        (counts, self.all)
    }

    /// Ends the guard and returns what it counted.
    pub(crate) fn end(mut self) -> Counts {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap().unwrap()
    }
}
