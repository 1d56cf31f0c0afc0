//! What the guard counts, for whoever shows it while it runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use seawall_finding::Gap;

/// Numbers since the guard started.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    /// Events that came from the kernel, by the sensor's names.
    pub events: BTreeMap<&'static str, u64>,
    /// Events that the ring had no room for.
    pub lost: BTreeMap<&'static str, u64>,
    /// Findings by the rule's name.
    pub alerts: BTreeMap<String, u64>,
    /// Findings that policy denies.
    pub denied: u64,
    /// What the kernel has denied, by the rule's name.
    pub denials: BTreeMap<String, u64>,
    /// Denials of which no more than their number is known.
    pub denials_untold: u64,
    /// Events that a rule could have asked of.
    pub asked: u64,
    /// Events that wait for their container.
    pub waiting: usize,
    /// Events that went on without all of their container.
    pub without_context: u64,
    /// Processes that are known.
    pub processes: usize,
    /// Containers that run, of those in which something happened.
    pub containers: usize,
    /// Rules at work.
    pub rules: usize,
    /// Types of events that they ask for.
    pub event_types: usize,
    /// Which set of rules, to tell one from another.
    pub rules_digest: u64,
    /// How often rules were exchanged.
    pub reloads: u64,
    /// How often new rules were refused.
    pub reloads_refused: u64,
    /// What of an audit log or of the requests to its webhook was not asked of, by the reason.
    pub audit_lost: BTreeMap<&'static str, u64>,
    /// What is not or was not seen.
    pub gaps: Vec<Gap>,
    /// When the loop last turned.
    pub turned: Option<Instant>,
}

impl Counts {
    /// All events.
    pub fn events_total(&self) -> u64 {
        self.events.values().sum()
    }

    /// All lost events.
    pub fn lost_total(&self) -> u64 {
        self.lost.values().sum()
    }

    /// All findings.
    pub fn alerts_total(&self) -> u64 {
        self.alerts.values().sum()
    }
}

/// The counts as they were after the last batch, for other threads.
#[derive(Debug, Clone, Default)]
pub struct Status(Arc<Mutex<Counts>>);

impl Status {
    /// A copy.
    pub fn counts(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, counts: Counts) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }
}
