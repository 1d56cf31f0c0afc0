//! Packages that somebody else than the distribution built. The distribution's advisories are matched all the
//! same, but they know nothing of what that vendor fixed.

use seawall_inventory::{Distro, Ecosystem, Package};

/// What rpm's `Vendor` contains for packages of the distribution itself.
const OWN_VENDORS: &[(&str, &[&str])] = &[
    ("rhel", &["Red Hat"]),
    ("centos", &["CentOS", "Red Hat"]),
    ("almalinux", &["AlmaLinux"]),
    ("rocky", &["Rocky"]),
    ("ol", &["Oracle"]),
    ("amzn", &["Amazon"]),
    ("fedora", &["Fedora"]),
    ("sles", &["SUSE", "openSUSE"]),
    ("opensuse-leap", &["SUSE", "openSUSE"]),
    ("opensuse-tumbleweed", &["SUSE", "openSUSE"]),
    ("photon", &["VMware", "Broadcom"]),
    ("mariner", &["Microsoft"]),
    ("azurelinux", &["Microsoft"]),
];

/// Parts of dpkg's `Maintainer` by which vendors' own repositories are known. Debian's own maintainers have
/// addresses everywhere, so that only a known stranger is one.
const STRANGERS: &[&str] = &[
    "@docker.com",
    "@nodesource.com",
    "@nginx.com",
    "@hashicorp.com",
    "@nvidia.com",
    "@google.com",
    "@microsoft.com",
    "@elastic.co",
    "@gitlab.com",
    "@mongodb.com",
    "@influxdb.com",
    "@influxdata.com",
    "@grafana.com",
    "@datadoghq.com",
    "@cloudflare.com",
    "@percona.com",
    "@confluent.io",
    "@amazon.com",
    "@oracle.com",
    "@yarnpkg.com",
    "@bitnami.com",
    "@github.com",
    "@jenkins-ci.org",
    "@clickhouse.com",
    "@newrelic.com",
];

/// Parts of deb versions by which repositories beside the distribution are known.
const STRANGE_VERSIONS: &[&str] = &[".pgdg", "nodesource", "deb.sury.org", "~ppa", "bpo-nvidia"];

/// Who built a package, where it was not the distribution.
pub(super) fn stranger<'p>(package: &'p Package, distro: &Distro) -> Option<&'p str> {
    let vendor = package.vendor.as_deref().map(str::trim).filter(|vendor| !vendor.is_empty());
    match package.ecosystem {
        Ecosystem::Rpm => {
            let (_, own) = OWN_VENDORS.iter().find(|(id, _)| *id == distro.id)?;
            vendor.filter(|vendor| !own.iter().any(|part| vendor.contains(part)))
        }
        Ecosystem::Deb => {
            let is_strange = STRANGE_VERSIONS.iter().any(|part| package.version.contains(part));
            let known =
                vendor.filter(|vendor| is_strange || STRANGERS.iter().any(|part| vendor.contains(part)));
            known.or(is_strange.then_some("a repository beside the distribution"))
        }
        Ecosystem::Apk
        | Ecosystem::Alpm
        | Ecosystem::Npm
        | Ecosystem::Pypi
        | Ecosystem::Golang
        | Ecosystem::Cargo
        | Ecosystem::Maven
        | Ecosystem::Gem
        | Ecosystem::Nuget
        | Ecosystem::Composer
        | Ecosystem::Hex
        | Ecosystem::Pub
        | Ecosystem::Swift
        | Ecosystem::Cocoapods
        | Ecosystem::Conan
        | Ecosystem::Conda
        | Ecosystem::Cran
        | Ecosystem::Hackage
        | Ecosystem::Bitnami
        | Ecosystem::Githubactions
        | Ecosystem::Generic => None,
    }
}

/// Packages that hold only the kernel's C headers and carry all its advisories.
pub(super) fn is_kernel_headers(package: &Package) -> bool {
    let name = package.name.as_str();
    package.ecosystem.is_distribution()
        && (matches!(
            name,
            "linux-libc-dev" | "kernel-headers" | "linux-headers" | "linux-glibc-devel" | "linux-api-headers"
        ) || name.starts_with("linux-libc-dev-")
            || name.starts_with("linux-headers-")
            || (name.starts_with("kernel-") && name.ends_with("-headers")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers() {
        let check = |ecosystem, id: &str, version: &str, vendor: &str, expected: bool| {
            let mut package = Package::new(ecosystem, "x", version);
            package.vendor = Some(vendor.to_owned());
            let distro = Distro { id: id.into(), ..Distro::default() };
            assert_eq!(stranger(&package, &distro).is_some(), expected, "{id} {version} {vendor}");
        };
        check(Ecosystem::Rpm, "almalinux", "1-1.el9", "AlmaLinux", false);
        check(Ecosystem::Rpm, "rhel", "1-1.el9", "Red Hat, Inc.", false);
        check(Ecosystem::Rpm, "almalinux", "1-1.el9", "Fedora Project", true);
        check(Ecosystem::Rpm, "mageia", "1-1", "Mageia.Org", false);
        check(Ecosystem::Deb, "debian", "5:27.0-1", "Docker <support@docker.com>", true);
        check(Ecosystem::Deb, "debian", "1.0-1", "Jane <jane@example.org>", false);
        check(
            Ecosystem::Deb,
            "debian",
            "16.4-1.pgdg120+1",
            "Debian PostgreSQL Maintainers <x@debian.org>",
            true,
        );
    }
}
