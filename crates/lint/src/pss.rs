//! Kubernetes' Pod Security Standards, as each version of Kubernetes defines them.
//!
//! Owns the 19 controls of `kubernetes/pod-security-admission` (Apache-2.0, no code of it), from policy version v1.0 on,
//! re-expressed over [`Workload`]; `tests/pod_security.rs` holds them against the answers of the original. Refuses
//! every opinion of its own: what the standard allows, passes.

mod container;
mod pod;

use std::fmt;
use std::str::FromStr;

use seawall_finding::{Findings, Rule};
use seawall_inventory::Workload;

use crate::workload::{Answer, Case, Context, Judged, Wrong};

/// A level of the standard. The third, privileged, forbids nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Known ways to more privileges are forbidden.
    Baseline,
    /// Hardening as practised is required.
    Restricted,
}

/// Why a text is not a level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a level of the Pod Security Standards; use baseline or restricted")]
pub struct LevelError(String);

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Level, LevelError> {
        match text {
            "baseline" => Ok(Level::Baseline),
            "restricted" => Ok(Level::Restricted),
            other => Err(LevelError(other.chars().take(100).collect())),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        })
    }
}

/// A policy version: a minor version of Kubernetes 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u32);

impl Version {
    /// The newest version whose controls are known here; every later one is judged like it, as Kubernetes does.
    pub const LATEST: Version = Version(37);
}

/// Why a text is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a version of Kubernetes; use `v1.35` or `latest`")]
pub struct VersionError(String);

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Version, VersionError> {
        if text == "latest" {
            return Ok(Version::LATEST);
        }
        // A patch version has no policy of its own.
        let minor = text.strip_prefix('v').unwrap_or(text).strip_prefix("1.");
        let minor = minor.map(|rest| rest.split('.').next().unwrap_or_default());
        let is_number = |minor: &&str| !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit());
        let minor = minor.filter(is_number).and_then(|minor| minor.parse().ok());
        minor.map(Version).ok_or_else(|| VersionError(text.chars().take(100).collect()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v1.{}", self.0)
    }
}

/// A control of the standard.
#[derive(Debug)]
pub(crate) struct Control {
    /// The original's id of the check.
    id: &'static str,
    level: Level,
    /// First minor version that has it.
    since: u32,
    /// The baseline control that it takes the place of, at its level.
    replaces: Option<&'static str>,
    rule: Rule,
    judge: fn(&Workload, u32) -> Vec<(String, Wrong)>,
}

fn controls() -> impl Iterator<Item = &'static Control> {
    pod::CONTROLS.iter().chain(container::CONTROLS)
}

/// The controls of a level and version.
fn in_force(level: Level, Version(minor): Version) -> Vec<&'static Control> {
    let holds = |control: &&Control| control.level <= level && control.since <= minor;
    let replaced: Vec<&str> = controls().filter(holds).filter_map(|control| control.replaces).collect();
    controls().filter(holds).filter(|control| !replaced.contains(&control.id)).collect()
}

/// The rules of every control, for `explain`.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    controls().map(|control| &control.rule)
}

/// The original's ids of the checks that a workload fails, sorted.
pub fn failing(workload: &Workload, level: Level, version: Version) -> Vec<&'static str> {
    let fails = |control: &&&Control| !(control.judge)(workload, version.0).is_empty();
    let mut ids: Vec<&str> =
        in_force(level, version).iter().filter(fails).map(|control| control.id).collect();
    ids.sort_unstable();
    ids
}

/// What of a workload the standard forbids.
pub fn evaluate(workload: &Workload, level: Level, version: Version, path: Option<&str>) -> Findings {
    let context = Context { path, ..Context::default() };
    let found =
        checks(workload, level, version, &context).into_iter().flat_map(|judged| judged.findings).collect();
    Findings { found, gaps: Vec::new() }
}

/// The answer of each control.
pub(crate) fn checks(
    workload: &Workload,
    level: Level,
    version: Version,
    context: &Context<'_>,
) -> Vec<Judged> {
    let case = Case { workload, context };
    let section = format!("Pod Security Standard {level} {version}");
    let answer = |control: &&Control| {
        let wrongs = (control.judge)(workload, version.0);
        let mut judged = case.answered(&control.rule, &section, &Answer::Pass("allowed".to_owned()));
        case.fail(&mut judged, &control.rule, wrongs);
        judged
    };
    in_force(level, version).iter().map(answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        let check = |text: &str, expected: Option<u32>| {
            assert_eq!(text.parse::<Version>().ok(), expected.map(Version), "{text}");
        };
        check("v1.35", Some(35));
        check("1.0", Some(0));
        check("v1.25.3", Some(25));
        check("latest", Some(Version::LATEST.0));
        check("v2.0", None);
        check("v1.", None);
        check("v1.x", None);
        check("", None);
    }

    #[test]
    fn restricted_replaces_what_it_sharpens() {
        let ids = |level, minor| -> Vec<&str> {
            in_force(level, Version(minor)).iter().map(|control| control.id).collect()
        };
        assert!(ids(Level::Restricted, 21).contains(&"capabilities_baseline"));
        assert!(!ids(Level::Restricted, 22).contains(&"capabilities_baseline"));
        assert!(ids(Level::Baseline, 22).contains(&"capabilities_baseline"));
        assert_eq!(ids(Level::Baseline, 37).len(), 12);
        assert_eq!(rules().count(), 19);
    }
}
