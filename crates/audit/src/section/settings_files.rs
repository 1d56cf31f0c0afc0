//! Questions about the configuration files of podman, containerd and CRI-O: they share their form, and the capabilities
//! and addresses that they judge.

use seawall_finding::{Framework, Outcome, Rule, Severity};
use seawall_lint::workload::seccomp::{self, Filter};

use crate::answer::{Answer, Report, Section};
use crate::machine::Machine;
use crate::toml_files::TomlFiles;

/// A question about an engine's files.
pub(super) struct Question {
    pub(super) rule: Rule,
    pub(super) ask: fn(&Machine<'_>, &TomlFiles) -> Answer,
}

/// A rule about one setting.
pub(super) const fn rule(
    references: &'static [&'static str],
    id: &'static str,
    title: &'static str,
    why: &'static str,
    fix: &'static str,
    severity: Severity,
) -> Rule {
    Rule { id, title, why, fix, severity, references, controls: &[(Framework::NistSp800190, "4.4.3")] }
}

/// Asks all of them; where the engine is not on this host, each is void.
pub(super) fn ask(
    machine: &Machine<'_>,
    report: &mut Report,
    section: Section,
    questions: &'static [Question],
    files: Option<&TomlFiles>,
) {
    for question in questions {
        let answer = match files {
            None => Answer::not_applicable(section.name(), format!("{} is not on this host", section.name())),
            Some(files) => match &files.refused {
                Some((file, reason)) => Answer::error(file.clone(), reason.clone()),
                None => (question.ask)(machine, files),
            },
        };
        report.add(section, &question.rule, answer.about(machine.host.subject()));
    }
}

/// A seccomp profile, by what it allows: having one proves nothing.
pub(super) fn judged_filter(path: &str, profile: &str) -> Answer {
    match seccomp::judge(profile) {
        Filter::Filters => Answer::new(Outcome::Pass, path, "it refuses by default"),
        Filter::AllowsAllBut(calls) => {
            Answer::new(Outcome::Fail, path, format!("it allows all but {calls} system calls"))
        }
        Filter::Unreadable(why) => Answer::error(path, why),
    }
}

/// Whether an address is of this machine alone.
pub(super) fn is_local(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host == "::1" || host.starts_with("127.")
}

/// Capabilities that no default should have, of those that are listed.
pub(super) fn dangerous(listed: &[String]) -> Vec<String> {
    const DANGEROUS: [&str; 12] = [
        "ALL",
        "BPF",
        "DAC_READ_SEARCH",
        "NET_ADMIN",
        "PERFMON",
        "SYSLOG",
        "SYS_ADMIN",
        "SYS_BOOT",
        "SYS_MODULE",
        "SYS_PTRACE",
        "SYS_RAWIO",
        "SYS_TIME",
    ];
    let bare = |name: &String| name.to_ascii_uppercase().trim_start_matches("CAP_").to_owned();
    listed.iter().map(bare).filter(|name| DANGEROUS.contains(&name.as_str())).collect()
}
