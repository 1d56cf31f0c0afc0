//! Controls about the pod as a whole.

use seawall_finding::Framework::{PodSecurityBaseline, PodSecurityRestricted};
use seawall_finding::{Rule, Severity};
use seawall_inventory::Workload;
use seawall_inventory::workload::{Namespace, Profile, SelinuxOptions, Volume};

use super::{Control, Level};
use crate::workload::{Hardening, Wrong};

pub(super) static CONTROLS: &[Control] = &[
    Control {
        id: "hostNamespaces",
        level: Level::Baseline,
        since: 0,
        replaces: None,
        rule: Rule {
            id: "pss-host-namespaces",
            title: "Host namespaces",
            why: "A pod in a namespace of the host sees and reaches what belongs to others there.",
            fix: "Take `hostNetwork`, `hostPID` and `hostIPC` away.",
            severity: Severity::High,
            references: REFERENCES,
            controls: &[(PodSecurityBaseline, "Host Namespaces")],
        },
        judge: host_namespaces,
    },
    Control {
        id: "hostPathVolumes",
        level: Level::Baseline,
        since: 0,
        replaces: None,
        rule: Rule {
            id: "pss-host-path-volumes",
            title: "HostPath volumes",
            why: "A path of the node in a pod is a way to the node and to everything on it.",
            fix: "Use another type of volume.",
            severity: Severity::High,
            references: REFERENCES,
            controls: &[(PodSecurityBaseline, "HostPath Volumes")],
        },
        judge: host_path_volumes,
    },
    Control {
        id: "sysctls",
        level: Level::Baseline,
        since: 0,
        replaces: None,
        rule: Rule {
            id: "pss-sysctls",
            title: "Sysctls",
            why: "Kernel settings may switch off protections or hold for the whole node; only a few are known to be \
                  the pod's alone.",
            fix: "Take the setting away, or set it on the node.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(PodSecurityBaseline, "Sysctls")],
        },
        judge: sysctls,
    },
    Control {
        id: "appArmorProfile",
        level: Level::Baseline,
        since: 0,
        replaces: None,
        rule: Rule {
            id: "pss-apparmor-profile",
            title: "AppArmor",
            why: "The runtime's AppArmor profile keeps a container from the kernel's files; the pod switches it off.",
            fix: "Use `RuntimeDefault` or a profile of the node (`Localhost`), or say nothing.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(PodSecurityBaseline, "AppArmor")],
        },
        judge: apparmor,
    },
    Control {
        id: "seLinuxOptions",
        level: Level::Baseline,
        since: 0,
        replaces: None,
        rule: Rule {
            id: "pss-selinux-options",
            title: "SELinux",
            why: "An own user, role or type may be one that the policy confines less than a container.",
            fix: "Leave user and role away and use one of the container types.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(PodSecurityBaseline, "SELinux")],
        },
        judge: selinux,
    },
    Control {
        id: "seccompProfile_baseline",
        level: Level::Baseline,
        since: 0,
        replaces: None,
        rule: Rule {
            id: "pss-seccomp-profile",
            title: "Seccomp",
            why: "Without a filter every system call of the kernel is open to the container.",
            fix: "Use `RuntimeDefault` or a profile of the node (`Localhost`), or say nothing.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(PodSecurityBaseline, "Seccomp")],
        },
        judge: seccomp_baseline,
    },
    Control {
        id: "seccompProfile_restricted",
        level: Level::Restricted,
        since: 19,
        replaces: Some("seccompProfile_baseline"),
        rule: Rule {
            id: "pss-seccomp-profile-required",
            title: "Seccomp (v1.19+)",
            why: "Kubernetes runs a pod that does not ask for a filter without one.",
            fix: "Set `seccompProfile: {type: RuntimeDefault}` in the pod's security context.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(PodSecurityRestricted, "Seccomp")],
        },
        judge: seccomp_restricted,
    },
    Control {
        id: "restrictedVolumes",
        level: Level::Restricted,
        since: 0,
        replaces: Some("hostPathVolumes"),
        rule: Rule {
            id: "pss-volume-types",
            title: "Volume Types",
            why: "Other types of volume reach the node's files or storage past the cluster's own control.",
            fix: "Use configMap, csi, downwardAPI, emptyDir, ephemeral, image, persistentVolumeClaim, projected or \
                  secret.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(PodSecurityRestricted, "Volume Types")],
        },
        judge: volume_types,
    },
    Control {
        id: "windowsHostProcess",
        level: Level::Baseline,
        since: 0,
        replaces: None,
        rule: Rule {
            id: "pss-windows-host-process",
            title: "HostProcess",
            why: "A HostProcess container is a process of the Windows node.",
            fix: "Take `hostProcess: true` away.",
            severity: Severity::High,
            references: REFERENCES,
            controls: &[(PodSecurityBaseline, "HostProcess")],
        },
        judge: host_process,
    },
    Control {
        id: "runAsNonRoot",
        level: Level::Restricted,
        since: 0,
        replaces: None,
        rule: Rule {
            id: "pss-run-as-non-root",
            title: "Running as Non-root",
            why: "Root in a container is root on the node wherever a hole lets it through.",
            fix: "Set `runAsNonRoot: true` in the pod's security context.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(PodSecurityRestricted, "Running as Non-root")],
        },
        judge: run_as_non_root,
    },
    Control {
        id: "runAsUser",
        level: Level::Restricted,
        since: 23,
        replaces: None,
        rule: Rule {
            id: "pss-run-as-user",
            title: "Running as Non-root user (v1.23+)",
            why: "Root in a container is root on the node wherever a hole lets it through.",
            fix: "Use a user other than 0, or say nothing.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &[(PodSecurityRestricted, "Running as Non-root user")],
        },
        judge: run_as_user,
    },
];

