//! What scans know of the images of containers, and whether what runs is what was shipped.
//!
//! Owns the join of an event with the reports of `seawall scan`: the executed file's package, what is wrong with it, and
//! the digest of the file as it is now. Refuses to scan, and to read anything in the thread that asks: files are digested
//! in threads of their own, and what could not be digested is unknown, never right or wrong.

mod digests;
mod report;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use seawall_event::{Container, Event, EventType, ImageFile, Mount, Process};
use seawall_finding::{Gap, GapKind};

use crate::limits::{ANCESTORS_ASKED, LOOK_EVERY, UNSCANNED_MAX};
use digests::{Answer, Digests, Executed, Job};
use report::ProgramFacts;
pub use report::{PackageRisk, Scans, ScansError};

/// The reports and the digests, for the thread that has the events.
pub(crate) struct Images {
    scans: Arc<Mutex<Arc<Scans>>>,
    digests: Digests,
    /// Containers whose image no report is of.
    unscanned: RefCell<HashSet<String>>,
}

/// Whether an event has all that can be known of its executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looked {
    /// It may go on.
    Done,
    /// Its executable is being digested. Ask again.
    Pending,
}

/// Whether rules ask for digests of executables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Digesting {
    Wanted,
    NotWanted,
}

impl Images {
    /// Begins with what the reports say now, and reads them again when they change.
    pub(crate) fn start(paths: Vec<PathBuf>, scans: Scans, proc_root: &Path, cgroup_root: &Path) -> Images {
        let scans = Arc::new(Mutex::new(Arc::new(scans)));
        let shared = Arc::downgrade(&scans);
        std::thread::spawn(move || follow(&paths, &shared));
        let digests = Digests::start(proc_root, cgroup_root);
        Images { scans, digests, unscanned: RefCell::default() }
    }

    /// Says what is known of the event's executable. An execution of a file that has to be digested waits for it; what
    /// the process does later does not.
    pub(crate) fn look(
        &self,
        event: &mut Event,
        digesting: Digesting,
        cgroup: impl FnOnce() -> Option<PathBuf>,
    ) -> Looked {
        let (Some(container), Some(process)) = (&event.container, &event.process) else {
            return Looked::Done;
        };
        let Some(facts) = self.scans().of(container) else {
            self.count_unscanned(container);
            return Looked::Done;
        };
        let Some(path) = process.exe_path.as_deref() else { return Looked::Done };
        let mounted = is_mounted(container, path);
        let Some(program) = facts.program(path) else {
            let is_known = facts.is_complete.then_some(false);
            event.image_file =
                Some(Arc::new(ImageFile { is_known, is_mounted: mounted, ..ImageFile::default() }));
            return Looked::Done;
        };
        let answer = match digesting {
            Digesting::Wanted => self.answer(event, process, path, program, cgroup),
            Digesting::NotWanted => Some(Answer::Unknown),
        };
        let file = program.file(answer.as_ref().and_then(|answer| program.matches(answer)));
        event.image_file = Some(match mounted {
            None => file,
            Some(_) => Arc::new(ImageFile { is_mounted: mounted, ..ImageFile::clone(&file) }),
        });
        if answer.is_none() { Looked::Pending } else { Looked::Done }
    }

    /// What the executed file is; none while it is looked at.
    fn answer(
        &self,
        event: &Event,
        process: &Process,
        path: &str,
        program: &ProgramFacts,
        cgroup: impl FnOnce() -> Option<PathBuf>,
    ) -> Option<Answer> {
        let file = process.exe_file.as_ref();
        let container = event.container.as_deref();
        let executed = || {
            Some(Executed {
                container: container?.full_id.clone().or_else(|| container?.id.clone())?,
                path: path.to_owned(),
                inode: u64::try_from(file?.inode?).ok()?,
                changed_ns: file?.changed_ns?,
                modified_ns: file?.modified_ns?,
                once: match file?.is_upper_layer {
                    Some(false) => None,
                    Some(true) | None => Some((process.pid?, process.start_ns.unwrap_or_default())),
                },
            })
        };
        let (Some(executed), Some(_)) = (executed(), &program.digest) else { return Some(Answer::Unknown) };
        let is_execution = event.kind == EventType::EXECVE;
        match self.digests.answer(&executed) {
            Some(answer) => answer,
            None if is_execution => {
                let numbers = std::iter::once(process).chain(process.ancestors());
                let numbers = numbers.filter_map(|process| u32::try_from(process.pid?).ok());
                let processes = numbers.take(ANCESTORS_ASKED).collect();
                let size_bytes = program.size_bytes;
                self.digests.ask(Job { executed, processes, cgroup: cgroup(), size_bytes, handle: None })
            }
            None => Some(Answer::Unknown),
        }
        .or((!is_execution).then_some(Answer::Unknown))
    }

    /// What could not be read or digested, since the start.
    pub(crate) fn gaps(&self) -> Vec<Gap> {
        let mut gaps = self.scans().gaps().to_vec();
        gaps.extend(self.digests.gaps());
        let unscanned = self.unscanned.borrow().len();
        if unscanned > 0 {
            let reason = format!("no report of a scan is of the image of {unscanned} containers");
            gaps.push(Gap::of_target(GapKind::NoData, reason));
        }
        gaps
    }

    fn count_unscanned(&self, container: &Container) {
        let mut unscanned = self.unscanned.borrow_mut();
        let id = container.id.as_deref().filter(|_| !container.is_host()).unwrap_or_default();
        if !id.is_empty() && unscanned.len() < UNSCANNED_MAX && !unscanned.contains(id) {
            unscanned.insert(id.to_owned());
        }
    }

    fn scans(&self) -> Arc<Scans> {
        Arc::clone(&self.scans.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether something is mounted at or above a path. Docker's own small files are not told as mounts.
fn is_mounted(container: &Container, path: &str) -> Option<bool> {
    let covers = |mount: &Mount| {
        let destination = mount.destination.trim_end_matches('/');
        path.strip_prefix(destination).is_some_and(|below| below.is_empty() || below.starts_with('/'))
    };
    container.mounts.as_ref().map(|mounts| mounts.iter().any(covers))
}

/// Reads the reports again when one of them changes, as long as somebody asks.
fn follow(paths: &[PathBuf], shared: &Weak<Mutex<Arc<Scans>>>) {
    let mut seen = report::look(paths);
    loop {
        std::thread::sleep(LOOK_EVERY);
        if shared.strong_count() == 0 {
            return;
        }
        let now = report::look(paths);
        if now == seen {
            continue;
        }
        seen = now;
        let read = Scans::read_again(paths);
        let Some(scans) = shared.upgrade() else { return };
        *scans.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(read);
    }
}
