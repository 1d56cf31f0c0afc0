//! Lets a container stand still: by its engine, so that the engine knows, otherwise by its cgroup.

use seawall_engine::control::Change;

use super::Doing;
use crate::cgroup::{Freezer, FreezerError};
use crate::engines::told;
use crate::machine::Located;
use crate::receipt::{Outcome, Receipt, ReceiptError, Standing, Undo};

/// Freezes the container of a receipt.
pub(crate) fn freeze(
    doing: &Doing<'_>,
    receipt: &mut Receipt,
    located: &Located,
) -> Result<(), ReceiptError> {
    receipt.how_to_undo = format!("seawall respond undo {}", receipt.id);
    if let Some(had) = &located.had {
        let id = &had.container.id;
        let engine = had.control.kind();
        receipt.undo = Undo::Unpause;
        if doing.is_rehearsal() {
            receipt.outcome = Outcome::Rehearsed;
            receipt.steps.push(format!("would have {engine} pause {}", located.label()));
            return Ok(());
        }
        receipt.standing = Standing::Holds;
        (doing.note)(receipt)?;
        match had.control.pause(id) {
            Ok(Change::Made) => {
                receipt.outcome = Outcome::Done;
                receipt.steps.push(format!("had {engine} pause {}", located.label()));
                return Ok(());
            }
            Ok(Change::WasSo) => {
                was_so(receipt, "it was paused before, by somebody else");
                return Ok(());
            }
            Err(error) => {
                doing.machine.engines.silent_after(&error);
                receipt.steps.push(format!("{engine} did not pause it: {}", told(&error)));
            }
        }
    }
    by_cgroup(doing, receipt, located)
}

fn by_cgroup(doing: &Doing<'_>, receipt: &mut Receipt, located: &Located) -> Result<(), ReceiptError> {
    let freezer = match &located.process {
        Some((_, cgroups)) => Freezer::of(&doing.machine.cgroup_root, cgroups, &located.identity.id),
        None => Err(FreezerError::Unnamed(located.identity.id.clone())),
    };
    let freezer = match freezer {
        Ok(freezer) => freezer,
        Err(error) => {
            let said = if located.said.is_empty() { String::new() } else { format!(" ({})", located.said) };
            receipt.fail(format!("{error}{said}"));
            // An engine that did not answer may still do what it was asked.
            return Ok(());
        }
    };
    let file = freezer.file().display().to_string();
    let engine_was_asked = receipt.undo == Undo::Unpause;
    if freezer.is_frozen() && !engine_was_asked {
        was_so(receipt, "it was frozen before, by somebody else");
        return Ok(());
    }
    receipt.undo = Undo::Thaw { file: freezer.file().to_owned(), inode: freezer.inode(), engine_was_asked };
    if doing.is_rehearsal() {
        receipt.outcome = Outcome::Rehearsed;
        receipt.steps.push(format!("would freeze {} by {file}", located.label()));
        return Ok(());
    }
    receipt.standing = Standing::Holds;
    (doing.note)(receipt)?;
    match freezer.freeze() {
        Ok(()) => {
            receipt.outcome = Outcome::Done;
            receipt.steps.push(format!("froze {} by {file}", located.label()));
        }
        Err(error @ FreezerError::Slow) => {
            receipt.outcome = Outcome::Done;
            receipt
                .steps
                .push(format!("told {file} to freeze {}; {error}, they will later", located.label()));
        }
        Err(error) => {
            receipt.fail(error);
            if !engine_was_asked {
                receipt.standing = Standing::Past;
            }
        }
    }
    Ok(())
}

fn was_so(receipt: &mut Receipt, reason: &str) {
    receipt.outcome = Outcome::Needless;
    receipt.reason = reason.to_owned();
    receipt.undo = Undo::Needless;
    receipt.standing = Standing::Past;
    receipt.how_to_undo = "nothing was done".to_owned();
}
