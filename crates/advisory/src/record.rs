//! Advisories in neutral form: what every feed is read into and the database is built from.

use seawall_finding::{Rating, Severity};
use serde::{Deserialize, Serialize};

/// What one document of one source says about one problem.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Record {
    /// Id as the source names it: `CVE-2024-1234`, `DSA-5764-1`, `GHSA-…`, `RUSTSEC-…`, `MAL-…`.
    pub id: String,
    /// Other names of the same problem. A document about several problems (a DSA with three
    /// CVEs) becomes one record per problem, with the document's id in `advisory`.
    pub aliases: Vec<String>,
    /// Id of the document when it is not `id`: `DSA-5764-1`, `RHSA-2024:1234`.
    pub advisory: Option<String>,
    /// Date of first publication, `YYYY-MM-DD`.
    pub published: Option<String>,
    /// RFC 3339 time of the last change, as recorded.
    pub modified: Option<String>,
    /// One line.
    pub title: String,
    /// Paragraphs.
    pub description: String,
    /// Web addresses.
    pub references: Vec<String>,
    /// Ratings of this source.
    pub ratings: Vec<Rating>,
    /// `CWE-79`.
    pub weaknesses: Vec<String>,
    /// What is affected, and what is known not to be.
    pub affected: Vec<Affected>,
}

/// One package of one space and which versions of it are affected.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Affected {
    /// Where names and versions live: a release of a distribution as [`seawall_inventory::Distro::release`] writes
    /// it (`debian:12`, `ubuntu:22.04`, `alpine:3.20`, `almalinux:9`, `wolfi`), with the stream behind it
    /// for extended support (`ubuntu:18.04:esm-infra`, `rhel:9:eus-9.2`); or a package-URL type (`npm`, `pypi`, `golang`).
    pub space: String,
    /// The package's name in that space, spelled as `Package::name` is (PyPI normalised, Maven `group:artifact`).
    pub name: String,
    /// Whether `name` is a source or a binary package; language packages are `Binary`.
    pub keyed_by: KeyedBy,
    /// RPM module, `name:stream`.
    pub module: Option<String>,
    /// Architectures it is restricted to; empty means all.
    pub architectures: Vec<String>,
    /// What is known about these versions.
    pub state: State,
    /// The affected versions: any range that holds makes it affected. Empty with empty `versions` means every version.
    pub ranges: Vec<Range>,
    /// Affected versions named one by one.
    pub versions: Vec<String>,
    /// The source's severity for this package in this space, where it differs by package.
    pub severity: Option<Severity>,
}

/// Whether advisories are keyed by source or by binary package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum KeyedBy {
    /// Debian, Ubuntu, Alpine (origin), SUSE.
    Source,
    /// Red Hat and its rebuilds, all language ecosystems.
    #[default]
    Binary,
}

/// What a source says about the versions of an [`Affected`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum State {
    /// Affected below a published fix.
    Fixed,
    /// Affected, no fix published.
    #[default]
    NotFixed,
    /// Affected, the fix is postponed.
    Deferred,
    /// Affected, the vendor will not fix it.
    WillNotFix,
    /// Not known yet; the vendor investigates.
    UnderInvestigation,
    /// Affected, and the release or package gets no fixes any more.
    EndOfLife,
    /// The source says it does not know.
    Undetermined,
    /// Known not to be affected: suppresses what other sources say of the same package.
    NotAffected,
}

/// A half-open interval of versions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Range {
    /// First affected version; `None` is the first of all.
    pub introduced: Option<String>,
    /// Where it ends.
    pub until: Bound,
}

/// The upper end of a range.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Bound {
    /// Affected below this version, which is fixed.
    Fixed(String),
    /// Affected up to and including this version.
    LastAffected(String),
    /// No end.
    #[default]
    Open,
}

/// Facts about a CVE that do not decide whether a package is affected.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Enrichment {
    /// The CVE id.
    pub id: String,
    /// EPSS score and percentile, 0 to 1.
    pub epss: Option<(f64, f64)>,
    /// Entry in CISA's catalogue.
    pub known_exploited: Option<seawall_finding::KnownExploited>,
    /// Ratings of sources that know no packages (NVD, CISA's vulnrichment).
    pub ratings: Vec<Rating>,
    /// `CWE-79`.
    pub weaknesses: Vec<String>,
    /// One line.
    pub title: String,
}

/// When a release of a product stops getting fixes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Support {
    /// `debian`, `alpine`, `nodejs`, `python`.
    pub product: String,
    /// Release cycle: `12`, `3.20`, `22.04`.
    pub cycle: String,
    /// Last day of support, `YYYY-MM-DD`; `None` while none is set.
    pub ends_on: Option<String>,
    /// Last day of the longest extended support.
    pub extended_ends_on: Option<String>,
}
