//! Debian's security advisories (DSA, DLA): the security tracker's `data/DSA/list` and `data/DLA/list`
//! (<https://salsa.debian.org/security-tracker-team/security-tracker>, doc/security-team.d.o) and the same as
//! JSON lines. Both seen whole (DSA and DLA of 1997 to 2026-08).
//!
//! One record per CVE with the advisory's id in `advisory`; an advisory without CVE stands under its own id.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Document, Item, cve_id, debian_release};
use crate::record::{Affected, Bound, KeyedBy, Range, Record, State};

/// An advisory in either form.
#[derive(Deserialize)]
struct Advisory {
    id: String,
    #[serde(default)]
    date: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    cves: Vec<String>,
    /// Release → source → version or `<state>`.
    #[serde(default)]
    fixed: BTreeMap<String, BTreeMap<String, String>>,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let text = document.text();
    if text.trim_start().starts_with('{') {
        json_lines(document, &text, out);
    } else {
        list(document, &text, out);
    }
}

fn json_lines(document: &Document<'_>, text: &str, out: &mut dyn FnMut(Item)) {
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str::<Advisory>(line) {
            Ok(advisory) => advisory.records(out),
            Err(error) => out(document.malformed(format_args!("line {}: {error}", index + 1))),
        }
    }
}

/// ```text
/// [12 Feb 2025] DSA-5865-1 webkit2gtk - security update
/// <tab>{CVE-2025-24143 CVE-2025-24150}
/// <tab>[bookworm] - webkit2gtk 2.46.6-1~deb12u1
/// ```
fn list(document: &Document<'_>, text: &str, out: &mut dyn FnMut(Item)) {
    let mut current: Option<Advisory> = None;
    for (index, line) in text.lines().enumerate() {
        if let Some(head) = line.strip_prefix('[') {
            if let Some(done) = current.take() {
                done.records(out);
            }
            current = header(head);
            if current.is_none() {
                out(document
                    .malformed(format_args!("line {} is not the first line of an advisory", index + 1)));
            }
            continue;
        }
        let Some(advisory) = &mut current else { continue };
        let line = line.trim();
        if let Some(cves) = line.strip_prefix('{') {
            advisory.cves.extend(cve_id::cves_in(cves));
        } else if let Some((release, source, version)) = fix(line) {
            let sources = advisory.fixed.entry(release.to_owned()).or_default();
            sources.insert(source.to_owned(), version.to_owned());
        } else if !(line.is_empty() || line.starts_with("NOTE:") || line.starts_with("TODO:")) {
            out(document.malformed(format_args!("line {} of {} is not understood", index + 1, advisory.id)));
        }
    }
    if let Some(done) = current {
        done.records(out);
    }
}

/// `12 Feb 2025] DSA-5865-1 webkit2gtk - security update`
fn header(text: &str) -> Option<Advisory> {
    let (date, rest) = text.split_once(']')?;
    let (id, rest) = rest.trim().split_once(char::is_whitespace)?;
    let rest = rest.trim();
    let (source, summary) = rest.split_once(" - ").unwrap_or((rest, ""));
    Some(Advisory {
        id: id.to_owned(),
        date: date.trim().to_owned(),
        source: source.trim().to_owned(),
        summary: summary.trim().to_owned(),
        cves: Vec::new(),
        fixed: BTreeMap::new(),
    })
}

/// `[bookworm] - webkit2gtk 2.46.6-1~deb12u1`, with a remark in parentheses after it.
fn fix(line: &str) -> Option<(&str, &str, &str)> {
    let (release, rest) = line.strip_prefix('[')?.split_once(']')?;
    let mut words = rest.trim().strip_prefix('-')?.split_whitespace();
    Some((release, words.next()?, words.next()?))
}

impl Advisory {
    fn records(self, out: &mut dyn FnMut(Item)) {
        let affected: Vec<Affected> = self
            .fixed
            .iter()
            .flat_map(|(release, sources)| {
                sources.iter().map(move |(source, version)| (release, source, version))
            })
            .filter_map(|(release, source, version)| affected(release, source, version))
            .collect();
        if affected.is_empty() {
            return;
        }
        let mut cves: Vec<&String> = self.cves.iter().filter(|id| cve_id::is_cve(id)).collect();
        cves.sort();
        cves.dedup();
        let title = match (self.source.as_str(), self.summary.as_str()) {
            (source, "") => source.to_owned(),
            ("", summary) => summary.to_owned(),
            (source, summary) => format!("{source}: {summary}"),
        };
        let record = Record {
            id: self.id.clone(),
            published: date(&self.date),
            title,
            references: vec![format!("https://security-tracker.debian.org/tracker/{}", self.id)],
            affected,
            ..Record::default()
        };
        if cves.is_empty() {
            return out(Item::Record(record));
        }
        for cve in cves {
            let record = Record { id: cve.clone(), advisory: Some(self.id.clone()), ..record.clone() };
            out(Item::Record(record));
        }
    }
}

