//! Ubuntu's CVE tracker (<https://git.launchpad.net/ubuntu-cve-tracker>, README "Statuses"): a text file per CVE in `active`,
//! `retired` and `ignored`, with a line `release_package: status (note)` for every package. Seen as a sample of five files.
//!
//! `ignored (end of standard support…)` is an affected package of a release whose extended stream has its own line.

use std::collections::BTreeMap;

use seawall_finding::Severity;

use super::{Document, Item, cve_id, rating, ubuntu_release};
use crate::record::{Affected, Bound, KeyedBy, Range, Record, State};

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let text = document.text();
    let mut fields: BTreeMap<&str, String> = BTreeMap::new();
    let mut statuses: Vec<(&str, &str)> = Vec::new();
    let mut current = "";
    for line in text.lines() {
        if line.starts_with('#') {
            continue;
        }
        if line.starts_with([' ', '\t']) {
            let field = fields.entry(current).or_default();
            if !field.is_empty() {
                field.push('\n');
            }
            field.push_str(line.trim());
        } else if let Some((key, value)) = line.split_once(':') {
            current = key;
            if key.contains('_')
                && !key.starts_with("Patches_")
                && !key.starts_with("Priority_")
                && !key.starts_with("Tags_")
            {
                statuses.push((key, value.trim()));
            } else {
                fields.insert(key, value.trim().to_owned());
            }
        }
    }
    let Some(id) = fields.get("Candidate").filter(|id| cve_id::is_cve(id)) else {
        // The empty form for new entries.
        if !document.name.ends_with("00boilerplate") {
            out(document.malformed("it has no candidate"));
        }
        return;
    };
    out(Item::Record(record(id, &fields, &statuses)));
}

fn record(id: &str, fields: &BTreeMap<&str, String>, statuses: &[(&str, &str)]) -> Record {
    let field = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    // `medium`, or the word and a reason in further lines.
    let priority = field("Priority").split_whitespace().next().unwrap_or_default();
    let mut ratings: Vec<_> = rating::of_word("ubuntu", priority).into_iter().collect();
    for line in field("CVSS").lines() {
        let vector =
            line.split_once(": ").map(|(_, rest)| rest.split_whitespace().next().unwrap_or_default());
        rating::push(&mut ratings, vector.and_then(|vector| rating::of_vector("nvd", vector)));
    }
    let of_package = |package: &str| {
        let own = fields.get(format!("Priority_{package}").as_str())?;
        rating::severity(own.split_whitespace().next()?)
    };
    Record {
        id: id.to_owned(),
        published: field("PublicDate").get(..10).map(str::to_owned),
        description: field("Description").replace('\n', " "),
        references: field("References").lines().map(str::to_owned).collect(),
        ratings,
        affected: statuses.iter().filter_map(|(key, status)| affected(key, status, &of_package)).collect(),
        ..Record::default()
    }
}

fn affected(key: &str, status: &str, severity: &dyn Fn(&str) -> Option<Severity>) -> Option<Affected> {
    let (release, package) = key.split_once('_')?;
    let space = ubuntu_release::space(release)?;
    let (word, note) = status.split_once(' ').unwrap_or((status, ""));
    let note = note.trim().trim_start_matches('(').trim_end_matches(')');
    let is_version = note.starts_with(|c: char| c.is_ascii_digit()) && !note.contains(' ');
    let fixed = || vec![Range { introduced: None, until: Bound::Fixed(note.to_owned()) }];
    let all = || vec![Range::default()];
    let (state, ranges) = match word {
        // Does not exist: there is nothing to be affected.
        "DNE" => return None,
        "released" if is_version => (State::Fixed, fixed()),
        "released" => (State::Undetermined, all()),
        // Built but not published.
        "pending" if is_version => (State::NotFixed, fixed()),
        "pending" | "needed" | "active" | "in-progress" => (State::NotFixed, all()),
        "needs-triage" => (State::UnderInvestigation, all()),
        "deferred" => (State::Deferred, all()),
        "not-affected" => (State::NotAffected, Vec::new()),
        "ignored" if ["end of", "end-of-life", "out of"].iter().any(|text| note.contains(text)) => {
            (State::EndOfLife, all())
        }
        "ignored" => (State::WillNotFix, all()),
        _ => (State::Undetermined, all()),
    };
    Some(Affected {
        space,
        name: package.to_owned(),
        keyed_by: KeyedBy::Source,
        state,
        ranges,
        severity: severity(package),
        ..Affected::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn samples() {
        let path = "fetch/ubuntu/tracker/testdata/fixtures/ubuntu-cve-tracker/data/";
        let Some(read) = testdata::import_named("ubuntu-tracker", "feed-formats", path) else { return };
        assert_eq!((read.records.len(), read.gaps.len()), (4, 0), "{:?}", read.gaps);
        assert_eq!(
            read.about("ubuntu:22.04", "linux"),
            ["CVE-2022-36879 ubuntu:22.04 linux UnderInvestigation [0, …)"]
        );
        assert_eq!(
            read.about("ubuntu:16.04", "linux"),
            ["CVE-2022-36879 ubuntu:16.04 linux EndOfLife [0, …)"]
        );
        assert_eq!(
            read.about("ubuntu:16.04:esm-infra", "linux"),
            ["CVE-2022-36879 ubuntu:16.04:esm-infra linux UnderInvestigation [0, …)"]
        );
        let linux = read.record("CVE-2022-36879");
        assert_eq!(linux.ratings.len(), 2);
        assert_eq!(linux.ratings[1].score, Some(5.5));
    }

    fn check(status: &str, expected: &str) {
        let text = format!("Candidate: CVE-2024-0001\nPriority: low\nfocal_p: {status}\n");
        let read = testdata::bytes("ubuntu-tracker", "active/CVE-2024-0001", text.as_bytes(), None);
        let lines: Vec<String> = read.about("ubuntu:20.04", "p");
        let expected: Vec<String> = [expected]
            .iter()
            .filter(|e| !e.is_empty())
            .map(|e| format!("CVE-2024-0001 ubuntu:20.04 p {e}"))
            .collect();
        assert_eq!(lines, expected, "{status}");
    }

    #[test]
    fn statuses() {
        check("released (1.2-3ubuntu0.1)", "Fixed [0, 1.2-3ubuntu0.1)");
        check("pending (1.2-3ubuntu0.1)", "NotFixed [0, 1.2-3ubuntu0.1)");
        check("needed", "NotFixed [0, …)");
        check("deferred (2024-01-01)", "Deferred [0, …)");
        check("ignored (too intrusive)", "WillNotFix [0, …)");
        check("ignored (end of standard support, was needed)", "EndOfLife [0, …)");
        check("not-affected (code not present)", "NotAffected");
        check("needs-triage", "UnderInvestigation [0, …)");
        check("DNE", "");
        check("something", "Undetermined [0, …)");
    }
}
