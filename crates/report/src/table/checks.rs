//! How a benchmark came out: a line a section, and what nobody has answered.

use std::fmt::Write as _;

use seawall_finding::{Check, Outcome};

use super::Table;
use crate::score::{Section, sections};
use crate::text::{clean, fit, pad, wrap};

/// Unanswered questions that are listed before they are counted.
const OPEN_MAX: usize = 12;

impl Table<'_> {
    pub(super) fn checks(&self, text: &mut String) {
        let checks = &self.report.coverage.checks;
        if checks.is_empty() {
            return;
        }
        self.heading(text, "BENCHMARK");
        let sections = sections(checks);
        let width = sections.iter().map(|one| one.section.chars().count()).max().unwrap_or(0).min(48);
        for Section { section, passed, answered, outcomes } in &sections {
            let others: Vec<String> =
                [Outcome::Error, Outcome::NotChecked, Outcome::Manual, Outcome::NotApplicable]
                    .into_iter()
                    .filter_map(|outcome| Some(format!("{} {}", outcomes.get(&outcome)?, outcome.name())))
                    .collect();
            let section = pad(&fit(&clean(section), width), width);
            let score = if *answered == 0 { String::new() } else { format!("{passed} of {answered} passed") };
            let others =
                if others.is_empty() { String::new() } else { format!(" · {}", others.join(" · ")) };
            self.line(text, &format!("  {section}  {score:>17}{others}"));
        }
        self.open(text, checks);
    }

    /// Questions that a person or another option could answer.
    fn open(&self, text: &mut String, checks: &[Check]) {
        let mut open: Vec<&Check> = Vec::new();
        for check in checks {
            let is_open = matches!(check.outcome, Outcome::Error | Outcome::NotChecked | Outcome::Manual);
            if is_open && !open.iter().any(|known| known.rule == check.rule) {
                open.push(check);
            }
        }
        if open.is_empty() {
            return;
        }
        self.heading(text, &format!("NOT ANSWERED ({})", open.len()));
        for check in open.iter().take(OPEN_MAX) {
            let line = format!("{} [{}]: {}", check.title, check.rule, check.seen);
            for (index, line) in wrap(&clean(&line), self.width - 18).iter().enumerate() {
                let label = if index == 0 { check.outcome.name() } else { "" };
                let _ = writeln!(text, "  {label:<14}  {line}");
            }
        }
        if open.len() > OPEN_MAX {
            let _ = writeln!(text, "  … and {} more; --format json lists them all", open.len() - OPEN_MAX);
        }
    }
}
