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
pub enum Framework {
    /// CIS Docker Benchmark 1.6.0 (its ids differ from version to version).
    #[serde(rename = "cis-docker-1.6")]
    CisDocker16,
    /// CIS Docker Benchmark 1.7.0.
    #[serde(rename = "cis-docker-1.7")]
    CisDocker17,
    /// CIS Docker Benchmark 1.8.0.
    #[serde(rename = "cis-docker-1.8")]
    CisDocker18,
    /// CIS Kubernetes Benchmark 1.12.
    #[serde(rename = "cis-kubernetes-1.12")]
    CisKubernetes112,
    /// Kubernetes Pod Security Standards, the name of the control.
    #[serde(rename = "pod-security-baseline")]
    PodSecurityBaseline,
    /// Kubernetes Pod Security Standards, the name of the control.
    #[serde(rename = "pod-security-restricted")]
    PodSecurityRestricted,
    /// NSA and CISA, Kubernetes Hardening Guide 1.2, the name of the section.
    #[serde(rename = "nsa-cisa-kubernetes")]
    NsaCisaKubernetes,
    /// NIST SP 800-190, section number of the countermeasure.
    #[serde(rename = "nist-sp800-190")]
    NistSp800190,
    /// Common Weakness Enumeration, `CWE-798`.
    #[serde(rename = "cwe")]
    Cwe,
    /// MITRE ATT&CK, id of a technique or tactic, `T1059.004`.
    #[serde(rename = "mitre-attack")]
    MitreAttack,
}

impl Framework {
    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Framework::CisDocker16 => "CIS Docker 1.6",
            Framework::CisDocker17 => "CIS Docker 1.7",
            Framework::CisDocker18 => "CIS Docker 1.8",
            Framework::CisKubernetes112 => "CIS Kubernetes 1.12",
            Framework::PodSecurityBaseline => "Pod Security Standard baseline",
            Framework::PodSecurityRestricted => "Pod Security Standard restricted",
            Framework::NsaCisaKubernetes => "NSA/CISA Kubernetes Hardening Guide",
            Framework::NistSp800190 => "NIST SP 800-190",
            Framework::Cwe => "CWE",
            Framework::MitreAttack => "MITRE ATT&CK",
        }
    }
}
