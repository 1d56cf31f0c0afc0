//! A service of a Compose file.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use seawall_inventory::Workload;
use seawall_inventory::workload::{
    Account, Command, ContainerSpec, Device, Env, EnvFrom, EnvOrigin, Given, Handler, Hidden, Mount,
    MountKind, Namespace, Origin, Port, PortRange, Probe, ProbeKind, Restart, Source, Sysctl, Ulimit,
};

use super::interpolated;
use crate::dialect;
use crate::document::{At, boolean, integer};

/// A service with those it extends: the nearest says what a single value is, lists and maps come together.
pub(super) struct Service<'a> {
    pub(super) layers: Vec<At<'a>>,
}

impl<'a> Service<'a> {
    /// What the layers say of a key, nearest first, down to one that takes the place of those below it.
    fn said(&self, key: &str) -> impl Iterator<Item = At<'a>> {
        let mut is_over = false;
        let said = self
            .layers
            .iter()
            .filter_map(move |layer| layer.said(key))
            .take_while(move |(_, replaces)| !std::mem::replace(&mut is_over, *replaces));
        said.filter_map(|(at, _)| at).collect::<Vec<_>>().into_iter()
    }

    fn get(&self, key: &str) -> Option<At<'a>> {
        self.said(key).next()
    }

    fn path(&self, keys: &[&str]) -> Option<At<'a>> {
        let (first, rest) = keys.split_first()?;
        self.said(first).find_map(|at| at.path(rest))
    }

    fn text(&self, key: &str) -> Option<Given<String>> {
        self.get(key).and_then(|at| text(&at))
    }

    fn bool(&self, key: &str) -> Option<Given<bool>> {
        self.said(key).find_map(|at| Some(Given::new(boolean(at.node.text()?)?, at.origin())))
    }

    fn int(&self, key: &str) -> Option<Given<i64>> {
        self.said(key).find_map(|at| Some(Given::new(integer(at.node.text()?)?, at.origin())))
    }

    /// The items of a list, those of extended services first.
    fn list(&self, key: &str) -> Vec<At<'a>> {
        let mut said: Vec<At<'a>> = self.said(key).collect();
        said.reverse();
        said.iter().flat_map(At::items).collect()
    }

    fn texts(&self, key: &str) -> Vec<Given<String>> {
        self.list(key).iter().filter_map(text).collect()
    }

    /// A map, or a list of `KEY=VALUE`, by key: values where there are any, and where.
    fn pairs(&self, key: &str) -> Vec<(String, Option<String>, Origin)> {
        let mut pairs: BTreeMap<String, (Option<String>, Origin)> = BTreeMap::new();
        let mut put = |name: String, value: Option<String>, origin: Origin| {
            pairs.insert(name, (value, origin));
        };
        let mut said: Vec<At<'a>> = self.said(key).collect();
        said.reverse();
        for at in said {
            for (name, value) in at.fields() {
                put(name.to_owned(), value.node.text().map(interpolated), value.origin());
            }
            for item in at.items().iter().filter_map(text) {
                let (name, value) = match item.value.split_once('=') {
                    Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                    None => (item.value.clone(), None),
                };
                put(name, value, item.origin);
            }
        }
        pairs.into_iter().map(|(name, (value, origin))| (name, value, origin)).collect()
    }
}

/// What several layers say of the same thing is said by the nearest, the last.
fn last_of_each<T, K: Hash + Eq>(all: impl Iterator<Item = T>, key: impl Fn(&T) -> Option<K>) -> Vec<T> {
    let mut kept: Vec<T> = Vec::new();
    let mut known: HashMap<K, usize> = HashMap::new();
    for one in all {
        let at = key(&one).map_or(kept.len(), |key| *known.entry(key).or_insert(kept.len()));
        match kept.get_mut(at) {
            Some(place) => *place = one,
            None => kept.push(one),
        }
    }
    kept
}

fn text(at: &At<'_>) -> Option<Given<String>> {
    Some(Given::new(interpolated(at.node.text()?), at.origin()))
}

