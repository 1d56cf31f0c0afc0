//! Rules over [`Workload`]: one rule for a pod, a Compose service, a Quadlet unit, a `docker run` line and a container
//! that an engine has.
//!
//! Owns the questions; [`checks`] answers each for each container, and [`evaluate`] keeps the failures. Refuses to let
//! anything pass that it could not look at.

mod breakout;
mod capabilities;
mod case;
mod devices;
mod environment;
mod filesystem;
mod health;
mod image;
mod mounts;
mod namespaces;
mod network;
mod paths;
mod privileges;
mod profiles;
mod resources;
pub mod seccomp;
mod service_account;
mod user;

use std::collections::BTreeMap;

use seawall_finding::{Check, Evidence, Finding, Findings, Misset, Outcome, Rule, Subject};
use seawall_inventory::workload::{ContainerSpec, Origin, Source};
use seawall_inventory::{Place, Workload};

use crate::limits::WRONGS_MAX;

pub(crate) use case::{Answer, Case, Hardening, Wrong};
pub(crate) use environment::{can_be_credential, names_credential};
pub(crate) use paths::sensitive;

/// What is known around the workloads.
#[derive(Debug, Clone, Default)]
pub struct Context<'a> {
    /// The file, for the place of findings.
    pub path: Option<&'a str>,
    /// What was looked at, for people: a file, `docker inspect web`.
    pub looked_at: &'a str,
    /// The machine; every fact may be unknown.
    pub host: HostFacts,
    /// All workloads of the same file or engine, by which joined namespaces are followed.
    pub peers: &'a [Workload],
    /// Seccomp profiles by the name or path that workloads use.
    pub seccomp_profiles: BTreeMap<String, String>,
    /// Paths of the host at which engines listen, beside those that everybody knows.
    pub engine_sockets: &'a [String],
}

/// What is known of the machine and its engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Whether AppArmor is on.
    pub apparmor: Option<bool>,
    /// Whether SELinux enforces and the engine uses it.
    pub selinux: Option<bool>,
    /// Whether the engine gives `no-new-privileges` to every container.
    pub no_new_privileges: Option<bool>,
    /// Whether the engine maps users of containers to unprivileged ones of the host.
    pub user_namespaces: Option<bool>,
    /// Whether the engine itself runs without root.
    pub rootless: Option<bool>,
}

/// Which rules are asked.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Also those that are off by default.
    pub all: bool,
    /// Rules that are asked though they are off by default, by id.
    pub also: Vec<String>,
    /// Rules that are not asked, by id.
    pub skip: Vec<String>,
}

impl Selection {
    /// Whether a rule is asked.
    pub(crate) fn takes_id(&self, id: &str, by_default: bool) -> bool {
        let names = |ids: &[String]| ids.iter().any(|known| known == id);
        !names(&self.skip) && (self.all || by_default || names(&self.also))
    }
}

/// A rule over workloads.
#[derive(Debug)]
pub struct WorkloadRule {
    /// Its constant part.
    pub rule: Rule,
    /// The part of the benchmark.
    pub section: &'static str,
    /// Whether it is asked when nobody names it.
    pub by_default: bool,
    pub(crate) judge: Judge,
    /// Texts that fail and texts that pass, in the words of any source.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests run them"))]
    pub(crate) bad: &'static [&'static str],
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests run them"))]
    pub(crate) good: &'static [&'static str],
}

