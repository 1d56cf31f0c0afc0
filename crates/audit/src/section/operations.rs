//! CIS Docker 6: what piles up.

use std::collections::BTreeSet;

use seawall_finding::{Rule, Severity};

use super::{Question, ask_all};
use crate::answer::{Answer, Report, Section, cis, few};
use crate::machine::{EngineFacts, Machine};

/// Images that no container uses: more than somebody keeps at hand on purpose.
const IMAGES_UNUSED_MAX: usize = 10;
/// Containers that have ended: more than somebody keeps to look into.
const CONTAINERS_STOPPED_MAX: usize = 10;

const QUESTIONS: &[Question] = &[
    Question {
        rule: Rule {
            id: "image-sprawl",
            title: "Images that nothing uses",
            why: "Old images are started by mistake, with every hole since fixed, and hide what really runs here.",
            fix: "Remove them: `docker image prune --all`.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/manage-resources/pruning/"],
            controls: &cis("6.1", "4.2.2"),
        },
        ask: images,
    },
    Question {
        rule: Rule {
            id: "container-sprawl",
            title: "Containers that have ended",
            why: "Their file systems and environments keep credentials, and one `start` brings an old version back.",
            fix: "Remove them: `docker container prune`; start throw-away ones with `--rm`.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/manage-resources/pruning/"],
            controls: &cis("6.2", "4.4.5"),
        },
        ask: containers,
    },
];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    QUESTIONS.iter().map(|question| &question.rule)
}

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    ask_all(QUESTIONS, Section::Operations, machine, report);
}

/// An answer for each engine that lists both containers and images.
pub(super) fn by_engine(machine: &Machine<'_>, judge: impl Fn(&EngineFacts) -> Answer) -> Vec<Answer> {
    let asked: Vec<Answer> =
        machine.engines.iter().map(|engine| judge(engine).about(engine.subject())).collect();
    match asked.is_empty() {
        true => vec![Answer::not_checked("engines", "no engine answered").about(machine.host.subject())],
        false => asked,
    }
}

fn images(machine: &Machine<'_>) -> Vec<Answer> {
    by_engine(machine, |engine| {
        if engine.kind == Some(seawall_engine::EngineKind::Containerd) {
            return Answer::not_checked(
                engine.asked("images"),
                "containerd's records do not say which image an id is",
            );
        }
        if engine.refused.iter().any(|(name, _)| name == "images" || name == "containers") {
            return Answer::error(engine.asked("images"), engine.why_not("images"));
        }
        let used: BTreeSet<&str> =
            engine.containers.iter().map(|container| container.image_id.as_str()).collect();
        // podman writes ids without the algorithm.
        let is_used = |id: &str| used.contains(id) || used.contains(id.trim_start_matches("sha256:"));
        let unused: Vec<String> = engine
            .images
            .iter()
            .filter(|image| !is_used(&image.image.id))
            .map(|image| image.name().to_owned())
            .collect();
        let seen =
            format!("{} of {} images are unused{}", unused.len(), engine.images.len(), listed(&unused));
        let expected = format!("at most {IMAGES_UNUSED_MAX} that are unused");
        Answer::judged(unused.len() <= IMAGES_UNUSED_MAX, engine.asked("images"), seen).expecting(expected)
    })
}

fn containers(machine: &Machine<'_>) -> Vec<Answer> {
    by_engine(machine, |engine| {
        if engine.refused.iter().any(|(name, _)| name == "containers") {
            return Answer::error(engine.asked("containers"), engine.why_not("containers"));
        }
        let stopped: Vec<String> = engine
            .containers
            .iter()
            .filter(|container| !container.is_running)
            .map(|container| container.name.clone())
            .collect();
        let seen = format!("{} of {} do not run{}", stopped.len(), engine.containers.len(), listed(&stopped));
        let expected = format!("at most {CONTAINERS_STOPPED_MAX} that do not run");
        Answer::judged(stopped.len() <= CONTAINERS_STOPPED_MAX, engine.asked("containers"), seen)
            .expecting(expected)
    })
}

/// `: one, two`, or nothing.
fn listed(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(": {}", few(names)) }
}