pub(super) fn read(
    name: &str,
    origin: Origin,
    service: &Service<'_>,
    host_volumes: &BTreeMap<String, String>,
) -> Workload {
    let mut workload = Workload {
        source: Source::Compose,
        kind: "service".to_owned(),
        name: name.to_owned(),
        origin: origin.clone(),
        labels: service
            .pairs("labels")
            .into_iter()
            .map(|(key, value, _)| (key, value.unwrap_or_default()))
            .collect(),
        restart: restart(service),
        runtime: service.text("runtime"),
        cgroup_parent: service.text("cgroup_parent"),
        extra_hosts: service.texts("extra_hosts"),
        replicas: service
            .path(&["deploy", "replicas"])
            .and_then(|at| Some(Given::new(integer(at.node.text()?)?, at.origin())))
            .or_else(|| service.int("scale")),
        profiles: service.texts("profiles").into_iter().map(|given| given.value).collect(),
        ..Workload::default()
    };
    namespaces(service, &mut workload);
    let sysctl = |(name, value, origin): (String, Option<String>, Origin)| Sysctl {
        name,
        value: value.unwrap_or_default(),
        origin,
    };
    workload.sysctls = service.pairs("sysctls").into_iter().map(sysctl).collect();
    let mut container = ContainerSpec {
        name: name.to_owned(),
        origin,
        image: service.text("image"),
        builds_image: service.get("build").is_some(),
        pull_policy: service.text("pull_policy"),
        entrypoint: service.get("entrypoint").and_then(|at| command(&at)),
        command: service.get("command").and_then(|at| command(&at)),
        privileged: service.bool("privileged"),
        read_only_root: service.bool("read_only"),
        capabilities_add: service.texts("cap_add"),
        capabilities_drop: service.texts("cap_drop"),
        volumes_from: service.texts("volumes_from"),
        device_cgroup_rules: service.texts("device_cgroup_rules"),
        init: service.bool("init"),
        env: service.pairs("environment").into_iter().map(variable).collect(),
        env_from: env_files(service),
        ports: last_of_each(service.list("ports").iter().filter_map(port), |port| {
            Some((port.container, port.host, port.host_ip.clone(), port.protocol.clone()))
        }),
        devices: last_of_each(service.list("devices").iter().filter_map(device), |device| {
            (!device.container_path.is_empty()).then(|| device.container_path.clone())
        }),
        device_requests: service.get("gpus").and_then(|at| text(&at)).into_iter().collect(),
        probes: health(service).into_iter().collect(),
        ..ContainerSpec::default()
    };
    security(service, &mut container);
    resources(service, &mut container);
    mounts(service, host_volumes, &mut container);
    workload.containers.push(container);
    workload
}

fn namespaces(service: &Service<'_>, workload: &mut Workload) {
    let namespace = |key: &str| {
        let given = service.text(key)?;
        Some(Given::new(Namespace::from_text(&given.value), given.origin))
    };
    workload.namespaces.pid = namespace("pid");
    workload.namespaces.ipc = namespace("ipc");
    workload.namespaces.uts = namespace("uts");
    workload.namespaces.user = namespace("userns_mode");
    workload.namespaces.cgroup = namespace("cgroup");
    workload.namespaces.network = namespace("network_mode").or_else(|| namespace("net"));
    workload.networks =
        service.pairs("networks").into_iter().map(|(name, _, origin)| Given::new(name, origin)).collect();
}

fn security(service: &Service<'_>, container: &mut ContainerSpec) {
    if let Some(given) = service.text("user") {
        let (user, group) = Account::pair_from_text(&given.value);
        container.security.user = user.map(|user| Given::new(user, given.origin.clone()));
        container.security.group = group.map(|group| Given::new(group, given.origin.clone()));
    }
    let group = |given: Given<String>| Given::new(Account::from_text(&given.value), given.origin);
    container.security.groups = service.texts("group_add").into_iter().map(group).collect();
    for option in service.texts("security_opt") {
        dialect::security_option(&option, container);
    }
}

