//! Rules: the constant part of what a producer can find.

use serde::{Deserialize, Serialize};

use crate::Severity;

/// The constant part of a finding: source of `explain`, of the documentation and of the uniqueness test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Stable kebab-case id: `vulnerable-package`.
    pub id: &'static str,
    /// A noun phrase.
    pub title: &'static str,
    /// Why it matters, in sentences.
    pub why: &'static str,
    /// How to fix what it finds, in sentences.
    pub fix: &'static str,
    /// Where the evidence itself has no severity.
    pub severity: Severity,
    /// Web addresses that say more.
    pub references: &'static [&'static str],
    /// Framework and id of the controls that it serves.
    pub controls: &'static [(Framework, &'static str)],
}

impl Rule {
    /// The controls as a finding carries them.
    pub fn finding_controls(&self) -> Vec<Control> {
        let control = |&(framework, id): &(Framework, &str)| Control { framework, id: id.to_owned() };
        self.controls.iter().map(control).collect()
    }
}

/// A control of a public framework.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Control {
    /// The framework.
    pub framework: Framework,
    /// The control's id in it: `4.1.1`, `4.4`.
    pub id: String,
}

/// The frameworks that Seawall maps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Framework {
    /// CIS Docker Benchmark 1.8.
    CisDocker,
    /// NIST SP 800-190, section number of the countermeasure.
    NistSp800190,
}
