//! CycloneDX 1.6 JSON (ECMA-424): components, the distribution, and what was found as `vulnerabilities`.
//!
//! Properties named `seawall:…` carry what the format has no field for, so that a scan of the document gives the same
//! answers as a scan of the image.

use std::collections::HashMap;
use std::io::Write;

use seawall_finding::{FixState, Severity, Vulnerable};
use seawall_inventory::{Ecosystem, Package, TargetKind, sbom_property as property};
use serde::Serialize;
use serde_json::{Value, json};

use crate::json::{Each, write_pretty};
use crate::problem::{Problem, problems, weakness_number};
use crate::{RenderError, Report, identity, license, web};

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let references = references(report);
    let packages = || report.inventory.packages.iter().zip(&references);
    let components = || {
        let components = packages().map(|(package, reference)| component(report, package, reference));
        components.chain(distribution(report))
    };
    let problems = problems(report);
    let mut unique = Unique::default();
    // The same finding on two architectures has one fingerprint.
    let own: Vec<String> = problems
        .iter()
        .map(|problem| unique.reference(format!("finding:{}", problem.judged.fingerprint)))
        .collect();
    let vulnerabilities = || {
        let numbered = problems.iter().zip(&own);
        numbered
            .filter_map(|(problem, own)| Some(vulnerability(problem, own, references.get(problem.index)?)))
    };
    let root = "target";
    let document = Document {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        components: Each(components),
        dependencies: [Dependencies { depends_on: &references, reference: root }],
        metadata: json!({
            "timestamp": report.created.to_string(),
            "tools": { "components": [{ "type": "application", "name": "seawall", "version": report.version }] },
            "component": target(report, root),
        }),
        serial_number: format!("urn:uuid:{}", identity::uuid(report)),
        spec_version: "1.6",
        version: 1,
        vulnerabilities: (!problems.is_empty()).then_some(Each(vulnerabilities)),
    };
    write_pretty(&document, out)
}

/// The document, its lists made while they are written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'r, C: Serialize, V: Serialize> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    components: C,
    dependencies: [Dependencies<'r>; 1],
    metadata: Value,
    serial_number: String,
    spec_version: &'static str,
    version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    vulnerabilities: Option<V>,
}

#[derive(Serialize)]
struct Dependencies<'r> {
    #[serde(rename = "dependsOn")]
    depends_on: &'r [String],
    #[serde(rename = "ref")]
    reference: &'static str,
}

fn target(report: &Report, reference: &str) -> Value {
    let target = &report.inventory.target;
    let kind = match target.kind {
        TargetKind::Image | TargetKind::Container => "container",
        TargetKind::Directory | TargetKind::Sbom | TargetKind::Host | TargetKind::Files => "application",
    };
    let mut component = json!({
        "type": kind,
        "bom-ref": reference,
        "name": target.name,
        "properties": [named(property::TARGET, serde_json::to_string(target).unwrap_or_default())],
    });
    if let Some(digest) = &target.digest {
        component["version"] = json!(digest.to_string());
    }
    component
}

fn distribution(report: &Report) -> Option<Value> {
    let distro = report.inventory.distro.as_ref()?;
    let mut component = json!({
        "type": "operating-system",
        "bom-ref": format!("os:{}", distro.release()),
        "name": distro.id,
        "description": if distro.name.is_empty() { distro.release() } else { distro.name.clone() },
        "properties": [named(property::DISTRO, serde_json::to_string(distro).unwrap_or_default())],
    });
    if let Some(version) = &distro.version {
        component["version"] = json!(version);
    }
    Some(component)
}

/// A reference for each package, unique in the document.
fn references(report: &Report) -> Vec<String> {
    let mut unique = Unique::default();
    report.inventory.packages.iter().map(|package| unique.reference(reference(report, package))).collect()
}

/// Makes references unique: the second `a` is `a-2`.
#[derive(Default)]
struct Unique {
    uses: HashMap<String, usize>,
}

impl Unique {
    fn reference(&mut self, reference: String) -> String {
        let count = self.uses.entry(reference.clone()).or_default();
        *count += 1;
        if *count == 1 { reference } else { format!("{reference}-{count}") }
    }
}

/// The same package at two places is two components.
fn reference(report: &Report, package: &Package) -> String {
    let purl = package.purl(report.inventory.distro.as_ref());
    let path = package.places.first().and_then(|place| place.path.as_deref()).unwrap_or_default();
    format!("{purl}#{}", identity::short_hash(&[path, package.vendor.as_deref().unwrap_or_default()]))
}

fn named(name: &str, value: impl Into<String>) -> Value {
    json!({ "name": name, "value": value.into() })
}

fn component(report: &Report, package: &Package, reference: &str) -> Value {
    let distro = report.inventory.distro.as_ref();
    let mut component = json!({
        "type": if package.ecosystem == Ecosystem::Generic { "application" } else { "library" },
        "bom-ref": reference,
        "name": package.name,
        "version": package.version,
        "purl": package.purl(distro).to_string(),
        "properties": properties(package),
    });
    if let Some((group, name)) =
        package.name.split_once(':').filter(|_| package.ecosystem == Ecosystem::Maven)
    {
        component["group"] = json!(group);
        component["name"] = json!(name);
    }
    if let Some(vendor) = &package.vendor {
        component["publisher"] = json!(vendor);
    }
    if !package.licenses.is_empty() {
        component["licenses"] = licenses(&package.licenses);
    }
    let locations: Vec<Value> = package
        .places
        .iter()
        .filter_map(|place| Some(json!({ "location": format!("/{}", place.path.as_ref()?) })))
        .collect();
    if !locations.is_empty() {
        component["evidence"] = json!({ "occurrences": locations });
    }
    component
}

