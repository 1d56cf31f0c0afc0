//! Keeps evidence: what the processes are, what they run and hold, the file that it is about, what happened just before.
//!
//! What is read belongs to hostile processes. Whoever serves a file system or a page of memory can let a reader wait for
//! ever, so evidence is collected in a thread that is given up when its time is over; no name or link of a container
//! is followed outside of it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::fs::{Mode as FileMode, OFlags, ResolveFlags, openat2};
use seawall_finding::{FieldValue, Fingerprint};
use seawall_policy::Judged;
use serde::Serialize;

use super::Doing;
use crate::bundle::{Bundle, remove_part};
use crate::limits::{
    BUNDLE_PROCESSES_MAX, CAPTURE_WAIT, DESCRIPTORS_MAX, EVIDENCE_BYTES_MAX, EVIDENCE_FILE_BYTES_MAX,
    PROC_FILE_BYTES_MAX,
};
use crate::machine::Located;
use crate::proc::{Proc, numbers};
use crate::receipt::{Kept, Outcome, Receipt, Undo};
use crate::recent::Recent;

/// Threads that collect, those that were given up counted: each may hold a descriptor of a file system that hangs.
const COLLECTORS_MAX: usize = 4;

/// What `/proc` tells of a process, a file each.
const PROCESS_FILES: [&str; 9] =
    ["status", "cmdline", "cgroup", "limits", "mountinfo", "stat", "io", "maps", "environ"];
const NETWORK_FILES: [&str; 6] = ["tcp", "tcp6", "udp", "udp6", "unix", "raw"];

/// Counts the collecting threads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Captures {
    running: Arc<AtomicUsize>,
}

/// What a bundle holds beside what the machine tells.
pub(crate) struct Surroundings<'s> {
    pub(crate) judged: &'s Judged,
    pub(crate) recent: &'s Recent,
    /// The directory of bundles.
    pub(crate) evidence: &'s Path,
}

/// What a bundle is about; the head of its list.
#[derive(Debug, Serialize)]
struct About {
    schema: &'static str,
    receipt: String,
    time: Timestamp,
    finding: Fingerprint,
    rule: String,
    collected_by: &'static str,
}

/// Everything that a collecting thread needs.
struct Collector {
    proc: Proc,
    whole: PathBuf,
    about: About,
    finding: Vec<u8>,
    recent: (String, u64),
    inspected: Option<Result<Vec<u8>, String>>,
    /// The process that it is about first.
    processes: Vec<u32>,
    actor: Option<u32>,
    /// The file that it is about, as its process names it.
    file: Option<String>,
    ends: Instant,
}

impl Captures {
    /// Keeps the evidence of a receipt.
    pub(crate) fn capture(
        &self,
        doing: &Doing<'_>,
        receipt: &mut Receipt,
        located: Option<&Located>,
        surroundings: &Surroundings<'_>,
    ) {
        receipt.undo = Undo::Needless;
        receipt.how_to_undo = "remove the bundle".to_owned();
        let whole = surroundings.evidence.join(format!("{}.tar.zst", receipt.id));
        if doing.is_rehearsal() {
            receipt.outcome = Outcome::Rehearsed;
            return receipt.steps.push(format!("would collect evidence in {}", whole.display()));
        }
        if let Err(reason) = has_room(surroundings.evidence) {
            return receipt.fail(reason);
        }
        let running = Arc::clone(&self.running);
        if running.fetch_add(1, Ordering::Relaxed) >= COLLECTORS_MAX {
            running.fetch_sub(1, Ordering::Relaxed);
            return receipt
                .fail("too much evidence is being collected, or hangs at a file system that hangs");
        }
        let collector = collector(doing, receipt, located, surroundings, whole.clone());
        let (sender, outcome) = mpsc::channel();
        let spawned = std::thread::Builder::new().name("evidence".to_owned()).spawn(move || {
            // Nobody may wait any more.
            let _ = sender.send(collector.collect());
            running.fetch_sub(1, Ordering::Relaxed);
        });
        if let Err(error) = spawned {
            self.running.fetch_sub(1, Ordering::Relaxed);
            return receipt.fail(format!("cannot start a thread: {error}"));
        }
        match outcome.recv_timeout(CAPTURE_WAIT + Duration::from_secs(1)) {
            Ok(Ok(kept)) => {
                receipt.outcome = Outcome::Done;
                receipt.steps.push(format!("collected evidence in {}", kept.path.display()));
                receipt.evidence = Some(kept);
            }
            Ok(Err(error)) => {
                remove_part(&whole);
                receipt.fail(format!("cannot write {}: {error}", whole.display()));
            }
            Err(_) => {
                let seconds = CAPTURE_WAIT.as_secs();
                receipt.fail(format!(
                    "it took more than {seconds} s: a process or its file system lets readers wait"
                ));
            }
        }
    }
}

