//! What answers from outside.

use seawall_finding::Framework::{CisKubernetes112, NistSp800190};
use seawall_finding::{Rule, Severity};

use super::ObjectRule;
use crate::kubernetes::Object;
use crate::workload::{Wrong, sensitive};

pub(super) static RULES: &[ObjectRule] = &[
    ObjectRule {
        rule: Rule {
            id: "service-external-ips",
            title: "Service that takes addresses",
            why: "Whoever sets `externalIPs` gets the cluster's traffic for these addresses, whoever they belong to \
                  (CVE-2020-8554).",
            fix: "Use a load balancer, or the admission plug-in that forbids it.",
            severity: Severity::High,
            references: &["https://nvd.nist.gov/vuln/detail/CVE-2020-8554"],
            controls: &[(NistSp800190, "4.3.3")],
        },
        by_default: true,
        judge: |object, _| external_ips(object),
        bad: &["apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {externalIPs: [1.2.3.4]}"],
        good: &["apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}"],
    },
    ObjectRule {
        rule: Rule {
            id: "service-on-nodes",
            title: "Service that answers on every node",
            why: "A NodePort answers on every address of every node, past ingress and its rules.",
            fix: "Use `ClusterIP` behind an Ingress or Gateway.",
            severity: Severity::Low,
            references: &["https://kubernetes.io/docs/concepts/services-networking/service/"],
            controls: &[(NistSp800190, "4.3.3")],
        },
        by_default: false,
        judge: |object, _| on_nodes(object),
        bad: &["apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: NodePort}"],
        good: &["apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: ClusterIP}"],
    },
    ObjectRule {
        rule: Rule {
            id: "load-balancer-for-everybody",
            title: "Load balancer without a list of sources",
            why: "A load balancer without `loadBalancerSourceRanges` is open to everybody who reaches it.",
            fix: "Set `loadBalancerSourceRanges`.",
            severity: Severity::Low,
            references: &["https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer"],
            controls: &[(NistSp800190, "4.3.3")],
        },
        by_default: false,
        judge: |object, _| load_balancer(object),
        bad: &["apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: LoadBalancer}"],
        good: &[
            "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: LoadBalancer, loadBalancerSourceRanges: [10.0.0.0/8]}",
        ],
    },
    ObjectRule {
        rule: Rule {
            id: "ingress-without-tls",
            title: "Ingress without TLS",
            why: "What goes over it, passwords and sessions among it, is readable on the way.",
            fix: "Set `tls` with a secret for the host.",
            severity: Severity::Medium,
            references: &["https://kubernetes.io/docs/concepts/services-networking/ingress/#tls"],
            controls: &[(NistSp800190, "4.3.3")],
        },
        by_default: false,
        judge: |object, _| ingress(object),
        bad: &[
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nspec: {rules: [{host: a}]}",
        ],
        good: &[
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\nspec: {tls: [{hosts: [a]}], rules: [{host: a}]}",
        ],
    },
    ObjectRule {
        rule: Rule {
            id: "ingress-snippet",
            title: "Ingress that writes the proxy's configuration",
            why: "ingress-nginx puts a snippet into its configuration as it is: whoever writes an Ingress reads the \
                  controller's files and token, and with it every secret of the cluster (CVE-2021-25742).",
            fix: "Take the snippet away, and forbid snippets in the controller.",
            severity: Severity::High,
            references: &["https://nvd.nist.gov/vuln/detail/CVE-2021-25742"],
            controls: &[(NistSp800190, "4.3.1")],
        },
        by_default: true,
        judge: |object, _| snippet(object),
        bad: &[
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, annotations: {nginx.ingress.kubernetes.io/server-snippet: x}}",
        ],
        good: &[
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, annotations: {nginx.ingress.kubernetes.io/rewrite-target: /}}",
        ],
    },
    ObjectRule {
        rule: Rule {
            id: "persistent-volume-on-node",
            title: "Persistent volume over a directory of the system",
            why: "Whoever claims the volume mounts the node's directory, though pods may be forbidden to.",
            fix: "Use a directory made for it, or a storage driver.",
            severity: Severity::High,
            references: &["https://kubernetes.io/docs/concepts/storage/persistent-volumes/"],
            controls: &[(CisKubernetes112, "5.2.11"), (NistSp800190, "4.5.5")],
        },
        by_default: true,
        judge: |object, _| on_node(object),
        bad: &["apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: v}\nspec: {hostPath: {path: /etc}}"],
        good: &[
            "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: v}\nspec: {hostPath: {path: /srv/data}}",
        ],
    },
];

