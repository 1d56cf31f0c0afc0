//! The sources of `seawall db update`, in one ordered list.

use crate::feed::Standing;

/// One source: what is fetched and how it is read.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// Its name in settings and reports.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// The format: a name in [`crate::feed::FEEDS`].
    pub feed: &'static str,
    /// How far it is to be believed.
    pub standing: Standing,
    /// Its licence, as published.
    pub licence: &'static str,
    /// Whether it is fetched when the user names none.
    pub fetched: Fetched,
    /// What is fetched.
    pub parts: &'static [Part],
}

/// Whether a source is fetched when the user names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// Yes.
    Always,
    /// Only by name: it is large, or another source says the same.
    OnRequest,
}

/// One file of a source. It is fetched, kept and replaced by itself.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// Its name within the source; empty where the source is one file. `{year}` stands for each year since 2002.
    pub name: &'static str,
    /// Its address, with `{year}` where the name has it.
    pub url: &'static str,
    /// What is at the address.
    pub reach: Reach,
    /// The space of its documents, where they do not name it.
    pub space: Option<&'static str>,
}

/// What is at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The feed.
    Direct,
    /// The name of the feed's file, beside it: Red Hat's `archive_latest.txt`.
    Pointer,
    /// An rpm repository, whose `repodata/repomd.xml` says where its `updateinfo` is.
    Repository,
    /// A list of mirrors of an rpm repository, one base address a line: Amazon's `mirror.list`.
    MirrorList,
}

const fn part(name: &'static str, url: &'static str) -> Part {
    Part { name, url, reach: Reach::Direct, space: None }
}

const fn reached(reach: Reach, part: Part) -> Part {
    Part { reach, ..part }
}

use Fetched::{Always, OnRequest};
use Standing::{Authority, Facts, Hint, Secondary};

const fn source(
    name: &'static str,
    title: &'static str,
    feed: &'static str,
    standing: Standing,
    licence: &'static str,
    parts: &'static [Part],
) -> Source {
    Source { name, title, feed, standing, licence, fetched: Always, parts }
}

const fn on_request(source: Source) -> Source {
    Source { fetched: OnRequest, ..source }
}

/// OSV publishes one archive per ecosystem.
macro_rules! osv {
    ($ecosystem:literal) => {
        concat!("https://osv-vulnerabilities.storage.googleapis.com/", $ecosystem, "/all.zip")
    };
}

macro_rules! alpine {
    ($($branch:literal),*) => {
        &[$(
            part(concat!($branch, "/main"), concat!("https://secdb.alpinelinux.org/", $branch, "/main.json")),
            part(
                concat!($branch, "/community"),
                concat!("https://secdb.alpinelinux.org/", $branch, "/community.json"),
            ),
        )*]
    };
}

