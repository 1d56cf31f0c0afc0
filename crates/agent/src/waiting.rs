//! Events whose container is known by its id only wait a bounded time for the rest, in order for each container.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use seawall_event::Event;
use seawall_finding::Denial;
use serde::{Deserialize, Serialize};

use crate::limits::{WAIT_MAX, WAITING_MAX};

/// What the kernel has denied, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Denied {
    pub(crate) rule: String,
    pub(crate) how: Denial,
}

/// An event, and whether it was denied.
pub(crate) struct Told {
    pub(crate) event: Event,
    pub(crate) denied: Option<Denied>,
}

impl From<Event> for Told {
    fn from(event: Event) -> Told {
        Told { event, denied: None }
    }
}

/// An event that waits, with what is needed to ask again.
pub(crate) struct Waiting {
    pub(crate) event: Event,
    /// The rule that has denied it.
    pub(crate) denied: Option<Denied>,
    pub(crate) process: u32,
    since: Instant,
}

/// All that wait, by the cgroup of their container.
#[derive(Default)]
pub(crate) struct Queue {
    by_cgroup: HashMap<u64, VecDeque<Waiting>>,
    /// Cgroups in the order in which their oldest event came.
    order: VecDeque<u64>,
    count: usize,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Whether an event of this cgroup has to wait behind others.
    pub(crate) fn holds(&self, cgroup_id: u64) -> bool {
        self.by_cgroup.contains_key(&cgroup_id)
    }

    pub(crate) fn push(&mut self, cgroup_id: u64, told: Told, process: u32, since: Instant) {
        self.count += 1;
        let queue = self.by_cgroup.entry(cgroup_id).or_insert_with(|| {
            self.order.push_back(cgroup_id);
            VecDeque::new()
        });
        queue.push_back(Waiting { event: told.event, denied: told.denied, process, since });
    }

    /// The cgroups that wait, with a process to ask about.
    pub(crate) fn cgroups(&self) -> Vec<(u64, u32)> {
        let first = |cgroup: &u64| Some((*cgroup, self.by_cgroup.get(cgroup)?.front()?.process));
        self.order.iter().filter_map(first).collect()
    }

    /// The oldest of one cgroup, to be looked at again.
    pub(crate) fn oldest(&mut self, cgroup_id: u64) -> Option<&mut Waiting> {
        self.by_cgroup.get_mut(&cgroup_id)?.front_mut()
    }

    /// Lets the oldest of one cgroup go.
    pub(crate) fn release(&mut self, cgroup_id: u64) -> Option<Waiting> {
        let queue = self.by_cgroup.get_mut(&cgroup_id)?;
        let waiting = queue.pop_front()?;
        self.count -= 1;
        if queue.is_empty() {
            self.by_cgroup.remove(&cgroup_id);
            self.order.retain(|known| *known != cgroup_id);
        }
        Some(waiting)
    }

    /// The next that has waited long enough, or for which there is no room.
    pub(crate) fn overdue(&mut self, now: Instant) -> Option<Waiting> {
        let is_full = self.count > WAITING_MAX;
        let is_due = |cgroup: &&u64| {
            let oldest = self.by_cgroup.get(cgroup).and_then(VecDeque::front);
            oldest.is_some_and(|waiting| is_full || now.duration_since(waiting.since) >= WAIT_MAX)
        };
        let cgroup = *self.order.iter().find(is_due)?;
        self.release(cgroup)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(number: u64) -> Event {
        Event { number, ..Event::default() }
    }

    #[test]
    fn events_of_a_container_go_on_in_order() {
        let mut queue = Queue::default();
        let start = Instant::now();
        queue.push(1, event(1).into(), 7, start);
        queue.push(2, event(2).into(), 8, start + WAIT_MAX);
        queue.push(1, event(3).into(), 7, start + WAIT_MAX);
        assert_eq!(queue.cgroups(), [(1, 7), (2, 8)]);
        assert!(queue.holds(1) && !queue.holds(3));
        let mut next = |after| queue.overdue(start + after).map(|waiting| waiting.event.number);
        assert_eq!(next(WAIT_MAX / 2), None);
        assert_eq!(next(WAIT_MAX), Some(1));
        assert_eq!(next(WAIT_MAX), None);
        assert_eq!(queue.oldest(1).map(|waiting| waiting.event.number), Some(3));
        assert_eq!((queue.release(1).map(|waiting| waiting.event.number), queue.len()), (Some(3), 1));
        assert!(queue.release(1).is_none());
    }

    #[test]
    fn more_events_than_there_is_room_for_do_not_wait() {
        let mut queue = Queue::default();
        let start = Instant::now();
        for number in 0..WAITING_MAX as u64 + 2 {
            queue.push(number % 3, event(number).into(), 7, start);
        }
        let numbers: Vec<u64> =
            std::iter::from_fn(|| queue.overdue(start)).map(|waiting| waiting.event.number).collect();
        assert_eq!(numbers.len(), 2);
        assert_eq!(queue.len(), WAITING_MAX);
    }
}
