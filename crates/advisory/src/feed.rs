//! Foreign advisory formats → neutral records.
//!
//! Owns every foreign format, one file each with private structs; what leaves is [`Record`], [`Enrichment`],
//! [`Support`] and [`Gap`]. Does not fetch, order sources or compare versions with packages.

mod apt_changelog;
pub mod apt_index;
mod arch;
mod bodhi;
mod changelog_fixes;
mod constraint;
mod container;
mod csaf;
mod cve_id;
mod cve_record;
mod cvss;
mod debian_dsa;
pub(crate) mod debian_release;
mod debian_tracker;
mod endoflife;
mod epss;
mod erratum;
mod friendsofphp;
mod gemnasium;
mod json;
mod kev;
mod limits;
mod nodejs_wg;
mod nvd;
mod osv;
mod oval;
mod photon;
mod rating;
pub mod repomd;
mod retire;
mod rpm_errata;
mod rpm_fixes;
mod rubysec;
mod rustsec;
mod secdb;
#[cfg(test)]
mod testdata;
pub(crate) mod ubuntu_release;
mod ubuntu_tracker;
mod updateinfo;
mod xml;

use std::path::{Path, PathBuf};

use seawall_finding::{Gap, GapKind};

use crate::record::{Enrichment, Record, Support};
use container::{Found, Walk};

/// What an importer hands out, one at a time.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// An advisory about one problem.
    Record(Record),
    /// Facts about a CVE.
    Enrichment(Enrichment),
    /// Support dates of a release.
    Support(Support),
    /// A document, or part of one, that could not be read.
    Gap(Gap),
}

/// One foreign document.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Its path inside the input, for gaps and for formats that carry meaning in names.
    pub name: &'a str,
    /// Its bytes, uncompressed.
    pub bytes: &'a [u8],
    /// The space (`amzn:2023`) for formats that do not name their release themselves.
    pub space: Option<&'a str>,
}

/// How far a feed is to be believed for the packages it speaks of.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The vendor or registry that decides for its own packages.
    #[default]
    Authority,
    /// Somebody who collects or rewrites what an authority says.
    Secondary,
    /// Circumstantial: CPE ranges of NVD, texts of changelogs.
    Hint,
    /// Decides nothing about packages: severity, exploitation, support dates.
    Facts,
}

/// A foreign format and how to read it.
#[derive(Debug)]
pub struct Feed {
    /// The name that records, settings and reports use: `debian-tracker`, `ghsa`.
    pub name: &'static str,
    /// What it is and covers, for people.
    pub about: &'static str,
    /// Prefixes of the spaces it speaks of (`debian:`, `npm`); empty for facts and for formats that name
    /// any space.
    pub covers: &'static [&'static str],
    /// How far it is to be believed there.
    pub standing: Standing,
    /// Whether it must be told the space of its documents.
    pub wants_space: bool,
    /// The document names it reads, by suffix, or after `^` by the beginning of the last path component; everything
    /// else in an archive or directory is left alone.
    pub suffixes: &'static [&'static str],
    read: fn(&Document<'_>, &mut dyn FnMut(Item)),
}

use Standing::{Authority, Facts, Hint, Secondary};

/// A feed of documents that name their releases themselves.
const fn plain(
    name: &'static str,
    standing: Standing,
    covers: &'static [&'static str],
    suffixes: &'static [&'static str],
    read: fn(&Document<'_>, &mut dyn FnMut(Item)),
    about: &'static str,
) -> Feed {
    Feed { name, about, covers, standing, wants_space: false, suffixes, read }
}

/// A feed of documents that must be told their release.
const fn of_space(feed: Feed) -> Feed {
    Feed { wants_space: true, ..feed }
}

const JSON: &[&str] = &[".json"];

