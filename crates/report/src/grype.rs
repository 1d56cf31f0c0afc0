//! Grype's JSON (`matches`, `ignoredMatches`, `source`, `distro`, `descriptor`), for tools that read it.

use std::io::Write;

use seawall_finding::{FixState, Severity, Vulnerable};
use seawall_inventory::{Ecosystem, Package};
use serde::Serialize;
use serde_json::{Value, json};

use crate::json::write_pretty;
use crate::problem::{Problem, problems};
use crate::{RenderError, Report, identity};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    matches: Vec<Match<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored_matches: Vec<Match<'a>>,
    source: Value,
    distro: Value,
    descriptor: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Match<'a> {
    vulnerability: Vulnerability<'a>,
    related_vulnerabilities: Vec<Related<'a>>,
    match_details: Vec<Value>,
    artifact: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    applied_ignore_rules: Vec<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Vulnerability<'a> {
    id: &'a str,
    data_source: &'a str,
    namespace: String,
    severity: &'static str,
    urls: &'a [String],
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    cvss: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known_exploited: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    epss: Vec<Value>,
    fix: Value,
    advisories: Vec<Value>,
    risk: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Related<'a> {
    id: &'a str,
    data_source: String,
    namespace: &'static str,
    severity: &'static str,
    urls: [String; 1],
    cvss: [Value; 0],
}

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let problems = problems(report);
    let (waived, listed): (Vec<_>, Vec<_>) = problems.iter().partition(|problem| problem.is_waived());
    let inventory = &report.inventory;
    let distro = inventory.distro.as_ref();
    let document = Document {
        matches: listed.into_iter().map(|problem| grype_match(report, problem)).collect(),
        ignored_matches: waived.into_iter().map(|problem| grype_match(report, problem)).collect(),
        source: source(report),
        distro: json!({
            "name": distro.map_or("", |distro| &distro.id),
            "version": distro.and_then(|distro| distro.version.as_deref()).unwrap_or_default(),
            "idLike": distro.map(|distro| distro.id_like.clone()).unwrap_or_default(),
        }),
        descriptor: json!({ "name": "seawall", "version": report.version, "timestamp": report.created.to_string() }),
    };
    write_pretty(&document, out)
}

fn source(report: &Report) -> Value {
    let inventory = &report.inventory;
    match &inventory.image {
        Some(image) => json!({
            "type": "image",
            "target": {
                "userInput": inventory.target.name,
                "imageID": image.config_digest.as_ref().map(ToString::to_string),
                "manifestDigest": image.digest.as_ref().map(ToString::to_string),
                "tags": image.tags,
                "layers": image.layers.iter().map(|layer| json!({
                    "mediaType": layer.media_type, "digest": layer.diff_id.to_string(), "size": layer.size_bytes,
                })).collect::<Vec<_>>(),
                "architecture": image.platform.architecture,
                "os": image.platform.os,
            },
        }),
        None => json!({ "type": "directory", "target": inventory.target.name }),
    }
}

fn grype_match<'a>(report: &Report, problem: &'a Problem<'a>) -> Match<'a> {
    let Problem { judged, package, vulnerable, index: _ } = problem;
    let decisive = vulnerable.matched.first();
    let related = vulnerable.aliases.iter().filter(|alias| alias.starts_with("CVE-"));
    let details = vulnerable.matched.iter().map(|matched| {
        let kind = if matched.name == package.name { "exact-direct-match" } else { "exact-indirect-match" };
        json!({
            "type": kind,
            "matcher": format!("{}-matcher", package.ecosystem.purl_type()),
            "searchedBy": { "namespace": matched.space, "package": { "name": matched.name, "version": matched.version } },
            "found": { "vulnerabilityID": matched.advisory, "versionConstraint": matched.comparison },
        })
    });
    Match {
        vulnerability: Vulnerability {
            id: &vulnerable.id,
            data_source: judged.finding.references.first().map_or("", String::as_str),
            namespace: decisive.map(|matched| matched.space.clone()).unwrap_or_default(),
            severity: severity(judged.finding.severity),
            urls: &judged.finding.references,
            description: if vulnerable.description.is_empty() { &vulnerable.title } else { &vulnerable.description },
            cvss: cvss(vulnerable),
            known_exploited: vulnerable.known_exploited.iter().map(|known| json!({ "cve": vulnerable.id, "dateAdded": known.added, "knownRansomwareCampaignUse": if known.ransomware { "known" } else { "unknown" } })).collect(),
            epss: vulnerable.epss.iter().map(|epss| json!({ "cve": vulnerable.id, "epss": epss.score, "percentile": epss.percentile })).collect(),
            fix: json!({ "versions": vulnerable.fixed_versions, "state": fix_state(vulnerable.state) }),
            advisories: vulnerable.matched.iter().filter(|matched| matched.advisory != vulnerable.id).map(|matched| json!({ "id": matched.advisory, "link": "" })).collect(),
            risk: vulnerable.risk,
        },
        related_vulnerabilities: related.map(|id| related_cve(id)).collect(),
        match_details: details.collect(),
        artifact: artifact(report, package),
        applied_ignore_rules: judged.waived.iter().map(|waived| json!({ "vulnerability": vulnerable.id, "reason": waived.reason, "namespace": waived.by })).collect(),
    }
}

