//! retire.js's repository (<https://github.com/RetireJS/retire.js>, `jsrepository-v6.json`): JavaScript libraries. Seen whole
//! (723 vulnerabilities). A library without an npm name of its own is taken by its own name.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Document, Item, cve_id, json, limits, rating};
use crate::record::{Affected, Bound, Range, Record, State};

#[derive(Deserialize)]
struct Library {
    #[serde(default)]
    npmname: Option<String>,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vulnerability {
    #[serde(default)]
    at_or_above: Option<String>,
    #[serde(default)]
    below: Option<String>,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    cwe: Vec<String>,
    #[serde(default)]
    identifiers: BTreeMap<String, Value>,
    #[serde(default)]
    info: Vec<String>,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let mut bad = Vec::new();
    let mut each = |name: String, value: Value| {
        // Its own example, and what is no library.
        if name == "retire-example" || value.get("vulnerabilities").is_none() {
            return;
        }
        match Library::deserialize(value) {
            Ok(library) => {
                let package = library.npmname.unwrap_or_else(|| name.clone());
                for (index, vulnerability) in library.vulnerabilities.into_iter().enumerate() {
                    out(Item::Record(vulnerability.record(&name, &package, index)));
                }
            }
            Err(error) => bad.push(format!("{name}: {error}")),
        }
    };
    let result = json::each_entry(document.bytes, &mut each);
    bad.into_iter().for_each(|reason| out(document.malformed(reason)));
    if let Err(error) = result {
        out(document.malformed(error));
    }
}

impl Vulnerability {
    fn record(self, library: &str, package: &str, index: usize) -> Record {
        let mut ids = self.ids();
        let id = if ids.is_empty() { format!("retire:{library}:{index}") } else { ids.remove(0) };
        let until = match self.below {
            Some(below) => Bound::Fixed(below),
            None => Bound::Open,
        };
        let state = if until == Bound::Open { State::NotFixed } else { State::Fixed };
        let summary = self.identifiers.get("summary").and_then(Value::as_str).unwrap_or_default();
        Record {
            id,
            aliases: ids,
            title: summary.chars().take(limits::TITLE_CHARS_MAX).collect(),
            references: self.info,
            ratings: rating::of_word("retire.js", &self.severity).into_iter().collect(),
            weaknesses: self.cwe,
            affected: vec![Affected {
                space: "npm".to_owned(),
                name: package.to_owned(),
                state,
                ranges: vec![Range { introduced: self.at_or_above, until }],
                ..Affected::default()
            }],
            ..Record::default()
        }
    }

    fn ids(&self) -> Vec<String> {
        let text = |name: &str| self.identifiers.get(name);
        let cves = text("CVE").and_then(Value::as_array).into_iter().flatten();
        let mut ids: Vec<String> =
            cves.filter_map(Value::as_str).filter(|cve| cve_id::is_cve(cve)).map(str::to_owned).collect();
        ids.extend(text("githubID").and_then(Value::as_str).map(str::to_owned));
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn whole() {
        let Some(read) = testdata::import("retire", "advisories", "js-retire/") else { return };
        // 723 with the example.
        assert_eq!((read.records.len(), read.gaps.len()), (722, 0), "{:?}", read.gaps);
        let jquery = read.record("CVE-2011-4969");
        assert_eq!(testdata::line(&jquery.affected[0]), "npm jquery Fixed [0, 1.6.3)");
        assert_eq!(jquery.aliases, ["GHSA-579v-mp3v-rrw5"]);
    }
}
