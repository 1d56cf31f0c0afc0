//! What engines say of themselves, their containers, images, networks and swarm, with the members that are judged.
//!
//! The same whether it comes over a socket or from a file that `docker inspect` wrote. Go writes an empty slice or map
//! as `null` and podman leaves members out, so everything has a default.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A value without its `null` members, which stand for "the default".
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key, without_nulls(value))).collect())
        }
        Value::Array(items) => {
            Value::Array(items.into_iter().filter(|item| !item.is_null()).map(without_nulls).collect())
        }
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => scalar,
    }
}

/// Reads a value as one of the types below.
pub(crate) fn typed<T: DeserializeOwned + Default>(value: Value) -> Result<T, serde_json::Error> {
    let value = without_nulls(value);
    if value.is_null() { Ok(T::default()) } else { serde_json::from_value(value) }
}

/// `docker info`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Info {
    pub(crate) docker_root_dir: String,
    pub(crate) driver: String,
    pub(crate) logging_driver: String,
    pub(crate) live_restore_enabled: Option<bool>,
    pub(crate) experimental_build: Option<bool>,
    pub(crate) security_options: Vec<String>,
    pub(crate) server_version: String,
    pub(crate) swarm: SwarmState,
    pub(crate) registry_config: RegistryConfig,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct SwarmState {
    pub(crate) local_node_state: String,
    pub(crate) control_available: bool,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct RegistryConfig {
    #[serde(rename = "InsecureRegistryCIDRs")]
    pub(crate) insecure_registry_cidrs: Vec<String>,
    pub(crate) index_configs: BTreeMap<String, Index>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Index {
    pub(crate) secure: bool,
}

/// `docker version`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Version {
    pub(crate) version: String,
    pub(crate) components: Vec<Component>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Component {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// `docker image inspect`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Image {
    pub(crate) id: String,
    pub(crate) repo_tags: Vec<String>,
    pub(crate) repo_digests: Vec<String>,
    pub(crate) created: String,
    pub(crate) config: ImageConfig,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ImageConfig {
    pub(crate) user: String,
    pub(crate) env: Vec<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) healthcheck: Option<Healthcheck>,
    pub(crate) exposed_ports: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Healthcheck {
    pub(crate) test: Vec<String>,
}

/// An entry of `docker history`, the newest first.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Step {
    pub(crate) created_by: String,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Network {
    pub(crate) name: String,
    pub(crate) driver: String,
    pub(crate) options: BTreeMap<String, String>,
}

/// The settings of a swarm.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Swarm {
    pub(crate) spec: SwarmSpec,
    pub(crate) root_rotation_in_progress: bool,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct SwarmSpec {
    pub(crate) encryption_config: EncryptionConfig,
    #[serde(rename = "CAConfig")]
    pub(crate) ca_config: CaConfig,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct EncryptionConfig {
    pub(crate) auto_lock_managers: bool,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct CaConfig {
    pub(crate) node_cert_expiry: i64,
    pub(crate) force_rotate: u64,
}

/// A node of a swarm.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Node {
    pub(crate) spec: NodeSpec,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct NodeSpec {
    pub(crate) role: String,
}

/// A command that runs in a container.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct RunningExec {
    pub(crate) process_config: ProcessConfig,
}

/// A service of a swarm.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Service {
    pub(crate) spec: ServiceSpec,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct ServiceSpec {
    pub(crate) name: String,
    pub(crate) task_template: TaskTemplate,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct TaskTemplate {
    pub(crate) container_spec: TaskContainer,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct TaskContainer {
    pub(crate) env: Vec<String>,
}

/// What an exec runs, and as whom; Docker writes these members in lower case.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ProcessConfig {
    pub(crate) entrypoint: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) privileged: bool,
    pub(crate) user: String,
}
