//! A container as an engine describes it → the workload model that the rules judge.

mod runtime_spec;

use std::collections::BTreeMap;

use seawall_inventory::workload::{
    Account, Command, ContainerSpec, Device, Env, EnvOrigin, Given, Handler, Hidden, Mount, MountKind,
    Namespace, Namespaces, Origin, Port, PortRange, Probe, ProbeKind, ProcMount, Profile, Resources, Restart,
    Security, SelinuxOptions, Source, Sysctl, Ulimit, Workload,
};
use serde::Deserialize;
use serde_json::Value;

pub(crate) use runtime_spec::workload_of_spec;

/// What `docker container inspect` says of a container.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Inspected {
    pub(crate) id: String,
    pub(crate) name: String,
    /// The image's id.
    pub(crate) image: String,
    image_name: String,
    pub(crate) app_armor_profile: String,
    pub(crate) process_label: String,
    pub(crate) state: State,
    pub(crate) config: Config,
    pub(crate) host_config: HostConfig,
    mounts: Vec<MountPoint>,
    /// Commands that run in it beside its own.
    #[serde(rename = "ExecIDs")]
    pub(crate) exec_ids: Vec<String>,
    pub(crate) network_settings: NetworkSettings,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct State {
    pub(crate) status: String,
    pub(crate) running: bool,
    pub(crate) pid: u32,
    /// There when the container has a health check, wherever that was given.
    pub(crate) health: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Config {
    pub(crate) image: String,
    user: String,
    env: Vec<String>,
    cmd: Words,
    entrypoint: Words,
    labels: BTreeMap<String, String>,
    healthcheck: Option<Healthcheck>,
}

/// Docker writes a list; podman an entry point as one text.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
enum Words {
    Many(Vec<String>),
    One(String),
}

impl Default for Words {
    fn default() -> Words {
        Words::Many(Vec::new())
    }
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Healthcheck {
    test: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct HostConfig {
    privileged: bool,
    pub(crate) network_mode: String,
    pid_mode: String,
    ipc_mode: String,
    #[serde(rename = "UTSMode")]
    uts_mode: String,
    userns_mode: String,
    cgroupns_mode: String,
    pub(crate) cgroup_parent: String,
    cap_add: Vec<String>,
    cap_drop: Vec<String>,
    group_add: Vec<Value>,
    pub(crate) security_opt: Vec<String>,
    readonly_rootfs: bool,
    masked_paths: Option<Vec<String>>,
    memory: i64,
    memory_reservation: i64,
    memory_swap: i64,
    cpu_shares: i64,
    cpu_quota: i64,
    cpu_period: i64,
    nano_cpus: i64,
    pids_limit: i64,
    oom_kill_disable: bool,
    oom_score_adj: i64,
    ulimits: Vec<UlimitAnswer>,
    restart_policy: RestartPolicy,
    port_bindings: BTreeMap<String, Vec<Binding>>,
    publish_all_ports: bool,
    devices: Vec<DeviceAnswer>,
    device_requests: Vec<DeviceRequest>,
    device_cgroup_rules: Vec<String>,
    volumes_from: Vec<String>,
    tmpfs: BTreeMap<String, String>,
    sysctls: BTreeMap<String, String>,
    extra_hosts: Vec<String>,
    runtime: String,
    init: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct UlimitAnswer {
    name: String,
    soft: i64,
    hard: i64,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RestartPolicy {
    name: String,
    maximum_retry_count: i64,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Binding {
    host_ip: String,
    host_port: String,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DeviceAnswer {
    path_on_host: String,
    path_in_container: String,
    cgroup_permissions: String,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DeviceRequest {
    driver: String,
    count: i64,
    #[serde(rename = "DeviceIDs")]
    device_ids: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MountPoint {
    #[serde(rename = "Type")]
    kind: String,
    name: String,
    source: String,
    destination: String,
    mode: String,
    #[serde(rename = "RW")]
    is_writable: bool,
    propagation: String,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct NetworkSettings {
    ports: BTreeMap<String, Vec<Binding>>,
    pub(crate) networks: BTreeMap<String, Value>,
}

impl Inspected {
    /// Its name, without the `/` of old.
    pub(crate) fn bare_name(&self) -> &str {
        self.name.trim_start_matches('/')
    }

    /// The image reference it was started from.
    pub(crate) fn image_reference(&self) -> &str {
        if self.config.image.is_empty() { &self.image_name } else { &self.config.image }
    }
}

fn given<T>(value: T, pointer: &str) -> Option<Given<T>> {
    Some(Given::new(value, Origin::new(pointer, 0)))
}

fn all<'t>(texts: &'t [String], pointer: &'t str) -> impl Iterator<Item = Given<String>> + 't {
    texts
        .iter()
        .enumerate()
        .map(move |(index, text)| Given::new(text.clone(), Origin::new(format!("{pointer}.{index}"), 0)))
}

fn non_empty(text: &str, pointer: &str) -> Option<Given<String>> {
    if text.is_empty() { None } else { given(text.to_owned(), pointer) }
}

/// What an engine says of a container, as a workload of one container.
pub(crate) fn workload(container: &Inspected, engine: &str) -> Workload {
    let host = &container.host_config;
    let sysctls = host.sysctls.iter().map(|(name, value)| Sysctl {
        name: name.clone(),
        value: value.clone(),
        origin: Origin::new(format!("HostConfig.Sysctls.{name}"), 0),
    });
    let networks = container.network_settings.networks.keys();
    Workload {
        source: Source::Engine,
        kind: engine.to_owned(),
        name: container.bare_name().to_owned(),
        id: Some(container.id.clone()),
        labels: container.config.labels.clone(),
        containers: vec![spec(container)],
        namespaces: namespaces(host),
        sysctls: sysctls.collect(),
        restart: given(restart(&host.restart_policy), "HostConfig.RestartPolicy"),
        runtime: non_empty(&host.runtime, "HostConfig.Runtime"),
        cgroup_parent: non_empty(&host.cgroup_parent, "HostConfig.CgroupParent"),
        extra_hosts: all(&host.extra_hosts, "HostConfig.ExtraHosts").collect(),
        networks: networks
            .map(|name| Given::new(name.clone(), Origin::new(format!("NetworkSettings.Networks.{name}"), 0)))
            .collect(),
        ..Workload::default()
    }
}

fn spec(container: &Inspected) -> ContainerSpec {
    let (host, config) = (&container.host_config, &container.config);
    let devices = host.devices.iter().enumerate().map(|(index, device)| Device {
        host_path: device.path_on_host.clone(),
        container_path: device.path_in_container.clone(),
        permissions: Some(device.cgroup_permissions.clone()).filter(|text| !text.is_empty()),
        origin: Origin::new(format!("HostConfig.Devices.{index}"), 0),
    });
    let requests = host.device_requests.iter().enumerate().map(|(index, request)| {
        let which = match request.device_ids.as_slice() {
            [] if request.count < 0 => "all".to_owned(),
            [] => request.count.to_string(),
            ids => ids.join(","),
        };
        let text = format!("{}={which}", if request.driver.is_empty() { "gpu" } else { &request.driver });
        Given::new(text, Origin::new(format!("HostConfig.DeviceRequests.{index}"), 0))
    });
    ContainerSpec {
        name: container.bare_name().to_owned(),
        image: non_empty(container.image_reference(), "Config.Image"),
        entrypoint: command(&config.entrypoint, "Config.Entrypoint"),
        command: command(&config.cmd, "Config.Cmd"),
        security: security(container),
        privileged: given(host.privileged, "HostConfig.Privileged"),
        allow_privilege_escalation: no_new_privileges(&host.security_opt)
            .and_then(|is_on| given(!is_on, "HostConfig.SecurityOpt")),
        read_only_root: given(host.readonly_rootfs, "HostConfig.ReadonlyRootfs"),
        capabilities_add: all(&host.cap_add, "HostConfig.CapAdd").collect(),
        capabilities_drop: all(&host.cap_drop, "HostConfig.CapDrop").collect(),
        proc_mount: proc_mount(host),
        mounts: mounts(container),
        volumes_from: all(&host.volumes_from, "HostConfig.VolumesFrom").collect(),
        devices: devices.collect(),
        device_requests: requests.collect(),
        device_cgroup_rules: all(&host.device_cgroup_rules, "HostConfig.DeviceCgroupRules").collect(),
        ports: ports(container),
        publish_all_ports: given(host.publish_all_ports, "HostConfig.PublishAllPorts"),
        resources: resources(host),
        env: env(&config.env),
        probes: config.healthcheck.as_ref().map(health).into_iter().collect(),
        init: host.init.and_then(|init| given(init, "HostConfig.Init")),
        ..ContainerSpec::default()
    }
}

fn command(words: &Words, pointer: &str) -> Option<Given<Command>> {
    match words {
        Words::Many(words) if words.is_empty() => None,
        Words::Many(words) => given(Command::Words(words.clone()), pointer),
        Words::One(line) if line.is_empty() => None,
        Words::One(line) => given(Command::Line(line.clone()), pointer),
    }
}

/// `no-new-privileges`, `no-new-privileges:true`, `=1`; the last word counts, and without a word the daemon's.
fn no_new_privileges(options: &[String]) -> Option<bool> {
    let mut values = options.iter().filter_map(|option| {
        let rest = option.strip_prefix("no-new-privileges")?;
        match rest.strip_prefix([':', '=']) {
            Some(value) => crate::settings::truth(value),
            None => rest.is_empty().then_some(true),
        }
    });
    values.next_back()
}

fn option_value<'o>(options: &'o [String], name: &str) -> Option<&'o str> {
    let value = |option: &'o String| option.strip_prefix(name)?.strip_prefix(['=', ':']);
    options.iter().rev().find_map(value)
}

fn security(container: &Inspected) -> Security {
    let options = &container.host_config.security_opt;
    let (user, group) = Account::pair_from_text(&container.config.user);
    let seccomp = match option_value(options, "seccomp") {
        Some("unconfined") => Profile::Unconfined,
        Some("builtin" | "default" | "") | None => Profile::RuntimeDefault,
        Some(profile) if profile.trim_start().starts_with('{') => Profile::Inline(profile.to_owned()),
        Some(profile) => Profile::Named(profile.to_owned()),
    };
    // A privileged container gets no filter whatever else is said.
    let seccomp = if container.host_config.privileged { Profile::Unconfined } else { seccomp };
    let apparmor = match (container.app_armor_profile.as_str(), option_value(options, "apparmor")) {
        ("unconfined", _) | ("", Some("unconfined")) => Some(Profile::Unconfined),
        ("docker-default" | "containers-default", _) => Some(Profile::RuntimeDefault),
        ("", Some(name)) | (name, _) if !name.is_empty() => Some(Profile::Named(name.to_owned())),
        (_, _) => None,
    };
    let groups = container.host_config.group_add.iter().enumerate().map(|(index, group)| {
        let text = group.as_str().map_or_else(|| group.to_string(), str::to_owned);
        Given::new(Account::from_text(&text), Origin::new(format!("HostConfig.GroupAdd.{index}"), 0))
    });
    Security {
        user: user.and_then(|user| given(user, "Config.User")),
        group: group.and_then(|group| given(group, "Config.User")),
        groups: groups.collect(),
        seccomp: given(seccomp, "HostConfig.SecurityOpt"),
        apparmor: apparmor.and_then(|profile| given(profile, "AppArmorProfile")),
        selinux: selinux(options),
        ..Security::default()
    }
}

fn selinux(options: &[String]) -> Option<Given<SelinuxOptions>> {
    let mut seen = SelinuxOptions::default();
    let labels = options.iter().filter_map(|option| option.strip_prefix("label")?.strip_prefix(['=', ':']));
    for label in labels {
        let value = |name: &str| label.strip_prefix(name)?.strip_prefix(':').map(str::to_owned);
        seen.disabled |= label == "disable";
        seen.user = value("user").or(seen.user);
        seen.role = value("role").or(seen.role);
        seen.kind = value("type").or(seen.kind);
        seen.level = value("level").or(seen.level);
    }
    if seen == SelinuxOptions::default() { None } else { given(seen, "HostConfig.SecurityOpt") }
}

/// Docker answers an empty list for `systempaths=unconfined` and for a privileged container, nothing of older versions.
fn proc_mount(host: &HostConfig) -> Option<Given<ProcMount>> {
    let is_unmasked = host.masked_paths.as_ref().is_some_and(Vec::is_empty)
        || host.security_opt.iter().any(|option| option == "systempaths=unconfined");
    let seen = if is_unmasked || host.privileged { ProcMount::Unmasked } else { ProcMount::Default };
    given(seen, "HostConfig.MaskedPaths")
}

fn namespaces(host: &HostConfig) -> Namespaces {
    let namespace = |mode: &str, pointer: &str| {
        if mode.is_empty() || mode == "default" { None } else { given(Namespace::from_text(mode), pointer) }
    };
    Namespaces {
        pid: namespace(&host.pid_mode, "HostConfig.PidMode"),
        ipc: namespace(&host.ipc_mode, "HostConfig.IpcMode"),
        network: namespace(&host.network_mode, "HostConfig.NetworkMode"),
        uts: namespace(&host.uts_mode, "HostConfig.UTSMode"),
        user: namespace(&host.userns_mode, "HostConfig.UsernsMode"),
        cgroup: namespace(&host.cgroupns_mode, "HostConfig.CgroupnsMode"),
        pod_shares_pid: None,
    }
}

fn mounts(container: &Inspected) -> Vec<Mount> {
    let points = container.mounts.iter().enumerate().map(|(index, mount)| {
        let (kind, source) = match mount.kind.as_str() {
            "bind" => (MountKind::HostPath, &mount.source),
            "volume" => (MountKind::Volume, &mount.name),
            "tmpfs" => (MountKind::Temporary, &mount.source),
            "image" => (MountKind::Image, &mount.source),
            "npipe" => (MountKind::NamedPipe, &mount.source),
            other => (MountKind::Other(other.to_owned()), &mount.source),
        };
        Mount {
            kind,
            source: source.clone(),
            target: mount.destination.clone(),
            read_only: Some(!mount.is_writable),
            propagation: Some(mount.propagation.clone()).filter(|text| !text.is_empty()),
            options: mount.mode.split(',').filter(|text| !text.is_empty()).map(str::to_owned).collect(),
            origin: Origin::new(format!("Mounts.{index}"), 0),
            ..Mount::default()
        }
    });
    let temporary = container.host_config.tmpfs.iter().map(|(target, options)| Mount {
        kind: MountKind::Temporary,
        target: target.clone(),
        options: options.split(',').filter(|text| !text.is_empty()).map(str::to_owned).collect(),
        origin: Origin::new("HostConfig.Tmpfs", 0),
        ..Mount::default()
    });
    points.chain(temporary).collect()
}

/// What runs tells its addresses; what is stopped only what it asked for.
fn ports(container: &Inspected) -> Vec<Port> {
    let live = &container.network_settings.ports;
    let (bindings, pointer) = match container.state.running && !live.is_empty() {
        true => (live, "NetworkSettings.Ports"),
        false => (&container.host_config.port_bindings, "HostConfig.PortBindings"),
    };
    let mut ports = Vec::new();
    for (name, hosts) in bindings {
        let (port, protocol) = name.split_once('/').unwrap_or((name, "tcp"));
        let Some(range) = PortRange::from_text(port) else { continue };
        for host in hosts {
            ports.push(Port {
                container: range,
                published: true,
                host: PortRange::from_text(&host.host_port),
                host_ip: Some(host.host_ip.clone()).filter(|ip| !ip.is_empty()),
                protocol: protocol.to_ascii_lowercase(),
                origin: Origin::new(format!("{pointer}.{name}"), 0),
            });
        }
    }
    ports
}

fn resources(host: &HostConfig) -> Resources {
    // Without a word Docker answers 0, and for some values -1: neither limits.
    let number = |value: i64, pointer: &str| if value == 0 { None } else { given(value, pointer) };
    let cpu = match (host.nano_cpus, host.cpu_quota, host.cpu_period) {
        (nano, _, _) if nano > 0 => given(nano / 1_000_000, "HostConfig.NanoCpus"),
        (_, quota, period) if quota > 0 => {
            let period = if period > 0 { period } else { 100_000 };
            given(quota.saturating_mul(1000) / period, "HostConfig.CpuQuota")
        }
        (_, _, _) => None,
    };
    let ulimits = host.ulimits.iter().enumerate().map(|(index, ulimit)| Ulimit {
        name: ulimit.name.clone(),
        soft: ulimit.soft,
        hard: ulimit.hard,
        origin: Origin::new(format!("HostConfig.Ulimits.{index}"), 0),
    });
    Resources {
        cpu_limit_millis: cpu,
        cpu_shares: number(host.cpu_shares, "HostConfig.CpuShares"),
        memory_limit_bytes: number(host.memory, "HostConfig.Memory"),
        memory_request_bytes: number(host.memory_reservation, "HostConfig.MemoryReservation"),
        memory_swap_bytes: number(host.memory_swap, "HostConfig.MemorySwap"),
        pids_limit: number(host.pids_limit, "HostConfig.PidsLimit"),
        oom_kill_disable: given(host.oom_kill_disable, "HostConfig.OomKillDisable"),
        oom_score_adj: number(host.oom_score_adj, "HostConfig.OomScoreAdj"),
        ulimits: ulimits.collect(),
        ..Resources::default()
    }
}

fn restart(policy: &RestartPolicy) -> Restart {
    let name = if policy.name.is_empty() { "no" } else { &policy.name };
    let max_retries = Some(policy.maximum_retry_count).filter(|&count| count > 0);
    Restart { policy: name.to_owned(), max_retries }
}

fn env(variables: &[String]) -> Vec<Env> {
    let variable = |(index, text): (usize, &String)| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        Env {
            name: name.to_owned(),
            value: Some(Hidden::new(value)),
            from: EnvOrigin::Literal,
            origin: Origin::new(format!("Config.Env.{index}"), 0),
        }
    };
    variables.iter().enumerate().map(variable).collect()
}

impl Inspected {
    /// The words of its health check, joined as the engine joins them when it tells of a command.
    pub(crate) fn health_command(&self) -> Option<String> {
        match self.config.healthcheck.as_ref()?.test.as_slice() {
            [kind, words @ ..] if kind.starts_with("CMD") && !words.is_empty() => Some(words.join(" ")),
            _ => None,
        }
    }
}

fn health(check: &Healthcheck) -> Probe {
    let handler = match check.test.as_slice() {
        [kind] if kind == "NONE" => Handler::Disabled,
        [kind, line] if kind == "CMD-SHELL" => Handler::Exec(Command::Line(line.clone())),
        [_, words @ ..] => Handler::Exec(Command::Words(words.to_vec())),
        [] => Handler::Other,
    };
    Probe { kind: ProbeKind::Health, handler, origin: Origin::new("Config.Healthcheck", 0) }
}
