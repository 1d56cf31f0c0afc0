//! Pairs of CVE and first fixed version that package changelogs state, as a JSON array of
//! `{"source","cve","fixed"}`: what reading the changelogs of a mirror gives (see `apt_changelog`). Seen whole for 137
//! sources of Debian 11.

use serde::Deserialize;

use super::{Document, Item, cve_id};
use crate::record::{Affected, Bound, KeyedBy, Range, Record, State};

#[derive(Deserialize)]
struct Pair {
    source: String,
    cve: String,
    fixed: String,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let Some(space) = document.space else { return out(document.malformed("its release is not told")) };
    let pairs: Vec<Pair> = match serde_json::from_slice(document.bytes) {
        Ok(pairs) => pairs,
        Err(error) => return out(document.malformed(error)),
    };
    for pair in pairs {
        if cve_id::is_cve(&pair.cve) {
            out(Item::Record(record(space, &pair.source, &pair.cve, &pair.fixed)));
        } else {
            out(document.malformed(format_args!("`{}` is not a CVE id", pair.cve)));
        }
    }
}

/// The record of one statement "version `fixed` of `source` fixes `cve`".
pub(super) fn record(space: &str, source: &str, cve: &str, fixed: &str) -> Record {
    Record {
        id: cve.to_owned(),
        affected: vec![Affected {
            space: space.to_owned(),
            name: source.to_owned(),
            keyed_by: KeyedBy::Source,
            state: State::Fixed,
            ranges: vec![Range { introduced: None, until: Bound::Fixed(fixed.to_owned()) }],
            ..Affected::default()
        }],
        ..Record::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn bullseye_whole() {
        let path = "debian/bullseye-changelog-fixes";
        let Some(read) = testdata::import_as("debian-changelog", "advisories", path, Some("debian:11"))
        else {
            return;
        };
        assert_eq!(read.gaps, []);
        assert_eq!(read.about("debian:11", "acl"), ["CVE-2009-4411 debian:11 acl Fixed [0, 2.2.49-2)"]);
        assert_eq!(read.records.len(), 1_693);
    }
}