/// An expression may only stand alone; beside others it is a name.
fn licenses(licenses: &[String]) -> Value {
    if let [expression] = licenses
        && license::kind(expression) == license::Kind::Expression
    {
        return json!([{ "expression": expression }]);
    }
    let license = |text: &String| match license::kind(text) {
        license::Kind::Id => json!({ "license": { "id": text } }),
        license::Kind::Expression | license::Kind::Name => json!({ "license": { "name": text } }),
    };
    json!(licenses.iter().map(license).collect::<Vec<_>>())
}

fn properties(package: &Package) -> Vec<Value> {
    let mut properties = vec![named(property::NAME, &package.name)];
    let mut add = |name, value: Option<String>| properties.extend(value.map(|value| named(name, value)));
    let source = package.source.as_ref();
    add(property::SOURCE_NAME, source.map(|source| source.name.clone()));
    add(property::SOURCE_VERSION, source.map(|source| source.version.clone()));
    add(property::MODULE, package.module.clone());
    add(property::VENDOR, package.vendor.clone());
    add(property::PRESENCE, Some(identity::presence(package.presence).to_owned()));
    add(property::OWNER, package.owner.as_ref().map(ToString::to_string));
    let place = package.places.first();
    add(property::PATH, place.and_then(|place| place.path.clone()));
    let layer = place.and_then(|place| place.layer.as_ref());
    add(property::LAYER_INDEX, layer.map(|layer| layer.index.to_string()));
    add(property::LAYER_DIFF_ID, layer.map(|layer| layer.diff_id.to_string()));
    add(property::LAYER_INSTRUCTION, layer.and_then(|layer| layer.instruction.clone()));
    properties
}

fn vulnerability(problem: &Problem<'_>, own: &str, reference: &str) -> Value {
    let (judged, vulnerable) = (problem.judged, problem.vulnerable.as_ref());
    let source = vulnerable.matched.first().map_or("unknown", |matched| matched.source.as_str());
    let mut value = json!({
        "bom-ref": own,
        "id": vulnerable.id,
        "source": { "name": source },
        "ratings": ratings(judged.finding.severity, vulnerable),
        "affects": [{ "ref": reference }],
        "recommendation": judged.finding.remedy,
        "properties": [
            named("seawall:verdict", judged.verdict.to_string()),
            named("seawall:state", vulnerable.state.label()),
            named("seawall:risk", format!("{:.1}", vulnerable.risk)),
        ],
    });
    let text = if vulnerable.description.is_empty() { &vulnerable.title } else { &vulnerable.description };
    if !text.is_empty() {
        value["description"] = json!(text);
    }
    let references: Vec<Value> =
        vulnerable.aliases.iter().map(|id| json!({ "id": id, "source": { "name": source } })).collect();
    if !references.is_empty() {
        value["references"] = json!(references);
    }
    let weaknesses: Vec<u32> =
        vulnerable.weaknesses.iter().filter_map(|weakness| weakness_number(weakness)).collect();
    if !weaknesses.is_empty() {
        value["cwes"] = json!(weaknesses);
    }
    let addresses = judged.finding.references.iter().filter_map(|url| web::address(url));
    let advisories: Vec<Value> = addresses.map(|url| json!({ "url": url })).collect();
    if !advisories.is_empty() {
        value["advisories"] = json!(advisories);
    }
    if let Some(published) = vulnerable.published.as_deref().and_then(identity::midnight) {
        value["published"] = json!(published);
    }
    if let Some(analysis) = analysis(problem) {
        value["analysis"] = analysis;
    }
    value
}

/// What the waiver or the vendor says, in CycloneDX's words. A waiver accepts a risk; that the package is not affected
/// would be another statement.
fn analysis(problem: &Problem<'_>) -> Option<Value> {
    if let Some(waived) = &problem.judged.waived {
        let detail = format!("waived: {} ({})", waived.reason, waived.by);
        return Some(json!({ "response": ["will_not_fix"], "detail": detail }));
    }
    let response = match problem.vulnerable.state {
        FixState::Fixed => "update",
        FixState::WillNotFix | FixState::EndOfLife => "will_not_fix",
        FixState::NotFixed | FixState::Deferred | FixState::UnderInvestigation | FixState::Undetermined => {
            return None;
        }
    };
    Some(json!({ "response": [response] }))
}

fn ratings(severity: Severity, vulnerable: &Vulnerable) -> Vec<Value> {
    let word = |severity: Severity| match severity {
        Severity::Negligible => "info",
        Severity::Unknown => "unknown",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    };
    let mut ratings = vec![json!({ "source": { "name": "seawall" }, "severity": word(severity) })];
    for rating in &vulnerable.ratings {
        let mut value = json!({ "source": { "name": rating.source }, "severity": word(rating.severity) });
        if let Some(score) = rating.score {
            value["score"] = json!(score);
        }
        if let Some(vector) = &rating.vector {
            value["vector"] = json!(vector);
            value["method"] = json!(match vector.get(..8) {
                Some("CVSS:4.0") => "CVSSv4",
                Some("CVSS:3.1") => "CVSSv31",
                Some("CVSS:3.0") => "CVSSv3",
                _ => "CVSSv2",
            });
        }
        ratings.push(value);
    }
    ratings
}
