//! The engines of this machine as a response needs them: the one that has a container, and none that hangs twice.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use seawall_engine::control::Control;
use seawall_engine::{Endpoint, EngineError, Failure};
use seawall_finding::ContainerIdentity;
use seawall_inventory::Container;

use crate::cgroup::SHORT_ID;
use crate::limits::ENGINE_REST;

/// What an engine says that works and lacks the container.
pub(crate) const DOES_NOT_HAVE_IT: &str = "does not have it";

/// Where engines listen, and which of them did not answer of late.
#[derive(Debug, Default)]
pub(crate) struct Engines {
    endpoints: Vec<Endpoint>,
    silent_since: Mutex<BTreeMap<String, Instant>>,
}

/// A container, and the engine that has it.
#[derive(Debug)]
pub(crate) struct Had {
    pub(crate) control: Control,
    pub(crate) container: Container,
}

impl Engines {
    pub(crate) fn new(endpoints: Vec<Endpoint>) -> Engines {
        Engines { endpoints, silent_since: Mutex::default() }
    }

    /// The engine that has the container, the one that the event names first; otherwise what each of them said.
    pub(crate) fn find(&self, wanted: &ContainerIdentity) -> Result<Had, Vec<String>> {
        let mut said = Vec::new();
        let mut endpoints: Vec<&Endpoint> = self.endpoints.iter().collect();
        endpoints.sort_by_key(|endpoint| endpoint.kind.name() != wanted.engine);
        for endpoint in endpoints {
            let name = endpoint.to_string();
            if self.rests(&name) {
                said.push(format!("{name} did not answer a moment ago"));
                continue;
            }
            match ask(endpoint, wanted) {
                Ok(Some(had)) => return Ok(had),
                Ok(None) => said.push(format!("{name} {DOES_NOT_HAVE_IT}")),
                Err(error) => {
                    self.silent_after(&error);
                    said.push(told(&error));
                }
            }
        }
        Err(said)
    }

    /// Notes that an engine hangs, where that is what was wrong.
    pub(crate) fn silent_after(&self, error: &EngineError) {
        if matches!(error.failure, Failure::Timeout) {
            self.silent(error.endpoint.clone());
        }
    }

    fn silent(&self, endpoint: String) {
        let mut silent = self.silent_since.lock().unwrap_or_else(PoisonError::into_inner);
        silent.insert(endpoint, Instant::now());
    }

    fn rests(&self, endpoint: &str) -> bool {
        let silent = self.silent_since.lock().unwrap_or_else(PoisonError::into_inner);
        silent.get(endpoint).is_some_and(|since| since.elapsed() < ENGINE_REST)
    }
}

fn ask(endpoint: &Endpoint, wanted: &ContainerIdentity) -> Result<Option<Had>, EngineError> {
    let control = Control::connect(endpoint)?;
    match control.container(&wanted.id) {
        // Engines also find by a name or the beginning of an id.
        Ok(details) if is_it(&details.container.id, &wanted.id) => {
            Ok(Some(Had { control, container: details.container }))
        }
        Ok(_) => Ok(None),
        Err(error) if error.failure.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether an id is the one that is meant, of which at least 12 digits are known.
fn is_it(id: &str, wanted: &str) -> bool {
    id == wanted || wanted.len() >= SHORT_ID && id.starts_with(wanted)
}

/// An engine's error with its cause.
pub(crate) fn told(error: &EngineError) -> String {
    format!("{error}: {}", error.failure)
}
