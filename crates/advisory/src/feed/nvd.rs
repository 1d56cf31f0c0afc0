//! NVD's API 2.0 and yearly feeds 2.0 (<https://nvd.nist.gov/developers/vulnerabilities>), and corrections of their
//! CPE configurations in the same form (nvd-overrides). Corrections seen whole (32,184); NVD's own as samples.
//!
//! Severity and weaknesses become [`Enrichment`]. CPE ranges become records only for programs that images carry
//! without a package manager (`generic`: python, node, nginx …): anything else would match by name alone.

mod cpe;

use serde::Deserialize;

use super::{Document, Item, cve_id, json, rating};
use crate::record::{Affected, Enrichment, Record};

#[derive(Deserialize)]
struct Entry {
    cve: Cve,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cve {
    #[serde(default)]
    id: String,
    #[serde(default)]
    published: String,
    #[serde(default)]
    last_modified: Option<String>,
    #[serde(default)]
    vuln_status: String,
    #[serde(default)]
    descriptions: Vec<Text>,
    #[serde(default)]
    metrics: Metrics,
    #[serde(default)]
    weaknesses: Vec<Weakness>,
    #[serde(default)]
    configurations: Vec<Configuration>,
    #[serde(default)]
    references: Vec<Reference>,
}

#[derive(Deserialize)]
struct Text {
    #[serde(default)]
    lang: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    #[serde(default, rename = "cvssMetricV40")]
    v40: Vec<Metric>,
    #[serde(default, rename = "cvssMetricV31")]
    v31: Vec<Metric>,
    #[serde(default, rename = "cvssMetricV30")]
    v30: Vec<Metric>,
    #[serde(default, rename = "cvssMetricV2")]
    v2: Vec<Metric>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    #[serde(default)]
    source: String,
    cvss_data: CvssData,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CvssData {
    #[serde(default)]
    vector_string: Option<String>,
    base_score: f64,
}

#[derive(Deserialize)]
struct Weakness {
    #[serde(default)]
    description: Vec<Text>,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    #[serde(default)]
    negate: bool,
    #[serde(default)]
    cpe_match: Vec<cpe::Match>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default)]
    url: String,
}

/// A correction: the CVE's id stands beside it.
#[derive(Deserialize)]
struct Override {
    #[serde(rename = "_annotation")]
    annotation: Annotation,
    cve: Cve,
}

#[derive(Deserialize)]
struct Annotation {
    cve_id: String,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let head = document.bytes.get(..200.min(document.bytes.len())).unwrap_or_default();
    if head.windows(13).any(|window| window == b"\"_annotation\"") {
        return match serde_json::from_slice::<Override>(document.bytes) {
            Ok(Override { annotation, cve }) => Cve { id: annotation.cve_id, ..cve }.items(document, out),
            Err(error) => out(document.malformed(error)),
        };
    }
    let mut each = |entry: Result<Entry, serde_json::Error>| match entry {
        Ok(entry) => entry.cve.items(document, out),
        Err(error) => out(document.malformed(error)),
    };
    match json::each_element(document.bytes, "vulnerabilities", &mut each) {
        Ok(true) => {}
        Ok(false) => {
            out(document.malformed("it has no `vulnerabilities`; feeds of version 1.1 are not read"))
        }
        Err(error) => out(document.malformed(error)),
    }
}

impl Cve {
    fn items(self, document: &Document<'_>, out: &mut dyn FnMut(Item)) {
        if !cve_id::is_cve(&self.id) {
            return out(document.malformed(format_args!("`{}` is not a CVE id", self.id)));
        }
        if self.vuln_status == "Rejected" {
            return;
        }
        let enrichment = self.enrichment();
        let affected = self.affected();
        if !affected.is_empty() {
            out(Item::Record(self.record(&enrichment, affected)));
        }
        if !(enrichment.ratings.is_empty() && enrichment.weaknesses.is_empty()) {
            out(Item::Enrichment(enrichment));
        }
    }

    fn enrichment(&self) -> Enrichment {
        let mut enrichment = Enrichment { id: self.id.clone(), ..Enrichment::default() };
        let metrics = [&self.metrics.v40, &self.metrics.v31, &self.metrics.v30, &self.metrics.v2];
        for metric in metrics.into_iter().flatten() {
            let source = match metric.source.as_str() {
                "nvd@nist.gov" => "nvd",
                "134c704f-9b21-4f2e-91b3-4a467353bcc0" => "cisa-adp",
                _ => "cna",
            };
            let rating = rating::of_score(
                source,
                metric.cvss_data.base_score,
                metric.cvss_data.vector_string.as_deref(),
            );
            rating::push(&mut enrichment.ratings, rating);
        }
        for text in self.weaknesses.iter().flat_map(|weakness| &weakness.description) {
            if text.value.starts_with("CWE-") && !enrichment.weaknesses.contains(&text.value) {
                enrichment.weaknesses.push(text.value.clone());
            }
        }
        enrichment
    }

