//! Host, engines and containers against the CIS benchmarks → findings and checks.
//!
//! Looks, never changes: opens nothing for writing, starts nothing, follows no link out of the root that it is given.
//! The one exception is [`apply`], which writes what [`plan`] proposed and a person has read.

mod answer;
mod container;
mod endpoints;
mod host;
mod inputs;
mod inspect;
pub mod limits;
mod machine;
mod plan;
mod root;
mod score;
mod section;
mod settings;
mod toml_files;

use seawall_finding::{Check, Findings, Outcome, Rule};

pub use answer::Section;
pub use endpoints::endpoints;
pub use inputs::{
    Attestation, AttestationsError, Component, Inputs, KnownAdvisory, KnownVulnerable, Saved, ScannedImage,
    attestations,
};
pub use plan::{
    Advice, Applied, ApplyCause, ApplyError, Edit, Failed, NotFixed, Permission, Plan, apply, plan,
};
pub use root::{Metadata, Root, Unread};
pub use score::Score;

use answer::Report;
use machine::Machine;

/// What an audit says.
#[derive(Debug, Default)]
pub struct Audited {
    /// Name of the machine.
    pub host: String,
    /// Every question with its answer, in the order of the sections.
    pub checks: Vec<Check>,
    /// The failures as findings, and what could not be looked at.
    pub findings: Findings,
    grounds: plan::Grounds,
}

impl Audited {
    /// The numbers of each section, in their order.
    pub fn scores(&self) -> Vec<(Section, Score)> {
        Section::ALL.into_iter().map(|section| (section, Score::of(section, &self.checks))).collect()
    }
}

/// Every rule, in the order of the sections.
pub fn rules() -> Vec<&'static Rule> {
    section::rules()
}

/// Looks at the machine and asks every question.
pub fn run(inputs: &Inputs<'_>) -> Audited {
    let machine = Machine::look(inputs);
    let mut report = Report::default();
    section::ask(&machine, &mut report);
    let host = machine.host.name.clone();
    report.findings.gaps.extend(machine.gaps.iter().cloned());
    attest(inputs, &mut report.checks);
    let grounds = plan::Grounds::of(&machine);
    Audited { host, checks: report.checks, findings: report.findings, grounds }
}

/// A person's word answers what no program has answered; it does not make a failure good (that is what waivers of the
/// policy are for).
fn attest(inputs: &Inputs<'_>, checks: &mut [Check]) {
    let today = inputs.today();
    for check in
        checks.iter_mut().filter(|check| matches!(check.outcome, Outcome::Manual | Outcome::NotChecked))
    {
        let is_about = |attestation: &&Attestation| {
            let subject = attestation.subject.as_deref();
            attestation.rule == check.rule && subject.is_none_or(|subject| subject == check.subject.label())
        };
        let about: Vec<&Attestation> = inputs.attestations.iter().filter(is_about).collect();
        let valid = about.iter().find(|it| it.when <= today && today <= it.until);
        if let Some(it) = valid {
            check.outcome = Outcome::Attested;
            check.seen = format!("{} on {}, until {}: {}", it.who, it.when, it.until, it.statement);
        } else if let Some(it) = about.first() {
            check
                .seen
                .push_str(&format!(" (what {} said on {} counts until {} only)", it.who, it.when, it.until));
        }
    }
}
