//! Who runs in a container.

use seawall_finding::Framework::{
    CisKubernetes112, Cwe, NistSp800190, NsaCisaKubernetes, PodSecurityBaseline, PodSecurityRestricted,
};
use seawall_finding::{Rule, Severity};
use seawall_inventory::workload::{Account, ContainerSpec, Given, Source};

use super::case::{Answer, Case, Hardening, Root, Wrong};
use super::{Judge, WorkloadRule};

pub(super) static RULES: &[WorkloadRule] = &[
    WorkloadRule {
        rule: Rule {
            id: "root-user",
            title: "Runs as root",
            why: "Root in a container is root on the host wherever a hole in the engine, the kernel or a mount lets it \
                  through; an unprivileged user has to find a second hole.",
            fix: "Run as a numbered user other than 0, and make what it writes belong to it.",
            severity: Severity::Medium,
            references: &["https://kubernetes.io/docs/concepts/security/pod-security-standards/"],
            controls: &[
                (CisKubernetes112, "5.2.7"),
                (PodSecurityRestricted, "Running as Non-root user"),
                (NsaCisaKubernetes, "Pod security"),
                (NistSp800190, "4.4.3"),
                (Cwe, "CWE-250"),
            ],
        },
        section: super::privileges::SECTION,
        by_default: true,
        judge: Judge::Container(root),
        bad: &[
            "docker run -u 0:0 x:1",
            "docker run --user=root:root x:1",
            "services: {a: {image: 'x:1', user: '0'}}",
            "[Container]\nImage=x:1\nUser=0\nGroup=0\n",
            "apiVersion: v1\nkind: Pod\nspec: {securityContext: {runAsUser: 0}, containers: [{name: a}]}",
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, securityContext: {runAsNonRoot: false}}]}",
        ],
        good: &["docker run -u 1000 x:1", "docker run x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "user-left-to-image",
            title: "User left to the image",
            why: "Where a manifest does not say who runs, the image does, and most images say root. With \
                  `runAsNonRoot` or a number, a new image cannot change that unseen.",
            fix: "Set `runAsNonRoot: true` (or `user:`, `User=`, `--user` with a number other than 0).",
            severity: Severity::Low,
            references: &["https://kubernetes.io/docs/tasks/configure-pod-container/security-context/"],
            controls: &[
                (CisKubernetes112, "5.2.7"),
                (PodSecurityRestricted, "Running as Non-root"),
                (NsaCisaKubernetes, "Pod security"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: super::privileges::SECTION,
        by_default: true,
        judge: Judge::Container(left_to_image),
        bad: &["docker run x:1", "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a}]}"],
        good: &[
            "docker run -u app x:1",
            "apiVersion: v1\nkind: Pod\nspec: {securityContext: {runAsNonRoot: true}, containers: [{name: a}]}",
        ],
    },
    WorkloadRule {
        rule: Rule {
            id: "root-group",
            title: "In group 0",
            why: "Files of the host and of many images belong to group 0 and may be written by it.",
            fix: "Run with a group other than 0, and without 0 among the further groups.",
            severity: Severity::Low,
            references: &["https://kubernetes.io/docs/tasks/configure-pod-container/security-context/"],
            controls: &[(NistSp800190, "4.4.3")],
        },
        section: super::privileges::SECTION,
        by_default: false,
        judge: Judge::Container(root_group),
        bad: &["docker run -u 1000:0 x:1", "docker run -u 1000:1000 --group-add root x:1"],
        good: &["docker run -u 1000:1000 x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "low-user-id",
            title: "User number of the host's own range",
            why: "A number below 10000 may belong to a user of the host, and whoever gets out of the container is that \
                  user.",
            fix: "Use a user number above 10000.",
            severity: Severity::Negligible,
            references: &["https://kubernetes.io/docs/tasks/configure-pod-container/security-context/"],
            controls: &[(NistSp800190, "4.4.3")],
        },
        section: super::privileges::SECTION,
        by_default: false,
        judge: Judge::Container(low_id),
        bad: &["docker run -u 1000 x:1"],
        good: &["docker run -u 65532 x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "windows-host-process",
            title: "Process of the Windows host",
            why: "A HostProcess container is no container: it runs with the node's file system and network.",
            fix: "Take `hostProcess: true` away.",
            severity: Severity::High,
            references: &["https://kubernetes.io/docs/tasks/configure-pod-container/create-hostprocess-pod/"],
            controls: &[
                (CisKubernetes112, "5.2.10"),
                (PodSecurityBaseline, "HostProcess"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: super::privileges::SECTION,
        by_default: true,
        judge: Judge::Container(host_process),
        bad: &[
            "apiVersion: v1\nkind: Pod\nspec: {securityContext: {windowsOptions: {hostProcess: true}}, containers: [{name: a}]}",
        ],
        good: &["apiVersion: v1\nkind: Pod\nspec: {os: {name: windows}, containers: [{name: a}]}"],
    },
];

fn root(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    if case.workload.is_windows() {
        return Answer::NotApplicable("a Windows container");
    }
    let user = case.workload.effective(container, |security| &security.user);
    let setting = case.word("securityContext.runAsUser", "user");
    let wrong = |origin, setting, seen: String| {
        let wrong = Wrong::new(origin, setting, seen, "a user other than 0");
        if case.has_user_namespace() { wrong.severity(Severity::Low) } else { wrong }
    };
    match (case.root(container), user) {
        (Root::Yes, Some(given)) => {
            Answer::Fail(vec![wrong(&given.origin, setting, given.value.to_string())])
        }
        (Root::Yes, None) => {
            Answer::Fail(vec![wrong(&container.origin, setting, "not set: root".to_owned())])
        }
        (Root::No, Some(given)) => Answer::Pass(format!("user {}", given.value)),
        (Root::No, None) => Answer::Pass("runAsNonRoot is true".to_owned()),
        (Root::ByImage, _) => {
            match case.workload.effective(container, |security| &security.run_as_non_root) {
                Some(given) => {
                    let setting = "securityContext.runAsNonRoot";
                    let wrong =
                        wrong(&given.origin, setting, "false".to_owned()).hardening(Hardening::Replace);
                    Answer::Fail(vec![Wrong { expected: "true".to_owned(), ..wrong }])
                }
                None => Answer::Unknown("the image decides".to_owned()),
            }
        }
    }
}

fn left_to_image(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    if case.workload.is_windows() || case.is(Source::Engine) {
        return Answer::NotApplicable("the user is known");
    }
    let says = case.workload.effective(container, |security| &security.run_as_non_root).is_some();
    if case.root(container) != Root::ByImage || says {
        return Answer::Pass("it says who runs".to_owned());
    }
    let setting = case.word("securityContext.runAsNonRoot", "user");
    let wrong = Wrong::new(&container.origin, setting, "not set", case.word("true", "a user other than 0"));
    Answer::Fail(vec![if case.is_kubernetes() { wrong.hardening(Hardening::RunAsNonRoot) } else { wrong }])
}

fn root_group(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    let group = case.workload.effective(container, |security| &security.group);
    let further = case.workload.security.groups.iter().chain(&container.security.groups);
    let wrong = |given: &Given<Account>| {
        Wrong::new(&given.origin, "group", given.value.to_string(), "a group other than 0")
    };
    let wrongs = group.into_iter().chain(further).filter(|given| given.value.is_root()).map(wrong);
    Answer::from(wrongs.collect(), "group 0 is not named")
}

fn low_id(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    match case.workload.effective(container, |security| &security.user) {
        Some(Given { value: Account::Id(id), origin }) if (1..=10_000).contains(id) => {
            Answer::Fail(vec![Wrong::new(origin, "user", id.to_string(), "above 10000")])
        }
        Some(_) => Answer::Pass("a user above 10000, or one by name".to_owned()),
        None => Answer::NotApplicable("no user is named"),
    }
}

fn host_process(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    match case.workload.effective(container, |security| &security.windows_host_process) {
        Some(given) if given.value => {
            let wrong = Wrong::new(&given.origin, "windowsOptions.hostProcess", "true", "false");
            Answer::Fail(vec![wrong.hardening(Hardening::Replace)])
        }
        Some(_) | None => Answer::Pass("not a HostProcess container".to_owned()),
    }
}
