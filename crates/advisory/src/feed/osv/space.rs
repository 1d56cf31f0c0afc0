//! OSV's ecosystem names → spaces (<https://ossf.github.io/osv-schema/#defined-ecosystems>).

use seawall_inventory::Ecosystem;

use crate::Order;
use crate::feed::debian_release;

/// A space and how it is keyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::feed) struct Space {
    pub(in crate::feed) space: String,
    pub(in crate::feed) ecosystem: Ecosystem,
    pub(in crate::feed) by_source: bool,
}

/// What is known of an ecosystem name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::feed) enum Known {
    /// It is a space.
    Space(Space),
    /// It speaks of things that no image scan looks for: firmware, phones, kernels by commit.
    NotApplicable,
    /// It is new.
    Unknown,
}

impl Space {
    pub(in crate::feed) fn order(&self) -> Order {
        Order::of(self.ecosystem)
    }
}

const LANGUAGES: &[(&str, Ecosystem)] = &[
    ("npm", Ecosystem::Npm),
    ("PyPI", Ecosystem::Pypi),
    ("Go", Ecosystem::Golang),
    ("Kubernetes", Ecosystem::Golang),
    ("crates.io", Ecosystem::Cargo),
    ("Maven", Ecosystem::Maven),
    ("RubyGems", Ecosystem::Gem),
    ("NuGet", Ecosystem::Nuget),
    ("Packagist", Ecosystem::Composer),
    ("Hex", Ecosystem::Hex),
    ("Pub", Ecosystem::Pub),
    ("SwiftURL", Ecosystem::Swift),
    ("CocoaPods", Ecosystem::Cocoapods),
    ("ConanCenter", Ecosystem::Conan),
    ("Conda", Ecosystem::Conda),
    ("CRAN", Ecosystem::Cran),
    ("Bioconductor", Ecosystem::Cran),
    ("Hackage", Ecosystem::Hackage),
    ("Bitnami", Ecosystem::Bitnami),
    ("GitHub Actions", Ecosystem::Githubactions),
];

/// Distributions that are named `Name:version` and key by source (true) or binary (false).
const DISTRIBUTIONS: &[(&str, &str, Ecosystem, bool)] = &[
    ("AlmaLinux", "almalinux", Ecosystem::Rpm, false),
    ("Rocky Linux", "rocky", Ecosystem::Rpm, true),
    ("Mageia", "mageia", Ecosystem::Rpm, true),
    ("Photon OS", "photon", Ecosystem::Rpm, false),
    ("Oracle Linux", "ol", Ecosystem::Rpm, false),
    ("Fedora", "fedora", Ecosystem::Rpm, true),
    ("Wolfi", "wolfi", Ecosystem::Apk, true),
    ("Chainguard", "chainguard", Ecosystem::Apk, true),
    ("MinimOS", "minimos", Ecosystem::Apk, true),
    ("BellSoft Hardened Containers", "alpaquita", Ecosystem::Apk, true),
    ("Alpaquita", "alpaquita", Ecosystem::Apk, true),
    ("Echo", "echo", Ecosystem::Deb, true),
    ("Arch Linux", "arch", Ecosystem::Alpm, false),
];

const NOT_APPLICABLE: &[&str] = &[
    "Android",
    "Linux",
    "OSS-Fuzz",
    "GIT",
    "GSD",
    "UVI",
    "FreeBSD",
    "GHC",
    "VSCode",
    "Root",
    "CleanStart",
    "Julia",
    "opam",
    "JSON",
    "Drupal",
];

/// The space of an ecosystem name; a package URL tells streams apart where the name does not.
pub(in crate::feed) fn of(ecosystem: &str, purl: Option<&str>) -> Known {
    let (base, rest) = ecosystem.split_once(':').unwrap_or((ecosystem, ""));
    if let Some((_, language)) = LANGUAGES.iter().find(|(name, _)| *name == base) {
        return Known::Space(Space {
            space: language.purl_type().to_owned(),
            ecosystem: *language,
            by_source: false,
        });
    }
    if NOT_APPLICABLE.contains(&base) {
        return Known::NotApplicable;
    }
    let (space, ecosystem, by_source) = match base {
        "Debian" => (debian(rest), Ecosystem::Deb, true),
        "Ubuntu" => (ubuntu(rest, purl), Ecosystem::Deb, true),
        "Alpine" => (alpine(rest), Ecosystem::Apk, true),
        "Red Hat" => (red_hat(rest), Ecosystem::Rpm, false),
        "SUSE" | "openSUSE" => (suse(base, rest), Ecosystem::Rpm, true),
        "openEuler" => (open_euler(rest), Ecosystem::Rpm, true),
        "Azure Linux" => (azure(rest), Ecosystem::Rpm, false),
        _ => match DISTRIBUTIONS.iter().find(|(name, ..)| *name == base) {
            Some((_, id, ecosystem, by_source)) => (named(id, rest, purl), *ecosystem, *by_source),
            None => return Known::Unknown,
        },
    };
    let by_source =
        by_source || purl.is_some_and(|purl| purl.contains("arch=source") || purl.contains("arch=src"));
    space.map_or(Known::NotApplicable, |space| Known::Space(Space { space, ecosystem, by_source }))
}

