//! How a benchmark came out, section by section.

use std::collections::BTreeMap;

use seawall_finding::{Check, Outcome};
use serde::Serialize;

/// One part of a benchmark and the answers to its questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Section<'a> {
    /// Its title.
    pub(crate) section: &'a str,
    /// Passed or attested.
    pub(crate) passed: usize,
    /// Answered with yes or no: the score is `passed` of `answered`.
    pub(crate) answered: usize,
    /// How many checks came out how; what was not answered counts for nobody.
    pub(crate) outcomes: BTreeMap<Outcome, usize>,
}

/// Checks by section, in the order in which the benchmark has them.
pub(crate) fn sections(checks: &[Check]) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for check in checks {
        let at = sections.iter().position(|known| known.section == check.section);
        let at = at.unwrap_or_else(|| {
            let outcomes = BTreeMap::new();
            sections.push(Section { section: &check.section, passed: 0, answered: 0, outcomes });
            sections.len() - 1
        });
        let Some(section) = sections.get_mut(at) else { continue };
        *section.outcomes.entry(check.outcome).or_default() += 1;
        let is_passed = matches!(check.outcome, Outcome::Pass | Outcome::Attested);
        section.passed += usize::from(is_passed);
        section.answered += usize::from(is_passed || check.outcome == Outcome::Fail);
    }
    sections
}
