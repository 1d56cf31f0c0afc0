//! What a finding is about.

use seawall_inventory::{Ecosystem, Purl};
use serde::{Deserialize, Serialize};

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Subject {
    /// A package of the target.
    Package {
        /// Its package URL with qualifiers.
        purl: Purl,
        /// By whose rules name and version are read.
        ecosystem: Ecosystem,
        /// Name as the ecosystem spells it.
        name: String,
        /// Version as recorded.
        version: String,
    },
    /// The distribution of the target.
    Distribution {
        /// `debian`.
        id: String,
        /// `12`.
        version: String,
    },
    /// A machine.
    Host {
        /// Its host name.
        name: String,
    },
    /// A container engine of a host.
    Engine {
        /// `docker`, `podman`, `containerd`, `cri-o`, `kubelet`.
        name: String,
    },
    /// A container of an engine.
    Container {
        /// `docker`, `podman`, `containerd`.
        engine: String,
        /// Its name, which outlives its id.
        name: String,
    },
    /// An image of an engine.
    Image {
        /// Its reference.
        name: String,
    },
    /// What a manifest describes: a pod and what makes pods, a Compose service, a Quadlet or systemd unit.
    Workload {
        /// `Deployment`, `service`, `container`, `unit`.
        workload: String,
        /// Kubernetes namespace; empty elsewhere.
        #[serde(default)]
        namespace: String,
        /// Its name.
        name: String,
        /// The container of it; empty for the whole.
        #[serde(default)]
        container: String,
    },
    /// The target as a whole.
    Target {
        /// As the user named it.
        name: String,
    },
}

impl Subject {
    /// Package URL, ecosystem and name, where it is a package.
    pub fn package(&self) -> Option<(&Purl, Ecosystem, &str)> {
        match self {
            Subject::Package { purl, ecosystem, name, .. } => Some((purl, *ecosystem, name)),
            Subject::Distribution { .. }
            | Subject::Host { .. }
            | Subject::Engine { .. }
            | Subject::Container { .. }
            | Subject::Image { .. }
            | Subject::Workload { .. }
            | Subject::Target { .. } => None,
        }
    }

    /// What identifies the subject from scan to scan. A package is itself whatever its
    /// version, so that a finding that an upgrade did not fix stays the same finding.
    pub fn identity(&self) -> String {
        match self {
            Subject::Package { purl, .. } => {
                let mut purl = purl.bare();
                purl.version = None;
                purl.to_string()
            }
            Subject::Distribution { id, version } => format!("{id}:{version}"),
            Subject::Host { .. } => "host".to_owned(),
            Subject::Engine { name } => format!("engine:{name}"),
            Subject::Container { engine, name } => format!("container:{engine}:{name}"),
            Subject::Image { name } => format!("image:{name}"),
            Subject::Workload { workload, namespace, name, container } => {
                format!("workload:{workload}:{namespace}:{name}:{container}")
            }
            Subject::Target { .. } => "target".to_owned(),
        }
    }

    /// For people: `openssl 3.0.11-1`.
    pub fn label(&self) -> String {
        match self {
            Subject::Package { name, version, .. } if version.is_empty() => name.clone(),
            Subject::Package { name, version, .. } => format!("{name} {version}"),
            Subject::Distribution { id, version } => format!("{id} {version}"),
            Subject::Workload { workload, namespace, name, container } => {
                let namespace = if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
                let container = if container.is_empty() { String::new() } else { format!(" ({container})") };
                format!("{workload} {namespace}{name}{container}")
            }
            Subject::Container { name, .. }
            | Subject::Image { name }
            | Subject::Host { name }
            | Subject::Engine { name }
            | Subject::Target { name } => name.clone(),
        }
    }
}
