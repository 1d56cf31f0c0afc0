//! Open Source Vulnerability format 1.7 (<https://ossf.github.io/osv-schema/>), JSON and YAML: GHSA, Go, PyPI,
//! crates.io, malicious packages, AlmaLinux, Rocky, Ubuntu, Debian, SUSE and every other database that speaks it.
//!
//! Seen whole: AlmaLinux 8–10, Go, PyPI (YAML), 369 Maven records of GHSA. As samples: Ubuntu, Debian, Alpine, Rocky,
//! Red Hat, SUSE, npm, NuGet, Packagist, crates.io.
//!
//! Withdrawn documents are dropped. A distribution's document about several CVEs becomes one record per
//! CVE; of lists of versions, those are kept that no range says.

mod events;
pub(super) mod space;

use std::cmp::Ordering;

use seawall_finding::Rating;
use serde::Deserialize;
use serde_json::Value;

use super::{Document, Item, cve_id, limits, rating};
use crate::Order;
use crate::record::{Affected, Bound, KeyedBy, Range, Record, State};
use space::Space;

#[derive(Deserialize)]
struct Osv {
    id: String,
    #[serde(default)]
    modified: Option<String>,
    #[serde(default)]
    published: Option<String>,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default)]
    aliases: Option<Vec<String>>,
    #[serde(default)]
    upstream: Option<Vec<String>>,
    #[serde(default)]
    related: Option<Vec<String>>,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    details: Option<String>,
    #[serde(default)]
    severity: Option<Vec<OsvSeverity>>,
    #[serde(default)]
    affected: Option<Vec<OsvAffected>>,
    #[serde(default)]
    references: Option<Vec<Reference>>,
    #[serde(default)]
    database_specific: Option<Specific>,
}

#[derive(Deserialize)]
struct OsvSeverity {
    #[serde(rename = "type")]
    kind: String,
    score: String,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    url: String,
}

#[derive(Deserialize)]
struct OsvAffected {
    #[serde(default)]
    package: Option<OsvPackage>,
    #[serde(default)]
    ranges: Option<Vec<OsvRange>>,
    #[serde(default)]
    versions: Option<Vec<String>>,
    #[serde(default)]
    severity: Option<Vec<OsvSeverity>>,
    #[serde(default)]
    ecosystem_specific: Option<Specific>,
    #[serde(default)]
    database_specific: Option<Specific>,
}

#[derive(Deserialize)]
struct OsvPackage {
    ecosystem: String,
    name: String,
    #[serde(default)]
    purl: Option<String>,
}

#[derive(Deserialize)]
struct OsvRange {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    events: Vec<events::Event>,
}

/// The free-form parts of all databases that carry something we use. Types differ by database, so
/// whatever is not the expected type is ignored.
#[derive(Default, Deserialize)]
struct Specific {
    /// GHSA, Bitnami, …: a word.
    #[serde(default)]
    severity: Value,
    /// Debian: a word or a state.
    #[serde(default)]
    urgency: Value,
    /// Ubuntu.
    #[serde(default)]
    ubuntu_priority: Value,
    /// Ubuntu Pro: which subscription has the fix.
    #[serde(default)]
    availability: Value,
    /// GHSA.
    #[serde(default)]
    cwe_ids: Value,
    /// GHSA: `<= 1.2.3`, where no version is fixed.
    #[serde(default)]
    last_known_affected_version_range: Value,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let is_yaml = document.name.ends_with(".yaml") || document.name.ends_with(".yml");
    if is_yaml {
        return match serde_saphyr::from_str::<Osv>(&document.text()) {
            Ok(osv) => osv.items(document, out),
            Err(error) => out(document.malformed(error)),
        };
    }
    match document.bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        // Lists of documents; archives also hold lists of ids (`[{"id":…,"modified":…}]`), which say nothing.
        Some(b'[') => match serde_json::from_slice::<Vec<Value>>(document.bytes) {
            Ok(values) => {
                for value in values {
                    one(document, serde_json::from_value(value), out);
                }
            }
            Err(error) => out(document.malformed(error)),
        },
        // One document, or one a line.
        _ => {
            for osv in serde_json::Deserializer::from_slice(document.bytes).into_iter::<Osv>() {
                let failed = osv.is_err();
                one(document, osv, out);
                if failed {
                    return;
                }
            }
        }
    }
}

fn one(document: &Document<'_>, osv: Result<Osv, serde_json::Error>, out: &mut dyn FnMut(Item)) {
    match osv {
        Ok(osv) => osv.items(document, out),
        Err(error) => out(document.malformed(error)),
    }
}

