//! A pod specification → the workload's own settings.

use std::collections::BTreeMap;

use seawall_inventory::Workload;
use seawall_inventory::workload::{
    Account, Given, Namespace, ProcMount, Profile, Restart, Role, Security, SelinuxOptions, Sysctl, Volume,
};

use super::container;
use crate::document::At;

pub(super) fn read(spec: &At<'_>, workload: &mut Workload) {
    let namespace = |key: &str| spec.bool(key).map(own_or_host);
    workload.namespaces.pid = namespace("hostPID");
    workload.namespaces.ipc = namespace("hostIPC");
    workload.namespaces.network = namespace("hostNetwork");
    workload.namespaces.user = namespace("hostUsers");
    workload.namespaces.pod_shares_pid = spec.bool("shareProcessNamespace");
    workload.os = spec.get("os").and_then(|os| os.text("name"));
    workload.service_account = spec.text("serviceAccountName").or_else(|| spec.text("serviceAccount"));
    workload.automount_token = spec.bool("automountServiceAccountToken");
    workload.runtime = spec.text("runtimeClassName");
    workload.restart = spec
        .text("restartPolicy")
        .map(|given| Given::new(Restart { policy: given.value, max_retries: None }, given.origin));
    for alias in spec.list("hostAliases") {
        let ip = alias.str("ip").unwrap_or_default();
        let name = |name: Given<String>| Given::new(format!("{}:{ip}", name.value), name.origin);
        workload.extra_hosts.extend(alias.texts("hostnames").into_iter().map(name));
    }
    if let Some(context) = spec.get("securityContext") {
        workload.security = security(&context);
        workload.sysctls = context.list("sysctls").iter().map(sysctl).collect();
    }
    workload.volumes = spec.list("volumes").iter().map(volume).collect();
    let volumes: BTreeMap<&str, &Volume> =
        workload.volumes.iter().map(|volume| (&*volume.name, volume)).collect();
    for (key, role) in
        [("initContainers", Role::Init), ("containers", Role::Main), ("ephemeralContainers", Role::Ephemeral)]
    {
        for at in spec.list(key) {
            workload.containers.push(container::read(&at, role, &volumes));
        }
    }
}

fn own_or_host(given: Given<bool>) -> Given<Namespace> {
    let namespace = if given.value { Namespace::Host } else { Namespace::Private };
    Given::new(namespace, given.origin)
}

fn sysctl(at: &At<'_>) -> Sysctl {
    let text = |key| at.str(key).unwrap_or_default().to_owned();
    Sysctl { name: text("name"), value: text("value"), origin: at.origin() }
}

fn volume(at: &At<'_>) -> Volume {
    let kinds = at.fields().into_iter().filter(|(key, at)| *key != "name" && !at.node.is_null());
    Volume {
        name: at.str("name").unwrap_or_default().to_owned(),
        kinds: kinds.map(|(key, _)| key.to_owned()).collect(),
        host_path: at.get("hostPath").map(|path| path.str("path").unwrap_or_default().to_owned()),
        origin: at.origin(),
    }
}

/// What pods and containers have in common of a security context.
pub(super) fn security(context: &At<'_>) -> Security {
    let account = |key: &str| {
        let at = context.get(key)?;
        Some(Given::new(Account::from_text(at.node.text()?), at.origin()))
    };
    let group = |at: &At<'_>| Some(Given::new(Account::from_text(at.node.text()?), at.origin()));
    let windows = context.get("windowsOptions");
    Security {
        user: account("runAsUser"),
        group: account("runAsGroup"),
        run_as_non_root: context.bool("runAsNonRoot"),
        groups: context.list("supplementalGroups").iter().filter_map(group).collect(),
        volume_group: account("fsGroup"),
        seccomp: context.get("seccompProfile").map(|at| profile(&at)),
        apparmor: context.get("appArmorProfile").map(|at| profile(&at)),
        selinux: context.get("seLinuxOptions").map(|at| selinux(&at)),
        windows_host_process: windows.as_ref().and_then(|windows| windows.bool("hostProcess")),
        windows_user: windows.as_ref().and_then(|windows| windows.text("runAsUserName")),
    }
}

fn profile(at: &At<'_>) -> Given<Profile> {
    let name = || at.str("localhostProfile").unwrap_or_default().to_owned();
    let profile = match at.str("type").unwrap_or_default() {
        "RuntimeDefault" => Profile::RuntimeDefault,
        "Unconfined" => Profile::Unconfined,
        "Localhost" => Profile::Named(name()),
        other => Profile::Other(other.to_owned()),
    };
    let at = at.get("type").unwrap_or_else(|| at.clone());
    Given::new(profile, at.origin())
}

fn selinux(at: &At<'_>) -> Given<SelinuxOptions> {
    let text = |key: &str| at.str(key).map(str::to_owned);
    let options = SelinuxOptions {
        disabled: false,
        user: text("user"),
        role: text("role"),
        kind: text("type"),
        level: text("level"),
    };
    Given::new(options, at.origin())
}

pub(super) fn proc_mount(context: &At<'_>) -> Option<Given<ProcMount>> {
    let given = context.text("procMount")?;
    let mount = match given.value.as_str() {
        "Default" => ProcMount::Default,
        "Unmasked" => ProcMount::Unmasked,
        other => ProcMount::Other(other.to_owned()),
    };
    Some(Given::new(mount, given.origin))
}
