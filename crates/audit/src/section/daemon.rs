//! CIS Docker 2: the settings of the daemon, from its file, its arguments, its unit and its own word.

mod confinement;
mod logging;
mod network;
mod operation;
mod registry;
mod storage;

use seawall_finding::{Outcome, Rule};

use super::host::or_no_daemon;
use crate::answer::{Answer, Report, Section};
use crate::inspect::Info;
use crate::machine::{Daemon, Machine};

/// A question to each daemon.
struct Question {
    rule: Rule,
    /// The setting by its name in `daemon.json`.
    setting: &'static str,
    ask: fn(&Asked<'_>) -> Answer,
}

/// A daemon that is being asked.
struct Asked<'m> {
    machine: &'m Machine<'m>,
    daemon: &'m Daemon,
    setting: &'static str,
}

impl Asked<'_> {
    fn info(&self) -> Option<&Info> {
        self.machine.info(self.daemon)
    }

    fn source(&self) -> String {
        self.daemon.settings.source(self.setting)
    }

    /// Whether the switch is on; what stands in file or arguments.
    fn is_on(&self, default: bool) -> bool {
        self.daemon.settings.is_on(self.setting, default)
    }

    /// A switch that should have one state.
    fn switch(&self, default: bool, wanted: bool) -> Answer {
        let seen = match self.daemon.settings.get(self.setting) {
            Some(setting) => format!("{} is {}", self.setting, setting.value),
            None => format!("{} is not set, which means {default}", self.setting),
        };
        Answer::judged(self.is_on(default) == wanted, self.source(), seen)
            .expecting(format!("{} is {wanted}", self.setting))
    }

    /// A switch whose state the daemon tells itself, where it was asked.
    fn told_switch(&self, told: Option<bool>, default: bool, wanted: bool) -> Answer {
        let Some(facts) = self.machine.facts(self.daemon) else { return self.switch(default, wanted) };
        match told {
            Some(told) => {
                let seen = format!("{} is {told}", self.setting);
                Answer::judged(told == wanted, facts.asked("info"), seen)
                    .expecting(format!("{} is {wanted}", self.setting))
            }
            None => self.switch(default, wanted),
        }
    }

    /// An option that `docker info` lists under its security options: `seccomp` of `name=seccomp,profile=default`.
    fn security_option(&self, name: &str) -> Option<&str> {
        let options = &self.info()?.security_options;
        options.iter().find_map(|option| {
            let rest = option.strip_prefix("name=").unwrap_or(option);
            let (its, rest) = rest.split_once(',').unwrap_or((rest, ""));
            (its == name).then_some(rest)
        })
    }

    /// Whether the daemon runs without root.
    fn is_rootless(&self) -> bool {
        self.security_option("rootless").is_some() || self.daemon.uid.is_some_and(|uid| uid != 0)
    }
}

const FAMILIES: [&[Question]; 6] = [
    confinement::QUESTIONS,
    network::QUESTIONS,
    logging::QUESTIONS,
    registry::QUESTIONS,
    storage::QUESTIONS,
    operation::QUESTIONS,
];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.into_iter().flatten().map(|question| &question.rule)
}

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    for question in FAMILIES.into_iter().flatten() {
        let ask = |daemon: &Daemon| {
            let asked = Asked { machine, daemon, setting: question.setting };
            let answer = match &daemon.settings.refused {
                // What stands there is not known, and the daemon that runs may have started with something else.
                Some(reason) => Answer::error(daemon.settings.config_file.clone(), reason.clone()),
                None => (question.ask)(&asked),
            };
            // An answer that the engine gave itself was looked at elsewhere.
            let is_by_settings = answer.looked_at.starts_with(&daemon.settings.config_file);
            let answer = if is_by_settings && !daemon.settings.are_known() {
                Answer::not_checked(answer.looked_at, "neither its file nor its arguments are at hand")
            } else {
                answer
            };
            let answer = answer.about(daemon.subject()).of(question.setting);
            let source = asked.source();
            let is_file = source == daemon.settings.config_file && answer.outcome == Outcome::Fail;
            if is_file { answer.at(&source) } else { answer }
        };
        for answer in or_no_daemon(machine, machine.daemons.iter().map(ask).collect()) {
            report.add(Section::Daemon, &question.rule, answer);
        }
    }
}