pub(super) const REFERENCES: &[&str] =
    &["https://kubernetes.io/docs/concepts/security/pod-security-standards/"];

/// What is wrong, with the container that it concerns; an empty name is the pod.
type Wrongs = Vec<(String, Wrong)>;

/// From v1.35 on, a pod in a user namespace may be root there.
pub(super) fn is_relaxed(workload: &Workload, minor: u32) -> bool {
    let is_private = |user: &seawall_inventory::workload::Given<Namespace>| user.value == Namespace::Private;
    minor >= 35 && workload.namespaces.user.as_ref().is_some_and(is_private)
}

fn of_pod(wrong: Wrong) -> (String, Wrong) {
    (String::new(), wrong)
}

fn host_namespaces(workload: &Workload, _: u32) -> Wrongs {
    let namespaces = &workload.namespaces;
    let all =
        [("hostNetwork", &namespaces.network), ("hostPID", &namespaces.pid), ("hostIPC", &namespaces.ipc)];
    let wrong = |(setting, given): (&str, &Option<seawall_inventory::workload::Given<Namespace>>)| {
        let given = given.as_ref().filter(|given| given.value == Namespace::Host)?;
        Some(of_pod(Wrong::new(&given.origin, setting, "true", "false").hardening(Hardening::Replace)))
    };
    all.into_iter().filter_map(wrong).collect()
}

fn host_path_volumes(workload: &Workload, _: u32) -> Wrongs {
    let is_host_path = |volume: &&Volume| volume.host_path.is_some();
    let wrong = |volume: &Volume| {
        let seen = format!("hostPath {}", volume.host_path.as_deref().unwrap_or_default());
        of_pod(Wrong::new(&volume.origin, &format!("volume {}", volume.name), seen, "another type"))
    };
    workload.volumes.iter().filter(is_host_path).map(wrong).collect()
}

fn volume_types(workload: &Workload, _: u32) -> Wrongs {
    const ALLOWED: [&str; 9] = [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    ];
    // A volume that says nothing is an emptyDir before the standard sees it.
    let is_allowed = |volume: &Volume| {
        volume.kinds.is_empty() || volume.kinds.iter().any(|kind| ALLOWED.contains(&kind.as_str()))
    };
    let wrong = |volume: &Volume| {
        let seen = volume.kinds.first().map_or("", String::as_str);
        of_pod(Wrong::new(&volume.origin, &format!("volume {}", volume.name), seen, "an allowed type"))
    };
    workload.volumes.iter().filter(|volume| !is_allowed(volume)).map(wrong).collect()
}

