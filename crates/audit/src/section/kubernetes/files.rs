//! CIS Kubernetes 1.1 and 4.1: owners and modes of the files of a control plane and a node.

use seawall_finding::{Framework, Rule, Severity};

use super::{REFERENCES, cis};
use crate::answer::{Answer, Report, Section, few};
use crate::limits::CERTIFICATES_MAX;
use crate::machine::Machine;
use crate::root::Unread;

/// A rule over files.
struct FileRule {
    rule: Rule,
    /// Paths; one that ends in `/*.crt` means the files of that directory, and `/*` all of them.
    paths: &'static [&'static str],
    demand: Demand,
}

#[derive(Debug, Clone, Copy)]
enum Demand {
    /// No bit outside of these.
    Mode(u32),
    /// `root:root`.
    Root,
    /// `etcd:etcd`.
    Etcd,
}

const WHY: &str = "The file says what the program does, or holds the credential by which it is known: who writes it runs the \
                   cluster, who reads it can be it.";

const fn file(
    (id, controls): (&'static str, &'static [(Framework, &'static str)]),
    title: &'static str,
    paths: &'static [&'static str],
    demand: Demand,
) -> FileRule {
    let fix = "`chmod` or `chown` it as expected.";
    let severity = Severity::Medium;
    FileRule {
        rule: Rule { id, title, why: WHY, fix, severity, references: REFERENCES, controls },
        paths,
        demand,
    }
}

const API_SERVER: &[&str] = &["/etc/kubernetes/manifests/kube-apiserver.yaml"];
const CONTROLLER_MANAGER: &[&str] = &["/etc/kubernetes/manifests/kube-controller-manager.yaml"];
const SCHEDULER: &[&str] = &["/etc/kubernetes/manifests/kube-scheduler.yaml"];
const ETCD: &[&str] = &["/etc/kubernetes/manifests/etcd.yaml"];
const CNI: &[&str] = &["/etc/cni/net.d/*"];
const ETCD_DATA: &[&str] = &["/var/lib/etcd"];
const ADMIN: &[&str] = &["/etc/kubernetes/admin.conf", "/etc/kubernetes/super-admin.conf"];
const SCHEDULER_CONF: &[&str] = &["/etc/kubernetes/scheduler.conf"];
const CONTROLLER_CONF: &[&str] = &["/etc/kubernetes/controller-manager.conf"];
const PKI: &[&str] = &["/etc/kubernetes/pki", "/etc/kubernetes/pki/*", "/etc/kubernetes/pki/etcd/*"];
const CERTIFICATES: &[&str] = &["/etc/kubernetes/pki/*.crt", "/etc/kubernetes/pki/etcd/*.crt"];
const KEYS: &[&str] = &["/etc/kubernetes/pki/*.key", "/etc/kubernetes/pki/etcd/*.key"];
const KUBELET_UNIT: &[&str] = &[
    "/etc/systemd/system/kubelet.service",
    "/usr/lib/systemd/system/kubelet.service",
    "/etc/systemd/system/kubelet.service.d/*.conf",
    "/usr/lib/systemd/system/kubelet.service.d/*.conf",
];
const PROXY_CONF: &[&str] = &["/var/lib/kube-proxy/kubeconfig", "/etc/kubernetes/proxy.conf"];
const KUBELET_CONF: &[&str] = &["/etc/kubernetes/kubelet.conf"];
const KUBELET_AUTHORITY: &[&str] = &["/etc/kubernetes/pki/ca.crt"];
const KUBELET_CONFIG: &[&str] = &["/var/lib/kubelet/config.yaml"];

const RULES: &[FileRule] = &[
    file(
        ("mode-api-server-manifest", &cis("1.1.1")),
        "Mode of the API server's manifest",
        API_SERVER,
        Demand::Mode(0o600),
    ),
    file(
        ("owner-api-server-manifest", &cis("1.1.2")),
        "Owner of the API server's manifest",
        API_SERVER,
        Demand::Root,
    ),
    file(
        ("mode-controller-manager-manifest", &cis("1.1.3")),
        "Mode of the controller manager's manifest",
        CONTROLLER_MANAGER,
        Demand::Mode(0o600),
    ),
    file(
        ("owner-controller-manager-manifest", &cis("1.1.4")),
        "Owner of the controller manager's manifest",
        CONTROLLER_MANAGER,
        Demand::Root,
    ),
    file(
        ("mode-scheduler-manifest", &cis("1.1.5")),
        "Mode of the scheduler's manifest",
        SCHEDULER,
        Demand::Mode(0o600),
    ),
    file(
        ("owner-scheduler-manifest", &cis("1.1.6")),
        "Owner of the scheduler's manifest",
        SCHEDULER,
        Demand::Root,
    ),
    file(("mode-etcd-manifest", &cis("1.1.7")), "Mode of etcd's manifest", ETCD, Demand::Mode(0o600)),
    file(("owner-etcd-manifest", &cis("1.1.8")), "Owner of etcd's manifest", ETCD, Demand::Root),
    file(("mode-cni-files", &cis("1.1.9")), "Mode of the network plugins' files", CNI, Demand::Mode(0o600)),
    file(("owner-cni-files", &cis("1.1.10")), "Owner of the network plugins' files", CNI, Demand::Root),
    file(("mode-etcd-data", &cis("1.1.11")), "Mode of etcd's data", ETCD_DATA, Demand::Mode(0o700)),
    file(("owner-etcd-data", &cis("1.1.12")), "Owner of etcd's data", ETCD_DATA, Demand::Etcd),
    file(
        ("mode-admin-credentials", &cis("1.1.13")),
        "Mode of the administrator's credentials",
        ADMIN,
        Demand::Mode(0o600),
    ),
    file(
        ("owner-admin-credentials", &cis("1.1.14")),
        "Owner of the administrator's credentials",
        ADMIN,
        Demand::Root,
    ),
    file(
        ("mode-scheduler-credentials", &cis("1.1.15")),
        "Mode of the scheduler's credentials",
        SCHEDULER_CONF,
        Demand::Mode(0o600),
    ),
    file(
        ("owner-scheduler-credentials", &cis("1.1.16")),
        "Owner of the scheduler's credentials",
        SCHEDULER_CONF,
        Demand::Root,
    ),
    file(
        ("mode-controller-manager-credentials", &cis("1.1.17")),
        "Mode of the controller manager's credentials",
        CONTROLLER_CONF,
        Demand::Mode(0o600),
    ),
    file(
        ("owner-controller-manager-credentials", &cis("1.1.18")),
        "Owner of the controller manager's credentials",
        CONTROLLER_CONF,
        Demand::Root,
    ),
    file(
        ("owner-cluster-pki", &cis("1.1.19")),
        "Owner of the cluster's keys and certificates",
        PKI,
        Demand::Root,
    ),
    file(
        ("mode-cluster-certificates", &cis("1.1.20")),
        "Mode of the cluster's certificates",
        CERTIFICATES,
        Demand::Mode(0o644),
    ),
    file(("mode-cluster-keys", &cis("1.1.21")), "Mode of the cluster's keys", KEYS, Demand::Mode(0o600)),
    file(
        ("mode-kubelet-unit", &cis("4.1.1")),
        "Mode of the kubelet's unit",
        KUBELET_UNIT,
        Demand::Mode(0o600),
    ),
    file(("owner-kubelet-unit", &cis("4.1.2")), "Owner of the kubelet's unit", KUBELET_UNIT, Demand::Root),
    file(
        ("mode-proxy-credentials", &cis("4.1.3")),
        "Mode of kube-proxy's credentials",
        PROXY_CONF,
        Demand::Mode(0o600),
    ),
    file(
        ("owner-proxy-credentials", &cis("4.1.4")),
        "Owner of kube-proxy's credentials",
        PROXY_CONF,
        Demand::Root,
    ),
    file(
        ("mode-kubelet-credentials", &cis("4.1.5")),
        "Mode of the kubelet's credentials",
        KUBELET_CONF,
        Demand::Mode(0o600),
    ),
    file(
        ("owner-kubelet-credentials", &cis("4.1.6")),
        "Owner of the kubelet's credentials",
        KUBELET_CONF,
        Demand::Root,
    ),
    file(
        ("mode-kubelet-authority", &cis("4.1.7")),
        "Mode of the authority of the kubelet's clients",
        KUBELET_AUTHORITY,
        Demand::Mode(0o644),
    ),
    file(
        ("owner-kubelet-authority", &cis("4.1.8")),
        "Owner of the authority of the kubelet's clients",
        KUBELET_AUTHORITY,
        Demand::Root,
    ),
    file(
        ("mode-kubelet-config", &cis("4.1.9")),
        "Mode of the kubelet's configuration",
        KUBELET_CONFIG,
        Demand::Mode(0o600),
    ),
    file(
        ("owner-kubelet-config", &cis("4.1.10")),
        "Owner of the kubelet's configuration",
        KUBELET_CONFIG,
        Demand::Root,
    ),
];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().map(|rule| &rule.rule)
}

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    for file_rule in RULES {
        let answer = judge(machine, file_rule).about(machine.host.subject());
        report.add(Section::Kubernetes, &file_rule.rule, answer);
    }
}

