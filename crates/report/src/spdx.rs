//! SPDX 2.3 JSON (ISO/IEC 5962 and its 2.3 revision).
//!
//! What SPDX has no field for travels as annotations whose comment is `seawall:name=value` lines, so that a
//! scan of the document gives the same answers as a scan of the image.

use std::collections::HashSet;
use std::io::Write;

use seawall_inventory::{Ecosystem, Package, TargetKind, sbom_property as property};
use serde::Serialize;
use serde_json::{Value, json};

use crate::json::{Each, write_pretty};
use crate::text::clean;
use crate::{RenderError, Report, identity, license};

const ROOT: &str = "SPDXRef-DOCUMENT";
const TARGET: &str = "SPDXRef-target";
const DISTRIBUTION: &str = "SPDXRef-distribution";

/// SPDX 2.3.
pub(crate) fn write(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let inventory = &report.inventory;
    let created = timestamp(report);
    let annotation = |comment: String| json!({ "annotationDate": created, "annotationType": "OTHER", "annotator": tool(report), "comment": comment });
    let described = json!({
        "SPDXID": TARGET,
        "name": inventory.target.name,
        "versionInfo": inventory.target.digest.as_ref().map_or("NOASSERTION".to_owned(), ToString::to_string),
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "primaryPackagePurpose": purpose(inventory.target.kind),
        "annotations": [annotation(format!("{}={}", property::TARGET, serde_json::to_string(&inventory.target).unwrap_or_default()))],
    });
    let distribution = inventory.distro.as_ref().map(|distro| {
        json!({
            "SPDXID": DISTRIBUTION,
            "name": distro.id,
            "versionInfo": distro.version.clone().unwrap_or_else(|| "NOASSERTION".to_owned()),
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": false,
            "primaryPackagePurpose": "OPERATING-SYSTEM",
            "annotations": [annotation(format!("{}={}", property::DISTRO, serde_json::to_string(distro).unwrap_or_default()))],
        })
    });
    let id =
        |(index, package): (usize, &Package)| format!("SPDXRef-Package-{index}-{}", id_text(&package.name));
    let numbered = || inventory.packages.iter().enumerate();
    let packages = || {
        let packages =
            numbered().map(|(index, package)| package_2(report, package, &id((index, package)), &annotation));
        std::iter::once(described.clone()).chain(distribution.clone()).chain(packages)
    };
    let relationships = || {
        let contained = distribution.iter().map(|_| DISTRIBUTION.to_owned()).chain(numbered().map(id));
        let contained = contained.map(|id| relationship(TARGET, "CONTAINS", &id));
        std::iter::once(relationship(ROOT, "DESCRIBES", TARGET)).chain(contained)
    };
    let document = Document {
        id: ROOT,
        creation_info: json!({ "created": created, "creators": [tool(report)] }),
        data_license: "CC0-1.0",
        document_namespace: format!("https://seawall.dev/spdx/{}", identity::uuid(report)),
        extracted: extracted_licenses(&inventory.packages),
        name: &inventory.target.name,
        packages: Each(packages),
        relationships: Each(relationships),
        spdx_version: "SPDX-2.3",
    };
    write_pretty(&document, out)
}

/// The document, its lists made while they are written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'r, P: Serialize, R: Serialize> {
    #[serde(rename = "SPDXID")]
    id: &'static str,
    creation_info: Value,
    data_license: &'static str,
    document_namespace: String,
    #[serde(rename = "hasExtractedLicensingInfos", skip_serializing_if = "Vec::is_empty")]
    extracted: Vec<Value>,
    name: &'r str,
    packages: P,
    relationships: R,
    spdx_version: &'static str,
}

/// SPDX wants UTC without fractions of a second.
pub(crate) fn timestamp(report: &Report) -> String {
    report.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn tool(report: &Report) -> String {
    format!("Tool: seawall-{}", report.version)
}

fn purpose(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Image | TargetKind::Container => "CONTAINER",
        TargetKind::Directory | TargetKind::Files => "FILE",
        TargetKind::Sbom | TargetKind::Host => "APPLICATION",
    }
}

