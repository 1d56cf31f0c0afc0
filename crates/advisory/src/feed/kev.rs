//! CISA's catalogue of known exploited vulnerabilities
//! (<https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json>). Seen whole.

use seawall_finding::KnownExploited;
use serde::Deserialize;

use super::{Document, Item, cve_id};
use crate::record::Enrichment;

#[derive(Deserialize)]
struct Catalogue {
    vulnerabilities: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "cveID")]
    cve_id: String,
    #[serde(default)]
    vulnerability_name: String,
    date_added: String,
    #[serde(default)]
    known_ransomware_campaign_use: String,
    #[serde(default)]
    cwes: Vec<String>,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let catalogue: Catalogue = match serde_json::from_slice(document.bytes) {
        Ok(catalogue) => catalogue,
        Err(error) => return out(document.malformed(error)),
    };
    for value in catalogue.vulnerabilities {
        match serde_json::from_value::<Entry>(value) {
            Ok(entry) if cve_id::is_cve(&entry.cve_id) => out(Item::Enrichment(entry.enrichment())),
            Ok(entry) => out(document.malformed(format_args!("`{}` is not a CVE id", entry.cve_id))),
            Err(error) => out(document.malformed(error)),
        }
    }
}

impl Entry {
    fn enrichment(self) -> Enrichment {
        Enrichment {
            id: self.cve_id,
            known_exploited: Some(KnownExploited {
                added: self.date_added,
                ransomware: self.known_ransomware_campaign_use == "Known",
            }),
            weaknesses: self.cwes,
            title: self.vulnerability_name,
            ..Enrichment::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;
    use super::*;

    #[test]
    fn the_catalogue_of_2025_08() {
        let Some(read) = testdata::import("kev", "enrichment", "kev/") else { return };
        assert_eq!((read.enrichments.len(), read.gaps.len()), (1404, 0));
        let git = read.enrichment("CVE-2025-48384");
        assert_eq!(
            git.known_exploited,
            Some(KnownExploited { added: "2025-08-25".into(), ransomware: false })
        );
        assert_eq!(git.title, "Git Link Following Vulnerability");
        assert!(read.enrichment("CVE-2021-44228").known_exploited.as_ref().unwrap().ransomware);
    }

    #[test]
    fn a_bad_entry_is_a_gap_and_the_rest_is_read() {
        let text = br#"{"vulnerabilities":[{"cveID":1},{"cveID":"x","dateAdded":""},{"cveID":"CVE-2020-0001","dateAdded":"2020-01-01"}]}"#;
        let read = testdata::bytes("kev", "kev.json", text, None);
        assert_eq!((read.enrichments.len(), read.gaps.len()), (1, 2));
    }
}
