//! The threads of one output: one that keeps findings on disk, where there is a spool, and one that delivers them.

use std::sync::Arc;
use std::time::Duration;

use crate::Delivery;
use crate::intake::{Bell, Intake};
use crate::limits::{BACKOFF_FIRST, BACKOFF_MAX, BATCH_BYTES_MAX, RETRY_AFTER_MAX};
use crate::output::{Output, SendError};
use crate::source::Source;
use crate::spool::{Spool, encode};
use crate::status::Counters;

/// How long a full or broken disk is left alone.
const DISK_PAUSE: Duration = Duration::from_millis(500);
/// Pause between attempts while everything ends.
const PAUSE_AT_END: Duration = Duration::from_millis(100);

/// The two steps of the end.
#[derive(Debug, Default)]
pub(crate) struct End {
    /// Nothing more comes: what waits is to be delivered without long pauses.
    pub(crate) closing: Bell,
    /// Time is up: what was not delivered stays where it is.
    pub(crate) now: Bell,
}

impl End {
    fn pause(&self, time: Duration) {
        if self.closing.is_rung() {
            self.now.pause(time.min(PAUSE_AT_END));
        } else {
            self.closing.pause(time);
        }
    }
}

/// Moves findings from memory to disk until nothing more comes.
pub(crate) fn keep(intake: &Intake, spool: &Spool, counters: &Counters, end: &End) {
    const COUNT: usize = 500;
    while let Some(deliveries) = intake.peek(COUNT, BATCH_BYTES_MAX) {
        // A finding that is too large for a record is an empty one, so that records and findings keep step.
        let records: Vec<String> =
            deliveries.iter().map(|delivery| encode(delivery).unwrap_or_default()).collect();
        let appended = match spool.append(&records) {
            Ok(appended) => appended,
            Err(error) => {
                counters.failed(format!("cannot write to the spool: {error}"));
                0
            }
        };
        let too_large = records[..appended].iter().filter(|record| record.is_empty()).count();
        if too_large > 0 {
            counters.refused(too_large, "it is too large for the spool".to_owned());
        }
        intake.remove(appended);
        if appended == records.len() {
            continue;
        }
        if end.now.is_rung() {
            break;
        }
        end.pause(DISK_PAUSE);
    }
    spool.close();
}

/// Delivers what comes until nothing more comes or time is up.
pub(crate) fn deliver(mut output: Output, source: &Source, counters: &Counters, end: &End) {
    let count_max = output.batch_max();
    while let Some(batch) = source.wait(count_max, BATCH_BYTES_MAX) {
        let done = match batch {
            Ok(batch) => {
                counters.damaged(batch.damaged);
                let left = deliver_all(&mut output, batch.deliveries.clone(), counters, end);
                if left > 0 {
                    return source.give_up(&batch, left);
                }
                source.done(&batch)
            }
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            counters.failed(format!("cannot read from the spool: {error}"));
            end.pause(DISK_PAUSE);
        }
        if end.now.is_rung() {
            return;
        }
    }
}

/// Tries until each was taken or refused, and says how many were neither when time was up.
fn deliver_all(output: &mut Output, mut open: Vec<Arc<Delivery>>, counters: &Counters, end: &End) -> usize {
    let mut backoff = BACKOFF_FIRST;
    while !open.is_empty() {
        let mut pause = None;
        match output.send(&open) {
            Ok(()) => {
                counters.sent(open.len());
                return 0;
            }
            Err(SendError::Later { taken, reason, after }) => {
                counters.sent(taken);
                counters.failed(reason);
                open.drain(..taken.min(open.len()));
                backoff = if taken > 0 { BACKOFF_FIRST } else { backoff };
                pause = Some(after.unwrap_or(backoff).min(RETRY_AFTER_MAX));
            }
            Err(SendError::Never { reason }) if open.len() == 1 => {
                counters.refused(1, reason);
                return 0;
            }
            // One of them spoils it for the others.
            Err(SendError::Never { .. }) => return one_by_one(output, open, counters, end),
            Err(SendError::Partly { later, never, reason }) => {
                counters.sent(open.len().saturating_sub(later.len() + never));
                if never > 0 {
                    counters.refused(never, reason.clone());
                }
                if !later.is_empty() {
                    counters.failed(reason);
                    pause = Some(backoff);
                }
                open = later.into_iter().filter_map(|place| open.get(place).cloned()).collect();
            }
        }
        if end.now.is_rung() {
            return open.len();
        }
        if let Some(pause) = pause {
            end.pause(pause);
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }
    0
}

fn one_by_one(output: &mut Output, open: Vec<Arc<Delivery>>, counters: &Counters, end: &End) -> usize {
    let count = open.len();
    let is_stuck = |delivery| deliver_all(output, vec![delivery], counters, end) > 0;
    open.into_iter().position(is_stuck).map_or(0, |done| count - done)
}
