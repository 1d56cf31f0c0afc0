//! The distribution a file tree was made from.

use serde::{Deserialize, Serialize};

/// A Linux distribution as its `os-release` names it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Distro {
    /// `ID`, lower case: `debian`, `alpine`, `rhel`.
    pub id: String,
    /// `VERSION_ID`: `12`, `3.20.3`, `9.4`. Absent for rolling distributions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `VERSION_CODENAME`: `bookworm`, `noble`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codename: Option<String>,
    /// `PRETTY_NAME`, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `ID_LIKE`, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub id_like: Vec<String>,
    /// Extended-support streams that the tree is subscribed to: `esm-infra`, `esm-apps`, `eus`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<String>,
    /// Red Hat content sets (repository ids) from `root/buildinfo/content_manifests`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub content_sets: Vec<String>,
    /// When the release stops getting fixes, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_of_life: Option<EndOfLife>,
}

/// The dates on which a release stops getting fixes, `YYYY-MM-DD`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndOfLife {
    /// The last day of the support that everybody gets.
    pub on: String,
    /// The last day of the longest extended support, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_on: Option<String>,
}

impl Distro {
    /// The release whose advisories apply, `id:version` with as many version
    /// components as the distribution's advisories use: `debian:12`, `ubuntu:22.04`,
    /// `alpine:3.20`, `almalinux:9`; the codename where a release has no number (`debian:sid`, `alpine:edge`);
    /// the bare id for a rolling distribution.
    pub fn release(&self) -> String {
        let Some(version) = self.version.as_deref() else {
            return match (self.id.as_str(), self.codename.as_deref()) {
                ("debian" | "alpine", Some(codename)) => format!("{}:{codename}", self.id),
                _ => self.id.clone(),
            };
        };
        let components = match self.id.as_str() {
            "wolfi" | "chainguard" | "arch" | "opensuse-tumbleweed" => return self.id.clone(),
            "debian" | "rhel" | "centos" | "almalinux" | "rocky" | "ol" | "amzn" | "fedora" | "cos" => 1,
            _ => 2,
        };
        let kept: Vec<&str> = version.split('.').take(components).collect();
        format!("{}:{}", self.id, kept.join("."))
    }
}
