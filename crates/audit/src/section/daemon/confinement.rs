//! What confines the daemon and every container that says nothing else.

use seawall_finding::{Outcome, Rule, Severity};

use super::{Asked, Question};
use crate::answer::{Answer, cis, few, moved};
use crate::section::settings_files::judged_filter;

const REFERENCE: &[&str] = &["https://docs.docker.com/engine/security/"];

pub(super) const QUESTIONS: &[Question] = &[
    Question {
        rule: Rule {
            id: "daemon-rootless",
            title: "User that the daemon runs as",
            why: "A daemon that runs as root hands root to whoever takes it over; a rootless one hands over one user.",
            fix: "Where the workloads allow it, run rootless mode (`dockerd-rootless-setuptool.sh install`) or podman.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/security/rootless/"],
            controls: &cis("2.1", "4.4.3"),
        },
        setting: "rootless",
        ask: rootless,
    },
    Question {
        rule: Rule {
            id: "daemon-user-namespaces",
            title: "User namespace of containers",
            why: "Without one, root in a container is root of the host: each file and device that leaks in obeys it.",
            fix: "Set `\"userns-remap\": \"default\"` in daemon.json (images and volumes move to a root of their own), or \
                  run rootless.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/engine/security/userns-remap/"],
            controls: &moved("2.9", "2.10", "4.4.3"),
        },
        setting: "userns-remap",
        ask: user_namespaces,
    },
    Question {
        rule: Rule {
            id: "daemon-cgroup-parent",
            title: "Parent control group of containers",
            why: "Under a group of the system's own, containers take part in its limits, and theirs do not hold.",
            fix: "Remove `cgroup-parent`, or attest that the group was made for containers.",
            severity: Severity::Low,
            references: REFERENCE,
            controls: &moved("2.10", "2.11", "4.4.3"),
        },
        setting: "cgroup-parent",
        ask: cgroup_parent,
    },
    Question {
        rule: Rule {
            id: "daemon-authorization",
            title: "Authorization of requests to the daemon",
            why: "Without a plugin everybody who reaches the socket may do everything.",
            fix: "Name an authorization plugin in `authorization-plugins`.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/extend/plugins_authorization/"],
            controls: &moved("2.12", "2.13", "4.3.1"),
        },
        setting: "authorization-plugins",
        ask: authorization,
    },
    Question {
        rule: Rule {
            id: "daemon-no-new-privileges",
            title: "New privileges of processes in containers",
            why: "A set-user-id program in an image turns any user into root of the container, unless the kernel is told \
                  to let nobody gain privileges.",
            fix: "Set `\"no-new-privileges\": true` in daemon.json.",
            severity: Severity::Medium,
            references: REFERENCE,
            controls: &moved("2.14", "2.15", "4.4.3"),
        },
        setting: "no-new-privileges",
        ask: |asked| asked.switch(false, true),
    },
    Question {
        rule: Rule {
            id: "daemon-seccomp",
            title: "Default system-call filter",
            why: "The filter takes some forty system calls away that containers do not need and kernel exploits do.",
            fix: "Remove `seccomp-profile`, or give a profile whose default action is an error.",
            severity: Severity::High,
            references: &["https://docs.docker.com/engine/security/seccomp/"],
            controls: &moved("2.17", "2.18", "4.4.3"),
        },
        setting: "seccomp-profile",
        ask: seccomp,
    },
    Question {
        rule: Rule {
            id: "daemon-default-ulimits",
            title: "Default limits of processes",
            why: "Without them one container may open every file and start every process that the host has room for.",
            fix: "Set `default-ulimits` in daemon.json, for example `{\"nofile\": {\"Name\": \"nofile\", \"Soft\": 1024, \
                  \"Hard\": 4096}}`.",
            severity: Severity::Low,
            references: REFERENCE,
            controls: &moved("2.8", "2.9", "4.4.3"),
        },
        setting: "default-ulimits",
        ask: default_ulimits,
    },
];

