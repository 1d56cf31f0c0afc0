//! Syft's own JSON, schema versions 1 to 16: the fields that matching needs, which have kept their names.

use seawall_inventory::{Digest, Distro};
use serde::Deserialize;

use super::SbomError;
use super::component::{Component, Document};
use crate::document::{List, Table, Text};

#[derive(Deserialize)]
struct Syft {
    /// Absent where the document is of another format.
    artifacts: Option<List<Table<Artifact>>>,
    #[serde(default)]
    source: Table<Source>,
    #[serde(default)]
    distro: Table<SyftDistro>,
}

#[derive(Deserialize)]
struct Artifact {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    version: Text,
    #[serde(default)]
    purl: Text,
    #[serde(default)]
    locations: List<Table<Location>>,
    #[serde(default)]
    licenses: List<License>,
    #[serde(default)]
    metadata: Table<Metadata>,
}

#[derive(Deserialize)]
struct Location {
    #[serde(default)]
    path: Text,
    #[serde(default, rename = "layerID")]
    layer: Text,
}

/// A name in old schemas, a table in new ones.
#[derive(Deserialize)]
#[serde(untagged)]
enum License {
    Name(String),
    Table {
        #[serde(default)]
        value: Text,
    },
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    source: Text,
    #[serde(default, rename = "sourceVersion")]
    source_version: Text,
    #[serde(default, rename = "originPackage")]
    origin: Text,
    #[serde(default, rename = "modularityLabel")]
    module: Text,
    #[serde(default)]
    maintainer: Text,
    #[serde(default)]
    vendor: Text,
}

#[derive(Deserialize)]
struct Source {
    #[serde(default)]
    name: Text,
    #[serde(default, alias = "target")]
    metadata: Table<SourceMetadata>,
}

#[derive(Deserialize)]
struct SourceMetadata {
    #[serde(default, rename = "userInput")]
    input: Text,
    #[serde(default, rename = "manifestDigest")]
    digest: Text,
    #[serde(default)]
    path: Text,
    #[serde(default)]
    layers: List<Table<Layer>>,
}

#[derive(Deserialize)]
struct Layer {
    #[serde(default)]
    digest: Text,
}

#[derive(Deserialize)]
struct SyftDistro {
    #[serde(default)]
    id: Text,
    #[serde(default, rename = "versionID")]
    version: Text,
    #[serde(default, rename = "versionCodename")]
    codename: Text,
    #[serde(default, rename = "prettyName")]
    name: Text,
    #[serde(default, rename = "idLike")]
    id_like: List<Text>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Option<Document>, SbomError> {
    let syft: Syft = serde_json::from_slice(bytes).map_err(SbomError::Json)?;
    let Some(artifacts) = syft.artifacts else { return Ok(None) };
    let mut document = Document::default();
    if let Some(source) = syft.source.0 {
        let name = source.name.0;
        let metadata = source.metadata.0;
        let input =
            metadata.as_ref().and_then(|metadata| metadata.input.get().or_else(|| metadata.path.get()));
        let digest = metadata.as_ref().map(|metadata| metadata.digest.or_empty().to_owned());
        document.subject = Some(Component {
            name: input.map(str::to_owned).or(name).unwrap_or_default(),
            version: digest.unwrap_or_default(),
            ..Component::default()
        });
        let layers = metadata.map(|metadata| metadata.layers.0).unwrap_or_default();
        let digest = |layer: Table<Layer>| layer.0?.digest.0?.parse::<Digest>().ok();
        document.layers = layers.into_iter().filter_map(digest).collect();
    }
    document.distro = syft.distro.0.and_then(distribution);
    document.components = artifacts.0.into_iter().filter_map(|table| table.0).map(component).collect();
    Ok(Some(document))
}

/// The same names that Syft gives these fields in CycloneDX.
fn component(artifact: Artifact) -> Component {
    let mut properties = Vec::new();
    let mut add = |name: &str, value: Text| properties.extend(value.0.map(|value| (name.to_owned(), value)));
    if let Some(metadata) = artifact.metadata.0 {
        add("syft:metadata:source", metadata.source);
        add("syft:metadata:sourceVersion", metadata.source_version);
        add("syft:metadata:originPackage", metadata.origin);
        add("syft:metadata:modularityLabel", metadata.module);
        add("syft:metadata:maintainer", metadata.maintainer);
        add("syft:metadata:vendor", metadata.vendor);
    }
    let mut paths = Vec::new();
    for location in artifact.locations.0.into_iter().filter_map(|table| table.0) {
        if paths.is_empty() {
            add("syft:location:0:layerID", location.layer);
        }
        paths.extend(location.path.0);
    }
    let licenses = artifact.licenses.0.into_iter().filter_map(|license| match license {
        License::Name(name) => Some(name),
        License::Table { value } => value.0,
    });
    Component {
        name: artifact.name.0.unwrap_or_default(),
        version: artifact.version.0.unwrap_or_default(),
        purl: artifact.purl.0,
        licenses: licenses.filter(|license| !license.is_empty()).collect(),
        paths,
        properties,
        ..Component::default()
    }
}

fn distribution(distro: SyftDistro) -> Option<Distro> {
    Some(Distro {
        id: distro.id.get()?.to_owned(),
        version: distro.version.get().map(str::to_owned),
        codename: distro.codename.get().map(str::to_owned),
        name: distro.name.or_empty().to_owned(),
        id_like: distro.id_like.0.into_iter().filter_map(|id| id.0).collect(),
        ..Distro::default()
    })
}
