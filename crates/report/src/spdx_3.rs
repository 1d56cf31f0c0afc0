//! SPDX 3.0.1 JSON-LD, profiles Core, Software and SimpleLicensing; what it has no field for travels as in SPDX 2.3.

use std::collections::BTreeMap;
use std::io::Write;

use seawall_inventory::{Ecosystem, Package, TargetKind, sbom_property as property};
use serde_json::{Value, json};

use crate::json::write_pretty;
use crate::spdx::{facts, timestamp};
use crate::{RenderError, Report, identity, license};

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
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
                TargetKind::Directory | TargetKind::Files => "file",
                TargetKind::Sbom | TargetKind::Host => "application",
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
