//! The container that an event happened in, as far as it is known at that moment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The context of a container. `inventory::Container` is what an engine lists; this is what one event knows of it,
/// and everything in it may come later than the event.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Container {
    /// The first 12 digits of its id, or `host`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The whole id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_id: Option<String>,
    /// Its name, without leading `/`; `host` on the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `docker`, `podman`, `containerd`, `cri-o`; `host` on the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// What it was made from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<Image>,
    /// Whether it runs with `--privileged`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileged: Option<bool>,
    /// Whether it shares the host's pid namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_pid: Option<bool>,
    /// Whether it shares the host's network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_network: Option<bool>,
    /// Whether it shares the host's IPC namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_ipc: Option<bool>,
    /// What is mounted into it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mounts: Option<Vec<Mount>>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Its first address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The answer of the network plugin, JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cni: Option<String>,
    /// The pod it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<Pod>,
}

/// The image of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Image {
    /// As it was asked for: `docker.io/library/nginx:1.27`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `docker.io/library/nginx`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// `1.27`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Digest in the registry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The first 12 digits of the configuration's digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

impl Image {
    /// As it was asked for; where nobody tells that, `repository:tag`.
    pub fn reference(&self) -> Option<String> {
        let parts = || {
            let repository = self.repository.as_ref()?;
            Some(self.tag.as_ref().map_or_else(|| repository.clone(), |tag| format!("{repository}:{tag}")))
        };
        self.name.clone().or_else(parts)
    }
}

/// A mount of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mount {
    /// Path on the host, or a volume.
    pub source: String,
    /// Path in the container.
    pub destination: String,
    /// Options as the engine tells them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mode: String,
    /// Whether it can be written.
    pub writable: bool,
    /// `rprivate` and the like.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub propagation: String,
}

impl Mount {
    /// `source:destination:mode:writable:propagation`.
    pub fn text(&self) -> String {
        let Mount { source, destination, mode, writable, propagation } = self;
        format!("{source}:{destination}:{mode}:{writable}:{propagation}")
    }
}

/// A Kubernetes pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pod {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its unique id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Id of its sandbox container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox_id: Option<String>,
    /// Its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// The word for "in no container".
const HOST: &str = "host";

impl Container {
    /// What stands for the host.
    pub fn host() -> Container {
        let host = || Some(HOST.to_owned());
        Container { id: host(), name: host(), engine: host(), ..Container::default() }
    }

    /// Whether it stands for the host.
    pub fn is_host(&self) -> bool {
        self.id.as_deref() == Some(HOST)
    }
}
