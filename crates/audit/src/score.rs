//! How a section came out, in numbers. What is unanswered is counted beside the score and raises none.

use seawall_finding::{Check, Outcome};

use crate::Section;

/// The numbers of one section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Score {
    /// Answers of each outcome, in the order of [`Outcome::ALL`].
    counts: [usize; Outcome::ALL.len()],
}

impl Score {
    /// The numbers of the answers of one section.
    pub fn of(section: Section, checks: &[Check]) -> Score {
        let mut score = Score::default();
        for check in checks.iter().filter(|check| check.section == section.name()) {
            let index = Outcome::ALL.iter().position(|outcome| *outcome == check.outcome);
            if let Some(count) = index.and_then(|index| score.counts.get_mut(index)) {
                *count += 1;
            }
        }
        score
    }

    /// How many answers came out so.
    pub fn count(&self, outcome: Outcome) -> usize {
        let index = Outcome::ALL.iter().position(|own| *own == outcome);
        index.and_then(|index| self.counts.get(index)).copied().unwrap_or_default()
    }

    /// Passes of passes and failures, in per cent; `None` where there is neither.
    pub fn percent(&self) -> Option<usize> {
        let (passed, failed) = (self.count(Outcome::Pass), self.count(Outcome::Fail));
        (passed * 100).checked_div(passed + failed)
    }

    /// Questions that arose and that nobody has answered.
    pub fn unanswered(&self) -> usize {
        [Outcome::Manual, Outcome::NotChecked, Outcome::Error]
            .into_iter()
            .map(|outcome| self.count(outcome))
            .sum()
    }
}
