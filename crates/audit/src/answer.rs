//! One question of the benchmark about one subject, answered; and the place where answers become checks and findings.

use seawall_finding::{
    Check, Confidence, Evidence, Finding, Findings, Framework, Misset, Outcome, Rule, Subject,
};
use seawall_inventory::Place;

use crate::limits::SHOWN_CHARS_MAX;
use crate::root::Unread;

/// The parts of an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    /// CIS Docker 1.
    Host,
    /// CIS Docker 2.
    Daemon,
    /// CIS Docker 3.
    DaemonFiles,
    /// CIS Docker 4.
    Images,
    /// CIS Docker 5.
    Containers,
    /// CIS Docker 6.
    Operations,
    /// CIS Docker 7.
    Swarm,
    /// What decides whether a container can break out of the kernel.
    Kernel,
    /// podman's own files.
    Podman,
    /// containerd's own files.
    Containerd,
    /// CRI-O's own files.
    CriO,
    /// The parts of CIS Kubernetes that files answer.
    Kubernetes,
}

impl Section {
    /// Every section, in the order of a report.
    pub const ALL: [Section; 12] = [
        Section::Host,
        Section::Daemon,
        Section::DaemonFiles,
        Section::Images,
        Section::Containers,
        Section::Operations,
        Section::Swarm,
        Section::Kernel,
        Section::Podman,
        Section::Containerd,
        Section::CriO,
        Section::Kubernetes,
    ];

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Section::Host => "Host configuration",
            Section::Daemon => "Docker daemon configuration",
            Section::DaemonFiles => "Docker daemon files",
            Section::Images => "Images and build files",
            Section::Containers => "Containers",
            Section::Operations => "Operations",
            Section::Swarm => "Swarm",
            Section::Kernel => "Kernel and host hardening",
            Section::Podman => "podman",
            Section::Containerd => "containerd",
            Section::CriO => "CRI-O",
            Section::Kubernetes => "Kubernetes node and control plane",
        }
    }
}

/// The answer to one question about one subject.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) subject: Option<Subject>,
    pub(crate) place: Place,
    pub(crate) outcome: Outcome,
    /// The setting by the name its users know; the rule's id where it is empty.
    pub(crate) setting: String,
    pub(crate) looked_at: String,
    pub(crate) seen: String,
    pub(crate) expected: String,
}

impl Answer {
    pub(crate) fn new(outcome: Outcome, looked_at: impl Into<String>, seen: impl Into<String>) -> Answer {
        Answer {
            subject: None,
            place: Place::default(),
            outcome,
            setting: String::new(),
            looked_at: looked_at.into(),
            seen: seen.into(),
            expected: String::new(),
        }
    }

    /// Pass or fail by what was seen.
    pub(crate) fn judged(is_good: bool, looked_at: impl Into<String>, seen: impl Into<String>) -> Answer {
        Answer::new(if is_good { Outcome::Pass } else { Outcome::Fail }, looked_at, seen)
    }

    pub(crate) fn not_applicable(looked_at: impl Into<String>, why: impl Into<String>) -> Answer {
        Answer::new(Outcome::NotApplicable, looked_at, why)
    }

    pub(crate) fn not_checked(looked_at: impl Into<String>, why: impl Into<String>) -> Answer {
        Answer::new(Outcome::NotChecked, looked_at, why)
    }

    pub(crate) fn error(looked_at: impl Into<String>, why: impl Into<String>) -> Answer {
        Answer::new(Outcome::Error, looked_at, why)
    }

    /// What is not there cannot be wrong; what cannot be read is an error.
    pub(crate) fn unread(path: &str, why: &Unread) -> Answer {
        match why {
            Unread::Absent => Answer::not_applicable(path, why.to_string()),
            Unread::Refused(reason) => Answer::error(path, reason.clone()),
        }
    }

    pub(crate) fn expecting(mut self, expected: impl Into<String>) -> Answer {
        self.expected = expected.into();
        self
    }

    pub(crate) fn about(mut self, subject: Subject) -> Answer {
        self.subject = Some(subject);
        self
    }

    pub(crate) fn of(mut self, setting: impl Into<String>) -> Answer {
        self.setting = setting.into();
        self
    }

    pub(crate) fn at(mut self, path: &str) -> Answer {
        self.place = Place::path(path.trim_start_matches('/'));
        self
    }
}

/// What is shown of text that somebody else wrote: bounded, without control characters.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String =
        text.chars().take(SHOWN_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// A few of a list, and how many more.
pub(crate) fn few(items: &[String]) -> String {
    const FEW: usize = 8;
    let mut text = items.iter().take(FEW).cloned().collect::<Vec<_>>().join(", ");
    if items.len() > FEW {
        text.push_str(&format!(" and {} more", items.len() - FEW));
    }
    shown(&text)
}

/// A CIS Docker recommendation whose id is the same in 1.6, 1.7 and 1.8, and the countermeasure of NIST SP 800-190.
pub(crate) const fn cis(id: &'static str, nist: &'static str) -> [(Framework, &'static str); 4] {
    moved(id, id, nist)
}

/// One whose id differs: 1.8 has one more in section 2.
pub(crate) const fn moved(
    before_1_8: &'static str,
    in_1_8: &'static str,
    nist: &'static str,
) -> [(Framework, &'static str); 4] {
    [
        (Framework::CisDocker16, before_1_8),
        (Framework::CisDocker17, before_1_8),
        (Framework::CisDocker18, in_1_8),
        (Framework::NistSp800190, nist),
    ]
}

/// What an audit says, as it grows.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) checks: Vec<Check>,
    pub(crate) findings: Findings,
}

impl Report {
    pub(crate) fn add(&mut self, section: Section, rule: &Rule, answer: Answer) {
        let subject = answer.subject.unwrap_or_else(|| Subject::Host { name: String::new() });
        let check = Check {
            rule: rule.id.to_owned(),
            title: rule.title.to_owned(),
            section: section.name().to_owned(),
            controls: rule.finding_controls(),
            severity: rule.severity,
            subject,
            place: answer.place,
            outcome: answer.outcome,
            looked_at: shown(&answer.looked_at),
            seen: shown(&answer.seen),
            expected: answer.expected,
        };
        if check.outcome == Outcome::Fail {
            let setting = if answer.setting.is_empty() { rule.id.to_owned() } else { answer.setting };
            self.findings.found.push(finding(rule, &check, setting));
        }
        self.checks.push(check);
    }
}

fn finding(rule: &Rule, check: &Check, setting: String) -> Finding {
    Finding {
        rule: check.rule.clone(),
        subject: check.subject.clone(),
        place: check.place.clone(),
        severity: check.severity,
        confidence: Confidence::High,
        summary: format!("{}: {}", check.title, check.seen),
        evidence: Evidence::Misset(Box::new(Misset {
            setting,
            seen: check.seen.clone(),
            expected: check.expected.clone(),
            source: Some(check.looked_at.clone()),
            ..Misset::default()
        })),
        remedy: rule.fix.to_owned(),
        references: rule.references.iter().map(|&reference| reference.to_owned()).collect(),
        controls: check.controls.clone(),
    }
}