fn sysctls(workload: &Workload, minor: u32) -> Wrongs {
    const ALLOWED: [(&str, u32); 14] = [
        ("kernel.shm_rmid_forced", 0),
        ("net.ipv4.ip_local_port_range", 0),
        ("net.ipv4.tcp_syncookies", 0),
        ("net.ipv4.ping_group_range", 0),
        ("net.ipv4.ip_unprivileged_port_start", 0),
        ("net.ipv4.ip_local_reserved_ports", 27),
        ("net.ipv4.tcp_keepalive_time", 29),
        ("net.ipv4.tcp_fin_timeout", 29),
        ("net.ipv4.tcp_keepalive_intvl", 29),
        ("net.ipv4.tcp_keepalive_probes", 29),
        ("net.ipv4.tcp_rmem", 32),
        ("net.ipv4.tcp_wmem", 32),
        ("net.ipv4.tcp_slow_start_after_idle", 37),
        ("net.ipv4.tcp_notsent_lowat", 37),
    ];
    let is_allowed = |name: &str| ALLOWED.iter().any(|(known, since)| *known == name && *since <= minor);
    let forbidden = workload.sysctls.iter().filter(|sysctl| !is_allowed(&sysctl.name));
    let wrong = |sysctl: &seawall_inventory::workload::Sysctl| {
        of_pod(Wrong::new(&sysctl.origin, "sysctl", sysctl.name.clone(), "not set"))
    };
    forbidden.map(wrong).collect()
}

/// Asks the pod and each container for what they say themselves.
fn each<T>(
    workload: &Workload,
    pick: fn(&seawall_inventory::workload::Security) -> &Option<seawall_inventory::workload::Given<T>>,
    wrong: impl Fn(&seawall_inventory::workload::Given<T>) -> Option<Wrong>,
) -> Wrongs {
    let own = pick(&workload.security).as_ref().and_then(&wrong).map(of_pod);
    let containers = workload.containers.iter().filter_map(|container| {
        let given = pick(&container.security).as_ref()?;
        Some((container.name.clone(), wrong(given)?))
    });
    own.into_iter().chain(containers).collect()
}

/// The types that the standard knows, for seccomp and AppArmor alike.
fn is_known(profile: &Profile) -> bool {
    matches!(profile, Profile::RuntimeDefault | Profile::Named(_))
}

fn label(profile: &Profile) -> String {
    match profile {
        Profile::RuntimeDefault => "RuntimeDefault".to_owned(),
        Profile::Unconfined => "Unconfined".to_owned(),
        Profile::Named(name) => format!("Localhost {name}"),
        Profile::Inline(_) => "inline".to_owned(),
        Profile::Other(other) => format!("`{other}`"),
    }
}

fn apparmor(workload: &Workload, _: u32) -> Wrongs {
    const ANNOTATION: &str = "container.apparmor.security.beta.kubernetes.io/";
    let expected = "RuntimeDefault or Localhost";
    let mut wrongs = each(
        workload,
        |security| &security.apparmor,
        |given| {
            let wrong = || Wrong::new(&given.origin, "appArmorProfile.type", label(&given.value), expected);
            (!is_known(&given.value)).then(wrong)
        },
    );
    for (key, given) in workload.annotations.range(ANNOTATION.to_owned()..) {
        let Some(container) = key.strip_prefix(ANNOTATION) else { break };
        let value = given.value.as_str();
        if !(value.is_empty() || value == "runtime/default" || value.starts_with("localhost/")) {
            wrongs.push((
                container.to_owned(),
                Wrong::new(&given.origin, key, value, "runtime/default or localhost/…"),
            ));
        }
    }
    wrongs
}

fn selinux(workload: &Workload, minor: u32) -> Wrongs {
    let is_allowed_type = |kind: &str| {
        matches!(kind, "" | "container_t" | "container_init_t" | "container_kvm_t")
            || (minor >= 31 && kind == "container_engine_t")
    };
    let forbidden = |options: &SelinuxOptions| {
        let set = |part: &Option<String>| part.clone().filter(|part| !part.is_empty());
        let kind =
            set(&options.kind).filter(|kind| !is_allowed_type(kind)).map(|kind| format!("type {kind}"));
        let user = set(&options.user).map(|user| format!("user {user}"));
        let role = set(&options.role).map(|role| format!("role {role}"));
        let all: Vec<String> = kind.into_iter().chain(user).chain(role).collect();
        (!all.is_empty()).then(|| all.join(", "))
    };
    each(
        workload,
        |security| &security.selinux,
        |given| {
            Some(Wrong::new(
                &given.origin,
                "seLinuxOptions",
                forbidden(&given.value)?,
                "a container type alone",
            ))
        },
    )
}

