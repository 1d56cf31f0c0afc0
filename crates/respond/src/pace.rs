//! How much is done: so many responses a minute, and the same to the same target not again at once.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use seawall_policy::Response;

use crate::limits::REFUSALS_PER_MINUTE;

const MINUTE: Duration = Duration::from_secs(60);

/// What was done lately.
#[derive(Debug)]
pub(crate) struct Pace {
    per_minute: u32,
    refusals_per_minute: u32,
    repeat_after: Duration,
    done: VecDeque<Duration>,
    refused: VecDeque<Duration>,
    last: BTreeMap<(String, Response), Duration>,
}

/// Why something is not done now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooMuch {
    /// All together.
    #[error("{0} responses were carried out within a minute, which is the limit (`respond: per-minute`)")]
    PerMinute(u32),
    /// To the same target.
    #[error("the same was done to it {0} s ago (`respond: repeat-after`)")]
    Repeated(u64),
}

impl Pace {
    pub(crate) fn new(per_minute: u32, repeat_after: Duration) -> Pace {
        let (done, refused, last) = Default::default();
        let refusals_per_minute = per_minute.max(REFUSALS_PER_MINUTE);
        Pace { per_minute, refusals_per_minute, repeat_after, done, refused, last }
    }

    /// Whether this may be done now; counts it if so.
    pub(crate) fn admit(&mut self, target: &str, response: Response, now: Duration) -> Result<(), TooMuch> {
        let repeat_after = self.repeat_after;
        self.last.retain(|_, last| now.saturating_sub(*last) < repeat_after);
        let key = (target.to_owned(), response);
        if let Some(last) = self.last.get(&key) {
            return Err(TooMuch::Repeated(now.saturating_sub(*last).as_secs()));
        }
        if !count(&mut self.done, self.per_minute, now) {
            return Err(TooMuch::PerMinute(self.per_minute));
        }
        self.last.insert(key, now);
        Ok(())
    }

    /// What failed may be tried again at once.
    pub(crate) fn forget(&mut self, target: &str, response: Response) {
        self.last.remove(&(target.to_owned(), response));
    }

    /// Whether one more refusal is worth a receipt.
    pub(crate) fn tells_refusal(&mut self, now: Duration) -> bool {
        count(&mut self.refused, self.refusals_per_minute, now)
    }
}

/// Whether there is room in the last minute; takes it.
fn count(times: &mut VecDeque<Duration>, per_minute: u32, now: Duration) -> bool {
    while times.front().is_some_and(|time| now.saturating_sub(*time) >= MINUTE) {
        times.pop_front();
    }
    let has_room = times.len() < usize::try_from(per_minute).unwrap_or(usize::MAX);
    if has_room {
        times.push_back(now);
    }
    has_room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_minute_and_nothing_twice() {
        let mut pace = Pace::new(2, Duration::from_secs(10));
        let mut check = |at: u64, target: &str, response, expected: Result<(), TooMuch>| {
            assert_eq!(pace.admit(target, response, Duration::from_secs(at)), expected, "{at} {target}");
        };
        check(0, "a", Response::Kill, Ok(()));
        check(3, "a", Response::Kill, Err(TooMuch::Repeated(3)));
        check(4, "a", Response::Freeze, Ok(()));
        check(5, "b", Response::Kill, Err(TooMuch::PerMinute(2)));
        check(60, "b", Response::Kill, Ok(()));
        check(64, "a", Response::Kill, Ok(()));
        check(65, "a", Response::Stop, Err(TooMuch::PerMinute(2)));
    }
}
