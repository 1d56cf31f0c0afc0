//! The bounded queue in memory, through which findings come to an output's threads.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Delivery;

/// A bounded queue. Putting in never waits.
#[derive(Debug)]
pub(crate) struct Intake {
    state: Mutex<State>,
    changed: Condvar,
    count_max: usize,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(Arc<Delivery>, usize)>,
    bytes: usize,
    is_closed: bool,
}

/// What became of a finding that was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It waits.
    Waits,
    /// There was no room.
    Full,
}

impl Intake {
    pub(crate) fn new(count_max: usize, bytes_max: usize) -> Intake {
        Intake { state: Mutex::default(), changed: Condvar::new(), count_max, bytes_max }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a finding of a weight in. One that alone is heavier than the queue goes into an empty one.
    pub(crate) fn put(&self, delivery: Arc<Delivery>, weight: usize) -> Put {
        let mut state = self.lock();
        let is_too_heavy = state.bytes + weight > self.bytes_max && !state.waiting.is_empty();
        if state.is_closed || state.waiting.len() >= self.count_max || is_too_heavy {
            return Put::Full;
        }
        state.bytes += weight;
        state.waiting.push_back((delivery, weight));
        drop(state);
        self.changed.notify_one();
        Put::Waits
    }

    /// Waits for findings and shows at most so many and so much of them, which stay in the queue. `None` when it is
    /// closed and empty.
    pub(crate) fn peek(&self, count_max: usize, bytes_max: usize) -> Option<Vec<Arc<Delivery>>> {
        let mut state = self.lock();
        while state.waiting.is_empty() {
            if state.is_closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut bytes = 0;
        let mut shown = Vec::new();
        for (delivery, weight) in state.waiting.iter().take(count_max) {
            bytes += weight;
            if bytes > bytes_max && !shown.is_empty() {
                break;
            }
            shown.push(Arc::clone(delivery));
        }
        Some(shown)
    }

    /// Takes the oldest findings out.
    pub(crate) fn remove(&self, count: usize) {
        let mut state = self.lock();
        for _ in 0..count {
            if let Some((_, weight)) = state.waiting.pop_front() {
                state.bytes -= weight;
            }
        }
    }

    /// Takes no more; those who wait go on.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().waiting.len()
    }
}

/// Wakes a thread that pauses.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    is_rung: Mutex<bool>,
    rung: Condvar,
}

impl Bell {
    /// Ends all pauses, also later ones.
    pub(crate) fn ring(&self) {
        *self.is_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.rung.notify_all();
    }

    pub(crate) fn is_rung(&self) -> bool {
        *self.is_rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits so long, or until it rings.
    pub(crate) fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut is_rung = self.is_rung.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_rung {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            (is_rung, _) = self.rung.wait_timeout(is_rung, left).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::tests::{delivery, judged};

    #[test]
    fn the_queue_is_bounded() {
        let intake = Intake::new(3, 1000);
        let one = Arc::new(delivery(judged()));
        let put = |weight| intake.put(Arc::clone(&one), weight);
        // One that is heavier than the queue still has its turn.
        assert_eq!(put(5000), Put::Waits);
        assert_eq!(put(1), Put::Full);
        intake.remove(1);
        assert_eq!([put(400), put(400), put(400)], [Put::Waits, Put::Waits, Put::Full]);
        assert_eq!([put(100), put(1)], [Put::Waits, Put::Full]);
        assert_eq!(intake.peek(10, 800).unwrap().len(), 2);
        assert_eq!(intake.peek(1, 800).unwrap().len(), 1);
        assert_eq!(intake.len(), 3);
        intake.close();
        assert_eq!(put(1), Put::Full);
        assert_eq!(intake.peek(10, 10_000).unwrap().len(), 3);
        intake.remove(3);
        assert!(intake.peek(10, 10_000).is_none());
    }

    #[test]
    fn a_bell_ends_pauses() {
        let bell = Arc::new(Bell::default());
        let begin = Instant::now();
        let other = Arc::clone(&bell);
        let waiting = std::thread::spawn(move || other.pause(Duration::from_secs(60)));
        bell.ring();
        waiting.join().unwrap();
        bell.pause(Duration::from_secs(60));
        assert!(begin.elapsed() < Duration::from_secs(10));
    }
}
