//! Rights: roles and who has them.

use seawall_finding::Framework::{CisKubernetes112, NistSp800190, NsaCisaKubernetes};
use seawall_finding::{Rule, Severity};

use super::ObjectRule;
use crate::document::At;
use crate::kubernetes::Object;
use crate::workload::Wrong;

const REFERENCES: &[&str] = &["https://kubernetes.io/docs/concepts/security/rbac-good-practices/"];

const READ_PODS: &str = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [get, list], resources: [pods]}]";

pub(super) static RULES: &[ObjectRule] = &[
    ObjectRule {
        rule: Rule {
            id: "role-wildcard",
            title: "Role with wildcards",
            why: "`*` grants what exists today and whatever a later version or a new resource definition adds.",
            fix: "Name the verbs and resources that are needed.",
            severity: Severity::High,
            references: REFERENCES,
            controls: &[
                (CisKubernetes112, "5.1.3"),
                (NsaCisaKubernetes, "Authentication and authorization"),
                (NistSp800190, "4.3.1"),
            ],
        },
        by_default: true,
        judge: |object, _| rules(object, |rule| rule.wildcards()),
        bad: &[
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: ['*'], resources: ['*']}]",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [get], resources: ['*']}]",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: ['*'], resources: [pods]}]",
        ],
        good: &[READ_PODS],
    },
    ObjectRule {
        rule: Rule {
            id: "role-reads-secrets",
            title: "Role that reads secrets",
            why: "Reading secrets is having what they open; `list` and `watch` show their contents as `get` does.",
            fix: "Name the secrets (`resourceNames`) and grant `get` alone.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[
                (CisKubernetes112, "5.1.2"),
                (NsaCisaKubernetes, "Authentication and authorization"),
                (NistSp800190, "4.3.1"),
            ],
        },
        by_default: true,
        judge: |object, _| rules(object, |rule| rule.grants(&["get", "list", "watch"], &["secrets"], true)),
        bad: &[
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [list], resources: [secrets]}]",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [get], resources: [secrets]}]",
        ],
        good: &[
            READ_PODS,
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [create], resources: [secrets]}]",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nrules: [{verbs: [get], resources: [secrets], resourceNames: [a]}]",
        ],
    },
    ObjectRule {
        rule: Rule {
            id: "role-creates-pods",
            title: "Role that creates pods",
            why: "Whoever creates a pod runs as any service account of the namespace and mounts any of its secrets, \
                  and where nothing forbids it, the node's root.",
            fix: "Grant it only to controllers and to people who may have all that.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(CisKubernetes112, "5.1.4"), (NistSp800190, "4.3.1")],
        },
        by_default: false,
        judge: |object, _| {
            let makers = [
                "pods",
                "deployments",
                "daemonsets",
                "statefulsets",
                "replicasets",
                "jobs",
                "cronjobs",
                "replicationcontrollers",
            ];
            // Who changes a pod template runs another pod.
            rules(object, |rule| rule.grants(&["create", "update", "patch"], &makers, false))
        },
        bad: &[
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [create], resources: [pods]}]",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [create], resources: [deployments]}]",
        ],
        good: &[READ_PODS],
    },
    ObjectRule {
        rule: Rule {
            id: "role-executes-in-pods",
            title: "Role that runs commands in pods",
            why: "`exec`, `attach`, `portforward` and ephemeral containers are having every pod, its tokens and \
                  secrets.",
            fix: "Take the subresources away.",
            severity: Severity::High,
            references: REFERENCES,
            controls: &[(NsaCisaKubernetes, "Authentication and authorization"), (NistSp800190, "4.3.1")],
        },
        by_default: true,
        judge: |object, _| {
            let resources =
                ["pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers", "pods/proxy"];
            // A WebSocket client executes with `get`.
            rules(object, |rule| rule.grants(&["create", "get", "update", "patch"], &resources, false))
        },
        bad: &[
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [create], resources: [pods/exec]}]",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [get], resources: [pods/attach]}]",
        ],
        good: &[
            READ_PODS,
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [get], resources: [pods/log]}]",
        ],
    },
    ObjectRule {
        rule: Rule {
            id: "role-escalates",
            title: "Role that grants itself more",
            why: "`escalate`, `bind` and `impersonate` are there to get around the rule that nobody grants what he has \
                  not.",
            fix: "Take the verb away.",
            severity: Severity::Critical,
            references: REFERENCES,
            controls: &[(CisKubernetes112, "5.1.8"), (NistSp800190, "4.3.1")],
        },
        by_default: true,
        judge: |object, _| {
            let bound = ["roles", "clusterroles"];
            let who = ["users", "groups", "serviceaccounts", "userextras", "uids"];
            rules(object, |rule| {
                rule.grants(&["escalate", "bind"], &bound, true).or(rule.grants(&["impersonate"], &who, true))
            })
        },
        bad: &[
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [bind], resources: [clusterroles]}]",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [escalate], resources: [roles]}]",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [impersonate], resources: [users]}]",
        ],
        good: &[
            READ_PODS,
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [get], resources: [clusterroles]}]",
        ],
    },
    ObjectRule {
        rule: Rule {
            id: "role-writes-bindings",
            title: "Role that changes roles or bindings",
            why: "Whoever writes bindings gives to others what he has, and with a role that binds, everything.",
            fix: "Grant it only to whoever administers the cluster.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(NistSp800190, "4.3.1")],
        },
        by_default: false,
        judge: |object, _| {
            let resources = ["rolebindings", "clusterrolebindings", "roles", "clusterroles"];
            rules(object, |rule| rule.grants(&["create", "update", "patch"], &resources, false))
        },
        bad: &[
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [create], resources: [clusterrolebindings]}]",
        ],
        good: &[READ_PODS],
    },
    ObjectRule {
        rule: Rule {
            id: "role-reaches-nodes",
            title: "Role that reaches the kubelet",
            why: "`nodes/proxy` speaks to the kubelet's own API, which runs commands in every pod of the node, past \
                  audit and admission.",
            fix: "Take `nodes/proxy` away; `nodes/metrics` and `nodes/stats` are enough to watch.",
            severity: Severity::High,
            references: REFERENCES,
            controls: &[(CisKubernetes112, "5.1.10"), (NistSp800190, "4.3.1")],
        },
        by_default: true,
        judge: |object, _| {
            rules(object, |rule| rule.grants(&["get", "create", "update", "patch"], &["nodes/proxy"], false))
        },
        bad: &[
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [get], resources: [nodes/proxy]}]",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [create], resources: [nodes/proxy]}]",
        ],
        good: &[
            READ_PODS,
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [get], resources: [nodes/metrics]}]",
        ],
    },
    ObjectRule {
        rule: Rule {
            id: "role-makes-credentials",
            title: "Role that makes credentials",
            why: "Who makes service account tokens, or approves certificates, becomes whoever they name.",
            fix: "Take the subresource away.",
            severity: Severity::High,
            references: REFERENCES,
            controls: &[(CisKubernetes112, "5.1.11"), (CisKubernetes112, "5.1.13"), (NistSp800190, "4.3.1")],
        },
        by_default: true,
        judge: |object, _| {
            rules(object, |rule| {
                let approves =
                    rule.grants(&["update", "patch"], &["certificatesigningrequests/approval"], true);
                approves.or(rule.grants(&["create"], &["serviceaccounts/token"], true))
            })
        },
        bad: &[
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [create], resources: [serviceaccounts/token]}]",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [update], resources: [certificatesigningrequests/approval]}]",
        ],
        good: &[READ_PODS],
    },
    ObjectRule {
        rule: Rule {
            id: "role-changes-admission",
            title: "Role that changes admission webhooks",
            why: "A webhook reads and changes every object that anybody creates, secrets among them.",
            fix: "Grant it only to whoever administers the cluster, and by `resourceNames`.",
            severity: Severity::High,
            references: REFERENCES,
            controls: &[(CisKubernetes112, "5.1.12"), (NistSp800190, "4.3.1")],
        },
        by_default: true,
        judge: |object, _| {
            let resources = ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"];
            rules(object, |rule| rule.grants(&["create", "update", "patch", "delete"], &resources, true))
        },
        bad: &[
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [update], resources: [mutatingwebhookconfigurations]}]",
        ],
        good: &[
            READ_PODS,
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [get], resources: [mutatingwebhookconfigurations]}]",
        ],
    },
    ObjectRule {
        rule: Rule {
            id: "role-creates-volumes",
            title: "Role that creates persistent volumes",
            why: "A persistent volume may be a path of the node, past what pods are forbidden.",
            fix: "Leave volumes to the provisioner.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(CisKubernetes112, "5.1.9"), (NistSp800190, "4.3.1")],
        },
        by_default: false,
        judge: |object, _| rules(object, |rule| rule.grants(&["create"], &["persistentvolumes"], false)),
        bad: &[
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nrules: [{verbs: [create], resources: [persistentvolumes]}]",
        ],
        good: &[READ_PODS],
    },
    ObjectRule {
        rule: Rule {
            id: "cluster-admin-binding",
            title: "Binding to cluster-admin",
            why: "cluster-admin may do everything to everything; a workload with it is the cluster.",
            fix: "Bind a role that has what is needed.",
            severity: Severity::High,
            references: REFERENCES,
            controls: &[
                (CisKubernetes112, "5.1.1"),
                (NsaCisaKubernetes, "Authentication and authorization"),
                (NistSp800190, "4.3.1"),
            ],
        },
        by_default: true,
        judge: |object, _| admin(object),
        bad: &[
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nroleRef: {kind: ClusterRole, name: cluster-admin}\nsubjects: [{kind: ServiceAccount, name: a}]",
        ],
        good: &[
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nroleRef: {kind: ClusterRole, name: view}\nsubjects: [{kind: ServiceAccount, name: a}]",
        ],
    },
    ObjectRule {
        rule: Rule {
            id: "binding-for-everybody",
            title: "Binding for everybody",
            why: "system:anonymous and system:unauthenticated are whoever reaches the API server; \
                  system:authenticated and system:serviceaccounts are every account and every pod there is.",
            fix: "Bind a group or service account that is meant.",
            severity: Severity::High,
            references: REFERENCES,
            controls: &[
                (CisKubernetes112, "5.1.7"),
                (NsaCisaKubernetes, "Authentication and authorization"),
                (NistSp800190, "4.3.2"),
            ],
        },
        by_default: true,
        judge: |object, _| everybody(object),
        bad: &[
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nroleRef: {kind: Role, name: a}\nsubjects: [{kind: User, name: 'system:anonymous'}]",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nroleRef: {kind: Role, name: a}\nsubjects: [{kind: Group, name: 'system:masters'}]",
        ],
        good: &[
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nroleRef: {kind: Role, name: a}\nsubjects: [{kind: Group, name: devs}]",
        ],
    },
];

