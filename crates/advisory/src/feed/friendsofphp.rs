//! FriendsOfPHP's security advisories (<https://github.com/FriendsOfPHP/security-advisories>): YAML per package,
//! affected versions per branch. Seen whole (1,592 advisories).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::constraint::{self, Syntax};
use super::{Document, Item, cve_id, limits};
use crate::Order;
use crate::record::{Affected, Bound, Record, State};

#[derive(Deserialize)]
struct Advisory {
    #[serde(default)]
    title: String,
    #[serde(default)]
    link: Option<String>,
    #[serde(default)]
    cve: Option<String>,
    branches: BTreeMap<String, Branch>,
    reference: String,
}

#[derive(Deserialize)]
struct Branch {
    #[serde(default)]
    time: Option<String>,
    versions: Vec<String>,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let advisory: Advisory = match serde_saphyr::from_str(&document.text()) {
        Ok(advisory) => advisory,
        Err(error) => return out(document.malformed(error)),
    };
    match advisory.record(document) {
        Ok(record) => out(Item::Record(record)),
        Err(reason) => out(document.malformed(reason)),
    }
}

impl Advisory {
    fn record(self, document: &Document<'_>) -> Result<Record, String> {
        let name = self.reference.strip_prefix("composer://").ok_or("its reference is not `composer://…`")?;
        let mut ranges = Vec::new();
        for branch in self.branches.values() {
            let versions = branch.versions.iter().map(String::as_str);
            let intervals = constraint::all_of(versions, Syntax::Plain, Order::Composer);
            let intervals =
                intervals.ok_or_else(|| format!("`{}` are no constraints", branch.versions.join(", ")))?;
            ranges.extend(constraint::ranges(intervals, Order::Composer));
        }
        let fixed = ranges.iter().any(|range| matches!(range.until, Bound::Fixed(_)));
        let cve = self.cve.filter(|cve| cve_id::is_cve(cve));
        let published = self.branches.values().filter_map(|branch| branch.time.as_ref()?.get(..10)).min();
        // Without a CVE the file's path is the only name it has.
        let own = document.name.trim_end_matches(".yaml").rsplitn(4, '/').take(3).collect::<Vec<_>>();
        let own = own.into_iter().rev().collect::<Vec<_>>().join("/");
        Ok(Record {
            id: cve.unwrap_or(own),
            published: published.map(str::to_owned),
            title: self.title.chars().take(limits::TITLE_CHARS_MAX).collect(),
            references: self.link.into_iter().collect(),
            affected: vec![Affected {
                space: "composer".to_owned(),
                name: name.to_ascii_lowercase(),
                state: if fixed { State::Fixed } else { State::NotFixed },
                ranges,
                ..Affected::default()
            }],
            ..Record::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn whole() {
        let Some(read) = testdata::import("friendsofphp", "advisories", "packagist/") else { return };
        assert_eq!(
            (read.documents, read.records.len(), read.gaps.len()),
            (1_592, 1_592, 0),
            "{:?}",
            read.gaps
        );
        let cake = read.record("cakephp/cakephp/2015-08-06");
        assert_eq!(
            testdata::line(&cake.affected[0]),
            "composer cakephp/cakephp Fixed [2.0.0, 2.0.99) [2.1.0, 2.1.99) [2.2.0, 2.2.99) [2.3.0, 2.3.99) [2.4.0, 2.4.99) [2.5.0, 2.5.9) [2.6.0, 2.6.11) [2.7.0, 2.7.2)"
        );
        assert_eq!(cake.published.as_deref(), Some("2015-08-06"));
    }
}
