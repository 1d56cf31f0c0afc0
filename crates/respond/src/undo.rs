//! Takes responses back: on somebody's word, when their time is over, and when Seawall has ended.

use std::io;
use std::time::Instant;

use seawall_engine::control::{Change, State};
use seawall_finding::ContainerIdentity;
use seawall_policy::AfterDeath;

use crate::cgroup::Freezer;
use crate::engines::{Had, told};
use crate::limits::{LOCK_WAIT, RELEASE_EVERY, RELEASE_WAIT, TICK, UNDO_WAIT};
use crate::machine::{Machine, Roots};
use crate::netfilter;
use crate::receipt::{Mode, Outcome, Receipt, ReceiptError, ReceiptId, Receipts, Standing, Undo};

/// Why a response is not undone.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// There is nothing to undo.
    #[error("{0}")]
    Nothing(String),
    /// It cannot be undone.
    #[error("{0}")]
    Impossible(String),
    /// It was tried.
    #[error("cannot undo {id}: {reason}")]
    Failed {
        /// The receipt.
        id: ReceiptId,
        /// Why.
        reason: String,
    },
    /// The Seawall that holds it does not do it.
    #[error(
        "the Seawall that holds {0} does not answer; what it holds is released when it ends, unless the policy keeps it"
    )]
    Unanswered(ReceiptId),
    /// The receipt cannot be read or written.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
}

/// Undoes what a receipt tells of, and gives the receipt as it then is. What is undone already stays so.
///
/// A Seawall that runs with this directory is asked to do it, because it holds what nobody else can change.
///
/// # Errors
/// It cannot be undone, the target is another one by now, or the Seawall that holds it does not answer.
pub fn undo(receipts: &Receipts, id: &ReceiptId, roots: &Roots) -> Result<Receipt, UndoError> {
    let receipt = receipts.read(id)?;
    if let Standing::Undone { .. } = receipt.standing {
        return Ok(receipt);
    }
    undoable(&receipt)?;
    let Some(lock) = receipts.lock()? else { return ask_holder(receipts, id) };
    let undone = take_back(&Machine::new(roots), receipts, receipt, "somebody undid it", roots);
    drop(lock);
    undone
}

fn undoable(receipt: &Receipt) -> Result<(), UndoError> {
    let nothing = |reason: &str| Err(UndoError::Nothing(format!("{}: {reason}", receipt.id)));
    if receipt.mode == Mode::Rehearsal {
        return nothing("it was a rehearsal, nothing was done");
    }
    match receipt.outcome {
        Outcome::Rehearsed | Outcome::Refused => return nothing("nothing was done"),
        Outcome::Needless => return nothing(&format!("nothing was done: {}", receipt.reason)),
        Outcome::Begun | Outcome::Done | Outcome::Failed => {}
    }
    match &receipt.undo {
        Undo::Needless => nothing("nothing has to be undone"),
        Undo::Impossible => Err(UndoError::Impossible(format!("{}: {}", receipt.id, receipt.how_to_undo))),
        Undo::Unpause | Undo::Thaw { .. } | Undo::Connect { .. } | Undo::Start => Ok(()),
    }
}

fn ask_holder(receipts: &Receipts, id: &ReceiptId) -> Result<Receipt, UndoError> {
    receipts.ask_undo(id)?;
    let asked = Instant::now();
    loop {
        // First this, then the receipt, which is final once the question is gone.
        let is_answered = !receipts.ids("undo")?.contains(id);
        let receipt = receipts.read(id)?;
        match receipt.standing {
            Standing::Undone { .. } => return Ok(receipt),
            Standing::Past | Standing::Holds if is_answered => {
                return Err(UndoError::Failed { id: id.clone(), reason: receipt.reason });
            }
            Standing::Past | Standing::Holds => {}
        }
        if asked.elapsed() > UNDO_WAIT {
            receipts.undo_answered(id);
            return Err(UndoError::Unanswered(id.clone()));
        }
        std::thread::sleep(TICK / 2);
    }
}