fn relationship(from: &str, kind: &str, to: &str) -> Value {
    json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to })
}

/// SPDX ids have letters, digits, `.` and `-`.
fn id_text(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

fn package_2(report: &Report, package: &Package, id: &str, annotation: &dyn Fn(String) -> Value) -> Value {
    let purl = package.purl(report.inventory.distro.as_ref()).to_string();
    let mut value = json!({
        "SPDXID": id,
        "name": package.name,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "supplier": supplier(package),
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": license_expression(&package.licenses),
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": if package.ecosystem == Ecosystem::Generic { "APPLICATION" } else { "LIBRARY" },
        "externalRefs": [{ "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl }],
        "annotations": [annotation(facts(package))],
    });
    if !package.version.is_empty() {
        value["versionInfo"] = json!(package.version);
    }
    if let Some(place) = package.places.first().and_then(|place| place.path.as_ref()) {
        value["sourceInfo"] = json!(format!("declared by /{place}"));
    }
    value
}

/// One line `Organization: name`, with the address in parentheses as SPDX wants it.
fn supplier(package: &Package) -> String {
    let vendor = package.vendor.as_deref().map(str::trim).filter(|vendor| !vendor.is_empty());
    let Some(vendor) = vendor else { return "NOASSERTION".to_owned() };
    let (name, address) = match vendor.strip_suffix('>').and_then(|vendor| vendor.rsplit_once(" <")) {
        Some((name, address)) => (name, format!(" ({})", clean(address))),
        None => (vendor, String::new()),
    };
    format!("Organization: {}{address}", clean(name))
}

/// `seawall:name=value`, one a line.
pub(crate) fn facts(package: &Package) -> String {
    let mut lines = vec![format!("{}={}", property::PRESENCE, identity::presence(package.presence))];
    let mut add = |name: &str, value: Option<String>| {
        lines.extend(value.map(|value| format!("{name}={}", value.replace(['\n', '\r'], " "))));
    };
    let source = package.source.as_ref();
    add(property::SOURCE_NAME, source.map(|source| source.name.clone()));
    add(property::SOURCE_VERSION, source.map(|source| source.version.clone()));
    add(property::MODULE, package.module.clone());
    add(property::VENDOR, package.vendor.clone());
    add(property::OWNER, package.owner.as_ref().map(ToString::to_string));
    let place = package.places.first();
    add(property::PATH, place.and_then(|place| place.path.clone()));
    let layer = place.and_then(|place| place.layer.as_ref());
    add(property::LAYER_INDEX, layer.map(|layer| layer.index.to_string()));
    add(property::LAYER_DIFF_ID, layer.map(|layer| layer.diff_id.to_string()));
    add(property::LAYER_INSTRUCTION, layer.and_then(|layer| layer.instruction.clone()));
    lines.join("\n")
}

fn license_expression(licenses: &[String]) -> String {
    if licenses.is_empty() {
        return "NOASSERTION".to_owned();
    }
    let mut terms: Vec<String> = licenses.iter().map(|name| license_term(name, licenses.len())).collect();
    terms.dedup();
    terms.join(" AND ")
}

/// What the SPDX list knows stands for itself; other names are referred to.
fn license_term(name: &str, terms: usize) -> String {
    match license::kind(name) {
        license::Kind::Id => name.to_owned(),
        license::Kind::Expression if terms == 1 => name.to_owned(),
        license::Kind::Expression => format!("({name})"),
        license::Kind::Name => license_reference(name),
    }
}

fn license_reference(name: &str) -> String {
    let readable: String = id_text(name).chars().take(40).collect();
    format!("LicenseRef-{readable}-{}", identity::short_hash(&[name]))
}

/// What the references stand for: the names as texts, each once.
fn extracted_licenses(packages: &[Package]) -> Vec<Value> {
    let mut seen = HashSet::new();
    let names = packages.iter().flat_map(|package| &package.licenses);
    let names = names.filter(|name| seen.insert(*name) && license::kind(name) == license::Kind::Name);
    names
        .map(|name| json!({ "licenseId": license_reference(name), "extractedText": name, "name": name }))
        .collect()
}
