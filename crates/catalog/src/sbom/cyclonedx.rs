//! CycloneDX 1.2 to 1.7, JSON (ECMA-424 since 1.6).

use serde::Deserialize;

use super::SbomError;
use super::component::{Component, Document, Kind};
use crate::document::{List, Table, Text};

#[derive(Deserialize)]
struct Bom {
    #[serde(default, rename = "bomFormat")]
    format: Text,
    #[serde(default)]
    metadata: Table<Metadata>,
    #[serde(default)]
    components: List<Table<BomComponent>>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    component: Table<BomComponent>,
}

#[derive(Deserialize)]
struct BomComponent {
    #[serde(default, rename = "type")]
    kind: Text,
    #[serde(default)]
    name: Text,
    #[serde(default)]
    version: Text,
    #[serde(default)]
    purl: Text,
    #[serde(default)]
    scope: Text,
    #[serde(default)]
    licenses: List<Table<LicenseChoice>>,
    #[serde(default)]
    properties: List<Table<Property>>,
    #[serde(default)]
    evidence: Table<Evidence>,
    /// Parts of this component; serde_json limits how deep they go.
    #[serde(default)]
    components: List<Table<BomComponent>>,
}

#[derive(Deserialize)]
struct Property {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    value: Text,
}

#[derive(Deserialize)]
struct LicenseChoice {
    #[serde(default)]
    license: Table<License>,
    #[serde(default)]
    expression: Text,
}

#[derive(Deserialize)]
struct License {
    #[serde(default)]
    id: Text,
    #[serde(default)]
    name: Text,
}

#[derive(Deserialize)]
struct Evidence {
    #[serde(default)]
    occurrences: List<Table<Occurrence>>,
}

#[derive(Deserialize)]
struct Occurrence {
    #[serde(default)]
    location: Text,
}

pub(super) fn read(bytes: &[u8]) -> Result<Option<Document>, SbomError> {
    let bom: Bom = serde_json::from_slice(bytes).map_err(SbomError::Json)?;
    if bom.format.get().is_none() {
        return Ok(None);
    }
    let mut components = Vec::with_capacity(bom.components.0.len());
    let mut waiting: Vec<BomComponent> =
        bom.components.0.into_iter().rev().filter_map(|table| table.0).collect();
    let subject = bom.metadata.0.and_then(|metadata| metadata.component.0).map(|mut subject| {
        waiting.extend(std::mem::take(&mut subject.components.0).into_iter().filter_map(|table| table.0));
        component(subject)
    });
    while let Some(mut next) = waiting.pop() {
        waiting.extend(std::mem::take(&mut next.components.0).into_iter().filter_map(|table| table.0));
        components.push(component(next));
    }
    let layers = subject.as_ref().map(layers).unwrap_or_default();
    Ok(Some(Document { subject, components, distro: None, layers }))
}

fn component(read: BomComponent) -> Component {
    let properties = read.properties.0.into_iter().filter_map(|table| table.0);
    let properties: Vec<(String, String)> = properties
        .filter_map(|property| Some((property.name.0?, property.value.0.unwrap_or_default())))
        .collect();
    let licenses = read.licenses.0.into_iter().filter_map(|table| table.0).filter_map(|choice| {
        let license = choice.license.0.and_then(|license| license.id.0.or(license.name.0));
        license.or(choice.expression.0)
    });
    let mut paths: Vec<String> = read
        .evidence
        .0
        .map(|evidence| evidence.occurrences.0)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|occurrence| occurrence.0?.location.0)
        .collect();
    paths.extend(syft_paths(&properties));
    let purl = read.purl.0;
    Component {
        kind: kind(read.kind.or_empty(), purl.is_some()),
        name: read.name.0.unwrap_or_default(),
        version: read.version.0.unwrap_or_default(),
        purl,
        licenses: licenses.filter(|license| !license.is_empty()).collect(),
        paths,
        is_excluded: read.scope.or_empty() == "excluded",
        properties,
    }
}

/// Tools describe the lock file or image that groups packages as an application or container without a URL.
pub(super) fn kind(text: &str, has_purl: bool) -> Kind {
    match text {
        "operating-system" => Kind::OperatingSystem,
        "file" | "data" | "cryptographic-asset" => Kind::Other,
        "application" | "container" | "platform" if !has_purl => Kind::Other,
        _ => Kind::Package,
    }
}

/// Syft numbers the places: `syft:location:0:path`.
pub(super) fn syft_paths(properties: &[(String, String)]) -> Vec<String> {
    let is_path = |name: &str| name.starts_with("syft:location:") && name.ends_with(":path");
    properties.iter().filter(|(name, _)| is_path(name)).map(|(_, value)| value.clone()).collect()
}

/// Trivy repeats a property for each layer of the image, lowest first.
pub(super) fn layers(subject: &Component) -> Vec<seawall_inventory::Digest> {
    let of_layers = subject.properties.iter().filter(|(name, _)| name == "aquasecurity:trivy:DiffID");
    of_layers.filter_map(|(_, value)| value.parse().ok()).collect()
}