/// Every feed, authorities before those who repeat them.
pub const FEEDS: &[Feed] = &[
    plain(
        "debian-tracker",
        Authority,
        &["debian:"],
        &[".json", "json"],
        debian_tracker::read,
        "Debian's security tracker, data/json",
    ),
    plain(
        "debian-dsa",
        Authority,
        &["debian:"],
        &[".list", "/list", ".jsonl", ".list.2025-02"],
        debian_dsa::read,
        "Debian's security advisories: DSA/list, DLA/list or JSON lines",
    ),
    plain(
        "redhat-csaf",
        Authority,
        &["rhel:"],
        JSON,
        csaf::read,
        "Red Hat's CSAF VEX documents and advisories",
    ),
    plain(
        "suse-csaf",
        Authority,
        &["sles:", "opensuse"],
        JSON,
        csaf::read,
        "SUSE's CSAF VEX documents and advisories",
    ),
    plain(
        "updateinfo",
        Authority,
        &["amzn:", "fedora:", "almalinux:", "rocky:"],
        &["updateinfo.xml"],
        updateinfo::read,
        "updateinfo.xml of an rpm repository: Amazon, Fedora, AlmaLinux, Rocky",
    ),
    plain(
        "almalinux-errata",
        Authority,
        &["almalinux:"],
        JSON,
        rpm_errata::read_alma,
        "AlmaLinux's errata.full.json",
    ),
    plain(
        "rocky-errata",
        Authority,
        &["rocky:"],
        JSON,
        rpm_errata::read_rocky,
        "Rocky's errata, Apollo API pages",
    ),
    plain("photon", Authority, &["photon:"], JSON, photon::read, "Photon OS's CVE data"),
    plain("arch", Authority, &["arch"], &[".json", "json"], arch::read, "Arch Linux's security tracker"),
    plain(
        "oval",
        Secondary,
        &["rhel:", "ol:", "sles:", "opensuse", "almalinux:", "photon:", "ubuntu:", "debian:"],
        &[".xml"],
        oval::read,
        "OVAL definitions of Red Hat, Oracle, SUSE, AlmaLinux, Photon, Ubuntu, Debian",
    ),
    plain("oracle-oval", Authority, &["ol:"], &[".xml"], oval::read, "Oracle Linux's OVAL definitions"),
    plain(
        "alpine-secdb",
        Authority,
        &["alpine:", "wolfi", "chainguard"],
        &[".json", ".yaml"],
        secdb::read,
        "fixes of Alpine, Wolfi and Chainguard packages",
    ),
    plain(
        "osv",
        Authority,
        &[],
        &[".json", ".yaml", ".yml"],
        osv::read,
        "Open Source Vulnerability format: GHSA, Go, PyPI, AlmaLinux, Ubuntu and all others",
    ),
    plain("rustsec", Authority, &["cargo"], &[".md"], rustsec::read, "RustSec's advisory-db"),
    plain("rubysec", Authority, &["gem"], &[".yml"], rubysec::read, "ruby-advisory-db"),
    plain(
        "friendsofphp",
        Authority,
        &["composer"],
        &[".yaml"],
        friendsofphp::read,
        "FriendsOfPHP's security-advisories",
    ),
    plain(
        "nodejs-wg",
        Secondary,
        &["npm", "generic"],
        JSON,
        nodejs_wg::read,
        "Node.js security working group: npm packages to 2019 and Node.js itself",
    ),
    plain("retire", Secondary, &["npm"], JSON, retire::read, "retire.js's JavaScript libraries"),
    plain(
        "gemnasium",
        Secondary,
        &[],
        &[".json", ".yml"],
        gemnasium::read,
        "GitLab's advisory database, only where a user brings it",
    ),
    plain(
        "ubuntu-tracker",
        Authority,
        &["ubuntu:"],
        &["^CVE-"],
        ubuntu_tracker::read,
        "Ubuntu's CVE tracker: a file per CVE in active, retired and ignored",
    ),
    plain(
        "fedora-bodhi",
        Secondary,
        &["fedora:", "rhel:"],
        JSON,
        bodhi::read,
        "Fedora's and EPEL's security updates",
    ),
    of_space(plain(
        "apt-changelog",
        Hint,
        &["debian:", "ubuntu:"],
        &["changelog"],
        apt_changelog::read,
        "fixes that a Debian package's changelog states",
    )),
    of_space(plain(
        "debian-changelog",
        Hint,
        &["debian:", "ubuntu:"],
        JSON,
        changelog_fixes::read,
        "fixes that package changelogs state, as JSON pairs",
    )),
    plain("nvd", Hint, &["generic"], JSON, nvd::read, "NVD: CVSS, weaknesses, CPE ranges of runtimes"),
    plain(
        "cve",
        Facts,
        &[],
        JSON,
        cve_record::read,
        "CVE records 5 and CISA's vulnrichment: CVSS, weaknesses, titles",
    ),
    plain("kev", Facts, &[], JSON, kev::read, "CISA's catalogue of known exploited vulnerabilities"),
    plain("epss", Facts, &[], &[".csv"], epss::read, "FIRST's exploit prediction scores"),
    plain("endoflife", Facts, &[], JSON, endoflife::read, "endoflife.date's release and support dates"),
];

/// The feed of this name.
pub fn feed(name: &str) -> Option<&'static Feed> {
    FEEDS.iter().find(|feed| feed.name == name)
}

