//! An rpm vendor's erratum, whatever format it came in → one record per CVE.

use std::collections::BTreeMap;

use super::{Item, limits, rating, rpm_fixes};
use crate::record::{Affected, KeyedBy, Record, State};

/// An erratum with the packages that it publishes.
#[derive(Debug, Default)]
pub(crate) struct Erratum {
    pub(crate) id: String,
    /// The source that its severity is of: `amazon`, `fedora`.
    pub(crate) source: &'static str,
    pub(crate) title: String,
    pub(crate) description: String,
    /// The vendor's word.
    pub(crate) severity: String,
    pub(crate) published: Option<String>,
    pub(crate) modified: Option<String>,
    pub(crate) references: Vec<String>,
    pub(crate) cves: Vec<String>,
    /// Whether it is a security erratum; one that is not and names no CVE says nothing.
    pub(crate) is_security: bool,
    pub(crate) packages: Vec<Package>,
}

/// A package of an erratum.
#[derive(Debug, Default, Clone)]
pub(crate) struct Package {
    pub(crate) space: String,
    pub(crate) name: String,
    /// With the epoch in front unless it is 0.
    pub(crate) version: String,
    pub(crate) architecture: Option<String>,
    /// `name:stream`.
    pub(crate) module: Option<String>,
    /// The first version that the package line has, where one name has several.
    pub(crate) introduced: Option<String>,
}

impl Erratum {
    /// Hands out its records.
    pub(crate) fn records(mut self, out: &mut dyn FnMut(Item)) {
        self.cves.sort();
        self.cves.dedup();
        if self.cves.is_empty() && !self.is_security {
            return;
        }
        let affected = self.affected();
        if affected.is_empty() {
            return;
        }
        let mut ratings = Vec::new();
        rating::push(&mut ratings, rating::of_word(self.source, &self.severity));
        let record = Record {
            id: self.id.clone(),
            published: self.published,
            modified: self.modified,
            title: self.title.chars().take(limits::TITLE_CHARS_MAX).collect(),
            description: self.description,
            references: self.references,
            ratings,
            affected,
            ..Record::default()
        };
        if self.cves.is_empty() {
            return out(Item::Record(record));
        }
        for cve in self.cves.into_iter().take(limits::PROBLEMS_MAX) {
            out(Item::Record(Record { id: cve, advisory: Some(self.id.clone()), ..record.clone() }));
        }
    }

    fn affected(&mut self) -> Vec<Affected> {
        type Key = (String, String, Option<String>, Option<String>);
        let mut groups: BTreeMap<Key, (Vec<String>, Vec<String>)> = BTreeMap::new();
        for package in std::mem::take(&mut self.packages) {
            if matches!(package.architecture.as_deref(), Some("src" | "nosrc")) || package.name.is_empty() {
                continue;
            }
            let key = (package.space, package.name, package.module, package.introduced);
            let (versions, architectures) = groups.entry(key).or_default();
            versions.push(package.version);
            architectures.extend(package.architecture);
        }
        let build = |((space, name, module, introduced), (versions, architectures)): (Key, _)| {
            let mut ranges = rpm_fixes::ranges(versions);
            if let Some(first) = ranges.first_mut() {
                first.introduced = introduced;
            }
            Affected {
                space,
                name,
                keyed_by: KeyedBy::Binary,
                module,
                architectures: rpm_fixes::restriction(architectures),
                state: State::Fixed,
                ranges,
                ..Affected::default()
            }
        };
        groups.into_iter().map(build).collect()
    }
}
