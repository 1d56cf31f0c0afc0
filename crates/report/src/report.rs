//! What a format can show: one target, everything found in it, everything not examined.

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;
use seawall_finding::{Coverage, Evidence, Gap, Rule, Severity};
use seawall_inventory::{Inventory, TargetKind};
use seawall_policy::{Judged, Sink, Verdict};
use serde::Serialize;

use crate::Advice;

/// One target's report.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// When it was made.
    pub created: Timestamp,
    /// Version of Seawall.
    pub version: String,
    /// What exists.
    pub inventory: Inventory,
    /// What is wrong with its verdicts, in order of work: denied first, then by risk.
    pub findings: Vec<Judged>,
    /// What could not be examined.
    pub gaps: Vec<Gap>,
    /// What was examined and by which data.
    pub coverage: Coverage,
    /// The smallest changes that remove findings, most telling first.
    pub advice: Vec<Advice>,
    /// What the rules that occur are about, by id.
    pub rules: BTreeMap<String, RuleText>,
    /// The worst verdict.
    pub verdict: Verdict,
}

impl Report {
    /// The gaps for people.
    pub(crate) fn gap_texts(&self) -> impl Iterator<Item = String> {
        self.gaps.iter().map(|gap| if self.is_rooted() { gap.to_string() } else { gap.as_named() })
    }

    /// Whether paths are those inside an image, from its root; a file that the user named is as he named it.
    fn is_rooted(&self) -> bool {
        self.inventory.target.kind != TargetKind::Files
    }

    /// A text that begins with a place.
    pub(crate) fn as_named(&self, text: String) -> String {
        if self.is_rooted() { text } else { text.strip_prefix('/').map(str::to_owned).unwrap_or(text) }
    }
}

/// What a rule is about, for readers of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleText {
    /// A noun phrase.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// How to fix what it finds.
    pub fix: String,
}

impl From<&Rule> for RuleText {
    fn from(rule: &Rule) -> RuleText {
        RuleText { title: rule.title.to_owned(), why: rule.why.to_owned(), fix: rule.fix.to_owned() }
    }
}

/// The sink that collects findings for a report.
#[derive(Debug, Default)]
pub struct Collector {
    findings: Vec<Judged>,
}

impl Sink for Collector {
    fn take(&mut self, judged: &Judged) -> io::Result<()> {
        self.findings.push(judged.clone());
        Ok(())
    }
}

impl Collector {
    /// The findings in order of work: denied first, then by risk, severity and name.
    pub fn into_findings(mut self) -> Vec<Judged> {
        self.findings.sort_by(|a, b| {
            let key = |judged: &Judged| (judged.verdict, judged.finding.severity);
            key(b)
                .0
                .cmp(&key(a).0)
                .then_with(|| risk(b).total_cmp(&risk(a)))
                .then_with(|| key(b).1.cmp(&key(a).1))
                .then_with(|| a.finding.subject.label().cmp(&b.finding.subject.label()))
                .then_with(|| a.finding.evidence.key().cmp(&b.finding.evidence.key()))
        });
        self.findings
    }
}

/// Order of work; what is no vulnerability of a package has a fixed place in it.
pub(crate) fn risk(judged: &Judged) -> f64 {
    match &judged.finding.evidence {
        Evidence::Vulnerable(vulnerable) => vulnerable.risk,
        Evidence::Malicious(_) => 100.0,
        Evidence::Outdated(_) => 60.0,
        Evidence::Leaked(_) | Evidence::Misset(_) | Evidence::Happened(_) | Evidence::Untrusted(_) => {
            by_severity(judged.finding.severity)
        }
    }
}

/// What has no risk of its own stands where vulnerabilities of its severity stand on the average.
fn by_severity(severity: Severity) -> f64 {
    match severity {
        Severity::Critical => 90.0,
        Severity::High => 70.0,
        Severity::Medium => 40.0,
        Severity::Low => 15.0,
        Severity::Negligible | Severity::Unknown => 0.0,
    }
}
