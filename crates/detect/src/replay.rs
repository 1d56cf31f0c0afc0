//! Events as lines of text: recordings, cases of tests, audit logs.

use seawall_event::{AuditError, AuditEvent, Event};
use seawall_finding::Finding;
use serde_json::Value;
use thiserror::Error;

use crate::engine::Engine;
use crate::limits;
use crate::value::Occurrence;

/// Something that rules can be asked of.
#[derive(Debug, Clone)]
pub enum Observed {
    /// A system call or a step of a process's life.
    Call(Box<Event>),
    /// A request to the Kubernetes API.
    Request(Box<AuditEvent>),
}

/// Why a text is no event.
#[derive(Debug, Error)]
pub enum ReadError {
    /// More than a line may have.
    #[error("a line has more than {} bytes", limits::LINE_BYTES_MAX)]
    TooLong,
    /// It is no JSON.
    #[error("this is no JSON")]
    Json(#[source] serde_json::Error),
    /// It is JSON, but no event.
    #[error("this is no event")]
    Event(#[source] serde_json::Error),
    /// It is one of the audit log, and broken.
    #[error("this is no request of the audit log")]
    Request(#[source] AuditError),
}

impl Observed {
    /// The events of a line: one, or those of an `EventList` of the audit log.
    ///
    /// # Errors
    /// What is no event, or too long.
    pub fn read(line: &str, number: u64) -> Result<Vec<Observed>, ReadError> {
        if line.len() > limits::LINE_BYTES_MAX {
            return Err(ReadError::TooLong);
        }
        Observed::of_json(serde_json::from_str(line).map_err(ReadError::Json)?, number)
    }

    /// The same, of a value that was read.
    pub(crate) fn of_json(json: Value, number: u64) -> Result<Vec<Observed>, ReadError> {
        if is_request(&json) {
            let requests = AuditEvent::of_json(json, number).map_err(ReadError::Request)?;
            return Ok(requests.into_iter().map(|request| Observed::Request(Box::new(request))).collect());
        }
        let event: Event = serde_json::from_value(json).map_err(ReadError::Event)?;
        Ok(vec![Observed::Call(Box::new(event))])
    }

    pub(crate) fn occurrence(&self) -> Occurrence<'_> {
        match self {
            Observed::Call(event) => Occurrence::Syscall(event),
            Observed::Request(request) => Occurrence::Audit(request),
        }
    }
}

/// Whether an object is one of the audit log: it says so, or has what only those have.
fn is_request(json: &Value) -> bool {
    let is_of_audit = |text: &str| text.starts_with("audit.k8s.io/");
    json.get("apiVersion").and_then(Value::as_str).is_some_and(is_of_audit)
        || ["auditID", "requestURI", "items"].iter().any(|key| json.get(key).is_some())
}

impl Engine {
    /// What the rules find in an event of either source.
    pub fn observe_any(&mut self, observed: &Observed) -> Vec<Finding> {
        match observed {
            Observed::Call(event) => self.observe(event),
            Observed::Request(request) => self.observe_audit(request),
        }
    }
}