fn rootless(asked: &Asked<'_>) -> Answer {
    let expected = "a user without privileges";
    let answer = match (asked.machine.facts(asked.daemon), asked.daemon.pid) {
        (Some(facts), _) if facts.info.is_some() => {
            let seen =
                if asked.is_rootless() { "the daemon is rootless" } else { "the daemon is not rootless" };
            Answer::judged(asked.is_rootless(), facts.asked("info"), seen)
        }
        (_, Some(pid)) => match asked.daemon.uid {
            Some(uid) => {
                Answer::judged(uid != 0, format!("/proc/{pid}/status"), format!("it runs as user {uid}"))
            }
            None => Answer::error(format!("/proc/{pid}/status"), "it does not tell its user"),
        },
        (_, None) => {
            let Ok(unit) = asked.machine.host.unit("docker.service") else {
                let why = "the daemon does not run, and no unit says as whom it would";
                return Answer::not_checked("docker.service", why).expecting(expected);
            };
            let user = unit.values("Service", "User").last().map(|&user| user.to_owned());
            let is_root = user.as_deref().is_none_or(|user| user == "root" || user == "0");
            let seen = format!("its unit starts it as {}", user.as_deref().unwrap_or("root"));
            Answer::judged(!is_root, "docker.service", seen)
        }
    };
    answer.expecting(expected)
}

fn user_namespaces(asked: &Asked<'_>) -> Answer {
    let remap = asked.daemon.settings.text("userns-remap");
    let expected = "userns-remap names a user, or the daemon is rootless";
    if let Some(facts) = asked.machine.facts(asked.daemon).filter(|facts| facts.info.is_some()) {
        let is_on = asked.security_option("userns").is_some() || asked.is_rootless();
        let seen = if is_on {
            "containers have a user namespace"
        } else {
            "containers have the host's user namespace"
        };
        return Answer::judged(is_on, facts.asked("info"), seen).expecting(expected);
    }
    let seen = if remap.is_empty() {
        "userns-remap names nobody".to_owned()
    } else {
        format!("userns-remap is {remap}")
    };
    Answer::judged(!remap.is_empty() || asked.is_rootless(), asked.source(), seen).expecting(expected)
}

fn cgroup_parent(asked: &Asked<'_>) -> Answer {
    let parent = asked.daemon.settings.text("cgroup-parent");
    let first = parent.trim_matches('/').split('/').next().unwrap_or_default();
    let answer = match (parent, first) {
        ("", _) => Answer::new(Outcome::Pass, asked.source(), "it is the default"),
        (_, "" | "system.slice" | "init.scope" | "user.slice" | "kubepods" | "kubepods.slice") => {
            Answer::new(Outcome::Fail, asked.source(), format!("{parent} is a group of the system's own"))
        }
        (parent, _) => Answer::new(
            Outcome::Manual,
            asked.source(),
            format!("it is {parent}, which somebody has to confirm"),
        ),
    };
    answer.expecting("the default, or a group that was made for containers")
}

fn authorization(asked: &Asked<'_>) -> Answer {
    let plugins = asked.daemon.settings.list("authorization-plugins");
    let seen = if plugins.is_empty() { "no plugin".to_owned() } else { few(&plugins) };
    Answer::judged(!plugins.is_empty(), asked.source(), seen).expecting("a plugin")
}

fn default_ulimits(asked: &Asked<'_>) -> Answer {
    let limits = asked.daemon.settings.list("default-ulimits");
    let seen = if limits.is_empty() { "none is set".to_owned() } else { few(&limits) };
    Answer::judged(!limits.is_empty(), asked.source(), seen).expecting("limits for open files and processes")
}

/// What a profile allows counts, not that there is one.
fn seccomp(asked: &Asked<'_>) -> Answer {
    let expected = "the built-in filter or one that refuses by default";
    if asked.machine.facts(asked.daemon).is_some_and(|facts| facts.info.is_some())
        && asked.security_option("seccomp").is_none()
    {
        let seen = "the daemon says that the kernel has no seccomp";
        return Answer::new(Outcome::Fail, asked.source(), seen).expecting(expected);
    }
    let told = asked.security_option("seccomp").and_then(|option| option.strip_prefix("profile="));
    if let (Some(facts), Some("default" | "builtin")) = (asked.machine.facts(asked.daemon), told) {
        return Answer::new(Outcome::Pass, facts.asked("info"), "the built-in filter").expecting(expected);
    }
    let path = asked.daemon.settings.text("seccomp-profile");
    let answer = match path {
        "" | "builtin" | "default" => Answer::new(Outcome::Pass, asked.source(), "the built-in filter"),
        "unconfined" => Answer::new(Outcome::Fail, asked.source(), "no filter"),
        path => match asked.machine.host.root.text(path) {
            Err(error) => Answer::error(path, error.to_string()),
            Ok(text) => judged_filter(path, &text),
        },
    };
    answer.expecting(expected)
}
