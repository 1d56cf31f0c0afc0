//! What an output did so far, for metrics, health and the gaps of a run.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What an output did so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutputStatus {
    /// Its name in the configuration.
    pub name: String,
    /// `file`, `syslog`, `unix`, `program`, `http`, `statsd`.
    pub kind: &'static str,
    /// Findings that wait in memory.
    pub queued: u64,
    /// Bytes that wait on disk.
    pub spooled_bytes: u64,
    /// Findings that were delivered.
    pub sent: u64,
    /// Attempts that failed and are repeated.
    pub failed: u64,
    /// Findings that were dropped because there was no room for them.
    pub dropped: u64,
    /// Findings that the other side will never take: too large, malformed for it.
    pub refused: u64,
    /// Findings that were folded into another.
    pub folded: u64,
    /// Records on disk that were damaged.
    pub damaged: u64,
    /// Why the last attempt failed; `None` when it did not. Secrets are taken out.
    pub problem: Option<String>,
    /// How long ago it last dropped or refused a finding.
    pub lost_ago: Option<Duration>,
}

/// The counters of one output, shared by its threads.
#[derive(Debug)]
pub(crate) struct Counters {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    status: OutputStatus,
    lost_at: Option<Instant>,
    /// Why the last one was refused; what is delivered after it does not mend it.
    refusal: Option<String>,
    /// What [`Counters::news`] told of already.
    told: Lost,
}

/// What was lost in which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Lost {
    pub(crate) dropped: u64,
    pub(crate) refused: u64,
    pub(crate) damaged: u64,
}

impl Counters {
    pub(crate) fn new(name: &str, kind: &'static str) -> Counters {
        let status = OutputStatus { name: name.to_owned(), kind, ..OutputStatus::default() };
        Counters { state: Mutex::new(State { status, ..State::default() }) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A counter is right whoever panicked with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn sent(&self, count: usize) {
        let mut state = self.lock();
        state.status.sent += count as u64;
        if count > 0 {
            state.status.problem = None;
        }
    }

    pub(crate) fn failed(&self, reason: String) {
        let mut state = self.lock();
        state.status.failed += 1;
        state.status.problem = Some(reason);
    }

    pub(crate) fn dropped(&self, count: usize) {
        self.lose(|status| status.dropped += count as u64);
    }

    pub(crate) fn refused(&self, count: usize, reason: String) {
        self.lose(|status| status.refused += count as u64);
        let mut state = self.lock();
        state.status.problem = Some(reason.clone());
        state.refusal = Some(reason);
    }

    /// Why the last finding was refused.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.lock().refusal.clone()
    }

    pub(crate) fn damaged(&self, count: u64) {
        if count > 0 {
            self.lose(|status| status.damaged += count);
        }
    }

    fn lose(&self, change: impl FnOnce(&mut OutputStatus)) {
        let mut state = self.lock();
        change(&mut state.status);
        state.lost_at = Some(Instant::now());
    }

    /// What it did so far, but for what waits.
    pub(crate) fn status(&self) -> OutputStatus {
        let state = self.lock();
        let lost_ago = state.lost_at.map(|at| at.elapsed());
        OutputStatus { lost_ago, ..state.status.clone() }
    }

    /// What was lost since the last call.
    pub(crate) fn news(&self) -> Lost {
        let mut state = self.lock();
        let status = &state.status;
        let now = Lost { dropped: status.dropped, refused: status.refused, damaged: status.damaged };
        let told = std::mem::replace(&mut state.told, now);
        Lost {
            dropped: now.dropped - told.dropped,
            refused: now.refused - told.refused,
            damaged: now.damaged - told.damaged,
        }
    }
}
