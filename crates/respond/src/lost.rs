//! What was not done or not told, counted; it becomes gaps.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use seawall_finding::{Gap, GapKind};

use crate::receipt::ReceiptError;

/// Counts since the start.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    /// Findings for which the queue had no room.
    pub(crate) overflow: AtomicU64,
    /// Refusals without a receipt.
    pub(crate) refusals: AtomicU64,
    /// Times that the watchdog had ended.
    pub(crate) watchdogs: AtomicU64,
    /// Responses that should have ended and did not.
    pub(crate) unreleased: AtomicU64,
    unwritten: AtomicU64,
    /// Why the last receipt was not written.
    why_unwritten: Mutex<String>,
}

impl Lost {
    /// A receipt was not written.
    pub(crate) fn unwritten(&self, error: &ReceiptError) {
        self.unwritten.fetch_add(1, Ordering::Relaxed);
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        *self.why_unwritten.lock().unwrap_or_else(PoisonError::into_inner) = format!("{error}{cause}");
    }

    pub(crate) fn gaps(&self) -> Vec<Gap> {
        let why = self.why_unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        let unwritten = format!("receipts could not be written, and what had none was not done ({why})");
        let counts = [
            (
                &self.overflow,
                GapKind::Limit,
                "findings were not answered: too many waited for their responses",
            ),
            (&self.refusals, GapKind::Limit, "refused responses have no receipt: there were too many"),
            (&self.unwritten, GapKind::Unreadable, unwritten.as_str()),
            (
                &self.watchdogs,
                GapKind::Unreadable,
                "times what releases responses had ended and was started again",
            ),
            (
                &self.unreleased,
                GapKind::Unreadable,
                "responses could not be released; their receipts say why",
            ),
        ];
        let counted =
            counts.into_iter().map(|(count, kind, what)| (count.load(Ordering::Relaxed), kind, what));
        counted
            .filter(|(count, ..)| *count > 0)
            .map(|(count, kind, what)| Gap::of_target(kind, format!("{count} {what}")))
            .collect()
    }
}