fn is_rbac(object: &Object<'_>) -> bool {
    object.group() == "rbac.authorization.k8s.io"
}

/// A rule of a role.
struct Grant<'a> {
    at: At<'a>,
    verbs: Vec<String>,
    resources: Vec<String>,
    names: bool,
}

impl Grant<'_> {
    /// What of these it grants; not where it names the objects and `unless_named` says that this is enough. What
    /// wildcards grant is told as a wildcard.
    fn grants(&self, verbs: &[&str], resources: &[&str], unless_named: bool) -> Option<Wrong> {
        let verbs: Vec<&str> = self
            .verbs
            .iter()
            .map(String::as_str)
            .filter(|verb| verbs.contains(verb) || *verb == "*")
            .collect();
        let matches = |resource: &&str| {
            let by_subresource = resource.strip_prefix("*/").is_some_and(|sub| {
                resources.iter().any(|wanted| wanted.split_once('/').is_some_and(|(_, wanted)| wanted == sub))
            });
            resources.contains(resource) || by_subresource
        };
        let resources: Vec<&str> = self.resources.iter().map(String::as_str).filter(matches).collect();
        if verbs.is_empty() || resources.is_empty() || (unless_named && self.names) {
            return None;
        }
        let seen = format!("{} {}", verbs.join(", "), resources.join(", "));
        Some(Wrong::new(
            &self.at.origin(),
            &format!("rule for {}", resources.join(", ")),
            seen,
            "not granted",
        ))
    }

    fn wildcards(&self) -> Option<Wrong> {
        let all = |words: &[String]| words.iter().any(|word| word == "*");
        let (verbs, resources) = (all(&self.verbs), all(&self.resources));
        let severity = if verbs && resources { Severity::Critical } else { Severity::High };
        let seen = format!("{} {}", self.verbs.join(", "), self.resources.join(", "));
        let wrong =
            || Wrong::new(&self.at.origin(), "rule with wildcard", seen, "verbs and resources by name");
        (verbs || resources).then(|| wrong().severity(severity))
    }
}

