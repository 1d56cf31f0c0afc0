//! Real data for the importers' tests, read from the archives in `../shared/data`.

use std::path::PathBuf;

use seawall_finding::Gap;

use super::container::{Found, Walk};
use super::{Document, Item, feed};
use crate::record::{Affected, Enrichment, Record, Support};

/// Everything an import gave.
#[derive(Default)]
pub(crate) struct Read {
    pub(crate) records: Vec<Record>,
    pub(crate) enrichments: Vec<Enrichment>,
    pub(crate) supports: Vec<Support>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) documents: usize,
}

impl Read {
    fn add(&mut self, item: Item) {
        match item {
            Item::Record(record) => self.records.push(record),
            Item::Enrichment(enrichment) => self.enrichments.push(enrichment),
            Item::Support(support) => self.supports.push(support),
            Item::Gap(gap) => self.gaps.push(gap),
        }
    }

    pub(crate) fn enrichment(&self, id: &str) -> &Enrichment {
        self.enrichments.iter().find(|e| e.id == id).unwrap_or_else(|| panic!("no enrichment of {id}"))
    }

    /// The first record of this id.
    pub(crate) fn record(&self, id: &str) -> &Record {
        self.records.iter().find(|r| r.id == id).unwrap_or_else(|| panic!("no record of {id}"))
    }

    /// The first record of this id in this document.
    pub(crate) fn record_of(&self, id: &str, advisory: &str) -> &Record {
        let wanted = |r: &&Record| r.id == id && r.advisory.as_deref() == Some(advisory);
        self.records.iter().find(wanted).unwrap_or_else(|| panic!("no record of {id} in {advisory}"))
    }

    /// What all records say of one package, a line each: `id space name state ranges`, sorted.
    pub(crate) fn about(&self, space: &str, name: &str) -> Vec<String> {
        let mut lines: Vec<String> = self
            .records
            .iter()
            .flat_map(|r| r.affected.iter().map(move |a| (r, a)))
            .filter(|(_, a)| a.space == space && a.name == name)
            .map(|(r, a)| format!("{} {}", r.id, line(a)))
            .collect();
        lines.sort();
        lines
    }
}

/// `space name[module] state ranges versions` in one line.
pub(crate) fn line(affected: &Affected) -> String {
    use crate::record::Bound;
    let mut line = format!("{} {}", affected.space, affected.name);
    if let Some(module) = &affected.module {
        line += &format!(" module {module}");
    }
    if !affected.architectures.is_empty() {
        line += &format!(" on {}", affected.architectures.join("+"));
    }
    line += &format!(" {:?}", affected.state);
    for range in &affected.ranges {
        let from = range.introduced.as_deref().unwrap_or("0");
        line += &match &range.until {
            Bound::Fixed(v) => format!(" [{from}, {v})"),
            Bound::LastAffected(v) => format!(" [{from}, {v}]"),
            Bound::Open => format!(" [{from}, …)"),
        };
    }
    if !affected.versions.is_empty() {
        line += &format!(" ={}", affected.versions.join(","));
    }
    line
}

fn archive(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../../shared/data/{name}.tar.zst"));
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is absent", path.display());
    None
}

/// Imports the part of an archive whose paths begin with `prefix` and that the feed reads.
pub(crate) fn import(feed_name: &str, archive_name: &str, prefix: &str) -> Option<Read> {
    import_as(feed_name, archive_name, prefix, None)
}

/// The same whatever the documents' suffixes are.
pub(crate) fn import_named(feed_name: &str, archive_name: &str, prefix: &str) -> Option<Read> {
    let feed = feed(feed_name).unwrap();
    let mut read = Read::default();
    let wants = |name: &str| name.starts_with(prefix);
    let mut found = |found: Found<'_>| match found {
        Found::Document(name, bytes) => {
            (feed.read)(&Document { name, bytes, space: None }, &mut |item| read.add(item))
        }
        Found::Gap(gap) => read.gaps.push(gap),
    };
    Walk::new(&wants, &mut found).path(&archive(archive_name)?).unwrap();
    Some(read)
}

/// The same with a space.
pub(crate) fn import_as(
    feed_name: &str,
    archive_name: &str,
    prefix: &str,
    space: Option<&str>,
) -> Option<Read> {
    let feed = feed(feed_name).unwrap();
    let mut read = Read::default();
    // Archives inside the archive have names of their own.
    let outer = |name: &str| {
        archive_name != "feed-formats" || name.starts_with("fetch/") || name.starts_with("extract/")
    };
    let wants = |name: &str| name.starts_with(prefix) || !outer(name);
    let mut found = |found: Found<'_>| match found {
        Found::Document(name, bytes) if feed.reads(name) => {
            read.documents += 1;
            (feed.read)(&Document { name, bytes, space }, &mut |item| read.add(item));
        }
        Found::Document(..) => {}
        Found::Gap(gap) => read.gaps.push(gap),
    };
    Walk::new(&wants, &mut found).path(&archive(archive_name)?).unwrap();
    Some(read)
}

/// Imports a text.
pub(crate) fn bytes(feed_name: &str, name: &str, bytes: &[u8], space: Option<&str>) -> Read {
    let mut read = Read::default();
    feed(feed_name).unwrap().import_bytes(name, bytes, space, &mut |item| read.add(item)).unwrap();
    read
}

/// The first document of an archive with exactly this path.
pub(crate) fn file(archive_name: &str, path: &str) -> Option<Vec<u8>> {
    let mut bytes = None;
    let wants = |name: &str| name == path;
    let mut found = |found: Found<'_>| {
        if let Found::Document(_, content) = found {
            bytes = Some(content.to_vec());
        }
    };
    Walk::new(&wants, &mut found).path(&archive(archive_name)?).unwrap();
    Some(bytes.unwrap_or_else(|| panic!("no {path} in {archive_name}")))
}

/// Every Debian changelog of a root file system.
pub(crate) fn changelogs(archive_name: &str, space: &str) -> Option<Read> {
    let mut read = Read::default();
    let wants = |name: &str| name.contains("usr/share/doc/") && name.ends_with("/changelog.Debian");
    let mut found = |found: Found<'_>| match found {
        Found::Document(name, bytes) => {
            let document = Document { name, bytes, space: Some(space) };
            (feed("apt-changelog").unwrap().read)(&document, &mut |item| read.add(item));
        }
        Found::Gap(gap) => read.gaps.push(gap),
    };
    Walk::new(&wants, &mut found).path(&archive(archive_name)?).unwrap();
    Some(read)
}
