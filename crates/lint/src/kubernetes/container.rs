//! A container of a pod specification.

use std::collections::BTreeMap;

use seawall_inventory::workload::{
    Command, ContainerSpec, Device, Env, EnvFrom, EnvOrigin, Given, Handler, Hidden, Mount, MountKind, Port,
    PortRange, Probe, ProbeKind, Resources, Role, Volume,
};

use super::pod;
use super::quantity::{bytes, millis};
use crate::document::At;

pub(super) fn read(at: &At<'_>, role: Role, volumes: &BTreeMap<&str, &Volume>) -> ContainerSpec {
    let is_sidecar = role == Role::Init && at.str("restartPolicy") == Some("Always");
    let mut container = ContainerSpec {
        name: at.str("name").unwrap_or_default().to_owned(),
        role: if is_sidecar { Role::Sidecar } else { role },
        origin: at.origin(),
        image: at.text("image"),
        pull_policy: at.text("imagePullPolicy"),
        entrypoint: words(at, "command"),
        command: words(at, "args"),
        mounts: at.list("volumeMounts").iter().map(|mount| self::mount(mount, volumes)).collect(),
        devices: at.list("volumeDevices").iter().map(device).collect(),
        ports: at.list("ports").iter().map(port).collect(),
        env: at.list("env").iter().map(variable).collect(),
        env_from: at.list("envFrom").iter().map(variables).collect(),
        probes: probes(at),
        ..ContainerSpec::default()
    };
    if let Some(context) = at.get("securityContext") {
        container.security = pod::security(&context);
        container.privileged = context.bool("privileged");
        container.allow_privilege_escalation = context.bool("allowPrivilegeEscalation");
        container.read_only_root = context.bool("readOnlyRootFilesystem");
        container.proc_mount = pod::proc_mount(&context);
        if let Some(capabilities) = context.get("capabilities") {
            container.capabilities_add = capabilities.texts("add");
            container.capabilities_drop = capabilities.texts("drop");
        }
    }
    if let Some(at) = at.get("resources") {
        resources(&at, &mut container);
    }
    container
}

fn words(at: &At<'_>, key: &str) -> Option<Given<Command>> {
    let at = at.get(key)?;
    let words = at.items().iter().filter_map(|item| item.node.text().map(str::to_owned)).collect();
    Some(Given::new(Command::Words(words), at.origin()))
}

fn mount(at: &At<'_>, volumes: &BTreeMap<&str, &Volume>) -> Mount {
    let name = at.str("name").unwrap_or_default();
    let volume = volumes.get(name);
    let kind = match volume.and_then(|volume| volume.kinds.first()).map_or("", String::as_str) {
        "hostPath" => MountKind::HostPath,
        "emptyDir" | "" => MountKind::Temporary,
        "configMap" | "secret" | "downwardAPI" | "projected" => MountKind::Configuration,
        "persistentVolumeClaim" | "ephemeral" => MountKind::Volume,
        "image" => MountKind::Image,
        other => MountKind::Other(other.to_owned()),
    };
    let host_path = volume.and_then(|volume| volume.host_path.clone());
    Mount {
        kind,
        source: host_path.unwrap_or_else(|| name.to_owned()),
        target: at.str("mountPath").unwrap_or_default().to_owned(),
        read_only: at.bool("readOnly").map(|given| given.value),
        propagation: at.str("mountPropagation").map(str::to_owned),
        sub_path: at.str("subPath").or_else(|| at.str("subPathExpr")).map(str::to_owned),
        options: Vec::new(),
        origin: at.origin(),
    }
}

fn device(at: &At<'_>) -> Device {
    let path = at.str("devicePath").unwrap_or_default().to_owned();
    let host_path = format!("claim {}", at.str("name").unwrap_or_default());
    Device { host_path, container_path: path, permissions: None, origin: at.origin() }
}

