//! SPDX 2.3 JSON (ISO/IEC 5962 and its 2.3 revision) and SPDX 3.0.1 JSON-LD.
//!
//! What SPDX has no field for travels as annotations whose comment is `seawall:name=value` lines, so that a
//! scan of the document gives the same answers as a scan of the image.

use std::io::Write;

use seawall_inventory::{Ecosystem, Package, TargetKind, sbom_property as property};
use serde_json::{Value, json};

use crate::json::write_pretty;
use crate::{RenderError, Report, identity};

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
fn timestamp(report: &Report) -> String {
    report.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn tool(report: &Report) -> String {
    format!("Tool: seawall-{}", report.version)
}

fn purpose(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Image | TargetKind::Container => "CONTAINER",
        TargetKind::Directory => "FILE",
        TargetKind::Sbom => "APPLICATION",
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

/// `seawall:name=value`, one a line.
fn facts(package: &Package) -> String {
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

/// Licence names that are not SPDX expressions become `LicenseRef`s with the name as their text.
#[derive(Default)]
struct LicenseRefs {
    texts: Vec<(String, String)>,
}

impl LicenseRefs {
    fn expression(&mut self, licenses: &[String]) -> String {
        if licenses.is_empty() {
            return "NOASSERTION".to_owned();
        }
        let mut references: Vec<String> = licenses.iter().map(|name| self.reference(name)).collect();
        references.dedup();
        references.join(" AND ")
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

/// SPDX 3.0.1, profiles Core and Software.
pub(crate) fn write_3(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let inventory = &report.inventory;
    let base = format!("https://seawall.dev/spdx/{}", identity::uuid(report));
    let id = |name: &str| format!("{base}#{name}");
    let creation = "_:creation";
    let mut graph = vec![
        json!({ "type": "CreationInfo", "@id": creation, "specVersion": "3.0.1", "created": timestamp(report), "createdBy": [id("organization")], "createdUsing": [id("tool")] }),
        json!({ "type": "Organization", "spdxId": id("organization"), "creationInfo": creation, "name": "Seawall users" }),
        json!({ "type": "Tool", "spdxId": id("tool"), "creationInfo": creation, "name": format!("seawall-{}", report.version) }),
    ];
    let mut target = json!({ "type": "software_Package", "spdxId": id("target"), "creationInfo": creation, "name": inventory.target.name, "software_primaryPurpose": "container", "comment": format!("{}={}", property::TARGET, serde_json::to_string(&inventory.target).unwrap_or_default()) });
    if let Some(digest) = &inventory.target.digest {
        target["verifiedUsing"] =
            json!([{ "type": "Hash", "algorithm": digest.algorithm().name(), "hashValue": digest.hex() }]);
    }
    graph.push(target);
    let mut contained = Vec::new();
    if let Some(distro) = &inventory.distro {
        graph.push(json!({ "type": "software_Package", "spdxId": id("distribution"), "creationInfo": creation, "name": distro.id, "software_packageVersion": distro.version.clone().unwrap_or_default(), "software_primaryPurpose": "operatingSystem", "comment": format!("{}={}", property::DISTRO, serde_json::to_string(distro).unwrap_or_default()) }));
        contained.push(id("distribution"));
    }
    for (index, package) in inventory.packages.iter().enumerate() {
        let package_id = id(&format!("package-{index}"));
        let purl = package.purl(inventory.distro.as_ref()).to_string();
        graph.push(json!({ "type": "software_Package", "spdxId": package_id, "creationInfo": creation, "name": package.name, "software_packageVersion": package.version, "software_packageUrl": purl, "software_primaryPurpose": "library", "comment": facts(package) }));
        contained.push(package_id);
    }
    if !contained.is_empty() {
        graph.push(json!({ "type": "Relationship", "spdxId": id("contains"), "creationInfo": creation, "from": id("target"), "relationshipType": "contains", "to": contained }));
    }
    let elements: Vec<&Value> = graph.iter().filter_map(|element| element.get("spdxId")).collect();
    let sbom = json!({ "type": "software_Sbom", "spdxId": id("sbom"), "creationInfo": creation, "rootElement": [id("target")], "element": elements, "software_sbomType": ["analyzed"] });
    let document = json!({ "type": "SpdxDocument", "spdxId": id("document"), "creationInfo": creation, "name": inventory.target.name, "profileConformance": ["core", "software"], "rootElement": [id("sbom")], "element": [id("sbom")] });
    graph.extend([sbom, document]);
    write_pretty(
        &json!({ "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": graph }),
        out,
    )
}
