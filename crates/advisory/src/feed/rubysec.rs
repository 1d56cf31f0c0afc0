//! ruby-advisory-db (<https://github.com/rubysec/ruby-advisory-db>): YAML per gem; affected is what is
//! neither patched nor unaffected. Seen whole (1,234 advisories).

use serde::Deserialize;

use super::constraint::{self, Syntax};
use super::{Document, Item, limits, rating};
use crate::Order;
use crate::record::{Affected, Record, State};

#[derive(Deserialize)]
struct Advisory {
    #[serde(default)]
    gem: Option<String>,
    #[serde(default)]
    engine: Option<String>,
    #[serde(default)]
    cve: Option<String>,
    #[serde(default)]
    ghsa: Option<String>,
    #[serde(default)]
    osvdb: Option<String>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    title: String,
    #[serde(default)]
    date: Option<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    cvss_v2: Option<f64>,
    #[serde(default)]
    cvss_v3: Option<f64>,
    #[serde(default)]
    cvss_v4: Option<f64>,
    #[serde(default)]
    patched_versions: Option<Vec<String>>,
    #[serde(default)]
    unaffected_versions: Option<Vec<String>>,
    #[serde(default)]
    related: Option<Related>,
    #[serde(default)]
    withdrawn_at: Option<String>,
}

#[derive(Deserialize)]
struct Related {
    #[serde(default)]
    cve: Option<Vec<String>>,
    #[serde(default)]
    url: Option<Vec<String>>,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let advisory: Advisory = match serde_saphyr::from_str(&document.text()) {
        Ok(advisory) => advisory,
        Err(error) => return out(document.malformed(error)),
    };
    if advisory.withdrawn_at.is_some() {
        return;
    }
    match advisory.record(document) {
        Ok(record) => out(Item::Record(record)),
        Err(reason) => out(document.malformed(reason)),
    }
}

impl Advisory {
    fn record(self, document: &Document<'_>) -> Result<Record, String> {
        let mut safe = Vec::new();
        for text in self.patched_versions.iter().chain(&self.unaffected_versions).flatten() {
            let parsed = constraint::parse(text, Syntax::Plain, Order::Gem);
            safe.extend(parsed.ok_or_else(|| format!("`{text}` is not a version requirement"))?);
        }
        let has_patch = self.patched_versions.as_ref().is_some_and(|versions| !versions.is_empty());
        let (space, name) = match (&self.gem, &self.engine) {
            (Some(gem), _) => ("gem", gem.clone()),
            (None, Some(engine)) => ("generic", engine.clone()),
            (None, None) => return Err("it names neither gem nor engine".to_owned()),
        };
        let mut ids = self.ids(document);
        let id = ids.remove(0);
        let mut ratings = Vec::new();
        for score in [self.cvss_v4, self.cvss_v3, self.cvss_v2].into_iter().flatten() {
            rating::push(&mut ratings, rating::of_score("rubysec", score, None));
        }
        let related = self.related.and_then(|related| related.url).unwrap_or_default();
        Ok(Record {
            id,
            aliases: ids,
            published: self.date,
            title: self
                .title
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(limits::TITLE_CHARS_MAX)
                .collect(),
            description: self.description,
            references: self.url.into_iter().chain(related).collect(),
            ratings,
            affected: vec![Affected {
                space: space.to_owned(),
                name,
                state: if has_patch { State::Fixed } else { State::NotFixed },
                ranges: constraint::complement(safe, Order::Gem),
                ..Affected::default()
            }],
            ..Record::default()
        })
    }

    /// CVE, GHSA, OSVDB in this order, or the file's name: at least one.
    fn ids(&self, document: &Document<'_>) -> Vec<String> {
        let mut ids = Vec::new();
        ids.extend(self.cve.as_ref().map(|cve| format!("CVE-{cve}")));
        let more = self.related.as_ref().and_then(|related| related.cve.as_ref());
        ids.extend(more.into_iter().flatten().map(|cve| format!("CVE-{cve}")));
        ids.extend(self.ghsa.as_ref().map(|ghsa| format!("GHSA-{}", ghsa.to_ascii_lowercase())));
        ids.extend(self.osvdb.as_ref().map(|osvdb| format!("OSVDB-{osvdb}")));
        if ids.is_empty() {
            ids.push(document.base().to_owned());
        }
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn whole() {
        let Some(read) = testdata::import("rubysec", "advisories", "rubygems/") else { return };
        assert_eq!(
            (read.documents, read.records.len(), read.gaps.len()),
            (1_234, 1_234, 0),
            "{:?}",
            read.gaps
        );
        let resque = read.record("CVE-2023-50725");
        assert_eq!(testdata::line(&resque.affected[0]), "gem resque Fixed [0, 2.2.1)");
        assert_eq!(resque.aliases, ["GHSA-gc3j-vvwf-4rp8"]);
        assert_eq!(resque.ratings[0].score, Some(6.3));
    }
}