fn rules(object: &Object<'_>, wrong: impl Fn(&Grant<'_>) -> Option<Wrong>) -> Vec<Wrong> {
    if !is_rbac(object) || !matches!(object.kind, "Role" | "ClusterRole") {
        return Vec::new();
    }
    let texts = |at: &At<'_>, key: &str| {
        at.texts(key).into_iter().map(|given| given.value.to_ascii_lowercase()).collect()
    };
    let grant = |at: At<'_>| {
        let (verbs, resources) = (texts(&at, "verbs"), texts(&at, "resources"));
        let names = !at.list("resourceNames").is_empty();
        wrong(&Grant { verbs, resources, names, at })
    };
    object.at.list("rules").into_iter().filter_map(grant).collect()
}

fn is_binding(object: &Object<'_>) -> bool {
    is_rbac(object) && matches!(object.kind, "RoleBinding" | "ClusterRoleBinding")
}

fn admin(object: &Object<'_>) -> Vec<Wrong> {
    let Some(role) = object.at.get("roleRef").filter(|_| is_binding(object)) else { return Vec::new() };
    let is_admin = role.str("name") == Some("cluster-admin") && role.str("kind") != Some("Role");
    let subjects = object.at.list("subjects");
    let names: Vec<String> = subjects.iter().filter_map(|at| at.str("name").map(str::to_owned)).collect();
    // The cluster's own group of administrators has it by design.
    let is_own = !names.is_empty() && names.iter().all(|name| name == "system:masters");
    let scope = if object.kind == "RoleBinding" { "in its namespace" } else { "in the whole cluster" };
    let seen = format!("{} for {}", scope, names.join(", "));
    let wrong = || Wrong::new(&role.origin(), "roleRef cluster-admin", seen, "a role of its own");
    if is_admin && !is_own { vec![wrong()] } else { Vec::new() }
}

fn everybody(object: &Object<'_>) -> Vec<Wrong> {
    const EVERYBODY: [&str; 5] = [
        "system:anonymous",
        "system:unauthenticated",
        "system:authenticated",
        "system:serviceaccounts",
        "system:masters",
    ];
    // What Kubernetes itself binds to everybody: discovery and self-review.
    const OWN: [&str; 4] = [
        "system:discovery",
        "system:public-info-viewer",
        "system:basic-user",
        "system:service-account-issuer-discovery",
    ];
    if !is_binding(object) || OWN.contains(&object.name) {
        return Vec::new();
    }
    let wrong = |at: &At<'_>| {
        let name = at.str("name").filter(|name| EVERYBODY.contains(name))?;
        let severity = if name == "system:authenticated" { Severity::Medium } else { Severity::High };
        Some(Wrong::new(&at.origin(), "subject", name, "a subject that is meant").severity(severity))
    };
    object.at.list("subjects").iter().filter_map(wrong).collect()
}