/// Whom a rule asks.
#[derive(Debug)]
pub(crate) enum Judge {
    /// The pod, the service.
    Workload(fn(&Case<'_>) -> Answer),
    /// Each container.
    Container(fn(&Case<'_>, &ContainerSpec) -> Answer),
}

/// Every rule over workloads, in the order of reports.
pub fn rules() -> impl Iterator<Item = &'static WorkloadRule> {
    [
        breakout::RULES,
        privileges::RULES,
        capabilities::RULES,
        namespaces::RULES,
        mounts::RULES,
        devices::RULES,
        profiles::RULES,
        user::RULES,
        filesystem::RULES,
        environment::RULES,
        network::RULES,
        image::RULES,
        resources::RULES,
        health::RULES,
        service_account::RULES,
    ]
    .into_iter()
    .flatten()
}

/// A question with its answer.
#[derive(Debug, Clone)]
pub struct Judged {
    /// For a benchmark's report.
    pub check: Check,
    /// What is wrong, for a failure.
    pub findings: Vec<Finding>,
    /// What would mend each, in the same order.
    pub(crate) hardenings: Vec<Option<(String, Hardening)>>,
}

/// The answer of every selected rule for every container (or for the whole, where the rule asks that).
pub fn checks(workload: &Workload, context: &Context<'_>, selection: &Selection) -> Vec<Judged> {
    let case = Case { workload, context };
    let implies = selection.takes_id(privileges::ID, true);
    let mut judged = Vec::new();
    for rule in rules().filter(|rule| selection.takes_id(rule.rule.id, rule.by_default)) {
        match rule.judge {
            Judge::Workload(judge) => judged.push(case.judged(rule, None, judge(&case).implied_if(implies))),
            Judge::Container(judge) => {
                let answer = |container| {
                    case.judged(rule, Some(container), judge(&case, container).implied_if(implies))
                };
                judged.extend(workload.containers.iter().map(answer));
            }
        }
    }
    judged
}

/// What is wrong with a workload.
pub fn evaluate(workload: &Workload, context: &Context<'_>, selection: &Selection) -> Findings {
    let found = checks(workload, context, selection).into_iter().flat_map(|judged| judged.findings).collect();
    Findings { found, gaps: Vec::new() }
}

impl Case<'_> {
    fn judged(&self, rule: &WorkloadRule, container: Option<&ContainerSpec>, answer: Answer) -> Judged {
        let name = container.map_or("", |container| &container.name);
        let mut judged = self.answered(&rule.rule, rule.section, &answer);
        let wrongs = if let Answer::Fail(wrongs) = answer { wrongs } else { Vec::new() };
        judged.check.subject = subject(self.workload, name);
        let origin = container.map_or(&self.workload.origin, |container| &container.origin);
        judged.check.place = place(self.context.path, origin);
        self.fail(
            &mut judged,
            &rule.rule,
            wrongs.into_iter().map(|wrong| (name.to_owned(), wrong)).collect(),
        );
        judged
    }

    /// An answer about the workload as a whole, before what is wrong is told.
    pub(crate) fn answered(&self, rule: &Rule, section: &str, answer: &Answer) -> Judged {
        let (outcome, seen) = match answer {
            Answer::Pass(seen) => (Outcome::Pass, seen.clone()),
            Answer::NotApplicable(why) => (Outcome::NotApplicable, (*why).to_owned()),
            Answer::Unknown(why) => (Outcome::NotChecked, why.clone()),
            Answer::Fail(_) => (Outcome::Fail, String::new()),
        };
        let check = Check {
            rule: rule.id.to_owned(),
            title: rule.title.to_owned(),
            section: section.to_owned(),
            controls: rule.finding_controls(),
            severity: rule.severity,
            subject: subject(self.workload, ""),
            place: place(self.context.path, &self.workload.origin),
            outcome,
            looked_at: self.context.looked_at.to_owned(),
            seen,
            expected: String::new(),
        };
        Judged { check, findings: Vec::new(), hardenings: Vec::new() }
    }

    /// Makes an answer a failure, where something is wrong in a container (no name: in the whole).
    pub(crate) fn fail(&self, judged: &mut Judged, rule: &Rule, wrongs: Vec<(String, Wrong)>) {
        let Some((_, first)) = wrongs.first() else { return };
        judged.check.outcome = Outcome::Fail;
        judged.check.expected.clone_from(&first.expected);
        let seen: Vec<&str> = wrongs.iter().take(WRONGS_MAX).map(|(_, wrong)| wrong.seen.as_str()).collect();
        judged.check.seen = seen.join("; ");
        let told: Vec<(String, Wrong)> = wrongs.into_iter().filter(|(_, wrong)| !wrong.is_implied).collect();
        let more = told.len().saturating_sub(WRONGS_MAX);
        for (index, (container, mut wrong)) in told.into_iter().take(WRONGS_MAX).enumerate() {
            if more > 0 && index + 1 == WRONGS_MAX {
                wrong.because.push(format!("{more} more like it are not listed"));
            }
            judged
                .hardenings
                .push(wrong.hardening.map(|hardening| (wrong.origin.pointer.clone(), hardening)));
            judged.findings.push(finding(rule, self.workload, &container, self.context.path, wrong));
        }
    }
}

/// A wrong setting of a workload as a finding.
fn finding(rule: &Rule, workload: &Workload, container: &str, path: Option<&str>, wrong: Wrong) -> Finding {
    misset(rule, subject(workload, container), path, wrong)
}

/// A wrong setting as a finding.
pub(crate) fn misset(rule: &Rule, subject: Subject, path: Option<&str>, wrong: Wrong) -> Finding {
    Finding {
        rule: rule.id.to_owned(),
        subject,
        place: place(path, &wrong.origin),
        severity: wrong.severity.unwrap_or(rule.severity),
        confidence: wrong.confidence,
        summary: wrong
            .summary
            .unwrap_or_else(|| format!("{}: {} is {}", rule.title, wrong.setting, wrong.seen)),
        evidence: Evidence::Misset(Box::new(Misset {
            setting: wrong.setting,
            seen: wrong.seen,
            expected: wrong.expected,
            source: None,
            because: wrong.because,
            change: None,
        })),
        remedy: rule.fix.to_owned(),
        references: rule.references.iter().map(|&reference| reference.to_owned()).collect(),
        controls: rule.finding_controls().into_iter().chain(wrong.controls).collect(),
    }
}

/// What a finding about a workload is about.
fn subject(workload: &Workload, container: &str) -> Subject {
    if workload.source == Source::Engine {
        return Subject::Container { engine: workload.kind.clone(), name: workload.name.clone() };
    }
    let container = if container == workload.name { "" } else { container };
    Subject::Workload {
        workload: workload.kind.clone(),
        namespace: workload.namespace.clone(),
        name: workload.name.clone(),
        container: container.to_owned(),
    }
}

/// Where something was said.
fn place(path: Option<&str>, origin: &Origin) -> Place {
    Place {
        layer: None,
        path: path.map(str::to_owned),
        line: (origin.line > 0).then_some(origin.line),
        pointer: (!origin.pointer.is_empty()).then(|| origin.pointer.clone()),
    }
}

#[cfg(test)]
mod tests;
