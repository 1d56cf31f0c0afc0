//! Who verifies what at the moment: several who want the same wait for one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use seawall_inventory::Digest;

use super::{Core, Outcome, Wanted};
use crate::limits::VERIFICATIONS_MAX;
use crate::settings::Settings;

type Key = (Wanted, Digest);

/// What is being verified, by which policy, and who waits for it.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Key, Vec<Waiter>>>);

impl Flights {
    fn taken(&self, key: &Key) -> Vec<Waiter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key).unwrap_or_default()
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.lock().map_or(0, |flights| flights.len())
    }
}

/// One of the images of a decision that waits.
pub(super) struct Waiter {
    pub(super) index: usize,
    pub(super) sender: mpsc::Sender<(usize, Outcome)>,
}

impl Waiter {
    pub(super) fn tell(self, outcome: Outcome) {
        // Whoever asked may have gone; the cache has it.
        let _ = self.sender.send((self.index, outcome));
    }
}

/// How a verification begins.
pub(super) enum Boarding {
    /// Nobody does it yet.
    First(Flight),
    /// Somebody does, and will tell.
    Waits,
    /// There is no room.
    Full(Waiter),
}

/// A verification that is under way. However it ends, nobody waits for it any more.
pub(super) struct Flight {
    core: Arc<Core>,
    /// None once it has landed: whoever wants the same from then on has a flight of his own.
    key: Option<Key>,
}

impl Flight {
    pub(super) fn board(core: &Arc<Core>, image: &Wanted, settings: &Settings, waiter: Waiter) -> Boarding {
        let key = (image.clone(), settings.digest.clone());
        let mut flights = core.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiters) = flights.get_mut(&key) {
            waiters.push(waiter);
            return Boarding::Waits;
        }
        if flights.len() >= VERIFICATIONS_MAX {
            return Boarding::Full(waiter);
        }
        flights.insert(key.clone(), vec![waiter]);
        Boarding::First(Flight { core: Arc::clone(core), key: Some(key) })
    }

    /// Tells everybody who waits.
    pub(super) fn land(mut self, outcome: &Outcome) {
        let waiters = self.key.take().map(|key| self.core.flights.taken(&key)).unwrap_or_default();
        for waiter in waiters {
            waiter.tell(outcome.clone());
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        // Those who still wait hear that nobody tells any more.
        drop(self.key.take().map(|key| self.core.flights.taken(&key)));
    }
}
