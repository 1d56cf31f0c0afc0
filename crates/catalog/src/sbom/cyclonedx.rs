//! CycloneDX 1.2 to 1.7, JSON (ECMA-424 since 1.6).

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::SbomError;
use super::component::{Component, Document, Kind};
use crate::document::{List, Table, Text};

#[derive(Deserialize)]
struct Bom<'text> {
    #[serde(default, rename = "bomFormat")]
    format: Text,
    #[serde(default, rename = "specVersion")]
    version: Text,
    #[serde(borrow, default)]
    metadata: Table<Metadata<'text>>,
    #[serde(borrow, default)]
    components: List<Table<BomComponent<'text>>>,
}

#[derive(Deserialize)]
struct Metadata<'text> {
    #[serde(borrow, default)]
    component: Table<BomComponent<'text>>,
}

#[derive(Deserialize)]
struct BomComponent<'text> {
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
    #[serde(borrow, default)]
    properties: List<Table<Property<'text>>>,
    #[serde(default)]
    evidence: Table<Evidence>,
    /// Parts of this component; serde_json limits how deep they go.
    #[serde(borrow, default)]
    components: List<Table<BomComponent<'text>>>,
}

#[derive(Deserialize)]
struct Property<'text> {
    #[serde(borrow, default)]
    name: Loose<'text>,
    #[serde(borrow, default)]
    value: Loose<'text>,
}

/// A text that is copied only where it has escapes: documents have twenty properties a component, most of which are
/// of no use here. Anything but a text is empty.
#[derive(Default)]
struct Loose<'text>(Cow<'text, str>);

impl<'de: 'text, 'text> Deserialize<'de> for Loose<'text> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Loose<'text>, D::Error> {
        struct AnyValue;
        impl<'de> Visitor<'de> for AnyValue {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Cow<'de, str>, E> {
                Ok(Cow::default())
            }
            fn visit_i64<E>(self, _: i64) -> Result<Cow<'de, str>, E> {
                Ok(Cow::default())
            }
            fn visit_u64<E>(self, _: u64) -> Result<Cow<'de, str>, E> {
                Ok(Cow::default())
            }
            fn visit_f64<E>(self, _: f64) -> Result<Cow<'de, str>, E> {
                Ok(Cow::default())
            }
            fn visit_unit<E>(self) -> Result<Cow<'de, str>, E> {
                Ok(Cow::default())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Cow<'de, str>, A::Error> {
                while values.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Cow::default())
            }
            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Cow<'de, str>, A::Error> {
                while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Cow::default())
            }
        }
        deserializer.deserialize_any(AnyValue).map(Loose)
    }
}

/// Whether a property is one that is asked for later.
fn is_known(name: &str) -> bool {
    name.starts_with("seawall:")
        || name.starts_with("aquasecurity:trivy:")
        || name.starts_with("syft:distro:")
        || name.starts_with("syft:location:")
        || matches!(
            name,
            "syft:metadata:source"
                | "syft:metadata:sourceVersion"
                | "syft:metadata:originPackage"
                | "syft:metadata:modularityLabel"
                | "syft:metadata:maintainer"
                | "syft:metadata:vendor"
        )
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
    let mut waiting: Vec<BomComponent<'_>> =
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
    let unknown_version = unknown_version(bom.version.or_empty());
    Ok(Some(Document { subject, components, distro: None, layers, unknown_version }))
}

/// The version that a document states, where it is none of those that this module was written for.
pub(super) fn unknown_version(version: &str) -> Option<String> {
    const KNOWN: [&str; 8] = ["1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"];
    (!version.is_empty() && !KNOWN.contains(&version)).then(|| format!("CycloneDX `{version}`"))
}

fn component(read: BomComponent<'_>) -> Component {
    let properties = read.properties.0.into_iter().filter_map(|table| table.0);
    let known = properties.filter(|property| is_known(&property.name.0));
    let properties: Vec<(String, String)> =
        known.map(|property| (property.name.0.into_owned(), property.value.0.into_owned())).collect();
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
