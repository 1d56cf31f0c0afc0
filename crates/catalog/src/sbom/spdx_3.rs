//! SPDX 3.0, JSON-LD: the packages of the graph.

use std::collections::HashMap;

use serde::Deserialize;

use super::SbomError;
use super::component::{Component, Document, Kind, asserted};
use crate::document::{List, Table, Text};

#[derive(Deserialize)]
struct Graph {
    #[serde(default, rename = "@graph")]
    elements: List<Table<Element>>,
}

#[derive(Deserialize)]
struct Element {
    #[serde(default, rename = "type")]
    kind: Text,
    #[serde(default, rename = "spdxId")]
    id: Text,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    comment: Text,
    #[serde(default, rename = "software_packageVersion")]
    version: Text,
    #[serde(default, rename = "software_packageUrl")]
    purl: Text,
    #[serde(default, rename = "software_primaryPurpose")]
    purpose: Text,
    #[serde(default, rename = "software_sourceInfo")]
    source_info: Text,
    #[serde(default, rename = "externalIdentifier")]
    identifiers: List<Table<Identifier>>,
    #[serde(default, rename = "rootElement")]
    roots: List<Text>,
    #[serde(default, rename = "relationshipType")]
    relation: Text,
    #[serde(default)]
    from: Text,
    #[serde(default)]
    to: List<Text>,
    #[serde(default, rename = "simplelicensing_licenseExpression")]
    license: Text,
}

#[derive(Deserialize)]
struct Identifier {
    #[serde(default, rename = "externalIdentifierType")]
    kind: Text,
    #[serde(default)]
    identifier: Text,
}

pub(super) fn read(bytes: &[u8]) -> Result<Document, SbomError> {
    let graph: Graph = serde_json::from_slice(bytes).map_err(SbomError::Json)?;
    let elements: Vec<Element> = graph.elements.0.into_iter().filter_map(|table| table.0).collect();
    let mut roots: Vec<&str> = Vec::new();
    let mut expressions: HashMap<&str, &str> = HashMap::new();
    let mut licenses: HashMap<&str, Vec<&str>> = HashMap::new();
    for element in &elements {
        if element.kind.or_empty() == "software_Sbom" || element.kind.or_empty() == "SpdxDocument" {
            roots.extend(element.roots.0.iter().filter_map(Text::get));
        }
        if let Some(expression) = element.license.get() {
            // A reference to a text is named as the text is.
            let name = element.name.get().filter(|_| expression.starts_with("LicenseRef-"));
            expressions.insert(element.id.or_empty(), name.unwrap_or(expression));
        }
        if element.relation.or_empty() == "hasDeclaredLicense" {
            licenses
                .entry(element.from.or_empty())
                .or_default()
                .extend(element.to.0.iter().filter_map(Text::get));
        }
    }
    let mut document = Document::default();
    let packages = elements.iter().filter(|element| element.kind.or_empty() == "software_Package");
    for element in packages {
        let id = element.id.or_empty();
        let mut component = component(element, roots.contains(&id));
        let of_package = licenses.get(id).into_iter().flatten().filter_map(|id| expressions.get(id));
        let names = of_package.filter(|name| !asserted(name).is_empty()).map(|name| (*name).to_owned());
        component.licenses = names.collect();
        if roots.contains(&id) && document.subject.is_none() {
            document.subject = Some(component.clone());
        }
        document.components.push(component);
    }
    Ok(document)
}

fn component(element: &Element, is_root: bool) -> Component {
    let identifiers = element.identifiers.0.iter().filter_map(|table| table.0.as_ref());
    let mut urls =
        identifiers.filter(|identifier| matches!(identifier.kind.or_empty(), "packageUrl" | "packageURL"));
    let purl = element.purl.get().or_else(|| urls.next().and_then(|identifier| identifier.identifier.get()));
    let mut component = Component {
        name: element.name.or_empty().to_owned(),
        version: asserted(element.version.or_empty()).to_owned(),
        purl: purl.map(str::to_owned),
        ..Component::default()
    };
    component.kind = match element.purpose.or_empty() {
        "operatingSystem" => Kind::OperatingSystem,
        "file" | "container" => Kind::Other,
        "application" if component.purl.is_none() => Kind::Other,
        _ if is_root && component.purl.is_none() => Kind::Other,
        _ => Kind::Package,
    };
    component.add_comment(element.comment.or_empty());
    component.properties.push((seawall_inventory::sbom_property::NAME.to_owned(), component.name.clone()));
    if let Some(info) = element.source_info.get() {
        component.properties.push(("sourceInfo".to_owned(), info.to_owned()));
    }
    component
}
