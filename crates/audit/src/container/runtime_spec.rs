//! A container as containerd describes it: the OCI runtime specification that its runtime was given.

use seawall_inventory::Container;
use seawall_inventory::workload::{
    Account, Command, ContainerSpec, Device, Env, EnvOrigin, Given, Hidden, Mount, MountKind, Namespace,
    Namespaces, Origin, ProcMount, Profile, Resources, Security, Source, Workload,
};
use serde::Deserialize;
use serde_json::Value;

/// The capabilities that containerd, Docker and podman leave a container.
const DEFAULT_CAPABILITIES: [&str; 14] = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// The members that are judged (opencontainers/runtime-spec, config.md).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    process: Process,
    root: Root,
    mounts: Vec<SpecMount>,
    linux: Linux,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Process {
    user: User,
    args: Vec<String>,
    env: Vec<String>,
    capabilities: Capabilities,
    no_new_privileges: bool,
    apparmor_profile: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    uid: i64,
    gid: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Capabilities {
    bounding: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Root {
    readonly: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SpecMount {
    destination: String,
    #[serde(rename = "type")]
    kind: String,
    source: String,
    options: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Linux {
    namespaces: Vec<SpecNamespace>,
    devices: Vec<SpecDevice>,
    seccomp: Option<Value>,
    masked_paths: Vec<String>,
    resources: SpecResources,
    cgroups_path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SpecNamespace {
    #[serde(rename = "type")]
    kind: String,
    path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SpecDevice {
    path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SpecResources {
    memory: Limit,
    cpu: Cpu,
    pids: Limit,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Limit {
    limit: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cpu {
    shares: i64,
    quota: i64,
    period: i64,
}

fn given<T>(value: T, pointer: &str) -> Option<Given<T>> {
    Some(Given::new(value, Origin::new(pointer, 0)))
}

fn positive(value: i64, pointer: &str) -> Option<Given<i64>> {
    if value > 0 { given(value, pointer) } else { None }
}

/// The workload that a runtime specification describes.
///
/// # Errors
/// The specification is no JSON of that form.
pub(crate) fn workload_of_spec(container: &Container, spec: Value) -> Result<Workload, serde_json::Error> {
    let spec: Spec = crate::inspect::typed(spec)?;
    Ok(Workload {
        source: Source::Engine,
        kind: container.engine.clone(),
        name: container.name.clone(),
        id: Some(container.id.clone()),
        labels: container.labels.clone(),
        namespaces: namespaces(&spec.linux.namespaces),
        cgroup_parent: None,
        containers: vec![container_spec(container, &spec)],
        ..Workload::default()
    })
}

fn container_spec(container: &Container, spec: &Spec) -> ContainerSpec {
    let process = &spec.process;
    let bounding = &process.capabilities.bounding;
    let name = |text: &str| Given::new(text.to_owned(), Origin::new("process.capabilities.bounding", 0));
    let added = bounding.iter().filter(|own| !DEFAULT_CAPABILITIES.contains(&own.as_str()));
    let dropped = DEFAULT_CAPABILITIES.iter().filter(|default| !bounding.iter().any(|own| own == *default));
    let devices = spec.linux.devices.iter().map(|device| Device {
        host_path: device.path.clone(),
        origin: Origin::new("linux.devices", 0),
        ..Device::default()
    });
    let is_unmasked = spec.linux.masked_paths.is_empty();
    ContainerSpec {
        name: container.name.clone(),
        image: given(container.image.clone(), "image"),
        command: given(Command::Words(process.args.clone()), "process.args"),
        security: security(spec),
        // The specification has no word for it: everything that makes it up is judged by itself.
        privileged: None,
        allow_privilege_escalation: given(!process.no_new_privileges, "process.noNewPrivileges"),
        read_only_root: given(spec.root.readonly, "root.readonly"),
        capabilities_add: added.map(|own| name(own)).collect(),
        capabilities_drop: dropped.map(|default| name(default)).collect(),
        proc_mount: given(
            if is_unmasked { ProcMount::Unmasked } else { ProcMount::Default },
            "linux.maskedPaths",
        ),
        mounts: spec.mounts.iter().enumerate().map(mount).collect(),
        devices: devices.collect(),
        resources: resources(&spec.linux.resources),
        env: process.env.iter().map(|variable| env(variable)).collect(),
        ..ContainerSpec::default()
    }
}

fn security(spec: &Spec) -> Security {
    let user = &spec.process.user;
    let seccomp = match &spec.linux.seccomp {
        None => Profile::Unconfined,
        Some(profile) => Profile::Inline(profile.to_string()),
    };
    let apparmor = match spec.process.apparmor_profile.as_str() {
        "" => None,
        "unconfined" => Some(Profile::Unconfined),
        "cri-containerd.apparmor.d" | "nerdctl-default" | "docker-default" => Some(Profile::RuntimeDefault),
        name => Some(Profile::Named(name.to_owned())),
    };
    Security {
        user: given(Account::Id(user.uid), "process.user.uid"),
        group: given(Account::Id(user.gid), "process.user.gid"),
        seccomp: given(seccomp, "linux.seccomp"),
        apparmor: apparmor.and_then(|profile| given(profile, "process.apparmorProfile")),
        ..Security::default()
    }
}

/// A namespace that is not listed is the host's; one with a path is another's, and pid 1's is the host's.
fn namespaces(listed: &[SpecNamespace]) -> Namespaces {
    let namespace = |kind: &str| {
        let seen = match listed
            .iter()
            .find(|namespace| namespace.kind == kind)
            .map(|namespace| namespace.path.as_str())
        {
            None => Namespace::Host,
            Some("") => Namespace::Private,
            Some(path) if path.starts_with("/proc/1/") => Namespace::Host,
            Some(path) => Namespace::Named(path.to_owned()),
        };
        given(seen, "linux.namespaces")
    };
    Namespaces {
        pid: namespace("pid"),
        ipc: namespace("ipc"),
        network: namespace("network"),
        uts: namespace("uts"),
        // Without one of its own a container has the engine's, which is what every engine does by default.
        user: None,
        cgroup: namespace("cgroup"),
        pod_shares_pid: None,
    }
}

fn mount((index, mount): (usize, &SpecMount)) -> Mount {
    let is_bind =
        mount.kind == "bind" || mount.options.iter().any(|option| option == "bind" || option == "rbind");
    let propagation = ["rshared", "shared", "rslave", "slave", "rprivate", "private"];
    Mount {
        kind: if is_bind { MountKind::HostPath } else { MountKind::Temporary },
        source: if is_bind { mount.source.clone() } else { String::new() },
        target: mount.destination.clone(),
        read_only: Some(mount.options.iter().any(|option| option == "ro")),
        propagation: mount.options.iter().find(|option| propagation.contains(&option.as_str())).cloned(),
        options: mount.options.clone(),
        origin: Origin::new(format!("mounts.{index}"), 0),
        ..Mount::default()
    }
}

fn resources(limits: &SpecResources) -> Resources {
    let cpu = &limits.cpu;
    let millis = if cpu.quota > 0 { cpu.quota.saturating_mul(1000) / cpu.period.max(1) } else { 0 };
    Resources {
        memory_limit_bytes: positive(limits.memory.limit, "linux.resources.memory.limit"),
        cpu_limit_millis: positive(millis, "linux.resources.cpu.quota"),
        cpu_shares: positive(cpu.shares, "linux.resources.cpu.shares"),
        pids_limit: positive(limits.pids.limit, "linux.resources.pids.limit"),
        ..Resources::default()
    }
}

fn env(variable: &str) -> Env {
    let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
    Env {
        name: name.to_owned(),
        value: Some(Hidden::new(value)),
        from: EnvOrigin::Literal,
        origin: Origin::new("process.env", 0),
    }
}
