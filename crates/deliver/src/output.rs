//! The outputs: what takes findings at the other end.

mod file;
mod http;
mod program;
mod statsd;
mod stream;
mod syslog;
mod unix;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;

use crate::Delivery;

pub(crate) use file::{Durability, FileOutput, FileSettings, Reopen};
pub(crate) use http::{HttpOutput, HttpSettings, TlsFiles};
pub(crate) use program::{Lifetime, ProgramOutput, ProgramSettings};
pub(crate) use statsd::StatsdOutput;
pub(crate) use syslog::{Framing, Protocol, SyslogAddress, SyslogOutput, SyslogSettings, facility};
pub(crate) use unix::{SocketKind, UnixOutput, UnixSettings};

/// What takes findings at the other end.
#[derive(Debug)]
pub(crate) enum Output {
    File(FileOutput),
    Syslog(SyslogOutput),
    Unix(UnixOutput),
    Program(ProgramOutput),
    Http(Box<HttpOutput>),
    Statsd(StatsdOutput),
}

/// Why findings were not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SendError {
    /// Not now; perhaps later. The first so many were taken.
    Later { taken: usize, reason: String, after: Option<Duration> },
    /// Never: it is not to be tried again.
    Never { reason: String },
    /// Some were taken, by their places in the batch; the others later or never.
    Partly { later: Vec<usize>, never: usize, reason: String },
}

impl SendError {
    fn later(reason: impl std::fmt::Display) -> SendError {
        SendError::Later { taken: 0, reason: reason.to_string(), after: None }
    }
}

/// Gives findings one after the other; `name` says to whom, for errors.
fn send_each(
    deliveries: &[Arc<Delivery>],
    name: impl Fn() -> String,
    mut send: impl FnMut(&Delivery) -> io::Result<()>,
) -> Result<(), SendError> {
    for (taken, delivery) in deliveries.iter().enumerate() {
        let Err(error) = send(delivery) else { continue };
        let reason = format!("{}: {error}", name());
        let is_too_large = error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error());
        return match (is_too_large, taken) {
            (false, _) => Err(SendError::Later { taken, reason, after: None }),
            // The others first, so that none of them is sent twice.
            (true, 1..) => Err(SendError::Later { taken, reason, after: Some(Duration::ZERO) }),
            (true, 0) => Err(SendError::Never { reason }),
        };
    }
    Ok(())
}

impl Output {
    /// Gives findings to the other end and comes back when it has taken them, or after a bounded time.
    pub(crate) fn send(&mut self, deliveries: &[Arc<Delivery>]) -> Result<(), SendError> {
        match self {
            Output::File(output) => output.send(deliveries),
            Output::Syslog(output) => output.send(deliveries),
            Output::Unix(output) => output.send(deliveries),
            Output::Program(output) => output.send(deliveries),
            Output::Http(output) => output.send(deliveries),
            Output::Statsd(output) => output.send(deliveries),
        }
    }

    /// How many findings it takes at once.
    pub(crate) fn batch_max(&self) -> usize {
        match self {
            Output::File(_)
            | Output::Syslog(_)
            | Output::Unix(_)
            | Output::Program(_)
            | Output::Statsd(_) => 1000,
            Output::Http(output) => output.batch_max(),
        }
    }

    /// As metrics and errors call it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Output::File(_) => "file",
            Output::Syslog(_) => "syslog",
            Output::Unix(_) => "unix",
            Output::Program(_) => "program",
            Output::Http(_) => "http",
            Output::Statsd(_) => "statsd",
        }
    }
}
