//! containers.conf and storage.conf: what containers get that say nothing.

use seawall_finding::{Outcome, Severity};
use toml::Value;

use crate::answer::{Answer, few};
use crate::machine::Machine;
use crate::section::settings_files::{Question, dangerous, judged_filter, rule};
use crate::toml_files::{TomlFiles, texts};

const REFERENCES: &[&str] = &["https://github.com/containers/common/blob/main/docs/containers.conf.5.md"];

pub(in crate::section) const QUESTIONS: &[Question] = &[
    Question {
        rule: rule(
            REFERENCES,
            "podman-seccomp",
            "podman's default system-call filter",
            "The filter takes system calls away that containers do not need and kernel exploits do.",
            "Remove `seccomp_profile` from containers.conf.",
            Severity::High,
        ),
        ask: seccomp,
    },
    Question {
        rule: rule(
            REFERENCES,
            "podman-default-capabilities",
            "podman's default capabilities",
            "Every container gets them, whether it needs them or not.",
            "Remove `default_capabilities` from containers.conf, or shorten it.",
            Severity::High,
        ),
        ask: |_, files| {
            let listed = files.get(&["containers", "default_capabilities"]);
            let bad = listed.map(|(_, value)| dangerous(&texts(value))).unwrap_or_default();
            let seen = if bad.is_empty() { "none that is dangerous".to_owned() } else { few(&bad) };
            Answer::judged(bad.is_empty(), source(files, listed), seen)
                .of("default_capabilities")
                .expecting("no dangerous ones")
        },
    },
    Question {
        rule: rule(
            REFERENCES,
            "podman-default-namespaces",
            "Namespaces that podman shares by default",
            "A container in the host's namespaces sees and reaches what the host does.",
            "Remove `netns`, `pidns`, `ipcns`, `utsns`, `cgroupns` = \"host\" from containers.conf.",
            Severity::High,
        ),
        ask: namespaces,
    },
    Question {
        rule: rule(
            REFERENCES,
            "podman-default-confinement",
            "Confinement that podman switches off",
            "Labels, AppArmor and no-new-privileges hold a process that has left its namespaces.",
            "Remove `label = false`, `apparmor_profile = \"unconfined\"` and `privileged = true` from containers.conf.",
            Severity::High,
        ),
        ask: confinement,
    },
    Question {
        rule: rule(
            REFERENCES,
            "podman-default-processes",
            "Processes that podman lets a container have",
            "One container without a limit takes all processes of the host.",
            "Give `pids_limit` a number, or leave it at its 2048.",
            Severity::Medium,
        ),
        ask: |_, files| {
            let limit = files.get(&["containers", "pids_limit"]);
            let number = limit.and_then(|(_, value)| value.as_integer());
            let is_unlimited = number.is_some_and(|number| number <= 0);
            let seen =
                number.map_or("it is the default".to_owned(), |number| format!("pids_limit = {number}"));
            Answer::judged(!is_unlimited, source(files, limit), seen)
                .of("pids_limit")
                .expecting("a number above 0")
        },
    },
];

pub(in crate::section) const STORAGE: &[Question] = &[Question {
    rule: rule(
        REFERENCES,
        "podman-ignored-owners",
        "Owners of files that podman ignores",
        "With it all files of an image belong to one user, and the image's own rules between users are void.",
        "Remove `ignore_chown_errors` from storage.conf, and give the user a range in /etc/subuid.",
        Severity::Low,
    ),
    ask: |_, files| {
        let paths: [&[&str]; 2] = [
            &["storage", "options", "ignore_chown_errors"],
            &["storage", "options", "overlay", "ignore_chown_errors"],
        ];
        let is_on = |value: &Value| value.as_bool() == Some(true) || value.as_str() == Some("true");
        let on = paths.iter().find_map(|path| files.get(path).filter(|(_, value)| is_on(value)));
        let seen = if on.is_some() { "it ignores them" } else { "it keeps them" };
        Answer::judged(on.is_none(), source(files, on), seen)
            .of("ignore_chown_errors")
            .expecting("owners are kept")
    },
}];

fn source(files: &TomlFiles, found: Option<(&str, &Value)>) -> String {
    match found {
        Some((file, _)) => file.to_owned(),
        None if files.is_empty() => "podman's defaults".to_owned(),
        None => files.names(),
    }
}

fn seccomp(machine: &Machine<'_>, files: &TomlFiles) -> Answer {
    let profile = files.get(&["containers", "seccomp_profile"]);
    let path = profile.and_then(|(_, value)| value.as_str()).unwrap_or_default();
    let answer = match path {
        "" => Answer::new(Outcome::Pass, source(files, profile), "it is the default"),
        "unconfined" => Answer::new(Outcome::Fail, source(files, profile), "no filter"),
        path => match machine.host.root.text(path) {
            Ok(text) => judged_filter(path, &text),
            Err(error) => Answer::error(path, error.to_string()),
        },
    };
    answer.of("seccomp_profile").expecting("a filter that refuses by default")
}

fn namespaces(_machine: &Machine<'_>, files: &TomlFiles) -> Answer {
    const NAMES: [&str; 5] = ["netns", "pidns", "ipcns", "utsns", "cgroupns"];
    let is_host =
        |name: &&&str| files.get(&["containers", name]).and_then(|(_, value)| value.as_str()) == Some("host");
    let shared: Vec<String> = NAMES.iter().filter(is_host).map(|name| format!("{name} = \"host\"")).collect();
    let seen = if shared.is_empty() { "none".to_owned() } else { few(&shared) };
    Answer::judged(shared.is_empty(), source(files, None), seen)
        .of("namespaces")
        .expecting("none is the host's")
}

fn confinement(_machine: &Machine<'_>, files: &TomlFiles) -> Answer {
    let is = |name: &str, value: bool| {
        files.get(&["containers", name]).and_then(|(_, own)| own.as_bool()) == Some(value)
    };
    let apparmor = files.get(&["containers", "apparmor_profile"]).and_then(|(_, value)| value.as_str());
    let off = [
        (is("label", false), "label = false"),
        (apparmor == Some("unconfined"), "apparmor_profile = \"unconfined\""),
        (is("privileged", true), "privileged = true"),
    ];
    let off: Vec<String> =
        off.iter().filter(|(is_off, _)| *is_off).map(|(_, text)| (*text).to_owned()).collect();
    let seen = if off.is_empty() { "nothing is switched off".to_owned() } else { few(&off) };
    Answer::judged(off.is_empty(), source(files, None), seen).of("label").expecting("nothing switched off")
}