fn affected(release: &str, source: &str, version: &str) -> Option<Affected> {
    let (state, ranges) = match version {
        "<not-affected>" | "0" => (State::NotAffected, Vec::new()),
        "<unfixed>" => (State::NotFixed, vec![Range::default()]),
        "<end-of-life>" => (State::EndOfLife, vec![Range::default()]),
        "<ignored>" => (State::WillNotFix, vec![Range::default()]),
        "<postponed>" | "<no-dsa>" => (State::Deferred, vec![Range::default()]),
        "<undetermined>" => (State::Undetermined, vec![Range::default()]),
        version if version.starts_with(|c: char| c.is_ascii_digit()) => {
            (State::Fixed, vec![Range { introduced: None, until: Bound::Fixed(version.to_owned()) }])
        }
        // One line of 2002 names a second package where the version belongs.
        _ => return None,
    };
    Some(Affected {
        space: debian_release::space(release),
        name: source.to_owned(),
        keyed_by: KeyedBy::Source,
        state,
        ranges,
        ..Affected::default()
    })
}

/// `02 Jun 2014` → `2014-06-02`; what is written so already stays.
fn date(text: &str) -> Option<String> {
    let is_iso = |text: &str| {
        let shape = text.bytes().map(|byte| if byte.is_ascii_digit() { b'9' } else { byte });
        shape.eq(*b"9999-99-99")
    };
    if is_iso(text.trim()) {
        return Some(text.trim().to_owned());
    }
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_whitespace();
    let day: u8 = words.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|name| month.starts_with(name))? + 1;
    let year: u16 = words.next()?.parse().ok()?;
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn all_advisories_to_2026_08() {
        let Some(read) = testdata::import("debian-dsa", "advisories", "debian/debian-dsa-dla") else {
            return;
        };
        assert_eq!((read.records.len(), read.gaps.len()), (53_358, 0));
        let gnutls = read.record_of("CVE-2014-3466", "DLA-0001-1");
        assert_eq!(gnutls.published.as_deref(), Some("2014-06-02"));
        let newest = read.records.iter().filter_map(|record| record.published.as_deref()).max();
        assert_eq!(newest, Some("2026-08-21"));
        assert_eq!(testdata::line(&gnutls.affected[0]), "debian:6 gnutls26 Fixed [0, 2.8.6-1+squeeze4)");
    }

    #[test]
    fn the_trackers_lists_say_the_same_as_the_json_lines() {
        let Some(lists) = testdata::import("debian-dsa", "advisories", "debian/D") else { return };
        let Some(lines) = testdata::import("debian-dsa", "advisories", "debian/debian-dsa-dla") else {
            return;
        };
        assert_eq!(lists.gaps.len(), 0, "{:?}", lists.gaps);
        let summary = |read: &testdata::Read| -> std::collections::BTreeSet<String> {
            let lines = read.records.iter().flat_map(|r| r.affected.iter().map(move |a| (r, a)));
            lines.map(|(r, a)| format!("{} {:?} {}", r.id, r.advisory, testdata::line(a))).collect()
        };
        let (lists, lines) = (summary(&lists), summary(&lines));
        let missing: Vec<_> = lists.difference(&lines).collect();
        assert!(lists.len() > 40_000, "{}", lists.len());
        assert!(missing.len() < 400, "{} {:#?}", missing.len(), missing.iter().take(20).collect::<Vec<_>>());
    }

    #[test]
    fn forms_of_lines() {
        let text = b"[12 Feb 2025] DSA-1-1 a - security update\n\t{CVE-2025-0001}\n\t[bookworm] - a 1.0-1 (medium)\n\t[bullseye] - a <not-affected> (new)\n\t[sid] - a <unfixed>\n\tNOTE: x\n\tnonsense\n[bad\n";
        let read = testdata::bytes("debian-dsa", "DSA/list", text, None);
        assert_eq!(read.about("debian:12", "a"), ["CVE-2025-0001 debian:12 a Fixed [0, 1.0-1)"]);
        assert_eq!(read.about("debian:11", "a"), ["CVE-2025-0001 debian:11 a NotAffected"]);
        assert_eq!(read.about("debian:sid", "a"), ["CVE-2025-0001 debian:sid a NotFixed [0, …)"]);
        assert_eq!(read.gaps.len(), 2);
    }
}
