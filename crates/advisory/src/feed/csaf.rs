//! CSAF 2.0 documents (<https://docs.oasis-open.org/csaf/csaf/v2.0/>) of Red Hat and SUSE: VEX per CVE and advisories.
//! Seen as samples: five VEX documents and advisories of Red Hat, four of SUSE.
//!
//! Products are resolved through `product_tree`: a component (package URL or file name) in a module
//! in a platform (CPE). Containers and platforms that are no distribution release are left out.

mod product;

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::{Document, Item, cve_id, limits, rating, rpm_fixes};
use crate::record::{Affected, KeyedBy, Range, Record, State};
use product::{Products, Resolved, Tree};

#[derive(Deserialize)]
struct Csaf {
    document: Head,
    #[serde(default)]
    product_tree: Tree,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    category: String,
    tracking: Tracking,
    #[serde(default)]
    publisher: Publisher,
}

#[derive(Deserialize)]
struct Tracking {
    id: String,
    #[serde(default)]
    initial_release_date: String,
    #[serde(default)]
    current_release_date: Option<String>,
}

#[derive(Deserialize, Default)]
struct Publisher {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Vulnerability {
    #[serde(default)]
    cve: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    cwe: Option<Cwe>,
    #[serde(default)]
    release_date: Option<String>,
    #[serde(default)]
    notes: Vec<Note>,
    #[serde(default)]
    references: Vec<Reference>,
    #[serde(default)]
    scores: Vec<Score>,
    #[serde(default)]
    threats: Vec<Threat>,
    #[serde(default)]
    remediations: Vec<Remediation>,
    #[serde(default)]
    product_status: ProductStatus,
}

#[derive(Deserialize)]
struct Cwe {
    id: String,
}

#[derive(Deserialize)]
struct Note {
    #[serde(default)]
    category: String,
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    url: String,
}

#[derive(Deserialize)]
struct Score {
    #[serde(default)]
    cvss_v4: Option<Cvss>,
    #[serde(default)]
    cvss_v3: Option<Cvss>,
    #[serde(default)]
    cvss_v2: Option<Cvss>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cvss {
    #[serde(default)]
    base_score: Option<f64>,
    #[serde(default)]
    vector_string: Option<String>,
}

#[derive(Deserialize)]
struct Threat {
    #[serde(default)]
    category: String,
    #[serde(default)]
    details: String,
}

#[derive(Deserialize)]
struct Remediation {
    category: String,
    #[serde(default)]
    details: String,
    #[serde(default)]
    product_ids: Vec<String>,
}

#[derive(Deserialize, Default)]
struct ProductStatus {
    #[serde(default)]
    fixed: Vec<String>,
    #[serde(default)]
    first_fixed: Vec<String>,
    #[serde(default)]
    recommended: Vec<String>,
    #[serde(default)]
    known_affected: Vec<String>,
    #[serde(default)]
    known_not_affected: Vec<String>,
    #[serde(default)]
    under_investigation: Vec<String>,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let csaf: Csaf = match serde_json::from_slice(document.bytes) {
        Ok(csaf) => csaf,
        Err(error) => return out(document.malformed(error)),
    };
    let products = Products::of(&csaf.product_tree);
    let source = if csaf.document.publisher.name.contains("SUSE") { "suse" } else { "redhat" };
    for vulnerability in &csaf.vulnerabilities {
        let Some(id) = vulnerability.cve.as_deref().filter(|id| cve_id::is_cve(id)) else { continue };
        let affected = vulnerability.affected(&products);
        if affected.is_empty() {
            continue;
        }
        let is_advisory =
            csaf.document.category == "csaf_security_advisory" || csaf.document.tracking.id != id;
        out(Item::Record(Record {
            id: id.to_owned(),
            advisory: is_advisory.then(|| csaf.document.tracking.id.clone()),
            modified: csaf.document.tracking.current_release_date.clone(),
            published: vulnerability.published(&csaf.document.tracking),
            affected,
            ..vulnerability.text(source)
        }));
    }
}

/// What products are grouped by: everything that identifies an [`Affected`] but version and architecture.
type Key = (String, String, KeyedByKey, Option<String>, State);
type KeyedByKey = bool;

#[derive(Default)]
struct Group {
    versions: Vec<String>,
    architectures: Vec<String>,
}

impl Vulnerability {
    fn affected(&self, products: &Products<'_>) -> Vec<Affected> {
        let states = self.unfixed_states();
        let mut groups: BTreeMap<Key, Group> = BTreeMap::new();
        let status = &self.product_status;
        for id in status.fixed.iter().chain(&status.first_fixed).chain(&status.recommended) {
            if let Some(resolved) = products.resolve(id, true) {
                add(&mut groups, resolved, State::Fixed);
            }
        }
        for id in &status.known_affected {
            let state = states.get(id.as_str()).copied().unwrap_or(State::NotFixed);
            if let Some(resolved) = products.resolve(id, false) {
                add(&mut groups, resolved, state);
            }
        }
        for (ids, state) in [
            (&status.known_not_affected, State::NotAffected),
            (&status.under_investigation, State::UnderInvestigation),
        ] {
            for id in ids {
                if let Some(resolved) = products.resolve(id, false) {
                    add(&mut groups, resolved, state);
                }
            }
        }
        groups.into_iter().filter_map(|(key, group)| group.affected(key)).collect()
    }

