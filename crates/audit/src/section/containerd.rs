//! containerd's own file, and what it says of registries.

use seawall_finding::{Framework, Outcome, Rule, Severity};
use toml::Value;

use super::settings_files::{self, Question, is_local, rule};
use crate::answer::{Answer, Report, Section, few};
use crate::machine::Machine;
use crate::toml_files::TomlFiles;

const REFERENCES: &[&str] = &["https://github.com/containerd/containerd/blob/main/docs/cri/config.md"];
const CONFIG: &str = "/etc/containerd/config.toml";
const HOSTS: &str = "/etc/containerd/certs.d";

const QUESTIONS: &[Question] = &[
    Question {
        rule: rule(
            REFERENCES,
            "containerd-tcp",
            "containerd on the network",
            "Whoever reaches the port starts containers as root; containerd asks nobody who they are.",
            "Remove `tcp_address` from [grpc].",
            Severity::Critical,
        ),
        ask: tcp,
    },
    Question {
        rule: rule(
            REFERENCES,
            "containerd-socket-group",
            "Group of containerd's socket",
            "Whoever is in the group may start a container with the host's root in it.",
            "Remove `uid` and `gid` from [grpc].",
            Severity::High,
        ),
        ask: socket_group,
    },
    Question {
        rule: rule(
            REFERENCES,
            "containerd-debug",
            "Debugging of containerd",
            "The debug log holds what clients send, and the debug socket shows memory and code.",
            "Remove `level` and `address` from [debug].",
            Severity::Low,
        ),
        ask: debug,
    },
    Question {
        rule: rule(
            REFERENCES,
            "containerd-metrics",
            "Metrics of containerd on the network",
            "The address has no authentication and tells what runs here.",
            "Bind `address` of [metrics] to 127.0.0.1.",
            Severity::Low,
        ),
        ask: metrics,
    },
    Question {
        rule: Rule {
            id: "containerd-insecure-registries",
            title: "containerd's registries without TLS",
            why: "Who sits between containerd and such a registry decides what runs here.",
            fix: "Remove `skip_verify` and `http://` from hosts.toml, `insecure_skip_verify` from config.toml; name the \
                  registry's authority with `ca`.",
            severity: Severity::High,
            references: &["https://github.com/containerd/containerd/blob/main/docs/hosts.md"],
            controls: &[(Framework::NistSp800190, "4.2.1")],
        },
        ask: registries,
    },
    Question {
        rule: rule(
            REFERENCES,
            "containerd-apparmor",
            "AppArmor for pods",
            "Without it nothing holds a process that has left its namespaces.",
            "Remove `disable_apparmor = true`.",
            Severity::Medium,
        ),
        ask: |machine, files| module(machine, files, ("apparmor", "disable_apparmor", false)),
    },
    Question {
        rule: rule(
            REFERENCES,
            "containerd-selinux",
            "SELinux for pods",
            "On a host with SELinux, pods without labels run outside of its rules.",
            "Set `enable_selinux = true`.",
            Severity::Medium,
        ),
        ask: |machine, files| module(machine, files, ("selinux", "enable_selinux", true)),
    },
    Question {
        rule: rule(
            REFERENCES,
            "containerd-default-seccomp",
            "System-call filter of pods that name none",
            "Kubernetes leaves such pods without a filter unless the kubelet or containerd gives one.",
            "Set `unset_seccomp_profile = \"runtime/default\"`, or `seccompDefault: true` of the kubelet.",
            Severity::Low,
        ),
        ask: default_seccomp,
    },
];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    QUESTIONS.iter().map(|question| &question.rule)
}

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    let is_here = machine.host.program("containerd").is_some() || machine.host.root.exists(CONFIG);
    let files = is_here.then(|| TomlFiles::read(machine.host.root, &[CONFIG, "/etc/containerd/conf.d/"]));
    settings_files::ask(machine, report, Section::Containerd, QUESTIONS, files.as_ref());
}

/// A setting of the CRI plugin, by the plugin's name in each version of the file.
fn cri<'f>(files: &'f TomlFiles, key: &[&str]) -> Option<(&'f str, &'f Value)> {
    const PLUGINS: [&str; 4] =
        ["io.containerd.cri.v1.runtime", "io.containerd.cri.v1.images", "io.containerd.grpc.v1.cri", "cri"];
    PLUGINS.iter().find_map(|plugin| files.get(&[&["plugins", *plugin], key].concat()))
}

