//! Stops a container: by its engine, otherwise by killing its first process, with which the kernel ends all others.

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use seawall_engine::control::Change;

use super::{Doing, kill_held};
use crate::engines::told;
use crate::machine::Located;
use crate::receipt::{Outcome, Receipt, Undo};

/// Stops the container of a receipt.
pub(crate) fn stop(doing: &Doing<'_>, receipt: &mut Receipt, located: &Located) {
    if let Some(had) = &located.had {
        let engine = had.control.kind();
        receipt.undo = Undo::Start;
        receipt.how_to_undo = format!("seawall respond undo {} starts it anew", receipt.id);
        if doing.is_rehearsal() {
            receipt.outcome = Outcome::Rehearsed;
            return receipt.steps.push(format!("would have {engine} stop {} without grace", located.label()));
        }
        match had.control.stop(&had.container.id) {
            Ok(Change::Made) => {
                receipt.outcome = Outcome::Done;
                return receipt.steps.push(format!("had {engine} stop {} without grace", located.label()));
            }
            Ok(Change::WasSo) => {
                receipt.outcome = Outcome::Needless;
                receipt.undo = Undo::Needless;
                receipt.how_to_undo = "nothing was done".to_owned();
                return receipt.reason = "it had ended before".to_owned();
            }
            Err(error) => {
                doing.machine.engines.silent_after(&error);
                receipt.steps.push(format!("{engine} did not stop it: {}", told(&error)));
            }
        }
    }
    by_first_process(doing, receipt, located);
}

fn by_first_process(doing: &Doing<'_>, receipt: &mut Receipt, located: &Located) {
    receipt.undo = Undo::Impossible;
    receipt.how_to_undo =
        "whoever made the container has to start it again, unless its engine does".to_owned();
    let proc = &doing.machine.proc;
    let processes = doing.machine.processes_of(&located.identity.id);
    let first = processes.into_iter().find(|pid| proc.is_first_of_namespace(*pid));
    let number = first.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    let (Some(pid), Some(number)) = (first, number) else {
        let said = if located.said.is_empty() { String::new() } else { format!(" ({})", located.said) };
        return receipt.fail(format!("no first process of {} was found{said}", located.label()));
    };
    if doing.is_rehearsal() {
        receipt.outcome = Outcome::Rehearsed;
        return receipt
            .steps
            .push(format!("would send SIGKILL to process {pid}, the first of {}", located.label()));
    }
    let held = match pidfd_open(number, PidfdFlags::empty()) {
        Ok(held) => held,
        Err(error) => return receipt.fail(format!("process {pid} cannot be held: {error}")),
    };
    // Held first, asked then: what is held is in the container.
    if doing.machine.cgroups_within(pid, &located.identity.id).is_none() {
        return receipt.fail(format!("process {pid} has ended meanwhile"));
    }
    match kill_held(&held) {
        Ok(_) => {
            receipt.outcome = Outcome::Done;
            let word = format!("sent SIGKILL to process {pid}, the first of {}", located.label());
            receipt.steps.push(word);
        }
        Err(error) => receipt.fail(format!("cannot send SIGKILL to process {pid}: {error}")),
    }
}
