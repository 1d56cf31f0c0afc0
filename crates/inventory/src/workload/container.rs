//! One container of a workload.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Device, Given, Mount, Origin, Port, ProcMount, Resources, Security};

/// A container as it is to be started, or as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Its name in the pod; the workload's elsewhere.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub role: Role,
    /// Where it starts.
    #[serde(default)]
    pub origin: Origin,
    /// Image reference, as written.
    #[serde(default)]
    pub image: Option<Given<String>>,
    /// Whether the same file builds the image.
    #[serde(default)]
    pub builds_image: bool,
    /// When it is pulled, as written.
    #[serde(default)]
    pub pull_policy: Option<Given<String>>,
    /// What replaces the image's entry point.
    #[serde(default)]
    pub entrypoint: Option<Given<Command>>,
    /// What replaces the image's command.
    #[serde(default)]
    pub command: Option<Given<Command>>,
    /// User, profiles.
    #[serde(default)]
    pub security: Security,
    /// All privileges.
    #[serde(default)]
    pub privileged: Option<Given<bool>>,
    /// Whether a process may gain more than its parent has; `no-new-privileges` is `false`.
    #[serde(default)]
    pub allow_privilege_escalation: Option<Given<bool>>,
    /// Whether its root file system is read-only.
    #[serde(default)]
    pub read_only_root: Option<Given<bool>>,
    /// Capabilities beyond the default, as written.
    #[serde(default)]
    pub capabilities_add: Vec<Given<String>>,
    /// Capabilities below the default, as written.
    #[serde(default)]
    pub capabilities_drop: Vec<Given<String>>,
    /// What is hidden of `/proc` and `/sys`.
    #[serde(default)]
    pub proc_mount: Option<Given<ProcMount>>,
    /// What it sees of the host and of storage.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// Containers whose volumes it takes.
    #[serde(default)]
    pub volumes_from: Vec<Given<String>>,
    /// Devices of the host.
    #[serde(default)]
    pub devices: Vec<Device>,
    /// Devices by driver or name: `gpu=all`, `nvidia.com/gpu=0`.
    #[serde(default)]
    pub device_requests: Vec<Given<String>>,
    /// Device access by number: `c 1:3 rwm`.
    #[serde(default)]
    pub device_cgroup_rules: Vec<Given<String>>,
    /// Ports.
    #[serde(default)]
    pub ports: Vec<Port>,
    /// Whether every port of the image is published.
    #[serde(default)]
    pub publish_all_ports: Option<Given<bool>>,
    /// Limits.
    #[serde(default)]
    pub resources: Resources,
    /// Environment.
    #[serde(default)]
    pub env: Vec<Env>,
    /// Whole sets of variables: files, secrets, config maps.
    #[serde(default)]
    pub env_from: Vec<EnvFrom>,
    /// Probes and hooks.
    #[serde(default)]
    pub probes: Vec<Probe>,
    /// Whether an init process reaps children.
    #[serde(default)]
    pub init: Option<Given<bool>>,
}

/// What a container is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// What the workload is for.
    #[default]
    Main,
    /// Runs to its end before the others.
    Init,
    /// Starts before the others and stays.
    Sidecar,
    /// Added to a running pod to look into it.
    Ephemeral,
}

/// A command: words, or one line for a shell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Command {
    /// Program and arguments.
    Words(Vec<String>),
    /// For a shell, or to be split into words.
    Line(String),
}

impl Command {
    /// As one line.
    pub fn line(&self) -> String {
        match self {
            Command::Words(words) => words.join(" "),
            Command::Line(line) => line.clone(),
        }
    }
}

/// An environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Env {
    /// Its name.
    pub name: String,
    /// Its value, where it is written down.
    #[serde(skip)]
    pub value: Option<Hidden>,
    /// Where the value comes from.
    pub from: EnvOrigin,
    /// Where it was said.
    #[serde(default)]
    pub origin: Origin,
}

/// A text that may be a credential: it cannot be printed or serialised by accident.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Hidden(String);

impl Hidden {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Hidden {
        Hidden(text.into())
    }

    /// The text, for judging it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hidden({} bytes)", self.0.len())
    }
}

/// Where the value of a variable comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnvOrigin {
    /// Written down.
    #[default]
    Literal,
    /// A Kubernetes or podman secret, by name.
    Secret(String),
    /// A config map, by name.
    ConfigMap(String),
    /// A field of the pod.
    Field,
    /// The environment of whoever starts it.
    Inherited,
    /// The image.
    Image,
}

/// A set of variables.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EnvFrom {
    /// Which set: a secret or config map by name; [`EnvOrigin::Inherited`] for a file.
    pub from: EnvOrigin,
    /// The file, where it is one.
    #[serde(default)]
    pub file: Option<String>,
    /// Where it was said.
    #[serde(default)]
    pub origin: Origin,
}

/// A health check or a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// When it runs.
    pub kind: ProbeKind,
    /// What it does.
    pub handler: Handler,
    /// Where it was said.
    #[serde(default)]
    pub origin: Origin,
}

/// When a probe or hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeKind {
    /// Restarts the container when it fails.
    Liveness,
    /// Takes it out of service when it fails.
    Readiness,
    /// Holds back the other two.
    Startup,
    /// Docker's and podman's health check.
    Health,
    /// After the start.
    PostStart,
    /// Before the end.
    PreStop,
}

/// What a probe or hook does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Handler {
    /// A command in the container.
    Exec(Command),
    /// A request.
    Http {
        /// Host, as written; not said is the pod.
        host: Option<String>,
        /// Port number or name.
        port: String,
    },
    /// A connection.
    Tcp {
        /// Host, as written; not said is the pod.
        host: Option<String>,
        /// Port number or name.
        port: String,
    },
    /// A gRPC health request.
    Grpc,
    /// The image's own is switched off.
    Disabled,
    /// Nothing that is known: a pause, a new kind.
    Other,
}

/// What happens when a container ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Restart {
    /// `no`, `always`, `on-failure`, `unless-stopped`; Kubernetes' `Always`, `OnFailure`, `Never`.
    pub policy: String,
    /// How often, for `on-failure`; not said means without end.
    #[serde(default)]
    pub max_retries: Option<i64>,
}
