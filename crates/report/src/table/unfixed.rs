//! What has no fix, by what is known of one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use seawall_finding::{Evidence, FixState, Severity};

use super::Table;
use crate::text::{clean, count, fit, pad};

/// Ids that one line of unfixed findings lists before it counts the rest.
const IDS_MAX: usize = 3;
/// Packages without a fix that are listed before they are counted: nobody can act on them.
const UNFIXED_MAX: usize = 20;

/// The problems of one source package that have no fix.
#[derive(Default)]
struct Unfixed<'a> {
    severity: Severity,
    risk: f64,
    ids: Vec<&'a str>,
}

impl Table<'_> {
    /// One line a source package, because its binaries have the same problems; the worst first.
    pub(super) fn unfixed(&self, text: &mut String) {
        let mut groups: BTreeMap<(FixState, String), Unfixed<'_>> = BTreeMap::new();
        for judged in self.listed() {
            if let Evidence::Vulnerable(vulnerable) = &judged.finding.evidence
                && vulnerable.state != FixState::Fixed
            {
                let matched = vulnerable.matched.first();
                let name = matched.map_or_else(
                    || judged.finding.subject.label(),
                    |matched| format!("{} {}", matched.name, matched.version),
                );
                let group = groups.entry((vulnerable.state, name)).or_default();
                group.severity = group.severity.max(judged.finding.severity);
                group.risk = group.risk.max(vulnerable.risk);
                if !group.ids.contains(&vulnerable.id.as_str()) {
                    group.ids.push(&vulnerable.id);
                }
            }
        }
        let mut by_state: BTreeMap<FixState, Vec<(String, Unfixed<'_>)>> = BTreeMap::new();
        for ((state, name), group) in groups {
            by_state.entry(state).or_default().push((name, group));
        }
        for (state, mut groups) in by_state {
            groups.sort_by(|(_, a), (_, b)| b.severity.cmp(&a.severity).then(b.risk.total_cmp(&a.risk)));
            self.heading(text, &state.label().to_uppercase());
            let (shown, others) = groups.split_at(groups.len().min(UNFIXED_MAX));
            for (name, group) in shown {
                self.unfixed_line(text, name, group);
            }
            if !others.is_empty() {
                let problems: usize = others.iter().map(|(_, group)| group.ids.len()).sum();
                let others = count(others.len(), "package");
                self.line(text, &format!("  and {others} with {}", count(problems, "problem")));
            }
        }
    }

    fn unfixed_line(&self, text: &mut String, name: &str, group: &Unfixed<'_>) {
        let (shown, others) = group.ids.split_at(group.ids.len().min(IDS_MAX));
        let more = if others.is_empty() { String::new() } else { format!(" +{}", others.len()) };
        let room = (self.width / 3).max(24);
        let line = format!("{}  {}{more}", pad(&fit(&clean(name), room), room), clean(&shown.join(" ")));
        let line = fit(&line, self.width.saturating_sub(14));
        let _ = writeln!(text, "  {}  {}", self.severity(group.severity), line.trim_end());
    }
}
