//! Objects that select or name others which are not there.

use std::collections::BTreeMap;

use seawall_finding::{Confidence, Rule, Severity};

use super::{ObjectRule, Scene, namespace};
use crate::document::At;
use crate::kubernetes::{Object, texts};
use crate::workload::Wrong;

pub(super) static RULES: &[ObjectRule] = &[
    ObjectRule {
        rule: Rule {
            id: "dangling-selector",
            title: "Selector that selects nothing here",
            why: "A policy that selects no pod protects none, and a service without pods answers nobody; mostly the \
                  labels were changed in one place only.",
            fix: "Bring selector and labels together.",
            severity: Severity::Medium,
            references: &["https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/"],
            controls: &[],
        },
        by_default: true,
        judge: dangling,
        bad: &["apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: n}\n\
             spec: {podSelector: {matchLabels: {app: b}}}\n---\n\
             apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: n, labels: {app: a}}\nspec: {containers: [{name: a}]}\n"],
        good: &[
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: n}\n\
             spec: {podSelector: {matchExpressions: [{key: app, operator: In, values: [a]}]}}\n---\n\
             apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: n, labels: {app: a}}\nspec: {containers: [{name: a}]}\n",
            "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: n}\nspec: {selector: {app: a}}\n",
        ],
    },
    ObjectRule {
        rule: Rule {
            id: "selector-misses-template",
            title: "Selector that misses its own pods",
            why: "The API server refuses a workload whose selector does not match its own template.",
            fix: "Bring selector and template labels together.",
            severity: Severity::Low,
            references: &["https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#selector"],
            controls: &[],
        },
        by_default: true,
        judge: |object, _| own_selector(object),
        bad: &[
            "apiVersion: apps/v1\nkind: Deployment\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: c}}, spec: {containers: [{name: a}]}}}",
        ],
        good: &[
            "apiVersion: apps/v1\nkind: Deployment\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b, c: d}}, spec: {containers: [{name: a}]}}}",
        ],
    },
];

/// Whether a label selector selects labels; an empty one selects all. An operator that is not known selects nothing.
pub(super) fn selects(selector: &At<'_>, labels: &BTreeMap<String, String>) -> bool {
    let wanted = selector.get("matchLabels").map(|at| texts(&at)).unwrap_or_default();
    let has_all = wanted.iter().all(|(key, value)| labels.get(key) == Some(value));
    let holds = |at: &At<'_>| {
        let label = labels.get(at.str("key").unwrap_or_default());
        let values = at.texts("values");
        let is_listed = label.is_some_and(|label| values.iter().any(|given| given.value == *label));
        match at.str("operator").unwrap_or_default() {
            "In" => is_listed,
            "NotIn" => !is_listed,
            "Exists" => label.is_some(),
            "DoesNotExist" => label.is_none(),
            _ => false,
        }
    };
    has_all && selector.list("matchExpressions").iter().all(holds)
}

/// Judged only where pods of the same namespace are among the files: what is elsewhere is not known.
fn dangling(object: &Object<'_>, scene: &Scene<'_>) -> Vec<Wrong> {
    let (path, is_plain): (&[&str], bool) = match (object.group(), object.kind) {
        ("networking.k8s.io", "NetworkPolicy") => (&["spec", "podSelector"], false),
        ("policy", "PodDisruptionBudget") => (&["spec", "selector"], false),
        ("", "Service") => (&["spec", "selector"], true),
        _ => return Vec::new(),
    };
    let Some(selector) = object.at.path(path) else { return Vec::new() };
    let pods = scene.pods.get(namespace(object)).map(Vec::as_slice).unwrap_or_default();
    let plain = texts(&selector);
    let is_selected = |labels: &BTreeMap<String, String>| match is_plain {
        true => plain.iter().all(|(key, value)| labels.get(key) == Some(value)),
        false => selects(&selector, labels),
    };
    if pods.is_empty() || !scene.may_compare(pods.len()) || pods.iter().any(is_selected) {
        return Vec::new();
    }
    let wrong = Wrong::new(
        &selector.origin(),
        &path.join("."),
        "selects no pod of these files",
        "the labels of a pod",
    );
    vec![Wrong { confidence: Confidence::Low, ..wrong }]
}

fn own_selector(object: &Object<'_>) -> Vec<Wrong> {
    let Some(workload) = object.workload().filter(|_| object.group() == "apps") else { return Vec::new() };
    let Some(selector) = object.at.path(&["spec", "selector"]) else { return Vec::new() };
    if selects(&selector, &workload.labels) {
        return Vec::new();
    }
    vec![Wrong::new(
        &selector.origin(),
        "spec.selector",
        "does not match the template's labels",
        "the template's labels",
    )]
}