/// Releases what a Seawall that has ended left behind: everything but what the policy keeps, and of that what has
/// expired. Gives the receipts as they then are.
///
/// # Errors
/// The directory cannot be read. What cannot be released stays, with the reason in its receipt.
pub fn release(receipts: &Receipts, roots: &Roots) -> Result<Vec<Receipt>, ReceiptError> {
    let waited = Instant::now();
    let lock = loop {
        match receipts.lock()? {
            Some(lock) => break lock,
            // Another Seawall is at work by now, and has done this when it started.
            None if waited.elapsed() > LOCK_WAIT => return Ok(Vec::new()),
            None => std::thread::sleep(TICK / 4),
        }
    };
    let machine = Machine::new(roots);
    let tried = Instant::now();
    let mut released = release_left(receipts, roots, &machine)?;
    while released.iter().any(Receipt::holds) && tried.elapsed() < RELEASE_WAIT {
        std::thread::sleep(RELEASE_EVERY);
        released.retain(|receipt| !receipt.holds());
        released.extend(release_left(receipts, roots, &machine)?);
    }
    drop(lock);
    Ok(released)
}

/// The same for whoever has the lock.
pub(crate) fn release_left(
    receipts: &Receipts,
    roots: &Roots,
    machine: &Machine,
) -> Result<Vec<Receipt>, ReceiptError> {
    let now = roots.clock.now();
    let mut released = Vec::new();
    for receipt in receipts.all()?.0.into_iter().filter(Receipt::holds) {
        // What was never done is not taken back, whatever the file says.
        if undoable(&receipt).is_err() {
            continue;
        }
        let is_over = receipt.expires.is_some_and(|expires| expires <= now);
        let why = match receipt.after_death {
            AfterDeath::Release => "the Seawall that did it has ended",
            AfterDeath::Keep if is_over => "its time was over",
            AfterDeath::Keep => continue,
        };
        let left = receipt.clone();
        released.push(take_back(machine, receipts, receipt, why, roots).unwrap_or(left));
    }
    Ok(released)
}

/// Undoes it and writes so.
pub(crate) fn take_back(
    machine: &Machine,
    receipts: &Receipts,
    receipt: Receipt,
    why: &str,
    roots: &Roots,
) -> Result<Receipt, UndoError> {
    let done = reverse(machine, &receipt);
    write_back(receipts, receipt, done, why, roots)
}

/// Writes what came of undoing.
pub(crate) fn write_back(
    receipts: &Receipts,
    mut receipt: Receipt,
    done: Result<Vec<String>, String>,
    why: &str,
    roots: &Roots,
) -> Result<Receipt, UndoError> {
    let id = receipt.id.clone();
    match done {
        Ok(steps) => {
            receipt.standing = Standing::Undone { when: roots.clock.now(), why: why.to_owned(), steps };
            receipts.write(&receipt)?;
            Ok(receipt)
        }
        Err(reason) => {
            receipt.reason = format!("not undone: {reason}");
            receipts.write(&receipt)?;
            Err(UndoError::Failed { id, reason })
        }
    }
}

/// What was done to undo it.
fn reverse(machine: &Machine, receipt: &Receipt) -> Result<Vec<String>, String> {
    let nobody = ContainerIdentity::default();
    let container = receipt.target.container.as_ref().unwrap_or(&nobody);
    match &receipt.undo {
        Undo::Needless | Undo::Impossible => Err("nothing can be undone".to_owned()),
        Undo::Unpause => match unpause(machine, container) {
            // Whoever is frozen must not stay so because its engine has died or hangs.
            Err(said) => thaw_without_engine(machine, container, &said),
            unpaused => unpaused,
        },
        Undo::Start => {
            let Some(had) = find(machine, container)? else { return Err(gone(container)) };
            let changed = had.control.start(&had.container.id).map_err(|error| told(&error))?;
            Ok(vec![step(&had, changed, "start", "it runs")])
        }
        Undo::Thaw { file, inode, engine_was_asked } => {
            thaw(machine, container, &Freezer::told(file.clone(), *inode), *engine_was_asked)
        }
        // Tables are called after their receipt: no other is ever removed.
        Undo::Connect { table, .. } if *table != receipt.id.table() => {
            Err(format!("table `{table}` is not of this receipt"))
        }
        Undo::Connect { table, namespace } => connect(machine, table, *namespace),
    }
}

fn gone(container: &ContainerIdentity) -> String {
    format!("no engine has container {} any more", container.id)
}