fn has_room(evidence: &Path) -> Result<(), String> {
    let cannot = |error: io::Error| format!("cannot use {}: {error}", evidence.display());
    crate::receipt::private_directory(evidence).map_err(cannot)?;
    let entries = fs::read_dir(evidence).map_err(cannot)?;
    let bytes: u64 = entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum();
    if bytes > EVIDENCE_BYTES_MAX {
        return Err(format!("{} holds {bytes} bytes, more than {EVIDENCE_BYTES_MAX}", evidence.display()));
    }
    Ok(())
}

fn collector(
    doing: &Doing<'_>,
    receipt: &Receipt,
    located: Option<&Located>,
    surroundings: &Surroundings<'_>,
    whole: PathBuf,
) -> Collector {
    let proc = doing.machine.proc.clone();
    let judged = surroundings.judged;
    let happened = judged.finding.evidence.happened();
    let process = receipt.target.process.as_ref();
    // Another process that has the number by now is no evidence.
    let is_same = |pid: u32| {
        let stat = proc.stat(pid).ok()?;
        proc.is_same(&stat, process?)
    };
    let actor = process.map(|process| process.pid).filter(|pid| is_same(*pid) == Some(true));
    let mut processes: Vec<u32> = actor.map(|pid| proc.ancestry(pid)).unwrap_or_default();
    for pid in located.map(|located| doing.machine.processes_of(&located.identity.id)).unwrap_or_default() {
        if !processes.contains(&pid) {
            processes.push(pid);
        }
    }
    let had = located.and_then(|located| located.had.as_ref());
    let inspect = |had: &crate::engines::Had| {
        had.control.inspect(&had.container.id).map_err(|error| crate::engines::told(&error))
    };
    let file = happened.and_then(|happened| match happened.fields.get("fd.name") {
        Some(FieldValue::Text(path)) if path.starts_with('/') => Some(path.clone()),
        Some(FieldValue::Text(_) | FieldValue::Null | FieldValue::Bool(_) | FieldValue::Number(_)) | None => {
            None
        }
    });
    Collector {
        whole,
        about: About {
            schema: "https://seawall.dev/schema/evidence.v1.json",
            receipt: receipt.id.to_string(),
            time: receipt.time,
            finding: receipt.finding.clone(),
            rule: receipt.rule.clone(),
            collected_by: concat!("seawall ", env!("CARGO_PKG_VERSION")),
        },
        finding: serde_json::to_vec_pretty(judged).unwrap_or_default(),
        recent: surroundings.recent.lines(),
        inspected: had.map(inspect),
        processes,
        actor,
        file,
        ends: Instant::now() + CAPTURE_WAIT,
        proc,
    }
}

impl Collector {
    fn collect(mut self) -> io::Result<Kept> {
        let seconds = u64::try_from(self.about.time.as_second()).unwrap_or(0);
        let mut bundle = Bundle::begin(std::mem::take(&mut self.whole), seconds)?;
        bundle.add("finding.json", "the judged finding", &self.finding)?;
        let (recent, before) = &self.recent;
        bundle.add("events.jsonl", "the events before it, the oldest first", recent.as_bytes())?;
        if *before > 0 {
            bundle.lacks(format!("events.jsonl: {before} events before its first"));
        }
        match &self.inspected {
            Some(Ok(answer)) => bundle.add("container.json", "the engine", answer)?,
            Some(Err(error)) => bundle.lacks(format!("container.json: {error}")),
            None => bundle.lacks("container.json: no engine was found that has it"),
        }
        bundle.add("processes.txt", "/proc", self.tree().as_bytes())?;
        let too_many = self.processes.len().saturating_sub(BUNDLE_PROCESSES_MAX);
        if too_many > 0 {
            bundle.lacks(format!("processes: {too_many} of {}", self.processes.len()));
        }
        let mut networks = Vec::new();
        for pid in self.processes.iter().take(BUNDLE_PROCESSES_MAX) {
            if Instant::now() > self.ends {
                bundle.lacks(format!("process {pid} and what follows: time was over"));
                break;
            }
            self.process(&mut bundle, *pid, &mut networks)?;
        }
        self.file(&mut bundle)?;
        bundle.finish(&self.about)
    }

    /// A line for each process: its number, its parent's, its name, its executable.
    fn tree(&self) -> String {
        let line = |pid: &u32| {
            let stat = self.proc.stat(*pid).ok()?;
            let program = self.proc.program(*pid).unwrap_or_default();
            let (name, program) =
                (crate::receipt::sanitised(&stat.name), program.to_string_lossy().into_owned());
            let mark = if Some(*pid) == self.actor { "*" } else { " " };
            let program = crate::receipt::sanitised(&program);
            Some(format!("{mark} {pid:>8} parent {:>8} {name} {program}\n", stat.parent))
        };
        self.processes.iter().filter_map(line).collect()
    }

