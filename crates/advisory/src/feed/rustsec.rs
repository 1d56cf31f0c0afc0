//! RustSec (<https://github.com/rustsec/advisory-db>): Markdown under a TOML front matter; affected is what is
//! neither `patched` nor `unaffected`. Seen whole (1,225 advisories).
//!
//! Notices and unmaintained crates are no vulnerabilities: they are kept, rated negligible, so that they are counted
//! and can be shown. Advisories about the standard library stand in `generic`, for binaries whose compiler is known.

use seawall_finding::Severity;
use serde::Deserialize;

use super::constraint::{self, Syntax};
use super::{Document, Item, limits, rating};
use crate::Order;
use crate::record::{Affected, Record, State};

#[derive(Deserialize)]
struct Matter {
    advisory: Advisory,
    #[serde(default)]
    versions: Versions,
}

#[derive(Deserialize)]
struct Advisory {
    id: String,
    package: String,
    #[serde(default)]
    date: String,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    informational: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    cvss: Option<String>,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default)]
    collection: Option<String>,
}

#[derive(Deserialize, Default)]
struct Versions {
    #[serde(default)]
    patched: Vec<String>,
    #[serde(default)]
    unaffected: Vec<String>,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let text = document.text();
    let parts = text.split_once("```toml").and_then(|(_, rest)| rest.split_once("\n```"));
    let Some((matter, prose)) = parts else {
        return out(document.malformed("it has no front matter in TOML"));
    };
    match toml::from_str::<Matter>(matter) {
        Ok(matter) if matter.advisory.withdrawn.is_some() => {}
        Ok(matter) => matter.record(document, prose, out),
        Err(error) => out(document.malformed(error.message())),
    }
}

impl Matter {
    fn record(self, document: &Document<'_>, prose: &str, out: &mut dyn FnMut(Item)) {
        let mut safe = Vec::new();
        for text in self.versions.patched.iter().chain(&self.versions.unaffected) {
            match constraint::parse(text, Syntax::Cargo, Order::Semver) {
                Some(intervals) => safe.extend(intervals),
                None => return out(document.malformed(format_args!("`{text}` is not a version requirement"))),
            }
        }
        let advisory = self.advisory;
        let is_standard = advisory.collection.as_deref() == Some("rust") || document.name.contains("rust/");
        let is_standard = is_standard && !document.name.contains("crates/");
        let (space, name) =
            if is_standard { ("generic", "rust") } else { ("cargo", advisory.package.as_str()) };
        let notice = matches!(advisory.informational.as_deref(), Some("unmaintained" | "notice"));
        let mut ratings: Vec<_> =
            advisory.cvss.iter().filter_map(|v| rating::of_vector("rustsec", v)).collect();
        if notice {
            ratings.extend(rating::of_word("rustsec", "informational"));
        }
        let affected = Affected {
            space: space.to_owned(),
            name: name.to_owned(),
            state: if self.versions.patched.is_empty() { State::NotFixed } else { State::Fixed },
            ranges: constraint::complement(safe, Order::Semver),
            severity: notice.then_some(Severity::Negligible),
            ..Affected::default()
        };
        if affected.ranges.is_empty() {
            return;
        }
        let (title, description) = title_and_text(prose);
        out(Item::Record(Record {
            id: advisory.id,
            aliases: advisory.aliases,
            published: Some(advisory.date),
            title,
            description,
            references: advisory.url.into_iter().chain(advisory.references).collect(),
            ratings,
            affected: vec![affected],
            ..Record::default()
        }));
    }
}

/// The first heading is the title, the rest the text.
fn title_and_text(prose: &str) -> (String, String) {
    let prose = prose.trim();
    let (first, rest) = prose.split_once('\n').unwrap_or((prose, ""));
    let title = first.trim_start_matches('#').trim();
    (title.chars().take(limits::TITLE_CHARS_MAX).collect(), rest.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn whole() {
        let Some(read) = testdata::import("rustsec", "advisories", "rustsec/") else { return };
        // 1,225 advisories, 13 of them withdrawn.
        assert_eq!(
            (read.documents, read.records.len(), read.gaps.len()),
            (1_225, 1_212, 0),
            "{:?}",
            read.gaps
        );
        let openssl = read.record("RUSTSEC-2023-0072");
        assert_eq!(testdata::line(&openssl.affected[0]), "cargo openssl Fixed [0, 0.10.60)");
        assert_eq!(openssl.title, "`openssl` `X509StoreRef::objects` is unsound");
        assert_eq!(openssl.aliases, ["GHSA-xphf-cx8h-7q9g"]);
        let negligible = read.records.iter().filter(|record| record.affected[0].severity.is_some()).count();
        assert!((250..=273).contains(&negligible), "{negligible}");
        assert!(read.records.iter().any(|record| record.affected[0].space == "generic"));
    }
}
