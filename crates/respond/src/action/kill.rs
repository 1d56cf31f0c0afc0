//! Kills one process, held by its descriptor so that no other is met.

use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, pidfd_send_signal};
use seawall_finding::ProcessIdentity;

use super::Doing;
use crate::limits::DEATH_WAIT;
use crate::receipt::{Outcome, Receipt, Undo};

/// Whether a killed process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It did.
    Ended,
    /// It will when it next runs: it is frozen, or waits for a disk.
    NotYet,
}

/// Kills the process of a receipt.
pub(crate) fn kill(doing: &Doing<'_>, receipt: &mut Receipt, held: &OwnedFd, identity: &ProcessIdentity) {
    let pid = identity.pid;
    let program = receipt.target.program.as_deref().unwrap_or("an unknown program");
    let signal = format!("SIGKILL to process {pid} ({program})");
    receipt.undo = Undo::Impossible;
    receipt.how_to_undo =
        "a killed process cannot be brought back; whoever started it may start it again".to_owned();
    if doing.is_rehearsal() {
        receipt.outcome = Outcome::Rehearsed;
        return receipt.steps.push(format!("would send {signal}"));
    }
    match kill_held(held) {
        Ok(Ended::Ended) => {
            receipt.outcome = Outcome::Done;
            receipt.steps.push(format!("sent {signal}; it ended"));
        }
        Ok(Ended::NotYet) => {
            receipt.outcome = Outcome::Done;
            receipt
                .steps
                .push(format!("sent {signal}; it has not ended yet: it is frozen, or waits for a device"));
        }
        Err(rustix::io::Errno::SRCH) => {
            receipt.outcome = Outcome::Needless;
            receipt.reason = format!("process {pid} has ended");
        }
        Err(error) => receipt.fail(format!("cannot send {signal}: {error}")),
    }
}

/// Sends SIGKILL and waits for the end a moment.
pub(crate) fn kill_held(held: &OwnedFd) -> Result<Ended, rustix::io::Errno> {
    pidfd_send_signal(held, Signal::KILL)?;
    let mut polled = [PollFd::new(held, PollFlags::IN)];
    let wait = Timespec { tv_sec: DEATH_WAIT.as_secs().try_into().unwrap_or(1), tv_nsec: 0 };
    match poll(&mut polled, Some(&wait)) {
        Ok(count) if count > 0 => Ok(Ended::Ended),
        Ok(_) | Err(_) => Ok(Ended::NotYet),
    }
}
