//! CIS Docker 1: the host.

pub(crate) mod audit;
mod versions;

use std::collections::BTreeSet;

use seawall_finding::{Outcome, Rule, Severity};

use super::{Question, ask_all};
use crate::answer::{Answer, Report, Section, cis, few};
use crate::host::holding;
use crate::machine::{Daemon, Machine};
use crate::root::normal;

const QUESTIONS: &[Question] = &[
    Question {
        rule: Rule {
            id: "data-partition",
            title: "File system of Docker's data",
            why: "Images and volumes grow without bound. On the file system of the root, full means that the host \
                  itself stops logging, updating and letting people in, and any container can bring that about.",
            fix: "Give the data root (/var/lib/docker, or `data-root`) a file system of its own, and move the data there \
                  while the daemon is stopped.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/engine/daemon/#daemon-data-directory"],
            controls: &cis("1.1.1", "4.5.5"),
        },
        ask: data_partition,
    },
    Question {
        rule: Rule {
            id: "docker-group-members",
            title: "Members of the group of Docker's socket",
            why: "Whoever may write to the socket may start a container that mounts the host's root: the group is root \
                  by another name, without a password and without a trace in sudo's log.",
            fix: "Take everybody out of the group who need not be root (`gpasswd -d USER docker`); give developers a \
                  rootless daemon instead.",
            severity: Severity::High,
            references: &["https://docs.docker.com/engine/security/#docker-daemon-attack-surface"],
            controls: &cis("1.1.2", "4.5.4"),
        },
        ask: group_members,
    },
    Question {
        rule: Rule {
            id: "host-hardened",
            title: "Hardening of the host",
            why: "Containers share the host's kernel. What the kernel offers to any process, it offers to a process that \
                  has got out of its container's expectations.",
            fix: "See to the failures of the section on kernel and host hardening.",
            severity: Severity::Medium,
            references: &["https://www.kernel.org/doc/html/latest/admin-guide/sysctl/kernel.html"],
            controls: &cis("1.2.1", "4.5.1"),
        },
        ask: hardened,
    },
];

pub(super) fn rules() -> Vec<&'static Rule> {
    let mut rules: Vec<&Rule> = QUESTIONS.iter().map(|question| &question.rule).collect();
    rules.extend(audit::rules());
    rules.extend(versions::rules());
    rules
}

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    ask_all(QUESTIONS, Section::Host, machine, report);
    audit::ask(machine, report);
    versions::ask(machine, report);
}

/// dockerd mounts its data root on itself, so that a mount alone proves nothing: the device must be another one.
fn data_partition(machine: &Machine<'_>) -> Vec<Answer> {
    let judge = |daemon: &Daemon| {
        let told =
            machine.info(daemon).map(|info| info.docker_root_dir.clone()).filter(|path| !path.is_empty());
        let path = normal(&told.unwrap_or_else(|| daemon.settings.data_root().to_owned()));
        let path = machine.host.root.real(&path).unwrap_or(path);
        // With user namespaces the engine tells a directory in the data root: `/var/lib/docker/100000.100000`.
        let is_of_users =
            |name: &str| name.contains('.') && name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let path = match path.rsplit_once('/') {
            Some((parent, name)) if is_of_users(name) => parent.to_owned(),
            Some(_) | None => path,
        };
        let parent =
            path.rsplit_once('/').map_or("/", |(parent, _)| if parent.is_empty() { "/" } else { parent });
        let expected = "another file system than that of the directory above";
        let answer = match &machine.host.mounts {
            Err(error) => match (machine.host.root.device(&path), machine.host.root.device(parent)) {
                (Ok(own), Ok(above)) => {
                    Answer::judged(own != above, path.clone(), "by the devices of the files")
                }
                (Err(_), _) | (_, Err(_)) => {
                    Answer::error(path.clone(), format!("the mount table cannot be read: {error}"))
                }
            },
            Ok(mounts) => match (holding(mounts, &path), holding(mounts, parent)) {
                (Some(own), Some(above)) => {
                    let seen = format!("{path} is on the file system that is mounted at {}", own.point);
                    Answer::judged(own.device != above.device, "mount table", seen)
                }
                (None, _) | (_, None) => {
                    Answer::error("mount table", "it has no file system for the data root")
                }
            },
        };
        answer.about(machine.host.subject()).of(format!("data-root {path}")).at(&path).expecting(expected)
    };
    or_no_daemon(machine, machine.daemons.iter().map(judge).collect())
}