/// Before v1.19 annotations said it, and the value of an annotation that is there may not be empty.
fn seccomp_annotations(workload: &Workload) -> Wrongs {
    const POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
    const CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
    let is_known = |value: &str| {
        matches!(value, "runtime/default" | "docker/default") || value.starts_with("localhost/")
    };
    let own = std::iter::once((String::new(), POD.to_owned()));
    let containers = workload
        .containers
        .iter()
        .map(|container| (container.name.clone(), format!("{CONTAINER}{}", container.name)));
    let wrong = |(container, key): (String, String)| {
        let given = workload.annotations.get(&key).filter(|given| !is_known(&given.value))?;
        Some((
            container,
            Wrong::new(&given.origin, &key, given.value.clone(), "runtime/default or localhost/…"),
        ))
    };
    own.chain(containers).filter_map(wrong).collect()
}

fn seccomp_fields(workload: &Workload) -> Wrongs {
    each(
        workload,
        |security| &security.seccomp,
        |given| {
            let expected = "RuntimeDefault or Localhost";
            let wrong = || Wrong::new(&given.origin, "seccompProfile.type", label(&given.value), expected);
            (!is_known(&given.value)).then(wrong)
        },
    )
}

fn seccomp_baseline(workload: &Workload, minor: u32) -> Wrongs {
    if minor < 19 { seccomp_annotations(workload) } else { seccomp_fields(workload) }
}

fn seccomp_restricted(workload: &Workload, minor: u32) -> Wrongs {
    if minor >= 25 && workload.is_windows() {
        return Vec::new();
    }
    let mut wrongs = seccomp_fields(workload);
    let pod_says = workload.security.seccomp.as_ref().is_some_and(|given| is_known(&given.value));
    if !pod_says {
        let silent = workload.containers.iter().filter(|container| container.security.seccomp.is_none());
        wrongs.extend(silent.map(|container| {
            let wrong = Wrong::new(
                &container.origin,
                "seccompProfile.type",
                "not set",
                "RuntimeDefault or Localhost",
            );
            (container.name.clone(), wrong.hardening(Hardening::DefaultSeccomp))
        }));
    }
    wrongs
}

fn host_process(workload: &Workload, _: u32) -> Wrongs {
    each(
        workload,
        |security| &security.windows_host_process,
        |given| {
            let wrong = || Wrong::new(&given.origin, "windowsOptions.hostProcess", "true", "false");
            given.value.then(|| wrong().hardening(Hardening::Replace))
        },
    )
}

fn run_as_non_root(workload: &Workload, minor: u32) -> Wrongs {
    if is_relaxed(workload, minor) {
        return Vec::new();
    }
    let setting = "runAsNonRoot";
    let mut wrongs = each(
        workload,
        |security| &security.run_as_non_root,
        |given| {
            (!given.value)
                .then(|| Wrong::new(&given.origin, setting, "false", "true").hardening(Hardening::Replace))
        },
    );
    if !workload.security.run_as_non_root.as_ref().is_some_and(|given| given.value) {
        let silent =
            workload.containers.iter().filter(|container| container.security.run_as_non_root.is_none());
        wrongs.extend(silent.map(|container| {
            let wrong =
                Wrong::new(&container.origin, setting, "not set", "true").hardening(Hardening::RunAsNonRoot);
            (container.name.clone(), wrong)
        }));
    }
    wrongs
}

fn run_as_user(workload: &Workload, minor: u32) -> Wrongs {
    if is_relaxed(workload, minor) {
        return Vec::new();
    }
    each(
        workload,
        |security| &security.user,
        |given| {
            given.value.is_root().then(|| Wrong::new(&given.origin, "runAsUser", "0", "a user other than 0"))
        },
    )
}