/// DefectDojo reads `urls` of every related vulnerability without asking whether it is there.
fn related_cve(id: &str) -> Related<'_> {
    let data_source = format!("https://nvd.nist.gov/vuln/detail/{id}");
    Related {
        id,
        urls: [data_source.clone()],
        data_source,
        namespace: "nvd:cpe",
        severity: "Unknown",
        cvss: [],
    }
}

fn cvss(vulnerable: &Vulnerable) -> Vec<Value> {
    let rated = vulnerable.ratings.iter().filter_map(|rating| Some((rating, rating.vector.as_ref()?)));
    let version = |vector: &str| match vector.split('/').next() {
        Some(start) if start.starts_with("CVSS:") => start.trim_start_matches("CVSS:").to_owned(),
        _ => "2.0".to_owned(),
    };
    rated.map(|(rating, vector)| json!({ "source": rating.source, "type": "Primary", "version": version(vector), "vector": vector, "metrics": { "baseScore": rating.score }, "vendorMetadata": {} })).collect()
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Unknown => "Unknown",
        Severity::Negligible => "Negligible",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}

fn fix_state(state: FixState) -> &'static str {
    match state {
        FixState::Fixed => "fixed",
        FixState::NotFixed | FixState::Deferred | FixState::UnderInvestigation => "not-fixed",
        FixState::WillNotFix | FixState::EndOfLife => "wont-fix",
        FixState::Undetermined => "unknown",
    }
}

/// Syft's package types and languages.
fn artifact(report: &Report, package: &Package) -> Value {
    let (package_type, language) = match package.ecosystem {
        Ecosystem::Pypi => ("python", "python"),
        Ecosystem::Golang => ("go-module", "go"),
        Ecosystem::Cargo => ("rust-crate", "rust"),
        Ecosystem::Maven => ("java-archive", "java"),
        Ecosystem::Nuget => ("dotnet", "dotnet"),
        Ecosystem::Composer => ("php-composer", "php"),
        Ecosystem::Gem => ("gem", "ruby"),
        Ecosystem::Npm => ("npm", "javascript"),
        Ecosystem::Generic => ("binary", ""),
        Ecosystem::Deb
        | Ecosystem::Rpm
        | Ecosystem::Apk
        | Ecosystem::Alpm
        | Ecosystem::Hex
        | Ecosystem::Pub
        | Ecosystem::Swift
        | Ecosystem::Cocoapods
        | Ecosystem::Conan
        | Ecosystem::Conda
        | Ecosystem::Cran
        | Ecosystem::Hackage
        | Ecosystem::Bitnami
        | Ecosystem::Githubactions => (package.ecosystem.purl_type(), ""),
    };
    let locations = package.places.iter().filter_map(|place| {
        let path = place.path.as_ref()?;
        let layer = place.layer.as_ref().map(|layer| layer.diff_id.to_string());
        Some(json!({ "path": format!("/{path}"), "layerID": layer, "accessPath": format!("/{path}") }))
    });
    json!({
        "id": identity::short_hash(&[
            &package.name,
            &package.version,
            package.places.first().and_then(|place| place.path.as_deref()).unwrap_or_default(),
        ]),
        "name": package.name,
        "version": package.version,
        "type": package_type,
        "language": language,
        "locations": locations.collect::<Vec<_>>(),
        "licenses": package.licenses,
        "cpes": [],
        "purl": package.purl(report.inventory.distro.as_ref()).to_string(),
        "upstreams": package.source.iter().map(|source| json!({ "name": source.name, "version": source.version })).collect::<Vec<_>>(),
    })
}
