//! Quadlet `.container`, `.pod` and `.kube` files (podman-systemd.unit(5)).

use seawall_inventory::Workload;
use seawall_inventory::workload::{
    Account, Command, ContainerSpec, Device, EnvFrom, EnvOrigin, Given, Handler, Mount, MountKind, Namespace,
    Origin, Probe, ProbeKind, Profile, Restart, SelinuxOptions, Source,
};

use super::syntax::{Entry, Unit, words};
use crate::words::Word;
use crate::{command, dialect, document};

/// The label by which a container remembers its pod until it is joined.
pub(super) const POD: &str = "seawall.quadlet.pod";

pub(super) fn container(stem: &str, unit: &Unit) -> Workload {
    const SECTION: &str = "Container";
    let quadlet = Quadlet { unit, section: SECTION };
    let origin = unit.section(SECTION);
    let mut workload = Workload {
        source: Source::Quadlet,
        kind: "container".to_owned(),
        name: stem.to_owned(),
        origin: origin.clone(),
        restart: restart(unit),
        extra_hosts: quadlet.texts("AddHost"),
        ..Workload::default()
    };
    if let Some(pod) = unit.last(SECTION, "Pod") {
        workload.labels.insert(POD.to_owned(), pod.value.clone());
    }
    quadlet.shared(&mut workload);
    workload.sysctls =
        quadlet.words("Sysctl").map(|given| dialect::sysctl(&given.value, given.origin)).collect();
    let mut container = ContainerSpec {
        name: stem.to_owned(),
        origin,
        image: quadlet.text("Image"),
        pull_policy: quadlet.text("Pull"),
        entrypoint: quadlet.line("Entrypoint"),
        command: quadlet.line("Exec"),
        allow_privilege_escalation: quadlet
            .bool("NoNewPrivileges")
            .map(|on| Given::new(!on.value, on.origin)),
        read_only_root: quadlet.bool("ReadOnly"),
        capabilities_add: quadlet.words("AddCapability").collect(),
        capabilities_drop: quadlet.words("DropCapability").collect(),
        init: quadlet.bool("RunInit"),
        env_from: quadlet.texts("EnvironmentFile").into_iter().map(env_file).collect(),
        ..ContainerSpec::default()
    };
    quadlet.storage(&mut container);
    container.env =
        quadlet.words("Environment").map(|given| dialect::variable(&given.value, given.origin)).collect();
    container.env.extend(quadlet.texts("Secret").iter().filter_map(secret));
    security(&quadlet, &mut container);
    limits(&quadlet, &mut container);
    if let Some(given) = quadlet.text("HealthCmd") {
        let is_none = given.value == "none";
        let handler = if is_none { Handler::Disabled } else { Handler::Exec(Command::Line(given.value)) };
        container.probes.push(Probe { kind: ProbeKind::Health, handler, origin: given.origin });
    }
    quadlet.arguments(&mut workload, &mut container);
    stem.clone_into(&mut workload.name);
    workload.containers.push(container);
    workload
}

/// A pod (or what a `.kube` file says beside its YAML); its one container carries what its members share.
pub(super) fn pod(stem: &str, file: &str, unit: &Unit, section: &'static str) -> Workload {
    let quadlet = Quadlet { unit, section };
    let mut workload = Workload {
        source: Source::Quadlet,
        kind: section.to_ascii_lowercase(),
        name: stem.to_owned(),
        id: Some(file.to_owned()),
        origin: unit.section(section),
        ..Workload::default()
    };
    quadlet.shared(&mut workload);
    let mut shared = ContainerSpec::default();
    quadlet.storage(&mut shared);
    quadlet.arguments(&mut workload, &mut shared);
    stem.clone_into(&mut workload.name);
    if section == "Pod" {
        workload.containers.push(shared);
    }
    workload
}

/// `Restart=` of the service that Quadlet makes.
pub(super) fn restart(unit: &Unit) -> Option<Given<Restart>> {
    let entry = unit.last("Service", "Restart")?;
    let restart = Restart { policy: entry.value.clone(), max_retries: None };
    Some(Given::new(restart, entry.origin.clone()))
}

/// A section of a Quadlet file.
struct Quadlet<'a> {
    unit: &'a Unit,
    section: &'static str,
}

