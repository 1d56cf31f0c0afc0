//! Reads policy files, ignore files, VEX documents and baselines into one [`Policy`].
//!
//! These are configuration: one that cannot be read is an error, not a gap, because a waiver or clause that
//! is silently missing changes the verdict.

use std::fs;
use std::io::Read;
use std::path::Path;

use seawall_finding::Severity;
use serde::Deserialize;

use crate::clause::Clause;
use crate::condition::Condition;
use crate::limits::{FILE_BYTES_MAX, REASON_CHARS_MAX};
use crate::policy::Policy;
use crate::response::SettingsText;
use crate::waiver::{Glob, Selector, Waiver};
use crate::{Response, Verdict, baseline, ignore, vex};

/// Why a file could not become part of the policy.
#[derive(Debug, thiserror::Error)]
#[error("cannot use {path} as {what}: {reason}")]
pub struct LoadError {
    path: String,
    what: &'static str,
    reason: String,
}

impl Policy {
    /// Adds the clauses and waivers of a Seawall policy file (YAML).
    ///
    /// # Errors
    /// The file cannot be read, has unknown keys, or a waiver lacks its reason, owner or expiry date.
    pub fn add_file(&mut self, path: &Path) -> Result<(), LoadError> {
        let text = read(path, "a policy")?;
        self.add_text(&text, &name(path)).map_err(|reason| error(path, "a policy", reason))
    }

    /// Adds the text of a Seawall policy file.
    ///
    /// # Errors
    /// As for [`Policy::add_file`], without the reading.
    pub fn add_text(&mut self, text: &str, name: &str) -> Result<(), String> {
        let file: PolicyFile = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        if file.version != 1 {
            return Err(format!("it has version {}; this Seawall reads version 1", file.version));
        }
        self.fail_on = self.fail_on.or(file.fail_on);
        for (index, clause) in file.clauses.into_iter().enumerate() {
            let label = format!("clause {}", index + 1);
            self.clauses.push(clause.compile(&label).map_err(|reason| format!("{label}: {reason}"))?);
        }
        if let Some(respond) = file.respond {
            self.respond = respond.compile().map_err(|reason| format!("respond: {reason}"))?;
        }
        for (index, waiver) in file.waivers.into_iter().enumerate() {
            let by = format!("{name}, waiver {}", index + 1);
            self.waivers
                .push(waiver.compile(&by).map_err(|reason| format!("waiver {}: {reason}", index + 1))?);
        }
        Ok(())
    }

    /// Adds an ignore file of another tool: `.trivyignore`, `.trivyignore.yaml`, `.grype.yaml`, `osv-scanner.toml`.
    ///
    /// # Errors
    /// The file cannot be read or is none of these.
    pub fn add_ignore_file(&mut self, path: &Path) -> Result<(), LoadError> {
        let text = read(path, "an ignore file")?;
        let waivers = ignore::read(&text, &name(path));
        self.waivers.extend(waivers.map_err(|reason| error(path, "an ignore file", reason))?);
        Ok(())
    }

    /// Adds a VEX document: OpenVEX, CSAF VEX or CycloneDX VEX (all JSON).
    ///
    /// # Errors
    /// The file cannot be read or is none of these.
    pub fn add_vex(&mut self, path: &Path) -> Result<(), LoadError> {
        let text = read(path, "a VEX document")?;
        let waivers = vex::read(&text, &name(path));
        self.waivers.extend(waivers.map_err(|reason| error(path, "a VEX document", reason))?);
        Ok(())
    }

    /// Adds a baseline: a JSON report of Seawall whose findings are known, so that only new ones count.
    ///
    /// # Errors
    /// The file cannot be read or is no JSON report.
    pub fn add_baseline(&mut self, path: &Path) -> Result<(), LoadError> {
        let text = read(path, "a baseline")?;
        let waiver = baseline::read(&text, &name(path));
        self.waivers.extend(waiver.map_err(|reason| error(path, "a baseline", reason))?);
        Ok(())
    }
}