fn port(at: &At<'_>) -> Port {
    let number = |key| at.int(key).and_then(|given| i32::try_from(given.value).ok());
    let host = number("hostPort").filter(|port| *port != 0);
    Port {
        container: PortRange::one(number("containerPort").unwrap_or_default()),
        published: host.is_some(),
        host: host.map(PortRange::one),
        host_ip: at.str("hostIP").map(str::to_owned),
        protocol: at.str("protocol").unwrap_or("tcp").to_ascii_lowercase(),
        origin: at.origin(),
    }
}

fn variable(at: &At<'_>) -> Env {
    let from = at.get("valueFrom");
    let reference = |key: &str| {
        let reference = from.as_ref()?.get(key)?;
        Some(reference.str("name").unwrap_or_default().to_owned())
    };
    let from = match (reference("secretKeyRef"), reference("configMapKeyRef"), &from) {
        (Some(secret), _, _) => EnvOrigin::Secret(secret),
        (None, Some(map), _) => EnvOrigin::ConfigMap(map),
        (None, None, Some(_)) => EnvOrigin::Field,
        (None, None, None) => EnvOrigin::Literal,
    };
    let name = at.str("name").unwrap_or_default().to_owned();
    Env { name, value: at.str("value").map(Hidden::new), from, origin: at.origin() }
}

fn variables(at: &At<'_>) -> EnvFrom {
    let name = |key: &str| at.get(key).map(|at| at.str("name").unwrap_or_default().to_owned());
    let from = match (name("secretRef"), name("configMapRef")) {
        (Some(secret), _) => EnvOrigin::Secret(secret),
        (None, map) => EnvOrigin::ConfigMap(map.unwrap_or_default()),
    };
    EnvFrom { from, file: None, origin: at.origin() }
}

fn resources(at: &At<'_>, container: &mut ContainerSpec) {
    let quantity = |which: &str, key: &str, read: fn(&str) -> Option<i64>| {
        let at = at.get(which)?.get(key)?;
        Some(Given::new(read(at.node.text()?)?, at.origin()))
    };
    container.resources = Resources {
        cpu_limit_millis: quantity("limits", "cpu", millis),
        cpu_request_millis: quantity("requests", "cpu", millis),
        memory_limit_bytes: quantity("limits", "memory", bytes),
        memory_request_bytes: quantity("requests", "memory", bytes),
        ..Resources::default()
    };
    let is_device = |key: &str| key.contains('/') && !key.starts_with("hugepages");
    if let Some(limits) = at.get("limits") {
        let device = |(key, at): (&str, At<'_>)| {
            is_device(key)
                .then(|| Given::new(format!("{key}={}", at.node.text().unwrap_or_default()), at.origin()))
        };
        container.device_requests = limits.fields().into_iter().filter_map(device).collect();
    }
}

fn probes(at: &At<'_>) -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut read = |at: Option<At<'_>>, kind: ProbeKind| {
        let Some(at) = at else { return };
        let origin = at.origin();
        let probe = |handler| Probe { kind, handler, origin: origin.clone() };
        let before = probes.len();
        let target = |key: &str| {
            let at = at.get(key)?;
            Some((at.str("host").map(str::to_owned), at.str("port").unwrap_or_default().to_owned()))
        };
        // A probe may have one handler only; a manifest with two is refused by the API server, and both are judged.
        probes.extend(target("httpGet").map(|(host, port)| probe(Handler::Http { host, port })));
        probes.extend(target("tcpSocket").map(|(host, port)| probe(Handler::Tcp { host, port })));
        probes.extend(at.get("exec").map(|exec| {
            let command = words(&exec, "command").map_or(Command::Words(Vec::new()), |given| given.value);
            probe(Handler::Exec(command))
        }));
        probes.extend(at.get("grpc").map(|_| probe(Handler::Grpc)));
        if probes.len() == before {
            probes.push(probe(Handler::Other));
        }
    };
    read(at.get("livenessProbe"), ProbeKind::Liveness);
    read(at.get("readinessProbe"), ProbeKind::Readiness);
    read(at.get("startupProbe"), ProbeKind::Startup);
    read(at.path(&["lifecycle", "postStart"]), ProbeKind::PostStart);
    read(at.path(&["lifecycle", "preStop"]), ProbeKind::PreStop);
    probes
}