/// Answers of daemons, or that there is none.
pub(super) fn or_no_daemon(machine: &Machine<'_>, answers: Vec<Answer>) -> Vec<Answer> {
    if !answers.is_empty() {
        return answers;
    }
    let why = "no Docker daemon runs or is installed here";
    vec![Answer::not_applicable("processes, units, files and sockets", why).about(machine.host.subject())]
}

fn group_members(machine: &Machine<'_>) -> Vec<Answer> {
    let judge = |daemon: &Daemon| {
        let name = Some(daemon.settings.text("group")).filter(|name| !name.is_empty()).unwrap_or("docker");
        let accounts = &machine.host.accounts;
        let looked_at = "/etc/group and /etc/passwd";
        let answer = match (&accounts.groups, accounts.group(name)) {
            (Err(error), _) => Answer::error("/etc/group", error.to_string()),
            (Ok(_), None) => Answer::new(Outcome::Pass, looked_at, format!("there is no group {name}")),
            (Ok(_), Some(group)) => {
                let members: Vec<String> =
                    accounts.members(group).into_iter().filter(|name| name != "root").collect();
                judged_members(name, &members, machine.inputs.trusted_users.as_ref(), looked_at)
            }
        };
        answer.about(machine.host.subject()).at("/etc/group").of(format!("group {name}"))
    };
    or_no_daemon(machine, machine.daemons.iter().map(judge).collect())
}

fn judged_members(
    group: &str,
    members: &[String],
    trusted: Option<&BTreeSet<String>>,
    looked_at: &str,
) -> Answer {
    match trusted {
        _ if members.is_empty() => {
            Answer::new(Outcome::Pass, looked_at, format!("group {group} has no members"))
        }
        None => {
            let why = format!("members of {group}: {}; nobody has said who may be", few(members));
            Answer::new(Outcome::Manual, looked_at, why).expecting("only users who may be root")
        }
        Some(trusted) => {
            let others: Vec<String> =
                members.iter().filter(|member| !trusted.contains(*member)).cloned().collect();
            let seen = match others.is_empty() {
                true => format!("members of {group}: {}", few(members)),
                false => format!("not among the trusted users: {}", few(&others)),
            };
            Answer::judged(others.is_empty(), looked_at, seen).expecting("only the trusted users")
        }
    }
}

/// Answered by the section on the kernel, whose questions are each a part of it.
fn hardened(machine: &Machine<'_>) -> Vec<Answer> {
    let mut kernel = Report::default();
    super::kernel::ask(machine, &mut kernel);
    let of = |outcome: Outcome| -> Vec<String> {
        kernel
            .checks
            .iter()
            .filter(|check| check.outcome == outcome)
            .map(|check| check.title.clone())
            .collect()
    };
    let (failed, passed) = (of(Outcome::Fail), of(Outcome::Pass));
    let looked_at = "the section on kernel and host hardening";
    let answer = match (failed.as_slice(), passed.len()) {
        ([], 0) => Answer::not_checked(looked_at, "none of its questions could be answered"),
        ([], passed) => Answer::new(Outcome::Pass, looked_at, format!("{passed} questions pass, none fails")),
        (failed, _) => {
            let seen = format!("{} questions fail: {}", failed.len(), few(failed));
            Answer::new(Outcome::Fail, looked_at, seen)
        }
    };
    vec![answer.about(machine.host.subject()).expecting("no failure")]
}
