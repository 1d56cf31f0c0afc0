//! CVE records, JSON 5 (<https://github.com/CVEProject/cve-schema>), as the CVE list and CISA's vulnrichment
//! publish them: CVSS vectors, weaknesses, title. 23,975 records of 2024 seen whole.
//!
//! What products a CNA calls affected is not read: its names are not those of any package space.

use serde::Deserialize;

use super::{Document, Item, cve_id, limits, rating};
use crate::record::Enrichment;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CveRecord {
    cve_metadata: Metadata,
    #[serde(default)]
    containers: Containers,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    cve_id: String,
    #[serde(default)]
    state: String,
}

#[derive(Deserialize, Default)]
struct Containers {
    #[serde(default)]
    cna: Container,
    #[serde(default)]
    adp: Vec<Container>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Container {
    #[serde(default)]
    title: String,
    #[serde(default)]
    metrics: Vec<Metric>,
    #[serde(default)]
    problem_types: Vec<ProblemType>,
    #[serde(default)]
    provider_metadata: Provider,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Provider {
    #[serde(default)]
    short_name: String,
}

#[derive(Deserialize)]
struct Metric {
    #[serde(rename = "cvssV4_0", default)]
    v4_0: Option<Cvss>,
    #[serde(rename = "cvssV3_1", default)]
    v3_1: Option<Cvss>,
    #[serde(rename = "cvssV3_0", default)]
    v3_0: Option<Cvss>,
    #[serde(rename = "cvssV2_0", default)]
    v2_0: Option<Cvss>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cvss {
    #[serde(default)]
    base_score: Option<f64>,
    #[serde(default)]
    vector_string: Option<String>,
}

#[derive(Deserialize)]
struct ProblemType {
    #[serde(default)]
    descriptions: Vec<ProblemDescription>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProblemDescription {
    #[serde(default)]
    cwe_id: Option<String>,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    // The list's archives also hold lists of what changed.
    let base = document.base();
    if !base.starts_with("CVE-") && (base.starts_with("delta") || base.starts_with("recent")) {
        return;
    }
    match serde_json::from_slice::<CveRecord>(document.bytes) {
        Ok(record) if !cve_id::is_cve(&record.cve_metadata.cve_id) => {
            out(document.malformed(format_args!("`{}` is not a CVE id", record.cve_metadata.cve_id)));
        }
        Ok(record) if record.cve_metadata.state != "REJECTED" => record.enrich(out),
        Ok(_) => {}
        Err(error) => out(document.malformed(error)),
    }
}

impl CveRecord {
    fn enrich(self, out: &mut dyn FnMut(Item)) {
        let mut enrichment = Enrichment {
            id: self.cve_metadata.cve_id,
            title: self.containers.cna.title.trim().chars().take(limits::TITLE_CHARS_MAX).collect(),
            ..Enrichment::default()
        };
        self.containers.cna.add_to("cna", &mut enrichment);
        for container in &self.containers.adp {
            let source = container.provider_metadata.short_name.to_ascii_lowercase();
            container.add_to(&source, &mut enrichment);
        }
        let empty =
            enrichment.ratings.is_empty() && enrichment.weaknesses.is_empty() && enrichment.title.is_empty();
        if !empty {
            out(Item::Enrichment(enrichment));
        }
    }
}

impl Container {
    fn add_to(&self, source: &str, enrichment: &mut Enrichment) {
        for metric in &self.metrics {
            let all = [&metric.v4_0, &metric.v3_1, &metric.v3_0, &metric.v2_0];
            for cvss in all.into_iter().flatten() {
                let vector = cvss.vector_string.as_deref();
                let rating = match cvss.base_score {
                    Some(score) => rating::of_score(source, score, vector),
                    None => vector.and_then(|vector| rating::of_vector(source, vector)),
                };
                rating::push(&mut enrichment.ratings, rating);
            }
        }
        for description in self.problem_types.iter().flat_map(|kind| &kind.descriptions) {
            if let Some(cwe) = &description.cwe_id
                && cwe.starts_with("CWE-")
                && !enrichment.weaknesses.contains(cwe)
            {
                enrichment.weaknesses.push(cwe.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;
    use seawall_finding::Severity;

    #[test]
    fn vulnrichment_of_2024_whole() {
        let Some(read) = testdata::import("cve", "enrichment", "vulnrichment/") else { return };
        assert_eq!(
            (read.documents, read.enrichments.len(), read.gaps.len()),
            (23_975, 22_652, 0),
            "{:#?}",
            read.gaps.first()
        );
        let libigl = read.enrichment("CVE-2024-24686");
        assert_eq!(libigl.weaknesses, ["CWE-121"]);
        assert_eq!((libigl.ratings[0].severity, libigl.ratings[0].score), (Severity::High, Some(7.8)));
    }
}
