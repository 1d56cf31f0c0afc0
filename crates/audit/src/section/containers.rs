//! CIS Docker 5: containers, running or not. What their settings say is judged by the rules over workloads; what only
//! the live host tells is asked here.

mod live;
mod settings;

use seawall_finding::{Rule, Subject};

use crate::answer::{Answer, Report, Section};
use crate::machine::{ContainerFacts, EngineFacts, Machine};

/// A question about each container.
struct Question {
    rule: Rule,
    ask: fn(&Asked<'_>) -> Answer,
}

/// A container that is being asked about.
struct Asked<'m> {
    machine: &'m Machine<'m>,
    engine: &'m EngineFacts,
    container: &'m ContainerFacts,
}

impl Asked<'_> {
    fn looked_at(&self) -> String {
        self.engine.asked(&format!("container {}", self.container.name))
    }
}

pub(super) fn rules() -> Vec<&'static Rule> {
    let mut rules = settings::rules();
    rules.extend(live::QUESTIONS.iter().map(|question| &question.rule));
    rules.push(&live::SWARM_UNUSED);
    rules
}

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    for answer in live::swarm_unused(machine) {
        report.add(Section::Containers, &live::SWARM_UNUSED, answer);
    }
    settings::ask(machine, report);
    for engine in &machine.engines {
        for container in &engine.containers {
            for question in live::QUESTIONS {
                let asked = Asked { machine, engine, container };
                let answer = (question.ask)(&asked).about(subject(engine, container));
                report.add(Section::Containers, &question.rule, answer);
            }
        }
    }
    if machine.engines.iter().all(|engine| engine.containers.is_empty()) {
        for rule in rules().into_iter().filter(|rule| rule.id != live::SWARM_UNUSED.id) {
            let answer = machine.nothing_of("containers");
            report.add(Section::Containers, rule, answer.about(machine.host.subject()));
        }
    }
}

fn subject(engine: &EngineFacts, container: &ContainerFacts) -> Subject {
    Subject::Container { engine: engine.kind_name().to_owned(), name: container.name.clone() }
}
