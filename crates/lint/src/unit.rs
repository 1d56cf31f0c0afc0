//! systemd units and podman Quadlet files → workloads.

mod quadlet;
mod syntax;

use std::collections::BTreeMap;

use seawall_finding::GapKind;
use seawall_inventory::Workload;
use seawall_inventory::workload::Source;

use crate::document::Refusal;
use crate::words::Word;
use syntax::{Entry, Unit};

/// The kinds of unit that describe containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnitKind {
    /// Quadlet `.container`.
    Container,
    /// Quadlet `.pod`.
    Pod,
    /// Quadlet `.kube`.
    Kube,
    /// A service, which may start a container by a command.
    Service,
}

/// The kind by the name of the file, of a drop-in by the name of its directory.
pub(crate) fn kind_of(path: &str) -> Option<UnitKind> {
    let name = owner(path);
    match name.rsplit_once('.')?.1 {
        "container" => Some(UnitKind::Container),
        "pod" => Some(UnitKind::Pod),
        "kube" => Some(UnitKind::Kube),
        "service" => Some(UnitKind::Service),
        _ => None,
    }
}

/// The name of the unit that a file belongs to: `web.container` for `web.container.d/10-user.conf`.
pub(crate) fn owner(path: &str) -> &str {
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or_default();
    match parts.next().and_then(|directory| directory.strip_suffix(".d")) {
        Some(unit) if name.ends_with(".conf") => unit,
        Some(_) | None => name,
    }
}

/// Whether a file is a drop-in of another.
pub(crate) fn is_drop_in(path: &str) -> bool {
    owner(path) != path.rsplit('/').next().unwrap_or_default()
}

/// What a unit and its drop-ins (name and text, in the order of their names) start.
pub(crate) fn workloads(
    kind: UnitKind,
    name: &str,
    text: &str,
    drop_ins: &BTreeMap<&str, &str>,
) -> (Vec<Workload>, Vec<Refusal>) {
    let (mut unit, mut refusals) = syntax::parse(text);
    for (drop_in, text) in drop_ins {
        let (more, problems) = syntax::parse(text);
        unit.append(drop_in, more);
        refusals.extend(problems);
    }
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let workloads = match kind {
        UnitKind::Container => vec![quadlet::container(stem, &unit)],
        UnitKind::Pod => vec![quadlet::pod(stem, name, &unit, "Pod")],
        UnitKind::Kube => {
            let yaml = unit.last("Kube", "Yaml").map_or("", |entry| &entry.value);
            refusals
                .push((GapKind::Unsupported, format!("its pod is in {yaml}, which is looked at for itself")));
            vec![quadlet::pod(stem, name, &unit, "Kube")]
        }
        UnitKind::Service => service(stem, &unit),
    };
    (workloads, refusals)
}

/// Gives the containers of a Quadlet pod what their pod says; answers the pods that no container names.
pub(crate) fn join_pods(workloads: &mut [Workload]) -> Vec<String> {
    let pods: Vec<Workload> = workloads.iter().filter(|workload| workload.kind == "pod").cloned().collect();
    let mut alone = Vec::new();
    for pod in pods {
        let id = pod.id.clone().unwrap_or_default();
        let is_member =
            |workload: &&mut Workload| workload.labels.get(quadlet::POD).is_some_and(|name| *name == id);
        let mut members = 0;
        for workload in workloads.iter_mut().filter(is_member) {
            members += 1;
            let own = workload.namespaces.clone();
            workload.namespaces = pod.namespaces.clone();
            workload.namespaces.cgroup = own.cgroup;
            workload.networks.extend(pod.networks.iter().cloned());
            for (container, shared) in workload.containers.iter_mut().zip(&pod.containers) {
                container.mounts.extend(shared.mounts.iter().cloned());
                container.ports.extend(shared.ports.iter().cloned());
                container.devices.extend(shared.devices.iter().cloned());
            }
        }
        if members == 0 {
            alone.push(id);
        }
    }
    alone
}

/// A service that starts containers by commands.
fn service(stem: &str, unit: &Unit) -> Vec<Workload> {
    const STARTS: [&str; 4] = ["ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload"];
    let lines = STARTS.iter().flat_map(|key| unit.all("Service", key));
    let start = |entry: &Entry| {
        let words = exec_words(entry);
        let mut workload = crate::command::run(&words, Source::Systemd)?;
        workload.restart = quadlet::restart(unit).or(workload.restart);
        workload.kind = "unit".to_owned();
        workload.name = stem.to_owned();
        for container in &mut workload.containers {
            container.name = stem.to_owned();
        }
        Some(workload)
    };
    lines.filter_map(start).collect()
}

/// The words of `ExecStart=`, without its prefixes (`-`, `+`, `@`, `!`, `:`).
fn exec_words(entry: &Entry) -> Vec<Word> {
    let line = entry.value.trim_start_matches(['-', '+', '@', '!', ':']);
    let words = syntax::words(line);
    words.into_iter().map(|text| Word { text, line: entry.origin.line }).collect()
}
