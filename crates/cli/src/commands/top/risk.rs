//! How much is at stake in a container: what its rules found, what it may do to the host, what its image holds.

use std::collections::BTreeMap;

use seawall_agent::PackageRisk;
use seawall_event::Container;
use seawall_finding::Priority;
use seawall_inventory::Workload;
use seawall_inventory::workload::{
    ContainerSpec, Given, Mount, MountKind, Namespace, Namespaces, Origin, Source,
};
use seawall_lint::workload::{Context, Selection, evaluate};
use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    #[default]
    None,
    Low,
    Medium,
    High,
    Critical,
}

impl Level {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Level::None => "-",
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
            Level::Critical => "critical",
        }
    }
}

/// A way from the container to the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Privilege {
    /// The rule of `seawall audit` and `lint` that knows it.
    pub(super) rule: &'static str,
    #[serde(skip)]
    pub(super) level: Level,
    #[serde(skip)]
    pub(super) shown: &'static str,
}

const fn privilege(rule: &'static str, level: Level, shown: &'static str) -> Privilege {
    Privilege { rule, level, shown }
}

/// What is asked of the rules over workloads: what an event knows of its container answers these, and no others.
static PRIVILEGES: [Privilege; 6] = [
    privilege("privileged-container", Level::High, "privileged"),
    privilege("engine-socket-mount", Level::High, "engine socket"),
    privilege("sensitive-host-mount", Level::High, "host files"),
    privilege("host-pid-namespace", Level::Medium, "host processes"),
    privilege("host-network-namespace", Level::Medium, "host network"),
    privilege("host-ipc-namespace", Level::Medium, "host IPC"),
];

/// The privileges of a container, by the rules that every other command asks too.
pub(super) fn privileges(container: &Container) -> Vec<Privilege> {
    if container.is_host() {
        return Vec::new();
    }
    let found = evaluate(&workload(container), &Context::default(), &Selection::default()).found;
    let is_found = |privilege: &&Privilege| found.iter().any(|finding| finding.rule == privilege.rule);
    PRIVILEGES.iter().filter(is_found).cloned().collect()
}

fn workload(container: &Container) -> Workload {
    let given = |value: bool| Given::new(value, Origin::default());
    let host = |is_host: Option<bool>| {
        is_host.filter(|is_host| *is_host).map(|_| Given::new(Namespace::Host, Origin::default()))
    };
    let mount = |mount: &seawall_event::Mount| Mount {
        kind: if mount.source.starts_with('/') { MountKind::HostPath } else { MountKind::Volume },
        source: mount.source.clone(),
        target: mount.destination.clone(),
        read_only: Some(!mount.writable),
        ..Mount::default()
    };
    let spec = ContainerSpec {
        name: container.name.clone().unwrap_or_default(),
        privileged: container.privileged.map(given),
        mounts: container.mounts.iter().flatten().map(mount).collect(),
        ..ContainerSpec::default()
    };
    Workload {
        source: Source::Engine,
        name: container.name.clone().unwrap_or_default(),
        namespaces: Namespaces {
            pid: host(container.host_pid),
            network: host(container.host_network),
            ipc: host(container.host_ipc),
            ..Namespaces::default()
        },
        containers: vec![spec],
        ..Workload::default()
    }
}

fn of_priority(priority: Priority) -> Level {
    match priority {
        Priority::Emergency | Priority::Alert | Priority::Critical => Level::Critical,
        Priority::Error | Priority::Warning => Level::High,
        Priority::Notice | Priority::Informational | Priority::Debug => Level::Low,
    }
}

fn of_packages(packages: PackageRisk) -> Level {
    match packages {
        PackageRisk { exploited: 1.., .. } => Level::High,
        PackageRisk { critical: 1.., .. } => Level::Medium,
        PackageRisk { high: 1.., .. } => Level::Low,
        PackageRisk { .. } => Level::None,
    }
}

/// The worst of all; an attack, or what is known to be attacked, in a container that can take over the host is
/// critical.
pub(super) fn level(
    alerts: &BTreeMap<Priority, u64>,
    privileges: &[Privilege],
    packages: Option<PackageRisk>,
) -> Level {
    let alerts = alerts.keys().map(|priority| of_priority(*priority)).max().unwrap_or_default();
    let privileges = privileges.iter().map(|privilege| privilege.level).max().unwrap_or_default();
    let packages = packages.map(of_packages).unwrap_or_default();
    if privileges >= Level::High && alerts.max(packages) >= Level::High {
        return Level::Critical;
    }
    alerts.max(privileges).max(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounted(source: &str) -> Container {
        let mount = seawall_event::Mount {
            source: source.to_owned(),
            destination: "/mnt".to_owned(),
            writable: true,
            ..Default::default()
        };
        Container { mounts: Some(vec![mount]), ..Container::default() }
    }

    #[test]
    fn what_a_container_may_do_to_the_host_is_named() {
        let check = |container: Container, expected: &[&str]| {
            let found: Vec<&str> = privileges(&container).iter().map(|privilege| privilege.shown).collect();
            assert_eq!(found, expected, "{container:?}");
        };
        check(Container { privileged: Some(true), ..Container::default() }, &["privileged"]);
        check(
            Container { host_pid: Some(true), host_network: Some(true), ..Container::default() },
            &["host processes", "host network"],
        );
        check(Container { host_ipc: Some(true), ..Container::default() }, &["host IPC"]);
        check(mounted("/var/run/docker.sock"), &["engine socket"]);
        check(mounted("/etc"), &["host files"]);
        check(mounted("/srv/data"), &[]);
        check(mounted("data"), &[]);
        check(Container { privileged: Some(false), host_pid: Some(false), ..Container::default() }, &[]);
        check(Container::host(), &[]);
    }

    #[test]
    fn risk_is_the_worst_and_together_they_are_worse() {
        let check =
            |alerts: &[Priority], privileged: bool, exploited: usize, critical: usize, expected: Level| {
                let alerts = alerts.iter().map(|priority| (*priority, 1)).collect();
                let privileges = if privileged { &PRIVILEGES[..1] } else { &[] };
                let packages = PackageRisk { exploited, critical, high: 0 };
                assert_eq!(level(&alerts, privileges, Some(packages)), expected);
            };
        check(&[], false, 0, 0, Level::None);
        check(&[Priority::Notice], false, 0, 0, Level::Low);
        check(&[Priority::Notice], false, 0, 1, Level::Medium);
        check(&[], true, 0, 1, Level::High);
        check(&[], false, 1, 0, Level::High);
        check(&[], true, 1, 0, Level::Critical);
        check(&[Priority::Warning], true, 0, 0, Level::Critical);
        check(&[Priority::Warning], false, 0, 0, Level::High);
        check(&[Priority::Critical, Priority::Debug], false, 0, 0, Level::Critical);
    }
}
