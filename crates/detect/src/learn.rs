//! What a workload does, learned from its events: exceptions for the rules that it sets off, an allow-list, a seccomp
//! profile and a set of capabilities.
//!
//! Owns the collecting, bounded; what is made of it is in `learn/`. Refuses to judge whether the workload was honest
//! while it was watched: whoever learns says so.

mod capability;
mod exception;
mod profile;
mod seccomp;

use seawall_event::{Event, EventTypes};
use seawall_finding::Evidence;
use serde::Serialize;
use serde_json::Value;

use crate::engine::{Engine, Matching};
use crate::load::load;
use crate::replay::Observed;

pub use capability::{CapabilitySet, Needed};
pub use profile::{Connection, Profile};

/// What was learned of one workload.
#[derive(Debug, Serialize)]
pub struct Learned {
    /// A rule file to load behind the others: with it the same events set nothing off. Empty where nothing did.
    pub exceptions: String,
    /// What it ran, opened and talked to.
    pub profile: Profile,
    /// A rule file that speaks of everything beyond the profile.
    pub rules: String,
    /// A seccomp profile as Docker, podman, containerd and CRI-O take it.
    pub seccomp: Value,
    /// The capabilities that it needs, as far as events show.
    pub capabilities: CapabilitySet,
    /// What is not complete, a sentence each.
    pub gaps: Vec<String>,
}

/// Times that the same events are asked for again: what an exception takes from a rule that counts or waits for a
/// sequence, another event may complete.
const ROUNDS_MAX: usize = 32;

/// Learns from events that are at hand: afterwards they set nothing off, or a gap says that they do.
pub fn learn(files: &[(&str, &str)], workload: &str, watched: EventTypes, events: &[Observed]) -> Learned {
    let mut learner = Learner::new(files, watched);
    events.iter().for_each(|event| learner.observe(event));
    let mut is_quiet = false;
    for _ in 0..ROUNDS_MAX {
        if !learner.rehearse(files, workload, events) {
            is_quiet = true;
            break;
        }
    }
    let mut learned = learner.finish(workload);
    if !is_quiet {
        learned.gaps.push("the same events still set rules off that count or wait for a sequence".to_owned());
    }
    learned
}

/// Watches one workload.
#[derive(Debug)]
pub struct Learner {
    engine: Engine,
    exceptions: exception::Exceptions,
    profile: profile::Collected,
    seen: EventTypes,
    capabilities: capability::Collected,
    watched: EventTypes,
    events: u64,
    requests: u64,
}

impl Learner {
    /// With the rules that the workload is to be excepted from. `watched` are the system calls that the source of the
    /// events tells of whenever they happen: only of those does silence mean that they were not made.
    pub fn new(files: &[(&str, &str)], watched: EventTypes) -> Learner {
        Learner {
            engine: Engine::new(load(files), Matching::All),
            exceptions: exception::Exceptions::default(),
            profile: profile::Collected::default(),
            seen: EventTypes::default(),
            capabilities: capability::Collected::default(),
            watched,
            events: 0,
            requests: 0,
        }
    }

    /// Takes an event in.
    pub fn observe(&mut self, observed: &Observed) {
        self.except(observed);
        match observed {
            Observed::Call(event) => self.call(event),
            Observed::Request(_) => self.requests += 1,
        }
    }

    /// Whether a rule spoke.
    fn except(&mut self, observed: &Observed) -> bool {
        let found = self.engine.observe_any(observed);
        for finding in &found {
            if let Evidence::Happened(happened) = &finding.evidence {
                self.exceptions.add(&happened.rule, observed.occurrence());
            }
        }
        !found.is_empty()
    }

    /// Asks the rules of the same events with what was excepted so far; whether one spoke, which then is excepted too.
    fn rehearse(&mut self, files: &[(&str, &str)], workload: &str, events: &[Observed]) -> bool {
        let exceptions = self.exceptions.clone().write(workload, &mut Vec::new());
        let learned = [("learned exceptions", exceptions.as_str())];
        let files: Vec<(&str, &str)> = files.iter().copied().chain(learned).collect();
        self.engine = Engine::new(load(&files), Matching::All);
        let spoke: Vec<bool> = events.iter().map(|event| self.except(event)).collect();
        spoke.contains(&true)
    }

    fn call(&mut self, event: &Event) {
        self.events += 1;
        self.seen.insert(event.kind);
        self.profile.add(event);
        self.capabilities.add(event);
    }

    /// What was learned. `workload` names it in what is written.
    pub fn finish(self, workload: &str) -> Learned {
        let mut gaps = Vec::new();
        let exceptions = self.exceptions.write(workload, &mut gaps);
        let profile = self.profile.profile(workload, self.events, &mut gaps);
        if self.events == 0 {
            gaps.push("there were no system calls to learn from".to_owned());
        }
        if self.requests > 0 {
            gaps.push("requests of the audit log give exceptions only, no profile".to_owned());
        }
        Learned {
            exceptions,
            rules: profile.rules(),
            profile,
            seccomp: seccomp::profile(&self.seen, &self.watched),
            capabilities: self.capabilities.set(&mut gaps),
            gaps,
        }
    }
}

/// Letters, digits and `_` of a name.
fn word_of(name: &str) -> String {
    let word: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(60).collect();
    if word.is_empty() { "workload".to_owned() } else { word }
}

/// A text as a double-quoted scalar of YAML: JSON's strings are such.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A value for a condition or exception: quoted inside the scalar too, so that it is no list's name and its blanks,
/// commas and parentheses mean nothing.
fn literal(text: &str) -> String {
    let mut word = String::with_capacity(text.len() + 2);
    word.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            word.push('\\');
        }
        word.push(character);
    }
    word.push('"');
    word
}
