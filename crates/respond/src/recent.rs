//! The events of the last moments, kept for evidence.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::limits::{RECENT_BYTES_MAX, RECENT_EVENTS_MAX};

/// A ring of events, each a line of text, the oldest forgotten first. Whoever reads events fills it; evidence empties
/// nothing.
#[derive(Debug, Default)]
pub struct Recent {
    ring: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    lines: VecDeque<String>,
    bytes: usize,
    forgotten: u64,
}

impl Recent {
    /// Keeps an event, JSON on one line.
    pub fn push(&self, line: String) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.bytes += line.len();
        ring.lines.push_back(line);
        while ring.lines.len() > RECENT_EVENTS_MAX || ring.bytes > RECENT_BYTES_MAX {
            let Some(oldest) = ring.lines.pop_front() else { break };
            ring.bytes -= oldest.len();
            ring.forgotten += 1;
        }
    }

    /// The lines, the oldest first, and how many there were before them.
    pub(crate) fn lines(&self) -> (String, u64) {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::with_capacity(ring.bytes + ring.lines.len());
        for line in &ring.lines {
            text.push_str(line);
            text.push('\n');
        }
        (text, ring.forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_and_counted() {
        let recent = Recent::default();
        for number in 0..RECENT_EVENTS_MAX + 3 {
            recent.push(number.to_string());
        }
        let (text, forgotten) = recent.lines();
        assert_eq!((text.lines().next(), forgotten), (Some("3"), 3));
        recent.push("x".repeat(RECENT_BYTES_MAX + 1));
        assert_eq!(recent.lines().0, "");
    }
}
