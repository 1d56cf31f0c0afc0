//! Namespaces of the host.

use seawall_finding::Framework::{
    CisDocker16, CisDocker17, CisDocker18, CisKubernetes112, NistSp800190, NsaCisaKubernetes,
    PodSecurityBaseline,
};
use seawall_finding::{Rule, Severity};
use seawall_inventory::Workload;
use seawall_inventory::workload::{Given, Namespace};

use super::case::{Answer, Case, Hardening, HostNamespace, Wrong};
use super::{Judge, WorkloadRule};

pub(super) static RULES: &[WorkloadRule] = &[
    WorkloadRule {
        rule: Rule {
            id: "host-pid-namespace",
            title: "Process namespace of the host",
            why: "A container that sees the host's processes reads their environment and arguments, signals those of \
                  its user, and with one more capability takes them over.",
            fix: "Take `hostPID: true`, `pid: host` or `--pid host` away.",
            severity: Severity::High,
            references: &["https://kubernetes.io/docs/concepts/security/pod-security-standards/"],
            controls: &[
                (CisDocker16, "5.16"),
                (CisDocker17, "5.16"),
                (CisDocker18, "5.16"),
                (CisKubernetes112, "5.2.3"),
                (PodSecurityBaseline, "Host Namespaces"),
                (NsaCisaKubernetes, "Pod security"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Workload(|case| host(case, "pid", "hostPID", |workload| &workload.namespaces.pid)),
        bad: &[
            "docker run --pid=host nginx:1.27",
            "apiVersion: v1\nkind: Pod\nspec: {hostPID: true, containers: [{name: a}]}",
            "services: {a: {image: 'x:1', pid: 'service:b'}, b: {image: 'x:1', pid: 'service:c'}, \
             c: {image: 'x:1', pid: host}}",
        ],
        good: &[
            "docker run nginx:1.27",
            "apiVersion: v1\nkind: Pod\nspec: {hostPID: false, containers: [{name: a}]}",
        ],
    },
    WorkloadRule {
        rule: Rule {
            id: "host-ipc-namespace",
            title: "Shared memory of the host",
            why: "A container in the host's IPC namespace reads and writes the shared memory and message queues of \
                  every process of the host.",
            fix: "Take `hostIPC: true`, `ipc: host` or `--ipc host` away.",
            severity: Severity::High,
            references: &["https://kubernetes.io/docs/concepts/security/pod-security-standards/"],
            controls: &[
                (CisDocker16, "5.17"),
                (CisDocker17, "5.17"),
                (CisDocker18, "5.17"),
                (CisKubernetes112, "5.2.4"),
                (PodSecurityBaseline, "Host Namespaces"),
                (NsaCisaKubernetes, "Pod security"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Workload(|case| host(case, "ipc", "hostIPC", |workload| &workload.namespaces.ipc)),
        bad: &["docker run --ipc host nginx:1.27", "services: {a: {image: 'x:1', ipc: host}}"],
        good: &["docker run --ipc private nginx:1.27", "docker run --ipc=shareable nginx:1.27"],
    },
    WorkloadRule {
        rule: Rule {
            id: "host-network-namespace",
            title: "Network of the host",
            why: "A container in the host's network listens to its traffic, reaches services that answer only on the \
                  loopback address, and no network policy applies to it.",
            fix: "Take `hostNetwork: true`, `network_mode: host` or `--network host` away and publish the ports that \
                  are needed.",
            severity: Severity::High,
            references: &["https://kubernetes.io/docs/concepts/security/pod-security-standards/"],
            controls: &[
                (CisDocker16, "5.10"),
                (CisDocker17, "5.10"),
                (CisDocker18, "5.10"),
                (CisKubernetes112, "5.2.5"),
                (PodSecurityBaseline, "Host Namespaces"),
                (NsaCisaKubernetes, "Pod security"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Workload(|case| {
            host(case, "network", "hostNetwork", |workload| &workload.namespaces.network)
        }),
        bad: &[
            "docker run --net=host nginx:1.27",
            "services: {a: {image: 'x:1', network_mode: host}}",
            "[Container]\nImage=x:1\nNetwork=host\n",
        ],
        good: &["docker run --network backend nginx:1.27"],
    },
    WorkloadRule {
        rule: Rule {
            id: "host-uts-namespace",
            title: "Host name of the host",
            why: "A container in the host's UTS namespace may change the host's name, by which logs and clusters know \
                  it.",
            fix: "Take `uts: host` or `--uts host` away.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/reference/cli/docker/container/run/"],
            controls: &[
                (CisDocker16, "5.21"),
                (CisDocker17, "5.21"),
                (CisDocker18, "5.21"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Workload(|case| host(case, "uts", "uts", |workload| &workload.namespaces.uts)),
        bad: &["docker run --uts=host nginx:1.27"],
        good: &["docker run nginx:1.27"],
    },
    WorkloadRule {
        rule: Rule {
            id: "host-user-namespace",
            title: "User namespace of the host, by request",
            why: "The engine maps root of containers to somebody without rights; this container asks to be left out, \
                  so its root is the host's.",
            fix: "Take `userns_mode: host` or `--userns host` away.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/engine/security/userns-remap/"],
            controls: &[
                (CisDocker16, "5.31"),
                (CisDocker17, "5.31"),
                (CisDocker18, "5.31"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Workload(user),
        bad: &["docker run --userns=host nginx:1.27", "services: {a: {image: 'x:1', userns_mode: host}}"],
        good: &[
            "docker run nginx:1.27",
            "apiVersion: v1\nkind: Pod\nspec: {hostUsers: true, containers: [{name: a}]}",
        ],
    },
    WorkloadRule {
        rule: Rule {
            id: "host-cgroup-namespace",
            title: "Control groups of the host",
            why: "A container in the host's cgroup namespace sees the limits and names of everything that runs on it.",
            fix: "Take `cgroup: host` or `--cgroupns host` away.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/reference/cli/docker/container/run/"],
            controls: &[(NistSp800190, "4.4.3")],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Workload(|case| host(case, "cgroup", "cgroup", |workload| &workload.namespaces.cgroup)),
        bad: &["docker run --cgroupns=host nginx:1.27", "services: {a: {image: 'x:1', cgroup: host}}"],
        good: &["docker run nginx:1.27"],
    },
];

const SECTION: &str = "Isolation of containers";

fn host(
    case: &Case<'_>,
    name: &str,
    field: &str,
    pick: fn(&Workload) -> &Option<Given<Namespace>>,
) -> Answer {
    let (Some(given), setting) = (pick(case.workload), case.word(field, name)) else {
        return Answer::Pass(format!("{name} is not set"));
    };
    match case.host_namespace(pick) {
        HostNamespace::No => Answer::Pass(format!("its own {name} namespace")),
        HostNamespace::Yes(joined) => {
            let wrong =
                Wrong::new(&given.origin, setting, seen(case, &joined), case.word("false", "not host"));
            let reason = |name: &String| format!("joins the namespace of {name}");
            let can_replace = joined.is_empty() && case.is_kubernetes();
            let wrong = wrong.because(joined.iter().map(reason).collect());
            Answer::Fail(vec![if can_replace { wrong.hardening(Hardening::Replace) } else { wrong }])
        }
        HostNamespace::Unknown(container) => Answer::Unknown(format!(
            "joins the namespace of {container}, which is not among what was looked at"
        )),
    }
}

fn seen(case: &Case<'_>, joined: &[String]) -> String {
    match joined.last() {
        Some(last) => format!("host, through {last}"),
        None => case.word("true", "host").to_owned(),
    }
}

fn user(case: &Case<'_>) -> Answer {
    if case.is_kubernetes() {
        return Answer::NotApplicable("hostUsers is true wherever a pod does not say otherwise");
    }
    host(case, "userns", "hostUsers", |workload| &workload.namespaces.user)
}
