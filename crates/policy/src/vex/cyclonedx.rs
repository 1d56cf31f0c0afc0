//! CycloneDX VEX (CycloneDX 1.4 to 1.6, `vulnerabilities[].analysis`).

use std::collections::BTreeMap;

use seawall_inventory::Purl;
use serde::Deserialize;

use crate::waiver::{Selector, Waiver};

/// Nested components deeper than this are not looked up; real documents have two or three levels.
const DEPTH_MAX: usize = 16;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    components: Vec<Component>,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(default, rename = "bom-ref")]
    reference: String,
    #[serde(default)]
    purl: Option<String>,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Vulnerability {
    #[serde(default)]
    id: String,
    #[serde(default)]
    analysis: Option<Analysis>,
    #[serde(default)]
    affects: Vec<Affects>,
}

#[derive(Deserialize)]
struct Analysis {
    #[serde(default)]
    state: String,
    #[serde(default)]
    justification: String,
    #[serde(default)]
    detail: String,
}

#[derive(Deserialize)]
struct Affects {
    #[serde(rename = "ref")]
    reference: String,
}

pub(super) fn read(document: serde_json::Value, name: &str) -> Result<Vec<Waiver>, String> {
    let document: Document =
        serde_json::from_value(document).map_err(|error| format!("it is not CycloneDX ({error})"))?;
    let mut purls = BTreeMap::new();
    collect(&document.components, &mut purls, 0);
    let mut waivers = Vec::new();
    for vulnerability in &document.vulnerabilities {
        let Some(analysis) = &vulnerability.analysis else { continue };
        let waives = matches!(
            analysis.state.as_str(),
            "not_affected" | "false_positive" | "resolved" | "resolved_with_pedigree"
        );
        let purls: Vec<Purl> =
            vulnerability.affects.iter().filter_map(|affects| purl(&affects.reference, &purls)).collect();
        // Without a package the statement is about the document's own product, which may not be the target.
        if !waives || vulnerability.id.is_empty() || purls.is_empty() {
            continue;
        }
        let parts = [analysis.state.as_str(), &analysis.justification, &analysis.detail];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        waivers.push(Waiver {
            by: format!("VEX {name}"),
            selector: Selector {
                vulnerabilities: vec![vulnerability.id.clone()],
                purls,
                ..Selector::default()
            },
            reason: parts.join(": ").replace('_', " "),
            ..Waiver::default()
        });
    }
    Ok(waivers)
}

fn collect(components: &[Component], purls: &mut BTreeMap<String, Purl>, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    for component in components {
        if let Some(purl) = component.purl.as_ref().and_then(|purl| purl.parse().ok()) {
            purls.insert(component.reference.clone(), purl);
        }
        collect(&component.components, purls, depth + 1);
    }
}

/// A reference is a `bom-ref` of this document, a package URL, or a BOM-Link whose fragment is one of these.
fn purl(reference: &str, purls: &BTreeMap<String, Purl>) -> Option<Purl> {
    let fragment =
        reference.strip_prefix("urn:cdx:").and_then(|link| link.split_once('#')).map(|(_, part)| part);
    let reference = fragment.unwrap_or(reference);
    purls.get(reference).cloned().or_else(|| reference.parse().ok()).or_else(|| {
        // A BOM-Link percent-encodes the fragment.
        let decoded = reference.replace("%3A", ":").replace("%2F", "/").replace("%40", "@");
        decoded.parse().ok()
    })
}
