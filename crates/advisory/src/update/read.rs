//! One fetched file → records in a builder.

use std::collections::BTreeMap;
use std::path::Path;

use seawall_finding::{Gap, GapKind};

use crate::database::{Builder, SourceInfo};
use crate::feed::{self, Feed, ImportError, Item};
use crate::limits::PART_GAPS_MAX;
use crate::record::Record;

/// What a file holds.
pub(super) struct Reading {
    pub(super) builder: Builder,
    pub(super) records: u64,
    pub(super) gaps: Vec<Gap>,
    pub(super) gaps_total: u64,
    /// Publishers of documents that the source only collects.
    sources: BTreeMap<&'static str, SourceInfo>,
    /// Date of each source's newest record.
    newest: BTreeMap<String, String>,
}

impl Reading {
    /// Reads a file or a directory of a feed.
    pub(super) fn of(
        feed: &Feed,
        path: &Path,
        space: Option<&str>,
        about: &SourceInfo,
        now: &str,
    ) -> Result<Reading, ImportError> {
        let mut reading = Reading::empty();
        feed.import(path, space, &mut |item| reading.take(feed, item, about, now))?;
        Ok(reading)
    }

    /// Nothing yet.
    pub(super) fn empty() -> Reading {
        Reading {
            builder: Builder::new(),
            records: 0,
            gaps: Vec::new(),
            gaps_total: 0,
            sources: BTreeMap::new(),
            newest: BTreeMap::new(),
        }
    }

    /// Takes what an importer hands out.
    pub(super) fn take(&mut self, feed: &Feed, item: Item, about: &SourceInfo, now: &str) {
        match item {
            Item::Record(record) => {
                let source = source_of(feed, &record, about, &mut self.sources);
                let date = record.modified.as_ref().or(record.published.as_ref());
                note(&mut self.newest, &source.name, date, now);
                self.records += 1;
                if let Err(error) = self.builder.add(source, record) {
                    self.gap(Gap::of_target(GapKind::Malformed, error));
                }
            }
            Item::Enrichment(enrichment) => {
                self.records += 1;
                let added = enrichment.known_exploited.as_ref().map(|exploited| &exploited.added);
                note(&mut self.newest, &about.name, added, now);
                self.builder.enrich(about, enrichment);
            }
            Item::Support(support) => {
                self.records += 1;
                self.builder.support(about, &support);
            }
            Item::Gap(gap) => self.gap(gap),
        }
    }

    /// States how new each source is: as its newest record, or as `fetched_at` where the records have no dates. A
    /// directory that somebody unpacked was not fetched, and how old it is nobody knows.
    pub(super) fn close(&mut self, about: &SourceInfo, fetched_at: Option<&str>) {
        for source in std::mem::take(&mut self.sources).into_values().chain([about.clone()]) {
            let as_of = self.newest.remove(&source.name).or_else(|| fetched_at.map(str::to_owned));
            self.builder.source(&SourceInfo { as_of, ..source });
        }
    }

    pub(super) fn gap(&mut self, gap: Gap) {
        self.gaps_total += 1;
        if self.gaps.len() < PART_GAPS_MAX {
            self.gaps.push(gap);
        }
    }
}

/// Who says a record: for OSV, which collects others' documents, the publisher of the document.
fn source_of<'s>(
    feed: &Feed,
    record: &Record,
    about: &'s SourceInfo,
    sources: &'s mut BTreeMap<&'static str, SourceInfo>,
) -> &'s SourceInfo {
    if feed.name != "osv" {
        return about;
    }
    match feed::publisher(record.advisory.as_ref().unwrap_or(&record.id)) {
        "osv" => about,
        name if name == about.name => about,
        name => sources.entry(name).or_insert_with(|| SourceInfo { name: name.to_owned(), ..about.clone() }),
    }
}

/// Remembers the newest date of a source's records; dates in the future are mistakes.
fn note(newest: &mut BTreeMap<String, String>, source: &str, date: Option<&String>, now: &str) {
    let Some(date) = date else { return };
    if !date.starts_with(|c: char| c.is_ascii_digit()) || (!now.is_empty() && date.as_str() > now) {
        return;
    }
    match newest.get_mut(source) {
        Some(known) if known.as_str() < date.as_str() => known.clone_from(date),
        Some(_) => {}
        None => {
            newest.insert(source.to_owned(), date.clone());
        }
    }
}