/// The name as packages are named in the space.
pub(in crate::feed) fn name(space: &Space, name: &str) -> String {
    match space.ecosystem {
        Ecosystem::Pypi => pep_503(name),
        Ecosystem::Swift => {
            let path = name.trim_start_matches("https://").trim_start_matches("http://");
            path.strip_suffix(".git").unwrap_or(path).to_owned()
        }
        Ecosystem::Composer => name.to_ascii_lowercase(),
        Ecosystem::Deb
        | Ecosystem::Rpm
        | Ecosystem::Apk
        | Ecosystem::Alpm
        | Ecosystem::Npm
        | Ecosystem::Golang
        | Ecosystem::Cargo
        | Ecosystem::Maven
        | Ecosystem::Gem
        | Ecosystem::Nuget
        | Ecosystem::Hex
        | Ecosystem::Pub
        | Ecosystem::Cocoapods
        | Ecosystem::Conan
        | Ecosystem::Conda
        | Ecosystem::Cran
        | Ecosystem::Hackage
        | Ecosystem::Bitnami
        | Ecosystem::Githubactions
        | Ecosystem::Generic => name.to_owned(),
    }
}

/// PEP 503: lower case, runs of `-`, `_` and `.` are one `-`.
pub(in crate::feed) fn pep_503(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.trim().chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            c => normal.push(c.to_ascii_lowercase()),
        }
    }
    normal
}

/// The source that ratings of a document with this id come from.
pub(in crate::feed) fn source(id: &str) -> &'static str {
    const SOURCES: &[(&str, &str)] = &[
        ("GHSA-", "ghsa"),
        ("GO-", "go"),
        ("PYSEC-", "pypi"),
        ("RUSTSEC-", "rustsec"),
        ("MAL-", "malicious-packages"),
        ("DSA-", "debian"),
        ("DLA-", "debian"),
        ("DEBIAN-", "debian"),
        ("UBUNTU-", "ubuntu"),
        ("USN-", "ubuntu"),
        ("LSN-", "ubuntu"),
        ("AL", "almalinux"),
        ("RLSA-", "rocky"),
        ("RXSA-", "rocky"),
        ("RLBA-", "rocky"),
        ("RLEA-", "rocky"),
        ("RHSA-", "redhat"),
        ("RHBA-", "redhat"),
        ("RHEA-", "redhat"),
        ("SUSE-", "suse"),
        ("openSUSE-", "suse"),
        ("BIT-", "bitnami"),
        ("MGASA-", "mageia"),
        ("OESA-", "openeuler"),
        ("CGA-", "chainguard"),
        ("HSEC-", "hackage"),
        ("RSEC-", "cran"),
        ("PSF-", "psf"),
    ];
    // `ALPINE-CVE-…` would otherwise be AlmaLinux's.
    if id.starts_with("ALPINE-") {
        return "alpine";
    }
    SOURCES.iter().find(|(prefix, _)| id.starts_with(prefix)).map_or("osv", |(_, source)| source)
}

fn named(id: &str, rest: &str, purl: Option<&str>) -> Option<String> {
    let version = rest.split(':').next().unwrap_or_default();
    if version.is_empty() {
        return Some(id.to_owned());
    }
    // Rocky's special interest groups build packages of their own.
    let group = purl.and_then(|purl| purl.split_once("-sig-")).map(|(_, group)| group);
    Some(match group {
        Some(group) => format!("{id}:{version}:sig-{}", group.split('&').next().unwrap_or(group)),
        None => format!("{id}:{version}"),
    })
}

/// `12`, `6.0`, or nothing for all releases at once, which no package is of.
fn debian(rest: &str) -> Option<String> {
    let number = match rest {
        "3.0" | "3.1" => rest,
        _ => rest.split('.').next().unwrap_or(rest),
    };
    (!number.is_empty()).then(|| debian_release::space(number))
}

