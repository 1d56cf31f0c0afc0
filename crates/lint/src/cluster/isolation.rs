//! Namespaces and network policies.

use seawall_finding::Framework::{CisKubernetes112, NistSp800190, NsaCisaKubernetes};
use seawall_finding::{Confidence, Rule, Severity};

use super::{ObjectRule, Scene, namespace};
use crate::kubernetes::Object;
use crate::workload::Wrong;

const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: n}\nspec: {containers: [{name: a}]}\n";

pub(super) static RULES: &[ObjectRule] = &[
    ObjectRule {
        rule: Rule {
            id: "no-network-policy",
            title: "Pods that no network policy selects",
            why: "A pod that no policy selects talks to and hears everybody in the cluster.",
            fix: "Add a NetworkPolicy that denies by default, and one for what is needed.",
            severity: Severity::Low,
            references: &["https://kubernetes.io/docs/concepts/services-networking/network-policies/"],
            controls: &[
                (CisKubernetes112, "5.3.2"),
                (NsaCisaKubernetes, "Network policies"),
                (NistSp800190, "4.3.3"),
            ],
        },
        by_default: false,
        judge: unselected,
        bad: &[
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: n}\nspec: {containers: [{name: a}]}\n",
        ],
        good: &[
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: n, labels: {app: a}}\nspec: {containers: [{name: a}]}\n---\n\
             apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: n}\nspec: {podSelector: {}}\n",
        ],
    },
    ObjectRule {
        rule: Rule {
            id: "network-policy-open",
            title: "Network policy that allows everything",
            why: "A rule without a peer and without a port allows everybody, as if there were no policy.",
            fix: "Name the peers in `from` or `to`.",
            severity: Severity::Medium,
            references: &["https://kubernetes.io/docs/concepts/services-networking/network-policies/"],
            controls: &[
                (CisKubernetes112, "5.3.2"),
                (NsaCisaKubernetes, "Network policies"),
                (NistSp800190, "4.3.3"),
            ],
        },
        by_default: true,
        judge: |object, _| open(object),
        bad: &[
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {}, ingress: [{}]}\n",
        ],
        good: &[
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {}, ingress: []}\n",
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {podSelector: {}, egress: [{}], policyTypes: [Ingress]}\n",
        ],
    },
    ObjectRule {
        rule: Rule {
            id: "default-namespace",
            title: "Workload in the default namespace",
            why: "Rights, quotas and policies are given by namespace; what shares the default one shares them.",
            fix: "Make a namespace for the workload.",
            severity: Severity::Low,
            references: &["https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/"],
            controls: &[
                (CisKubernetes112, "5.6.4"),
                (NsaCisaKubernetes, "Namespaces"),
                (NistSp800190, "4.3.4"),
            ],
        },
        by_default: true,
        judge: |object, _| default_namespace(object),
        bad: &[
            "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: default}\nspec: {containers: [{name: a}]}\n",
        ],
        good: &[POD, "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a}]}\n"],
    },
    ObjectRule {
        rule: Rule {
            id: "namespace-without-pod-security",
            title: "Namespace without a Pod Security level",
            why: "A namespace without a level, or with `privileged`, takes every pod that somebody may create, the \
                  node's root among them.",
            fix: "Label it `pod-security.kubernetes.io/enforce: baseline`, or `restricted`.",
            severity: Severity::Low,
            references: &["https://kubernetes.io/docs/concepts/security/pod-security-admission/"],
            controls: &[
                (CisKubernetes112, "5.2.1"),
                (NsaCisaKubernetes, "Pod security enforcement"),
                (NistSp800190, "4.4.3"),
            ],
        },
        by_default: false,
        judge: |object, _| pod_security(object),
        bad: &[
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: n, labels: {pod-security.kubernetes.io/enforce: privileged}}",
        ],
        good: &[
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: n, labels: {pod-security.kubernetes.io/enforce: baseline}}",
        ],
    },
];

fn unselected(object: &Object<'_>, scene: &Scene<'_>) -> Vec<Wrong> {
    let Some(workload) = object.workload() else { return Vec::new() };
    let policies = scene.policies.get(namespace(object));
    let candidates = policies.map(|policies| policies.candidates(&workload.labels)).unwrap_or_default();
    let is_selected = || candidates.iter().any(|selector| selector.selects(&workload.labels));
    if !scene.may_compare(candidates.len()) || is_selected() {
        return Vec::new();
    }
    let wrong =
        Wrong::new(&object.at.origin(), "NetworkPolicy", "none in these files selects it", "a policy");
    vec![Wrong { confidence: Confidence::Medium, ..wrong }]
}

fn open(object: &Object<'_>) -> Vec<Wrong> {
    let Some(spec) = object.at.get("spec").filter(|_| object.kind == "NetworkPolicy") else {
        return Vec::new();
    };
    let types = spec.texts("policyTypes");
    let holds = |kind: &str| types.is_empty() || types.iter().any(|given| given.value == kind);
    let sides = [("ingress", "Ingress", "from"), ("egress", "Egress", "to")];
    let mut wrongs = Vec::new();
    for (key, _, peers) in sides.into_iter().filter(|(_, kind, _)| holds(kind)) {
        for rule in spec.list(key) {
            let is_open = rule.list(peers).is_empty() && rule.list("ports").is_empty();
            if is_open {
                wrongs.push(Wrong::new(&rule.origin(), key, "a rule that allows everybody", "peers by name"));
            }
        }
    }
    wrongs
}

fn default_namespace(object: &Object<'_>) -> Vec<Wrong> {
    let is_said = object.namespace == "default" && object.workload().is_some();
    let at = object.at.path(&["metadata", "namespace"]).unwrap_or_else(|| object.at.clone());
    if is_said { vec![Wrong::new(&at.origin(), "namespace", "default", "another")] } else { Vec::new() }
}

fn pod_security(object: &Object<'_>) -> Vec<Wrong> {
    const LABEL: &str = "pod-security.kubernetes.io/enforce";
    if !object.group().is_empty() || object.kind != "Namespace" {
        return Vec::new();
    }
    let label = object.at.path(&["metadata", "labels", LABEL]);
    let level = label.as_ref().and_then(|at| at.node.text()).unwrap_or("not set");
    if matches!(level, "baseline" | "restricted") {
        return Vec::new();
    }
    let origin = label.as_ref().unwrap_or(&object.at).origin();
    vec![Wrong::new(&origin, LABEL, level, "baseline or restricted")]
}
