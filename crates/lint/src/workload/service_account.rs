//! The Kubernetes service account of a pod.

use seawall_finding::Framework::{CisKubernetes112, NistSp800190, NsaCisaKubernetes};
use seawall_finding::{Rule, Severity};

use super::case::{Answer, Case, Hardening, Wrong};
use super::{Judge, WorkloadRule};

pub(super) static RULES: &[WorkloadRule] = &[
    WorkloadRule {
        rule: Rule {
            id: "service-account-token-mounted",
            title: "Service account token in every container",
            why: "The token speaks to the API server as the pod's account. A program that never calls the API only \
                  keeps it for whoever breaks in.",
            fix: "Set `automountServiceAccountToken: false` in the pod.",
            severity: Severity::Low,
            references: &[
                "https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/",
            ],
            controls: &[
                (CisKubernetes112, "5.1.6"),
                (NsaCisaKubernetes, "Protecting Pod service account tokens"),
                (NistSp800190, "4.3.1"),
            ],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Workload(token),
        bad: &["apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a}]}"],
        good: &[
            "apiVersion: v1\nkind: Pod\nspec: {automountServiceAccountToken: false, containers: [{name: a}]}",
        ],
    },
    WorkloadRule {
        rule: Rule {
            id: "default-service-account",
            title: "Default service account in use",
            why: "Every pod of the namespace that names no account has this one; what it may do, all of them may.",
            fix: "Make a service account for the workload, or take the token away.",
            severity: Severity::Low,
            references: &["https://kubernetes.io/docs/concepts/security/service-accounts/"],
            controls: &[
                (CisKubernetes112, "5.1.5"),
                (NsaCisaKubernetes, "Protecting Pod service account tokens"),
                (NistSp800190, "4.3.1"),
            ],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Workload(default),
        bad: &["apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a}]}"],
        good: &[
            "apiVersion: v1\nkind: Pod\nspec: {serviceAccountName: web, containers: [{name: a}]}",
            "apiVersion: v1\nkind: Pod\nspec: {automountServiceAccountToken: false, containers: [{name: a}]}",
        ],
    },
];

const SECTION: &str = "Service accounts";

fn has_no_token(case: &Case<'_>) -> bool {
    case.workload.automount_token.as_ref().is_some_and(|given| !given.value)
}

fn token(case: &Case<'_>) -> Answer {
    if !case.is_kubernetes() {
        return Answer::NotApplicable("no service account");
    }
    let setting = "automountServiceAccountToken";
    match &case.workload.automount_token {
        Some(given) if !given.value => Answer::Pass("no token is mounted".to_owned()),
        Some(given) => {
            let wrong = Wrong::new(&given.origin, setting, "true", "false");
            Answer::Fail(vec![wrong.hardening(Hardening::Replace)])
        }
        None => {
            let wrong = Wrong::new(&case.workload.origin, setting, "not set", "false");
            Answer::Fail(vec![wrong.hardening(Hardening::NoServiceAccountToken)])
        }
    }
}

fn default(case: &Case<'_>) -> Answer {
    if !case.is_kubernetes() {
        return Answer::NotApplicable("no service account");
    }
    if has_no_token(case) {
        return Answer::Pass("no token is mounted".to_owned());
    }
    let wrong = |origin, seen| Wrong::new(origin, "serviceAccountName", seen, "an account of its own");
    match &case.workload.service_account {
        Some(given) if given.value == "default" => Answer::Fail(vec![wrong(&given.origin, "default")]),
        Some(given) => Answer::Pass(given.value.clone()),
        None => Answer::Fail(vec![wrong(&case.workload.origin, "not set")]),
    }
}
