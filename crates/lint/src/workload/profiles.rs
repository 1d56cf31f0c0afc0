//! What confines a process beyond its user: seccomp, AppArmor, SELinux, hidden paths, kernel settings.

use seawall_finding::Framework::{
    CisDocker16, CisDocker17, CisDocker18, CisKubernetes112, NistSp800190, NsaCisaKubernetes,
    PodSecurityBaseline, PodSecurityRestricted,
};
use seawall_finding::{Rule, Severity};
use seawall_inventory::workload::{ContainerSpec, Given, ProcMount, Profile, Source};

use super::case::{Answer, Case, Hardening, Wrong, is_on};
use super::seccomp::{Filter, judge};
use super::{Judge, WorkloadRule};

pub(super) static RULES: &[WorkloadRule] = &[
    WorkloadRule {
        rule: Rule {
            id: "seccomp-disabled",
            title: "No system-call filter",
            why: "The default filter closes some 50 system calls that containers never need and that most kernel \
                  exploits do: keyrings, kernel modules, new namespaces, userfaultfd.",
            fix: "Take `seccomp=unconfined` away; where a call is missing, extend a copy of the default profile by it.",
            severity: Severity::High,
            references: &["https://docs.docker.com/engine/security/seccomp/"],
            controls: &[
                (CisDocker16, "5.22"),
                (CisDocker17, "5.22"),
                (CisDocker18, "5.22"),
                (CisKubernetes112, "5.6.2"),
                (PodSecurityBaseline, "Seccomp"),
                (PodSecurityRestricted, "Seccomp"),
                (NsaCisaKubernetes, "Pod security"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(seccomp),
        bad: &[
            "docker run --security-opt seccomp=unconfined x:1",
            "services: {a: {image: 'x:1', security_opt: ['seccomp:unconfined']}}",
            "[Container]\nImage=x:1\nSeccompProfile=unconfined\n",
            "apiVersion: v1\nkind: Pod\nspec: {securityContext: {seccompProfile: {type: Unconfined}}, containers: [{name: a}]}",
        ],
        good: &["docker run x:1", "docker run --security-opt seccomp=builtin x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "seccomp-not-set",
            title: "System-call filter left to the node",
            why: "Kubernetes runs a pod without any system-call filter unless the pod, or a setting of the kubelet \
                  that few clusters have, asks for one.",
            fix: "Set `seccompProfile: {type: RuntimeDefault}` in the pod's security context.",
            severity: Severity::Low,
            references: &["https://kubernetes.io/docs/tutorials/security/seccomp/"],
            controls: &[
                (CisKubernetes112, "5.6.2"),
                (PodSecurityRestricted, "Seccomp"),
                (NsaCisaKubernetes, "Pod security"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(seccomp_unset),
        bad: &["apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a}]}"],
        good: &[
            "apiVersion: v1\nkind: Pod\nspec: {securityContext: {seccompProfile: {type: RuntimeDefault}}, containers: [{name: a}]}",
        ],
    },
    WorkloadRule {
        rule: Rule {
            id: "apparmor-disabled",
            title: "AppArmor switched off",
            why: "The default AppArmor profile denies writing to /proc and /sys, mounting and tracing; without it, one \
                  capability is enough for each.",
            fix: "Take `apparmor=unconfined` away.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/engine/security/apparmor/"],
            controls: &[
                (CisDocker16, "5.2"),
                (CisDocker17, "5.2"),
                (CisDocker18, "5.2"),
                (PodSecurityBaseline, "AppArmor"),
                (NsaCisaKubernetes, "Pod security"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(apparmor),
        bad: &[
            "docker run --security-opt apparmor=unconfined x:1",
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, securityContext: {appArmorProfile: {type: Unconfined}}}]}",
            "apiVersion: v1\nkind: Pod\nmetadata: {annotations: {container.apparmor.security.beta.kubernetes.io/a: unconfined}}\n\
             spec: {containers: [{name: a}]}",
        ],
        good: &["docker run x:1", "docker run --security-opt apparmor=web x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "selinux-weakened",
            title: "SELinux switched off or replaced",
            why: "The SELinux label keeps a container from the host's files and from those of other containers even \
                  when it gets out of its namespaces.",
            fix: "Take `label=disable`, `SecurityLabelDisable` or the own user, role or type away; relabel volumes \
                  with `:z` or `:Z` instead.",
            severity: Severity::Medium,
            references: &["https://kubernetes.io/docs/concepts/security/pod-security-standards/"],
            controls: &[
                (CisDocker16, "5.3"),
                (CisDocker17, "5.3"),
                (CisDocker18, "5.3"),
                (PodSecurityBaseline, "SELinux"),
                (NsaCisaKubernetes, "Pod security"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(selinux),
        bad: &[
            "podman run --security-opt label=disable x:1",
            "[Container]\nImage=x:1\nSecurityLabelDisable=true\n",
            "docker run --security-opt label=type:spc_t x:1",
        ],
        good: &["podman run x:1", "podman run --security-opt label=level:s0:c1,c2 x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "unmasked-proc",
            title: "Hidden parts of /proc and /sys shown",
            why: "Engines hide the parts of /proc and /sys that tell of or change the host: kcore, keys, timers, \
                  firmware. Unmasked, root of the container reads and writes them.",
            fix: "Take `procMount: Unmasked`, `systempaths=unconfined` or `Unmask=` away.",
            severity: Severity::High,
            references: &["https://kubernetes.io/docs/concepts/security/pod-security-standards/"],
            controls: &[(PodSecurityBaseline, "/proc Mount Type"), (NistSp800190, "4.4.3")],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(proc_mount),
        bad: &[
            "docker run --security-opt systempaths=unconfined x:1",
            "[Container]\nImage=x:1\nUnmask=ALL\n",
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, securityContext: {procMount: Unmasked}}]}",
        ],
        good: &["docker run x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "unsafe-sysctl",
            title: "Kernel setting that is not only the container's",
            why: "Most kernel settings hold for the whole machine. Only those of a namespace are safe in a container.",
            fix: "Set it on the host, for all, or leave it.",
            severity: Severity::Medium,
            references: &["https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/"],
            controls: &[(PodSecurityBaseline, "Sysctls"), (NistSp800190, "4.4.3")],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Workload(sysctls),
        bad: &[
            "docker run --sysctl kernel.core_pattern=x x:1",
            "[Container]\nImage=x:1\nSysctl=vm.swappiness=1\n",
        ],
        good: &[
            "docker run --sysctl net.ipv4.ip_unprivileged_port_start=0 x:1",
            "services: {a: {image: 'x:1', sysctls: {net.core.somaxconn: 1024}}}",
        ],
    },
];

const SECTION: &str = "Confinement of containers";

fn seccomp(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    let given = match case.workload.effective(container, |security| &security.seccomp) {
        Some(given) => given,
        None if is_on(&container.privileged) => {
            let wrong = Wrong::new(&container.origin, "seccomp", "off, by privileged", "the runtime's");
            return Answer::Fail(vec![wrong.implied()]);
        }
        None if case.is_kubernetes() => return Answer::NotApplicable("the pod does not say"),
        None => return Answer::Pass("the engine's own profile".to_owned()),
    };
    let setting = case.word("securityContext.seccompProfile", "seccomp");
    let wrong =
        |seen: String| Answer::Fail(vec![Wrong::new(&given.origin, setting, seen, "the runtime's profile")]);
    let filtered = |name: &str, profile: &str| match judge(profile) {
        Filter::Filters => Answer::Pass(format!("{name} filters")),
        Filter::AllowsAllBut(0) => wrong(format!("{name} allows every system call")),
        Filter::AllowsAllBut(calls) => wrong(format!("{name} allows every system call but {calls}")),
        Filter::Unreadable(why) => Answer::Unknown(format!("{name} cannot be read: {why}")),
    };
    match &given.value {
        Profile::RuntimeDefault => Answer::Pass("the runtime's own profile".to_owned()),
        Profile::Unconfined => wrong("unconfined".to_owned()),
        Profile::Other(other) => wrong(format!("`{other}`, which is no type of profile")),
        Profile::Inline(profile) => filtered("the profile", profile),
        Profile::Named(name) => match case.context.seccomp_profiles.get(name) {
            Some(profile) => filtered(name, profile),
            None => Answer::Pass(format!("the profile {name}, which was not read")),
        },
    }
}

fn seccomp_unset(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    if !case.is_kubernetes() || case.workload.is_windows() {
        return Answer::NotApplicable("the engine has a filter by default");
    }
    match case.workload.effective(container, |security| &security.seccomp) {
        Some(_) => Answer::Pass("the pod says which".to_owned()),
        None => {
            // Kubernetes 1.27 and later ignore the annotations that said it before.
            let own = format!("container.seccomp.security.alpha.kubernetes.io/{}", container.name);
            let keys = ["seccomp.security.alpha.kubernetes.io/pod", own.as_str()];
            let is_annotated = keys.iter().any(|key| case.workload.annotations.contains_key(*key));
            let seen = if is_annotated {
                "only an annotation, which Kubernetes ignores since 1.27"
            } else {
                "not set"
            };
            let wrong =
                Wrong::new(&container.origin, "securityContext.seccompProfile", seen, "RuntimeDefault");
            Answer::Fail(vec![wrong.hardening(Hardening::DefaultSeccomp)])
        }
    }
}

fn apparmor(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    if case.context.host.apparmor == Some(false) {
        return Answer::NotApplicable("the host has no AppArmor");
    }
    let annotation = format!("container.apparmor.security.beta.kubernetes.io/{}", container.name);
    let off = |origin, seen: &str| {
        Answer::Fail(vec![Wrong::new(origin, "AppArmor", seen, "the runtime's profile")])
    };
    match case.workload.effective(container, |security| &security.apparmor) {
        Some(Given { value: Profile::Unconfined, origin }) => off(origin, "unconfined"),
        Some(Given { value: Profile::Other(other), origin }) => off(origin, other),
        Some(Given { value: Profile::RuntimeDefault | Profile::Inline(_), .. }) => {
            Answer::Pass("the runtime's own profile".to_owned())
        }
        Some(Given { value: Profile::Named(name), .. }) => Answer::Pass(format!("the profile {name}")),
        None => match case.workload.annotations.get(&annotation) {
            Some(given) if given.value == "unconfined" => off(&given.origin, "unconfined"),
            Some(given) => Answer::Pass(format!("the profile {}", given.value)),
            None if is_on(&container.privileged) => {
                let wrong =
                    Wrong::new(&container.origin, "AppArmor", "off, by privileged", "the runtime's profile");
                Answer::Fail(vec![wrong.implied()])
            }
            None if case.is(Source::Engine) && case.context.host.apparmor == Some(true) => {
                off(&container.origin, "no profile")
            }
            None => Answer::Pass("the runtime's own profile, where the host has AppArmor".to_owned()),
        },
    }
}

fn selinux(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    if case.context.host.selinux == Some(false) {
        return Answer::NotApplicable("the host does not enforce SELinux");
    }
    let Some(given) = case.workload.effective(container, |security| &security.selinux) else {
        return Answer::Pass("the engine's own label, where the host has SELinux".to_owned());
    };
    let options = &given.value;
    let kind = options.kind.as_deref().unwrap_or_default();
    let allowed = ["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];
    let set = |part: &Option<String>| part.as_deref().filter(|part| !part.is_empty()).map(str::to_owned);
    let seen = if options.disabled {
        "switched off".to_owned()
    } else if !allowed.contains(&kind) {
        format!("type {kind}")
    } else if let Some(user) = set(&options.user) {
        format!("user {user}")
    } else if let Some(role) = set(&options.role) {
        format!("role {role}")
    } else {
        return Answer::Pass("a label of containers".to_owned());
    };
    Answer::Fail(vec![Wrong::new(
        &given.origin,
        case.word("seLinuxOptions", "label"),
        seen,
        "the engine's label",
    )])
}

fn proc_mount(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    let seen = match container.proc_mount.as_ref().map(|given| &given.value) {
        None | Some(ProcMount::Default) => return Answer::Pass("the engine's masks".to_owned()),
        Some(ProcMount::Unmasked) => "nothing is hidden".to_owned(),
        Some(ProcMount::UnmaskedPaths(paths)) => format!("{} shown", paths.join(", ")),
        Some(ProcMount::Other(other)) => other.clone(),
    };
    let origin = container.proc_mount.as_ref().map_or(&container.origin, |given| &given.origin);
    let setting = case.word("securityContext.procMount", "systempaths");
    Answer::Fail(vec![Wrong::new(origin, setting, seen, "the engine's masks")])
}

fn sysctls(case: &Case<'_>) -> Answer {
    const OF_IPC: [&str; 9] = [
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
        "kernel.domainname",
    ];
    let is_namespaced =
        |name: &str| name.starts_with("net.") || name.starts_with("fs.mqueue.") || OF_IPC.contains(&name);
    let wrongs = case.workload.sysctls.iter().filter_map(|sysctl| {
        let name = sysctl.name.replace('/', ".");
        let setting = format!("sysctl {name}");
        (!is_namespaced(&name)).then(|| Wrong::new(&sysctl.origin, &setting, sysctl.value.clone(), "not set"))
    });
    Answer::from(wrongs.collect(), "no kernel setting of the whole machine")
}
