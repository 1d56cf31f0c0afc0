//! What deploys containers, in one form: a pod, a Compose service, a Quadlet unit, a `docker run` line and an engine's
//! answer say the same things in different words.
//!
//! Owns the words, not their reading and not their judgement. Everything distinguishes *not said* (`None`, an empty
//! list) from *said to be off*, and what is said keeps where it was said.

mod container;
mod given;
mod mount;
mod network;
mod resources;
mod security;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use container::{
    Command, ContainerSpec, Env, EnvFrom, EnvOrigin, Handler, Hidden, Probe, ProbeKind, Restart, Role,
};
pub use given::{Given, Origin};
pub use mount::{Device, Mount, MountKind, Volume};
pub use network::{Namespace, Namespaces, Port, PortRange};
pub use resources::{Resources, Ulimit};
pub use security::{Account, ProcMount, Profile, Security, SelinuxOptions, Sysctl};

/// One deployable thing: a pod with its containers, or a single container.
///
/// What a pod says for all its containers stands here; a source without pods has one container and says these things
/// of it: a Docker container's namespaces, sysctls and restart policy are the workload's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Workload {
    /// Who says it.
    pub source: Source,
    /// `Pod`, `Deployment`, `service`, `container` (Quadlet), `unit`; of a command line and of an engine its program:
    /// `docker`, `podman`.
    pub kind: String,
    /// Kubernetes namespace, as written; empty where none is.
    #[serde(default)]
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The engine's id, by which other containers join its namespaces.
    #[serde(default)]
    pub id: Option<String>,
    /// Where it starts.
    #[serde(default)]
    pub origin: Origin,
    /// Labels of what runs: the pod, the service, the container.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the pod (in Kubernetes also those of what makes it, see `object_annotations`).
    #[serde(default)]
    pub annotations: BTreeMap<String, Given<String>>,
    /// Annotations of the object that makes the pod.
    #[serde(default)]
    pub object_annotations: BTreeMap<String, String>,
    /// Its containers, in the order of the source, of every role.
    pub containers: Vec<ContainerSpec>,
    /// Volumes of the pod, mounted or not; elsewhere empty.
    #[serde(default)]
    pub volumes: Vec<Volume>,
    /// The namespaces it shares.
    #[serde(default)]
    pub namespaces: Namespaces,
    /// What holds for every container that says nothing else.
    #[serde(default)]
    pub security: Security,
    /// Kernel settings.
    #[serde(default)]
    pub sysctls: Vec<Sysctl>,
    /// `windows` or `linux`, where it is said.
    #[serde(default)]
    pub os: Option<Given<String>>,
    /// What happens when it ends.
    #[serde(default)]
    pub restart: Option<Given<Restart>>,
    /// Kubernetes service account.
    #[serde(default)]
    pub service_account: Option<Given<String>>,
    /// Whether the service account's token is mounted.
    #[serde(default)]
    pub automount_token: Option<Given<bool>>,
    /// Low-level runtime or runtime class.
    #[serde(default)]
    pub runtime: Option<Given<String>>,
    /// Parent of its control group.
    #[serde(default)]
    pub cgroup_parent: Option<Given<String>>,
    /// Names written into its `/etc/hosts`, as `name:address`.
    #[serde(default)]
    pub extra_hosts: Vec<Given<String>>,
    /// Networks it joins, by name.
    #[serde(default)]
    pub networks: Vec<Given<String>>,
    /// How many of it run.
    #[serde(default)]
    pub replicas: Option<Given<i64>>,
    /// Compose profiles, which keep it off by default.
    #[serde(default)]
    pub profiles: Vec<String>,
}

/// Who says what a workload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A Kubernetes manifest.
    #[default]
    Kubernetes,
    /// A Compose file.
    Compose,
    /// A podman Quadlet unit.
    Quadlet,
    /// A systemd unit that starts a container by a command.
    Systemd,
    /// A `docker run` or `podman run` line of a script.
    Command,
    /// A container engine about a container that exists: what it does not say is off.
    Engine,
}

impl Source {
    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Source::Kubernetes => "Kubernetes",
            Source::Compose => "Compose",
            Source::Quadlet => "Quadlet",
            Source::Systemd => "systemd",
            Source::Command => "command line",
            Source::Engine => "engine",
        }
    }
}

impl Workload {
    /// What holds for a container: its own word, otherwise the pod's.
    pub fn effective<'a, T>(
        &'a self,
        container: &'a ContainerSpec,
        pick: impl Fn(&'a Security) -> &'a Option<Given<T>>,
    ) -> Option<&'a Given<T>> {
        pick(&container.security).as_ref().or(pick(&self.security).as_ref())
    }

    /// Whether it says that it runs on Windows.
    pub fn is_windows(&self) -> bool {
        self.os.as_ref().is_some_and(|os| os.value == "windows")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_in_every_spelling() {
        let check = |text: &str, user: Option<Account>, group: Option<Account>| {
            assert_eq!(Account::pair_from_text(text), (user, group), "{text}");
        };
        let name = |name: &str| Some(Account::Name(name.to_owned()));
        check("", None, None);
        check("0:0", Some(Account::Id(0)), Some(Account::Id(0)));
        check("root:root", name("root"), name("root"));
        check("1000", Some(Account::Id(1000)), None);
        check("app:0", name("app"), Some(Account::Id(0)));
        check(":5", None, Some(Account::Id(5)));
        assert!(Account::from_text("00").is_root());
    }

    #[test]
    fn devices_are_read_in_every_spelling() {
        let check = |text: &str, host: &str, container: &str, permissions: Option<&str>| {
            let device = Device::from_text(&Given::new(text.to_owned(), Origin::default()));
            let seen = (&*device.host_path, &*device.container_path, device.permissions.as_deref());
            assert_eq!(seen, (host, container, permissions), "{text}");
        };
        check("/dev/sda", "/dev/sda", "", None);
        check("/dev/sda:r", "/dev/sda", "", Some("r"));
        check("/dev/sda:/dev/xvda", "/dev/sda", "/dev/xvda", None);
        check("/dev/sda:/dev/xvda:rw", "/dev/sda", "/dev/xvda", Some("rw"));
    }

    #[test]
    fn a_port_is_on_all_addresses_unless_one_is_said() {
        let check = |ip: Option<&str>, all: bool| {
            let port = Port { published: true, host_ip: ip.map(str::to_owned), ..Port::default() };
            assert_eq!(port.is_on_all_addresses(), all, "{ip:?}");
        };
        check(None, true);
        check(Some("0.0.0.0"), true);
        check(Some("[::]"), true);
        check(Some("0:0:0:0:0:0:0:0"), true);
        check(Some("127.0.0.1"), false);
        check(Some("::1"), false);
        assert_eq!(PortRange::from_text("8000-8010"), Some(PortRange { first: 8000, last: 8010 }));
        assert_eq!(PortRange::from_text("9-8"), None);
        assert_eq!(PortRange::from_text("70000"), None);
    }

    #[test]
    fn namespaces_are_read_in_every_spelling() {
        let check =
            |text: &str, expected: Namespace| assert_eq!(Namespace::from_text(text), expected, "{text}");
        check("host", Namespace::Host);
        check("container:db", Namespace::Container("db".to_owned()));
        check("service:db", Namespace::Container("db".to_owned()));
        check("ns:/proc/1/ns/net", Namespace::Host);
        check("private", Namespace::Private);
        check("backend", Namespace::Named("backend".to_owned()));
    }
}
