//! Arch Linux's security tracker, <https://security.archlinux.org/all.json>: groups of CVEs. Seen as a sample of two groups.

use serde::Deserialize;

use super::{Document, Item, cve_id, rating};
use crate::record::{Affected, Bound, Range, Record, State};

#[derive(Deserialize)]
struct Group {
    name: String,
    packages: Vec<String>,
    status: String,
    #[serde(default)]
    severity: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    affected: String,
    #[serde(default)]
    fixed: Option<String>,
    #[serde(default)]
    issues: Vec<String>,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let groups: Vec<serde_json::Value> = match serde_json::from_slice(document.bytes) {
        Ok(groups) => groups,
        Err(error) => return out(document.malformed(error)),
    };
    for group in groups {
        match Group::deserialize(group) {
            Ok(group) => group.records(out),
            Err(error) => out(document.malformed(error)),
        }
    }
}

impl Group {
    fn records(&self, out: &mut dyn FnMut(Item)) {
        let affected: Vec<Affected> = self.packages.iter().map(|package| self.affected(package)).collect();
        for issue in self.issues.iter().filter(|issue| cve_id::is_cve(issue)) {
            out(Item::Record(Record {
                id: issue.clone(),
                advisory: Some(self.name.clone()),
                title: self.kind.clone(),
                references: vec![format!("https://security.archlinux.org/{}", self.name)],
                ratings: rating::of_word("arch", &self.severity).into_iter().collect(),
                affected: affected.clone(),
                ..Record::default()
            }));
        }
    }

    /// `affected` is the version in which the problem was seen first by the tracker, not where it began.
    fn affected(&self, package: &str) -> Affected {
        let all = || vec![Range::default()];
        let (state, ranges) = match (self.status.as_str(), &self.fixed) {
            ("Not affected", _) => (State::NotAffected, Vec::new()),
            (_, Some(fixed)) => {
                (State::Fixed, vec![Range { introduced: None, until: Bound::Fixed(fixed.clone()) }])
            }
            ("Unknown", None) => (State::UnderInvestigation, all()),
            ("Fixed", None) => {
                // Fixed by an upstream version that nobody noted: nothing newer than the affected one is known.
                (
                    State::Undetermined,
                    vec![Range { introduced: None, until: Bound::LastAffected(self.affected.clone()) }],
                )
            }
            (_, None) => (State::NotFixed, all()),
        };
        Affected { space: "arch".to_owned(), name: package.to_owned(), state, ranges, ..Affected::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn sample() {
        let path = "fetch/arch/testdata/fixtures/advisory";
        let Some(read) = testdata::import("arch", "feed-formats", path) else { return };
        assert_eq!(read.gaps, []);
        assert_eq!(
            read.about("arch", "libtiff"),
            [
                "CVE-2015-7554 arch libtiff Fixed [0, 4.0.8-2)",
                "CVE-2016-10095 arch libtiff Fixed [0, 4.0.8-2)",
            ]
        );
    }
}
