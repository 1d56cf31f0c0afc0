//! The Node.js security working group's `security-wg/vuln` (<https://github.com/nodejs/security-wg>): JSON files about npm packages
//! (mostly to 2019) and about Node.js itself. Seen whole (467 and 171).

use serde::Deserialize;

use super::constraint::{self, Syntax};
use super::{Document, Item, cve_id, limits, rating};
use crate::Order;
use crate::record::{Affected, Record, State};

#[derive(Deserialize)]
struct Package {
    id: serde_json::Value,
    module_name: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    overview: Option<String>,
    #[serde(default)]
    publish_date: Option<String>,
    #[serde(default)]
    cves: Option<Vec<String>>,
    #[serde(default)]
    vulnerable_versions: Option<String>,
    #[serde(default)]
    patched_versions: Option<String>,
    #[serde(default)]
    references: Option<Vec<String>>,
    #[serde(default)]
    cvss_vector: Option<String>,
    #[serde(default)]
    cvss_score: Option<f64>,
}

#[derive(Deserialize)]
struct Core {
    #[serde(default)]
    cve: Vec<String>,
    vulnerable: String,
    #[serde(default)]
    patched: Option<String>,
    #[serde(default, rename = "ref")]
    reference: Option<String>,
    #[serde(default)]
    overview: Option<String>,
    #[serde(default)]
    severity: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Package(Package),
    Core(Core),
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    // `index.json` repeats the files beside it; `deps` tells which problems of dependencies do not reach Node.js.
    if document.base() == "index" || document.name.split('/').any(|part| part == "deps") {
        return;
    }
    let result = match serde_json::from_slice::<Entry>(document.bytes) {
        Ok(Entry::Package(package)) => package.record().map(|record| vec![record]),
        Ok(Entry::Core(core)) => core.records(document),
        Err(error) => Err(error.to_string()),
    };
    match result {
        Ok(records) => records.into_iter().for_each(|record| out(Item::Record(record))),
        Err(reason) => out(document.malformed(reason)),
    }
}

impl Package {
    fn record(self) -> Result<Record, String> {
        let vulnerable = self.vulnerable_versions.as_deref().unwrap_or("*");
        let intervals = constraint::parse(vulnerable, Syntax::Npm, Order::Npm);
        let intervals = intervals.ok_or_else(|| format!("`{vulnerable}` is not a range"))?;
        // `<0.0.0` is how the group writes "none".
        let patched = self.patched_versions.as_deref().filter(|text| !text.trim_start().starts_with('<'));
        let cves: Vec<String> = self.cves.into_iter().flatten().filter(|cve| cve_id::is_cve(cve)).collect();
        let vector = self.cvss_vector.as_deref();
        let rating = match self.cvss_score {
            Some(score) => rating::of_score("nodejs-wg", score, vector),
            None => vector.and_then(|vector| rating::of_vector("nodejs-wg", vector)),
        };
        Ok(Record {
            id: format!("NSWG-ECO-{}", self.id.to_string().trim_matches('"')),
            aliases: cves,
            published: self.publish_date.as_deref().and_then(|date| date.get(..10)).map(str::to_owned),
            title: self.title.chars().take(limits::TITLE_CHARS_MAX).collect(),
            description: self.overview.unwrap_or_default(),
            references: self.references.unwrap_or_default(),
            ratings: rating.into_iter().collect(),
            affected: vec![Affected {
                space: "npm".to_owned(),
                name: self.module_name,
                state: if patched.is_some() { State::Fixed } else { State::NotFixed },
                ranges: constraint::ranges(intervals, Order::Npm),
                ..Affected::default()
            }],
            ..Record::default()
        })
    }
}

impl Core {
    /// Of the vulnerable lines, what is not patched; one record per CVE.
    fn records(self, document: &Document<'_>) -> Result<Vec<Record>, String> {
        let parse = |text: &str| {
            constraint::parse(text, Syntax::Npm, Order::Npm).ok_or_else(|| format!("`{text}` is not a range"))
        };
        let vulnerable = parse(&self.vulnerable)?;
        let patched = match self.patched.as_deref() {
            Some(text) if !text.trim().is_empty() => parse(text)?,
            _ => Vec::new(),
        };
        let has_patch = !patched.is_empty();
        let ranges = constraint::ranges(constraint::without(vulnerable, &patched, Order::Npm), Order::Npm);
        let affected = Affected {
            space: "generic".to_owned(),
            name: "node".to_owned(),
            state: if has_patch { State::Fixed } else { State::NotFixed },
            ranges,
            ..Affected::default()
        };
        let ids = if self.cve.is_empty() { vec![format!("NSWG-COR-{}", document.base())] } else { self.cve };
        let rating = self.severity.as_deref().and_then(|word| rating::of_word("nodejs", word));
        let record = |id: String| Record {
            id,
            description: self.overview.clone().unwrap_or_default(),
            references: self.reference.clone().into_iter().collect(),
            ratings: rating.clone().into_iter().collect(),
            affected: vec![affected.clone()],
            ..Record::default()
        };
        Ok(ids.into_iter().map(record).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn packages_whole() {
        let Some(read) = testdata::import("nodejs-wg", "advisories", "npm-nodejs-wg/npm/") else { return };
        assert_eq!((read.documents, read.records.len(), read.gaps.len()), (468, 467, 0), "{:#?}", read.gaps);
        let bassmaster = read.record("NSWG-ECO-1");
        assert_eq!(testdata::line(&bassmaster.affected[0]), "npm bassmaster Fixed [0, 1.5.1]");
        assert_eq!(bassmaster.ratings[0].score, Some(6.5));
    }

    #[test]
    fn node_itself_whole() {
        let Some(read) = testdata::import("nodejs-wg", "advisories", "npm-nodejs-wg/core/") else { return };
        assert_eq!((read.documents, read.gaps.len()), (172, 0), "{:#?}", read.gaps);
        let v8 = read.record("CVE-2016-5172");
        assert_eq!(testdata::line(&v8.affected[0]), "generic node Fixed [6.0.0, 6.9.0)");
    }
}
