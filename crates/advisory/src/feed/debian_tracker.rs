//! Debian's security tracker, <https://security-tracker.debian.org/tracker/data/json>: source package → CVE →
//! releases. Seen as a sample of two packages; states as the tracker's `lib/python/security_db.py` writes them.
//!
//! A fix that is in no pocket of the release yet (`repositories`) is not published: the range ends there, but the
//! state stays "not fixed". Releases out of support vanish from the document; what an older database knew of
//! them is for the database to keep.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use seawall_finding::Severity;
use serde::Deserialize;

use super::{Document, Item, debian_release, json, rating};
use crate::Order;
use crate::record::{Affected, Bound, KeyedBy, Range, Record, State};

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    description: String,
    #[serde(default)]
    releases: BTreeMap<String, Release>,
}

#[derive(Deserialize)]
struct Release {
    status: String,
    #[serde(default)]
    repositories: BTreeMap<String, String>,
    #[serde(default)]
    fixed_version: Option<String>,
    #[serde(default)]
    urgency: String,
    #[serde(default)]
    nodsa: Option<String>,
    #[serde(default)]
    nodsa_reason: Option<String>,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let mut each = |package: String, problems: BTreeMap<String, Problem>| {
        for (id, problem) in problems {
            out(Item::Record(problem.record(&package, id)));
        }
    };
    if let Err(error) = json::each_entry(document.bytes, &mut each) {
        out(document.malformed(error));
    }
}

impl Problem {
    fn record(self, package: &str, id: String) -> Record {
        let affected = self.releases.iter().map(|(name, release)| release.affected(name, package)).collect();
        Record {
            references: vec![format!("https://security-tracker.debian.org/tracker/{id}")],
            id,
            description: self.description,
            affected,
            ..Record::default()
        }
    }
}

impl Release {
    fn affected(&self, release: &str, package: &str) -> Affected {
        let (state, ranges) = self.state();
        Affected {
            space: debian_release::space(release),
            name: package.to_owned(),
            keyed_by: KeyedBy::Source,
            state,
            ranges,
            severity: self.severity(),
            ..Affected::default()
        }
    }

    fn state(&self) -> (State, Vec<Range>) {
        let all = || vec![Range::default()];
        match (self.status.as_str(), self.fixed_version.as_deref()) {
            ("resolved", Some("0")) => (State::NotAffected, Vec::new()),
            ("resolved" | "open", Some(fixed)) if fixed != "0" => {
                let ranges = vec![Range { introduced: None, until: Bound::Fixed(fixed.to_owned()) }];
                (if self.is_published(fixed) { State::Fixed } else { State::NotFixed }, ranges)
            }
            ("open", _) => (self.open_state(), all()),
            // `resolved` without a version, `undetermined`, and words of the future.
            _ => (State::Undetermined, all()),
        }
    }

    fn open_state(&self) -> State {
        let said = |word: &str| {
            let is = |text: &Option<String>| text.as_deref().is_some_and(|text| text.contains(word));
            is(&self.nodsa_reason)
        };
        let dropped = self.nodsa.as_deref().is_some_and(|text| {
            let text = text.to_ascii_lowercase();
            text.contains("end-of-life") || text.contains("end of life") || text.starts_with("eol")
        });
        if self.urgency.starts_with("end-of-life") || dropped || said("end-of-life") {
            State::EndOfLife
        } else if said("ignored") {
            State::WillNotFix
        } else if said("postponed") {
            State::Deferred
        } else {
            State::NotFixed
        }
    }

    /// Whether some pocket of the release has a version that is not older. A release without pockets
    /// says nothing about publication.
    fn is_published(&self, fixed: &str) -> bool {
        let reached = |version: &String| Order::Deb.compare(version, fixed) != Some(Ordering::Less);
        self.repositories.is_empty() || self.repositories.values().any(reached)
    }

    /// `unimportant`, `low**` (by the tracker's own judgement), `not yet assigned`.
    fn severity(&self) -> Option<Severity> {
        rating::severity(self.urgency.trim_end_matches('*'))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;
    use super::*;

    #[test]
    fn the_sample() {
        let path = "fetch/debian/tracker/api/testdata/fixtures/advisory.json";
        let Some(read) = testdata::import("debian-tracker", "feed-formats", path) else { return };
        assert_eq!((read.records.len(), read.gaps.len()), (4, 0));
        assert_eq!(
            read.about("debian:11", "389-ds-base"),
            [
                "CVE-2012-0833 debian:11 389-ds-base NotAffected",
                "CVE-2016-5405 debian:11 389-ds-base Fixed [0, 1.3.5.15-1)",
                "CVE-2016-5416 debian:11 389-ds-base WillNotFix [0, …)",
            ]
        );
        assert_eq!(
            read.about("debian:sid", "wordpress"),
            ["TEMP-0000000-0CA7E3 debian:sid wordpress NotAffected"]
        );
        let unimportant = &read.record("CVE-2012-0833").affected[0];
        assert_eq!(unimportant.severity, Some(Severity::Negligible));
    }

    fn check(release: &str, expected: &str) {
        let text = format!(r#"{{"p":{{"CVE-2024-0001":{{"releases":{{"bookworm":{release}}}}}}}}}"#);
        let read = testdata::bytes("debian-tracker", "json", text.as_bytes(), None);
        assert_eq!(
            read.about("debian:12", "p"),
            [format!("CVE-2024-0001 debian:12 p {expected}")],
            "{release}"
        );
    }

    #[test]
    fn states() {
        check(r#"{"status":"open","urgency":"low"}"#, "NotFixed [0, …)");
        check(
            r#"{"status":"open","urgency":"low","nodsa":"Minor issue","nodsa_reason":""}"#,
            "NotFixed [0, …)",
        );
        check(r#"{"status":"open","nodsa":"Minor issue","nodsa_reason":"postponed"}"#, "Deferred [0, …)");
        check(r#"{"status":"open","nodsa":"Minor issue","nodsa_reason":"ignored"}"#, "WillNotFix [0, …)");
        check(r#"{"status":"open","urgency":"end-of-life"}"#, "EndOfLife [0, …)");
        check(
            r#"{"status":"open","nodsa":"EOL in bookworm LTS","nodsa_reason":"ignored"}"#,
            "EndOfLife [0, …)",
        );
        check(r#"{"status":"undetermined","urgency":"not yet assigned"}"#, "Undetermined [0, …)");
        check(r#"{"status":"resolved","fixed_version":"0"}"#, "NotAffected");
        check(r#"{"status":"resolved"}"#, "Undetermined [0, …)");
        check(
            r#"{"status":"resolved","fixed_version":"2-1","repositories":{"bookworm":"1-1","bookworm-security":"2-1"}}"#,
            "Fixed [0, 2-1)",
        );
        check(
            r#"{"status":"resolved","fixed_version":"2-1","repositories":{"bookworm":"1-1"}}"#,
            "NotFixed [0, 2-1)",
        );
    }

    #[test]
    fn a_broken_document_is_a_gap_and_what_was_read_stays() {
        let text = br#"{"p":{"CVE-2024-0001":{"releases":{"sid":{"status":"open"}}}},"q":"#;
        let read = testdata::bytes("debian-tracker", "json", text, None);
        assert_eq!((read.records.len(), read.gaps.len()), (1, 1));
    }
}
