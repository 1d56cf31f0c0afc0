//! Syslog: RFC 5424 over the network, RFC 3164 where daemons expect it.

use std::io;
use std::net::{TcpStream, ToSocketAddrs, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustix::net::SocketType;
use seawall_finding::Priority;

use super::{SendError, stream};
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
        for (taken, delivery) in deliveries.iter().enumerate() {
            if let Err(error) = self.send_one(delivery) {
                self.socket = None;
                let to = match &self.settings.address {
                    SyslogAddress::Unix(path) => path.display().to_string(),
                    SyslogAddress::Udp(address) | SyslogAddress::Tcp(address) => address.clone(),
                };
                return Err(SendError::Later { taken, reason: format!("syslog {to}: {error}"), after: None });
            }
        }
        Ok(())
    }

    fn send_one(&mut self, delivery: &Delivery) -> io::Result<()> {
        let settings = &self.settings;
        let is_stream = matches!(settings.address, SyslogAddress::Tcp(_));
        let message = message(delivery, settings);
        let framed = match (is_stream, settings.framing) {
            (false, _) => message,
            (true, Framing::OctetCounting) => format!("{} {message}", message.len()),
            (true, Framing::LineBreak) => format!("{message}\n"),
        };
        let socket = match self.socket.take() {
            Some(socket) if !is_stream || stream::is_alive(&socket) => socket,
            Some(_) | None => connect(&settings.address, settings.timeout)?,
        };
        let socket = self.socket.insert(socket);
        stream::send_all(socket, framed.as_bytes(), settings.timeout)
    }
}

fn connect(address: &SyslogAddress, timeout: Duration) -> io::Result<OwnedFd> {
    match address {
        SyslogAddress::Unix(path) => stream::connect_unix(path, SocketType::DGRAM, timeout),
        SyslogAddress::Udp(address) => each_address(address, |address| {
            let local = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(local)?;
            socket.connect(address)?;
            Ok(socket.into())
        }),
        SyslogAddress::Tcp(address) => {
            each_address(address, |address| Ok(TcpStream::connect_timeout(&address, timeout)?.into()))
        }
    }
}

/// The first connection that succeeds among the addresses of a name.
fn each_address(
    name: &str,
    connect: impl Fn(std::net::SocketAddr) -> io::Result<OwnedFd>,
) -> io::Result<OwnedFd> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in name.to_socket_addrs()? {
        match connect(address) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
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
