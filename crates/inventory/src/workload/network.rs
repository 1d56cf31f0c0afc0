//! What a workload shares with others, and which ports it opens.

use serde::{Deserialize, Serialize};

use super::{Given, Origin};

/// The kernel namespaces of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Namespaces {
    /// Processes.
    #[serde(default)]
    pub pid: Option<Given<Namespace>>,
    /// Shared memory and message queues.
    #[serde(default)]
    pub ipc: Option<Given<Namespace>>,
    /// Network.
    #[serde(default)]
    pub network: Option<Given<Namespace>>,
    /// Host name.
    #[serde(default)]
    pub uts: Option<Given<Namespace>>,
    /// Users.
    #[serde(default)]
    pub user: Option<Given<Namespace>>,
    /// Control groups.
    #[serde(default)]
    pub cgroup: Option<Given<Namespace>>,
    /// Whether the containers of the pod share one process namespace.
    #[serde(default)]
    pub pod_shares_pid: Option<Given<bool>>,
}

/// Whose namespace it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Namespace {
    /// Its own.
    Private,
    /// The host's.
    Host,
    /// None (a network that has none).
    None,
    /// Its own, and others may join it.
    Shareable,
    /// That of another container or service, by name or id.
    Container(String),
    /// Another way or network, as written.
    Named(String),
}

impl Namespace {
    /// Docker's and Compose's word for a namespace: `host`, `none`, `container:ID`, `service:NAME`, `private`.
    pub fn from_text(text: &str) -> Namespace {
        match text {
            "host" => Namespace::Host,
            "none" => Namespace::None,
            "" | "private" => Namespace::Private,
            "shareable" => Namespace::Shareable,
            other => match other.split_once(':') {
                Some(("container" | "service", name)) => Namespace::Container(name.to_owned()),
                Some(("ns", path)) if path.starts_with("/proc/1/") => Namespace::Host,
                Some(_) | None => Namespace::Named(other.to_owned()),
            },
        }
    }
}

/// A port of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Port {
    /// In the container.
    pub container: PortRange,
    /// Whether the host listens for it.
    pub published: bool,
    /// On the host; a published port without one gets any free port.
    #[serde(default)]
    pub host: Option<PortRange>,
    /// The host's address; not said, or empty, means all.
    #[serde(default)]
    pub host_ip: Option<String>,
    /// `tcp`, `udp`, `sctp`, lower case.
    pub protocol: String,
    /// Where it was said.
    #[serde(default)]
    pub origin: Origin,
}

impl Port {
    /// Whether every address of the host answers.
    pub fn is_on_all_addresses(&self) -> bool {
        let ip = self.host_ip.as_deref().unwrap_or_default().trim_matches(['[', ']']);
        self.published
            && (matches!(ip, "" | "*" | "0.0.0.0" | "0" | "::")
                || ip.parse() == Ok(std::net::Ipv6Addr::UNSPECIFIED))
    }
}

/// Ports from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct PortRange {
    /// First.
    pub first: i32,
    /// Last, not lower.
    pub last: i32,
}

impl PortRange {
    /// One port.
    pub const fn one(port: i32) -> PortRange {
        PortRange { first: port, last: port }
    }

    /// `80`, `8000-8010`.
    pub fn from_text(text: &str) -> Option<PortRange> {
        let port = |text: &str| text.trim().parse::<u16>().ok().map(i32::from);
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let range = PortRange { first: port(first)?, last: port(last)? };
        (range.first <= range.last).then_some(range)
    }
}

impl std::fmt::Display for PortRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.first == self.last { self.first.fmt(f) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}
