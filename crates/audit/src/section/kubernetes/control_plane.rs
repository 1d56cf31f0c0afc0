//! CIS Kubernetes 1.2, 1.3, 1.4: API server, controller manager, scheduler.

use seawall_finding::{Outcome, Rule, Severity};

use super::arguments::Arguments;
use super::{FlagRule, Test, ask_table, cis, flag_rule};
use crate::answer::{Answer, Report, Section};
use crate::machine::Machine;

const WHO: &str =
    "The API server is the door to everything in the cluster: it has to know who asks, and whether they may.";
const TLS: &str = "What components say to each other are the cluster's credentials; in plain text, or to whoever answers, \
                   they are lost.";
const ADMISSION: &str = "Admission is the last look at an object before it exists; what it lets pass runs.";
const LOG: &str = "Without a long enough audit log nobody can say what an intruder did.";
const DEBUG: &str = "Profiling shows memory and code of a component to whoever asks, and slows it down.";
const LIMIT: &str = "One client must not be able to hold what all others need.";

pub(super) const API_SERVER: &[FlagRule] = &[
    flag_rule(
        ("api-server-anonymous", &cis("1.2.1")),
        "Anonymous requests to the API server",
        WHO,
        Severity::High,
        Test::Is("anonymous-auth", "false"),
    ),
    flag_rule(
        ("api-server-token-file", &cis("1.2.2")),
        "Tokens of the API server in a file",
        WHO,
        Severity::High,
        Test::Unset("token-auth-file"),
    ),
    flag_rule(
        ("api-server-external-ips", &cis("1.2.3")),
        "External addresses of services",
        ADMISSION,
        Severity::Low,
        Test::Has("enable-admission-plugins", "DenyServiceExternalIPs"),
    ),
    flag_rule(
        ("api-server-kubelet-certificate", &cis("1.2.4")),
        "Certificate of the API server for kubelets",
        TLS,
        Severity::High,
        Test::Set(&["kubelet-client-certificate", "kubelet-client-key"]),
    ),
    flag_rule(
        ("api-server-kubelet-authority", &cis("1.2.5")),
        "Authority of kubelets' certificates",
        TLS,
        Severity::Medium,
        Test::Set(&["kubelet-certificate-authority"]),
    ),
    flag_rule(
        ("api-server-always-allow", &cis("1.2.6")),
        "Authorization that allows everything",
        WHO,
        Severity::Critical,
        Test::Lacks("authorization-mode", "AlwaysAllow"),
    ),
    flag_rule(
        ("api-server-node-authorization", &cis("1.2.7")),
        "Authorization of nodes",
        WHO,
        Severity::High,
        Test::Has("authorization-mode", "Node"),
    ),
    flag_rule(
        ("api-server-rbac", &cis("1.2.8")),
        "Authorization by roles",
        WHO,
        Severity::High,
        Test::Has("authorization-mode", "RBAC"),
    ),
    flag_rule(
        ("api-server-event-rate", &cis("1.2.9")),
        "Rate of events",
        LIMIT,
        Severity::Low,
        Test::Has("enable-admission-plugins", "EventRateLimit"),
    ),
    flag_rule(
        ("api-server-always-admit", &cis("1.2.10")),
        "Admission that admits everything",
        ADMISSION,
        Severity::High,
        Test::Lacks("enable-admission-plugins", "AlwaysAdmit"),
    ),
    flag_rule(
        ("api-server-always-pull", &cis("1.2.11")),
        "Pulling of images at every start",
        ADMISSION,
        Severity::Low,
        Test::Has("enable-admission-plugins", "AlwaysPullImages"),
    ),
    flag_rule(
        ("api-server-service-accounts", &cis("1.2.12")),
        "Service accounts of pods",
        ADMISSION,
        Severity::Medium,
        Test::Lacks("disable-admission-plugins", "ServiceAccount"),
    ),
    flag_rule(
        ("api-server-namespace-lifecycle", &cis("1.2.13")),
        "Objects in namespaces that end",
        ADMISSION,
        Severity::Low,
        Test::Lacks("disable-admission-plugins", "NamespaceLifecycle"),
    ),
    flag_rule(
        ("api-server-node-restriction", &cis("1.2.14")),
        "What kubelets may change",
        ADMISSION,
        Severity::High,
        Test::Has("enable-admission-plugins", "NodeRestriction"),
    ),
    flag_rule(
        ("api-server-profiling", &cis("1.2.15")),
        "Profiling of the API server",
        DEBUG,
        Severity::Low,
        Test::Is("profiling", "false"),
    ),
    flag_rule(
        ("api-server-audit-log", &cis("1.2.16")),
        "Audit log of the API server",
        LOG,
        Severity::Medium,
        Test::Set(&["audit-log-path"]),
    ),
    flag_rule(
        ("api-server-audit-age", &cis("1.2.17")),
        "Days that the audit log is kept",
        LOG,
        Severity::Low,
        Test::AtLeast("audit-log-maxage", 30),
    ),
    flag_rule(
        ("api-server-audit-backups", &cis("1.2.18")),
        "Files that the audit log keeps",
        LOG,
        Severity::Low,
        Test::AtLeast("audit-log-maxbackup", 10),
    ),
    flag_rule(
        ("api-server-audit-size", &cis("1.2.19")),
        "Size of a file of the audit log",
        LOG,
        Severity::Low,
        Test::AtLeast("audit-log-maxsize", 100),
    ),
    flag_rule(
        ("api-server-request-timeout", &cis("1.2.20")),
        "Time of a request",
        LIMIT,
        Severity::Low,
        Test::NotZero("request-timeout"),
    ),
    flag_rule(
        ("api-server-token-lookup", &cis("1.2.21")),
        "Tokens of service accounts that are gone",
        WHO,
        Severity::Medium,
        Test::IsOrUnset("service-account-lookup", "true"),
    ),
    flag_rule(
        ("api-server-token-key", &cis("1.2.22")),
        "Key of service accounts' tokens",
        WHO,
        Severity::Medium,
        Test::Set(&["service-account-key-file"]),
    ),
    flag_rule(
        ("api-server-etcd-certificate", &cis("1.2.23")),
        "Certificate of the API server for etcd",
        TLS,
        Severity::High,
        Test::Set(&["etcd-certfile", "etcd-keyfile"]),
    ),
    flag_rule(
        ("api-server-certificate", &cis("1.2.24")),
        "Certificate of the API server",
        TLS,
        Severity::High,
        Test::Set(&["tls-cert-file", "tls-private-key-file"]),
    ),
    flag_rule(
        ("api-server-client-authority", &cis("1.2.25")),
        "Authority of clients' certificates",
        WHO,
        Severity::High,
        Test::Set(&["client-ca-file"]),
    ),
    flag_rule(
        ("api-server-etcd-authority", &cis("1.2.26")),
        "Authority of etcd's certificate",
        TLS,
        Severity::High,
        Test::Set(&["etcd-cafile"]),
    ),
    flag_rule(
        ("api-server-encryption", &cis("1.2.27")),
        "Encryption of what is stored",
        "Secrets in etcd's files and their backups can be read by whoever has the disk.",
        Severity::Medium,
        Test::Set(&["encryption-provider-config"]),
    ),
    flag_rule(
        ("api-server-ciphers", &cis("1.2.29")),
        "Cipher suites of the API server",
        TLS,
        Severity::Low,
        Test::StrongCiphers("tls-cipher-suites"),
    ),
    flag_rule(
        ("api-server-token-extension", &cis("1.2.30")),
        "Longer life of service accounts' tokens",
        WHO,
        Severity::Low,
        Test::Is("service-account-extend-token-expiration", "false"),
    ),
];

