//! Objects that select or name others which are not there.

use seawall_finding::{Confidence, Rule, Severity};

use super::selector::Selector;
use super::{ObjectRule, Scene, namespace};
use crate::kubernetes::Object;
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

/// Judged only where pods of the same namespace are among the files: what is elsewhere is not known.
fn dangling(object: &Object<'_>, scene: &Scene<'_>) -> Vec<Wrong> {
    let (path, is_plain): (&[&str], bool) = match (object.group(), object.kind) {
        ("networking.k8s.io", "NetworkPolicy") => (&["spec", "podSelector"], false),
        ("policy", "PodDisruptionBudget") => (&["spec", "selector"], false),
        ("", "Service") => (&["spec", "selector"], true),
        _ => return Vec::new(),
    };
    let Some(selector) = object.at.path(path) else { return Vec::new() };
    let Some(pods) = scene.pods.get(namespace(object)).filter(|pods| !pods.is_empty()) else {
        return Vec::new();
    };
    let wanted = if is_plain { Selector::plain(&selector) } else { Selector::read(&selector) };
    let candidates = pods.candidates(&wanted);
    if !scene.may_compare(candidates.len()) || candidates.iter().any(|labels| wanted.selects(labels)) {
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
    if Selector::read(&selector).selects(&workload.labels) {
        return Vec::new();
    }
    vec![Wrong::new(
        &selector.origin(),
        "spec.selector",
        "does not match the template's labels",
        "the template's labels",
    )]
}
