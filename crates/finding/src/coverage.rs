//! What was examined and by which data: the statement at the end of every report.

use serde::{Deserialize, Serialize};

use crate::Check;

/// What was examined. What was not is in the gaps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// Layers walked or taken from the cache.
    pub layers: u32,
    /// Of those, how many came from the cache.
    pub layers_cached: u32,
    /// Files and links seen.
    pub files: u64,
    /// Bytes of uncompressed layers or files walked.
    pub bytes: u64,
    /// Packages by the evidence that declared them.
    pub packages: Vec<CatalogCount>,
    /// Packages that all advisories about them were compared with.
    pub packages_judged: u64,
    /// Packages whose version cannot be compared with some advisory about them.
    #[serde(default)]
    pub packages_undetermined: u64,
    /// Packages of which the advisory database does not tell all, because it is damaged.
    #[serde(default)]
    pub packages_unanswered: u64,
    /// Language packages that are judged as part of the distribution package that owns their files.
    #[serde(default)]
    pub packages_owned: u64,
    /// Packages for development only, which were not judged.
    #[serde(default)]
    pub packages_for_development: u64,
    /// Problems that one source claims and the vendor says the package does not have.
    #[serde(default)]
    pub problems_suppressed: u64,
    /// What the user asked to look for, where it is not everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// What a benchmark asked and how it came out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// Findings that the user's own options leave out of the report.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// The advisory sources that were asked, with their age.
    pub advisories: Vec<AdvisorySource>,
    /// Digest of the advisory database, so that a report can be repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
}

/// Findings that an option leaves out of the report, so that a short report never looks like a clean one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The option: `--only-fixed`.
    pub by: String,
    /// How many findings.
    pub findings: u64,
}

/// How many packages one ecosystem's evidence declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogCount {
    /// Package-URL type.
    pub ecosystem: seawall_inventory::Ecosystem,
    /// How many.
    pub packages: u64,
}

/// One advisory source and its age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvisorySource {
    /// `debian-tracker`, `ghsa`.
    pub name: String,
    /// What it covers: `debian:12`, `npm`.
    pub covers: String,
    /// Date of its newest record or of its fetch, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// Records in it.
    pub records: u64,
}