impl Quadlet<'_> {
    fn text(&self, key: &str) -> Option<Given<String>> {
        self.unit.last(self.section, key).map(given)
    }

    fn bool(&self, key: &str) -> Option<Given<bool>> {
        let given = self.text(key)?;
        let value = if given.value == "1" { Some(true) } else { document::boolean(&given.value) };
        Some(Given::new(value.unwrap_or(false), given.origin))
    }

    fn texts(&self, key: &str) -> Vec<Given<String>> {
        self.unit.all(self.section, key).map(given).collect()
    }

    /// Each word of each assignment.
    fn words(&self, key: &str) -> impl Iterator<Item = Given<String>> {
        let split = |given: Given<String>| {
            let origin = given.origin;
            words(&given.value).into_iter().map(move |word| Given::new(word, origin.clone()))
        };
        self.texts(key).into_iter().flat_map(split)
    }

    fn line(&self, key: &str) -> Option<Given<Command>> {
        self.text(key).map(|given| Given::new(Command::Line(given.value), given.origin))
    }

    /// What a container and a pod say alike of namespaces.
    fn shared(&self, workload: &mut Workload) {
        for given in self.texts("Network") {
            command::network(&given, workload);
        }
        if let Some(given) = self.text("UserNS") {
            workload.namespaces.user = Some(Given::new(Namespace::from_text(&given.value), given.origin));
        } else if let Some(map) = self.text("UIDMap").or_else(|| self.text("SubUIDMap")) {
            workload.namespaces.user = Some(Given::new(Namespace::Named(map.value), map.origin));
        }
    }

    /// What a container and a pod say alike of mounts, ports and devices.
    fn storage(&self, container: &mut ContainerSpec) {
        let volume = |given: Given<String>| dialect::mount(&expanded(&given.value), given.origin);
        container.mounts = self.texts("Volume").into_iter().map(volume).collect();
        let mount = |given: Given<String>| dialect::mount_flag(&expanded(&given.value), given.origin);
        container.mounts.extend(self.texts("Mount").into_iter().map(mount));
        let temporary = |given: Given<String>| Mount {
            kind: MountKind::Temporary,
            target: given.value.split(':').next().unwrap_or_default().to_owned(),
            origin: given.origin,
            ..Mount::default()
        };
        container.mounts.extend(self.texts("Tmpfs").into_iter().map(temporary));
        let port = |given: Given<String>| dialect::port(&given.value, given.origin);
        container.ports = self.texts("PublishPort").into_iter().filter_map(port).collect();
        // A dash before a device means "if there is one".
        let device = |given: Given<String>| {
            Device::from_text(&Given::new(given.value.trim_start_matches('-').to_owned(), given.origin))
        };
        container.devices = self.texts("AddDevice").into_iter().map(device).collect();
    }

    /// `PodmanArgs=`, the way around every key.
    fn arguments(&self, workload: &mut Workload, container: &mut ContainerSpec) {
        for given in self.texts("PodmanArgs") {
            let line = given.origin.line;
            let words: Vec<Word> = words(&given.value).into_iter().map(|text| Word { text, line }).collect();
            command::flags(&words, workload, container);
        }
    }
}

fn given(entry: &Entry) -> Given<String> {
    Given::new(entry.value.clone(), entry.origin.clone())
}

/// The specifiers of systemd that paths begin with, for a system unit.
fn expanded(text: &str) -> String {
    text.replace("%t", "/run")
        .replace("%h", "~")
        .replace("%E", "/etc")
        .replace("%S", "/var/lib")
        .replace("%L", "/var/log")
}

fn env_file(given: Given<String>) -> EnvFrom {
    EnvFrom { from: EnvOrigin::Inherited, file: Some(given.value), origin: given.origin }
}

/// `Secret=name,type=env,target=VARIABLE`.
fn secret(given: &Given<String>) -> Option<seawall_inventory::workload::Env> {
    let mut parts = given.value.split(',');
    let name = parts.next()?.to_owned();
    let option = |key: &str| given.value.split(',').find_map(|part| part.strip_prefix(key));
    (option("type=") == Some("env")).then(|| seawall_inventory::workload::Env {
        name: option("target=").unwrap_or(&name).to_owned(),
        value: None,
        from: EnvOrigin::Secret(name.clone()),
        origin: given.origin.clone(),
    })
}

fn security(quadlet: &Quadlet<'_>, container: &mut ContainerSpec) {
    let account = |given: Given<String>| Given::new(Account::from_text(&given.value), given.origin);
    if let Some(given) = quadlet.text("User") {
        let (user, group) = Account::pair_from_text(&given.value);
        container.security.user = user.map(|user| Given::new(user, given.origin.clone()));
        container.security.group = group.map(|group| Given::new(group, given.origin.clone()));
    }
    if let Some(group) = quadlet.text("Group") {
        container.security.group = Some(account(group));
    }
    container.security.groups = quadlet.texts("GroupAdd").into_iter().map(account).collect();
    let profile =
        |given: Given<String>, read: fn(&str) -> Profile| Given::new(read(&given.value), given.origin);
    container.security.seccomp = quadlet.text("SeccompProfile").map(|given| profile(given, dialect::seccomp));
    container.security.apparmor = quadlet.text("AppArmor").map(|given| profile(given, dialect::apparmor));
    let kind = quadlet.text("SecurityLabelType");
    let level = quadlet.text("SecurityLabelLevel");
    let disabled = quadlet.bool("SecurityLabelDisable");
    let origin: Option<Origin> = disabled.as_ref().map(|given| given.origin.clone());
    let origin = origin.or(kind.as_ref().or(level.as_ref()).map(|given| given.origin.clone()));
    let options = SelinuxOptions {
        disabled: disabled.is_some_and(|given| given.value),
        kind: kind.map(|given| given.value),
        level: level.map(|given| given.value),
        ..SelinuxOptions::default()
    };
    container.security.selinux = origin.map(|origin| Given::new(options, origin));
    container.proc_mount =
        quadlet.text("Unmask").map(|given| Given::new(dialect::unmask(&given.value), given.origin));
}

fn limits(quadlet: &Quadlet<'_>, container: &mut ContainerSpec) {
    let number = |given: Given<String>, read: fn(&str) -> Option<i64>| {
        Some(Given::new(read(&given.value)?, given.origin))
    };
    // The unit's own limit holds for everything in it.
    let memory = quadlet.text("Memory").or_else(|| quadlet.unit.last("Service", "MemoryMax").map(given));
    container.resources.memory_limit_bytes = memory.and_then(|given| number(given, dialect::bytes));
    let quota = quadlet.unit.last("Service", "CPUQuota").map(given);
    container.resources.cpu_limit_millis = quota.and_then(|given| {
        number(given, |text| text.trim_end_matches('%').parse::<i64>().ok().map(|percent| percent * 10))
    });
    container.resources.pids_limit =
        quadlet.text("PidsLimit").and_then(|given| number(given, |text| text.parse().ok()));
    let ulimit = |given: Given<String>| dialect::ulimit(&given.value, given.origin);
    container.resources.ulimits = quadlet.texts("Ulimit").into_iter().filter_map(ulimit).collect();
}