/// Why an input cannot be imported at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// No feed has this name.
    #[error("`{0}` is not the name of a feed")]
    UnknownFeed(String),
    /// The feed's documents do not say which release they speak of.
    #[error("feed `{0}` must be told the release its documents speak of, for example `amzn:2023`")]
    SpaceMissing(&'static str),
    /// The path cannot be read.
    #[error("cannot read `{path}`")]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Feed {
    /// Reads a file, a directory or an archive of documents.
    ///
    /// # Errors
    /// When the path cannot be read or the feed needs a space; bad documents are gaps.
    pub fn import(
        &self,
        path: &Path,
        space: Option<&str>,
        out: &mut dyn FnMut(Item),
    ) -> Result<(), ImportError> {
        self.walk(space, out, |walk| walk.path(path))?
            .map_err(|source| ImportError::Unreadable { path: path.to_owned(), source })
    }

    /// Reads a document or an archive of documents that is in memory.
    ///
    /// # Errors
    /// When the feed needs a space; bad documents are gaps.
    pub fn import_bytes(
        &self,
        name: &str,
        bytes: &[u8],
        space: Option<&str>,
        out: &mut dyn FnMut(Item),
    ) -> Result<(), ImportError> {
        self.walk(space, out, |walk| walk.bytes(name, bytes))
    }

    /// Whether the feed reads documents of this name.
    pub fn reads(&self, name: &str) -> bool {
        let name = container::stem(name);
        let file = name.rsplit('/').next().unwrap_or(name);
        self.suffixes.iter().any(|suffix| match suffix.strip_prefix('^') {
            Some(start) => file.starts_with(start),
            None => name.ends_with(suffix),
        })
    }

    fn walk<T>(
        &self,
        space: Option<&str>,
        out: &mut dyn FnMut(Item),
        run: impl FnOnce(&mut Walk<'_>) -> T,
    ) -> Result<T, ImportError> {
        if self.wants_space && space.is_none() {
            return Err(ImportError::SpaceMissing(self.name));
        }
        let mut gaps = 0u64;
        let mut sink = |item: Item| match item {
            Item::Gap(gap) => {
                gaps += 1;
                if gaps <= limits::GAPS_MAX {
                    out(Item::Gap(gap));
                }
            }
            Item::Record(_) | Item::Enrichment(_) | Item::Support(_) => out(item),
        };
        let mut found = |found: Found<'_>| match found {
            Found::Document(name, bytes) => (self.read)(&Document { name, bytes, space }, &mut sink),
            Found::Gap(gap) => sink(Item::Gap(gap)),
        };
        let wants = |name: &str| self.reads(name) || container::is_archive(name);
        let result = run(&mut Walk::new(&wants, &mut found));
        if let Some(more) = gaps.checked_sub(limits::GAPS_MAX).filter(|more| *more > 0) {
            let reason = format!("{more} more parts of feed `{}` could not be read", self.name);
            out(Item::Gap(Gap::of_target(GapKind::Limit, reason)));
        }
        Ok(result)
    }
}

/// Reads a file, a directory or an archive of a feed's documents: see [`Feed::import`].
///
/// # Errors
/// As [`Feed::import`], and when no feed has this name.
pub fn import(
    feed_name: &str,
    path: &Path,
    space: Option<&str>,
    out: &mut dyn FnMut(Item),
) -> Result<(), ImportError> {
    let feed = feed(feed_name).ok_or_else(|| ImportError::UnknownFeed(feed_name.to_owned()))?;
    feed.import(path, space, out)
}

impl Document<'_> {
    /// A gap for a document that is not what its format says.
    fn malformed(&self, reason: impl std::fmt::Display) -> Item {
        Item::Gap(Gap::at(GapKind::Malformed, self.name, reason))
    }

    /// A gap for a part that is understood but not supported.
    fn unsupported(&self, reason: impl std::fmt::Display) -> Item {
        Item::Gap(Gap::at(GapKind::Unsupported, self.name, reason))
    }

    /// The document as text, without a byte order mark.
    fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(self.bytes))
    }

    /// The name after the last `/`, without its extension.
    fn base(&self) -> &str {
        let file = self.name.rsplit('/').next().unwrap_or(self.name);
        file.rsplit_once('.').map_or(file, |(base, _)| base)
    }
}

/// Who publishes an OSV document, by its id: `ghsa`, `pypi`; `osv` where the id does not tell.
pub(crate) fn publisher(id: &str) -> &'static str {
    osv::space::source(id)
}

/// The text of one document that may be compressed and is no feed: an index of a repository.
pub(crate) fn unpacked(name: &str, bytes: &[u8]) -> Option<String> {
    let mut text = None;
    let mut first = |found: Found<'_>| match found {
        Found::Document(_, bytes) if text.is_none() => {
            text = Some(String::from_utf8_lossy(bytes).into_owned())
        }
        Found::Document(..) | Found::Gap(_) => {}
    };
    Walk::new(&|_| true, &mut first).bytes(name, bytes);
    text
}