/// `22.04:LTS`, `Pro:18.04:LTS`, `Pro:FIPS-updates:20.04:LTS`, `22.04:LTS:for:NVIDIA:BlueField`.
fn ubuntu(rest: &str, purl: Option<&str>) -> Option<String> {
    let parts: Vec<&str> = rest.split(':').collect();
    let is_number = |part: &&&str| part.starts_with(|c: char| c.is_ascii_digit());
    let version = parts.iter().find(is_number)?;
    let flavour = |part: &&&str| !is_number(part) && !matches!(**part, "LTS" | "Pro" | "for" | "");
    let flavour: Vec<String> = parts.iter().filter(flavour).map(|part| part.to_ascii_lowercase()).collect();
    if !flavour.is_empty() {
        return Some(format!("ubuntu:{version}:{}", flavour.join("-")));
    }
    if parts.first() != Some(&"Pro") {
        return Some(format!("ubuntu:{version}"));
    }
    let distro = purl.and_then(|purl| purl.split_once("distro=")).map(|(_, distro)| distro);
    let stream = match distro {
        Some(distro) if distro.starts_with("esm-infra") || distro.ends_with("/esm") => "esm-infra",
        Some(distro) if distro.starts_with("esm-apps") => "esm-apps",
        // The caller decides by the availability.
        _ => "esm",
    };
    Some(format!("ubuntu:{version}:{stream}"))
}

fn alpine(rest: &str) -> Option<String> {
    let version = rest.trim_start_matches('v');
    (!version.is_empty()).then(|| format!("alpine:{version}"))
}

/// `enterprise_linux:9::baseos` is a CPE without its head; `rhel_eus:9.2::appstream` an extended stream,
/// `ocp_tools:4.15::el9` a product on top of a release.
fn red_hat(rest: &str) -> Option<String> {
    red_hat_cpe(rest)
}

/// The space of the `product:version:update:edition` part of a Red Hat CPE.
pub(in crate::feed) fn red_hat_cpe(rest: &str) -> Option<String> {
    let mut parts = rest.split(':');
    let product = parts.next()?;
    let version = parts.next().unwrap_or_default();
    let _update = parts.next();
    let edition = parts.next().unwrap_or_default();
    let major = version.split('.').next().unwrap_or_default();
    match product {
        // From 10 on the minor release is part of the main line's name.
        "enterprise_linux" if !major.is_empty() => Some(format!("rhel:{major}")),
        "enterprise_linux_eus" if !major.is_empty() => Some(format!("rhel:{major}:eus-{version}")),
        "rhel_eus" | "rhel_aus" | "rhel_e4s" | "rhel_tus" | "rhel_els" | "rhel_eus_long_life"
            if !major.is_empty() =>
        {
            let stream = product.trim_start_matches("rhel_").replace('_', "-");
            Some(format!("rhel:{major}:{stream}-{version}"))
        }
        _ => {
            let on = edition.strip_prefix("el").filter(|on| on.starts_with(|c: char| c.is_ascii_digit()))?;
            let on = on.split('.').next().unwrap_or(on);
            Some(format!("rhel:{on}:{}-{version}", product.replace('_', "-")))
        }
    }
}

/// `Linux Enterprise Server 15 SP5`, `Linux Enterprise Module for Basesystem 15 SP5`, `Linux Micro 6.0`,
/// `Leap 15.6`, `Tumbleweed`.
pub(in crate::feed) fn suse(base: &str, rest: &str) -> Option<String> {
    let rest = rest.trim();
    if rest.contains("Tumbleweed") {
        return Some("opensuse-tumbleweed".to_owned());
    }
    let is_version = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    let words: Vec<&str> = rest.split([' ', ':']).collect();
    let at = words.iter().position(|word| is_version(word))?;
    let mut version = words.get(at)?.split('-').next()?.to_owned();
    let pack = words.get(at + 1).and_then(|word| word.strip_prefix("SP"));
    if let Some(pack) = pack {
        let pack: String = pack.chars().take_while(char::is_ascii_digit).collect();
        version = format!("{version}.{pack}");
    } else if !version.contains('.') && base == "SUSE" {
        version.push_str(".0");
    }
    let name = words.get(..at)?.join(" ");
    let streams = ["LTSS", "ESPOS", "BCL", "TERADATA", "CLIENT-TOOLS", "PUBCLOUD"];
    let stream =
        streams.iter().find(|stream| rest.contains(*stream)).map(|stream| stream.to_ascii_lowercase());
    let id = match name.as_str() {
        "Leap Micro" => "opensuse-leap-micro",
        name if name.starts_with("Leap") || base == "openSUSE" => "opensuse-leap",
        "Linux Enterprise Micro" => "sle-micro",
        "Linux Micro" | "SUSE Linux Micro" => "sl-micro",
        "Linux Enterprise Desktop" => "sled",
        "Linux Enterprise Server for SAP Applications" => "sles_sap",
        "Linux Enterprise High Performance Computing" => "sle_hpc",
        // Modules and the server are one distribution to an image.
        name if name.starts_with("Linux Enterprise") || name.starts_with("Package Hub") => "sles",
        _ => return None,
    };
    Some(match stream {
        Some(stream) => format!("{id}:{version}:{stream}"),
        None => format!("{id}:{version}"),
    })
}

