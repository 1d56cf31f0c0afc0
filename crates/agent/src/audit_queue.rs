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
    /// Batches that are none, and those for which there was no room.
    malformed: u64,
    turned_away: u64,
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
            self.state().malformed += 1;
            return Err(TurnedAway::Malformed(error));
        }
        let mut state = self.state();
        if !state.is_open {
            return Err(TurnedAway::Closed);
        }
        let is_room = state.bytes + body.len() <= AUDIT_BYTES_WAITING_MAX;
        if !is_room || state.batches.len() >= AUDIT_BATCHES_WAITING_MAX {
            state.turned_away += 1;
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

    pub(crate) fn gaps(&self) -> Vec<Gap> {
        let State { malformed, turned_away, .. } = *self.state();
        let malformed = (malformed > 0).then(|| {
            let reason = format!("{malformed} requests to the audit webhook were no batches of events");
            Gap::of_target(GapKind::Malformed, reason)
        });
        let turned_away = (turned_away > 0).then(|| {
            let reason = format!(
                "{turned_away} times the rules were behind and the API server was told to send a batch again; it gives up \
                 after some tries"
            );
            Gap::of_target(GapKind::Limit, reason)
        });
        malformed.into_iter().chain(turned_away).collect()
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
        let reasons: Vec<String> = queue.gaps().into_iter().map(|gap| gap.reason).collect();
        assert_eq!(reasons.len(), 2, "{reasons:?}");
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
