//! Controls about each container.

use seawall_finding::Framework::{PodSecurityBaseline, PodSecurityRestricted};
use seawall_finding::{Rule, Severity};
use seawall_inventory::Workload;
use seawall_inventory::workload::{ContainerSpec, Handler, ProcMount};

use super::pod::{REFERENCES, is_relaxed};
use super::{Control, Level};
use crate::workload::{Hardening, Wrong};

pub(super) static CONTROLS: &[Control] = &[
    Control {
        id: "privileged",
        level: Level::Baseline,
        since: 0,
        replaces: None,
        rule: Rule {
            id: "pss-privileged",
            title: "Privileged Containers",
            why: "A privileged container has every capability and device of the node.",
            fix: "Take `privileged: true` away.",
            severity: Severity::Critical,
            references: REFERENCES,
            controls: &[(PodSecurityBaseline, "Privileged Containers")],
        },
        judge: privileged,
    },
    Control {
        id: "capabilities_baseline",
        level: Level::Baseline,
        since: 0,
        replaces: None,
        rule: Rule {
            id: "pss-capabilities",
            title: "Capabilities",
            why: "A capability beyond the default, or NET_RAW by name, opens a part of the kernel that was closed.",
            fix: "Take the capability away.",
            severity: Severity::High,
            references: REFERENCES,
            controls: &[(PodSecurityBaseline, "Capabilities")],
        },
        judge: capabilities_baseline,
    },
    Control {
        id: "capabilities_restricted",
        level: Level::Restricted,
        since: 22,
        replaces: Some("capabilities_baseline"),
        rule: Rule {
            id: "pss-capabilities-dropped",
            title: "Capabilities (v1.22+)",
            why: "Most programs need none of the default capabilities.",
            fix: "Set `capabilities: {drop: [ALL]}` and add back at most NET_BIND_SERVICE.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(PodSecurityRestricted, "Capabilities")],
        },
        judge: capabilities_restricted,
    },
    Control {
        id: "allowPrivilegeEscalation",
        level: Level::Restricted,
        since: 8,
        replaces: None,
        rule: Rule {
            id: "pss-privilege-escalation",
            title: "Privilege Escalation (v1.8+)",
            why: "A set-user-id program makes a process more than its parent.",
            fix: "Set `allowPrivilegeEscalation: false`.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(PodSecurityRestricted, "Privilege Escalation")],
        },
        judge: escalation,
    },
    Control {
        id: "hostPorts",
        level: Level::Baseline,
        since: 0,
        replaces: None,
        rule: Rule {
            id: "pss-host-ports",
            title: "Host Ports",
            why: "A port of the node goes past the cluster's services and policies.",
            fix: "Take `hostPort` away.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(PodSecurityBaseline, "Host Ports")],
        },
        judge: host_ports,
    },
    Control {
        id: "hostProbesAndHostLifecycle",
        level: Level::Baseline,
        since: 34,
        replaces: None,
        rule: Rule {
            id: "pss-host-probes",
            title: "Host Probes / Lifecycle Hooks (v1.34+)",
            why: "The kubelet sends the requests of probes and hooks, from the node, to whatever host they name.",
            fix: "Take `host` away.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(PodSecurityBaseline, "Host Probes / Lifecycle Hooks")],
        },
        judge: host_probes,
    },
    Control {
        id: "procMount",
        level: Level::Baseline,
        since: 0,
        replaces: None,
        rule: Rule {
            id: "pss-proc-mount",
            title: "/proc Mount Type",
            why: "The masked parts of /proc tell of the node or change it.",
            fix: "Take `procMount` away.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(PodSecurityBaseline, "/proc Mount Type")],
        },
        judge: |workload, minor| {
            if is_relaxed(workload, minor) { Vec::new() } else { proc_mount(workload, minor) }
        },
    },
    Control {
        id: "procMount_restricted",
        level: Level::Restricted,
        since: 35,
        replaces: Some("procMount"),
        rule: Rule {
            id: "pss-proc-mount-always",
            title: "/proc Mount Type (v1.35+)",
            why: "The masked parts of /proc tell of the node or change it, in a user namespace too.",
            fix: "Take `procMount` away.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(PodSecurityRestricted, "/proc Mount Type")],
        },
        judge: proc_mount,
    },
];