    /// Why products without a fix have none.
    fn unfixed_states(&self) -> HashMap<&str, State> {
        let mut states = HashMap::new();
        for remediation in &self.remediations {
            let details = remediation.details.to_ascii_lowercase();
            let state = match remediation.category.as_str() {
                "no_fix_planned" if details.contains("out of support") => State::EndOfLife,
                "no_fix_planned" if details.contains("defer") => State::Deferred,
                "no_fix_planned" => State::WillNotFix,
                "none_available" if details.contains("defer") => State::Deferred,
                "none_available" if details.contains("will not fix") => State::WillNotFix,
                "none_available" => State::NotFixed,
                _ => continue,
            };
            states.extend(remediation.product_ids.iter().map(|id| (id.as_str(), state)));
        }
        states
    }

    fn published(&self, tracking: &Tracking) -> Option<String> {
        let date = self.release_date.as_deref().unwrap_or(&tracking.initial_release_date);
        date.get(..10).map(str::to_owned)
    }

    /// Title, description, ratings, references.
    fn text(&self, source: &str) -> Record {
        let mut record = Record::default();
        let title = self.title.as_deref().unwrap_or_default();
        if !cve_id::is_cve(title) {
            record.title = title.chars().take(limits::TITLE_CHARS_MAX).collect();
        }
        let note = self.notes.iter().find(|note| matches!(note.category.as_str(), "description" | "summary"));
        record.description = note.map(|note| note.text.clone()).unwrap_or_default();
        record.references = self.references.iter().map(|reference| reference.url.clone()).collect();
        record.weaknesses = self.cwe.iter().map(|cwe| cwe.id.clone()).collect();
        for threat in self.threats.iter().filter(|threat| threat.category == "impact") {
            rating::push(&mut record.ratings, rating::of_word(source, &threat.details));
        }
        for score in &self.scores {
            for cvss in [&score.cvss_v4, &score.cvss_v3, &score.cvss_v2].into_iter().flatten() {
                let vector = cvss.vector_string.as_deref();
                let rating = cvss.base_score.and_then(|score| rating::of_score(source, score, vector));
                rating::push(&mut record.ratings, rating);
            }
        }
        record
    }
}

fn add(groups: &mut BTreeMap<Key, Group>, resolved: Resolved, state: State) {
    let key = (resolved.space, resolved.name, resolved.by_source, resolved.module, state);
    let group = groups.entry(key).or_default();
    group.versions.extend(resolved.version);
    group.architectures.extend(resolved.architecture);
}

impl Group {
    fn affected(self, (space, name, by_source, module, state): Key) -> Option<Affected> {
        let ranges = match state {
            // A fix whose version is not told tells nothing.
            State::Fixed if self.versions.is_empty() => return None,
            State::Fixed => rpm_fixes::ranges(self.versions),
            State::NotAffected => Vec::new(),
            State::NotFixed
            | State::Deferred
            | State::WillNotFix
            | State::UnderInvestigation
            | State::EndOfLife
            | State::Undetermined => vec![Range::default()],
        };
        Some(Affected {
            space,
            name,
            keyed_by: if by_source { KeyedBy::Source } else { KeyedBy::Binary },
            module,
            architectures: rpm_fixes::restriction(self.architectures),
            state,
            ranges,
            ..Affected::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;
    use seawall_finding::Severity;

    #[test]
    fn red_hats_vex_samples() {
        let path = "fetch/redhat/vex/v1/testdata/fixtures/csaf_vex_2024-08-04";
        let Some(read) = testdata::import("redhat-csaf", "feed-formats", path) else { return };
        assert_eq!(read.gaps, []);
        assert_eq!(
            read.about("rhel:9", "thunderbird"),
            ["CVE-2023-6212 rhel:9 thunderbird Fixed [0, 115.5.0-1.el9_3)"]
        );
        assert_eq!(
            read.about("rhel:9:eus-9.2", "firefox-x11"),
            ["CVE-2023-6212 rhel:9:eus-9.2 firefox-x11 Fixed [0, 115.5.0-1.el9_2)"]
        );
        assert_eq!(read.about("rhel:6", "firefox"), ["CVE-2023-6212 rhel:6 firefox EndOfLife [0, …)"]);
        assert_eq!(
            read.about("rhel:8", "compat-libtiff3"),
            ["CVE-2023-6228 rhel:8 compat-libtiff3 WillNotFix [0, …)"]
        );
        // By source it is not fixed, by binary it is: Red Hat builds it from `kernel` now.
        let realtime = read.about("rhel:9", "kernel-rt");
        assert!(
            realtime.contains(&"CVE-2023-6240 rhel:9 kernel-rt NotFixed [0, …)".to_owned()),
            "{realtime:?}"
        );
        assert_eq!(
            read.about("rhel:9", "openssl"),
            ["CVE-2023-6237 rhel:9 openssl Fixed [0, 1:3.0.7-27.el9)"]
        );
        let firefox = read.record("CVE-2023-6212");
        assert_eq!(firefox.ratings[0].severity, Severity::High);
    }

    #[test]
    fn suses_samples() {
        let Some(read) =
            testdata::import("suse-csaf", "feed-formats", "fetch/suse/csaf_vex/testdata/fixtures/")
        else {
            return;
        };
        assert_eq!(read.gaps, []);
        let tumbleweed = read.about("opensuse-tumbleweed", "ctdb");
        assert_eq!(
            tumbleweed,
            ["CVE-2023-5568 opensuse-tumbleweed ctdb Fixed [0, 4.19.2+git.322.7e9201cef5-1.1)"]
        );
        assert_eq!(read.about("sles:15.4", "libdcerpc-binding0-32bit"), Vec::<String>::new());
        assert_eq!(read.about("sle-micro:5.5", "samba"), ["CVE-2023-5568 sle-micro:5.5 samba NotAffected"]);
        let Some(read) = testdata::import("suse-csaf", "feed-formats", "fetch/suse/csaf/testdata/fixtures/")
        else {
            return;
        };
        assert_eq!(
            read.record_of("CVE-2012-1667", "SUSE-SU-2015:0011-2")
                .affected
                .iter()
                .find(|a| a.name == "bind")
                .map(testdata::line)
                .as_deref(),
            Some("sles:11.2 bind on i586+ia64+ppc64+s390x+x86_64 Fixed [0, 9.9.4P2-0.6.1)")
        );
    }
}