    fn affected(&self) -> Vec<Affected> {
        let mut affected = Vec::new();
        let nodes = self.configurations.iter().flat_map(|configuration| &configuration.nodes);
        for found in nodes.filter(|node| !node.negate).flat_map(|node| &node.cpe_match) {
            found.add_to(&mut affected);
        }
        affected
    }

    fn record(&self, enrichment: &Enrichment, affected: Vec<Affected>) -> Record {
        let english = self.descriptions.iter().find(|text| text.lang == "en");
        Record {
            id: self.id.clone(),
            published: self.published.get(..10).map(str::to_owned),
            modified: self.last_modified.clone(),
            description: english.map(|text| text.value.clone()).unwrap_or_default(),
            references: self.references.iter().map(|reference| reference.url.clone()).collect(),
            ratings: enrichment.ratings.clone(),
            weaknesses: enrichment.weaknesses.clone(),
            affected,
            ..Record::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn corrections_whole() {
        let Some(read) = testdata::import("nvd", "enrichment", "nvd-overrides/") else { return };
        assert_eq!(
            (read.documents, read.records.len(), read.gaps.len()),
            (32_184, 1_921, 0),
            "{:#?}",
            read.gaps.first()
        );
    }

    #[test]
    fn samples_of_the_api_and_the_feed() {
        let Some(read) =
            testdata::import("nvd", "feed-formats", "fetch/nvd/api/cve/testdata/fixtures/3_items/")
        else {
            return;
        };
        assert_eq!(read.gaps, []);
        let moodle = read.enrichment("CVE-2023-47613");
        assert_eq!(moodle.ratings.len(), 1);
        let Some(read) = testdata::import("nvd", "feed-formats", "fetch/nvd/feed/cve/v2/testdata/fixtures/")
        else {
            return;
        };
        assert_eq!((read.documents, read.gaps.len()), (3, 0), "{:?}", read.gaps);
        assert!(!read.enrichments.is_empty());
    }

    fn check(found: &str, expected: &[&str]) {
        let text = format!(
            r#"{{"vulnerabilities":[{{"cve":{{"id":"CVE-2024-0001","configurations":[{{"nodes":[{{"cpeMatch":[{found}]}}]}}]}}}}]}}"#
        );
        let read = testdata::bytes("nvd", "nvd.json", text.as_bytes(), None);
        let lines: Vec<String> =
            read.records.iter().flat_map(|r| r.affected.iter().map(testdata::line)).collect();
        assert_eq!(lines, expected, "{found}");
    }

    #[test]
    fn cpe_ranges() {
        let python = r#""vulnerable":true,"criteria":"cpe:2.3:a:python:python:*:*:*:*:*:*:*:*""#;
        check(
            &format!(
                r#"{{{python},"versionStartIncluding":"3.8.0","versionEndExcluding":"3.8.20"}},{{{python},"versionEndIncluding":"2.7.18"}}"#
            ),
            &["generic python Fixed [3.8.0, 3.8.20) [0, 2.7.18]"],
        );
        check(&format!("{{{python}}}"), &["generic python NotFixed [0, …)"]);
        check(
            r#"{"vulnerable":true,"criteria":"cpe:2.3:a:openssl:openssl:1.1.1:pre8:*:*:*:*:*:*"}"#,
            &["generic openssl NotFixed =1.1.1-pre8"],
        );
        check(
            r#"{"vulnerable":true,"criteria":"cpe:2.3:a:oracle:openjdk:1.8.0:update392:*:*:*:*:*:*"}"#,
            &["generic openjdk NotFixed =1.8.0_392"],
        );
        check(
            r#"{"vulnerable":true,"criteria":"cpe:2.3:a:haxx:curl:8.5.0:*:*:*:*:*:*:*"}"#,
            &["generic curl NotFixed =8.5.0", "generic libcurl NotFixed =8.5.0"],
        );
        check(r#"{"vulnerable":true,"criteria":"cpe:2.3:a:openssl:openssl:-:*:*:*:*:*:*:*"}"#, &[]);
        check(r#"{"vulnerable":false,"criteria":"cpe:2.3:a:python:python:3.8:*:*:*:*:*:*:*"}"#, &[]);
        check(r#"{"vulnerable":true,"criteria":"cpe:2.3:a:acme:python:3.8:*:*:*:*:*:*:*"}"#, &[]);
    }
}
