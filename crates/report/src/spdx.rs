//! SPDX 2.3 JSON (ISO/IEC 5962 and its 2.3 revision).
//!
//! What SPDX has no field for travels as annotations whose comment is `seawall:name=value` lines, so that a
//! scan of the document gives the same answers as a scan of the image.

use std::io::Write;

use seawall_inventory::{Ecosystem, Package, TargetKind, sbom_property as property};
use serde_json::{Value, json};

use crate::json::write_pretty;
use crate::text::clean;
use crate::{RenderError, Report, identity, license};

const ROOT: &str = "SPDXRef-DOCUMENT";
const TARGET: &str = "SPDXRef-target";

/// SPDX 2.3.
pub(crate) fn write(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let inventory = &report.inventory;
    let created = timestamp(report);
    let annotation = |comment: String| json!({ "annotationDate": created, "annotationType": "OTHER", "annotator": tool(report), "comment": comment });
    let mut packages = vec![json!({
        "SPDXID": TARGET,
        "name": inventory.target.name,
        "versionInfo": inventory.target.digest.as_ref().map_or("NOASSERTION".to_owned(), ToString::to_string),
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "primaryPackagePurpose": purpose(inventory.target.kind),
        "annotations": [annotation(format!("{}={}", property::TARGET, serde_json::to_string(&inventory.target).unwrap_or_default()))],
    })];
    if let Some(distro) = &inventory.distro {
        packages.push(json!({
            "SPDXID": "SPDXRef-distribution",
            "name": distro.id,
            "versionInfo": distro.version.clone().unwrap_or_else(|| "NOASSERTION".to_owned()),
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": false,
            "primaryPackagePurpose": "OPERATING-SYSTEM",
            "annotations": [annotation(format!("{}={}", property::DISTRO, serde_json::to_string(distro).unwrap_or_default()))],
        }));
    }
    let mut relationships = vec![relationship(ROOT, "DESCRIBES", TARGET)];
    if inventory.distro.is_some() {
        relationships.push(relationship(TARGET, "CONTAINS", "SPDXRef-distribution"));
    }
    let mut licenses = LicenseRefs::default();
    for (index, package) in inventory.packages.iter().enumerate() {
        let id = format!("SPDXRef-Package-{index}-{}", id_text(&package.name));
        relationships.push(relationship(TARGET, "CONTAINS", &id));
        packages.push(package_2(report, package, &id, &annotation, &mut licenses));
    }
    let mut document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": ROOT,
        "name": inventory.target.name,
        "documentNamespace": format!("https://seawall.dev/spdx/{}", identity::uuid(report)),
        "creationInfo": { "created": created, "creators": [tool(report)] },
        "packages": packages,
        "relationships": relationships,
    });
    if !licenses.texts.is_empty() {
        document["hasExtractedLicensingInfos"] = json!(licenses.documents());
    }
    write_pretty(&document, out)
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

fn package_2(
    report: &Report,
    package: &Package,
    id: &str,
    annotation: &dyn Fn(String) -> Value,
    licenses: &mut LicenseRefs,
) -> Value {
    let purl = package.purl(report.inventory.distro.as_ref()).to_string();
    let mut value = json!({
        "SPDXID": id,
        "name": package.name,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "supplier": supplier(package),
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": licenses.expression(&package.licenses),
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

/// Licence names that are not on SPDX's list become `LicenseRef`s with the name as their text.
#[derive(Default)]
struct LicenseRefs {
    texts: Vec<(String, String)>,
}

impl LicenseRefs {
    fn expression(&mut self, licenses: &[String]) -> String {
        if licenses.is_empty() {
            return "NOASSERTION".to_owned();
        }
        let mut terms: Vec<String> = licenses.iter().map(|name| self.term(name, licenses.len())).collect();
        terms.dedup();
        terms.join(" AND ")
    }

    /// What the SPDX list knows stands for itself.
    fn term(&mut self, name: &str, terms: usize) -> String {
        match license::kind(name) {
            license::Kind::Id => name.to_owned(),
            license::Kind::Expression if terms == 1 => name.to_owned(),
            license::Kind::Expression => format!("({name})"),
            license::Kind::Name => self.reference(name),
        }
    }

    fn reference(&mut self, name: &str) -> String {
        let id = format!(
            "LicenseRef-{}-{}",
            id_text(name).chars().take(40).collect::<String>(),
            identity::short_hash(&[name])
        );
        if !self.texts.iter().any(|(known, _)| *known == id) {
            self.texts.push((id.clone(), name.to_owned()));
        }
        id
    }

    fn documents(&self) -> Vec<Value> {
        self.texts
            .iter()
            .map(|(id, name)| json!({ "licenseId": id, "extractedText": name, "name": name }))
            .collect()
    }
}
