//! Carries out responses: kill, freeze, isolate, stop, quarantine, capture; guarded, rehearsal first.
//!
//! Owns the actions, their guards and their receipts. Refuses the decision what to do about a finding (`policy`) and
//! how people hear of it (`deliver`). What each action does and what holds when Seawall dies: `docs/design/007-responses.md`.

mod action;
mod bundle;
mod cgroup;
mod clock;
mod engines;
mod guard;
pub mod limits;
mod lost;
mod machine;
mod netfilter;
mod options;
mod pace;
mod proc;
mod receipt;
mod recent;
mod responder;
mod undo;
mod watchdog;

pub use clock::Clock;
pub use guard::programs_of_hosts;
pub use machine::Roots;
pub use options::{DenySupport, EVIDENCE_DIRECTORY, Options, RECEIPTS_DIRECTORY, SetupError, Tell};
pub use receipt::{
    Kept, Mode, Outcome, Receipt, ReceiptError, ReceiptId, ReceiptIdError, Receipts, Standing, Target, Undo,
};
pub use recent::Recent;
pub use responder::Responder;
pub use undo::{UndoError, release, undo};
