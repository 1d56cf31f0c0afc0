//! The sections of an audit, one file each, and the one list of all of them.

mod containerd;
mod containers;
mod crio;
mod daemon;
pub(crate) mod daemon_files;
pub(crate) mod host;
mod images;
pub(crate) mod kernel;
mod kubernetes;
mod operations;
mod podman;
mod settings_files;
mod swarm;

use seawall_finding::Rule;

use crate::answer::{Answer, Report, Section};
use crate::machine::Machine;

/// A question that is asked once, of the machine as a whole.
pub(crate) struct Question {
    pub(crate) rule: Rule,
    pub(crate) ask: fn(&Machine<'_>) -> Vec<Answer>,
}

/// Asks all of them, and keeps the answers.
fn ask_all(questions: &'static [Question], section: Section, machine: &Machine<'_>, report: &mut Report) {
    for question in questions {
        for answer in (question.ask)(machine) {
            report.add(section, &question.rule, answer);
        }
    }
}

pub(crate) fn rules() -> Vec<&'static Rule> {
    let mut rules = host::rules();
    rules.extend(daemon::rules());
    rules.extend(daemon_files::rules());
    rules.extend(images::rules());
    rules.extend(containers::rules());
    rules.extend(operations::rules());
    rules.extend(swarm::rules());
    rules.extend(kernel::rules());
    rules.extend(podman::rules());
    rules.extend(containerd::rules());
    rules.extend(crio::rules());
    rules.extend(kubernetes::rules());
    rules
}

pub(crate) fn ask(machine: &Machine<'_>, report: &mut Report) {
    host::ask(machine, report);
    daemon::ask(machine, report);
    daemon_files::ask(machine, report);
    images::ask(machine, report);
    containers::ask(machine, report);
    operations::ask(machine, report);
    swarm::ask(machine, report);
    kernel::ask(machine, report);
    podman::ask(machine, report);
    containerd::ask(machine, report);
    crio::ask(machine, report);
    kubernetes::ask(machine, report);
}
