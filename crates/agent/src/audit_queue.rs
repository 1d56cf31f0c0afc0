//! What the API server's audit webhook was sent and the rules were not asked of yet.
//!
//! Owns which batch is accepted: one that is here is asked of, also when the guard ends. Refuses to hold more than a
//! bounded number of bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seawall_event::{AuditError, AuditEvent};
use seawall_finding::{Gap, GapKind};

use crate::limits::{AUDIT_BATCHES_WAITING_MAX, AUDIT_BYTES_WAITING_MAX};

/// A queue of batches between those who receive them and the rules.
#[derive(Debug, Clone, Default)]
pub struct AuditQueue(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    is_more: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Whether the rules are at work.
    is_open: bool,
    batches: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Requests that are no batches, batches for which there was no room, and requests that did not get here.
    malformed: Lost,
    full: Lost,
    refused: Lost,
}

/// How often something was not taken, and what the first was.
#[derive(Debug, Default)]
struct Lost {
    times: u64,
    first: String,
    is_told: bool,
}

impl Lost {
    fn count(&mut self, reason: impl FnOnce() -> String) {
        if self.times == 0 {
            self.first = reason();
        }
        self.times += 1;
    }

    fn gap(&self, kind: GapKind, what: &str) -> Option<Gap> {
        let Lost { times, first, .. } = self;
        (*times > 0).then(|| Gap::of_target(kind, format!("{times} {what}; the first: {first}")))
    }
}

/// Why a batch is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TurnedAway {
    /// It is none; sending it again changes nothing.
    #[error("it is no batch of audit events: {0}")]
    Malformed(#[source] AuditError),
    /// Too much waits.
    #[error("the rules are behind; send it again")]
    Full,
    /// The rules are not at work yet, or not any more.
    #[error("the guard begins or ends; send it again")]
    Closed,
}

impl AuditQueue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the body of a request: an `EventList`.
    ///
    /// # Errors
    /// Nothing of it was taken.
    pub fn offer(&self, body: &[u8]) -> Result<(), TurnedAway> {
        if let Err(error) = AuditEvent::each_of_webhook(body, |_| {}) {
            self.state().malformed.count(|| error.told());
            return Err(TurnedAway::Malformed(error));
        }
        let mut state = self.state();
        if !state.is_open {
            return Err(TurnedAway::Closed);
        }
        let is_room = state.bytes + body.len() <= AUDIT_BYTES_WAITING_MAX;
        if !is_room || state.batches.len() >= AUDIT_BATCHES_WAITING_MAX {
            let State { bytes, batches, full, .. } = &mut *state;
            full.count(|| format!("{} batches of {bytes} bytes waited", batches.len()));
            return Err(TurnedAway::Full);
        }
        state.bytes += body.len();
        state.batches.push_back(body.to_vec());
        self.0.is_more.notify_one();
        Ok(())
    }

    pub(crate) fn open(&self) {
        self.state().is_open = true;
    }

    /// From now on nothing is accepted.
    pub(crate) fn close(&self) {
        self.state().is_open = false;
    }

    /// The next batch, if one is there within this time.
    pub(crate) fn next(&self, patience: Duration) -> Option<Vec<u8>> {
        let is_empty = |state: &mut State| state.batches.is_empty();
        let waited = self.0.is_more.wait_timeout_while(self.state(), patience, is_empty);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let batch = state.batches.pop_front()?;
        state.bytes -= batch.len();
        Some(batch)
    }

    /// Counts a request that whoever listens refused before all of it was there: a batch may have been lost.
    pub fn refused(&self, status: u16, reason: &str) {
        self.state().refused.count(|| format!("{status}, {reason}"));
    }

    pub(crate) fn gaps(&self) -> Vec<Gap> {
        self.state().gaps().into_iter().flatten().collect()
    }

    /// How often, by the reason.
    pub(crate) fn lost(&self) -> [(&'static str, u64); 3] {
        let State { malformed, full, refused, .. } = &*self.state();
        [("no_batch", malformed.times), ("no_room", full.times), ("request_refused", refused.times)]
    }

    /// The first of each kind.
    pub(crate) fn untold_gaps(&self) -> Vec<Gap> {
        let mut state = self.state();
        let gaps = state.gaps();
        let State { malformed, full, refused, .. } = &mut *state;
        let is_new = |(gap, lost): (Option<Gap>, &mut Lost)| {
            let gap = gap.filter(|_| !lost.is_told)?;
            lost.is_told = true;
            Some(gap)
        };
        gaps.into_iter().zip([malformed, full, refused]).filter_map(is_new).collect()
    }
}

impl State {
    fn gaps(&self) -> [Option<Gap>; 3] {
        let full = "times the rules were behind and the API server was told to send a batch again; it gives up after some \
                    tries";
        [
            self.malformed.gap(GapKind::Malformed, "requests to the audit webhook were no batches of events"),
            self.full.gap(GapKind::Limit, full),
            self.refused
                .gap(GapKind::Limit, "requests to the audit webhook were refused before they were read"),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_accepted_is_handed_over_once_and_the_rest_is_told() {
        let queue = AuditQueue::default();
        let list = |number: usize| format!(r#"{{"kind":"EventList","items":[{number}]}}"#).into_bytes();
        assert!(matches!(queue.offer(&list(0)), Err(TurnedAway::Closed)));
        queue.open();
        assert!(matches!(queue.offer(b"{}"), Err(TurnedAway::Malformed(AuditError::NoEvent))));
        for number in 0..AUDIT_BATCHES_WAITING_MAX {
            queue.offer(&list(number)).unwrap();
        }
        assert!(matches!(queue.offer(&list(0)), Err(TurnedAway::Full)));
        assert_eq!(queue.next(Duration::ZERO), Some(list(0)));
        queue.offer(&list(7)).unwrap();
        queue.close();
        assert!(matches!(queue.offer(&list(0)), Err(TurnedAway::Closed)));
        let rest: Vec<Vec<u8>> = std::iter::from_fn(|| queue.next(Duration::ZERO)).collect();
        assert_eq!(rest.len(), AUDIT_BATCHES_WAITING_MAX);
        assert_eq!(rest.last(), Some(&list(7)));
        queue.refused(413, "the request is too large");
        queue.refused(503, "no room");
        let reasons: Vec<String> = queue.gaps().into_iter().map(|gap| gap.reason).collect();
        let [malformed, full, refused] = reasons.as_slice() else { panic!("{reasons:?}") };
        assert!(malformed.starts_with("1 requests to the audit webhook were no batches"), "{malformed}");
        assert!(full.starts_with("1 times the rules were behind"), "{full}");
        assert!(
            refused.ends_with("refused before they were read; the first: 413, the request is too large"),
            "{refused}"
        );
        assert!(refused.starts_with("2 "), "{refused}");
        // The first of each is told once, and what is new later as well.
        assert_eq!(queue.untold_gaps().len(), 3);
        queue.refused(413, "the request is too large");
        assert!(queue.untold_gaps().is_empty());
    }

    #[test]
    fn bytes_that_wait_have_a_limit() {
        let queue = AuditQueue::default();
        queue.open();
        let large = |bytes: usize| {
            let list = br#"{"kind":"EventList","items":[]}"#.to_vec();
            [list, vec![b' '; bytes]].concat()
        };
        for _ in 0..4 {
            queue.offer(&large(15 * 1024 * 1024)).unwrap();
        }
        assert!(matches!(queue.offer(&large(5 * 1024 * 1024)), Err(TurnedAway::Full)));
        queue.next(Duration::ZERO).unwrap();
        queue.offer(&large(5 * 1024 * 1024)).unwrap();
    }
}
