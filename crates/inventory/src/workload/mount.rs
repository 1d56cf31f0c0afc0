//! What of the host or of storage a container sees.

use serde::{Deserialize, Serialize};

use super::{Given, Origin};

/// Something mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mount {
    /// What is mounted.
    pub kind: MountKind,
    /// The host's path, the volume's name, the image; empty where the engine makes one up.
    #[serde(default)]
    pub source: String,
    /// Path in the container.
    pub target: String,
    /// Whether it is read-only; not said means writable, but for what Kubernetes makes read-only.
    #[serde(default)]
    pub read_only: Option<bool>,
    /// `rshared`, `Bidirectional`, as written.
    #[serde(default)]
    pub propagation: Option<String>,
    /// Path below the source.
    #[serde(default)]
    pub sub_path: Option<String>,
    /// Other options: `z`, `noexec`, `nosuid`.
    #[serde(default)]
    pub options: Vec<String>,
    /// Where it was said.
    #[serde(default)]
    pub origin: Origin,
}

impl Mount {
    /// The path of the host that is seen, where it is one.
    pub fn host_path(&self) -> Option<&str> {
        (self.kind == MountKind::HostPath).then_some(self.source.as_str())
    }
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountKind {
    /// A path of the host: `hostPath`, bind, a local volume over a path.
    HostPath,
    /// A volume that outlives the container: a named volume, a claim.
    #[default]
    Volume,
    /// Space that goes with the container: `emptyDir`, `tmpfs`, an anonymous volume.
    Temporary,
    /// A secret, a config map, the downward API, a projection of these.
    Configuration,
    /// An image.
    Image,
    /// A Windows named pipe.
    NamedPipe,
    /// Any other type, by Kubernetes' or Docker's name.
    Other(String),
}

/// A volume of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Volume {
    /// Its name in the pod.
    pub name: String,
    /// The keys under which it says what it is: `hostPath`, `emptyDir`; an empty list is an `emptyDir`.
    pub kinds: Vec<String>,
    /// The host's path, for a `hostPath`.
    #[serde(default)]
    pub host_path: Option<String>,
    /// Where it was said.
    #[serde(default)]
    pub origin: Origin,
}

/// A device of the host in a container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Device {
    /// Path on the host.
    pub host_path: String,
    /// Path in the container; empty for the same.
    #[serde(default)]
    pub container_path: String,
    /// Some of `rwm`; not said means all three.
    #[serde(default)]
    pub permissions: Option<String>,
    /// Where it was said.
    #[serde(default)]
    pub origin: Origin,
}

impl Device {
    /// From Docker's `HOST[:CONTAINER[:rwm]]`.
    pub fn from_text(text: &Given<String>) -> Device {
        let mut parts = text.value.splitn(3, ':');
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let (host_path, second, third) = (part(), part(), part());
        let is_mode = |text: &str| !text.is_empty() && text.bytes().all(|b| b"rwm".contains(&b));
        let (container_path, permissions) =
            if third.is_empty() && is_mode(&second) { (String::new(), second) } else { (second, third) };
        let permissions = (!permissions.is_empty()).then_some(permissions);
        Device { host_path, container_path, permissions, origin: text.origin.clone() }
    }
}
