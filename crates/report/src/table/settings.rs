//! Wrong settings and leaked credentials: grouped by where a person goes to change them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use seawall_finding::{Evidence, Finding, Framework, Leaked, Severity, Subject};
use seawall_policy::Judged;

use super::Table;
use crate::text::{clean, wrap};

/// Lines, containers or services that one row names before it counts the rest.
const NAMED_MAX: usize = 8;
/// Findings of one rule that are told one by one.
const ROWS_MAX: usize = 3;
/// Places of one credential that are listed before they are counted.
const PLACES_MAX: usize = 5;

impl Table<'_> {
    /// One row a rule below the section, file or subject that it is about; the worst first.
    pub(super) fn settings(&self, text: &mut String) {
        let mut groups: BTreeMap<(usize, String), BTreeMap<&str, Vec<&Judged>>> = BTreeMap::new();
        let is_setting =
            |evidence: &Evidence| evidence.misset().is_some() || matches!(evidence, Evidence::Untrusted(_));
        for judged in self.listed().filter(|judged| is_setting(&judged.finding.evidence)) {
            let rules = groups.entry(self.group(judged)).or_default();
            rules.entry(&judged.finding.rule).or_default().push(judged);
        }
        for ((_, group), rules) in groups {
            self.heading(text, &clean(&group));
            let mut rules: Vec<(&str, Vec<&Judged>)> = rules.into_iter().collect();
            let worst = |found: &[&Judged]| found.iter().map(|judged| judged.finding.severity).max();
            rules.sort_by(|(a, one), (b, other)| worst(other).cmp(&worst(one)).then(a.cmp(b)));
            // A few are told one by one; of many the rule's title says enough.
            let rows: Vec<(&str, &[&Judged])> = rules
                .iter()
                .flat_map(|(rule, found)| {
                    // What adds up differs each time.
                    let is_sum = found.iter().any(|judged| !because(judged).is_empty());
                    let size = if found.len() > ROWS_MAX && !is_sum { found.len() } else { 1 };
                    found.chunks(size).map(|chunk| (*rule, chunk))
                })
                .collect();
            for (index, (rule, found)) in rows.iter().enumerate() {
                // What mends several in a row is said once, below the last of them.
                let next = rows.get(index + 1).map(|(_, found)| remedy(found));
                let remedy = if next == Some(remedy(found)) { "" } else { remedy(found) };
                self.entry(text, worst(found).unwrap_or_default(), &self.setting(rule, found), remedy);
            }
        }
    }

    /// The part of the benchmark that asks, in the benchmark's order, else the file, else the subject.
    fn group(&self, judged: &Judged) -> (usize, String) {
        let finding = &judged.finding;
        let checks = &self.report.coverage.checks;
        let section = checks.iter().find(|check| check.rule == finding.rule).map(|check| &check.section);
        match (section, &finding.place.path) {
            (Some(section), _) => {
                let order = checks.iter().position(|check| check.section == *section);
                (order.unwrap_or(usize::MAX), section.clone())
            }
            (None, Some(path)) => (usize::MAX, path.clone()),
            (None, None) => (usize::MAX, format!("SETTINGS of {}", finding.subject.label())),
        }
    }

    /// What is wrong and where, with the rule and its number in the benchmark that its readers know.
    fn setting(&self, rule: &str, found: &[&Judged]) -> String {
        let Some(first) = found.first() else { return String::new() };
        let is_in_benchmark = self.report.coverage.checks.iter().any(|check| check.rule == rule);
        let has_lines = first.finding.place.line.is_some() && !is_in_benchmark;
        let names: Vec<String> = found
            .iter()
            .map(|judged| match judged.finding.place.line {
                Some(line) if has_lines => line.to_string(),
                _ => clean(&judged.finding.subject.label()).into_owned(),
            })
            .collect();
        let mut names = names;
        if has_lines {
            names.sort_by_key(|line| line.parse::<u32>().unwrap_or(0));
        }
        let names = some(&names, NAMED_MAX);
        let what = match (found, self.report.rules.get(rule)) {
            ([_, _, ..], Some(about)) if has_lines => format!("lines {names}: {}", about.title),
            ([_, _, ..], Some(about)) => format!("{}: {names}", about.title),
            ([_, _, ..], None) if has_lines => format!("lines {names}: {}", first.finding.summary),
            _ if has_lines => format!("line {names}: {}", first.finding.summary),
            _ if is_one_of_many(&first.finding) => format!("{names}: {}", first.finding.summary),
            _ => first.finding.summary.clone(),
        };
        let missets = || found.iter().filter_map(|judged| judged.finding.evidence.misset());
        let because = match found {
            [_] => missets()
                .flat_map(|misset| &misset.because)
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(" + "),
            _ => String::new(),
        };
        let because = if because.is_empty() { because } else { format!(": {because}") };
        let is_fixable = missets().any(|misset| misset.change.is_some());
        let mark = if is_fixable { " (--fix)" } else { "" };
        let controls = &first.finding.controls;
        let of = |wanted: Framework| controls.iter().find(|control| control.framework == wanted);
        let number = of(Framework::CisDocker18).map(|control| format!(", CIS {}", control.id));
        let number = number.or_else(|| {
            of(Framework::CisKubernetes112).map(|control| format!(", CIS Kubernetes {}", control.id))
        });
        format!("{what}{because} [{rule}{}]{mark}", number.unwrap_or_default())
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
                for line in wrap(&clean(&self.report.as_named(place(judged, leaked))), self.width - 14) {
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

/// Whether the subject is one of many of its kind and the summary does not begin with it.
pub(crate) fn is_one_of_many(finding: &Finding) -> bool {
    match &finding.subject {
        Subject::Container { name, .. } | Subject::Image { name } | Subject::Workload { name, .. } => {
            !finding.summary.starts_with(name.as_str())
        }
        Subject::Package { .. }
        | Subject::Distribution { .. }
        | Subject::Host { .. }
        | Subject::Engine { .. }
        | Subject::Target { .. } => false,
    }
}

fn because(judged: &Judged) -> &[String] {
    judged.finding.evidence.misset().map_or(&[], |misset| &misset.because)
}

fn remedy<'a>(found: &[&'a Judged]) -> &'a str {
    found.first().map_or("", |judged| &judged.finding.remedy)
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
