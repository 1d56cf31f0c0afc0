//! SPDX 2.2 and 2.3, JSON (ISO/IEC 5962:2021 and its 2.3 revision).

use std::collections::HashMap;

use serde::Deserialize;

use super::SbomError;
use super::component::{Component, Document, Kind, asserted};
use crate::document::{List, Table, Text};

#[derive(Deserialize)]
struct Spdx {
    #[serde(default, rename = "spdxVersion")]
    version: Text,
    #[serde(default)]
    name: Text,
    #[serde(default, rename = "documentDescribes")]
    describes: List<Text>,
    #[serde(default)]
    packages: List<Table<SpdxPackage>>,
    #[serde(default)]
    relationships: List<Table<Relationship>>,
    #[serde(default, rename = "hasExtractedLicensingInfos")]
    licenses: List<Table<ExtractedLicense>>,
}

#[derive(Deserialize)]
struct SpdxPackage {
    #[serde(default, rename = "SPDXID")]
    id: Text,
    #[serde(default)]
    name: Text,
    #[serde(default, rename = "versionInfo")]
    version: Text,
    #[serde(default, rename = "primaryPackagePurpose")]
    purpose: Text,
    #[serde(default, rename = "licenseDeclared")]
    declared: Text,
    #[serde(default, rename = "licenseConcluded")]
    concluded: Text,
    #[serde(default, rename = "sourceInfo")]
    source_info: Text,
    #[serde(default, rename = "externalRefs")]
    references: List<Table<Reference>>,
    #[serde(default)]
    annotations: List<Table<Annotation>>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(default, rename = "referenceType")]
    kind: Text,
    #[serde(default, rename = "referenceLocator")]
    locator: Text,
}

#[derive(Deserialize)]
struct Annotation {
    #[serde(default)]
    comment: Text,
}

#[derive(Deserialize)]
struct Relationship {
    #[serde(default, rename = "spdxElementId")]
    from: Text,
    #[serde(default, rename = "relationshipType")]
    kind: Text,
    #[serde(default, rename = "relatedSpdxElement")]
    to: Text,
}

#[derive(Deserialize)]
struct ExtractedLicense {
    #[serde(default, rename = "licenseId")]
    id: Text,
    #[serde(default)]
    name: Text,
    #[serde(default, rename = "extractedText")]
    text: Text,
}

/// A package of SPDX 2, whichever way it is written.
#[derive(Debug, Default)]
pub(super) struct Described {
    pub(super) id: String,
    pub(super) purpose: String,
    pub(super) component: Component,
    pub(super) declared: String,
    pub(super) concluded: String,
}

pub(super) fn read(bytes: &[u8]) -> Result<Option<Document>, SbomError> {
    let document: Spdx = serde_json::from_slice(bytes).map_err(SbomError::Json)?;
    if document.version.get().is_none() {
        return Ok(None);
    }
    let mut roots: Vec<String> = document.describes.0.into_iter().filter_map(|id| id.0).collect();
    roots.extend(document.relationships.0.into_iter().filter_map(|table| table.0).filter_map(
        |relationship| {
            let is_root = relationship.kind.or_empty() == "DESCRIBES"
                && relationship.from.or_empty() == "SPDXRef-DOCUMENT";
            relationship.to.0.filter(|_| is_root)
        },
    ));
    let licenses = document.licenses.0.into_iter().filter_map(|table| table.0).filter_map(|license| {
        let name = license.name.0.filter(|name| !asserted(name).is_empty());
        Some((license.id.0?, name.or(license.text.0)?))
    });
    let packages = document.packages.0.into_iter().filter_map(|table| table.0).map(described);
    Ok(Some(finish(document.name.0.unwrap_or_default(), packages.collect(), &roots, &licenses.collect())))
}

fn described(package: SpdxPackage) -> Described {
    let mut component = Component {
        name: package.name.0.unwrap_or_default(),
        version: asserted(package.version.or_empty()).to_owned(),
        ..Component::default()
    };
    let references = package.references.0.into_iter().filter_map(|table| table.0);
    let mut purls = references.filter(|reference| reference.kind.or_empty() == "purl");
    component.purl = purls.next().and_then(|reference| reference.locator.0);
    if let Some(info) = package.source_info.0 {
        component.properties.push(("sourceInfo".to_owned(), info));
    }
    for annotation in package.annotations.0.into_iter().filter_map(|table| table.0) {
        add_annotation(&mut component, annotation.comment.or_empty());
    }
    Described {
        id: package.id.0.unwrap_or_default(),
        purpose: package.purpose.0.unwrap_or_default(),
        component,
        declared: package.declared.0.unwrap_or_default(),
        concluded: package.concluded.0.unwrap_or_default(),
    }
}

/// Seawall writes lines, Trivy one `Name: value` a comment.
pub(super) fn add_annotation(component: &mut Component, comment: &str) {
    component.add_comment(comment);
    if let Some((name, value)) = comment.split_once(": ")
        && name.bytes().all(|b| b.is_ascii_alphanumeric())
        && name.len() <= 40
    {
        component.properties.push((format!("aquasecurity:trivy:{name}"), value.to_owned()));
    }
}

/// Tells the described root, the distribution and the packages apart.
pub(super) fn finish(
    name: String,
    packages: Vec<Described>,
    roots: &[String],
    licenses: &HashMap<String, String>,
) -> Document {
    let mut document = Document::default();
    for package in packages {
        let Described { id, purpose, mut component, declared, concluded } = package;
        // Where a format has a name field of its own, Seawall writes no property for it.
        let own_name = (seawall_inventory::sbom_property::NAME.to_owned(), component.name.clone());
        component.properties.push(own_name);
        let expression = if asserted(&declared).is_empty() { concluded } else { declared };
        component.licenses = license_names(asserted(&expression), licenses);
        let is_root = roots.contains(&id);
        component.kind = match purpose.as_str() {
            "OPERATING-SYSTEM" | "OPERATING_SYSTEM" => Kind::OperatingSystem,
            "FILE" | "CONTAINER" => Kind::Other,
            "APPLICATION" if component.purl.is_none() => Kind::Other,
            _ if is_root && component.purl.is_none() => Kind::Other,
            _ => Kind::Package,
        };
        if is_root && document.subject.is_none() {
            document.subject = Some(component.clone());
        }
        document.components.push(component);
    }
    if document.subject.is_none() {
        document.subject = Some(Component { name, ..Component::default() });
    }
    document
}

/// What must all be observed is a list, in which references to texts of the document become their names; an expression
/// with a choice stays one.
fn license_names(expression: &str, licenses: &HashMap<String, String>) -> Vec<String> {
    if expression.is_empty() {
        return Vec::new();
    }
    if expression.contains(['(', ')']) || expression.contains(" OR ") {
        return vec![expression.to_owned()];
    }
    let name = |part: &str| licenses.get(part).cloned().unwrap_or_else(|| part.to_owned());
    expression.split(" AND ").map(|part| name(part.trim())).collect()
}
