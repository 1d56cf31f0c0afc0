//! What goes wrong between Seawall and a registry, and what to do about it.

use std::fmt;
use std::time::Duration;

use seawall_inventory::Digest;

use super::pace::{TooSlow, too_slow};

/// A request to a registry that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot fetch {what} from {registry}")]
pub struct RegistryError {
    /// `the manifest of docker.io/library/alpine:latest`.
    pub what: String,
    /// Host and port of the registry (or mirror).
    pub registry: String,
    /// Why.
    #[source]
    pub failure: Failure,
}

/// Why a request failed, with the next step where there is one.
#[derive(Debug)]
pub enum Failure {
    /// Network calls are forbidden for this run.
    Offline,
    /// The registry wants a login (401).
    LoginNeeded {
        /// Why recorded credentials could not be used, where that was so.
        cause: Option<crate::credentials::CredentialError>,
    },
    /// The registry does not take the recorded credentials (401).
    LoginRefused,
    /// The login is good and not entitled to this (403).
    Forbidden(String),
    /// There is no such image or blob (404).
    NotFound(String),
    /// Too many requests (429), also after waiting.
    RateLimited {
        /// How long the registry wants us to wait.
        wait: Option<Duration>,
        /// Its words.
        message: String,
    },
    /// Any other status.
    Status {
        /// HTTP status.
        status: u16,
        /// The registry's words.
        message: String,
    },
    /// The host has no address.
    HostUnknown,
    /// Nobody listens at the host and port.
    ConnectionRefused,
    /// The host cannot prove who it is, or does not speak TLS.
    Tls(Box<dyn std::error::Error + Send + Sync>),
    /// The connection failed or broke.
    Connection(Box<dyn std::error::Error + Send + Sync>),
    /// No answer in time.
    Timeout,
    /// An answer that trickles.
    Slow(TooSlow),
    /// A document is larger than its limit.
    TooLarge {
        /// The limit.
        bytes_max: u64,
    },
    /// What came is not what was asked for.
    WrongDigest {
        /// Asked for or announced.
        expected: Digest,
        /// Came.
        found: Digest,
    },
    /// A redirect that is not followed.
    Redirect(String),
    /// An answer that breaks the protocol.
    Protocol(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Offline => f.write_str("network calls are switched off; scan an archive, or leave out --offline"),
            Failure::LoginNeeded { .. } => {
                f.write_str("it does not exist, or it is private and needs a login: log in with docker login or podman login")
            }
            Failure::LoginRefused => {
                f.write_str("the registry refused the recorded login; it may have expired: log in again")
            }
            Failure::Forbidden(words) => write!(f, "the login has no right to pull it (403){}", after(words)),
            Failure::NotFound(words) => write!(f, "there is no such thing; check the name and tag (404){}", after(words)),
            Failure::RateLimited { wait, message } => {
                f.write_str("the registry limits the number of requests (429); log in or try later")?;
                if let Some(wait) = wait {
                    write!(f, ", it says in {} s", wait.as_secs())?;
                }
                f.write_str(&after(message))
            }
            Failure::Status { status, message } => write!(f, "the registry answered {status}{}", after(message)),
            Failure::HostUnknown => f.write_str("the registry's host name has no address; check the name and the network"),
            Failure::ConnectionRefused => f.write_str("nobody listens there (connection refused); check host and port"),
            Failure::Tls(_) => {
                f.write_str("no secure connection; give the registry's certificate authority, or list it as insecure if it speaks plain HTTP")
            }
            Failure::Connection(_) => f.write_str("the connection failed"),
            Failure::Timeout => f.write_str("no answer in time; check the network and proxy settings"),
            Failure::Slow(slow) => slow.fmt(f),
            Failure::TooLarge { bytes_max } => write!(f, "it is larger than {bytes_max} bytes"),
            Failure::WrongDigest { expected, found } => {
                write!(f, "what came has digest {found} instead of {expected}; the registry or something on the way is broken or hostile")
            }
            Failure::Redirect(target) => write!(f, "it redirects to {target}, which is not followed"),
            Failure::Protocol(reason) => write!(f, "its answer breaks the protocol: {reason}"),
        }
    }
}

fn after(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Failure::LoginNeeded { cause } => {
                cause.as_ref().map(|cause| cause as &(dyn std::error::Error + 'static))
            }
            Failure::Tls(cause) | Failure::Connection(cause) => Some(cause.as_ref()),
            Failure::Offline
            | Failure::LoginRefused
            | Failure::Forbidden(_)
            | Failure::NotFound(_)
            | Failure::RateLimited { .. }
            | Failure::Status { .. }
            | Failure::HostUnknown
            | Failure::ConnectionRefused
            | Failure::Timeout
            | Failure::Slow(_)
            | Failure::TooLarge { .. }
            | Failure::WrongDigest { .. }
            | Failure::Redirect(_)
            | Failure::Protocol(_) => None,
        }
    }
}

impl Failure {
    /// What ureq says, in our words.
    #[expect(clippy::wildcard_enum_match_arm, reason = "ureq's and the standard library's errors are open")]
    pub(super) fn from_ureq(error: ureq::Error) -> Failure {
        use std::io::ErrorKind;
        match error {
            ureq::Error::HostNotFound => Failure::HostUnknown,
            ureq::Error::Timeout(_) => Failure::Timeout,
            ureq::Error::BodyExceedsLimit(bytes_max) => Failure::TooLarge { bytes_max },
            ureq::Error::Io(error) => match error.kind() {
                ErrorKind::ConnectionRefused => Failure::ConnectionRefused,
                ErrorKind::TimedOut => Failure::Timeout,
                // The standard library has no kind for names that cannot be resolved.
                _ if error.to_string().starts_with("failed to lookup address") => Failure::HostUnknown,
                // rustls' way of passing its errors through a stream.
                ErrorKind::InvalidData => Failure::Tls(Box::new(error)),
                _ => Failure::Connection(Box::new(error)),
            },
            error @ (ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_)) => {
                Failure::Tls(Box::new(error))
            }
            other => Failure::Connection(Box::new(other)),
        }
    }

    /// Why the body of an answer could not be read.
    pub(super) fn of_body(error: std::io::Error) -> Failure {
        match too_slow(&error) {
            Some(slow) => Failure::Slow(slow.clone()),
            // ureq's own errors travel through its reader in the standard library's.
            None => Failure::from_ureq(ureq::Error::from(error)),
        }
    }

    /// Whether the same request may succeed a moment later.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Failure::Connection(_) | Failure::Timeout)
    }

    /// Whether the registry can be reached and only lacks what was asked for, or does not show it to us.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Failure::NotFound(_) | Failure::LoginNeeded { .. })
    }
}
