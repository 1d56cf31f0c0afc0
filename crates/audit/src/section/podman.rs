//! podman's own files: what it trusts, and what containers get that say nothing.

mod containers_conf;
mod trust;

use seawall_finding::Rule;

use super::settings_files::{self, Question};
use crate::answer::{Report, Section};
use crate::machine::Machine;
use crate::toml_files::TomlFiles;

/// In the order in which podman reads them (containers.conf(5)).
const CONTAINERS_CONF: [&str; 4] = [
    "/usr/share/containers/containers.conf",
    "/etc/containers/containers.conf",
    "/etc/containers/containers.conf.d/",
    "/etc/containers/containers.rootful.conf.d/",
];
const REGISTRIES_CONF: [&str; 2] = ["/etc/containers/registries.conf", "/etc/containers/registries.conf.d/"];
const STORAGE_CONF: [&str; 2] = ["/usr/share/containers/storage.conf", "/etc/containers/storage.conf"];

const FAMILIES: [(&[Question], &[&str]); 3] = [
    (containers_conf::QUESTIONS, &CONTAINERS_CONF),
    (trust::QUESTIONS, &REGISTRIES_CONF),
    (containers_conf::STORAGE, &STORAGE_CONF),
];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.into_iter().flat_map(|(questions, _)| questions).map(|question| &question.rule)
}

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    let is_here = machine.host.program("podman").is_some()
        || machine.host.root.exists("/etc/containers")
        || machine.engines.iter().any(|engine| engine.kind == Some(seawall_engine::EngineKind::Podman));
    for (questions, paths) in FAMILIES {
        let files = is_here.then(|| TomlFiles::read(machine.host.root, paths));
        settings_files::ask(machine, report, Section::Podman, questions, files.as_ref());
    }
}
