//! A rule as it is loaded.

use seawall_event::EventTypes;
use seawall_finding::{Control, Framework, Priority};

use crate::fields::{Field, Source};
use crate::output::Template;
use crate::program::NodeId;

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// As its file names it.
    pub name: String,
    /// What it means, for people.
    pub description: String,
    /// How urgent its author finds it.
    pub priority: Priority,
    /// Whose events it judges.
    pub source: Source,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Tags.
    pub tags: Vec<String>,
    /// The sentence of its findings.
    pub output: Template,
    /// The types of events that it can match; empty for the audit log, which has no types.
    pub event_types: EventTypes,
    /// Whether what happens around a match shall be recorded.
    pub capture: bool,
    /// For how long.
    pub capture_duration_ms: Option<u64>,
    /// The names of responses it asks for (ours).
    pub respond: Vec<String>,
    /// The file that defines it.
    pub file: String,
    /// The line of its name.
    pub line: usize,
    pub(crate) condition: NodeId,
    pub(crate) threshold: Option<Threshold>,
    pub(crate) dedup: Option<Silence>,
    pub(crate) sequence: Option<Sequence>,
}

/// Only when it happened so often.
#[derive(Debug)]
pub(crate) struct Threshold {
    pub(crate) count: u64,
    /// Whose different values are counted, where not every event counts.
    pub(crate) distinct: Option<Field>,
    pub(crate) within_ns: u64,
    pub(crate) per: Vec<Field>,
}

/// Not again so soon.
#[derive(Debug)]
pub(crate) struct Silence {
    pub(crate) within_ns: u64,
    pub(crate) per: Vec<Field>,
}

/// Only after other things happened.
#[derive(Debug)]
pub(crate) struct Sequence {
    pub(crate) steps: Vec<Step>,
    pub(crate) bind: Option<Field>,
    pub(crate) within_ns: u64,
    pub(crate) per: Vec<Field>,
}

/// One of the things.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) condition: NodeId,
    pub(crate) bind: Option<Field>,
}

impl Rule {
    /// The id of its findings: the ASCII letters and digits of the name in lower case, with dashes between.
    pub fn id(&self) -> String {
        id_of(&self.name)
    }

    /// Whether its output, or what it remembers, looks at a field of which this holds.
    pub(crate) fn shows(&self, is_it: &impl Fn(&Field) -> bool) -> bool {
        let threshold =
            self.threshold.iter().flat_map(|threshold| threshold.per.iter().chain(&threshold.distinct));
        let dedup = self.dedup.iter().flat_map(|dedup| &dedup.per);
        let sequence = self.sequence.iter().flat_map(|sequence| {
            sequence
                .steps
                .iter()
                .filter_map(|step| step.bind.as_ref())
                .chain(&sequence.bind)
                .chain(&sequence.per)
        });
        self.output.looks_at(is_it) || threshold.chain(dedup).chain(sequence).any(is_it)
    }

    /// The techniques and tactics of MITRE ATT&CK among its tags.
    pub fn controls(&self) -> Vec<Control> {
        let control = |tag: &String| Control { framework: Framework::MitreAttack, id: tag.clone() };
        self.tags.iter().filter(|tag| is_attack_id(tag)).map(control).collect()
    }
}

/// The id of a rule of this name.
pub(crate) fn id_of(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let id = words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-");
    if id.is_empty() { "unnamed-rule".to_owned() } else { id }
}

/// `T1059`, `T1059.004`, `TA0003`.
fn is_attack_id(tag: &str) -> bool {
    let is_number = |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    if let Some(tactic) = tag.strip_prefix("TA") {
        return is_number(tactic, 4);
    }
    let Some(technique) = tag.strip_prefix('T') else { return false };
    match technique.split_once('.') {
        Some((technique, part)) => is_number(technique, 4) && is_number(part, 3),
        None => is_number(technique, 4),
    }
}
