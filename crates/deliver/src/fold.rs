//! Repeats of one finding → one with a count: the first at once, the rest at the end of the window.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::{Duration, Instant};

use seawall_finding::Fingerprint;

use crate::limits::FOLDED_MAX;
use crate::{Delivery, Repeats};

/// What one output folds.
#[derive(Debug)]
pub(crate) struct Fold {
    window: Duration,
    open: HashMap<Fingerprint, Window>,
    /// Findings that were folded into another so far.
    pub(crate) folded: u64,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    repeats: u64,
    /// The newest repeat; the summary is told with its words. `None` while there was none.
    last: Option<Arc<Delivery>>,
}

impl Fold {
    pub(crate) fn new(window: Duration) -> Fold {
        Fold { window, open: HashMap::new(), folded: 0 }
    }

    /// Whether a finding is to be told now; otherwise it is kept for the summary.
    pub(crate) fn is_first(&mut self, delivery: &Arc<Delivery>, now: Instant) -> bool {
        let is_full = self.open.len() >= FOLDED_MAX;
        match self.open.entry(delivery.judged.fingerprint.clone()) {
            Entry::Occupied(mut window) => {
                let window = window.get_mut();
                window.repeats += 1;
                window.last = Some(Arc::clone(delivery));
                self.folded += 1;
                false
            }
            Entry::Vacant(place) => {
                if !is_full {
                    place.insert(Window { began: now, repeats: 0, last: None });
                }
                true
            }
        }
    }

    /// The summaries of the windows that have ended. A window with repeats is followed by another, so that something
    /// that never stops is told once for each window.
    pub(crate) fn ended(&mut self, now: Instant) -> Vec<Arc<Delivery>> {
        let mut summaries = Vec::new();
        let window = self.window;
        self.open.retain(|_, open| {
            if now.duration_since(open.began) < window {
                return true;
            }
            let Some(summary) = open.close(now) else { return false };
            summaries.push(summary);
            true
        });
        summaries
    }

    /// The summaries of all windows, at the end.
    pub(crate) fn all(&mut self, now: Instant) -> Vec<Arc<Delivery>> {
        self.open.drain().filter_map(|(_, mut open)| open.close(now)).collect()
    }
}

impl Window {
    fn close(&mut self, now: Instant) -> Option<Arc<Delivery>> {
        let last = self.last.take()?;
        let seconds = now.duration_since(self.began).as_secs();
        let mut summary = Arc::unwrap_or_clone(last);
        summary.repeats = Some(Repeats { count: self.repeats, seconds });
        (self.began, self.repeats) = (now, 0);
        Some(Arc::new(summary))
    }
}

#[cfg(test)]
mod tests {
    use seawall_finding::Priority;

    use super::*;
    use crate::delivery::tests::{delivery, happened};

    fn of(output: &str) -> Arc<Delivery> {
        Arc::new(delivery(happened("Rule", output, Priority::Notice)))
    }

    #[test]
    fn repeats_become_one_with_a_count() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut fold = Fold::new(Duration::from_secs(60));
        assert!(fold.is_first(&of("a"), at(0)));
        assert!(!fold.is_first(&of("a"), at(1)));
        assert!(fold.is_first(&of("b"), at(2)));
        assert!(!fold.is_first(&of("a"), at(3)));
        assert!(fold.ended(at(59)).is_empty());

        let ended = fold.ended(at(60));
        assert_eq!(ended.len(), 1);
        assert_eq!(ended[0].repeats, Some(Repeats { count: 2, seconds: 60 }));
        assert_eq!(ended[0].message(), "a (and 2 more like it in 60 s)");

        // What goes on is folded into the next window; what stopped is told at once when it begins anew.
        assert!(!fold.is_first(&of("a"), at(61)));
        assert_eq!(fold.ended(at(62)).len(), 0);
        assert!(fold.is_first(&of("b"), at(63)));
        assert_eq!(fold.all(at(64)).len(), 1);
        assert_eq!(fold.folded, 3);
    }

    #[test]
    fn what_does_not_fit_is_told_one_by_one() {
        let now = Instant::now();
        let mut fold = Fold::new(Duration::from_secs(60));
        for number in 0..FOLDED_MAX + 5 {
            assert!(fold.is_first(&of(&number.to_string()), now));
        }
        assert!(fold.is_first(&of(&(FOLDED_MAX + 1).to_string()), now));
        assert!(!fold.is_first(&of("1"), now));
    }
}
