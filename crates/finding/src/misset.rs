//! The evidence of a setting that is wrong: of a host, an engine, a container, a workload, a build file.

use serde::{Deserialize, Serialize};

/// A setting that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Misset {
    /// What was judged, by the name its users know: `icc`, `HostConfig.Privileged`, `RUN apt-get install`.
    pub setting: String,
    /// What it is.
    pub seen: String,
    /// What it should be.
    pub expected: String,
    /// Where that was read: a file, a command line, an engine's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The settings that add up to this one, where it is a combination:
    /// `/var/run/docker.sock is mounted`, `runs as root`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// A mechanical change that removes it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

/// Replaces a piece of a text file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// First byte of what is replaced.
    pub start: usize,
    /// The byte behind its last.
    pub end: usize,
    /// What takes its place.
    pub text: String,
}

impl Misset {
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("setting", self.setting.clone()), ("seen", self.seen.clone())];
        facts.push(("expected", self.expected.clone()));
        facts.extend(self.source.clone().map(|source| ("read from", source)));
        facts.extend((!self.because.is_empty()).then(|| ("because", self.because.join("; "))));
        facts
    }
}