fn restart(service: &Service<'_>) -> Option<Given<Restart>> {
    if let Some(given) = service.text("restart") {
        return Some(Given::new(dialect::restart(&given.value), given.origin));
    }
    let at = service.path(&["deploy", "restart_policy"])?;
    let policy = match at.str("condition").unwrap_or("any") {
        "none" => "no",
        "on-failure" => "on-failure",
        _ => "always",
    };
    let max_retries = at.int("max_attempts").map(|given| given.value);
    Some(Given::new(Restart { policy: policy.to_owned(), max_retries }, at.origin()))
}

fn command(at: &At<'_>) -> Option<Given<Command>> {
    let command = match at.node.text() {
        Some(line) => Command::Line(interpolated(line)),
        None => {
            Command::Words(at.items().iter().filter_map(|item| item.node.text().map(interpolated)).collect())
        }
    };
    Some(Given::new(command, at.origin()))
}

fn variable((name, value, origin): (String, Option<String>, Origin)) -> Env {
    let from = if value.is_some() { EnvOrigin::Literal } else { EnvOrigin::Inherited };
    Env { name, value: value.map(Hidden::new), from, origin }
}

fn env_files(service: &Service<'_>) -> Vec<EnvFrom> {
    let file = |at: &At<'_>| {
        let path = at.node.text().or_else(|| at.str("path"))?;
        Some(EnvFrom { from: EnvOrigin::Inherited, file: Some(interpolated(path)), origin: at.origin() })
    };
    let one = service.get("env_file").and_then(|at| file(&at));
    one.into_iter().chain(service.list("env_file").iter().filter_map(file)).collect()
}

fn port(at: &At<'_>) -> Option<Port> {
    if let Some(given) = text(at) {
        return dialect::port(&given.value, given.origin);
    }
    let range = |key: &str| at.str(key).map(interpolated).and_then(|text| PortRange::from_text(&text));
    Some(Port {
        container: range("target")?,
        published: at.get("published").is_some() || at.str("mode") == Some("host"),
        host: range("published"),
        host_ip: at.str("host_ip").map(interpolated),
        protocol: at.str("protocol").unwrap_or("tcp").to_ascii_lowercase(),
        origin: at.origin(),
    })
}

fn device(at: &At<'_>) -> Option<Device> {
    if let Some(given) = text(at) {
        return Some(Device::from_text(&given));
    }
    Some(Device {
        host_path: at.str("source").map(interpolated)?,
        container_path: at.str("target").map(interpolated).unwrap_or_default(),
        permissions: at.str("permissions").map(str::to_owned),
        origin: at.origin(),
    })
}

fn health(service: &Service<'_>) -> Option<Probe> {
    let at = service.get("healthcheck")?;
    let test = service.path(&["healthcheck", "test"]);
    let is_none = test
        .as_ref()
        .is_some_and(|test| test.items().first().is_some_and(|word| word.node.text() == Some("NONE")));
    let disable = service.path(&["healthcheck", "disable"]);
    let is_disabled = disable.and_then(|at| boolean(at.node.text()?)).unwrap_or(false);
    let handler = match test.and_then(|test| command(&test)) {
        _ if is_none || is_disabled => Handler::Disabled,
        Some(command) => Handler::Exec(command.value),
        None => Handler::Other,
    };
    Some(Probe { kind: ProbeKind::Health, handler, origin: at.origin() })
}

