//! The packaging ecosystems, with their package-URL types.

use serde::{Deserialize, Serialize};

/// Where a package comes from and by whose rules its name and version are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ecosystem {
    /// Debian packages: Debian, Ubuntu, distroless.
    Deb,
    /// RPM packages: Red Hat and its rebuilds, Fedora, SUSE, Amazon, Oracle, Azure Linux.
    Rpm,
    /// Alpine packages: Alpine, Wolfi, Chainguard.
    Apk,
    /// Arch Linux packages.
    Alpm,
    /// npm registry.
    Npm,
    /// Python Package Index.
    Pypi,
    /// Go modules; the standard library is the module `stdlib`.
    Golang,
    /// crates.io.
    Cargo,
    /// Maven coordinates, `group:artifact`.
    Maven,
    /// RubyGems.
    Gem,
    /// NuGet.
    Nuget,
    /// Composer, packagist.org.
    Composer,
    /// Erlang and Elixir, hex.pm.
    Hex,
    /// Dart, pub.dev.
    Pub,
    /// Swift package manager.
    Swift,
    /// CocoaPods.
    Cocoapods,
    /// C and C++, conan.io.
    Conan,
    /// Conda.
    Conda,
    /// R, CRAN.
    Cran,
    /// Haskell, Hackage.
    Hackage,
    /// Bitnami components.
    Bitnami,
    /// GitHub Actions.
    Githubactions,
    /// Programs recognised by their content, not by a package manager: `python`, `nginx`, `openssl`.
    Generic,
}

impl Ecosystem {
    /// Every ecosystem, in declaration order.
    pub const ALL: [Ecosystem; 23] = [
        Ecosystem::Deb,
        Ecosystem::Rpm,
        Ecosystem::Apk,
        Ecosystem::Alpm,
        Ecosystem::Npm,
        Ecosystem::Pypi,
        Ecosystem::Golang,
        Ecosystem::Cargo,
        Ecosystem::Maven,
        Ecosystem::Gem,
        Ecosystem::Nuget,
        Ecosystem::Composer,
        Ecosystem::Hex,
        Ecosystem::Pub,
        Ecosystem::Swift,
        Ecosystem::Cocoapods,
        Ecosystem::Conan,
        Ecosystem::Conda,
        Ecosystem::Cran,
        Ecosystem::Hackage,
        Ecosystem::Bitnami,
        Ecosystem::Githubactions,
        Ecosystem::Generic,
    ];

    /// The package-URL type (purl-spec, PURL-TYPES).
    pub const fn purl_type(self) -> &'static str {
        match self {
            Ecosystem::Deb => "deb",
            Ecosystem::Rpm => "rpm",
            Ecosystem::Apk => "apk",
            Ecosystem::Alpm => "alpm",
            Ecosystem::Npm => "npm",
            Ecosystem::Pypi => "pypi",
            Ecosystem::Golang => "golang",
            Ecosystem::Cargo => "cargo",
            Ecosystem::Maven => "maven",
            Ecosystem::Gem => "gem",
            Ecosystem::Nuget => "nuget",
            Ecosystem::Composer => "composer",
            Ecosystem::Hex => "hex",
            Ecosystem::Pub => "pub",
            Ecosystem::Swift => "swift",
            Ecosystem::Cocoapods => "cocoapods",
            Ecosystem::Conan => "conan",
            Ecosystem::Conda => "conda",
            Ecosystem::Cran => "cran",
            Ecosystem::Hackage => "hackage",
            Ecosystem::Bitnami => "bitnami",
            Ecosystem::Githubactions => "githubactions",
            Ecosystem::Generic => "generic",
        }
    }

    /// The ecosystem with this package-URL type.
    pub fn from_purl_type(purl_type: &str) -> Option<Ecosystem> {
        Ecosystem::ALL.into_iter().find(|ecosystem| ecosystem.purl_type() == purl_type)
    }

    /// Whether a distribution's package manager owns these packages.
    pub const fn is_distribution(self) -> bool {
        matches!(self, Ecosystem::Deb | Ecosystem::Rpm | Ecosystem::Apk | Ecosystem::Alpm)
    }
}
