//! Asks the engines over their sockets.

use std::collections::BTreeMap;
use std::time::Instant;

use seawall_engine::{Containerd, Docker, Endpoint, Engine, EngineError, EngineKind, Failure, Question};
use seawall_finding::{Gap, GapKind};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ContainerFacts, EngineFacts, Exec, ImageFacts, SwarmFacts};
use crate::container::{Inspected, workload, workload_of_spec};
use crate::inputs::Inputs;
use crate::inspect::{Image, RunningExec, Step, Version, typed};
use crate::limits::{ASKING_MAX, CONTAINERS_MAX, EVENT_DAYS, IMAGES_MAX};

/// Every engine that answers. One that is not there is no engine of this machine; one that refuses is a gap.
pub(super) fn engines(inputs: &Inputs<'_>, gaps: &mut Vec<Gap>) -> Vec<EngineFacts> {
    let mut engines: Vec<EngineFacts> = Vec::new();
    for endpoint in &inputs.endpoints {
        match Engine::connect(endpoint) {
            Ok(Engine::Docker(docker)) => engines.push(ask_docker(&docker, inputs, gaps)),
            Ok(Engine::Containerd(containerd)) => engines.push(ask_containerd(&containerd, gaps)),
            Err(error) if is_absent(&error) => {}
            Err(error) => gaps.push(Gap::of_target(GapKind::Unreadable, told(&error))),
        }
    }
    for kind in [EngineKind::Docker, EngineKind::Podman, EngineKind::Containerd] {
        let is_alone = engines.iter().filter(|engine| engine.kind == Some(kind)).count() == 1;
        for engine in engines.iter_mut().filter(|engine| engine.kind == Some(kind)) {
            engine.name =
                if is_alone { kind.name().to_owned() } else { format!("{kind} at {}", engine.source) };
        }
    }
    engines
}

fn is_absent(error: &EngineError) -> bool {
    matches!(error.failure, Failure::Absent | Failure::NotRunning(_))
}

/// An error with its causes, in one line.
fn told(error: &EngineError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

fn source(endpoint: &Endpoint) -> String {
    match &endpoint.address {
        seawall_engine::Address::Unix(path) => path.display().to_string(),
        seawall_engine::Address::Tcp { authority, .. } => format!("tcp://{authority}"),
    }
}

/// One engine being asked.
struct Asking<'d> {
    docker: &'d Docker,
    facts: EngineFacts,
    /// It did not answer in time: each further question would wait as long.
    is_silent: bool,
    /// When all questions together have taken too long.
    until: Instant,
}

impl Asking<'_> {
    /// Why nothing more is asked.
    fn why_not(&self) -> Option<String> {
        if self.is_silent {
            return Some("the engine no longer answers".to_owned());
        }
        let is_late = Instant::now() >= self.until;
        is_late.then(|| format!("the engine took more than {} s for all questions", ASKING_MAX.as_secs()))
    }

    /// Asks for each of a list, until there is no more time: how many are left is one gap.
    fn each(
        &mut self,
        what: &str,
        listed: &[Listed],
        gaps: &mut Vec<Gap>,
        mut ask: impl FnMut(&mut Self, &str),
    ) {
        for (asked, one) in listed.iter().enumerate() {
            if let Some(why) = self.why_not() {
                let reason =
                    format!("{} of {} {what} were not asked for: {why}", listed.len() - asked, listed.len());
                gaps.push(Gap::of_target(GapKind::Limit, format!("{}: {reason}", self.facts.source)));
                return;
            }
            ask(self, &one.id);
        }
    }

    /// The answer to a question; what it refuses is kept by the question's name.
    fn ask<T: DeserializeOwned + Default>(&mut self, name: &str, question: &Question<'_>) -> Option<T> {
        if let Some(why) = self.why_not() {
            self.facts.refused.push((name.to_owned(), why));
            return None;
        }
        let answer = match self.docker.answer(question) {
            Err(error) if matches!(error.failure, Failure::Timeout) => {
                self.is_silent = true;
                Err(told(&error))
            }
            // What has ended meanwhile is no longer there to be judged.
            Err(error) if error.failure.is_not_found() => return None,
            answer => answer.map_err(|error| told(&error)),
        };
        let read = |bytes: Vec<u8>| {
            let value: Value = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
            typed(value).map_err(|error| error.to_string())
        };
        match answer.and_then(read) {
            Ok(answer) => Some(answer),
            Err(error) => {
                self.facts.refused.push((name.to_owned(), error));
                None
            }
        }
    }
}

