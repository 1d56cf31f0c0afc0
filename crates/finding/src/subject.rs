//! What a finding is about.

use seawall_inventory::{Ecosystem, Purl};
use serde::{Deserialize, Serialize};

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Subject {
    /// A package of the target.
    Package {
        /// Its package URL with qualifiers.
        purl: Purl,
        /// By whose rules name and version are read.
        ecosystem: Ecosystem,
        /// Name as the ecosystem spells it.
        name: String,
        /// Version as recorded.
        version: String,
    },
    /// The distribution of the target.
    Distribution {
        /// `debian`.
        id: String,
        /// `12`.
        version: String,
    },
    /// The target as a whole.
    Target {
        /// As the user named it.
        name: String,
    },
}

impl Subject {
    /// What identifies the subject from scan to scan. A package is itself whatever its
    /// version, so that a finding that an upgrade did not fix stays the same finding.
    pub fn identity(&self) -> String {
        match self {
            Subject::Package { purl, .. } => {
                let mut purl = purl.bare();
                purl.version = None;
                purl.to_string()
            }
            Subject::Distribution { id, version } => format!("{id}:{version}"),
            Subject::Target { .. } => "target".to_owned(),
        }
    }

    /// For people: `openssl 3.0.11-1`.
    pub fn label(&self) -> String {
        match self {
            Subject::Package { name, version, .. } if version.is_empty() => name.clone(),
            Subject::Package { name, version, .. } => format!("{name} {version}"),
            Subject::Distribution { id, version } => format!("{id} {version}"),
            Subject::Target { name } => name.clone(),
        }
    }
}
