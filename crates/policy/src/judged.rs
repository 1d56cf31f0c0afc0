//! A finding with its verdict.

use std::borrow::Cow;
use std::fmt;
use std::io;

use seawall_finding::{Evidence, Finding, Fingerprint};
use serde::{Deserialize, Serialize};

use crate::Requested;

/// What is to be done about a finding, or about the whole target (the worst of its findings).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Goes on.
    #[default]
    Allow,
    /// Goes on, is shown.
    Warn,
    /// Stops: exit code 1.
    Deny,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Allow => "allow",
            Verdict::Warn => "warn",
            Verdict::Deny => "deny",
        })
    }
}

/// A finding with its verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// Its identity from scan to scan.
    pub fingerprint: Fingerprint,
    /// What is to be done.
    pub verdict: Verdict,
    /// Which clauses said so: `severity high is at or above fail-on high`.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// What is done about it beside showing it, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub responses: Vec<Requested>,
    /// Why it is allowed although it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<Waived>,
}

impl Judged {
    /// As our own formats tell it: without what only Falco's have.
    pub fn told(&self) -> Cow<'_, Judged> {
        let has_more =
            self.finding.evidence.happened().is_some_and(|happened| !happened.suggested.is_empty());
        if !has_more {
            return Cow::Borrowed(self);
        }
        let mut judged = self.clone();
        if let Evidence::Happened(happened) = &mut judged.finding.evidence {
            happened.suggested.clear();
        }
        Cow::Owned(judged)
    }
}

/// Why a finding is allowed although it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waived {
    /// Where the waiver is written: a file with the entry's position, or `baseline`.
    pub by: String,
    /// Its reason: the owner's words, a VEX justification.
    pub reason: String,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Last day it holds, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Takes judged findings: report, store, bus, respond.
pub trait Sink {
    /// Takes one.
    ///
    /// # Errors
    /// The sink cannot accept any more (disk full, connection lost).
    fn take(&mut self, judged: &Judged) -> io::Result<()>;
}