/// What a list of containers or images is read for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Listed {
    #[serde(rename = "Id", alias = "ID")]
    id: String,
}

fn ask_docker(docker: &Docker, inputs: &Inputs<'_>, gaps: &mut Vec<Gap>) -> EngineFacts {
    let facts = EngineFacts {
        kind: Some(docker.version().kind),
        source: source(docker.endpoint()),
        ..EngineFacts::default()
    };
    let mut asking = Asking { docker, facts, is_silent: false, until: Instant::now() + ASKING_MAX };
    asking.facts.info = asking.ask("info", &Question::Info);
    asking.facts.version = asking.ask("version", &Question::Version);
    asking.facts.networks = asking.ask("networks", &Question::Networks);
    let containers: Vec<Listed> = asking.ask("containers", &Question::Containers).unwrap_or_default();
    if containers.len() > CONTAINERS_MAX {
        gaps.push(limit(&asking.facts.source, "containers", CONTAINERS_MAX));
    }
    let kind = docker.version().kind;
    let looked_at = containers.get(..CONTAINERS_MAX).unwrap_or(&containers);
    asking.each("containers", looked_at, gaps, |asking, id| {
        if let Some(container) = asking.ask::<Inspected>("container", &Question::Container(id)) {
            asking.facts.containers.push(container_facts(container, kind));
        }
    });
    let images: Vec<Listed> = asking.ask("images", &Question::Images).unwrap_or_default();
    if images.len() > IMAGES_MAX {
        gaps.push(limit(&asking.facts.source, "images", IMAGES_MAX));
    }
    asking.each("images", images.get(..IMAGES_MAX).unwrap_or(&images), gaps, |asking, id| {
        if let Some(image) = asking.ask::<Image>("image", &Question::Image(id)) {
            let history: Option<Vec<Step>> = asking.ask("history", &Question::History(id));
            asking.facts.images.push(ImageFacts { image, history });
        }
    });
    asking.facts.execs = execs(&mut asking, inputs);
    let is_manager = asking.facts.info.as_ref().is_some_and(|info| info.swarm.control_available);
    if is_manager {
        asking.facts.swarm = swarm(&mut asking);
    }
    let unanswered = asking.facts.refused.iter().filter(|(name, _)| {
        matches!(name.as_str(), "container" | "image" | "containers" | "images" | "history")
    });
    gaps.extend(unanswered.map(|(name, why)| Gap::of_target(GapKind::Unreadable, format!("{name}: {why}"))));
    asking.facts
}

fn limit(source: &str, what: &str, count: usize) -> Gap {
    Gap::of_target(
        GapKind::Limit,
        format!("{source} has more than {count} {what}: the rest was not looked at"),
    )
}

pub(super) fn container_facts(container: Inspected, engine: EngineKind) -> ContainerFacts {
    ContainerFacts {
        name: container.bare_name().to_owned(),
        id: container.id.clone(),
        is_running: container.state.running,
        pid: Some(container.state.pid).filter(|&pid| pid != 0),
        image: container.image_reference().to_owned(),
        image_id: container.image.clone(),
        workload: workload(&container, engine.name()),
        inspected: Some(container),
    }
}

fn swarm(asking: &mut Asking<'_>) -> Option<SwarmFacts> {
    Some(SwarmFacts {
        settings: asking.ask("swarm", &Question::Swarm)?,
        nodes: asking.ask("nodes", &Question::Nodes)?,
        services: asking.ask("services", &Question::Services)?,
        secrets: asking.ask::<Vec<Value>>("secrets", &Question::Secrets)?.len(),
    })
}

