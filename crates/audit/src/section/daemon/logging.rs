//! What the daemon and its containers write down, and where it goes.

use seawall_finding::{Framework, Outcome, Rule, Severity};

use super::{Asked, Question};
use crate::answer::{Answer, cis, moved};

pub(super) const QUESTIONS: &[Question] = &[
    Question {
        rule: Rule {
            id: "daemon-log-level",
            title: "Log level of the daemon",
            why: "Above info, what happened is not written down; debug writes request bodies, and credentials with them.",
            fix: "Set `\"log-level\": \"info\"`, and switch `debug` off.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/daemon/logs/"],
            controls: &cis("2.3", "4.4.3"),
        },
        setting: "log-level",
        ask: level,
    },
    Question {
        rule: Rule {
            id: "daemon-central-logs",
            title: "Logs of containers on another machine",
            why: "Logs that only this host has are gone with it, and whoever takes it over deletes them.",
            fix: "Set `log-driver` to one that sends away (syslog with `syslog-address`, fluentd, gelf, awslogs, …).",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/logging/configure/"],
            controls: &moved("2.13", "2.14", "4.4.5"),
        },
        setting: "log-driver",
        ask: central,
    },
    Question {
        rule: Rule {
            id: "daemon-log-size",
            title: "Size of containers' logs",
            why: "json-file keeps everything: one talkative container fills the data root, and all others stop.",
            fix: "Set `\"log-opts\": {\"max-size\": \"10m\", \"max-file\": \"3\"}`, or use the driver `local`.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/logging/drivers/json-file/"],
            controls: &[(Framework::NistSp800190, "4.4.3")],
        },
        setting: "log-opts",
        ask: size,
    },
];

fn level(asked: &Asked<'_>) -> Answer {
    let settings = &asked.daemon.settings;
    if settings.is_on("debug", false) {
        return Answer::new(Outcome::Fail, settings.source("debug"), "debug is on").expecting("info");
    }
    let level = settings.text("log-level");
    let seen = if level.is_empty() { "it is not set, which means info" } else { level };
    Answer::judged(matches!(level, "" | "info"), asked.source(), seen).expecting("info")
}

/// The driver of containers that name none: the daemon's word, otherwise the setting.
fn driver(asked: &Asked<'_>) -> (String, String) {
    match (asked.info(), asked.machine.facts(asked.daemon)) {
        (Some(info), Some(facts)) if !info.logging_driver.is_empty() => {
            (info.logging_driver.clone(), facts.asked("info"))
        }
        (_, _) => match asked.daemon.settings.text("log-driver") {
            "" => ("json-file".to_owned(), asked.source()),
            driver => (driver.to_owned(), asked.source()),
        },
    }
}

fn central(asked: &Asked<'_>) -> Answer {
    let (driver, source) = driver(asked);
    let options = asked.daemon.settings.list("log-opts");
    let address = options.iter().find_map(|option| option.strip_prefix("syslog-address="));
    let answer = match (driver.as_str(), address) {
        ("json-file" | "local" | "none", _) => {
            Answer::new(Outcome::Fail, source, format!("{driver} keeps them here"))
        }
        ("syslog", Some(address)) if !address.starts_with("unix") => {
            Answer::new(Outcome::Pass, source, format!("syslog at {address}"))
        }
        ("syslog" | "journald" | "k8s-file" | "passthrough", _) => {
            let seen =
                format!("{driver} keeps them here unless it forwards them, which is not seen from Docker");
            Answer::new(Outcome::Manual, source, seen)
        }
        (driver, _) => Answer::new(Outcome::Pass, source, driver.to_owned()),
    };
    answer.expecting("a driver that sends them away")
}

fn size(asked: &Asked<'_>) -> Answer {
    let (driver, _) = driver(asked);
    if driver != "json-file" {
        return Answer::not_applicable(asked.source(), format!("{driver} is not json-file"));
    }
    let options = asked.daemon.settings.list("log-opts");
    let size = options.iter().find_map(|option| option.strip_prefix("max-size="));
    let seen = size.map_or("max-size is not set".to_owned(), |size| format!("max-size is {size}"));
    Answer::judged(size.is_some_and(|size| size != "-1"), asked.source(), seen).expecting("max-size")
}
