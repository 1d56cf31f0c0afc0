//! What a scan of the container's image says of the file that a process executes.

use serde::{Deserialize, Serialize};

/// The executed file as the image has it. What nobody knows is absent: that the scan found nothing wrong with a package
/// is no proof that nothing is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImageFile {
    /// Whether the image has a program at this path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_known: Option<bool>,
    /// Whether something is mounted over the path or above it, so that the image's file is not the one that is seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_mounted: Option<bool>,
    /// Digest of the image's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Whether the executed file has this digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest_matches: Option<bool>,
    /// URL of the package that the image's file belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// The worst vulnerability that the scan found in the package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vulnerability: Option<String>,
    /// Its severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// Whether one of the package's vulnerabilities is known to be exploited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_exploited: Option<bool>,
}