/// What was started in containers: the events of the last days (Docker remembers some hundred of all kinds), and of
/// what still runs its user and privileges.
fn execs(asking: &mut Asking<'_>, inputs: &Inputs<'_>) -> Option<Vec<Exec>> {
    let until = inputs.now.as_second();
    let since = until - EVENT_DAYS * 24 * 60 * 60;
    if let Some(why) = asking.why_not() {
        asking.facts.refused.push(("events".to_owned(), why));
        return None;
    }
    let mut execs = match asking.docker.answer(&Question::Execs { since, until }) {
        Ok(bytes) => events(&bytes),
        Err(error) => {
            asking.facts.refused.push(("events".to_owned(), told(&error)));
            return None;
        }
    };
    let running: Vec<(String, String)> = asking
        .facts
        .containers
        .iter()
        .filter_map(|container| Some((container.name.clone(), container.inspected.as_ref()?)))
        .flat_map(|(name, inspected)| inspected.exec_ids.iter().map(move |id| (name.clone(), id.clone())))
        .collect();
    for (container, id) in running {
        if let Some(why) = asking.why_not() {
            asking.facts.refused.push(("events".to_owned(), why));
            return None;
        }
        // One that ends while it is asked for is no longer known.
        let Ok(bytes) = asking.docker.answer(&Question::Exec(&id)) else { continue };
        let Ok(exec) = serde_json::from_slice(&bytes).and_then(typed::<RunningExec>) else { continue };
        let process = exec.process_config;
        let command = format!("{} {}", process.entrypoint, process.arguments.join(" "));
        execs.push(Exec { container, command, running: Some((process.user, process.privileged)) });
    }
    // The engine runs a health check as a command too, with the container's own user and rights.
    let checks: BTreeMap<&str, String> = asking
        .facts
        .containers
        .iter()
        .filter_map(|container| {
            Some((container.name.as_str(), container.inspected.as_ref()?.health_command()?))
        })
        .collect();
    execs.retain(|exec| !is_health_check(&exec.command, checks.get(exec.container.as_str())));
    Some(execs)
}

/// A check that is a text is given to the image's shell, whichever that is.
fn is_health_check(command: &str, check: Option<&String>) -> bool {
    check.is_some_and(|check| command == check || command.ends_with(&format!(" -c {check}")))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    #[serde(rename = "Action")]
    action: String,
    #[serde(rename = "Actor")]
    actor: Actor,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Actor {
    attributes: std::collections::BTreeMap<String, String>,
}

fn events(bytes: &[u8]) -> Vec<Exec> {
    let events = serde_json::Deserializer::from_slice(bytes).into_iter::<Event>().filter_map(Result::ok);
    let exec = |event: Event| {
        let command = event.action.strip_prefix("exec_create:")?.trim().to_owned();
        let container = event.actor.attributes.get("name").cloned().unwrap_or_default();
        Some(Exec { container, command, running: None })
    };
    events.filter_map(exec).collect()
}

fn ask_containerd(containerd: &Containerd, gaps: &mut Vec<Gap>) -> EngineFacts {
    let mut facts = EngineFacts {
        kind: Some(EngineKind::Containerd),
        source: source(containerd.endpoint()),
        version: Some(Version { version: containerd.version().version.clone(), components: Vec::new() }),
        ..EngineFacts::default()
    };
    let containers = match containerd.specifications() {
        Ok(containers) => containers,
        Err(error) => {
            gaps.push(Gap::of_target(GapKind::Unreadable, told(&error)));
            return facts;
        }
    };
    for (namespace, container, specification) in containers.into_iter().take(CONTAINERS_MAX) {
        // Docker's containers are in containerd too; Docker says more of them.
        if namespace == "moby" {
            continue;
        }
        let read =
            serde_json::from_slice(&specification).and_then(|value| workload_of_spec(&container, value));
        match read {
            Ok(workload) => facts.containers.push(ContainerFacts {
                name: container.name,
                id: container.id,
                is_running: container.running,
                pid: container.pid,
                image: container.image,
                image_id: String::new(),
                workload,
                inspected: None,
            }),
            Err(error) => {
                let reason = format!("container {} of namespace {namespace}: {error}", container.name);
                gaps.push(Gap::of_target(GapKind::Malformed, reason));
            }
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_check_is_no_command_that_somebody_started() {
        let check = |command: &str, test: &str, expected: bool| {
            assert_eq!(is_health_check(command, Some(&test.to_owned())), expected, "{command}");
        };
        check("/bin/sh -c curl -f http://localhost", "curl -f http://localhost", true);
        check("/bin/bash -o pipefail -c curl -f http://localhost", "curl -f http://localhost", true);
        check("/healthy --all", "/healthy --all", true);
        check("sh", "/healthy --all", false);
        assert!(!is_health_check("sh", None));
    }
}
