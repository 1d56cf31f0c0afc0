//! What an audit is given: where to look, and what other parts of Seawall know.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use seawall_engine::Endpoint;
use seawall_finding::Severity;
use serde::Deserialize;

use crate::root::Root;

/// Where to look and what is known already.
pub struct Inputs<'a> {
    /// The root of the files: `/` for this machine, or a mounted file system.
    pub root: &'a Root,
    /// The engines to ask; none for an audit of files alone.
    pub endpoints: Vec<Endpoint>,
    /// Saved answers of `docker inspect` and `docker info`.
    pub saved: Vec<Saved>,
    /// Answers that a person has given.
    pub attestations: Vec<Attestation>,
    /// The only users that may be in the group of the engine's socket; `None` where nobody has said.
    pub trusted_users: Option<BTreeSet<String>>,
    /// The registries and repositories base images may come from; `None` where nobody has said.
    pub trusted_images: Option<Vec<String>>,
    /// Now.
    pub now: Timestamp,
    /// What the advisory database knows about an engine, runtime or kernel; `None` where it does not have it.
    pub known: &'a dyn Fn(&Component) -> Option<KnownVulnerable>,
    /// What a scan of an image said, by its id; `None` where it was not scanned.
    pub scanned: &'a dyn Fn(&str) -> Option<ScannedImage>,
    /// The digest that a registry has now for a tag; `None` where it was not asked.
    pub newest: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Inputs<'a> {
    /// The files of a root, with no engine and nothing known.
    pub fn new(root: &'a Root, now: Timestamp) -> Inputs<'a> {
        Inputs {
            root,
            endpoints: Vec::new(),
            saved: Vec::new(),
            attestations: Vec::new(),
            trusted_users: None,
            trusted_images: None,
            now,
            known: &|_| None,
            scanned: &|_| None,
            newest: &|_| None,
        }
    }

    pub(crate) fn today(&self) -> Date {
        Offset::UTC.to_datetime(self.now).date()
    }
}

/// A saved answer of an engine.
#[derive(Debug, Clone)]
pub struct Saved {
    /// Its file, for places.
    pub name: String,
    /// Its bytes: one JSON value of `docker inspect` or `docker info`, or several.
    pub bytes: Vec<u8>,
}

/// An engine, a runtime or a kernel with its version.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Component {
    /// `docker`, `containerd`, `runc`, `podman`, `linux`.
    pub name: String,
    /// As it tells.
    pub version: String,
}

/// What is known about one version of a component.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownVulnerable {
    /// Advisories that cover it: id, severity, what fixes it.
    pub advisories: Vec<KnownAdvisory>,
    /// When it was released.
    pub released: Option<Date>,
    /// The newest version of it, and of its line.
    pub newest: Option<String>,
    /// The last day of its support.
    pub support_ends: Option<Date>,
}

/// An advisory that covers a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAdvisory {
    /// `CVE-2024-21626`.
    pub id: String,
    /// How bad.
    pub severity: Severity,
    /// The version that fixes it.
    pub fixed_in: Option<String>,
}

/// What a scan of an image said. A member is `None` where that part was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScannedImage {
    /// Names of its packages.
    pub packages: Option<Vec<String>>,
    /// Vulnerabilities with a fix, by severity.
    pub fixable: Option<BTreeMap<Severity, u32>>,
    /// Credentials in it, redacted, with their place.
    pub leaks: Option<Vec<String>>,
    /// Files with a set-user-id or set-group-id bit or file capabilities.
    pub setuid_files: Option<Vec<String>>,
    /// Who signed it, each verified; empty where nobody did.
    pub signed_by: Option<Vec<String>>,
    /// The base image, as the scan knows it.
    pub base: Option<String>,
    /// Whether it was built from verified packages: what in its history switches verification off.
    pub unverified_packages: Option<Vec<String>>,
}

/// A person's answer to a question that no program can answer, or not here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// The rule that asks.
    pub rule: String,
    /// The container, image or host it is about; every one where it is absent.
    #[serde(default)]
    pub subject: Option<String>,
    /// Who answers for it.
    pub who: String,
    /// When.
    pub when: Date,
    /// The last day on which it counts.
    pub until: Date,
    /// What was looked at, and what was decided.
    pub statement: String,
}

/// Why a file of attestations cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AttestationsError {
    /// It is not what the format says.
    #[error("attestations cannot be read")]
    Malformed(#[source] Box<serde_saphyr::Error>),
    /// A rule that does not exist would attest nothing.
    #[error("attestation {number}: there is no rule `{rule}`")]
    NoSuchRule {
        /// Position in the file, from 1.
        number: usize,
        /// The unknown rule.
        rule: String,
    },
    /// It ends before it begins.
    #[error("attestation {number}: `until` is before `when`")]
    EndsBeforeItBegins {
        /// Position in the file, from 1.
        number: usize,
    },
    /// Nobody answers for it.
    #[error("attestation {number}: `who` and `statement` say nothing")]
    SaysNothing {
        /// Position in the file, from 1.
        number: usize,
    },
}

/// Reads a YAML or JSON list of attestations.
///
/// # Errors
/// It is malformed, names a rule that does not exist, or ends before it begins: a mistake there must not look like an answer.
pub fn attestations(text: &str) -> Result<Vec<Attestation>, AttestationsError> {
    let list: Vec<Attestation> =
        serde_saphyr::from_str(text).map_err(|error| AttestationsError::Malformed(Box::new(error)))?;
    let ids: BTreeSet<&str> = crate::rules().iter().map(|rule| rule.id).collect();
    for (index, attestation) in list.iter().enumerate() {
        let number = index + 1;
        if !ids.contains(attestation.rule.as_str()) {
            return Err(AttestationsError::NoSuchRule { number, rule: attestation.rule.clone() });
        }
        if attestation.until < attestation.when {
            return Err(AttestationsError::EndsBeforeItBegins { number });
        }
        if attestation.who.trim().is_empty() || attestation.statement.trim().is_empty() {
            return Err(AttestationsError::SaysNothing { number });
        }
    }
    Ok(list)
}
