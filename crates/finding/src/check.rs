//! What a benchmark asked and how it came out: the passes and the silences that findings cannot tell.

use seawall_inventory::Place;
use serde::{Deserialize, Serialize};

use crate::{Control, Severity, Subject};

/// One question of a benchmark about one subject, with its answer. A failure is a finding as well, with the same rule
/// and subject; this says what else was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The rule that asks.
    pub rule: String,
    /// Its title.
    pub title: String,
    /// The part of the benchmark: `Docker daemon configuration`.
    pub section: String,
    /// Its ids in the frameworks.
    #[serde(default)]
    pub controls: Vec<Control>,
    /// What a failure is worth.
    pub severity: Severity,
    /// About what.
    pub subject: Subject,
    /// Where it was looked.
    #[serde(default)]
    pub place: Place,
    /// The answer.
    pub outcome: Outcome,
    /// What was looked at: a path, an engine's answer, a command line.
    pub looked_at: String,
    /// What was seen; for an answer without one, why.
    pub seen: String,
    /// What was expected.
    pub expected: String,
}

/// How a check came out. Nothing passes because it could not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As it should be.
    Pass,
    /// Not as it should be.
    Fail,
    /// The question does not arise here.
    NotApplicable,
    /// A person has to answer, and nobody has.
    Manual,
    /// A person has answered: who, when and until when is in `seen`.
    Attested,
    /// It was not looked at.
    NotChecked,
    /// It could not be looked at.
    Error,
}

impl Outcome {
    /// Every outcome, in the order of a summary.
    pub const ALL: [Outcome; 7] = [
        Outcome::Fail,
        Outcome::Error,
        Outcome::NotChecked,
        Outcome::Manual,
        Outcome::Attested,
        Outcome::NotApplicable,
        Outcome::Pass,
    ];

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::NotApplicable => "not applicable",
            Outcome::Manual => "manual",
            Outcome::Attested => "attested",
            Outcome::NotChecked => "not checked",
            Outcome::Error => "error",
        }
    }
}
