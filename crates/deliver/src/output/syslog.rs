//! Syslog: RFC 5424 over the network, RFC 3164 where daemons expect it.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustix::net::SocketType;
use seawall_finding::Priority;

use super::{SendError, send_each, stream};
use crate::{Delivery, Format};

/// Where syslog messages go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SyslogAddress {
    /// A socket of this machine, a datagram for each message: `/dev/log`.
    Unix(PathBuf),
    /// `host:port`, a datagram for each message (RFC 5426).
    Udp(String),
    /// `host:port`, a stream (RFC 6587).
    Tcp(String),
}

/// What stands before the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Rfc5424,
    /// What `/dev/log` expects, there without the host.
    Rfc3164,
}

/// How messages are parted on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Framing {
    /// Its length before each message: nothing in a message can end it.
    #[default]
    OctetCounting,
    /// A line break behind each message.
    LineBreak,
}

#[derive(Debug, Clone)]
pub(crate) struct SyslogSettings {
    pub(crate) address: SyslogAddress,
    pub(crate) protocol: Protocol,
    pub(crate) framing: Framing,
    /// 0 to 23 (RFC 5424, table 1).
    pub(crate) facility: u8,
    pub(crate) format: Format,
    pub(crate) line_bytes: usize,
    pub(crate) timeout: Duration,
}

/// The names of facilities, by their numbers.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// The number of a facility.
pub(crate) fn facility(name: &str) -> Result<u8, String> {
    let place = FACILITIES.iter().position(|known| *known == name);
    let number = place.and_then(|place| u8::try_from(place).ok());
    number.ok_or_else(|| format!("`{name}` is not a facility; use one of: {}", FACILITIES.join(", ")))
}

/// Syslog messages.
#[derive(Debug)]
pub(crate) struct SyslogOutput {
    settings: SyslogSettings,
    socket: Option<OwnedFd>,
}

impl SyslogOutput {
    pub(crate) fn new(settings: SyslogSettings) -> SyslogOutput {
        SyslogOutput { settings, socket: None }
    }

    pub(crate) fn send(&mut self, deliveries: &[Arc<Delivery>]) -> Result<(), SendError> {
        let SyslogOutput { settings, socket } = self;
        let name = || match &settings.address {
            SyslogAddress::Unix(path) => format!("syslog {}", path.display()),
            SyslogAddress::Udp(address) | SyslogAddress::Tcp(address) => format!("syslog {address}"),
        };
        send_each(deliveries, name, |delivery| send(settings, socket, delivery))
    }
}

/// The socket is put back when it took the message, so that a broken one is not used again.
fn send(settings: &SyslogSettings, open: &mut Option<OwnedFd>, delivery: &Delivery) -> io::Result<()> {
    let is_stream = matches!(settings.address, SyslogAddress::Tcp(_));
    let message = message(delivery, settings);
    let framed = match (is_stream, settings.framing) {
        (false, _) => message,
        (true, Framing::OctetCounting) => format!("{} {message}", message.len()),
        (true, Framing::LineBreak) => format!("{message}\n"),
    };
    let socket = match open.take() {
        Some(socket) if !is_stream || stream::is_alive(&socket) => socket,
        Some(_) | None => match &settings.address {
            SyslogAddress::Unix(path) => stream::connect_unix(path, SocketType::DGRAM, settings.timeout)?,
            SyslogAddress::Udp(address) => stream::connect_udp(address)?,
            SyslogAddress::Tcp(address) => stream::connect_tcp(address, settings.timeout)?,
        },
    };
    stream::send_all(&socket, framed.as_bytes(), settings.timeout)?;
    *open = Some(socket);
    Ok(())
}

fn message(delivery: &Delivery, settings: &SyslogSettings) -> String {
    let priority = u32::from(settings.facility) * 8 + severity(delivery.priority());
    let time = Timestamp::from_nanosecond(i128::from(delivery.time_ns)).unwrap_or_default();
    let process = std::process::id();
    let head = match (settings.protocol, &settings.address) {
        (Protocol::Rfc5424, _) => {
            let (host, id) = (word(&delivery.host, 255), word(&delivery.judged.finding.rule, 32));
            // Six digits of a second are the most that it has.
            format!("<{priority}>1 {time:.6} {host} seawall {process} {id} - ")
        }
        (Protocol::Rfc3164, SyslogAddress::Unix(_)) => {
            format!("<{priority}>{} seawall[{process}]: ", time.strftime("%b %e %H:%M:%S"))
        }
        (Protocol::Rfc3164, SyslogAddress::Udp(_) | SyslogAddress::Tcp(_)) => {
            let host = word(&delivery.host, 255);
            format!("<{priority}>{} {host} seawall[{process}]: ", time.strftime("%b %e %H:%M:%S"))
        }
    };
    let room = settings.line_bytes.saturating_sub(head.len());
    head + &settings.format.line(delivery, room)
}

/// Numerical code of RFC 5424, table 2.
fn severity(priority: Priority) -> u32 {
    match priority {
        Priority::Emergency => 0,
        Priority::Alert => 1,
        Priority::Critical => 2,
        Priority::Error => 3,
        Priority::Warning => 4,
        Priority::Notice => 5,
        Priority::Informational => 6,
        Priority::Debug => 7,
    }
}

/// A part of the head: printable ASCII without blanks, `-` for nothing.
fn word(text: &str, length_max: usize) -> String {
    let word: String = text.chars().filter(char::is_ascii_graphic).take(length_max).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}

#[cfg(test)]
mod tests;
