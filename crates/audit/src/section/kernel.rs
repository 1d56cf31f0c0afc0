//! What of the kernel and the host decides whether a process can leave its container.

mod exposure;
mod isolation;

use seawall_finding::{Framework, Outcome, Rule, Severity};

use super::Question;
use crate::answer::{Answer, Report, Section};
use crate::machine::Machine;
use crate::root::Unread;

/// A kernel setting, and what it may be.
struct Setting {
    rule: Rule,
    /// By its name with dots.
    name: &'static str,
    /// Whether a value is good.
    is_good: fn(&str) -> bool,
    expected: &'static str,
    /// What `--fix` writes.
    wanted: &'static str,
}

const REFERENCES: &[&str] = &[
    "https://www.kernel.org/doc/html/latest/admin-guide/sysctl/kernel.html",
    "https://www.kernel.org/doc/html/latest/admin-guide/sysctl/fs.html",
];
const FIX: &str = "Set it in a file of /etc/sysctl.d and load it with `sysctl --system`; `seawall audit --fix` writes that \
                   file.";
const CONTROLS: &[(Framework, &str)] = &[(Framework::NistSp800190, "4.5.1")];

const fn setting(
    (id, name): (&'static str, &'static str),
    title: &'static str,
    why: &'static str,
    severity: Severity,
    is_good: fn(&str) -> bool,
    (expected, wanted): (&'static str, &'static str),
) -> Setting {
    Setting {
        rule: Rule { id, title, why, fix: FIX, severity, references: REFERENCES, controls: CONTROLS },
        name,
        is_good,
        expected,
        wanted,
    }
}

fn at_least_one(value: &str) -> bool {
    value.parse::<i64>().is_ok_and(|value| value >= 1)
}

fn at_least_two(value: &str) -> bool {
    value.parse::<i64>().is_ok_and(|value| value >= 2)
}

fn is_zero(value: &str) -> bool {
    value == "0"
}

const SETTINGS: &[Setting] = &[
    setting(
        ("kernel-unprivileged-bpf", "kernel.unprivileged_bpf_disabled"),
        "BPF programs of unprivileged users",
        "The verifier that keeps BPF programs harmless has had a new hole every few months.",
        Severity::Medium,
        at_least_one,
        ("1 or 2", "1"),
    ),
    setting(
        ("kernel-userfaultfd", "vm.unprivileged_userfaultfd"),
        "userfaultfd of unprivileged users",
        "It stops the kernel in the middle of a copy for as long as an exploit wants: most races need it.",
        Severity::Low,
        is_zero,
        ("0", "0"),
    ),
    setting(
        ("kernel-pointers", "kernel.kptr_restrict"),
        "Kernel addresses in /proc",
        "Addresses of the kernel make its address randomisation void.",
        Severity::Low,
        at_least_one,
        ("1 or 2", "1"),
    ),
    setting(
        ("kernel-messages", "kernel.dmesg_restrict"),
        "Kernel messages for everybody",
        "They hold addresses and say what an attempt at an exploit has hit.",
        Severity::Low,
        at_least_one,
        ("1", "1"),
    ),
    setting(
        ("kernel-ptrace", "kernel.yama.ptrace_scope"),
        "Tracing of other processes",
        "Without the limit a process reads the memory of every other of its user, across containers that share a pid \
         namespace.",
        Severity::Low,
        at_least_one,
        ("1 or more", "1"),
    ),
    setting(
        ("kernel-perf", "kernel.perf_event_paranoid"),
        "Performance counters of unprivileged users",
        "The interface is large and has been a way into the kernel; its counters also leak what others compute.",
        Severity::Low,
        at_least_two,
        ("2 or more", "2"),
    ),
    setting(
        ("kernel-protected-symlinks", "fs.protected_symlinks"),
        "Links in directories that everybody writes to",
        "A link in a shared directory makes a privileged program write somewhere else.",
        Severity::Medium,
        at_least_one,
        ("1", "1"),
    ),
    setting(
        ("kernel-protected-hardlinks", "fs.protected_hardlinks"),
        "Hard links to other users' files",
        "They keep a replaced set-user-id program alive and let a privileged program change the wrong file.",
        Severity::Medium,
        at_least_one,
        ("1", "1"),
    ),
    setting(
        ("kernel-setuid-dumps", "fs.suid_dumpable"),
        "Core dumps of set-user-id programs",
        "Such a dump holds what only root may read.",
        Severity::Low,
        |value| value == "0" || value == "2",
        ("0 or 2", "0"),
    ),
    setting(
        ("kernel-address-randomisation", "kernel.randomize_va_space"),
        "Randomised addresses of processes",
        "Without it one exploit works on every machine.",
        Severity::High,
        at_least_two,
        ("2", "2"),
    ),
    setting(
        ("kernel-kexec", "kernel.kexec_load_disabled"),
        "Loading of another kernel",
        "Who may load a kernel has everything, past every security module.",
        Severity::Low,
        at_least_one,
        ("1", "1"),
    ),
];

/// What is not a number of `/proc/sys`.
const FAMILIES: [&[Question]; 2] = [isolation::QUESTIONS, exposure::QUESTIONS];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    let settings = SETTINGS.iter().map(|setting| &setting.rule);
    settings.chain(FAMILIES.into_iter().flatten().map(|question| &question.rule))
}

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    for setting in SETTINGS {
        let answer = judge(machine, setting).about(machine.host.subject());
        report.add(Section::Kernel, &setting.rule, answer.of(setting.name).expecting(setting.expected));
    }
    for question in FAMILIES.into_iter().flatten() {
        for answer in (question.ask)(machine) {
            report.add(Section::Kernel, &question.rule, answer.about(machine.host.subject()));
        }
    }
}

/// Settings that are not as they should be, and what they should be: what `--fix` writes.
pub(crate) fn wrong_settings(machine: &Machine<'_>) -> Vec<(&'static str, &'static str, &'static str)> {
    let wrong = SETTINGS.iter().filter(|setting| judge(machine, setting).outcome == Outcome::Fail);
    wrong.map(|setting| (setting.rule.id, setting.name, setting.wanted)).collect()
}

fn judge(machine: &Machine<'_>, setting: &Setting) -> Answer {
    let path = format!("/proc/sys/{}", setting.name.replace('.', "/"));
    match machine.host.sysctl(setting.name) {
        Ok(value) => Answer::judged((setting.is_good)(&value), path, format!("{} is {value}", setting.name)),
        Err(Unread::Absent) if machine.host.root.exists("/proc/sys/kernel/osrelease") => {
            Answer::not_applicable(path, "this kernel does not have the setting")
        }
        Err(Unread::Absent) => Answer::not_checked(path, "the kernel of this file system does not run"),
        Err(Unread::Refused(reason)) => Answer::error(path, reason),
    }
}
