//! Wrong settings and leaked credentials: grouped by where a person goes to change them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use seawall_finding::{Evidence, Leaked, Severity};
use seawall_policy::Judged;

use super::Table;
use crate::text::{clean, wrap};

/// Lines, containers or services that one row names before it counts the rest.
const NAMED_MAX: usize = 8;
/// Places of one credential that are listed before they are counted.
const PLACES_MAX: usize = 5;

impl Table<'_> {
    /// One row a rule below the section, file or subject that it is about; the worst first.
    pub(super) fn settings(&self, text: &mut String) {
        let mut groups: BTreeMap<String, BTreeMap<&str, Vec<&Judged>>> = BTreeMap::new();
        for judged in self.listed().filter(|judged| matches!(judged.finding.evidence, Evidence::Misset(_))) {
            let rules = groups.entry(self.group(judged)).or_default();
            rules.entry(&judged.finding.rule).or_default().push(judged);
        }
        for (group, rules) in groups {
            self.heading(text, &clean(&group));
            let mut rules: Vec<(&str, Vec<&Judged>)> = rules.into_iter().collect();
            let worst = |found: &[&Judged]| found.iter().map(|judged| judged.finding.severity).max();
            rules.sort_by(|(a, one), (b, other)| worst(other).cmp(&worst(one)).then(a.cmp(b)));
            for (rule, found) in rules {
                self.setting(text, rule, &found, worst(&found).unwrap_or_default());
            }
        }
    }

    /// The part of the benchmark that asks, else the file, else the subject.
    fn group(&self, judged: &Judged) -> String {
        let finding = &judged.finding;
        let section = self.report.coverage.checks.iter().find(|check| check.rule == finding.rule);
        match (section, &finding.place.path) {
            (Some(check), _) => check.section.clone(),
            (None, Some(path)) => path.clone(),
            (None, None) => finding.subject.label(),
        }
    }

    fn setting(&self, text: &mut String, rule: &str, found: &[&Judged], severity: Severity) {
        let Some(first) = found.first() else { return };
        let is_in_benchmark = self.report.coverage.checks.iter().any(|check| check.rule == rule);
        let has_lines = first.finding.place.line.is_some() && !is_in_benchmark;
        let names: Vec<String> = found
            .iter()
            .map(|judged| match judged.finding.place.line {
                Some(line) if has_lines => line.to_string(),
                _ => clean(&judged.finding.subject.label()).into_owned(),
            })
            .collect();
        let names = some(&names, NAMED_MAX);
        let what = match (found, self.report.rules.get(rule)) {
            ([_, _, ..], Some(about)) if has_lines => format!("lines {names}: {}", about.title),
            ([_, _, ..], Some(about)) => format!("{}: {names}", about.title),
            ([_, _, ..], None) if has_lines => format!("lines {names}: {}", first.finding.summary),
            _ if has_lines => format!("line {names}: {}", first.finding.summary),
            _ => first.finding.summary.clone(),
        };
        let is_fixable = found.iter().any(|judged| match &judged.finding.evidence {
            Evidence::Misset(misset) => misset.change.is_some(),
            Evidence::Vulnerable(_)
            | Evidence::Outdated(_)
            | Evidence::Malicious(_)
            | Evidence::Leaked(_) => false,
        });
        let mark = if is_fixable { " (--fix)" } else { "" };
        self.entry(text, severity, &format!("{what} [{rule}]{mark}"), &first.finding.remedy);
    }

    /// One row a credential, however often it stands in the target.
    pub(super) fn leaks(&self, text: &mut String) {
        let mut groups: BTreeMap<&str, Vec<(&Judged, &Leaked)>> = BTreeMap::new();
        for judged in self.listed() {
            if let Evidence::Leaked(leaked) = &judged.finding.evidence {
                groups.entry(&leaked.value_id).or_default().push((judged, leaked));
            }
        }
        if groups.is_empty() {
            return;
        }
        self.heading(text, &format!("LEAKED CREDENTIALS ({})", groups.len()));
        let mut groups: Vec<Vec<(&Judged, &Leaked)>> = groups.into_values().collect();
        let severity =
            |group: &[(&Judged, &Leaked)]| group.iter().map(|(judged, _)| judged.finding.severity).max();
        groups.sort_by_key(|group| std::cmp::Reverse(severity(group)));
        for group in groups {
            let Some((judged, leaked)) = group.first() else { continue };
            let what = format!("{} {} [{}]", leaked.secret, leaked.redacted, judged.finding.rule);
            self.entry(text, severity(&group).unwrap_or_default(), &what, "");
            for (judged, leaked) in group.iter().take(PLACES_MAX) {
                for line in wrap(&clean(&place(judged, leaked)), self.width - 14) {
                    let _ = writeln!(text, "              {line}");
                }
            }
            if group.len() > PLACES_MAX {
                let _ = writeln!(text, "              … and {} more places", group.len() - PLACES_MAX);
            }
        }
    }

    /// A severity with its text, and what to do below it.
    pub(super) fn entry(&self, text: &mut String, severity: Severity, what: &str, remedy: &str) {
        for (index, line) in wrap(&clean(what), self.width - 14).iter().enumerate() {
            let label = if index == 0 { self.severity(severity) } else { " ".repeat(10) };
            let _ = writeln!(text, "  {label}  {line}");
        }
        for line in wrap(&clean(remedy), self.width - 14) {
            let _ = writeln!(text, "              {}", self.paint("2", &line));
        }
    }
}

/// `/app/.npmrc:1, layer 3 (COPY . /app), deleted in layer 5`.
fn place(judged: &Judged, leaked: &Leaked) -> String {
    let place = &judged.finding.place;
    let mut text = match (&leaked.carrier, &place.path) {
        (Some(carrier), None) => carrier.clone(),
        (Some(carrier), Some(_)) => format!("{place}, {carrier}"),
        (None, _) => place.to_string(),
    };
    if let Some(layer) = &place.layer {
        let _ = write!(text, ", layer {}", layer.index);
        if let Some(instruction) = &layer.instruction {
            let _ = write!(text, " ({instruction})");
        }
    }
    if let Some(layer) = leaked.deleted_in_layer {
        let _ = write!(text, ", deleted in layer {layer} but still in the image");
    }
    text
}

/// The first few, and how many more.
fn some(names: &[String], most: usize) -> String {
    let mut distinct: Vec<&str> = Vec::new();
    for name in names {
        if !distinct.contains(&name.as_str()) {
            distinct.push(name);
        }
    }
    let shown = distinct.iter().take(most).copied().collect::<Vec<_>>().join(", ");
    match distinct.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