/// Every source, authorities before those who repeat them.
pub const SOURCES: &[Source] = &[
    source(
        "debian-tracker",
        "Debian security tracker",
        "debian-tracker",
        Authority,
        "facts of Debian",
        &[part("", "https://security-tracker.debian.org/tracker/data/json")],
    ),
    source(
        "debian-dsa",
        "Debian security advisories",
        "debian-dsa",
        Authority,
        "facts of Debian",
        &[
            part(
                "DSA",
                "https://salsa.debian.org/security-tracker-team/security-tracker/-/raw/master/data/DSA/list",
            ),
            part(
                "DLA",
                "https://salsa.debian.org/security-tracker-team/security-tracker/-/raw/master/data/DLA/list",
            ),
        ],
    ),
    source(
        "alpine-secdb",
        "Alpine security database",
        "alpine-secdb",
        Authority,
        "facts of Alpine",
        alpine!(
            "edge", "v3.23", "v3.22", "v3.21", "v3.20", "v3.19", "v3.18", "v3.17", "v3.16", "v3.15", "v3.14",
            "v3.13", "v3.12", "v3.11", "v3.10"
        ),
    ),
    source(
        "wolfi-secdb",
        "Wolfi security database",
        "alpine-secdb",
        Authority,
        "see packages.wolfi.dev",
        &[part("", "https://packages.wolfi.dev/os/security.json")],
    ),
    source(
        "chainguard-secdb",
        "Chainguard security database",
        "alpine-secdb",
        Authority,
        "see packages.cgr.dev",
        &[part("", "https://packages.cgr.dev/chainguard/security.json")],
    ),
    source(
        "ubuntu",
        "Ubuntu security data in OSV",
        "osv",
        Authority,
        "CC-BY-SA-4.0",
        &[part("", osv!("Ubuntu"))],
    ),
    source("almalinux", "AlmaLinux errata in OSV", "osv", Authority, "MIT", &[part("", osv!("AlmaLinux"))]),
    source(
        "rocky",
        "Rocky Linux errata in OSV",
        "osv",
        Authority,
        "BSD-3-Clause",
        &[part("", osv!("Rocky%20Linux"))],
    ),
    source(
        "redhat-vex",
        "Red Hat VEX",
        "redhat-csaf",
        Authority,
        "CC-BY-4.0",
        &[reached(
            Reach::Pointer,
            part("", "https://security.access.redhat.com/data/csaf/v2/vex/archive_latest.txt"),
        )],
    ),
    on_request(source(
        "redhat",
        "Red Hat errata in OSV",
        "osv",
        Secondary,
        "CC-BY-4.0",
        &[part("", osv!("Red%20Hat"))],
    )),
    source(
        "oracle",
        "Oracle Linux OVAL",
        "oracle-oval",
        Authority,
        "see linux.oracle.com",
        &[part("", "https://linux.oracle.com/security/oval/com.oracle.elsa-all.xml.bz2")],
    ),
    source(
        "amazon",
        "Amazon Linux repositories",
        "updateinfo",
        Authority,
        "see alas.aws.amazon.com",
        &[
            reached(
                Reach::MirrorList,
                part("2", "https://cdn.amazonlinux.com/2/core/latest/x86_64/mirror.list"),
            ),
            reached(
                Reach::MirrorList,
                part("2023", "https://cdn.amazonlinux.com/al2023/core/mirrors/latest/x86_64/mirror.list"),
            ),
        ],
    ),
    source(
        "fedora",
        "Fedora update repositories",
        "updateinfo",
        Authority,
        "facts of Fedora",
        &[
            reached(
                Reach::Repository,
                part("42", "https://dl.fedoraproject.org/pub/fedora/linux/updates/42/Everything/x86_64"),
            ),
            reached(
                Reach::Repository,
                part("43", "https://dl.fedoraproject.org/pub/fedora/linux/updates/43/Everything/x86_64"),
            ),
        ],
    ),
    source(
        "photon",
        "Photon OS",
        "photon",
        Authority,
        "see packages.vmware.com",
        &[
            part("4.0", "https://packages.vmware.com/photon/photon_cve_metadata/cve_data_photon4.0.json"),
            part("5.0", "https://packages.vmware.com/photon/photon_cve_metadata/cve_data_photon5.0.json"),
        ],
    ),
    source(
        "arch",
        "Arch Linux security tracker",
        "arch",
        Authority,
        "facts of Arch Linux",
        &[part("", "https://security.archlinux.org/issues/all.json")],
    ),
    on_request(source(
        "ubuntu-tracker",
        "Ubuntu CVE tracker",
        "ubuntu-tracker",
        Authority,
        "GPL-2.0 (the tracker's data)",
        &[part("", "https://git.launchpad.net/ubuntu-cve-tracker/snapshot/ubuntu-cve-tracker-master.tar.gz")],
    )),
    on_request(source(
        "suse-vex",
        "SUSE VEX",
        "suse-csaf",
        Authority,
        "see suse.com/support/security",
        &[part("", "https://ftp.suse.com/pub/projects/security/csaf-vex.tar.bz2")],
    )),
    source("suse", "SUSE errata in OSV", "osv", Authority, "CC-BY-NC-4.0", &[part("", osv!("SUSE"))]),
    source(
        "opensuse",
        "openSUSE errata in OSV",
        "osv",
        Authority,
        "CC-BY-NC-4.0",
        &[part("", osv!("openSUSE"))],
    ),
    source(
        "azurelinux",
        "Azure Linux errata in OSV",
        "osv",
        Authority,
        "MIT",
        &[part("", osv!("Azure%20Linux"))],
    ),
    source("mageia", "Mageia errata in OSV", "osv", Authority, "CC-BY-SA-4.0", &[part("", osv!("Mageia"))]),
    source(
        "openeuler",
        "openEuler errata in OSV",
        "osv",
        Authority,
        "CC-BY-4.0",
        &[part("", osv!("openEuler"))],
    ),
    source(
        "npm",
        "npm in OSV (GHSA, malicious packages)",
        "osv",
        Authority,
        "CC-BY-4.0",
        &[part("", osv!("npm"))],
    ),
    source("pypi", "PyPI in OSV (GHSA, PyPA)", "osv", Authority, "CC-BY-4.0", &[part("", osv!("PyPI"))]),
    source(
        "go",
        "Go in OSV (Go vulnerability database, GHSA)",
        "osv",
        Authority,
        "CC-BY-4.0",
        &[part("", osv!("Go"))],
    ),
    source("maven", "Maven in OSV (GHSA)", "osv", Authority, "CC-BY-4.0", &[part("", osv!("Maven"))]),
    source(
        "cargo",
        "crates.io in OSV (RustSec, GHSA)",
        "osv",
        Authority,
        "CC0-1.0",
        &[part("", osv!("crates.io"))],
    ),
    source(
        "rubygems",
        "RubyGems in OSV (GHSA)",
        "osv",
        Authority,
        "CC-BY-4.0",
        &[part("", osv!("RubyGems"))],
    ),
    source("nuget", "NuGet in OSV (GHSA)", "osv", Authority, "CC-BY-4.0", &[part("", osv!("NuGet"))]),
    source(
        "packagist",
        "Packagist in OSV (GHSA, Drupal)",
        "osv",
        Authority,
        "CC-BY-4.0",
        &[part("", osv!("Packagist"))],
    ),
    source("hex", "Hex in OSV (GHSA, EEF)", "osv", Authority, "CC-BY-4.0", &[part("", osv!("Hex"))]),
    source("pub", "Pub in OSV (GHSA)", "osv", Authority, "CC-BY-4.0", &[part("", osv!("Pub"))]),
    source("swift", "Swift in OSV (GHSA)", "osv", Authority, "CC-BY-4.0", &[part("", osv!("SwiftURL"))]),
    source("cran", "CRAN in OSV (R Consortium)", "osv", Authority, "Apache-2.0", &[part("", osv!("CRAN"))]),
    source("hackage", "Hackage in OSV (Haskell)", "osv", Authority, "CC0-1.0", &[part("", osv!("Hackage"))]),
    source("bitnami", "Bitnami in OSV", "osv", Authority, "Apache-2.0", &[part("", osv!("Bitnami"))]),
    source(
        "github-actions",
        "GitHub Actions in OSV (GHSA)",
        "osv",
        Authority,
        "CC-BY-4.0",
        &[part("", osv!("GitHub%20Actions"))],
    ),
    on_request(source(
        "osv-debian",
        "Debian in OSV",
        "osv",
        Secondary,
        "facts of Debian",
        &[part("", osv!("Debian"))],
    )),
    on_request(source(
        "osv-alpine",
        "Alpine in OSV",
        "osv",
        Secondary,
        "facts of Alpine",
        &[part("", osv!("Alpine"))],
    )),
    source(
        "kev",
        "CISA's known exploited vulnerabilities",
        "kev",
        Facts,
        "CC0-1.0",
        &[part("", "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json")],
    ),
    source(
        "epss",
        "FIRST's exploit prediction scores",
        "epss",
        Facts,
        "free with attribution",
        &[part("", "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz")],
    ),
    source(
        "endoflife",
        "endoflife.date",
        "endoflife",
        Facts,
        "MIT",
        &[part("", "https://github.com/endoflife-date/release-data/archive/refs/heads/main.tar.gz")],
    ),
    source(
        "nvd",
        "National Vulnerability Database",
        "nvd",
        Hint,
        "public domain",
        &[part("{year}", "https://nvd.nist.gov/feeds/json/cve/2.0/nvdcve-2.0-{year}.json.gz")],
    ),
    on_request(source(
        "vulnrichment",
        "CISA's vulnrichment",
        "cve",
        Facts,
        "CC0-1.0",
        &[part("", "https://github.com/cisagov/vulnrichment/archive/refs/heads/develop.tar.gz")],
    )),
];