fn is_service(object: &Object<'_>) -> bool {
    object.group().is_empty() && object.kind == "Service"
}

fn is_ingress(object: &Object<'_>) -> bool {
    matches!(object.group(), "networking.k8s.io" | "extensions") && object.kind == "Ingress"
}

fn external_ips(object: &Object<'_>) -> Vec<Wrong> {
    let Some(ips) = object.at.path(&["spec", "externalIPs"]).filter(|_| is_service(object)) else {
        return Vec::new();
    };
    let seen: Vec<&str> = ips.items().iter().filter_map(|at| at.node.text()).collect();
    if seen.is_empty() {
        Vec::new()
    } else {
        vec![Wrong::new(&ips.origin(), "externalIPs", seen.join(", "), "not set")]
    }
}

fn on_nodes(object: &Object<'_>) -> Vec<Wrong> {
    let kind = object
        .at
        .path(&["spec", "type"])
        .filter(|at| is_service(object) && at.node.text() == Some("NodePort"));
    kind.map(|at| Wrong::new(&at.origin(), "type", "NodePort", "ClusterIP")).into_iter().collect()
}

fn load_balancer(object: &Object<'_>) -> Vec<Wrong> {
    let kind = object.at.path(&["spec", "type"]);
    let kind = kind.filter(|at| is_service(object) && at.node.text() == Some("LoadBalancer"));
    let is_open =
        object.at.path(&["spec", "loadBalancerSourceRanges"]).is_none_or(|ranges| ranges.items().is_empty());
    let wrong = |at: crate::document::At<'_>| {
        Wrong::new(&at.origin(), "loadBalancerSourceRanges", "not set", "the sources that are meant")
    };
    kind.filter(|_| is_open).map(wrong).into_iter().collect()
}

fn ingress(object: &Object<'_>) -> Vec<Wrong> {
    let is_bare =
        is_ingress(object) && object.at.path(&["spec", "tls"]).is_none_or(|tls| tls.items().is_empty());
    let wrong = || Wrong::new(&object.at.origin(), "tls", "not set", "a secret for each host");
    if is_bare { vec![wrong()] } else { Vec::new() }
}

fn snippet(object: &Object<'_>) -> Vec<Wrong> {
    let annotations = object.at.path(&["metadata", "annotations"]).filter(|_| is_ingress(object));
    let fields = annotations.map(|at| at.fields()).unwrap_or_default();
    let is_snippet = |key: &str| key.ends_with("-snippet") && key.contains("nginx");
    let wrong = |(key, at): &(&str, crate::document::At<'_>)| {
        is_snippet(key).then(|| Wrong::new(&at.origin(), key, "set", "not set"))
    };
    fields.iter().filter_map(wrong).collect()
}

fn on_node(object: &Object<'_>) -> Vec<Wrong> {
    if !object.group().is_empty() || object.kind != "PersistentVolume" {
        return Vec::new();
    }
    let path = |kind: &str| object.at.path(&["spec", kind, "path"]);
    let wrong = |at: crate::document::At<'_>| {
        let known = sensitive(at.node.text()?)?;
        let seen = format!("{}: {}", at.node.text()?, known.what);
        Some(Wrong::new(&at.origin(), "path", seen, "nothing of the system"))
    };
    path("hostPath").or_else(|| path("local")).and_then(wrong).into_iter().collect()
}
