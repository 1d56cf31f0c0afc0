//! SPDX 2.3 JSON (ISO/IEC 5962 and its 2.3 revision) and SPDX 3.0.1 JSON-LD.
//!
//! What SPDX has no field for travels as annotations whose comment is `seawall:name=value` lines, so that a
//! scan of the document gives the same answers as a scan of the image.

use std::collections::BTreeMap;
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

/// SPDX 3.0.1, profiles Core, Software and SimpleLicensing.
pub(crate) fn write_3(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let mut graph = Graph {
        base: format!("https://seawall.dev/spdx/{}", identity::uuid(report)),
        elements: Vec::new(),
        licenses: BTreeMap::new(),
    };
    graph.creation(report);
    let contained = graph.contents(report);
    if !contained.is_empty() {
        graph.relationship("contains", "target", "contains", &contained);
    }
    graph.document(&report.inventory.target.name);
    write_pretty(
        &json!({ "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": graph.elements }),
        out,
    )
}

const CREATION: &str = "_:creation";

/// The elements of an SPDX 3 document while it is written.
struct Graph {
    base: String,
    elements: Vec<Value>,
    /// Ids of the licence elements by what the package states.
    licenses: BTreeMap<String, String>,
}

impl Graph {
    fn id(&self, name: &str) -> String {
        format!("{}#{name}", self.base)
    }

    fn creation(&mut self, report: &Report) {
        let agent = self.id("seawall");
        self.elements.push(json!({ "type": "CreationInfo", "@id": CREATION, "specVersion": "3.0.1", "created": timestamp(report), "createdBy": [agent] }));
        self.add("SoftwareAgent", "seawall", json!({ "name": format!("seawall-{}", report.version) }));
    }

    /// Adds an element with what every element has, and gives its id.
    fn add(&mut self, kind: &str, name: &str, mut element: Value) -> String {
        let id = self.id(name);
        element["type"] = json!(kind);
        element["spdxId"] = json!(id);
        element["creationInfo"] = json!(CREATION);
        self.elements.push(element);
        id
    }

    fn relationship(&mut self, name: &str, from: &str, kind: &str, to: &[String]) {
        let relationship = json!({ "from": self.id(from), "relationshipType": kind, "to": to });
        self.add("Relationship", name, relationship);
    }

    /// The target, the distribution and the packages; the ids of what the target contains.
    fn contents(&mut self, report: &Report) -> Vec<String> {
        let inventory = &report.inventory;
        let comment = |name: &str, value: Option<String>| format!("{name}={}", value.unwrap_or_default());
        let mut target = json!({
            "name": inventory.target.name,
            "software_primaryPurpose": match inventory.target.kind {
                TargetKind::Image | TargetKind::Container => "container",
                TargetKind::Directory => "file",
                TargetKind::Sbom => "application",
            },
            "comment": comment(property::TARGET, serde_json::to_string(&inventory.target).ok()),
        });
        if let Some(digest) = &inventory.target.digest {
            target["verifiedUsing"] = json!([{ "type": "Hash", "algorithm": digest.algorithm().name(), "hashValue": digest.hex() }]);
        }
        self.add("software_Package", "target", target);
        let mut contained = Vec::new();
        if let Some(distro) = &inventory.distro {
            let mut element = json!({
                "name": distro.id,
                "software_primaryPurpose": "operatingSystem",
                "comment": comment(property::DISTRO, serde_json::to_string(distro).ok()),
            });
            if let Some(version) = &distro.version {
                element["software_packageVersion"] = json!(version);
            }
            contained.push(self.add("software_Package", "distribution", element));
        }
        for (index, package) in inventory.packages.iter().enumerate() {
            contained.push(self.package(report, index, package));
        }
        contained
    }

    fn package(&mut self, report: &Report, index: usize, package: &Package) -> String {
        let name = format!("package-{index}");
        let mut element = json!({
            "name": package.name,
            "software_packageUrl": package.purl(report.inventory.distro.as_ref()).to_string(),
            "software_primaryPurpose":
                if package.ecosystem == Ecosystem::Generic { "application" } else { "library" },
            "comment": facts(package),
        });
        if !package.version.is_empty() {
            element["software_packageVersion"] = json!(package.version);
        }
        let id = self.add("software_Package", &name, element);
        let licenses: Vec<String> = package.licenses.iter().map(|license| self.license(license)).collect();
        if !licenses.is_empty() {
            self.relationship(&format!("{name}-licenses"), &name, "hasDeclaredLicense", &licenses);
        }
        id
    }

    /// The element of a licence. What is not on SPDX's list is a text that an expression refers to by a made-up id.
    fn license(&mut self, text: &str) -> String {
        if let Some(id) = self.licenses.get(text) {
            return id.clone();
        }
        let number = self.licenses.len();
        let expression = match license::kind(text) {
            license::Kind::Id | license::Kind::Expression => {
                json!({ "simplelicensing_licenseExpression": text })
            }
            license::Kind::Name => {
                let stated = json!({ "simplelicensing_licenseText": text });
                let stated =
                    self.add("simplelicensing_SimpleLicensingText", &format!("text-{number}"), stated);
                let reference = format!("LicenseRef-{number}");
                json!({
                    "name": text,
                    "simplelicensing_licenseExpression": reference,
                    "simplelicensing_customIdToUri":
                        [{ "type": "DictionaryEntry", "key": reference, "value": stated }],
                })
            }
        };
        let name = format!("license-{number}");
        let id = self.add("simplelicensing_LicenseExpression", &name, expression);
        self.licenses.insert(text.to_owned(), id.clone());
        id
    }

    fn document(&mut self, name: &str) {
        let elements: Vec<Value> =
            self.elements.iter().filter_map(|element| element.get("spdxId")).cloned().collect();
        let sbom = json!({ "rootElement": [self.id("target")], "element": elements, "software_sbomType": ["analyzed"] });
        let sbom = self.add("software_Sbom", "sbom", sbom);
        let document = json!({
            "name": name,
            "profileConformance": ["core", "software", "simpleLicensing"],
            "rootElement": [sbom],
            "element": [sbom],
        });
        self.add("SpdxDocument", "document", document);
    }
}
