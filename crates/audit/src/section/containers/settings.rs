//! The settings of containers, judged by the rules that judge every workload.

use std::collections::BTreeSet;

use seawall_finding::{Framework, Outcome, Rule};
use seawall_inventory::Workload;
use seawall_inventory::workload::Profile;
use seawall_lint::workload::{self, Context, HostFacts, Selection};

use crate::answer::{Report, Section};
use crate::machine::{ContainerFacts, Daemon, EngineFacts, Machine};
use crate::settings::Settings;

fn is_of_docker(rule: &Rule) -> bool {
    let benchmarks = [Framework::CisDocker16, Framework::CisDocker17, Framework::CisDocker18];
    rule.controls.iter().any(|(framework, _)| benchmarks.contains(framework))
}

/// The rules that are asked of a container that exists: what the benchmark asks and what is on by default.
pub(super) fn rules() -> Vec<&'static Rule> {
    workload::rules()
        .filter(|rule| rule.by_default || is_of_docker(&rule.rule))
        .map(|rule| &rule.rule)
        .collect()
}

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    let also = workload::rules().filter(|rule| is_of_docker(&rule.rule)).map(|rule| rule.rule.id.to_owned());
    let selection = Selection { also: also.collect(), ..Selection::default() };
    let of_docker: BTreeSet<&str> =
        rules().into_iter().filter(|rule| is_of_docker(rule)).map(|rule| rule.id).collect();
    let sockets = sockets(machine);
    for engine in &machine.engines {
        let filter = default_filter(machine, engine);
        let with_filter = |container: &ContainerFacts| filtered(container.workload.clone(), filter.as_ref());
        let peers: Vec<Workload> = engine.containers.iter().map(with_filter).collect();
        let host = host_facts(machine, engine);
        for (container, workload) in engine.containers.iter().zip(&peers) {
            let state = if container.is_running { "" } else { " (not running)" };
            let looked_at = engine.asked(&format!("container {}{state}", container.name));
            let context = Context {
                looked_at: &looked_at,
                host,
                peers: &peers,
                engine_sockets: &sockets,
                ..Context::default()
            };
            for judged in workload::checks(workload, &context, &selection) {
                let mut check = judged.check;
                // What only Kubernetes has is no question to a container of an engine.
                if check.outcome == Outcome::NotApplicable && !of_docker.contains(check.rule.as_str()) {
                    continue;
                }
                check.section = Section::Containers.name().to_owned();
                report.checks.push(check);
                report.findings.found.extend(judged.findings);
            }
        }
    }
}

/// Where the engines of this machine listen: those that answered, and what daemons say.
fn sockets(machine: &Machine<'_>) -> Vec<String> {
    let answered =
        machine.engines.iter().filter(|engine| !engine.is_saved).map(|engine| engine.source.clone());
    let told = machine.daemons.iter().flat_map(|daemon| daemon.settings.hosts());
    let told = told.filter_map(|host| host.strip_prefix("unix://").map(str::to_owned));
    let mut paths: Vec<String> = answered.chain(told).filter(|path| path.starts_with('/')).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// The settings of the daemon that this engine is.
fn settings<'m>(machine: &'m Machine<'_>, engine: &EngineFacts) -> Option<&'m Settings> {
    let is_it = |daemon: &&Daemon| machine.facts(daemon).is_some_and(|facts| std::ptr::eq(facts, engine));
    machine.daemons.iter().find(is_it).map(|daemon| &daemon.settings)
}

/// The filter of containers that name none, where the daemon does not leave it at its own.
fn default_filter(machine: &Machine<'_>, engine: &EngineFacts) -> Option<Profile> {
    match settings(machine, engine)?.text("seccomp-profile") {
        "" | "builtin" | "default" => None,
        "unconfined" => Some(Profile::Unconfined),
        path => Some(match machine.host.root.text(path) {
            Ok(text) => Profile::Inline(text),
            Err(_) => Profile::Named(path.to_owned()),
        }),
    }
}

fn filtered(mut workload: Workload, default: Option<&Profile>) -> Workload {
    let filters = workload.containers.iter_mut().filter_map(|container| container.security.seccomp.as_mut());
    for filter in filters.filter(|filter| filter.value == Profile::RuntimeDefault) {
        if let Some(default) = default {
            filter.value = default.clone();
        }
    }
    workload
}

/// What the host and the engine give every container.
fn host_facts(machine: &Machine<'_>, engine: &EngineFacts) -> HostFacts {
    let modules = machine.host.security_modules().ok().filter(|_| !engine.is_saved);
    let has = |name: &str| modules.as_ref().map(|modules| modules.iter().any(|module| module == name));
    let options = engine.info.as_ref().map(|info| &info.security_options);
    let option = |name: &str| {
        let is_it = |option: &String| option.trim_start_matches("name=").split(',').next() == Some(name);
        options.map(|options| options.iter().any(is_it))
    };
    let settings = settings(machine, engine);
    HostFacts {
        // The engine's word includes whether it uses the module.
        apparmor: option("apparmor").or(has("apparmor")),
        selinux: option("selinux").or(has("selinux")),
        no_new_privileges: settings.map(|settings| settings.is_on("no-new-privileges", false)),
        user_namespaces: option("userns"),
        rootless: option("rootless"),
    }
}
