//! A Debian package's changelog (deb-changelog(5)) → the CVEs it says are fixed, each with the first version that says so.
//! What a mirror without a security tracker can tell.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::changelog_fixes::record;
use super::{Document, Item, cve_id};
use crate::Order;

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let Some(space) = document.space else { return out(document.malformed("its release is not told")) };
    let fixes = fixes(&document.text());
    if fixes.is_none() {
        return out(document.malformed("it is not a Debian changelog"));
    }
    for ((source, cve), version) in fixes.into_iter().flatten() {
        out(Item::Record(record(space, &source, &cve, &version)));
    }
}

/// Source and CVE → the lowest version whose entry names the CVE; `None` when the text is no changelog.
///
/// The newest entry names the source for all: older ones may have been made under names it had before. An entry that only says that a problem is not fixed or not there does not count.
pub(super) fn fixes(text: &str) -> Option<BTreeMap<(String, String), String>> {
    let mut fixes: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut current: Option<(&str, &str)> = None;
    let mut newest: Option<&str> = None;
    for line in text.lines() {
        if let Some(head) = header(line) {
            let source = *newest.get_or_insert(head.0);
            current = Some((source, head.1));
            continue;
        }
        let Some((source, version)) = current else { continue };
        if !line.starts_with(' ') || line.starts_with(" --") || is_denial(line) {
            continue;
        }
        for cve in cve_id::cves_in(line) {
            let first = fixes.entry((source.to_owned(), cve)).or_insert_with(|| version.to_owned());
            if Order::Deb.compare(version, first) == Some(Ordering::Less) {
                *first = version.to_owned();
            }
        }
    }
    newest.map(|_| fixes)
}

/// `openssl (3.0.11-1~deb12u2) bookworm-security; urgency=medium`
fn header(line: &str) -> Option<(&str, &str)> {
    if line.starts_with([' ', '\t']) {
        return None;
    }
    let (source, rest) = line.split_once(" (")?;
    let (version, rest) = rest.split_once(')')?;
    let plausible =
        rest.contains(';') && !source.contains(' ') && version.starts_with(|c: char| c.is_ascii_digit());
    plausible.then_some((source, version))
}

fn is_denial(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    ["not affected by", "not vulnerable to", "does not fix", "not yet fixed", "still vulnerable", "revert"]
        .iter()
        .any(|words| line.contains(words))
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn entries() {
        let text = b"p (1.2-3) unstable; urgency=high\n\n  * Fix CVE-2024-0002 and\n    CVE-2024-0001.\n\n -- A <a@b>  Mon, 01 Jan 2024 00:00:00 +0000\n\np (1:0.9-1) unstable; urgency=low\n\n  * CVE-2024-0003 (not affected by CVE-2024-0004)\n\np (1.2-2) unstable; urgency=low\n\n  * CVE-2024-0001: first part\n";
        let read = testdata::bytes("apt-changelog", "changelog", text, Some("debian:12"));
        assert_eq!(
            read.about("debian:12", "p"),
            ["CVE-2024-0001 debian:12 p Fixed [0, 1.2-2)", "CVE-2024-0002 debian:12 p Fixed [0, 1.2-3)"]
        );
        assert_eq!(testdata::bytes("apt-changelog", "changelog", b"x", Some("debian:12")).gaps.len(), 1);
    }

    /// The changelogs of a real root file system against an independent reading of the same release.
    #[test]
    fn bullseyes_changelogs() {
        let path = "debian/bullseye-changelog-fixes";
        let Some(known) = testdata::import_as("debian-changelog", "advisories", path, Some("debian:11"))
        else {
            return;
        };
        let Some(read) = testdata::changelogs("images/bullseye-minbase", "debian:11") else { return };
        assert_eq!(read.gaps, []);
        let lines = |read: &testdata::Read| -> std::collections::BTreeSet<String> {
            read.records.iter().map(|r| format!("{} {}", r.id, testdata::line(&r.affected[0]))).collect()
        };
        let (known, read) = (lines(&known), lines(&read));
        // Of the sources whose changelogs are in the image.
        let source = |line: &str| line.split(' ').nth(2).unwrap_or_default().to_owned();
        let sources: std::collections::BTreeSet<String> = read.iter().map(|line| source(line)).collect();
        let known: std::collections::BTreeSet<String> =
            known.into_iter().filter(|line| sources.contains(&source(line))).collect();
        let common = known.intersection(&read).count();
        // What is missing is newer than the image; three differ by how a sentence is read.
        let old = |line: &String| {
            line.get(4..8).and_then(|year| year.parse::<u16>().ok()).is_some_and(|year| year < 2020)
        };
        let missing: Vec<_> = known.difference(&read).collect();
        assert_eq!((common, read.len()), (578, 587));
        assert_eq!(missing.iter().filter(|line| old(line)).count(), 3, "{missing:#?}");
    }
}
