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

macro_rules! answers {
    ($($(#[$doc:meta])* struct $name:ident { $($(#[$attribute:meta])* $field:ident: $kind:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default, Deserialize)]
        #[serde(rename_all = "PascalCase", default)]
        pub(crate) struct $name { $($(#[$attribute])* pub(crate) $field: $kind,)* })*
    };
}

answers! {
    /// `docker info`.
    struct Info {
        name: String,
        docker_root_dir: String,
        driver: String,
        logging_driver: String,
        live_restore_enabled: Option<bool>,
        experimental_build: Option<bool>,
        security_options: Vec<String>,
        server_version: String,
        kernel_version: String,
        operating_system: String,
        cgroup_version: String,
        swarm: SwarmState,
        registry_config: RegistryConfig,
        containerd_commit: Commit,
        runc_commit: Commit,
    }
    struct Commit {
        #[serde(rename = "ID")]
        id: String,
    }
    struct SwarmState {
        #[serde(rename = "NodeID")]
        node_id: String,
        node_addr: String,
        local_node_state: String,
        control_available: bool,
    }
    struct RegistryConfig {
        #[serde(rename = "InsecureRegistryCIDRs")]
        insecure_registry_cidrs: Vec<String>,
        index_configs: BTreeMap<String, Index>,
    }
    struct Index {
        secure: bool,
    }
    /// `docker version`.
    struct Version {
        version: String,
        components: Vec<Component>,
    }
    struct Component {
        name: String,
        version: String,
    }
    /// `docker image inspect`.
    struct Image {
        id: String,
        repo_tags: Vec<String>,
        repo_digests: Vec<String>,
        created: String,
        config: ImageConfig,
    }
    struct ImageConfig {
        user: String,
        env: Vec<String>,
        labels: BTreeMap<String, String>,
        healthcheck: Option<Healthcheck>,
        exposed_ports: BTreeMap<String, Value>,
    }
    struct Healthcheck {
        test: Vec<String>,
    }
    /// An entry of `docker history`, the newest first.
    struct Step {
        created_by: String,
    }
    /// A network.
    struct Network {
        name: String,
        id: String,
        driver: String,
        ingress: bool,
        options: BTreeMap<String, String>,
    }
    /// The settings of a swarm.
    struct Swarm {
        spec: SwarmSpec,
        root_rotation_in_progress: bool,
        created_at: String,
        updated_at: String,
    }
    struct SwarmSpec {
        encryption_config: EncryptionConfig,
        #[serde(rename = "CAConfig")]
        ca_config: CaConfig,
    }
    struct EncryptionConfig {
        auto_lock_managers: bool,
    }
    struct CaConfig {
        node_cert_expiry: i64,
        force_rotate: u64,
    }
    /// A node of a swarm.
    struct Node {
        spec: NodeSpec,
    }
    struct NodeSpec {
        role: String,
    }
    /// A command that runs in a container.
    struct RunningExec {
        process_config: ProcessConfig,
    }
    /// A service of a swarm.
    struct Service {
        spec: ServiceSpec,
    }
    struct ServiceSpec {
        name: String,
        task_template: TaskTemplate,
    }
    struct TaskTemplate {
        container_spec: TaskContainer,
    }
    struct TaskContainer {
        env: Vec<String>,
    }
    /// A secret of a swarm: they are counted.
    struct Secret {
        #[serde(rename = "ID")]
        id: String,
    }
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
