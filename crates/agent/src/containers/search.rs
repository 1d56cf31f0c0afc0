//! The threads that read the engines' state: one for what the system's engines have made, one for what users and
//! containers may have made up. Those can make thousands of names, and let their own file systems hang.

use std::collections::BTreeMap;
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
            let (engines, shared) = (Arc::clone(&engines), Arc::clone(shared));
            let reader = Reader { stores, engines, shared, jobs: BTreeMap::new(), jobs_made: 0 };
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
    /// What is looked for again, by time; the number keeps those of one time apart.
    jobs: BTreeMap<(Instant, u64), Job>,
    jobs_made: u64,
}

impl Reader {
    fn run(mut self, questions: &Receiver<Arc<Slot>>) {
        loop {
            let next = self.jobs.first_key_value().map(|((time, _), _)| *time);
            let wait = next.map(|time| time.saturating_duration_since(Instant::now()));
            let asked = match wait {
                // What waits in the queue is not lost: it is this thread's bounded memory that is full.
                Some(wait) if self.jobs.len() >= QUEUE_MAX => {
                    std::thread::sleep(wait);
                    Err(RecvTimeoutError::Timeout)
                }
                Some(wait) => questions.recv_timeout(wait),
                None => questions.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match asked {
                Ok(slot) => self.look(Job { slot, pause: RETRY_AFTER, turn: Turn::First }),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            while let Some(entry) = self.jobs.first_entry()
                && entry.key().0 <= now
            {
                let job = entry.remove();
                self.look(job);
            }
        }
    }

    fn later(&mut self, after: Duration, job: Job) {
        self.jobs_made += 1;
        self.jobs.insert((Instant::now() + after, self.jobs_made), job);
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
                    self.later(SECOND_LOOK_AFTER, Job { turn: Turn::Late, ..job });
                }
            }
            Err(unread) => self.not_yet(job, &unread),
        }
    }

    fn not_yet(&mut self, job: Job, unread: &Unread) {
        match job.turn {
            Turn::First => self.engines.ask(&job.slot),
            Turn::Retry => {}
            Turn::Late => return,
        }
        if job.slot.is_found() {
            return;
        }
        if !job.slot.is_late() {
            let pause = (2 * job.pause).min(LOOK_TIME_MAX / 8);
            self.later(job.pause, Job { pause, turn: Turn::Retry, ..job });
            return;
        }
        let kind = match unread {
            Unread::Absent => return,
            Unread::Malformed(_) => GapKind::Malformed,
            Unread::Refused(_) => GapKind::Unreadable,
            Unread::TooLarge(_) => GapKind::Limit,
        };
        self.shared.gap(kind, format!("the engine's state of a container: {unread}"));
    }
}
