//! The actions: what each does, exactly, and what its rehearsal says instead.

mod capture;
mod freeze;
mod isolate;
mod kill;
mod stop;

pub(crate) use capture::{Captures, Surroundings};
pub(crate) use freeze::freeze;
pub(crate) use isolate::isolate;
pub(crate) use kill::{kill, kill_held};
pub(crate) use stop::stop;

use crate::machine::Machine;
use crate::receipt::{Mode, Receipt, ReceiptError};

/// What an action works with.
pub(crate) struct Doing<'d> {
    pub(crate) machine: &'d Machine,
    pub(crate) mode: Mode,
    /// Writes the receipt as it stands; what lasts is written down before it is done, so that whoever comes after a
    /// crash finds it.
    pub(crate) note: &'d dyn Fn(&Receipt) -> Result<(), ReceiptError>,
}

impl Doing<'_> {
    /// Whether it is only rehearsed.
    pub(crate) fn is_rehearsal(&self) -> bool {
        self.mode == Mode::Rehearsal
    }
}
