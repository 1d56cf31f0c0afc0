//! What changes something in an engine: pause, unpause, stop, start; for whoever answers an attack.
//!
//! Calls take seconds at most, because somebody waits who can also do without the engine. A container is named by its
//! whole id, so that none is met that later got the name.

use std::time::Duration;

use serde::Deserialize;

use crate::containerd::message::{Empty, KillRequest, STATUS_PAUSED, STATUS_PAUSING, TaskRequest};
use crate::docker::Question;
use crate::limits::CONTROL_TIMEOUT;
use crate::{ContainerDetails, Containerd, Docker, Endpoint, Engine, EngineError, EngineKind, Failure};

/// SIGKILL, as containerd takes it.
const SIGKILL: u32 = 9;

/// An engine whose containers may be changed.
#[derive(Debug)]
pub struct Control {
    engine: Engine,
}

/// How a container stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its processes run.
    Running,
    /// It is paused.
    Paused,
    /// It has no process.
    Stopped,
}

/// What a call changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is so now because of the call.
    Made,
    /// It was so before.
    WasSo,
}

impl Control {
    /// Connects, and asks for the version.
    ///
    /// # Errors
    /// The engine is absent, hangs, or is not what its endpoint says.
    pub fn connect(endpoint: &Endpoint) -> Result<Control, EngineError> {
        Control::connect_within(endpoint, CONTROL_TIMEOUT)
    }

    fn connect_within(endpoint: &Endpoint, timeout: Duration) -> Result<Control, EngineError> {
        let engine = match endpoint.kind {
            EngineKind::Docker | EngineKind::Podman => {
                Engine::Docker(Docker::connect_within(endpoint, timeout)?)
            }
            EngineKind::Containerd => Engine::Containerd(Containerd::connect_within(endpoint, timeout)?),
        };
        Ok(Control { engine })
    }

    /// What answers.
    pub fn kind(&self) -> EngineKind {
        self.engine.version().kind
    }

    /// The container of an id.
    ///
    /// # Errors
    /// [`Failure::NotFound`] when the engine does not have it.
    pub fn container(&self, id: &str) -> Result<ContainerDetails, EngineError> {
        self.engine.container(id)
    }

    /// What the engine says of a container, JSON: `docker inspect`, or containerd's runtime specification.
    ///
    /// # Errors
    /// [`Failure::NotFound`] when the engine does not have it.
    pub fn inspect(&self, id: &str) -> Result<Vec<u8>, EngineError> {
        match &self.engine {
            Engine::Docker(docker) => docker.answer(&Question::Container(id)),
            Engine::Containerd(containerd) => {
                let specifications = containerd.specifications()?;
                let of_it = specifications.into_iter().find(|(_, container, _)| container.id == id);
                of_it.map(|(_, _, specification)| specification).ok_or_else(|| {
                    let reason = "no namespace has a container of that id".to_owned();
                    containerd.error("inspect a container", Failure::NotFound(reason))
                })
            }
        }
    }

    /// How the container stands.
    ///
    /// # Errors
    /// [`Failure::NotFound`] when the engine does not have it.
    pub fn state(&self, id: &str) -> Result<State, EngineError> {
        match &self.engine {
            Engine::Docker(docker) => docker_state(docker, id),
            Engine::Containerd(containerd) => containerd.state(id),
        }
    }

    /// Lets every process of the container stand still.
    ///
    /// # Errors
    /// The engine does not have it, it does not run, or the engine cannot.
    pub fn pause(&self, id: &str) -> Result<Change, EngineError> {
        if self.state(id)? == State::Paused {
            return Ok(Change::WasSo);
        }
        match &self.engine {
            Engine::Docker(docker) => post(docker, id, "pause"),
            Engine::Containerd(containerd) => containerd.change(id, "Pause"),
        }
    }

    /// Lets a paused container go on.
    ///
    /// # Errors
    /// The engine does not have it, or cannot.
    pub fn unpause(&self, id: &str) -> Result<Change, EngineError> {
        if self.state(id)? != State::Paused {
            return Ok(Change::WasSo);
        }
        match &self.engine {
            Engine::Docker(docker) => post(docker, id, "unpause"),
            Engine::Containerd(containerd) => containerd.change(id, "Resume"),
        }
    }

