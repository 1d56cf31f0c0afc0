//! The threads that read the engines' state: one for what the system's engines have made, one for what users and
//! containers may have made up. Those can make thousands of names, and let their own file systems hang.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use seawall_finding::GapKind;

use super::engines::Engines;
use super::files::Unread;
use super::limits::{LOOK_TIME_MAX, QUEUE_MAX, RETRY_AFTER, SECOND_LOOK_AFTER};
use super::slot::{Slot, Source};
use super::store::{Lacks, Stores};
use super::{Options, Shared, lock};

/// The way to the threads.
#[derive(Debug)]
pub(super) struct Search {
    system: SyncSender<Arc<Slot>>,
    unsure: SyncSender<Arc<Slot>>,
}

impl Search {
    pub(super) fn start(options: &Options, shared: &Arc<Shared>) -> Search {
        let engines = Arc::new(Engines::start(&options.engines, shared));
        let start = || {
            let (asked, questions) = sync_channel(QUEUE_MAX);
            let stores = Stores::new(&options.root, options.stores.clone());
            let reader = Reader {
                stores,
                engines: Arc::clone(&engines),
                shared: Arc::clone(shared),
                jobs: Vec::new(),
            };
            std::thread::spawn(move || reader.run(&questions));
            asked
        };
        Search { system: start(), unsure: start() }
    }

    /// Looks for it.
    pub(super) fn ask(&self, slot: &Arc<Slot>, shared: &Shared) {
        let thread = if slot.is_unsure() { &self.unsure } else { &self.system };
        if thread.try_send(Arc::clone(slot)).is_err() {
            slot.give_up();
            let reason = format!("a container, for {QUEUE_MAX} others are looked for already");
            shared.gap(GapKind::Limit, reason);
        }
    }
}

/// One container that is looked for.
struct Job {
    slot: Arc<Slot>,
    next: Instant,
    pause: Duration,
    turn: Turn,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    First,
    /// What was not there or half written, again.
    Retry,
    /// What an engine writes after the start.
    Late,
}

struct Reader {
    stores: Stores,
    engines: Arc<Engines>,
    shared: Arc<Shared>,
    jobs: Vec<Job>,
}

impl Reader {
    fn run(mut self, questions: &Receiver<Arc<Slot>>) {
        loop {
            let now = Instant::now();
            let is_full = self.jobs.len() >= QUEUE_MAX;
            let wait = self.jobs.iter().map(|job| job.next.saturating_duration_since(now)).min();
            let asked = match wait {
                Some(wait) if is_full => {
                    std::thread::sleep(wait);
                    Err(RecvTimeoutError::Timeout)
                }
                Some(wait) => questions.recv_timeout(wait),
                None => questions.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match asked {
                Ok(slot) => self.look(Job { slot, next: now, pause: RETRY_AFTER, turn: Turn::First }),
                Err(RecvTimeoutError::Timeout) => self.look_again(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look_again(&mut self) {
        let now = Instant::now();
        for job in self.jobs.extract_if(.., |job| job.next <= now).collect::<Vec<_>>() {
            self.look(job);
        }
    }

    fn look(&mut self, job: Job) {
        for store in lock(&self.shared.discovered).iter() {
            self.stores.add(store);
        }
        match self.stores.look(&job.slot.path, &job.slot.claims) {
            Ok(found) => {
                let waits_for_address =
                    found.container.ip.is_none() && found.container.host_network != Some(true);
                job.slot.fill(found.container, Source::Disk, found.lacks != Lacks::Image);
                if job.turn == Turn::Late {
                    return;
                }
                if found.lacks != Lacks::Nothing {
                    self.engines.ask(&job.slot);
                }
                if waits_for_address {
                    self.later(Job { next: Instant::now() + SECOND_LOOK_AFTER, turn: Turn::Late, ..job });
                }
            }
            Err(unread) => self.not_yet(job, &unread),
        }
    }

    fn not_yet(&mut self, job: Job, unread: &Unread) {
        if job.turn == Turn::First {
            self.engines.ask(&job.slot);
        }
        if job.turn == Turn::Late {
            return;
        }
        if job.slot.is_found() {
            return;
        }
        if !job.slot.is_late() {
            let pause = (2 * job.pause).min(LOOK_TIME_MAX / 8);
            self.later(Job { next: Instant::now() + job.pause, pause, turn: Turn::Retry, ..job });
        } else {
            let kind = match unread {
                Unread::Absent => return,
                Unread::Malformed(_) => GapKind::Malformed,
                Unread::Refused(_) => GapKind::Unreadable,
                Unread::TooLarge(_) => GapKind::Limit,
            };
            self.shared.gap(kind, format!("the engine's state of a container: {unread}"));
        }
    }

    fn later(&mut self, job: Job) {
        self.jobs.push(job);
    }
}