impl Osv {
    fn items(self, document: &Document<'_>, out: &mut dyn FnMut(Item)) {
        if self.withdrawn.is_some() {
            return;
        }
        let source = space::source(&self.id);
        let mut affected = Vec::new();
        let mut distribution = false;
        let mut ratings = self.own_ratings(source);
        for part in self.affected.as_deref().unwrap_or_default() {
            let Some(package) = &part.package else { continue };
            let place = match space::of(&package.ecosystem, package.purl.as_deref()) {
                space::Known::Space(place) => place,
                space::Known::NotApplicable => continue,
                space::Known::Unknown => {
                    out(document.unsupported(format_args!("ecosystem `{}` is not known", package.ecosystem)));
                    continue;
                }
            };
            distribution |= place.ecosystem.is_distribution();
            for severity in part.severity.iter().flatten() {
                rating::push(&mut ratings, severity.rating(source));
            }
            part.add_to(&place, package, &mut affected);
        }
        if affected.is_empty() {
            return;
        }
        let record = Record {
            published: self.published.as_deref().and_then(|time| time.get(..10)).map(str::to_owned),
            modified: self.modified.clone().filter(|time| !time.starts_with("0001-")),
            title: title(self.summary.as_deref().unwrap_or_default()),
            description: self.details.clone().unwrap_or_default(),
            references: self.references.iter().flatten().map(|reference| reference.url.clone()).collect(),
            ratings,
            weaknesses: strings(self.database_specific.as_ref().map(|specific| &specific.cwe_ids)),
            affected,
            ..Record::default()
        };
        if distribution { self.by_problem(record, out) } else { self.by_document(record, out) }
    }

    /// One record under the document's own id: language ecosystems.
    fn by_document(self, record: Record, out: &mut dyn FnMut(Item)) {
        let mut aliases = self.aliases.unwrap_or_default();
        aliases.extend(self.upstream.unwrap_or_default());
        aliases.retain(|alias| *alias != self.id);
        out(Item::Record(Record { id: self.id, aliases, ..record }));
    }

    /// One record per CVE: distributions. Without one, the document is about a problem that has no CVE,
    /// or about none at all (`ALBA`, `ALEA`: bugs and enhancements).
    fn by_problem(self, record: Record, out: &mut dyn FnMut(Item)) {
        let problems = self.problems(&record);
        if problems.is_empty() {
            let ordinary = ["ALBA-", "ALEA-", "RLBA-", "RLEA-", "RHBA-", "RHEA-"];
            if !ordinary.iter().any(|prefix| self.id.starts_with(prefix)) {
                self.by_document(record, out);
            }
            return;
        }
        for id in problems.into_iter().take(limits::PROBLEMS_MAX) {
            let advisory = Some(self.id.clone()).filter(|advisory| *advisory != id);
            out(Item::Record(Record { id, advisory, ..record.clone() }));
        }
    }

    fn problems(&self, record: &Record) -> Vec<String> {
        if let Some(cve) = cve_id::cve_of(&self.id) {
            return vec![cve.to_owned()];
        }
        for ids in [&self.upstream, &self.aliases, &self.related] {
            let mut cves: Vec<String> =
                ids.iter().flatten().filter_map(|id| cve_id::cve_of(id)).map(str::to_owned).collect();
            cves.sort();
            cves.dedup();
            if !cves.is_empty() {
                return cves;
            }
        }
        let mut cves: Vec<String> = record.references.iter().flat_map(|url| cve_id::cves_in(url)).collect();
        cves.sort();
        cves.dedup();
        cves
    }

    fn own_ratings(&self, source: &str) -> Vec<Rating> {
        let mut ratings = Vec::new();
        for severity in self.severity.iter().flatten() {
            rating::push(&mut ratings, severity.rating(source));
        }
        let word = self.database_specific.as_ref().and_then(|specific| specific.severity.as_str());
        // Red Hat's rebuilds write their word in front of the summary: `Important: pcs security update`.
        let before_colon =
            self.summary.as_deref().and_then(|summary| summary.split_once(": ")).map(|(word, _)| word);
        let word = word.or(before_colon.filter(|_| matches!(source, "almalinux" | "rocky" | "redhat")));
        if ratings.is_empty() || source != "ghsa" {
            rating::push(&mut ratings, word.and_then(|word| rating::of_word(source, word)));
        }
        ratings
    }
}

