//! What a walk keeps of a leak: everything but the value.

use seawall_finding::{Confidence, Gap};
use serde::{Deserialize, Serialize};

/// A leak in one layer, directory or text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    /// Id of the rule.
    pub rule: String,
    /// Path of the file; a member of an archive is `outer.zip!/inner`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Line, from 1, where it stands in plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// JSON pointer into the image's configuration, where it stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Enough to recognise it.
    pub redacted: String,
    /// Keyed hash.
    pub value_id: String,
    /// Where the value stands, when it is no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// What it was wrapped in, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encodings: Vec<String>,
    /// What speaks for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proof: Vec<String>,
    /// How sure it is.
    pub confidence: Confidence,
}

/// What the search found in one layer or directory: part of a layer's cached facts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LayerLeaks {
    /// The leaks, in the order of the walk.
    pub hits: Vec<Hit>,
    /// What could not be looked at.
    pub gaps: Vec<Gap>,
    /// Leaks in files that are, by their digest, what a distribution publishes: everybody has them.
    pub vouched: u64,
}