/// What is wrong, with the container that it concerns.
type Wrongs = Vec<(String, Wrong)>;

fn each(workload: &Workload, wrong: impl Fn(&ContainerSpec) -> Vec<Wrong>) -> Wrongs {
    let of = |container: &ContainerSpec| {
        let name = container.name.clone();
        wrong(container).into_iter().map(move |wrong| (name.clone(), wrong)).collect::<Vec<_>>()
    };
    workload.containers.iter().flat_map(of).collect()
}

fn privileged(workload: &Workload, _: u32) -> Wrongs {
    each(workload, |container| {
        let given = container.privileged.iter().filter(|given| given.value);
        given
            .map(|given| {
                Wrong::new(&given.origin, "privileged", "true", "false").hardening(Hardening::Replace)
            })
            .collect()
    })
}

fn capabilities_baseline(workload: &Workload, _: u32) -> Wrongs {
    const ALLOWED: [&str; 13] = [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ];
    each(workload, |container| {
        let added =
            container.capabilities_add.iter().filter(|given| !ALLOWED.contains(&given.value.as_str()));
        added
            .map(|given| Wrong::new(&given.origin, "capabilities.add", given.value.clone(), "a default one"))
            .collect()
    })
}

fn capabilities_restricted(workload: &Workload, minor: u32) -> Wrongs {
    if minor >= 25 && workload.is_windows() {
        return Vec::new();
    }
    each(workload, |container| {
        let is_forbidden = |name: &str| name != "NET_BIND_SERVICE";
        let added = container.capabilities_add.iter().filter(|given| is_forbidden(&given.value));
        let added = added.map(|given| {
            Wrong::new(&given.origin, "capabilities.add", given.value.clone(), "at most NET_BIND_SERVICE")
        });
        let drops = &container.capabilities_drop;
        let kept = (!drops.iter().any(|given| given.value == "ALL")).then(|| {
            let origin = drops.first().map_or(&container.origin, |given| &given.origin);
            let wrong = Wrong::new(origin, "capabilities.drop", "without ALL", "ALL");
            if drops.is_empty() { wrong.hardening(Hardening::DropCapabilities) } else { wrong }
        });
        kept.into_iter().chain(added).collect()
    })
}

fn escalation(workload: &Workload, minor: u32) -> Wrongs {
    if minor >= 25 && workload.is_windows() {
        return Vec::new();
    }
    let setting = "allowPrivilegeEscalation";
    each(workload, |container| match &container.allow_privilege_escalation {
        Some(given) if !given.value => Vec::new(),
        Some(given) => {
            vec![Wrong::new(&given.origin, setting, "true", "false").hardening(Hardening::Replace)]
        }
        None => {
            let wrong = Wrong::new(&container.origin, setting, "not set", "false");
            vec![wrong.hardening(Hardening::NoPrivilegeEscalation)]
        }
    })
}

fn host_ports(workload: &Workload, _: u32) -> Wrongs {
    each(workload, |container| {
        let ports = container.ports.iter().filter_map(|port| port.host.map(|host| (port, host)));
        ports.map(|(port, host)| Wrong::new(&port.origin, "hostPort", host.to_string(), "not set")).collect()
    })
}

fn host_probes(workload: &Workload, _: u32) -> Wrongs {
    each(workload, |container| {
        let wrong = |probe: &seawall_inventory::workload::Probe| {
            let (Handler::Http { host, .. } | Handler::Tcp { host, .. }) = &probe.handler else {
                return None;
            };
            let host = host.as_ref().filter(|host| !host.is_empty())?;
            Some(Wrong::new(&probe.origin, "host of a probe or hook", host.clone(), "not set"))
        };
        container.probes.iter().filter_map(wrong).collect()
    })
}

fn proc_mount(workload: &Workload, _: u32) -> Wrongs {
    each(workload, |container| {
        let seen = match container.proc_mount.as_ref().map(|given| &given.value) {
            None | Some(ProcMount::Default) => return Vec::new(),
            Some(ProcMount::Unmasked | ProcMount::UnmaskedPaths(_)) => "Unmasked",
            Some(ProcMount::Other(other)) => other,
        };
        let origin = container.proc_mount.as_ref().map_or(&container.origin, |given| &given.origin);
        vec![Wrong::new(origin, "procMount", seen, "Default")]
    })
}