fn step(had: &Had, changed: Change, verb: &str, was_so: &str) -> String {
    match changed {
        Change::Made => format!("had {} {verb} container {}", had.control.kind(), had.container.name),
        Change::WasSo => format!("container {}: {was_so}", had.container.name),
    }
}

/// The engine that has the container; `None` when the engine that had it says that it has it no more.
fn find(machine: &Machine, container: &ContainerIdentity) -> Result<Option<Had>, String> {
    match machine.engines.find(container) {
        Ok(had) => Ok(Some(had)),
        Err(said) => {
            let is_gone = |said: &String| {
                said.starts_with(&container.engine) && said.ends_with(crate::engines::DOES_NOT_HAVE_IT)
            };
            if said.iter().any(is_gone) { Ok(None) } else { Err(said.join("; ")) }
        }
    }
}

fn unpause(machine: &Machine, container: &ContainerIdentity) -> Result<Vec<String>, String> {
    let Some(had) = find(machine, container)? else { return Ok(vec![gone(container)]) };
    let changed = had.control.unpause(&had.container.id).map_err(|error| told(&error))?;
    Ok(vec![step(&had, changed, "unpause", "it was not paused any more")])
}

fn thaw_without_engine(
    machine: &Machine,
    container: &ContainerIdentity,
    said: &str,
) -> Result<Vec<String>, String> {
    let inside = machine.processes_of(&container.id);
    let Some(cgroups) = inside.iter().find_map(|pid| machine.cgroups_within(*pid, &container.id)) else {
        return Ok(vec![format!("no process of container {} runs any more ({said})", container.id)]);
    };
    let freezer = Freezer::of(&machine.cgroup_root, &cgroups, &container.id);
    let freezer = freezer.map_err(|error| format!("{said}; {error}"))?;
    freezer.thaw().map_err(|error| format!("{said}; {error}"))?;
    let file = freezer.file().display();
    Ok(vec![format!(
        "thawed it by {file}, because its engine did not ({said}), which may still call it paused"
    )])
}

fn thaw(
    machine: &Machine,
    container: &ContainerIdentity,
    freezer: &Freezer,
    engine_was_asked: bool,
) -> Result<Vec<String>, String> {
    // A receipt is a file, and a file may be written by others.
    let is_its_own = !container.id.is_empty()
        && freezer.file().iter().any(|part| part.to_string_lossy().contains(&container.id));
    if !is_its_own || !freezer.is_below(&machine.cgroup_root) {
        return Err(format!("{} is no freezer of container {}", freezer.file().display(), container.id));
    }
    if !freezer.is_there() {
        return Ok(vec![format!("the cgroup of container {} is gone", container.id)]);
    }
    let mut steps = Vec::new();
    if engine_was_asked
        && let Ok(Some(had)) = find(machine, container)
        && had.control.state(&had.container.id).is_ok_and(|state| state == State::Paused)
    {
        let changed = had.control.unpause(&had.container.id).map_err(|error| told(&error))?;
        steps.push(step(&had, changed, "unpause", "it was not paused"));
    }
    if freezer.is_frozen() {
        freezer.thaw().map_err(|error| error.to_string())?;
        steps.push(format!("thawed it by {}", freezer.file().display()));
    }
    if steps.is_empty() {
        steps.push("it was not frozen any more".to_owned());
    }
    Ok(steps)
}

fn connect(machine: &Machine, table: &str, namespace: u64) -> Result<Vec<String>, String> {
    let is_of_it = |pid: &u32| machine.proc.namespace(*pid, "net").is_ok_and(|inode| inode == namespace);
    let opened = machine
        .proc
        .processes()
        .into_iter()
        .find(is_of_it)
        .map(|pid| netfilter::open(&machine.proc.path(pid, "ns/net")));
    let removed: io::Result<bool> = match opened {
        None => return Ok(vec![format!("nothing runs in network namespace {namespace} any more")]),
        Some(Ok(opened)) => netfilter::remove_from(&opened, table),
        Some(Err(error)) => Err(error),
    };
    match removed {
        Ok(true) => {
            Ok(vec![format!("removed nf_tables tables `{table}` from network namespace {namespace}")])
        }
        Ok(false) => {
            Ok(vec![format!("nf_tables tables `{table}` are gone from network namespace {namespace}")])
        }
        Err(error) => Err(format!("nf_tables does not remove tables `{table}`: {error}")),
    }
}