impl OsvSeverity {
    fn rating(&self, source: &str) -> Option<Rating> {
        if self.kind.starts_with("CVSS_") {
            rating::of_vector(source, &self.score)
        } else {
            rating::of_word(source, &self.score)
        }
    }
}

/// Whether a range says by itself that a version is affected: such a version need not be listed.
fn contains(range: &Range, version: &str, order: Order) -> bool {
    let compared = |bound: &str| order.compare(version, bound);
    let from = range.introduced.as_deref().filter(|from| *from != "0" && !from.is_empty());
    let is_below = match &range.until {
        Bound::Fixed(fixed) => compared(fixed) == Some(Ordering::Less),
        Bound::LastAffected(last) => matches!(compared(last), Some(Ordering::Less | Ordering::Equal)),
        Bound::Open => order.parses(version),
    };
    is_below && from.is_none_or(|from| matches!(compared(from), Some(Ordering::Greater | Ordering::Equal)))
}

impl OsvAffected {
    fn add_to(&self, place: &Space, package: &OsvPackage, affected: &mut Vec<Affected>) {
        let mut ranges: Vec<Range> = Vec::new();
        let mut published = false;
        let usable = |range: &&OsvRange| range.kind != "GIT" && !range.events.is_empty();
        for range in self.ranges.iter().flatten().filter(usable) {
            let read = events::ranges(&range.events, place.order());
            published |= read.published;
            ranges.extend(read.ranges);
        }
        let has_range = self.ranges.iter().flatten().any(|range| usable(&range));
        let mut versions = self.versions.clone().unwrap_or_default();
        versions.retain(|version| !ranges.iter().any(|range| contains(range, version, place.order())));
        if ranges.iter().all(|range| range.until == Bound::Open) {
            self.end_at_last_known(&mut ranges);
        }
        ranges.truncate(limits::RANGES_MAX);
        let state = self.state(has_range, published, &ranges, &versions);
        if state == State::NotAffected {
            ranges.clear();
            versions.clear();
        }
        affected.push(Affected {
            space: self.space(place),
            name: space::name(place, &package.name),
            keyed_by: if place.by_source { KeyedBy::Source } else { KeyedBy::Binary },
            module: None,
            architectures: Vec::new(),
            state,
            ranges,
            versions,
            severity: self.word().and_then(rating::severity),
        });
    }

    fn state(&self, has_range: bool, published: bool, ranges: &[Range], versions: &[String]) -> State {
        if has_range && ranges.is_empty() {
            // Fixed before the first version: `introduced 0, fixed 0`.
            State::NotAffected
        } else if !has_range && versions.is_empty() {
            // Commits only: which versions have them is not said.
            State::Undetermined
        } else if self.word() == Some("end-of-life") {
            State::EndOfLife
        } else if published {
            State::Fixed
        } else {
            State::NotFixed
        }
    }

    /// GHSA states the last version known to be affected where none is fixed.
    fn end_at_last_known(&self, ranges: &mut [Range]) {
        let specific =
            self.database_specific.as_ref().map(|specific| &specific.last_known_affected_version_range);
        let Some(text) = specific.and_then(Value::as_str) else { return };
        let Some(last) = ranges.last_mut() else { return };
        if let Some(version) = text.trim().strip_prefix("<=") {
            last.until = Bound::LastAffected(version.trim().to_owned());
        } else if let Some(version) = text.trim().strip_prefix('<') {
            last.until = Bound::Fixed(version.trim().to_owned());
        }
    }

    fn word(&self) -> Option<&str> {
        let specifics = [self.ecosystem_specific.as_ref(), self.database_specific.as_ref()];
        specifics.into_iter().flatten().find_map(|specific| {
            [&specific.ubuntu_priority, &specific.urgency, &specific.severity]
                .into_iter()
                .find_map(|v| v.as_str())
        })
    }

