//! Rules over Kubernetes objects that are no workloads, or over several objects together: rights, networks, exposure,
//! namespaces, configuration.
//!
//! What several objects say together is judged within the files that were given together; what is elsewhere in the
//! cluster is not known, and a rule that would need it says so in its wording.

mod access;
mod configuration;
mod exposure;
mod isolation;
mod reference;

use seawall_finding::{Finding, Rule, Subject};

use crate::kubernetes::Object;
use crate::workload::{Selection, Wrong, misset};

/// A rule over an object among others.
#[derive(Debug)]
pub struct ObjectRule {
    /// Its constant part.
    pub rule: Rule,
    /// Whether it is asked when nobody names it.
    pub by_default: bool,
    judge: fn(&Object<'_>, &[&Object<'_>]) -> Vec<Wrong>,
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests run them"))]
    pub(crate) bad: &'static [&'static str],
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests run them"))]
    pub(crate) good: &'static [&'static str],
}

/// Every rule over objects.
pub fn rules() -> impl Iterator<Item = &'static ObjectRule> {
    [access::RULES, isolation::RULES, exposure::RULES, configuration::RULES, reference::RULES]
        .into_iter()
        .flatten()
}

/// What is wrong with the objects of one file, among all.
pub(crate) fn findings(
    here: &[Object<'_>],
    all: &[&Object<'_>],
    path: &str,
    selection: &Selection,
) -> Vec<Finding> {
    let mut found = Vec::new();
    for rule in rules().filter(|rule| selection.takes_id(rule.rule.id, rule.by_default)) {
        for object in here {
            let subject = Subject::Workload {
                workload: object.kind.to_owned(),
                namespace: object.namespace.to_owned(),
                name: object.name.to_owned(),
                container: String::new(),
            };
            let wrongs = (rule.judge)(object, all);
            found.extend(
                wrongs.into_iter().map(|wrong| misset(&rule.rule, subject.clone(), Some(path), wrong)),
            );
        }
    }
    found
}

/// The namespace that an object is in when nobody says otherwise.
pub(crate) fn namespace<'a>(object: &Object<'a>) -> &'a str {
    if object.namespace.is_empty() { "default" } else { object.namespace }
}
