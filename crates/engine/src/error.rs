//! What goes wrong between Seawall and an engine, and what to do about it.

use std::io;

/// An operation of an engine that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} at {endpoint}")]
pub struct EngineError {
    /// What was tried: `list images`.
    pub operation: String,
    /// The engine and its address: `docker (unix:///var/run/docker.sock)`.
    pub endpoint: String,
    /// Why.
    #[source]
    pub failure: Failure,
}

/// Why an operation failed, with the next step where there is one.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nothing is at the address.
    #[error("there is no socket; is the engine installed and running? Start it or name another socket")]
    Absent,
    /// The socket is there, and nobody listens.
    #[error("nobody listens there; the engine has stopped. Start it, for example with systemctl")]
    NotRunning(#[source] io::Error),
    /// The operating system refuses to open the socket.
    #[error("permission denied; run as root or join the group that owns the socket")]
    Denied(#[source] io::Error),
    /// The connection could not be made or broke.
    #[error("the connection failed")]
    Connection(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No answer in time.
    #[error("no answer in time; the engine hangs or is overloaded")]
    Timeout,
    /// The engine has no such image or container.
    #[error("the engine does not have it: {0}")]
    NotFound(String),
    /// The engine answered with an error.
    #[error("the engine refused (status {status}): {message}")]
    Refused {
        /// HTTP status or gRPC code.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// The answer is larger than a limit.
    #[error("the answer is larger than {bytes_max} bytes")]
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// The answer is not what the interface says.
    #[error("the answer cannot be understood")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A name that no engine accepts.
    #[error("`{0}` is not a name that an engine accepts")]
    BadName(String),
    /// A TLS file of a remote engine.
    #[error("the TLS file {path} cannot be used")]
    TlsFile {
        /// The file.
        path: String,
        /// The cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Failure {
    /// A connection that could not be made, by its cause.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the standard library's kinds are open")]
    pub(crate) fn connecting(error: io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::NotFound => Failure::Absent,
            io::ErrorKind::ConnectionRefused => Failure::NotRunning(error),
            io::ErrorKind::PermissionDenied => Failure::Denied(error),
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Failure::Timeout,
            _ => Failure::Connection(Box::new(error)),
        }
    }

    /// Whether the engine works and only lacks the thing asked for.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Failure::NotFound(_))
    }

    /// Whether there is no engine to speak of at the address.
    pub fn is_absent(&self) -> bool {
        matches!(self, Failure::Absent | Failure::NotRunning(_))
    }
}