fn tcp(_machine: &Machine<'_>, files: &TomlFiles) -> Answer {
    let address =
        files.get(&["grpc", "tcp_address"]).and_then(|(_, value)| value.as_str()).unwrap_or_default();
    let authority =
        files.get(&["grpc", "tcp_tls_ca"]).and_then(|(_, value)| value.as_str()).unwrap_or_default();
    let answer = match (address, authority) {
        ("", _) => Answer::new(Outcome::Pass, files.names(), "there is no such address"),
        (address, "") => Answer::new(
            Outcome::Fail,
            files.names(),
            format!("it listens on {address} and asks for no certificate"),
        ),
        (address, _) => Answer::new(
            Outcome::Pass,
            files.names(),
            format!("it listens on {address} and asks for a certificate"),
        ),
    };
    answer.of("grpc.tcp_address").expecting("no address, or tcp_tls_ca")
}

fn socket_group(_machine: &Machine<'_>, files: &TomlFiles) -> Answer {
    let number = |key: &str| files.get(&["grpc", key]).and_then(|(_, value)| value.as_integer()).unwrap_or(0);
    let (uid, gid) = (number("uid"), number("gid"));
    let seen = format!("user {uid}, group {gid}");
    Answer::judged((uid, gid) == (0, 0), files.names(), seen).of("grpc.gid").expecting("user 0, group 0")
}

fn debug(_machine: &Machine<'_>, files: &TomlFiles) -> Answer {
    let level = files.get(&["debug", "level"]).and_then(|(_, value)| value.as_str()).unwrap_or_default();
    let seen = if level.is_empty() { "it is the default" } else { level };
    Answer::judged(!matches!(level, "debug" | "trace"), files.names(), seen)
        .of("debug.level")
        .expecting("info")
}

fn metrics(_machine: &Machine<'_>, files: &TomlFiles) -> Answer {
    let address =
        files.get(&["metrics", "address"]).and_then(|(_, value)| value.as_str()).unwrap_or_default();
    let seen = if address.is_empty() { "there is no such address" } else { address };
    Answer::judged(address.is_empty() || is_local(address), files.names(), seen)
        .of("metrics.address")
        .expecting("none, or 127.0.0.1")
}

fn registries(machine: &Machine<'_>, files: &TomlFiles) -> Answer {
    let mut open = Vec::new();
    let configs = cri(files, &["registry", "configs"]).and_then(|(_, value)| value.as_table());
    for (name, config) in configs.into_iter().flatten() {
        let skips =
            config.get("tls").and_then(|tls| tls.get("insecure_skip_verify")).and_then(Value::as_bool);
        if skips == Some(true) {
            open.push(name.clone());
        }
    }
    for registry in machine.host.root.names(HOSTS).unwrap_or_default() {
        let path = format!("{HOSTS}/{registry}/hosts.toml");
        let hosts = TomlFiles::read(machine.host.root, &[&path]);
        if let Some((file, reason)) = hosts.refused {
            return Answer::error(file, reason);
        }
        if hosts.get(&["server"]).and_then(|(_, value)| value.as_str()).is_some_and(is_plain) {
            open.push(registry.clone());
        }
        for (host, value) in
            hosts.get(&["host"]).and_then(|(_, value)| value.as_table()).into_iter().flatten()
        {
            if is_plain(host) || value.get("skip_verify").and_then(Value::as_bool) == Some(true) {
                open.push(format!("{host} for {registry}"));
            }
        }
    }
    let seen = if open.is_empty() { "none".to_owned() } else { few(&open) };
    Answer::judged(open.is_empty(), format!("{} and {HOSTS}", files.names()), seen)
        .of("skip_verify")
        .expecting("none")
}

fn is_plain(address: &str) -> bool {
    address.strip_prefix("http://").is_some_and(|host| !is_local(host))
}

fn module(machine: &Machine<'_>, files: &TomlFiles, (name, key, wanted): (&str, &str, bool)) -> Answer {
    let is_here = machine.host.security_modules().is_ok_and(|modules| modules.iter().any(|own| own == name));
    if !is_here {
        return Answer::not_applicable(files.names(), format!("the host does not have {name}"));
    }
    let value = cri(files, &[key]).and_then(|(_, value)| value.as_bool()).unwrap_or(false);
    Answer::judged(value == wanted, files.names(), format!("{key} = {value}"))
        .of(key)
        .expecting(format!("{key} = {wanted}"))
}

fn default_seccomp(_machine: &Machine<'_>, files: &TomlFiles) -> Answer {
    let disabled = files
        .get(&["disabled_plugins"])
        .map(|(_, value)| crate::toml_files::texts(value))
        .unwrap_or_default();
    if disabled.iter().any(|plugin| plugin == "cri" || plugin.ends_with(".cri")) {
        return Answer::not_applicable(files.names(), "the plugin for Kubernetes is switched off");
    }
    let profile =
        cri(files, &["unset_seccomp_profile"]).and_then(|(_, value)| value.as_str()).unwrap_or_default();
    let seen = if profile.is_empty() { "it is not set, which means no filter" } else { profile };
    let is_good = !matches!(profile, "" | "unconfined");
    Answer::judged(is_good, files.names(), seen).of("unset_seccomp_profile").expecting("runtime/default")
}
