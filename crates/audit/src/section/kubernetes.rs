//! CIS Kubernetes 1.12, as far as files answer it: the files of a node and a control plane, and what their programs are
//! told by static pods, units and configuration files. Where there are none, nothing is asked.

mod arguments;
mod control_plane;
mod etcd;
mod files;
mod kubelet;

use seawall_finding::{Framework, Rule, Severity};

use crate::answer::{Answer, Report, Section, few};
use crate::machine::Machine;
use arguments::Arguments;

const REFERENCES: &[&str] = &["https://kubernetes.io/docs/concepts/security/hardening-guide/"];

/// A rule over what a program is told.
struct FlagRule {
    rule: Rule,
    test: Test,
}

/// What a flag (or the configuration's member that stands for it) should be. Names are flags without dashes.
#[derive(Debug, Clone, Copy)]
enum Test {
    /// It has this value.
    Is(&'static str, &'static str),
    /// It has this value, which is the default.
    IsOrUnset(&'static str, &'static str),
    /// Each of these is given.
    Set(&'static [&'static str]),
    /// It is not given.
    Unset(&'static str),
    /// Its list has this item.
    Has(&'static str, &'static str),
    /// Its list does not have this item.
    Lacks(&'static str, &'static str),
    /// It is given and at least this.
    AtLeast(&'static str, i64),
    /// It is not zero.
    NotZero(&'static str),
    /// It is not below zero, or not given.
    NotNegative(&'static str),
    /// It is an address of this machine alone, or not given, which means such a one.
    Local(&'static str),
    /// Every suite of the list has forward secrecy and authenticated encryption.
    StrongCiphers(&'static str),
}

const fn flag_rule(
    (id, cis): (&'static str, &'static [(Framework, &'static str)]),
    title: &'static str,
    why: &'static str,
    severity: Severity,
    test: Test,
) -> FlagRule {
    let fix = "Set it in the static pod's manifest, the unit or the configuration file, as expected.";
    FlagRule { rule: Rule { id, title, why, fix, severity, references: REFERENCES, controls: cis }, test }
}

const fn cis(id: &'static str) -> [(Framework, &'static str); 2] {
    [(Framework::CisKubernetes112, id), (Framework::NistSp800190, "4.3.5")]
}

pub(super) fn rules() -> Vec<&'static Rule> {
    let mut rules: Vec<&Rule> = files::rules().collect();
    let tables = [
        control_plane::API_SERVER,
        control_plane::CONTROLLER_MANAGER,
        control_plane::SCHEDULER,
        etcd::ETCD,
        kubelet::KUBELET,
        kubelet::PROXY,
    ];
    rules.extend(tables.into_iter().flatten().map(|rule| &rule.rule));
    rules.extend([&control_plane::ENCRYPTION, &etcd::OWN_AUTHORITY]);
    rules
}

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    let is_here = ["/etc/kubernetes", "/var/lib/kubelet/config.yaml", "/var/lib/etcd"]
        .iter()
        .any(|path| machine.host.root.exists(path))
        || machine.host.processes.running("kubelet").next().is_some();
    if !is_here {
        let looked_at = "/etc/kubernetes, /var/lib/kubelet, /var/lib/etcd and processes";
        for rule in rules() {
            let answer = Answer::not_applicable(looked_at, "this is no Kubernetes node");
            report.add(Section::Kubernetes, rule, answer.about(machine.host.subject()));
        }
        return;
    }
    files::ask(machine, report);
    control_plane::ask(machine, report);
    etcd::ask(machine, report);
    kubelet::ask(machine, report);
}

/// Asks a table of a program, whose absence makes each question void.
fn ask_table(
    machine: &Machine<'_>,
    report: &mut Report,
    table: &'static [FlagRule],
    program: &Result<Option<Arguments>, String>,
) {
    for flag_rule in table {
        let answer = match program {
            Err(reason) => Answer::error(flag_rule.rule.title, reason.clone()),
            Ok(None) => Answer::not_applicable(flag_rule.rule.title, "the program does not run on this node"),
            Ok(Some(arguments)) => judge(arguments, flag_rule.test),
        };
        report.add(Section::Kubernetes, &flag_rule.rule, answer.about(machine.host.subject()));
    }
}

fn judge(arguments: &Arguments, test: Test) -> Answer {
    let value = |flag: &str| arguments.get(flag);
    let shown = |flag: &str| match arguments.get(flag) {
        Some(value) => format!("--{flag}={value}"),
        None => format!("--{flag} is not given"),
    };
    let items = |flag: &str| -> Vec<String> {
        arguments
            .get(flag)
            .unwrap_or_default()
            .split(',')
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect()
    };
    let (flag, is_good, expected) = match test {
        Test::Is(flag, wanted) => {
            (flag, value(flag).as_deref() == Some(wanted), format!("--{flag}={wanted}"))
        }
        Test::IsOrUnset(flag, wanted) => {
            (flag, value(flag).is_none_or(|value| value == wanted), format!("--{flag}={wanted}, the default"))
        }
        Test::Set(flags) => {
            let missing: Vec<String> = flags
                .iter()
                .filter(|flag| value(flag).is_none_or(|value| value.is_empty()))
                .map(|flag| format!("--{flag}"))
                .collect();
            let seen = if missing.is_empty() {
                flags.iter().map(|flag| shown(flag)).collect::<Vec<_>>().join(" ")
            } else {
                format!("not given: {}", few(&missing))
            };
            let first = flags.first().copied().unwrap_or_default();
            return Answer::judged(missing.is_empty(), arguments.source(first), seen)
                .of(first)
                .expecting("given");
        }
        Test::Unset(flag) => (flag, value(flag).is_none(), format!("no --{flag}")),
        Test::Has(flag, item) => {
            (flag, items(flag).iter().any(|own| own == item), format!("{item} in --{flag}"))
        }
        Test::Lacks(flag, item) => {
            // What is not said at all may have a default that says it: each such flag has one that does not.
            (flag, !items(flag).iter().any(|own| own == item), format!("no {item} in --{flag}"))
        }
        Test::AtLeast(flag, least) => {
            let number = value(flag).and_then(|value| value.parse::<i64>().ok());
            (flag, number.is_some_and(|number| number >= least), format!("--{flag}={least} or more"))
        }
        Test::NotZero(flag) => {
            let is_zero = value(flag).is_some_and(|value| value.trim_end_matches(['s', 'm', 'h']) == "0");
            (flag, !is_zero, format!("--{flag} is not 0"))
        }
        Test::NotNegative(flag) => {
            let is_negative = value(flag).is_some_and(|value| value.starts_with('-'));
            (flag, !is_negative, format!("--{flag} is 0 or more"))
        }
        Test::Local(flag) => {
            let is_local = |value: String| {
                value.starts_with("127.") || value.starts_with("localhost") || value.starts_with("[::1]")
            };
            (
                flag,
                value(flag).is_none_or(|value| value.is_empty() || is_local(value)),
                "127.0.0.1".to_owned(),
            )
        }
        Test::StrongCiphers(flag) => {
            let weak: Vec<String> = items(flag).into_iter().filter(|suite| !is_strong(suite)).collect();
            let is_good = weak.is_empty() && value(flag).is_some();
            let seen = if weak.is_empty() { shown(flag) } else { format!("weak: {}", few(&weak)) };
            let expected = "suites with ECDHE and GCM or ChaCha20 only";
            return Answer::judged(is_good, arguments.source(flag), seen).of(flag).expecting(expected);
        }
    };
    Answer::judged(is_good, arguments.source(flag), shown(flag)).of(flag).expecting(expected)
}

/// Suites of TLS 1.3, and those of 1.2 with forward secrecy and authenticated encryption.
fn is_strong(suite: &str) -> bool {
    let is_authenticated = suite.contains("_GCM_") || suite.contains("CHACHA20_POLY1305");
    let is_13 = ["TLS_AES_", "TLS_CHACHA20_"].iter().any(|start| suite.starts_with(start));
    is_authenticated && (is_13 || suite.starts_with("TLS_ECDHE_"))
}