/// `24.03-LTS-SP1`: os-release says `24.03` for every service pack, so the pack is a stream.
fn open_euler(rest: &str) -> Option<String> {
    let (version, pack) = rest.split_once('-').unwrap_or((rest, ""));
    let pack = pack.trim_start_matches("LTS").trim_start_matches('-').to_ascii_lowercase();
    match (version, pack.as_str()) {
        ("", _) => None,
        (version, "") => Some(format!("openeuler:{version}")),
        (version, pack) => Some(format!("openeuler:{version}:{pack}")),
    }
}

/// Azure Linux 2 was called CBL-Mariner.
fn azure(rest: &str) -> Option<String> {
    let major = rest.split('.').next().filter(|major| !major.is_empty())?;
    let id = if major == "2" || major == "1" { "mariner" } else { "azurelinux" };
    Some(format!("{id}:{major}.0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ecosystem: &str, purl: &str, expected: &str) {
        let shown = match of(ecosystem, Some(purl)) {
            Known::Space(space) => space.space,
            Known::NotApplicable => "-".to_owned(),
            Known::Unknown => "?".to_owned(),
        };
        assert_eq!(shown, expected, "{ecosystem} {purl}");
    }

    #[test]
    fn every_ecosystem_of_the_schema() {
        check("Debian:12", "", "debian:12");
        check("Debian:6.0", "", "debian:6");
        check("Debian", "", "-");
        check("Ubuntu:22.04:LTS", "", "ubuntu:22.04");
        check("Ubuntu:24.10", "", "ubuntu:24.10");
        check("Ubuntu:Pro:18.04:LTS", "", "ubuntu:18.04:esm");
        check(
            "Ubuntu:Pro:18.04:LTS",
            "pkg:deb/ubuntu/x?arch=source&distro=esm-infra/bionic",
            "ubuntu:18.04:esm-infra",
        );
        check(
            "Ubuntu:Pro:14.04:LTS",
            "pkg:deb/ubuntu/x?arch=source&distro=trusty/esm",
            "ubuntu:14.04:esm-infra",
        );
        check("Ubuntu:Pro:FIPS-updates:20.04:LTS", "", "ubuntu:20.04:fips-updates");
        check("Ubuntu:22.04:LTS:for:NVIDIA:BlueField", "", "ubuntu:22.04:nvidia-bluefield");
        check("Alpine:v3.20", "", "alpine:3.20");
        check("AlmaLinux:9", "", "almalinux:9");
        check("Rocky Linux:9", "", "rocky:9");
        check(
            "Rocky Linux:8",
            "pkg:rpm/rocky-linux/kernel?distro=rocky-linux-8-sig-cloud&epoch=0",
            "rocky:8:sig-cloud",
        );
        check("Red Hat:enterprise_linux:9::baseos", "", "rhel:9");
        check("Red Hat:rhel_eus:9.2::appstream", "", "rhel:9:eus-9.2");
        check("Red Hat:ocp_tools:4.15::el9", "", "rhel:9:ocp-tools-4.15");
        check("Red Hat:enterprise_linux:10.0", "", "rhel:10");
        check("Red Hat:jboss_core_services:1", "", "-");
        check("SUSE:Linux Enterprise Server 15 SP5", "", "sles:15.5");
        check("SUSE:Linux Enterprise Module for Basesystem 15 SP6", "", "sles:15.6");
        check("SUSE:Linux Enterprise Server 15 SP4-LTSS", "", "sles:15.4:ltss");
        check("SUSE:Linux Enterprise Server for SAP Applications 15 SP4", "", "sles_sap:15.4");
        check("SUSE:Linux Enterprise Server 12", "", "sles:12.0");
        check("SUSE:Linux Micro 6.0", "", "sl-micro:6.0");
        check("openSUSE:Leap 15.6", "", "opensuse-leap:15.6");
        check("openSUSE:Tumbleweed", "", "opensuse-tumbleweed");
        check("Chainguard", "", "chainguard");
        check("Wolfi", "", "wolfi");
        check("Mageia:9", "", "mageia:9");
        check("openEuler:24.03-LTS-SP1", "", "openeuler:24.03:sp1");
        check("Azure Linux:2", "", "mariner:2.0");
        check("Azure Linux:3", "", "azurelinux:3.0");
        check("Go", "", "golang");
        check("Maven:https://repo.example", "", "maven");
        check("GitHub Actions", "", "githubactions");
        check("Android:14", "", "-");
        check("Newland", "", "?");
    }

    #[test]
    fn names() {
        assert_eq!(pep_503("Zope.Interface__x"), "zope-interface-x");
    }
}
