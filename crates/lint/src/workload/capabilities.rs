//! Capabilities: the dangerous, the additional, the ones nobody dropped.

use seawall_finding::Framework::{
    CisDocker16, CisDocker17, CisDocker18, CisKubernetes112, Cwe, NistSp800190, NsaCisaKubernetes,
    PodSecurityBaseline, PodSecurityRestricted,
};
use seawall_finding::{Rule, Severity};
use seawall_inventory::workload::ContainerSpec;

use super::case::{Answer, Case, Hardening, Wrong, capability, is_on};
use super::{Judge, WorkloadRule};

pub(super) static RULES: &[WorkloadRule] = &[
    WorkloadRule {
        rule: Rule {
            id: "dangerous-capability",
            title: "Capability that reaches the host",
            why: "Each of these capabilities alone lets root of a container change the kernel, its modules, its raw \
                  devices or other processes, and with that the host.",
            fix: "Take the capability away; give the program only the device, mount or port that it needs.",
            severity: Severity::High,
            references: &["https://man7.org/linux/man-pages/man7/capabilities.7.html"],
            controls: &[
                (CisDocker16, "5.4"),
                (CisDocker17, "5.4"),
                (CisDocker18, "5.4"),
                (CisKubernetes112, "5.2.9"),
                (PodSecurityBaseline, "Capabilities"),
                (NsaCisaKubernetes, "Pod security"),
                (NistSp800190, "4.4.3"),
                (Cwe, "CWE-250"),
            ],
        },
        section: super::privileges::SECTION,
        by_default: true,
        judge: Judge::Container(dangerous),
        bad: &[
            "docker run --cap-add SYS_ADMIN nginx:1.27",
            "docker run --cap-add=ALL nginx:1.27",
            "[Container]\nImage=nginx:1.27\nAddCapability=CAP_NET_BIND_SERVICE cap_sys_ptrace\n",
            "services: {web: {image: 'nginx:1.27', cap_add: [sys_module]}}",
        ],
        good: &["docker run --cap-add NET_BIND_SERVICE nginx:1.27"],
    },
    WorkloadRule {
        rule: Rule {
            id: "added-capability",
            title: "Capability beyond the default",
            why: "Engines give containers 14 capabilities by default, which is more than most need. Each further one \
                  opens a part of the kernel that was closed.",
            fix: "Drop every capability and add back only what the program uses.",
            severity: Severity::Medium,
            references: &["https://man7.org/linux/man-pages/man7/capabilities.7.html"],
            controls: &[
                (CisDocker16, "5.4"),
                (CisDocker17, "5.4"),
                (CisDocker18, "5.4"),
                (CisKubernetes112, "5.2.9"),
                (PodSecurityBaseline, "Capabilities"),
                (PodSecurityRestricted, "Capabilities"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: super::privileges::SECTION,
        by_default: true,
        judge: Judge::Container(added),
        bad: &["docker run --cap-add NET_ADMIN nginx:1.27", "docker run --cap-add SYS_NICE nginx:1.27"],
        good: &[
            "docker run --cap-drop ALL --cap-add CHOWN nginx:1.27",
            "docker run --cap-add SYS_ADMIN nginx:1.27",
        ],
    },
    WorkloadRule {
        rule: Rule {
            id: "capabilities-not-dropped",
            title: "Default capabilities kept",
            why: "The default set lets a container forge network packets (NET_RAW), make device nodes, change owners \
                  and become any user. A program that needs none of this should have none of it.",
            fix: "Drop every capability (`drop: [ALL]`, `cap_drop: [ALL]`, `DropCapability=all`) and add back what is \
                  needed.",
            severity: Severity::Low,
            references: &["https://kubernetes.io/docs/concepts/security/pod-security-standards/"],
            controls: &[
                (CisDocker16, "5.4"),
                (CisDocker17, "5.4"),
                (CisDocker18, "5.4"),
                (CisKubernetes112, "5.2.8"),
                (CisKubernetes112, "5.2.9"),
                (PodSecurityRestricted, "Capabilities"),
                (NsaCisaKubernetes, "Pod security"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: super::privileges::SECTION,
        by_default: true,
        judge: Judge::Container(kept),
        bad: &["docker run nginx:1.27", "docker run --cap-drop NET_RAW nginx:1.27"],
        good: &[
            "docker run --cap-drop all nginx:1.27",
            "[Container]\nImage=nginx:1.27\nDropCapability=all\n",
        ],
    },
];

/// What Docker, podman and containerd give by default.
const DEFAULT: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// What each of the dangerous ones gives.
const DANGEROUS: [(&str, &str); 13] = [
    ("ALL", "every capability"),
    ("SYS_ADMIN", "mounts, namespaces and most of the kernel's administration"),
    ("SYS_MODULE", "kernel modules"),
    ("SYS_PTRACE", "the memory of other processes"),
    ("SYS_RAWIO", "ports and memory of devices"),
    ("DAC_READ_SEARCH", "any file of the host's file systems by its handle"),
    ("BPF", "programs in the kernel"),
    ("PERFMON", "the kernel's and other processes' events"),
    ("SYS_BOOT", "another kernel or a restart"),
    ("SYSLOG", "the kernel's log and addresses"),
    ("MAC_ADMIN", "AppArmor's and SELinux's policy"),
    ("MAC_OVERRIDE", "a way around AppArmor and SELinux"),
    ("CHECKPOINT_RESTORE", "the state of other processes"),
];

fn dangers(name: &str) -> Option<&'static str> {
    DANGEROUS.iter().find(|(known, _)| *known == name).map(|(_, what)| *what)
}

fn setting<'a>(case: &Case<'a>) -> &'a str {
    case.word("securityContext.capabilities.add", "cap-add")
}

fn dangerous(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    let wrongs = container.capabilities_add.iter().filter_map(|given| {
        let name = capability(&given.value);
        let what = dangers(&name)?;
        let seen = format!("{name} gives {what}");
        Some(Wrong::new(&given.origin, &format!("{} {name}", setting(case)), seen, "no dangerous capability"))
    });
    Answer::from(wrongs.collect(), "no dangerous capability is added")
}

fn added(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    let wrongs = container.capabilities_add.iter().filter_map(|given| {
        let name = capability(&given.value);
        let is_told_elsewhere = DEFAULT.contains(&name.as_str()) || dangers(&name).is_some();
        let setting = format!("{} {name}", setting(case));
        let wrong = || Wrong::new(&given.origin, &setting, name.clone(), "no capability beyond the default");
        (!is_told_elsewhere).then(wrong)
    });
    Answer::from(wrongs.collect(), "no further capability beyond the default is added")
}

fn kept(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    if case.workload.is_windows() {
        return Answer::NotApplicable("a Windows container");
    }
    if is_on(&container.privileged) {
        return Answer::NotApplicable("a privileged container has every capability whatever it drops");
    }
    let drops: Vec<String> =
        container.capabilities_drop.iter().map(|given| capability(&given.value)).collect();
    let drops_all =
        drops.iter().any(|name| name == "ALL") || DEFAULT.iter().all(|name| drops.iter().any(|d| d == name));
    if drops_all {
        return Answer::Pass("every capability is dropped".to_owned());
    }
    let seen = if drops.is_empty() {
        "nothing is dropped".to_owned()
    } else {
        format!("only {} dropped", drops.join(", "))
    };
    let origin = container.capabilities_drop.first().map_or(&container.origin, |given| &given.origin);
    let wrong = Wrong::new(origin, case.word("securityContext.capabilities.drop", "cap-drop"), seen, "ALL");
    let can_add = drops.is_empty();
    Answer::Fail(vec![if can_add { wrong.hardening(Hardening::DropCapabilities) } else { wrong }])
}