fn read(path: &Path, what: &'static str) -> Result<String, LoadError> {
    // A pipe would be waited for.
    if fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        return Err(error(path, what, "it is not a regular file"));
    }
    let file = fs::File::open(path).map_err(|cause| error(path, what, cause))?;
    // A device states no size.
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|cause| error(path, what, cause))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(error(path, what, format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    Ok(text)
}

fn error(path: &Path, what: &'static str, reason: impl std::fmt::Display) -> LoadError {
    let mut reason = reason.to_string();
    // A parser may quote a line of any length.
    if let Some((cut, _)) = reason.char_indices().nth(REASON_CHARS_MAX) {
        reason.truncate(cut);
        reason.push('…');
    }
    LoadError { path: path.display().to_string(), what, reason }
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    version: u32,
    #[serde(default, rename = "fail-on")]
    fail_on: Option<Severity>,
    #[serde(default)]
    clauses: Vec<ClauseText>,
    #[serde(default)]
    waivers: Vec<WaiverText>,
    #[serde(default)]
    respond: Option<SettingsText>,
    /// Whose signatures count: read by whoever verifies them.
    #[serde(default, rename = "trust")]
    _trust: serde::de::IgnoredAny,
    /// Where that is enforced: read by whoever enforces it.
    #[serde(default, rename = "admission")]
    _admission: serde::de::IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClauseText {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    rule: OneOrMany,
    #[serde(default)]
    vulnerability: OneOrMany,
    #[serde(default)]
    package: OneOrMany,
    #[serde(default)]
    path: OneOrMany,
    #[serde(default)]
    severity: Option<Severity>,
    #[serde(default)]
    fixable: Option<bool>,
    #[serde(default)]
    exploited: Option<bool>,
    #[serde(default)]
    epss: Option<f64>,
    #[serde(default)]
    condition: Option<String>,
    verdict: Verdict,
    #[serde(default)]
    respond: Vec<Response>,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WaiverText {
    #[serde(default)]
    rule: OneOrMany,
    #[serde(default)]
    vulnerability: OneOrMany,
    #[serde(default)]
    package: OneOrMany,
    #[serde(default)]
    path: OneOrMany,
    #[serde(default)]
    image: OneOrMany,
    #[serde(default)]
    fingerprint: OneOrMany,
    reason: String,
    owner: String,
    expires: String,
}

#[derive(Deserialize, Default)]
#[serde(untagged)]
enum OneOrMany {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_vec(self) -> Vec<String> {
        match self {
            OneOrMany::None => Vec::new(),
            OneOrMany::One(text) => vec![text],
            OneOrMany::Many(texts) => texts,
        }
    }
}

fn globs(texts: OneOrMany, compile: fn(&str) -> Result<Glob, crate::GlobError>) -> Result<Vec<Glob>, String> {
    texts.into_vec().iter().map(|text| compile(text).map_err(|error| error.to_string())).collect()
}

impl ClauseText {
    fn compile(self, label: &str) -> Result<Clause, String> {
        let condition = self.condition.as_deref().map(Condition::compile).transpose();
        Ok(Clause {
            name: self.name.unwrap_or_else(|| label.to_owned()),
            selector: Selector {
                rules: self.rule.into_vec(),
                vulnerabilities: self.vulnerability.into_vec(),
                packages: globs(self.package, Glob::name)?,
                paths: globs(self.path, Glob::path)?,
                ..Selector::default()
            },
            severity: self.severity,
            fixable: self.fixable,
            exploited: self.exploited,
            epss: self.epss,
            condition: condition.map_err(|error| error.to_string())?,
            verdict: self.verdict,
            respond: self.respond,
            because: self.reason,
        })
    }
}

impl WaiverText {
    fn compile(self, by: &str) -> Result<Waiver, String> {
        let fingerprint = |text: &String| text.parse().map_err(|error| format!("{error}"));
        let fingerprints: Result<Vec<_>, String> =
            self.fingerprint.into_vec().iter().map(fingerprint).collect();
        let mut selector = Selector {
            rules: self.rule.into_vec(),
            vulnerabilities: self.vulnerability.into_vec(),
            packages: globs(self.package, Glob::name)?,
            paths: globs(self.path, Glob::path)?,
            images: globs(self.image, Glob::path)?,
            fingerprints: fingerprints?,
            ..Selector::default()
        };
        selector.fingerprints.sort();
        let selects_something = !(selector.rules.is_empty()
            && selector.vulnerabilities.is_empty()
            && selector.packages.is_empty()
            && selector.paths.is_empty()
            && selector.images.is_empty()
            && selector.fingerprints.is_empty());
        if !selects_something {
            return Err(
                "it names no rule, vulnerability, package, path, image or fingerprint and would waive everything"
                    .into(),
            );
        }
        if self.reason.trim().is_empty() || self.owner.trim().is_empty() {
            return Err("a waiver needs a reason and an owner".into());
        }
        let expires =
            self.expires.parse().map_err(|_| format!("`{}` is not a date YYYY-MM-DD", self.expires))?;
        Ok(Waiver {
            by: by.to_owned(),
            selector,
            product: None,
            reason: self.reason,
            owner: Some(self.owner),
            expires: Some(expires),
        })
    }
}
