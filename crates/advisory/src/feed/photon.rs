//! Photon OS's `cve_data_photonN.0.json`: CVE, binary package, fixed version. Seen as samples of 1.0, 4.0, 5.0.

use serde::Deserialize;

use super::{Document, Item, cve_id, rating, rpm_fixes};
use crate::record::{Affected, Bound, Range, Record, State};

#[derive(Deserialize)]
struct Entry {
    cve_id: String,
    pkg: String,
    #[serde(default)]
    cve_score: Option<f64>,
    #[serde(default)]
    res_ver: String,
    #[serde(default)]
    status: String,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let entries: Vec<Entry> = match serde_json::from_slice(document.bytes) {
        Ok(entries) => entries,
        Err(error) => return out(document.malformed(error)),
    };
    let own = document.base().rsplit_once("photon").map(|(_, version)| format!("photon:{version}"));
    let Some(space) = document.space.map(str::to_owned).or(own) else {
        return out(document.malformed("its name does not say of which release it is"));
    };
    for entry in entries {
        // `UNK-1`, `Re`: placeholders of a vendor's tool.
        let known = cve_id::is_cve(&entry.cve_id) || entry.cve_id.starts_with("BDSA-");
        if let Some(affected) = entry.affected(&space).filter(|_| known) {
            let rating = entry.cve_score.and_then(|score| rating::of_score("photon", score, None));
            let ratings = rating.into_iter().collect();
            out(Item::Record(Record {
                id: entry.cve_id,
                ratings,
                affected: vec![affected],
                ..Record::default()
            }));
        }
    }
}

impl Entry {
    fn affected(&self, space: &str) -> Option<Affected> {
        let (state, ranges) = match (self.status.as_str(), self.res_ver.as_str()) {
            ("Not Affected", _) => (State::NotAffected, Vec::new()),
            ("Fixed", version) if !matches!(version, "" | "NA") => {
                let until = Bound::Fixed(rpm_fixes::without_zero_epoch(version).to_owned());
                (State::Fixed, vec![Range { introduced: None, until }])
            }
            ("Unfixed" | "Not Fixed" | "Affected", _) => (State::NotFixed, vec![Range::default()]),
            _ => return None,
        };
        Some(Affected {
            space: space.to_owned(),
            name: self.pkg.clone(),
            state,
            ranges,
            ..Affected::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn samples() {
        let path = "fetch/photon/cve/testdata/fixtures/happy/cve_data";
        let Some(read) = testdata::import("photon", "feed-formats", path) else { return };
        assert_eq!(read.gaps, []);
        assert_eq!(
            read.about("photon:4.0", "curl"),
            ["CVE-2025-9086 photon:4.0 curl Fixed [0, 8.16.0-1.ph4)"]
        );
        assert_eq!(read.about("photon:5.0", "consul"), ["BDSA-2025-13833 photon:5.0 consul NotAffected"]);
    }
}
