//! A baseline: the findings of an earlier JSON report are known, only new ones count.

use seawall_finding::Fingerprint;
use serde::Deserialize;

use crate::waiver::{Selector, Waiver};

#[derive(Deserialize)]
struct Report {
    findings: Vec<Known>,
}

#[derive(Deserialize)]
struct Known {
    fingerprint: Fingerprint,
}

/// One waiver for all findings of the report; none for a report without findings.
pub(crate) fn read(text: &str, name: &str) -> Result<Option<Waiver>, String> {
    let report: Report = serde_json::from_str(text)
        .map_err(|error| format!("it is not a JSON report of Seawall ({error})"))?;
    let mut fingerprints: Vec<Fingerprint> =
        report.findings.into_iter().map(|known| known.fingerprint).collect();
    fingerprints.sort();
    fingerprints.dedup();
    if fingerprints.is_empty() {
        return Ok(None);
    }
    Ok(Some(Waiver {
        by: format!("baseline {name}"),
        selector: Selector { fingerprints, ..Selector::default() },
        reason: "known since the baseline".to_owned(),
        ..Waiver::default()
    }))
}
