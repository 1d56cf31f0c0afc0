//! Packages, whatever installed them.

use serde::{Deserialize, Serialize};

use crate::{Distro, Ecosystem, PathList, Place, Purl};

/// A package that is in the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// By whose rules name and version are read.
    pub ecosystem: Ecosystem,
    /// As the ecosystem spells it: `libssl3`, `@scope/name`, `group:artifact`, `github.com/Owner/repo/v2`.
    /// PyPI names are normalised (PEP 503).
    pub name: String,
    /// As recorded, with epoch and release where the ecosystem has them: `1:2.38.1-5+deb12u1`, `0:3.0.7-27.el9`
    /// (an rpm without an epoch is written without one). Empty when the evidence states none.
    pub version: String,
    /// The source package it was built from, where the distribution speaks of sources
    /// and it is recorded. Absent means: same name and version as the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePackage>,
    /// `amd64`, `x86_64`, `all`, `noarch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// RPM modularity label, `nodejs:18:9020020230825081254:rhel9`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Who built it: rpm `Vendor`, dpkg `Maintainer`, apk `m:`. Tells third-party packages apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Licence expressions or names as recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<String>,
    /// How sure its presence is.
    #[serde(default)]
    pub presence: Presence,
    /// Where the evidence is; the first place is the record that declares the package.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// The distribution package whose files this one's evidence belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Purl>,
    /// The distribution of the tree that the package's database administers, where that is another one than the
    /// target's: a root file system in a directory of it. Without an id where nothing names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distro: Option<Box<Distro>>,
}

/// A distribution's source package.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SourcePackage {
    /// `openssl`.
    pub name: String,
    /// In the source's own version space: `3.0.11-1~deb12u2`. An rpm source has no epoch of its own.
    pub version: String,
}

/// How a package is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// Its files are there.
    #[default]
    Installed,
    /// A lock file or manifest names it; its files need not be there.
    Locked,
    /// A lock file names it for development or tests only.
    LockedForDevelopment,
    /// Recovered from traces in a binary; name and version are likely, completeness is not.
    Recovered,
}

/// The files that a package manager says a package installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnedFiles {
    /// The file that lists them: `var/lib/dpkg/info/libc6:amd64.list`.
    pub path: String,
    /// The owner's ecosystem.
    pub ecosystem: Ecosystem,
    /// The owner's name.
    pub name: String,
    /// The owner's architecture, where the file list tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Paths from the root without leading `/`.
    pub files: PathList,
}

impl Package {
    /// A package with nothing but its identity; fill in the rest with struct update or assignment.
    pub fn new(ecosystem: Ecosystem, name: impl Into<String>, version: impl Into<String>) -> Package {
        Package {
            ecosystem,
            name: name.into(),
            version: version.into(),
            source: None,
            architecture: None,
            module: None,
            vendor: None,
            licenses: Vec::new(),
            presence: Presence::Installed,
            places: Vec::new(),
            owner: None,
            distro: None,
        }
    }

    /// The name that advisories keyed by source use: the source's, or the package's own.
    pub fn source_name(&self) -> &str {
        self.source.as_ref().map_or(&self.name, |source| &source.name)
    }

    /// The version in the source's space: the source's, or the package's own.
    pub fn source_version(&self) -> &str {
        self.source.as_ref().map_or(&self.version, |source| &source.version)
    }

    /// Its distribution in a target of distribution `own`; nothing where it is not known.
    pub fn distro<'d>(&'d self, own: Option<&'d Distro>) -> Option<&'d Distro> {
        self.distro.as_deref().or(own).filter(|distro| !distro.id.is_empty())
    }

    /// The package URL. For distribution packages the namespace is the distribution's id
    /// and the qualifiers carry `arch`, `distro`, `epoch`, `rpmmod` and `upstream`
    /// (`name@version` of the source), so that a package read back from its own URL
    /// matches the same advisories.
    pub fn purl(&self, distro: Option<&Distro>) -> Purl {
        Purl::of_package(self, self.distro(distro))
    }
}
