//! Whether the daemon starts as it is set up, and what happens to containers when it stops.

use seawall_finding::{Framework, Outcome, Rule, Severity};

use super::{Asked, Question};
use crate::answer::{Answer, few, moved};

pub(super) const QUESTIONS: &[Question] = &[
    Question {
        rule: Rule {
            id: "daemon-live-restore",
            title: "Containers while the daemon is away",
            why: "Without live restore an upgrade of the daemon stops everything that runs, so it is put off, and with it \
                  the fixes.",
            fix: "Set `\"live-restore\": true` in daemon.json.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/daemon/live-restore/"],
            controls: &moved("2.15", "2.16", "4.4.1"),
        },
        setting: "live-restore",
        ask: live_restore,
    },
    Question {
        rule: Rule {
            id: "daemon-experimental",
            title: "Experimental features",
            why: "They change without notice and have not had the review of the others.",
            fix: "Remove `experimental` from daemon.json and the arguments.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/reference/cli/dockerd/"],
            controls: &moved("2.18", "2.19", "4.4.3"),
        },
        setting: "experimental",
        ask: |asked| {
            let told = asked.info().and_then(|info| info.experimental_build);
            asked.told_switch(told, false, false)
        },
    },
    Question {
        rule: Rule {
            id: "daemon-settings-conflict",
            title: "Settings that contradict each other",
            why: "A setting that is both in daemon.json and an argument keeps the daemon from starting: the next restart \
                  takes all containers down.",
            fix: "Leave each setting in one place, best in daemon.json (a drop-in with an empty `ExecStart=` first takes \
                  the arguments away).",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/engine/daemon/troubleshoot/"],
            controls: &[(Framework::NistSp800190, "4.4.3")],
        },
        setting: "daemon.json",
        ask: conflicts,
    },
];

/// Docker refuses live restore to a node of a swarm, which moves its containers instead.
fn live_restore(asked: &Asked<'_>) -> Answer {
    let is_in_swarm = asked.info().is_some_and(|info| info.swarm.local_node_state == "active");
    if is_in_swarm {
        return Answer::not_applicable(asked.source(), "a node of a swarm cannot have it");
    }
    asked.told_switch(asked.info().and_then(|info| info.live_restore_enabled), false, true)
}

fn conflicts(asked: &Asked<'_>) -> Answer {
    let settings = &asked.daemon.settings;
    let looked_at = format!("{} and {}", settings.config_file, settings.command_source);
    let answer = match settings.conflicts.is_empty() {
        true => Answer::new(Outcome::Pass, looked_at, "no setting stands in both"),
        false => Answer::new(Outcome::Fail, looked_at, format!("in both: {}", few(&settings.conflicts))),
    };
    answer.expecting("each setting in one place")
}
