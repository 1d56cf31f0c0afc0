//! How layers are kept.

use seawall_finding::{Framework, Outcome, Rule, Severity};

use super::{Asked, Question};
use crate::answer::{Answer, cis, moved};

const REFERENCE: &[&str] = &["https://docs.docker.com/engine/storage/drivers/select-storage-driver/"];

pub(super) const QUESTIONS: &[Question] = &[
    Question {
        rule: Rule {
            id: "daemon-storage-aufs",
            title: "Storage driver aufs",
            why: "aufs never was a part of the kernel, gets no fixes and has crashed it; Docker has removed it.",
            fix: "Set `storage-driver` to overlay2.",
            severity: Severity::Medium,
            references: REFERENCE,
            controls: &cis("2.6", "4.4.1"),
        },
        setting: "storage-driver",
        ask: |asked| without(asked, "aufs"),
    },
    Question {
        rule: Rule {
            id: "daemon-storage-devicemapper",
            title: "Storage driver devicemapper",
            why: "It lost data on loop devices, gets no fixes, and Docker has removed it.",
            fix: "Set `storage-driver` to overlay2.",
            severity: Severity::Medium,
            references: REFERENCE,
            controls: &[(Framework::CisDocker18, "2.7"), (Framework::NistSp800190, "4.4.1")],
        },
        setting: "storage-driver",
        ask: |asked| without(asked, "devicemapper"),
    },
    Question {
        rule: Rule {
            id: "daemon-base-device-size",
            title: "Base device size of containers",
            why: "A larger base device lets each container take that much of the host's disk.",
            fix: "Take `dm.basesize` out of `storage-opts`.",
            severity: Severity::Low,
            references: REFERENCE,
            controls: &moved("2.11", "2.12", "4.4.3"),
        },
        setting: "storage-opts",
        ask: base_size,
    },
];

fn without(asked: &Asked<'_>, refused: &str) -> Answer {
    let (driver, source) = match (asked.info(), asked.machine.facts(asked.daemon)) {
        (Some(info), Some(facts)) if !info.driver.is_empty() => (info.driver.clone(), facts.asked("info")),
        (_, _) => (asked.daemon.settings.text("storage-driver").to_owned(), asked.source()),
    };
    let seen =
        if driver.is_empty() { "it is not set, which means the best that the kernel has" } else { &driver };
    Answer::judged(driver != refused, source, seen).expecting(format!("any but {refused}"))
}

fn base_size(asked: &Asked<'_>) -> Answer {
    let options = asked.daemon.settings.list("storage-opts");
    let size = options.iter().find(|option| option.trim().starts_with("dm.basesize"));
    let answer = match size {
        Some(size) => Answer::new(Outcome::Fail, asked.source(), size.clone()),
        None => Answer::new(Outcome::Pass, asked.source(), "dm.basesize is not set"),
    };
    answer.expecting("the default")
}