pub(super) const CONTROLLER_MANAGER: &[FlagRule] = &[
    flag_rule(
        ("controller-manager-pod-collection", &cis("1.3.1")),
        "Ended pods that are kept",
        LIMIT,
        Severity::Low,
        Test::Set(&["terminated-pod-gc-threshold"]),
    ),
    flag_rule(
        ("controller-manager-profiling", &cis("1.3.2")),
        "Profiling of the controller manager",
        DEBUG,
        Severity::Low,
        Test::Is("profiling", "false"),
    ),
    flag_rule(
        ("controller-manager-own-accounts", &cis("1.3.3")),
        "Own accounts of controllers",
        WHO,
        Severity::Medium,
        Test::Is("use-service-account-credentials", "true"),
    ),
    flag_rule(
        ("controller-manager-token-key", &cis("1.3.4")),
        "Key that signs service accounts' tokens",
        WHO,
        Severity::Medium,
        Test::Set(&["service-account-private-key-file"]),
    ),
    flag_rule(
        ("controller-manager-root-authority", &cis("1.3.5")),
        "Authority that pods are given",
        TLS,
        Severity::Medium,
        Test::Set(&["root-ca-file"]),
    ),
    flag_rule(
        ("controller-manager-kubelet-rotation", &cis("1.3.6")),
        "Rotation of kubelets' certificates",
        TLS,
        Severity::Low,
        Test::Lacks("feature-gates", "RotateKubeletServerCertificate=false"),
    ),
    flag_rule(
        ("controller-manager-address", &cis("1.3.7")),
        "Address of the controller manager",
        WHO,
        Severity::Medium,
        Test::IsOrUnset("bind-address", "127.0.0.1"),
    ),
];

