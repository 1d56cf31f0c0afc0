//! What is wrong: findings with their evidence, and gaps, what could not be examined.
//!
//! There is one [`Finding`] type for every capability of Seawall. A producer returns
//! [`Findings`] and nothing else; it never decides what to do about them (that is
//! `policy`) and never formats them (that is `report`).

mod check;
mod coverage;
mod evidence;
mod fingerprint;
mod gap;
mod happened;
mod leaked;
mod misset;
mod rule;
mod severity;
mod subject;
mod untrusted;
mod vulnerability;

pub use check::{Check, Outcome};
pub use coverage::{AdvisorySource, CatalogCount, Coverage, LeftOut};
pub use evidence::{Evidence, Malicious, Outdated};
pub use fingerprint::Fingerprint;
pub use gap::{Gap, GapKind};
pub use happened::{
    ContainerIdentity, Denial, FieldValue, Happened, Priority, ProcessIdentity, RESPONSE_NAMES,
};
pub use leaked::Leaked;
pub use misset::{Change, Misset};
pub use rule::{Control, Framework, Rule};
pub use severity::{Confidence, Severity};
pub use subject::Subject;
pub use untrusted::Untrusted;
pub use vulnerability::{Epss, ExtendedFix, FixState, KnownExploited, Match, Rating, Vulnerable};

use seawall_inventory::Place;
use serde::{Deserialize, Serialize};

/// Something that is wrong with a subject.
///
/// Its JSON always has every field, so that scripts and templates need not ask which are there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Id of the [`Rule`] that found it.
    pub rule: String,
    /// What it is about.
    pub subject: Subject,
    /// Where it is.
    #[serde(default)]
    pub place: Place,
    /// How bad it is, by the best source.
    pub severity: Severity,
    /// How sure it is.
    #[serde(default)]
    pub confidence: Confidence,
    /// One sentence for people.
    pub summary: String,
    /// What was seen.
    pub evidence: Evidence,
    /// What to do, one sentence; empty where nothing can be done yet.
    #[serde(default)]
    pub remedy: String,
    /// Web addresses that say more.
    #[serde(default)]
    pub references: Vec<String>,
    /// The controls of public frameworks that it violates.
    #[serde(default)]
    pub controls: Vec<Control>,
}

impl Finding {
    /// What identifies this finding from scan to scan.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self)
    }
}

/// What a producer returns.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Findings {
    /// What is wrong.
    pub found: Vec<Finding>,
    /// What could not be examined.
    pub gaps: Vec<Gap>,
}

impl Findings {
    /// Adds everything of another producer.
    pub fn extend(&mut self, other: Findings) {
        self.found.extend(other.found);
        self.gaps.extend(other.gaps);
    }
}
