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
mod selector;

use std::cell::Cell;
use std::collections::BTreeMap;

use seawall_finding::{Finding, Rule, Subject};

use crate::kubernetes::Object;
use crate::limits::SELECTIONS_MAX;
use crate::workload::{Selection, Wrong, misset};

use selector::{Pods, Policies, Selector};

/// A rule over an object among others.
#[derive(Debug)]
pub struct ObjectRule {
    /// Its constant part.
    pub rule: Rule,
    /// Whether it is asked when nobody names it.
    pub by_default: bool,
    judge: fn(&Object<'_>, &Scene<'_>) -> Vec<Wrong>,
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

/// What of all files together is needed.
pub(crate) struct Scene<'a> {
    /// By namespace.
    pods: BTreeMap<&'a str, Pods>,
    /// By namespace.
    policies: BTreeMap<&'a str, Policies>,
    /// Comparisons of selectors and labels that are left.
    left: Cell<usize>,
}

impl<'a> Scene<'a> {
    /// Collects what the objects of all files have.
    pub(crate) fn of(all: impl Iterator<Item = &'a Object<'a>>) -> Scene<'a> {
        let (mut pods, mut policies) = (BTreeMap::<_, Pods>::new(), BTreeMap::<_, Policies>::new());
        for object in all {
            if let Some(workload) = object.workload() {
                pods.entry(namespace(object)).or_default().push(workload.labels);
            }
            if object.kind == "NetworkPolicy"
                && let Some(selector) = object.at.path(&["spec", "podSelector"])
            {
                policies.entry(namespace(object)).or_default().push(Selector::read(&selector));
            }
        }
        Scene { pods, policies, left: Cell::new(SELECTIONS_MAX) }
    }

    /// Whether so many more comparisons are within the limit; what is beyond is not judged.
    fn may_compare(&self, count: usize) -> bool {
        let left = self.left.get().checked_sub(count);
        self.left.set(left.unwrap_or(0));
        left.is_some()
    }

    /// Whether something was not judged for the limit.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.left.get() == 0
    }
}

/// What is wrong with the objects of one file, among all.
pub(crate) fn findings<'o, 'a>(
    here: &'o [Object<'a>],
    scene: &Scene<'_>,
    path: &str,
    selection: &Selection,
) -> Vec<(Finding, &'o Object<'a>)> {
    let mut found = Vec::new();
    for rule in rules().filter(|rule| selection.takes_id(rule.rule.id, rule.by_default)) {
        for object in here {
            let subject = Subject::Workload {
                workload: object.kind.to_owned(),
                namespace: object.namespace.to_owned(),
                name: object.name.to_owned(),
                container: String::new(),
            };
            let finding = |wrong| (misset(&rule.rule, subject.clone(), Some(path), wrong), object);
            found.extend((rule.judge)(object, scene).into_iter().map(finding));
        }
    }
    found
}

/// The namespace that an object is in when nobody says otherwise.
pub(crate) fn namespace<'a>(object: &Object<'a>) -> &'a str {
    if object.namespace.is_empty() { "default" } else { object.namespace }
}