    /// Ubuntu Pro has two streams; which one is said by the availability.
    fn space(&self, place: &Space) -> String {
        if !place.space.ends_with(":esm") {
            return place.space.clone();
        }
        let availability =
            self.ecosystem_specific.as_ref().and_then(|specific| specific.availability.as_str());
        let stream =
            if availability.is_some_and(|text| text.contains("Infra-only")) { "infra" } else { "apps" };
        format!("{}-{stream}", place.space)
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn title(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(limits::TITLE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testdata::{self, line};

    fn affected(read: &testdata::Read) -> usize {
        read.records.iter().map(|record| record.affected.len()).sum()
    }

    #[test]
    fn almalinux_whole() {
        let Some(read) = testdata::import("osv", "advisories", "almalinux/") else { return };
        assert_eq!((read.records.len(), affected(&read), read.gaps.len()), (16_763, 271_234, 0));
        let pcs = read.record_of("CVE-2022-29970", "ALSA-2022:4587");
        assert_eq!(line(&pcs.affected[1]), "almalinux:9 pcs-snmp Fixed [0, 0.11.1-10.el9)");
        assert_eq!(pcs.ratings[0].severity, seawall_finding::Severity::High);
    }

    #[test]
    fn go_whole() {
        let Some(read) = testdata::import("osv", "advisories", "go/") else { return };
        assert_eq!((read.records.len(), affected(&read), read.gaps.len()), (4_274, 6_106, 0));
        let gin = read.record("GO-2021-0052");
        assert_eq!(line(&gin.affected[0]), "golang github.com/gin-gonic/gin Fixed [0, 1.7.7)");
        assert_eq!(gin.aliases, ["CVE-2020-28483", "GHSA-h395-qcrw-5vmq"]);
        assert!(read.records.iter().any(|record| record.affected.iter().any(|a| a.name == "stdlib")));
    }

    #[test]
    fn pypi_whole_as_yaml() {
        let Some(read) = testdata::import("osv", "advisories", "pypi/") else { return };
        // 7,080 documents, 269 of them withdrawn.
        assert_eq!((read.records.len(), read.gaps.len()), (6_811, 0), "{:?}", read.gaps.first());
        let datahub = read.record("PYSEC-2026-252");
        assert_eq!(line(&datahub.affected[0]), "pypi acryl-datahub Fixed [0, 0.8.45)");
        assert_eq!(datahub.published.as_deref(), Some("2026-06-29"));
    }

    #[test]
    fn samples_of_ghsa_and_others() {
        let Some(read) = testdata::import("osv", "advisories", "osv-samples/") else { return };
        // 447 documents: 23 name no package, 2 are OSS-Fuzz's, one has only made-up ecosystems.
        assert_eq!((read.records.len(), read.gaps.len()), (421, 11), "{:?}", read.gaps);
    }

    fn check(part: &str, space: &str, name: &str, expected: &str) {
        let path = format!("fetch/{part}/osv/testdata/fixtures/");
        let Some(read) = testdata::import("osv", "feed-formats", &path) else { return };
        assert_eq!(read.gaps, [], "{part}");
        assert_eq!(read.about(space, name).first().map(String::as_str), Some(expected), "{part}");
    }

    #[test]
    fn samples_of_distributions_in_their_archives() {
        check("rocky", "rocky:9", "bcel", "CVE-2022-42920 rocky:9 bcel Fixed [0, 0:6.4.1-9.el9_1)");
        check(
            "rocky",
            "rocky:8:sig-cloud",
            "kernel",
            "CVE-2022-2964 rocky:8:sig-cloud kernel Fixed [0, 0:4.18.0-425.10.1.el8_7.cloud)",
        );
        check(
            "redhat",
            "rhel:9:eus-9.2",
            "podman",
            "CVE-2024-9675 rhel:9:eus-9.2 podman Fixed [0, 2:4.4.1-21.el9_2)",
        );
        check("suse", "sled:12.0", "libqt4", "CVE-2006-7250 sled:12.0 libqt4 Fixed [0, 4.8.6-7.1)");
        check(
            "ubuntu",
            "ubuntu:20.04",
            "rabbitmq-server",
            "CVE-2024-51988 ubuntu:20.04 rabbitmq-server Fixed [0, 3.8.3-0ubuntu0.1)",
        );
        check("alpine", "alpine:3.18", "openvpn", "CVE-2023-46850 alpine:3.18 openvpn Fixed [0, 2.6.7-r0)");
        check(
            "debian",
            "debian:6",
            "gnutls26",
            "CVE-2014-3466 debian:6 gnutls26 Fixed [0, 2.8.6-1+squeeze4)",
        );
        check("npm", "npm", "jsrsasign", "GHSA-xxxq-chmp-67g4 npm jsrsasign Fixed [0, 8.0.18)");
        check(
            "npm",
            "npm",
            "@hyperion-util/cookies",
            "MAL-2023-1 npm @hyperion-util/cookies NotFixed =77.77.79",
        );
        check(
            "nuget",
            "nuget",
            "Microsoft.WindowsDesktop.App.Runtime.win-x64",
            "GHSA-2c7v-qcjp-4mg2 nuget Microsoft.WindowsDesktop.App.Runtime.win-x64 Fixed [3.1.0, 3.1.32)",
        );
    }
}
