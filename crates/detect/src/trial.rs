//! Tests of rules: events, and what the rules shall say of them.
//!
//! Owns the two ways to write cases, JSON lines and YAML (docs/guard-rules.md shows both), and the judgement of one
//! case. Refuses files and output: texts come in, outcomes go out.

mod read;

use std::collections::BTreeMap;

use seawall_finding::{Evidence, Finding, Happened};
use serde_json::Value;
use thiserror::Error;

use crate::engine::Engine;
use crate::replay::Observed;
use crate::suggest;

/// One case.
#[derive(Debug)]
pub struct Case {
    /// What its author calls it; else the rule it is about.
    pub name: String,
    /// The line of its file, from 1.
    pub line: usize,
    events: Vec<Observed>,
    expected: Expected,
}

/// What the rules shall say.
#[derive(Debug)]
enum Expected {
    /// This rule speaks at the last event and not before, whatever others say; or it does not.
    Rule { name: String, fires: bool },
    /// These alerts and no others, in any order.
    Alerts(Vec<Alert>),
}

/// An alert that is expected.
#[derive(Debug, Clone)]
struct Alert {
    rule: String,
    fields: BTreeMap<String, Value>,
    /// A part of the sentence.
    output: Option<String>,
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The rules that spoke, in the order of the events.
    pub spoke: Vec<String>,
    /// What is not as expected; none where the case passed.
    pub failures: Vec<String>,
}

/// Why a file holds no cases.
#[derive(Debug, Error)]
#[error("{file}:{line}: {message}")]
pub struct TrialError {
    /// As it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// One sentence.
    pub message: String,
}

impl Case {
    /// How many events it has.
    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// Asks the rules, which forget what they saw before.
    pub fn run(&self, engine: &mut Engine) -> Outcome {
        engine.forget();
        let mut found: Vec<(usize, Finding)> = Vec::new();
        for (at, event) in self.events.iter().enumerate() {
            found.extend(engine.observe_any(event).into_iter().map(|finding| (at, finding)));
        }
        let alerts: Vec<(usize, &Happened)> =
            found.iter().filter_map(|(at, finding)| Some((*at, happened(finding)?))).collect();
        let spoke = alerts.iter().map(|(_, alert)| alert.rule.clone()).collect();
        let mut failures = self.unknown_rules(engine);
        match &self.expected {
            Expected::Rule { name, fires } => {
                let at: Vec<usize> =
                    alerts.iter().filter(|(_, alert)| alert.rule == *name).map(|(at, _)| *at).collect();
                failures.extend(misfire(name, *fires, &at, self.events.len()));
            }
            Expected::Alerts(expected) => failures.extend(differences(expected, &alerts)),
        }
        Outcome { spoke, failures }
    }

    /// A rule that is not loaded cannot speak: such a case would pass for ever where nothing is expected of it.
    fn unknown_rules(&self, engine: &Engine) -> Vec<String> {
        let names: Vec<&str> = match &self.expected {
            Expected::Rule { name, .. } => vec![name],
            Expected::Alerts(alerts) => alerts.iter().map(|alert| alert.rule.as_str()).collect(),
        };
        let known = || engine.rules().iter().map(|rule| rule.name.as_str());
        let unknown = names.into_iter().filter(|name| !known().any(|known| known == *name));
        let message = |name: &str| {
            let help = suggest::closest(name, known()).map(|closest| format!(", did you mean `{closest}`?"));
            format!("no rule `{name}` is loaded{}", help.unwrap_or_default())
        };
        unknown.map(message).collect()
    }
}

fn happened(finding: &Finding) -> Option<&Happened> {
    match &finding.evidence {
        Evidence::Happened(happened) => Some(happened),
        Evidence::Vulnerable(_)
        | Evidence::Leaked(_)
        | Evidence::Misset(_)
        | Evidence::Untrusted(_)
        | Evidence::Outdated(_)
        | Evidence::Malicious(_) => None,
    }
}

/// What is wrong with when one rule spoke: the places of the events, of so many.
fn misfire(name: &str, fires: bool, at: &[usize], events: usize) -> Option<String> {
    let last = events.saturating_sub(1);
    match (fires, at.contains(&last), at.iter().find(|at| **at != last)) {
        (_, _, Some(early)) => {
            Some(format!("`{name}` speaks at event {} of {events} already", early.saturating_add(1)))
        }
        (true, false, None) => Some(format!("`{name}` is silent")),
        (false, true, None) => Some(format!("`{name}` speaks")),
        (true, true, None) | (false, false, None) => None,
    }
}

/// What is missing and what is too much. Each alert answers one expectation.
fn differences(expected: &[Alert], alerts: &[(usize, &Happened)]) -> Vec<String> {
    let mut left: Vec<&Happened> = alerts.iter().map(|(_, alert)| *alert).collect();
    let mut failures = Vec::new();
    for wanted in expected {
        if let Some(at) = left.iter().position(|alert| wanted.mismatch(alert).is_none()) {
            left.remove(at);
            continue;
        }
        // The nearest one says more than that none fits.
        match left.iter().position(|alert| alert.rule == wanted.rule) {
            Some(at) => failures.extend(wanted.mismatch(left.remove(at))),
            None => failures.push(format!("`{}` is silent", wanted.rule)),
        }
    }
    failures.extend(left.iter().map(|alert| format!("`{}` speaks, which nobody expects", alert.rule)));
    failures
}

impl Alert {
    fn mismatch(&self, alert: &Happened) -> Option<String> {
        if alert.rule != self.rule {
            return Some(format!("`{}` speaks instead of `{}`", alert.rule, self.rule));
        }
        for (field, wanted) in &self.fields {
            let Some(value) = alert.fields.get(field) else {
                return Some(format!("the output of `{}` does not show `{field}`", self.rule));
            };
            let value = serde_json::to_value(value).unwrap_or(Value::Null);
            if value != *wanted {
                return Some(format!("`{field}` of `{}` is {value}, expected {wanted}", self.rule));
            }
        }
        let is_lacking = |part: &&String| !alert.output.contains(part.as_str());
        let part = self.output.as_ref().filter(is_lacking)?;
        Some(format!("`{}` says {:?}, without {part:?}", self.rule, alert.output))
    }
}
