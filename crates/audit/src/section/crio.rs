//! CRI-O's own files.

use seawall_finding::{Framework, Rule, Severity};

use super::settings_files::{self, Question, dangerous, is_local, rule};
use crate::answer::{Answer, Report, Section, few};
use crate::machine::Machine;
use crate::toml_files::{TomlFiles, texts};

const REFERENCES: &[&str] = &["https://github.com/cri-o/cri-o/blob/main/docs/crio.conf.5.md"];

const QUESTIONS: &[Question] = &[
    Question {
        rule: rule(
            REFERENCES,
            "crio-seccomp",
            "CRI-O's system-call filter",
            "The filter takes system calls away that pods do not need and kernel exploits do.",
            "Remove `seccomp_profile = \"unconfined\"` from [crio.runtime].",
            Severity::High,
        ),
        ask: |_, files| unconfined(files, "seccomp_profile"),
    },
    Question {
        rule: rule(
            REFERENCES,
            "crio-apparmor",
            "CRI-O's AppArmor profile",
            "Without it nothing holds a process that has left its namespaces.",
            "Remove `apparmor_profile = \"unconfined\"` from [crio.runtime].",
            Severity::Medium,
        ),
        ask: |_, files| unconfined(files, "apparmor_profile"),
    },
    Question {
        rule: rule(
            REFERENCES,
            "crio-default-capabilities",
            "CRI-O's default capabilities",
            "Every pod gets them, whether it needs them or not.",
            "Shorten `default_capabilities` of [crio.runtime].",
            Severity::High,
        ),
        ask: |_, files| {
            let bad = text_list(files, &["crio", "runtime", "default_capabilities"]);
            let bad = dangerous(&bad);
            let seen = if bad.is_empty() { "none that is dangerous".to_owned() } else { few(&bad) };
            Answer::judged(bad.is_empty(), files.names(), seen)
                .of("default_capabilities")
                .expecting("no dangerous ones")
        },
    },
    Question {
        rule: rule(
            REFERENCES,
            "crio-processes",
            "Processes that CRI-O lets a container have",
            "One container without a limit takes all processes of the node.",
            "Remove `pids_limit = -1` from [crio.runtime], or set `podPidsLimit` of the kubelet.",
            Severity::Low,
        ),
        ask: |_, files| {
            let limit =
                files.get(&["crio", "runtime", "pids_limit"]).and_then(|(_, value)| value.as_integer());
            let seen =
                limit.map_or("it is left to the kubelet".to_owned(), |limit| format!("pids_limit = {limit}"));
            Answer::judged(limit.is_none_or(|limit| limit >= 0), files.names(), seen)
                .of("pids_limit")
                .expecting("not -1")
        },
    },
    Question {
        rule: Rule {
            id: "crio-insecure-registries",
            title: "CRI-O's registries without TLS",
            why: "Who sits between CRI-O and such a registry decides what runs here.",
            fix: "Remove the registry from `insecure_registries` of [crio.image].",
            severity: Severity::High,
            references: REFERENCES,
            controls: &[(Framework::NistSp800190, "4.2.1")],
        },
        ask: |_, files| {
            let mut registries = text_list(files, &["crio", "image", "insecure_registries"]);
            registries.retain(|registry| !is_local(registry));
            let seen = if registries.is_empty() { "none".to_owned() } else { few(&registries) };
            Answer::judged(registries.is_empty(), files.names(), seen)
                .of("insecure_registries")
                .expecting("none")
        },
    },
    Question {
        rule: rule(
            REFERENCES,
            "crio-stream-tls",
            "Streams of CRI-O in plain text",
            "`exec` and `attach` of every pod of the node go over them.",
            "Leave `stream_address` at 127.0.0.1, or set `stream_enable_tls = true`.",
            Severity::Medium,
        ),
        ask: streams,
    },
];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    QUESTIONS.iter().map(|question| &question.rule)
}

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    let is_here = machine.host.program("crio").is_some() || machine.host.root.exists("/etc/crio");
    let paths = ["/usr/share/containers/crio.conf", "/etc/crio/crio.conf", "/etc/crio/crio.conf.d/"];
    let files = is_here.then(|| TomlFiles::read(machine.host.root, &paths));
    settings_files::ask(machine, report, Section::CriO, QUESTIONS, files.as_ref());
}

fn text_list(files: &TomlFiles, path: &[&str]) -> Vec<String> {
    files.get(path).map(|(_, value)| texts(value)).unwrap_or_default()
}

fn unconfined(files: &TomlFiles, key: &'static str) -> Answer {
    let profile =
        files.get(&["crio", "runtime", key]).and_then(|(_, value)| value.as_str()).unwrap_or_default();
    let seen = if profile.is_empty() { "it is the default" } else { profile };
    Answer::judged(profile != "unconfined", files.names(), seen).of(key).expecting("a profile")
}

fn streams(_machine: &Machine<'_>, files: &TomlFiles) -> Answer {
    let address = files.get(&["crio", "api", "stream_address"]).and_then(|(_, value)| value.as_str());
    let has_tls =
        files.get(&["crio", "api", "stream_enable_tls"]).and_then(|(_, value)| value.as_bool()) == Some(true);
    let address = address.unwrap_or("127.0.0.1");
    let is_local = matches!(address, "localhost" | "::1") || address.starts_with("127.");
    let seen = format!("stream_address is {address}, {}", if has_tls { "with TLS" } else { "without TLS" });
    Answer::judged(is_local || has_tls, files.names(), seen)
        .of("stream_address")
        .expecting("127.0.0.1, or TLS")
}
