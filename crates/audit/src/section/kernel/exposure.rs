//! Doors from the kernel to programs of the host: the core pattern, and what of `/proc` and `/sys` is open.

use seawall_finding::{Framework, Outcome, Rule, Severity};

use crate::answer::{Answer, few};
use crate::machine::Machine;
use crate::root::Unread;
use crate::section::Question;

const CONTROLS: &[(Framework, &str)] = &[(Framework::NistSp800190, "4.5.1")];

pub(super) const QUESTIONS: &[Question] = &[
    Question {
        rule: Rule {
            id: "kernel-core-pattern",
            title: "Program that the kernel starts for core dumps",
            why: "The kernel runs it as root on the host whenever any process in any container crashes. A program that \
                  somebody else can write to is root for the taking.",
            fix: "Point `kernel.core_pattern` at a file name, or at a program that only root can write to.",
            severity: Severity::High,
            references: &["https://man7.org/linux/man-pages/man5/core.5.html"],
            controls: CONTROLS,
        },
        ask: core_pattern,
    },
    Question {
        rule: Rule {
            id: "kernel-proc-hidden",
            title: "Other users' processes in /proc",
            why: "Command lines hold credentials, and every user of the host reads those of all containers.",
            fix: "Mount /proc with `hidepid=2` (or `invisible`).",
            severity: Severity::Low,
            references: &["https://docs.kernel.org/filesystems/proc.html"],
            controls: CONTROLS,
        },
        ask: hidden_processes,
    },
    Question {
        rule: Rule {
            id: "kernel-debugfs",
            title: "Debugging file systems",
            why: "debugfs has no rules about what it shows or lets change; trace and kprobe files see every container.",
            fix: "Leave /sys/kernel/debug unmounted on machines that run containers, or keep its mode at 700.",
            severity: Severity::Low,
            references: &["https://docs.kernel.org/filesystems/debugfs.html"],
            controls: CONTROLS,
        },
        ask: debugging,
    },
    Question {
        rule: Rule {
            id: "kernel-mitigations",
            title: "Mitigations of processor holes",
            why: "Spectre and its kin read other containers' memory through the processor, whatever the kernel forbids.",
            fix: "Remove `mitigations=off` and its parts from the kernel's command line, and install microcode updates.",
            severity: Severity::Medium,
            references: &["https://docs.kernel.org/admin-guide/hw-vuln/index.html"],
            controls: CONTROLS,
        },
        ask: mitigations,
    },
];

fn not_running(machine: &Machine<'_>, path: &str, error: &Unread) -> Answer {
    match error {
        Unread::Absent if machine.host.root.exists("/proc/sys/kernel/osrelease") => {
            Answer::not_applicable(path, "this kernel does not have it")
        }
        Unread::Absent => Answer::not_checked(path, "the kernel of this file system does not run"),
        Unread::Refused(reason) => Answer::error(path, reason.clone()),
    }
}

fn core_pattern(machine: &Machine<'_>) -> Vec<Answer> {
    let path = "/proc/sys/kernel/core_pattern";
    let answer = match machine.host.sysctl("kernel.core_pattern") {
        Err(error) => not_running(machine, path, &error),
        Ok(pattern) => match pattern.strip_prefix('|') {
            None => Answer::new(Outcome::Pass, path, format!("a file: {pattern}")),
            Some(command) => {
                let program = command.split_whitespace().next().unwrap_or_default();
                judged_program(machine, path, program)
            }
        },
    };
    vec![answer.of("kernel.core_pattern").expecting("a file name, or a program that only root can write to")]
}

fn judged_program(machine: &Machine<'_>, path: &str, program: &str) -> Answer {
    match machine.host.root.metadata(program) {
        Ok(metadata) => {
            let is_good = metadata.uid == 0 && metadata.mode & 0o022 == 0;
            Answer::judged(
                is_good,
                path,
                format!("{program}, user {}, mode {:03o}", metadata.uid, metadata.mode),
            )
        }
        Err(Unread::Absent) => {
            // Whoever may create it becomes root: below a directory that only root writes to nobody may.
            let parent = program.rsplit_once('/').map_or("/", |(parent, _)| parent);
            let is_guarded =
                machine.host.root.metadata(parent).is_ok_and(|it| it.uid == 0 && it.mode & 0o022 == 0);
            Answer::judged(is_guarded, path, format!("{program}, which does not exist"))
        }
        Err(Unread::Refused(reason)) => Answer::error(program, reason),
    }
}

fn hidden_processes(machine: &Machine<'_>) -> Vec<Answer> {
    let looked_at = "mount table";
    let answer = match &machine.host.mounts {
        Err(error) => Answer::not_checked(looked_at, format!("it cannot be read: {error}")),
        Ok(mounts) => match mounts.iter().find(|mount| mount.point == "/proc") {
            None => Answer::not_checked(looked_at, "/proc is not in it"),
            Some(mount) => {
                let hidden = mount.options.iter().find(|option| option.starts_with("hidepid="));
                let is_good =
                    hidden.is_some_and(|option| !matches!(option.as_str(), "hidepid=0" | "hidepid=off"));
                let seen = hidden.cloned().unwrap_or_else(|| "/proc shows everybody's processes".to_owned());
                Answer::judged(is_good, looked_at, seen)
            }
        },
    };
    vec![answer.of("hidepid").expecting("hidepid=1 or more")]
}

fn debugging(machine: &Machine<'_>) -> Vec<Answer> {
    let looked_at = "mount table";
    let mounts = match &machine.host.mounts {
        Ok(mounts) => mounts,
        Err(error) => return vec![Answer::not_checked(looked_at, format!("it cannot be read: {error}"))],
    };
    let mut open = Vec::new();
    for mount in mounts.iter().filter(|mount| matches!(mount.kind.as_str(), "debugfs" | "tracefs")) {
        match machine.host.root.metadata(&mount.point) {
            Ok(metadata) if metadata.mode & 0o077 == 0 => {}
            Ok(metadata) => open.push(format!("{} has mode {:03o}", mount.point, metadata.mode)),
            // A mount below a directory that only root may enter.
            Err(Unread::Absent | Unread::Refused(_)) => {}
        }
    }
    let seen = if open.is_empty() { "none is open to others than root".to_owned() } else { few(&open) };
    vec![Answer::judged(open.is_empty(), looked_at, seen).expecting("mode 700, or not mounted")]
}

fn mitigations(machine: &Machine<'_>) -> Vec<Answer> {
    let directory = "/sys/devices/system/cpu/vulnerabilities";
    let expected = "no hole that is open";
    let names = match machine.host.root.names(directory) {
        Ok(names) => names,
        Err(error) => {
            let why = format!("the kernel does not tell: {error}");
            return vec![Answer::not_checked(directory, why).expecting(expected)];
        }
    };
    let state = |name: &String| machine.host.root.text(&format!("{directory}/{name}")).unwrap_or_default();
    let open: Vec<String> =
        names.iter().filter(|name| state(name).starts_with("Vulnerable")).cloned().collect();
    let seen = if open.is_empty() {
        format!("{} holes, all mitigated", names.len())
    } else {
        format!("open: {}", few(&open))
    };
    vec![Answer::judged(open.is_empty(), directory, seen).expecting(expected)]
}