pub(super) const SCHEDULER: &[FlagRule] = &[
    flag_rule(
        ("scheduler-profiling", &cis("1.4.1")),
        "Profiling of the scheduler",
        DEBUG,
        Severity::Low,
        Test::Is("profiling", "false"),
    ),
    flag_rule(
        ("scheduler-address", &cis("1.4.2")),
        "Address of the scheduler",
        WHO,
        Severity::Medium,
        Test::IsOrUnset("bind-address", "127.0.0.1"),
    ),
];

pub(super) const ENCRYPTION: Rule = Rule {
    id: "api-server-encryption-provider",
    title: "Provider of the encryption of what is stored",
    why: "The first provider of the list writes; `identity` writes plain text, and `aesgcm` loses its strength without \
          rotation that nobody does.",
    fix: "Put kms, secretbox or aescbc first in the encryption configuration, and rewrite all secrets.",
    severity: Severity::Medium,
    references: &["https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/"],
    controls: &cis("1.2.28"),
};

pub(super) const API_SERVER_MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    let api_server = Arguments::of_static_pod(machine, "kube-apiserver", API_SERVER_MANIFEST);
    ask_table(machine, report, API_SERVER, &api_server);
    let answer = encryption(machine, &api_server).about(machine.host.subject());
    report.add(Section::Kubernetes, &ENCRYPTION, answer.expecting("kms, secretbox or aescbc first"));
    let manifest = "/etc/kubernetes/manifests/kube-controller-manager.yaml";
    let controller_manager = Arguments::of_static_pod(machine, "kube-controller-manager", manifest);
    ask_table(machine, report, CONTROLLER_MANAGER, &controller_manager);
    let scheduler =
        Arguments::of_static_pod(machine, "kube-scheduler", "/etc/kubernetes/manifests/kube-scheduler.yaml");
    ask_table(machine, report, SCHEDULER, &scheduler);
}

fn encryption(machine: &Machine<'_>, api_server: &Result<Option<Arguments>, String>) -> Answer {
    let arguments = match api_server {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            return Answer::not_applicable(API_SERVER_MANIFEST, "the program does not run on this node");
        }
        Err(reason) => return Answer::error(API_SERVER_MANIFEST, reason.clone()),
    };
    let Some(path) = arguments.get("encryption-provider-config") else {
        return Answer::new(Outcome::Fail, API_SERVER_MANIFEST, "nothing is encrypted");
    };
    let text = match machine.host.root.text(&path) {
        Ok(text) => text,
        Err(error) => return Answer::error(path, error.to_string()),
    };
    let config: serde_json::Value = match serde_saphyr::from_str(&text) {
        Ok(config) => config,
        Err(error) => return Answer::error(path, error.to_string()),
    };
    let first = config
        .pointer("/resources/0/providers/0")
        .and_then(|provider| provider.as_object()?.keys().next().cloned());
    match first {
        None => Answer::error(path, "it names no provider"),
        Some(first) => {
            let is_good = matches!(first.as_str(), "kms" | "secretbox" | "aescbc");
            Answer::judged(is_good, path, format!("{first} comes first"))
        }
    }
}