    fn process(&self, bundle: &mut Bundle, pid: u32, networks: &mut Vec<u64>) -> io::Result<()> {
        for name in PROCESS_FILES {
            self.proc_file(bundle, pid, name, name)?;
        }
        let open = self.open_files(pid);
        bundle.add(&format!("processes/{pid}/fd.txt"), &self.from(pid, "fd"), open.as_bytes())?;
        let network = self.proc.namespace(pid, "net").ok();
        if let Some(network) = network.filter(|network| !networks.contains(network)) {
            networks.push(network);
            for name in NETWORK_FILES {
                self.proc_file(bundle, pid, &format!("net/{name}"), &format!("net_{name}"))?;
            }
        }
        self.program(bundle, pid)
    }

    fn from(&self, pid: u32, name: &str) -> String {
        self.proc.path(pid, name).display().to_string()
    }

    fn proc_file(&self, bundle: &mut Bundle, pid: u32, name: &str, kept_as: &str) -> io::Result<()> {
        let kept_as = format!("processes/{pid}/{kept_as}");
        let mut content = Vec::new();
        let read = File::open(self.proc.path(pid, name))
            .and_then(|file| file.take(PROC_FILE_BYTES_MAX + 1).read_to_end(&mut content));
        if content.len() as u64 > PROC_FILE_BYTES_MAX {
            content.truncate(usize::try_from(PROC_FILE_BYTES_MAX).unwrap_or(usize::MAX));
            bundle.lacks(format!("{kept_as}: what is behind {PROC_FILE_BYTES_MAX} bytes"));
        }
        match read {
            Ok(_) => bundle.add(&kept_as, &self.from(pid, name), &content),
            Err(error) => {
                bundle.lacks(format!("{kept_as}: {error}"));
                Ok(())
            }
        }
    }

    /// What the descriptors of a process are.
    fn open_files(&self, pid: u32) -> String {
        let directory = self.proc.path(pid, "fd");
        let line = |number: u32| {
            let target = fs::read_link(directory.join(number.to_string())).ok()?;
            Some(format!("{number} {}\n", crate::receipt::sanitised(&target.to_string_lossy())))
        };
        numbers(&directory).into_iter().take(DESCRIPTORS_MAX).filter_map(line).collect()
    }

    /// The executable of the process that it is about, and such as no file system has any more.
    fn program(&self, bundle: &mut Bundle, pid: u32) -> io::Result<()> {
        let Some(path) = self.proc.program(pid) else { return Ok(()) };
        let path = path.to_string_lossy();
        let is_nowhere = path.ends_with(" (deleted)") || path.starts_with("/memfd:");
        if Some(pid) != self.actor && !is_nowhere {
            return Ok(());
        }
        let name = format!("processes/{pid}/exe");
        match File::open(self.proc.path(pid, "exe")) {
            Ok(file) => self.regular(bundle, &name, &path, file),
            Err(error) => {
                bundle.lacks(format!("{name}: {error}"));
                Ok(())
            }
        }
    }

    /// The file that it is about, looked up inside the process's own root.
    fn file(&self, bundle: &mut Bundle) -> io::Result<()> {
        let (Some(pid), Some(path)) = (self.actor, &self.file) else { return Ok(()) };
        let opened = File::open(self.proc.path(pid, "root")).and_then(|root| {
            // To open a device may already do something: first it is only named.
            let flags = OFlags::PATH | OFlags::CLOEXEC;
            let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
            let named = openat2(root, path.trim_start_matches('/'), flags, FileMode::empty(), resolve)?;
            let named = File::from(named);
            if !named.metadata()?.is_file() {
                return Err(io::Error::other("no regular file"));
            }
            File::open(format!("/proc/self/fd/{}", named.as_raw_fd()))
        });
        match opened {
            Ok(file) => self.regular(bundle, "file", path, file),
            Err(error) => {
                bundle.lacks(format!("file: {}: {error}", crate::receipt::sanitised(path)));
                Ok(())
            }
        }
    }

    fn regular(&self, bundle: &mut Bundle, name: &str, from: &str, mut file: File) -> io::Result<()> {
        let reason = match file.metadata() {
            Ok(metadata) if metadata.len() <= EVIDENCE_FILE_BYTES_MAX => {
                return bundle.stream(name, from, metadata.len(), &mut file);
            }
            Ok(metadata) => format!("{} bytes are too many", metadata.len()),
            Err(error) => error.to_string(),
        };
        bundle.lacks(format!("{name}: {}: {reason}", crate::receipt::sanitised(from)));
        Ok(())
    }
}