fn resources(service: &Service<'_>, container: &mut ContainerSpec) {
    let given = |at: Option<At<'_>>, read: fn(&str) -> Option<i64>| {
        let given = text(&at?)?;
        Some(Given::new(read(&given.value)?, given.origin))
    };
    let deploy = |kind: &str, key: &str| service.path(&["deploy", "resources", kind, key]);
    let whole: fn(&str) -> Option<i64> = |text| text.trim().parse().ok();
    let resources = &mut container.resources;
    resources.memory_limit_bytes =
        given(deploy("limits", "memory").or_else(|| service.get("mem_limit")), dialect::bytes);
    resources.memory_request_bytes =
        given(deploy("reservations", "memory").or_else(|| service.get("mem_reservation")), dialect::bytes);
    resources.memory_swap_bytes = given(service.get("memswap_limit"), dialect::bytes);
    resources.cpu_limit_millis =
        given(deploy("limits", "cpus").or_else(|| service.get("cpus")), dialect::millis)
            .or_else(|| given(service.get("cpu_quota"), |text| Some(text.trim().parse::<i64>().ok()? / 100)));
    resources.cpu_request_millis = given(deploy("reservations", "cpus"), dialect::millis);
    resources.cpu_shares = given(service.get("cpu_shares"), whole);
    resources.pids_limit = given(deploy("limits", "pids").or_else(|| service.get("pids_limit")), whole);
    resources.oom_kill_disable = service.bool("oom_kill_disable");
    resources.oom_score_adj = service.int("oom_score_adj");
    let ulimit = |(name, at): (&str, At<'_>)| {
        let both = at.node.text().and_then(|text| text.parse().ok());
        let soft = both.or_else(|| at.int("soft").map(|given| given.value))?;
        let hard = both.or_else(|| at.int("hard").map(|given| given.value))?;
        Some(Ulimit { name: name.to_owned(), soft, hard, origin: at.origin() })
    };
    let ulimits = service.get("ulimits").map(|at| at.fields()).unwrap_or_default();
    resources.ulimits = ulimits.into_iter().filter_map(ulimit).collect();
    let devices = service.path(&["deploy", "resources", "reservations", "devices"]);
    let driver = |at: &At<'_>| Given::new(at.str("driver").unwrap_or("device").to_owned(), at.origin());
    container.device_requests.extend(devices.map(|at| at.items()).unwrap_or_default().iter().map(driver));
}

fn mounts(service: &Service<'_>, host_volumes: &BTreeMap<String, String>, container: &mut ContainerSpec) {
    let all = service.list("volumes");
    let target = |mount: &Mount| (!mount.target.is_empty()).then(|| mount.target.clone());
    let mut mounts: Vec<Mount> = last_of_each(all.iter().filter_map(mount), target);
    for mount in &mut mounts {
        if let Some(path) = host_volumes.get(&mount.source).filter(|_| mount.kind == MountKind::Volume) {
            mount.kind = MountKind::HostPath;
            mount.source.clone_from(path);
        }
    }
    let temporary = |given: Given<String>| Mount {
        kind: MountKind::Temporary,
        target: given.value.split(':').next().unwrap_or_default().to_owned(),
        origin: given.origin,
        ..Mount::default()
    };
    mounts.extend(service.text("tmpfs").into_iter().chain(service.texts("tmpfs")).map(temporary));
    if let Some(given) = service.bool("use_api_socket").filter(|given| given.value) {
        mounts.push(Mount {
            kind: MountKind::HostPath,
            source: "/var/run/docker.sock".to_owned(),
            target: "/var/run/docker.sock".to_owned(),
            origin: given.origin,
            ..Mount::default()
        });
    }
    container.mounts = mounts;
}

fn mount(at: &At<'_>) -> Option<Mount> {
    if let Some(given) = text(at) {
        return Some(dialect::mount(&given.value, given.origin));
    }
    let mut mount = Mount {
        source: at.str("source").map(interpolated).unwrap_or_default(),
        target: at.str("target").map(interpolated)?,
        read_only: at.bool("read_only").map(|given| given.value),
        propagation: at.path(&["bind", "propagation"]).and_then(|at| at.node.text().map(str::to_owned)),
        sub_path: at.path(&["volume", "subpath"]).and_then(|at| at.node.text().map(str::to_owned)),
        origin: at.origin(),
        ..Mount::default()
    };
    mount.kind = dialect::kind_of(at.str("type").unwrap_or("volume"), &mount);
    Some(mount)
}
