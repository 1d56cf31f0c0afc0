//! Alpine's secdb (<https://secdb.alpinelinux.org>), JSON and the YAML of before 2020, and the same of Wolfi and Chainguard:
//! origin package → version → the ids fixed in it. Seen whole: v3.3 to v3.11 of 2020-06; as samples: v3.16, edge.
//!
//! It lists fixes only. Version `0` means that the package never was affected. Ids come with remarks,
//! several in one string, or spelled wrongly.

use std::collections::BTreeMap;
use std::fmt;

use seawall_finding::Gap;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Document, Item, cve_id};
use crate::record::{Affected, Bound, KeyedBy, Range, Record, State};

#[derive(Deserialize)]
struct Secdb {
    #[serde(default)]
    distroversion: Option<String>,
    #[serde(default)]
    urlprefix: Option<String>,
    #[serde(default)]
    packages: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    pkg: Package,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    /// An empty list stands where a package has none.
    #[serde(default)]
    secfixes: Fixes,
}

/// Version → ids.
#[derive(Default)]
struct Fixes(BTreeMap<String, Option<Vec<String>>>);

impl<'de> Deserialize<'de> for Fixes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fixes, D::Error> {
        deserializer.deserialize_any(FixesVisitor)
    }
}

struct FixesVisitor;

impl<'de> Visitor<'de> for FixesVisitor {
    type Value = Fixes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fixes by version")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fixes, A::Error> {
        let mut fixes = BTreeMap::new();
        while let Some(version) = map.next_key::<String>()? {
            fixes.insert(version, map.next_value()?);
        }
        Ok(Fixes(fixes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Fixes, A::Error> {
        while sequence.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Fixes::default())
    }

    fn visit_unit<E>(self) -> Result<Fixes, E> {
        Ok(Fixes::default())
    }
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let text = document.text();
    let parsed = if text.trim_start().starts_with('{') {
        serde_json::from_str::<Secdb>(&text).map_err(|error| error.to_string())
    } else {
        serde_saphyr::from_str::<Secdb>(&text).map_err(|error| error.to_string())
    };
    let secdb = match parsed {
        Ok(secdb) => secdb,
        Err(error) => return out(document.malformed(error)),
    };
    let Some(space) = document.space.map(str::to_owned).or_else(|| secdb.space(document.name)) else {
        return out(document.malformed("it does not say of which release it is"));
    };
    for entry in secdb.packages.into_iter().flatten() {
        for (version, ids) in entry.pkg.secfixes.0 {
            for text in ids.into_iter().flatten() {
                fix(document, &space, &entry.pkg.name, &version, &text, out);
            }
        }
    }
}

fn fix(
    document: &Document<'_>,
    space: &str,
    name: &str,
    version: &str,
    text: &str,
    out: &mut dyn FnMut(Item),
) {
    let ids = ids(text);
    if ids.is_empty() {
        let reason = format!("{name} {version}: `{text}` names no known kind of id");
        return out(Item::Gap(Gap::at(seawall_finding::GapKind::Malformed, document.name, reason)));
    }
    let (state, ranges) = match version {
        "0" => (State::NotAffected, Vec::new()),
        fixed => (State::Fixed, vec![Range { introduced: None, until: Bound::Fixed(fixed.to_owned()) }]),
    };
    for id in ids {
        out(Item::Record(Record {
            id,
            affected: vec![Affected {
                space: space.to_owned(),
                name: name.to_owned(),
                keyed_by: KeyedBy::Source,
                state,
                ranges: ranges.clone(),
                ..Affected::default()
            }],
            ..Record::default()
        }));
    }
}

/// The ids in one string: CVEs wherever they are; else words that are ids of other sources.
fn ids(text: &str) -> Vec<String> {
    let mut ids = cve_id::cves_in(text);
    for word in text.split([' ', ',', ';']) {
        let known = [
            "GHSA-",
            "XSA-",
            "ALPINE-",
            "GO-",
            "RUSTSEC-",
            "ZBX-",
            "ZDI-",
            "TS-",
            "TALOS-",
            "OSV-",
            "CGA-",
            "wnpa-sec-",
        ];
        if known.iter().any(|prefix| word.starts_with(prefix)) && !word.contains("CVE") {
            ids.push(word.to_owned());
        }
    }
    ids
}

impl Secdb {
    /// `v3.10` → `alpine:3.10`, `edge` → `alpine:edge`; Wolfi's and Chainguard's have no version but an address.
    fn space(&self, name: &str) -> Option<String> {
        let prefix = self.urlprefix.as_deref().unwrap_or_default();
        if prefix.contains("wolfi") || name.contains("wolfi") {
            return Some("wolfi".to_owned());
        }
        if prefix.contains("chainguard") || prefix.contains("cgr.dev") || name.contains("chainguard") {
            return Some("chainguard".to_owned());
        }
        let version = self.distroversion.as_deref().filter(|version| !version.is_empty())?;
        Some(format!("alpine:{}", version.trim_start_matches('v')))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn alpine_3_3_to_3_11_whole() {
        let Some(read) = testdata::import("alpine-secdb", "advisories", "alpine/secdb-2020-06/") else {
            return;
        };
        assert_eq!(
            (read.documents, read.records.len(), read.gaps.len()),
            (18, 12_846, 0),
            "{:#?}",
            read.gaps
        );
    }

    #[test]
    fn samples() {
        let path = "fetch/alpine/secdb/testdata/fixtures/";
        let Some(read) = testdata::import("alpine-secdb", "feed-formats", path) else { return };
        assert_eq!(read.gaps, []);
        assert_eq!(
            read.about("alpine:edge", "aom"),
            [
                "CVE-2021-30473 alpine:edge aom Fixed [0, 3.1.1-r0)",
                "CVE-2021-30474 alpine:edge aom Fixed [0, 3.1.1-r0)",
                "CVE-2021-30475 alpine:edge aom Fixed [0, 3.1.1-r0)",
            ]
        );
    }

    fn check(version: &str, id: &str, expected: &[&str]) {
        let text = format!(
            r#"{{"distroversion":"v3.20","packages":[{{"pkg":{{"name":"p","secfixes":{{"{version}":["{id}"]}}}}}}]}}"#
        );
        let read = testdata::bytes("alpine-secdb", "main.json", text.as_bytes(), None);
        assert_eq!(read.about("alpine:3.20", "p"), expected, "{version} {id}");
    }

    #[test]
    fn ids_and_versions() {
        check("1-r0", "CVE-2017-2616 (+ regression fix)", &["CVE-2017-2616 alpine:3.20 p Fixed [0, 1-r0)"]);
        check("1-r0", "CVE_2019-2426", &["CVE-2019-2426 alpine:3.20 p Fixed [0, 1-r0)"]);
        check(
            "1-r0",
            "CVE-2019-0001 GHSA-aaaa-bbbb-cccc",
            &[
                "CVE-2019-0001 alpine:3.20 p Fixed [0, 1-r0)",
                "GHSA-aaaa-bbbb-cccc alpine:3.20 p Fixed [0, 1-r0)",
            ],
        );
        check("0", "CVE-2019-0001", &["CVE-2019-0001 alpine:3.20 p NotAffected"]);
        check("1-r0", "nothing", &[]);
    }
}