    /// Ends the container at once: an attacker gets no time to say good-bye. Docker and podman do not restart it
    /// whatever its restart policy says.
    ///
    /// # Errors
    /// The engine does not have it, or cannot.
    pub fn stop(&self, id: &str) -> Result<Change, EngineError> {
        match self.state(id)? {
            State::Stopped => return Ok(Change::WasSo),
            // SIGKILL waits for a frozen process to thaw, and podman refuses to stop a paused container.
            State::Paused => self.unpause(id).map(drop)?,
            State::Running => {}
        }
        match &self.engine {
            Engine::Docker(docker) => post(docker, id, "stop?t=0"),
            Engine::Containerd(containerd) => containerd.kill(id),
        }
    }

    /// Starts a stopped container of Docker or podman again.
    ///
    /// # Errors
    /// The engine does not have it or cannot. containerd keeps no process that could be started again.
    pub fn start(&self, id: &str) -> Result<Change, EngineError> {
        match &self.engine {
            Engine::Docker(_) if self.state(id)? != State::Stopped => Ok(Change::WasSo),
            Engine::Docker(docker) => post(docker, id, "start"),
            Engine::Containerd(containerd) => {
                let message = "whoever made the container has to make its task anew".to_owned();
                Err(containerd.error("start a container", Failure::Refused { status: 12, message }))
            }
        }
    }
}

fn docker_state(docker: &Docker, id: &str) -> Result<State, EngineError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Inspected {
        state: Standing,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    #[derive(Default)]
    struct Standing {
        running: bool,
        paused: bool,
    }
    let operation = format!("inspect container {id}");
    let path = format!("/containers/{}/json", docker.encode(id, &operation)?);
    let Inspected { state } = docker.ask(&path, &operation)?;
    Ok(match state {
        // podman's paused containers do not count as running.
        Standing { paused: true, .. } => State::Paused,
        Standing { running: true, .. } => State::Running,
        Standing { .. } => State::Stopped,
    })
}

fn post(docker: &Docker, id: &str, verb: &str) -> Result<Change, EngineError> {
    let word = verb.split('?').next().unwrap_or(verb);
    let operation = format!("{word} container {id}");
    let path = format!("/containers/{}/{verb}", docker.encode(id, &operation)?);
    docker.http.post(&path).map_err(|failure| docker.error(&operation, failure))?;
    Ok(Change::Made)
}

impl Containerd {
    fn namespace_of(&self, id: &str) -> Result<String, EngineError> {
        Ok(self.container(id)?.namespace.unwrap_or_default())
    }

    fn state(&self, id: &str) -> Result<State, EngineError> {
        let namespace = self.namespace_of(id)?;
        let method = "containerd.services.tasks.v1.Tasks/Get";
        let question = TaskRequest { container_id: id.to_owned() };
        let answer = self.ask::<_, crate::containerd::message::TaskResponse>(
            "find a container's task",
            &namespace,
            method,
            &question,
        );
        match answer {
            Ok(answer) => Ok(match answer.process.map_or(0, |process| process.status) {
                STATUS_PAUSED | STATUS_PAUSING => State::Paused,
                crate::containerd::message::STATUS_RUNNING => State::Running,
                _ => State::Stopped,
            }),
            Err(error) if error.failure.is_not_found() => Ok(State::Stopped),
            Err(error) => Err(error),
        }
    }

    fn change(&self, id: &str, verb: &str) -> Result<Change, EngineError> {
        let namespace = self.namespace_of(id)?;
        let method = format!("containerd.services.tasks.v1.Tasks/{verb}");
        let question = TaskRequest { container_id: id.to_owned() };
        let operation = format!("{} container {id}", verb.to_ascii_lowercase());
        self.ask::<_, Empty>(&operation, &namespace, &method, &question)?;
        Ok(Change::Made)
    }

    fn kill(&self, id: &str) -> Result<Change, EngineError> {
        let namespace = self.namespace_of(id)?;
        let question = KillRequest { container_id: id.to_owned(), signal: SIGKILL, all: true };
        let method = "containerd.services.tasks.v1.Tasks/Kill";
        self.ask::<_, Empty>(&format!("kill container {id}"), &namespace, method, &question)?;
        Ok(Change::Made)
    }
}