/// The first year of NVD's feeds; it holds everything older too.
const FIRST_YEAR: u16 = 2002;

/// One file to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// `debian-dsa/DSA`, `kev`, `nvd/2024`.
    pub name: String,
    /// Its address.
    pub url: String,
    /// What is there.
    pub reach: Reach,
    /// The space of its documents, where they do not name it.
    pub space: Option<String>,
}

impl Source {
    /// The source of this name.
    pub fn named(name: &str) -> Option<&'static Source> {
        SOURCES.iter().find(|source| source.name == name)
    }

    /// Its files; `today` (`YYYY-MM-DD`) says which years there are.
    pub fn units(&self, today: &str) -> Vec<Unit> {
        let this_year: u16 = today.get(..4).and_then(|year| year.parse().ok()).unwrap_or(FIRST_YEAR);
        let mut units = Vec::new();
        for part in self.parts {
            if !part.url.contains("{year}") {
                units.push(self.unit(part, part.name, part.url));
                continue;
            }
            for year in FIRST_YEAR..=this_year.min(FIRST_YEAR + 200) {
                let year = year.to_string();
                units.push(self.unit(
                    part,
                    &part.name.replace("{year}", &year),
                    &part.url.replace("{year}", &year),
                ));
            }
        }
        units
    }

    fn unit(&self, part: &Part, name: &str, url: &str) -> Unit {
        let name = if name.is_empty() { self.name.to_owned() } else { format!("{}/{name}", self.name) };
        Unit { name, url: url.to_owned(), reach: part.reach, space: part.space.map(str::to_owned) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::feed::feed;

    #[test]
    fn every_source_has_a_format_and_a_name_and_address_of_its_own() {
        let mut names = BTreeSet::new();
        let mut urls = BTreeSet::new();
        for source in SOURCES {
            let feed =
                feed(source.feed).unwrap_or_else(|| panic!("{}: no feed {}", source.name, source.feed));
            for unit in source.units("2026-11-24") {
                assert_eq!(feed.wants_space, unit.space.is_some(), "{}", unit.name);
                assert!(unit.url.starts_with("https://"), "{}", unit.url);
                assert!(names.insert(unit.name.clone()), "{} twice", unit.name);
                assert!(urls.insert(unit.url.clone()), "{} twice", unit.url);
            }
        }
        assert_eq!(Source::named("nvd").unwrap().units("2026-11-24").len(), 25);
    }
}
