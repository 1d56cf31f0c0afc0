//! All privileges, and gaining some.

use std::collections::BTreeSet;

use seawall_finding::Framework::{
    CisDocker16, CisDocker17, CisDocker18, CisKubernetes112, Cwe, NistSp800190, NsaCisaKubernetes,
    PodSecurityBaseline, PodSecurityRestricted,
};
use seawall_finding::{Control, Framework, Rule, Severity};
use seawall_inventory::workload::ContainerSpec;

use super::case::{Answer, Case, Hardening, Root, Wrong, has_capability, is_on};
use super::{Judge, WorkloadRule};

pub(super) static RULES: &[WorkloadRule] = &[
    WorkloadRule {
        rule: Rule {
            id: ID,
            title: "Privileged container",
            why: "A privileged container has every capability, every device of the host and neither seccomp nor \
                  AppArmor. Root in it is root of the host, one mount away.",
            fix: "Take `privileged` away; add the one capability or device that is needed.",
            severity: Severity::Critical,
            references: &["https://kubernetes.io/docs/concepts/security/pod-security-standards/"],
            controls: &[
                (CisDocker16, "5.5"),
                (CisDocker17, "5.5"),
                (CisDocker18, "5.5"),
                (CisKubernetes112, "5.2.2"),
                (PodSecurityBaseline, "Privileged Containers"),
                (NsaCisaKubernetes, "Pod security"),
                (NistSp800190, "4.4.3"),
                (Cwe, "CWE-250"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(privileged),
        bad: &[
            "docker run --privileged nginx:1.27",
            "podman run --privileged=true nginx:1.27",
            "services: {web: {image: 'nginx:1.27', privileged: true}}",
            "[Container]\nImage=nginx:1.27\nPodmanArgs=--privileged\n",
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, securityContext: {privileged: yes}}]}",
        ],
        good: &["docker run nginx:1.27", "docker run --privileged=false nginx:1.27"],
    },
    WorkloadRule {
        rule: Rule {
            id: "docker-in-docker",
            title: "Docker in Docker",
            why: "An engine in a container needs a privileged container: a job that runs beside it takes over the \
                  machine of the runner, with what other jobs have there.",
            fix: "Build with a rootless builder (BuildKit rootless, Buildah, Kaniko), or give such jobs machines of \
                  their own.",
            severity: Severity::Medium,
            references: &["https://docs.gitlab.com/ci/docker/using_docker_build/"],
            controls: &[(NistSp800190, "4.4.3"), (Cwe, "CWE-250")],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(docker_in_docker),
        bad: &["docker run docker:27.3-dind", "docker run registry.example.org/mirror/docker:dind-rootless"],
        good: &["docker run docker:27.3-cli", "docker run -v x:/y dind/tool:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "privilege-escalation-allowed",
            title: "Processes may gain privileges",
            why: "A set-user-id program or a file capability makes a process more than its parent. Without the \
                  kernel's no_new_privs flag, one such program in the image undoes that the container runs as nobody.",
            fix: "Set `allowPrivilegeEscalation: false`, `security_opt: [no-new-privileges:true]`, \
                  `NoNewPrivileges=true` or `--security-opt no-new-privileges`.",
            severity: Severity::Medium,
            references: &["https://docs.kernel.org/userspace-api/no_new_privs.html"],
            controls: &[
                (CisDocker16, "5.26"),
                (CisDocker17, "5.26"),
                (CisDocker18, "5.26"),
                (CisKubernetes112, "5.2.6"),
                (PodSecurityRestricted, "Privilege Escalation"),
                (NsaCisaKubernetes, "Pod security"),
                (NistSp800190, "4.4.3"),
                (Cwe, "CWE-250"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(escalation),
        bad: &[
            "docker run nginx:1.27",
            "docker run --security-opt no-new-privileges:false nginx:1.27",
            "[Container]\nImage=nginx:1.27\n",
        ],
        good: &[
            "docker run --security-opt=no-new-privileges nginx:1.27",
            "[Container]\nImage=nginx:1.27\nNoNewPrivileges=yes\n",
            "services: {web: {image: 'nginx:1.27', security_opt: ['no-new-privileges:true']}}",
        ],
    },
];

pub(super) const SECTION: &str = "Privileges of containers";

pub(super) const ID: &str = "privileged-container";

/// Rules whose question `privileged` answers as well: one finding is enough.
const IMPLIED: [&str; 3] = ["breakout", "seccomp-disabled", "apparmor-disabled"];

fn privileged(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    match &container.privileged {
        Some(given) if given.value => {
            let setting = case.word("securityContext.privileged", "privileged");
            let wrong = Wrong::new(&given.origin, setting, "true", "false").hardening(Hardening::Replace);
            let own = RULES.iter().filter(|rule| rule.rule.id == ID).flat_map(|rule| rule.rule.controls);
            let own: BTreeSet<_> = own.collect();
            let implied = super::rules().filter(|rule| IMPLIED.contains(&rule.rule.id));
            let implied: BTreeSet<_> = implied.flat_map(|rule| rule.rule.controls).collect();
            let control = |&&(framework, id): &&(Framework, &str)| Control { framework, id: id.to_owned() };
            let controls = implied.difference(&own).map(control).collect();
            let mut because = vec![
                "it has every capability and every device".to_owned(),
                "seccomp and AppArmor are off".to_owned(),
            ];
            if case.root(container) != Root::No && !case.has_user_namespace() {
                because.push("root in it mounts the host's disk".to_owned());
            }
            Answer::Fail(vec![Wrong { controls, ..wrong.because(because) }])
        }
        Some(_) => Answer::Pass("privileged is false".to_owned()),
        None => Answer::Pass("privileged is not set".to_owned()),
    }
}

fn docker_in_docker(_: &Case<'_>, container: &ContainerSpec) -> Answer {
    let Some(image) = &container.image else { return Answer::NotApplicable("no image is named") };
    let (tag, _) = super::image::tag_and_digest(&image.value);
    let name = image.value.split('@').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    let is_engine = name.split(':').next() == Some("docker") && tag.is_some_and(|tag| tag.contains("dind"));
    if !is_engine {
        return Answer::Pass("another image".to_owned());
    }
    let wrong = Wrong::new(&image.origin, "image", &image.value, "no engine in a container");
    Answer::Fail(vec![if is_on(&container.privileged) { wrong.implied() } else { wrong }])
}

fn escalation(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    if case.workload.is_windows() {
        return Answer::NotApplicable("a Windows container");
    }
    let setting = case.word("securityContext.allowPrivilegeEscalation", "no-new-privileges");
    let expected = case.word("false", "true");
    match &container.allow_privilege_escalation {
        Some(given) if !given.value => Answer::Pass(format!("{setting} is {expected}")),
        Some(given) => {
            let wrong = Wrong::new(&given.origin, setting, case.word("true", "false"), expected);
            let is_forced = is_on(&container.privileged) || has_capability(container, "SYS_ADMIN");
            Answer::Fail(vec![if is_forced { wrong } else { wrong.hardening(Hardening::Replace) }])
        }
        None if case.context.host.no_new_privileges == Some(true) => {
            Answer::Pass("the engine gives no-new-privileges to every container".to_owned())
        }
        None => {
            let wrong = Wrong::new(&container.origin, setting, "not set", expected);
            // Kubernetes refuses a pod that has both.
            let is_forced = is_on(&container.privileged) || has_capability(container, "SYS_ADMIN");
            Answer::Fail(vec![if is_forced {
                wrong
            } else {
                wrong.hardening(Hardening::NoPrivilegeEscalation)
            }])
        }
    }
}
