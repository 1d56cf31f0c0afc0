//! Fedora's update system, pages of `https://bodhi.fedoraproject.org/updates/`: security updates with their builds. Seen as
//! samples of Fedora 29 to 40. A build names the source package, so records are keyed by source.

use serde::Deserialize;

use super::{Document, Item, cve_id, json, limits, rating, rpm_fixes};
use crate::record::{Affected, KeyedBy, Record, State};

#[derive(Deserialize)]
struct Update {
    alias: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    notes: String,
    #[serde(default)]
    severity: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    date_stable: Option<String>,
    #[serde(default)]
    date_modified: Option<String>,
    #[serde(default)]
    bugs: Vec<Bug>,
    #[serde(default)]
    builds: Vec<Build>,
    release: Release,
}

#[derive(Deserialize)]
struct Bug {
    #[serde(default)]
    title: Option<String>,
}

#[derive(Deserialize)]
struct Build {
    nvr: String,
    #[serde(default)]
    epoch: Option<i64>,
    #[serde(default, rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Release {
    #[serde(default)]
    id_prefix: String,
    #[serde(default)]
    version: String,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let mut each = |update: Result<Update, serde_json::Error>| match update {
        Ok(update) => update.records(out),
        Err(error) => out(document.malformed(error)),
    };
    let is_list = document.bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if is_list {
        match serde_json::from_slice::<Vec<serde_json::Value>>(document.bytes) {
            Ok(values) => values.into_iter().for_each(|value| each(Update::deserialize(value))),
            Err(error) => out(document.malformed(error)),
        }
        return;
    }
    match json::each_element(document.bytes, "updates", &mut each) {
        Ok(true) => {}
        Ok(false) => out(document.malformed("it has no `updates`")),
        Err(error) => out(document.malformed(error)),
    }
}

impl Update {
    fn records(self, out: &mut dyn FnMut(Item)) {
        let Some(space) = self.space().filter(|_| self.status == "stable") else { return };
        let affected: Vec<Affected> = self.builds.iter().filter_map(|build| build.affected(&space)).collect();
        let titles = self.bugs.iter().filter_map(|bug| bug.title.as_deref());
        let mut cves: Vec<String> = titles.flat_map(cve_id::cves_in).collect();
        cves.extend(cve_id::cves_in(&self.notes));
        cves.sort();
        cves.dedup();
        if affected.is_empty() || (cves.is_empty() && self.kind != "security") {
            return;
        }
        let name = if self.display_name.is_empty() { &self.title } else { &self.display_name };
        let severity = if self.severity == "urgent" { "critical" } else { &self.severity };
        let record = Record {
            id: self.alias.clone(),
            published: self.date_stable.as_deref().and_then(|date| date.get(..10)).map(str::to_owned),
            modified: self.date_modified.clone(),
            title: name.chars().take(limits::TITLE_CHARS_MAX).collect(),
            description: self.notes.clone(),
            references: vec![format!("https://bodhi.fedoraproject.org/updates/{}", self.alias)],
            ratings: rating::of_word("fedora", severity).into_iter().collect(),
            affected,
            ..Record::default()
        };
        if cves.is_empty() {
            return out(Item::Record(record));
        }
        for id in cves.into_iter().take(limits::PROBLEMS_MAX) {
            out(Item::Record(Record { id, advisory: Some(self.alias.clone()), ..record.clone() }));
        }
    }

    /// Containers, flatpaks and modules have releases of their own.
    fn space(&self) -> Option<String> {
        match self.release.id_prefix.as_str() {
            "FEDORA" => Some(format!("fedora:{}", self.release.version)),
            "FEDORA-EPEL" => Some(format!("rhel:{}:epel", self.release.version)),
            _ => None,
        }
    }
}

impl Build {
    fn affected(&self, space: &str) -> Option<Affected> {
        if !matches!(self.kind.as_str(), "rpm" | "") {
            return None;
        }
        let nevra = rpm_fixes::nevra(&self.nvr)?;
        let epoch = self.epoch.unwrap_or(0).to_string();
        Some(Affected {
            space: space.to_owned(),
            name: nevra.name,
            keyed_by: KeyedBy::Source,
            state: State::Fixed,
            ranges: rpm_fixes::ranges(vec![rpm_fixes::evr(&epoch, &nevra.version, "")]),
            ..Affected::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn samples() {
        let path = "fetch/fedora/api/testdata/fixtures/updates/";
        let Some(read) = testdata::import("fedora-bodhi", "feed-formats", path) else { return };
        assert_eq!(read.gaps, []);
        // Containers and flatpaks are among the samples and are left out.
        assert_eq!(read.records.len(), 3);
        assert_eq!(
            read.about("fedora:40", "rubygem-rails-html-sanitizer").first().map(String::as_str),
            Some("CVE-2022-23518 fedora:40 rubygem-rails-html-sanitizer Fixed [0, 1.6.0-1.fc40)")
        );
    }
}
