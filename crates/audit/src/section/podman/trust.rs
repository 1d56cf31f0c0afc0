//! registries.conf, policy.json and the socket: whose images run, and who may ask for it.

use rustix::fs::FileType;
use seawall_finding::{Framework, Outcome, Rule, Severity};
use serde_json::Value;

use crate::answer::{Answer, few};
use crate::machine::Machine;
use crate::root::Unread;
use crate::section::settings_files::Question;
use crate::toml_files::{TomlFiles, texts};

const REGISTRIES: &[&str] =
    &["https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md"];

pub(in crate::section) const QUESTIONS: &[Question] = &[
    Question {
        rule: Rule {
            id: "podman-insecure-registries",
            title: "podman's registries without TLS",
            why: "Who sits between podman and such a registry decides what runs here.",
            fix: "Remove `insecure = true`, and put the registry's authority into /etc/containers/certs.d/NAME/ca.crt.",
            severity: Severity::High,
            references: REGISTRIES,
            controls: &[(Framework::NistSp800190, "4.2.1")],
        },
        ask: insecure,
    },
    Question {
        rule: Rule {
            id: "podman-short-names",
            title: "Registries that podman searches for short names",
            why: "`podman run app` takes the first registry that answers: whoever has that name in an earlier one is run.",
            fix: "Leave one registry in `unqualified-search-registries`, or none, and write names in full.",
            severity: Severity::Low,
            references: REGISTRIES,
            controls: &[(Framework::NistSp800190, "4.1.5")],
        },
        ask: |_, files| {
            let found = files.get(&["unqualified-search-registries"]);
            let registries = found.map(|(_, value)| texts(value)).unwrap_or_default();
            let looked_at = found.map_or_else(|| files.names(), |(file, _)| file.to_owned());
            let seen = if registries.is_empty() { "none".to_owned() } else { few(&registries) };
            let answer = Answer::judged(registries.len() <= 1, looked_at, seen);
            answer.of("unqualified-search-registries").expecting("at most one")
        },
    },
    Question {
        rule: Rule {
            id: "podman-signature-policy",
            title: "Signatures that podman asks for",
            why: "`insecureAcceptAnything` runs whatever a registry answers.",
            fix: "Make `reject` the default of /etc/containers/policy.json, and name for each registry the keys it signs with.",
            severity: Severity::Medium,
            references: &["https://github.com/containers/image/blob/main/docs/containers-policy.json.5.md"],
            controls: &[(Framework::NistSp800190, "4.1.5")],
        },
        ask: policy,
    },
    Question {
        rule: Rule {
            id: "podman-socket",
            title: "Access to podman's system socket",
            why: "Whoever may write to it may start a container with the host's root in it.",
            fix: "Leave it to root (`SocketMode=0600`), or stop podman.socket: podman needs no service.",
            severity: Severity::Critical,
            references: &["https://docs.podman.io/en/latest/markdown/podman-system-service.1.html"],
            controls: &[(Framework::NistSp800190, "4.5.4")],
        },
        ask: socket,
    },
];

fn insecure(_machine: &Machine<'_>, files: &TomlFiles) -> Answer {
    let mut names = Vec::new();
    for (_, value) in files.all(&["registry"]) {
        for registry in value.as_array().into_iter().flatten().filter_map(|entry| entry.as_table()) {
            let text = |key: &str| registry.get(key).and_then(|value| value.as_str());
            if registry.get("insecure").and_then(|value| value.as_bool()) == Some(true) {
                names.extend(text("location").or(text("prefix")).map(str::to_owned));
            }
            let mirrors = registry.get("mirror").and_then(|value| value.as_array()).into_iter().flatten();
            for mirror in mirrors
                .filter(|mirror| mirror.get("insecure").and_then(|value| value.as_bool()) == Some(true))
            {
                names.extend(mirror.get("location").and_then(|value| value.as_str()).map(str::to_owned));
            }
        }
    }
    // The first form of the file.
    names.extend(
        files.all(&["registries", "insecure", "registries"]).into_iter().flat_map(|(_, value)| texts(value)),
    );
    names.retain(|name| !name.starts_with("localhost") && !name.starts_with("127."));
    let seen = if names.is_empty() { "none".to_owned() } else { few(&names) };
    Answer::judged(names.is_empty(), files.names(), seen).of("insecure").expecting("none")
}

fn policy(machine: &Machine<'_>, _files: &TomlFiles) -> Answer {
    let path = "/etc/containers/policy.json";
    let text = match machine.host.root.text(path) {
        Ok(text) => text,
        Err(Unread::Absent) => {
            return Answer::new(Outcome::Pass, path, "without the file nothing is accepted");
        }
        Err(error) => return Answer::error(path, error.to_string()),
    };
    let policy: Value = match serde_json::from_str(&text) {
        Ok(policy) => policy,
        Err(error) => return Answer::error(path, format!("it is no JSON: {error}")),
    };
    let accepts = |rules: Option<&Value>| {
        let rules = rules.and_then(Value::as_array).into_iter().flatten();
        rules.filter_map(|rule| rule.get("type")?.as_str()).any(|kind| kind == "insecureAcceptAnything")
    };
    let mut open = Vec::new();
    if accepts(policy.get("default")) {
        open.push("default".to_owned());
    }
    // What the daemon and files of this host give comes from here already.
    let registries = policy.pointer("/transports/docker").and_then(Value::as_object);
    for (scope, rules) in registries.into_iter().flatten() {
        if accepts(Some(rules)) {
            open.push(if scope.is_empty() { "every registry".to_owned() } else { scope.clone() });
        }
    }
    let seen = if open.is_empty() {
        "nothing without a signature".to_owned()
    } else {
        format!("anything, for {}", few(&open))
    };
    Answer::judged(open.is_empty(), path, seen).at(path).of("policy.json").expecting("signatures, or reject")
}

fn socket(machine: &Machine<'_>, _files: &TomlFiles) -> Answer {
    let path = "/run/podman/podman.sock";
    let unit = machine.host.unit("podman.socket").ok();
    let streams = unit.iter().flat_map(|unit| unit.values("Socket", "ListenStream"));
    let network: Vec<String> =
        streams.filter(|stream| !stream.starts_with(['/', '%', '@'])).map(str::to_owned).collect();
    let expected = "root alone";
    if !network.is_empty() {
        let seen = format!("podman.socket listens on {}", few(&network));
        return Answer::new(Outcome::Fail, "podman.socket", seen).expecting(expected);
    }
    let answer = match machine.host.root.metadata(path) {
        Err(Unread::Absent) => Answer::new(Outcome::Pass, path, "there is no system socket"),
        Err(error) => Answer::error(path, error.to_string()),
        Ok(metadata) if metadata.kind != FileType::Socket => {
            Answer::new(Outcome::Pass, path, "it is no socket")
        }
        Ok(metadata) => {
            let is_roots = metadata.uid == 0
                && metadata.mode & 0o007 == 0
                && (metadata.gid == 0 || metadata.mode & 0o070 == 0);
            let owner = machine.host.accounts.group_name(metadata.gid);
            Answer::judged(
                is_roots,
                path,
                format!("user {}, group {owner}, mode {:03o}", metadata.uid, metadata.mode),
            )
        }
    };
    answer.at(path).of(path).expecting(expected)
}
