//! Version orders, one file per ecosystem.
//!
//! A version that cannot be read is `None`, never "equal" or "older": what cannot be
//! ordered is undetermined.

mod alpm;
mod apk;
mod bitnami;
mod composer;
mod deb;
mod digits;
mod gem;
mod generic;
mod golang;
mod limits;
mod maven;
mod npm;
mod nuget;
mod pep440;
mod rpm;
mod semver;

use std::cmp::Ordering;

use seawall_inventory::Ecosystem;

/// The order of versions of one ecosystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// dpkg (deb-version(7)).
    Deb,
    /// rpmvercmp with epoch and release.
    Rpm,
    /// apk-tools 2 and 3.
    Apk,
    /// pacman's vercmp.
    Alpm,
    /// Semantic Versioning 2.0, as Cargo, Hex, Pub and Swift use it.
    Semver,
    /// node-semver.
    Npm,
    /// PEP 440.
    Pep440,
    /// Go modules: semver with pseudo-versions and `+incompatible`; the toolchain's `go1.21rc1` for stdlib.
    Golang,
    /// Maven's ComparableVersion.
    Maven,
    /// Gem::Version.
    Gem,
    /// NuGet's SemVer 2 with a fourth number.
    Nuget,
    /// Composer's normalised versions.
    Composer,
    /// Three numbers and a revision (`1.2.3-4`).
    Bitnami,
    /// Dotted numbers with letters, as upstream programs number themselves (`1.1.1w`, `9.0.1-rc2`).
    Generic,
}

impl Order {
    /// The order that an ecosystem's versions follow.
    pub const fn of(ecosystem: Ecosystem) -> Order {
        match ecosystem {
            Ecosystem::Deb => Order::Deb,
            Ecosystem::Rpm => Order::Rpm,
            Ecosystem::Apk => Order::Apk,
            Ecosystem::Alpm => Order::Alpm,
            Ecosystem::Npm => Order::Npm,
            Ecosystem::Pypi | Ecosystem::Conda => Order::Pep440,
            Ecosystem::Golang => Order::Golang,
            Ecosystem::Maven => Order::Maven,
            Ecosystem::Gem | Ecosystem::Cocoapods => Order::Gem,
            Ecosystem::Nuget => Order::Nuget,
            Ecosystem::Composer => Order::Composer,
            Ecosystem::Cargo | Ecosystem::Hex | Ecosystem::Pub | Ecosystem::Swift => Order::Semver,
            Ecosystem::Bitnami => Order::Bitnami,
            Ecosystem::Conan
            | Ecosystem::Cran
            | Ecosystem::Hackage
            | Ecosystem::Githubactions
            | Ecosystem::Generic => Order::Generic,
        }
    }

    /// The name that a finding's comparison shows in parentheses.
    pub const fn name(self) -> &'static str {
        match self {
            Order::Deb => "deb",
            Order::Rpm => "rpm",
            Order::Apk => "apk",
            Order::Alpm => "alpm",
            Order::Semver => "semver",
            Order::Npm => "npm",
            Order::Pep440 => "pep440",
            Order::Golang => "go",
            Order::Maven => "maven",
            Order::Gem => "gem",
            Order::Nuget => "nuget",
            Order::Composer => "composer",
            Order::Bitnami => "bitnami",
            Order::Generic => "generic",
        }
    }

    /// Compares two versions; `None` when one of them cannot be read.
    pub fn compare(self, left: &str, right: &str) -> Option<Ordering> {
        if left.len() > limits::VERSION_BYTES_MAX || right.len() > limits::VERSION_BYTES_MAX {
            return None;
        }
        match self {
            Order::Deb => deb::compare(left, right),
            Order::Rpm => rpm::compare(left, right),
            Order::Apk => apk::compare(left, right),
            Order::Semver => semver::compare(left, right),
            Order::Npm => npm::compare(left, right),
            Order::Pep440 => pep440::compare(left, right),
            Order::Golang => golang::compare(left, right),
            Order::Alpm => alpm::compare(left, right),
            Order::Maven => maven::compare(left, right),
            Order::Gem => gem::compare(left, right),
            Order::Nuget => nuget::compare(left, right),
            Order::Composer => composer::compare(left, right),
            Order::Bitnami => bitnami::compare(left, right),
            Order::Generic => generic::compare(left, right),
        }
    }

    /// Whether a version can be read.
    pub fn parses(self, version: &str) -> bool {
        if version.len() > limits::VERSION_BYTES_MAX {
            return false;
        }
        match self {
            Order::Deb => deb::parses(version),
            Order::Rpm => rpm::parses(version),
            Order::Apk => apk::parses(version),
            Order::Semver => semver::parses(version),
            Order::Npm => npm::parses(version),
            Order::Pep440 => pep440::parses(version),
            Order::Golang => golang::parses(version),
            Order::Alpm => alpm::parses(version),
            Order::Maven => maven::parses(version),
            Order::Gem => gem::parses(version),
            Order::Nuget => nuget::parses(version),
            Order::Composer => composer::parses(version),
            Order::Bitnami => bitnami::parses(version),
            Order::Generic => generic::parses(version),
        }
    }
}
