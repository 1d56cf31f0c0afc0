//! How much happens in each container, for whoever shows it while the guard runs.
//!
//! Events are counted by the cgroup that they come from, which costs a look-up; whose cgroup it is, is asked when the counts
//! are handed over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use seawall_event::Container;
use seawall_sensor::{Action, Address, Call, Object};

use crate::containers::Containers;
use crate::limits::{ACTIVE_CGROUPS_MAX, ENDED_KEPT};

/// What happened, as far as it left the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Tally {
    /// Events.
    pub events: u64,
    /// Programs that were started.
    pub executions: u64,
    /// Processes that were made.
    pub processes: u64,
    /// Connections that were begun or accepted, over IPv4 or IPv6.
    pub connections: u64,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.events += other.events;
        self.executions += other.executions;
        self.processes += other.processes;
        self.connections += other.connections;
    }

    /// What came after an earlier count.
    pub fn since(self, earlier: Tally) -> Tally {
        Tally {
            events: self.events.saturating_sub(earlier.events),
            executions: self.executions.saturating_sub(earlier.executions),
            processes: self.processes.saturating_sub(earlier.processes),
            connections: self.connections.saturating_sub(earlier.connections),
        }
    }
}

/// A container, or the host, and what happened in it since the guard started.
#[derive(Debug, Clone)]
pub struct Active {
    /// As it is known now.
    pub container: Arc<Container>,
    /// All of it.
    pub tally: Tally,
    /// Whether it still runs.
    pub is_running: bool,
}

/// What happens where, for other threads. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Activities(Arc<Mutex<Vec<Active>>>);

impl Activities {
    /// As it was a moment ago: every container that runs, those that ended just now, and the host.
    pub fn now(&self) -> Vec<Active> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Counts for somebody who wants to know.
#[derive(Debug)]
pub(crate) struct Counting {
    by_cgroup: HashMap<u64, Tally>,
    by_container: HashMap<String, Known>,
    told: Activities,
}

#[derive(Debug)]
struct Known {
    active: Active,
    seen: Instant,
}

impl Counting {
    pub(crate) fn new(told: Activities) -> Counting {
        Counting { by_cgroup: HashMap::new(), by_container: HashMap::new(), told }
    }

    /// One more event of a cgroup.
    pub(crate) fn count(&mut self, cgroup: u64, action: &Action) {
        let one = match action {
            Action::Executed(_) => Tally { events: 1, executions: 1, ..Tally::default() },
            Action::Forked(_) => Tally { events: 1, processes: 1, ..Tally::default() },
            Action::Called(call) if is_connection(call) => {
                Tally { events: 1, connections: 1, ..Tally::default() }
            }
            Action::Called(_)
            | Action::Exited { .. }
            | Action::Submitted { .. }
            | Action::Asked(_)
            | Action::Answered(_) => Tally { events: 1, ..Tally::default() },
            Action::CgroupMade { .. } | Action::CgroupRemoved { .. } => return,
        };
        if self.by_cgroup.len() < ACTIVE_CGROUPS_MAX || self.by_cgroup.contains_key(&cgroup) {
            self.by_cgroup.entry(cgroup).or_default().add(one);
        }
    }

    /// Says whose the counted events are, and hands the counts over.
    pub(crate) fn tell(&mut self, containers: &Containers) {
        let now = Instant::now();
        for known in self.by_container.values_mut() {
            known.active.is_running = false;
        }
        let host = Arc::new(Container::host());
        let running = containers.running().into_iter().chain([Arc::clone(&host)]);
        for container in running {
            self.known(container, now).is_running = true;
        }
        for (cgroup, tally) in std::mem::take(&mut self.by_cgroup) {
            let container = containers.known(cgroup).unwrap_or_else(|| Arc::clone(&host));
            self.known(container, now).tally.add(tally);
        }
        self.by_container.retain(|_, known| now.duration_since(known.seen) < ENDED_KEPT);
        let told = self.by_container.values().map(|known| known.active.clone()).collect();
        *self.told.0.lock().unwrap_or_else(PoisonError::into_inner) = told;
    }

    fn known(&mut self, container: Arc<Container>, now: Instant) -> &mut Active {
        let key = container.full_id.clone().or_else(|| container.id.clone()).unwrap_or_default();
        let known = self.by_container.entry(key).or_insert_with(|| {
            let active =
                Active { container: Arc::clone(&container), tally: Tally::default(), is_running: false };
            Known { active, seen: now }
        });
        known.active.container = container;
        known.seen = now;
        &mut known.active
    }
}

fn is_connection(call: &Call) -> bool {
    const INTERNET: [u16; 2] = [2, 10];
    let is_internet = match (&call.address, &call.object) {
        (Some(Address::Internet(_)), _) => true,
        (_, Some(Object::Socket(socket))) => INTERNET.contains(&socket.family),
        (_, Some(Object::File(_)) | None) => false,
    };
    let is_accepted = call.system_call.name().starts_with("accept") && call.result >= 0;
    is_internet && (call.system_call.name() == "connect" || is_accepted)
}