fn matching(machine: &Machine<'_>, pattern: &str) -> Result<Vec<String>, Unread> {
    let Some((directory, end)) = pattern.split_once("/*") else { return Ok(vec![pattern.to_owned()]) };
    let names = match machine.host.root.names(directory) {
        Err(Unread::Absent) => return Ok(Vec::new()),
        names => names?,
    };
    let paths = names.into_iter().filter(|name| name.ends_with(end)).take(CERTIFICATES_MAX);
    Ok(paths.map(|name| format!("{directory}/{name}")).collect())
}

/// One answer for all files of a rule: a certificate directory has dozens.
fn judge(machine: &Machine<'_>, file_rule: &FileRule) -> Answer {
    let looked_at = file_rule.paths.join(", ");
    let (mut seen, mut wrong) = (0_usize, Vec::new());
    for pattern in file_rule.paths {
        let paths = match matching(machine, pattern) {
            Ok(paths) => paths,
            Err(error) => return Answer::error(*pattern, error.to_string()),
        };
        for path in paths {
            let metadata = match machine.host.root.metadata(&path) {
                Ok(metadata) => metadata,
                Err(Unread::Absent) => continue,
                Err(error) => return Answer::error(path, error.to_string()),
            };
            seen += 1;
            let accounts = &machine.host.accounts;
            let owner = format!("{}:{}", accounts.user_name(metadata.uid), accounts.group_name(metadata.gid));
            match file_rule.demand {
                Demand::Mode(mode) if metadata.mode & !mode != 0 => {
                    wrong.push(format!("{path} has mode {:03o}", metadata.mode))
                }
                Demand::Root if (metadata.uid, metadata.gid) != (0, 0) => {
                    wrong.push(format!("{path} is {owner}'s"))
                }
                Demand::Etcd if owner != "etcd:etcd" => wrong.push(format!("{path} is {owner}'s")),
                Demand::Mode(_) | Demand::Root | Demand::Etcd => {}
            }
        }
    }
    let expected = match file_rule.demand {
        Demand::Mode(mode) => format!("mode {mode:03o} or less"),
        Demand::Root => "root:root".to_owned(),
        Demand::Etcd => "etcd:etcd".to_owned(),
    };
    let answer = match (seen, wrong.is_empty()) {
        (0, _) => Answer::not_applicable(looked_at, "there is no such file"),
        (seen, true) => Answer::judged(true, looked_at, format!("{seen} files as expected")),
        (_, false) => Answer::judged(false, looked_at, few(&wrong)),
    };
    answer.expecting(expected)
}
