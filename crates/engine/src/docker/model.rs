//! The answers of Docker's interface, with only the members that are used.
//!
//! Go writes an empty slice or map as `null`, and podman leaves members out, so everything has a default.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Version {
    pub(super) version: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) components: Vec<Component>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Component {
    #[serde(default)]
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ImageSummary {
    pub(super) id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) repo_tags: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) repo_digests: Vec<String>,
    #[serde(default)]
    pub(super) size: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ImageDetails {
    pub(super) id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) repo_tags: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) repo_digests: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) architecture: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) variant: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) os: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) graph_driver: GraphDriver,
    #[serde(default, rename = "RootFS", deserialize_with = "null_is_default")]
    pub(super) root_fs: RootFs,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GraphDriver {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) data: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RootFs {
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) layers: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ContainerSummary {
    pub(super) id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) names: Vec<String>,
    #[serde(default)]
    pub(super) image: String,
    #[serde(default, rename = "ImageID")]
    pub(super) image_id: String,
    #[serde(default)]
    pub(super) state: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ContainerDetails {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    /// The image's id; podman's own interface writes the digits only.
    #[serde(default)]
    pub(super) image: String,
    #[serde(default)]
    pub(super) image_name: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) state: State,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) config: Config,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) graph_driver: GraphDriver,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct State {
    #[serde(default)]
    pub(super) running: bool,
    #[serde(default)]
    pub(super) pid: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Config {
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) image: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Change {
    pub(super) path: String,
    pub(super) kind: u8,
}
