//! As much of an HTTP/1.1 server as callers need that we know: dockerd over a Unix socket, an API server over TLS or on
//! loopback.
//!
//! A request has a length, comes within seconds and fits in memory, or it gets an error and the connection ends. No
//! chunks, no pipelines, no upgrades.

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};

use crate::limits::{
    BODIES_BYTES_MAX, BODY_BYTES_MAX, CONNECTIONS_MAX, HEAD_BYTES_MAX, HEADERS_MAX, IDLE, TRANSFER,
};

/// What is read and written at a time.
const PART_BYTES: usize = 16 * 1024;

/// A stream of which no read or write ends after a time. What lies above it, such as TLS, may read as often as it likes:
/// whoever sends or takes byte by byte wins no time.
pub(crate) struct Timed<S> {
    stream: S,
    until: Instant,
}

impl<S> Timed<S> {
    /// A stream with this long from now.
    pub(crate) fn new(stream: S, patience: Duration) -> Timed<S> {
        Timed { stream, until: Instant::now() + patience }
    }

    /// Lets the next read or write take no longer than what is left.
    fn limit(&self, which: Timeout) -> io::Result<()>
    where
        S: AsFd,
    {
        let left = self.until.saturating_duration_since(Instant::now());
        // None at all would mean for ever.
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(set_socket_timeout(&self.stream, which, Some(left))?)
    }
}

/// What Linux calls a timeout of a socket is "try again" to those who read from one that does not wait.
fn late(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { io::ErrorKind::TimedOut.into() } else { error }
}

impl<S: Read + AsFd> Read for Timed<S> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.limit(Timeout::Recv)?;
        self.stream.read(bytes).map_err(late)
    }
}

impl<S: Write + AsFd> Write for Timed<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.limit(Timeout::Send)?;
        // Of more the kernel makes several parts at a Unix socket, and waits so long for each.
        self.stream.write(bytes.get(..PART_BYTES).unwrap_or(bytes)).map_err(late)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// A connection whose patience can be set.
pub(crate) trait Connection: Read + Write {
    /// How long from now all reads and writes may take together.
    fn set_patience(&mut self, patience: Duration);
}

impl<S: Read + Write + AsFd> Connection for Timed<S> {
    fn set_patience(&mut self, patience: Duration) {
        self.until = Instant::now() + patience;
    }
}

impl Connection for rustls::StreamOwned<rustls::ServerConnection, Timed<TcpStream>> {
    fn set_patience(&mut self, patience: Duration) {
        self.sock.set_patience(patience);
    }
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// What follows the head.
    pub body: Vec<u8>,
}

/// What is answered: JSON, or a line of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub(crate) status: u16,
    pub(crate) media_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A document.
    pub fn json(body: &serde_json::Value) -> Answer {
        Answer { status: 200, media_type: "application/json", body: body.to_string().into_bytes() }
    }

    /// A line, with this status.
    pub fn text(status: u16, text: &str) -> Answer {
        Answer { status, media_type: "text/plain; charset=utf-8", body: format!("{text}\n").into_bytes() }
    }
}

/// Connections of one listener that are open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Open(Arc<AtomicUsize>);

impl Open {
    /// Runs `serve` in a thread of its own, or drops the connection where there are too many, and says so.
    pub(crate) fn run(&self, serve: impl FnOnce() + Send + 'static) -> io::Result<()> {
        struct Leaving(Arc<AtomicUsize>);
        impl Drop for Leaving {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::AcqRel);
            }
        }
        let room = |open: usize| (open < CONNECTIONS_MAX).then_some(open + 1);
        if self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, room).is_err() {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let leaving = Leaving(Arc::clone(&self.0));
        let work = move || {
            serve();
            drop(leaving);
        };
        // A thread that cannot be started drops the connection, which is a refusal too.
        thread::Builder::new().name("connection".to_owned()).spawn(work).map(drop)
    }
}

/// The bytes of bodies that one listener holds, and may hold.
#[derive(Debug, Clone)]
pub struct Bodies {
    held: Arc<AtomicUsize>,
    one_max: u64,
    all_max: usize,
}

impl Bodies {
    /// One body may have so many bytes, and all that are held at the same time so many.
    pub fn new(one_max: u64, all_max: usize) -> Bodies {
        Bodies { held: Arc::default(), one_max, all_max }
    }
}

impl Default for Bodies {
    /// What admission takes.
    fn default() -> Bodies {
        Bodies::new(BODY_BYTES_MAX, BODIES_BYTES_MAX)
    }
}

/// Is told of a request that was refused before it was read: the status and the reason.
pub type Refused = Arc<dyn Fn(u16, &str) + Send + Sync>;

/// As whom a listener may be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hosts {
    /// As whatever its certificate or its socket is known by.
    Any,
    /// As this machine: a web page that is shown here can let its own name mean this machine, and no other.
    Loopback,
}

/// How the requests of one listener are taken.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) bodies: Bodies,
    pub(crate) hosts: Hosts,
    pub(crate) refused: Refused,
}

impl Terms {
    /// Those of a listener that is known by any name.
    pub(crate) fn new(bodies: Bodies) -> Terms {
        Terms { bodies, hosts: Hosts::Any, refused: Arc::new(|_, _| {}) }
    }
}

/// What one request's body has of them.
#[derive(Debug)]
struct Room {
    bodies: Bodies,
    bytes: usize,
}

impl Room {
    fn new(bodies: &Bodies) -> Room {
        Room { bodies: bodies.clone(), bytes: 0 }
    }

    /// Takes what has come, not what is announced: else whoever sends nothing would keep others out.
    fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let more = bytes.saturating_sub(self.bytes);
        let fits = |held: usize| held.checked_add(more).filter(|held| *held <= self.bodies.all_max);
        match self.bodies.held.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits) {
            Ok(_) => {
                self.bytes += more;
                Ok(())
            }
            Err(_) => Err(Refusal::Status(503, "too much is asked for at the same time")),
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.bodies.held.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// Answers the requests of one connection until it ends. The first must come in the time that the connection has already,
/// of which a handshake took its part; each further one may begin within [`IDLE`] and must come within [`TRANSFER`].
pub(crate) fn serve(connection: &mut dyn Connection, terms: &Terms, answer: &dyn Fn(&Request) -> Answer) {
    let mut held = Vec::new();
    loop {
        let mut room = Room::new(&terms.bodies);
        let (answer, goes_on) = match read(connection, &mut held, &mut room, terms.hosts) {
            Ok(Some((request, goes_on))) => (answer(&request), goes_on),
            Ok(None) | Err(Refusal::Lost) => return,
            Err(Refusal::Status(status, reason)) => {
                (terms.refused)(status, reason);
                (Answer::text(status, reason), Next::Ends)
            }
        };
        drop(room);
        connection.set_patience(TRANSFER);
        if write(connection, &answer, goes_on).is_err() || goes_on == Next::Ends {
            return;
        }
        connection.set_patience(IDLE);
        if !begins(connection, &mut held) {
            return;
        }
        connection.set_patience(TRANSFER);
    }
}

/// Whether another request may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Goes,
    Ends,
}

enum Refusal {
    Lost,
    Status(u16, &'static str),
}

/// One request; `None` where the connection ended before one began. `held` has what came after the last one.
fn read(
    connection: &mut dyn Connection,
    held: &mut Vec<u8>,
    room: &mut Room,
    hosts: Hosts,
) -> Result<Option<(Request, Next)>, Refusal> {
    if !begins(connection, held) {
        return Ok(None);
    }
    let head = loop {
        if let Some(head) = head(held, hosts)? {
            break head;
        }
        if held.len() >= HEAD_BYTES_MAX {
            return Err(Refusal::Status(431, "the request's head is too large"));
        }
        timely(connection, held)?;
    };
    held.drain(..head.bytes);
    if head.length > room.bodies.one_max {
        return Err(Refusal::Status(413, "the request is too large"));
    }
    let length = usize::try_from(head.length).map_err(|_| Refusal::Lost)?;
    room.grow(held.len().min(length))?;
    while held.len() < length {
        timely(connection, held)?;
        room.grow(held.len())?;
    }
    let rest = held.split_off(length);
    let body = std::mem::replace(held, rest);
    Ok(Some((Request { method: head.method, target: head.target, body }, head.next)))
}

/// Whether a request begins in time.
fn begins(connection: &mut dyn Connection, held: &mut Vec<u8>) -> bool {
    !held.is_empty() || matches!(more(connection, held), Ok(1..))
}

/// More of a request that has begun.
fn timely(connection: &mut dyn Connection, held: &mut Vec<u8>) -> Result<(), Refusal> {
    match more(connection, held)? {
        0 => Err(Refusal::Lost),
        _ => Ok(()),
    }
}

fn more(connection: &mut dyn Connection, held: &mut Vec<u8>) -> Result<usize, Refusal> {
    let mut bytes = [0; PART_BYTES];
    loop {
        match connection.read(&mut bytes) {
            Ok(count) => {
                held.extend_from_slice(bytes.get(..count).unwrap_or_default());
                return Ok(count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(Refusal::Status(408, "the request comes too slowly"));
            }
            Err(_) => return Err(Refusal::Lost),
        }
    }
}

struct Head {
    method: String,
    target: String,
    length: u64,
    next: Next,
    bytes: usize,
}

/// The head of a request, once all of it is there.
fn head(held: &[u8], hosts: Hosts) -> Result<Option<Head>, Refusal> {
    let bad = |reason| Refusal::Status(400, reason);
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut headers);
    let bytes = match parsed.parse(held) {
        Ok(httparse::Status::Partial) => return Ok(None),
        Ok(httparse::Status::Complete(bytes)) => bytes,
        Err(_) => return Err(bad("the request's head cannot be read")),
    };
    let mut length = None;
    let mut next = if parsed.version == Some(1) { Next::Goes } else { Next::Ends };
    for header in parsed.headers.iter() {
        let value = std::str::from_utf8(header.value).map_err(|_| bad("a header is no text"))?.trim();
        match header.name.to_ascii_lowercase().as_str() {
            "content-length" => {
                // Digits only: `parse` would take a sign.
                let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                let value: Option<u64> = value.parse().ok().filter(|_| is_number);
                let value = value.ok_or_else(|| bad("the length is no number"))?;
                if length.replace(value).is_some_and(|other| other != value) {
                    return Err(bad("there are two lengths"));
                }
            }
            "transfer-encoding" => return Err(Refusal::Status(411, "say the length")),
            "connection" if value.eq_ignore_ascii_case("close") => next = Next::Ends,
            // Only browsers send these; what a page of a stranger lets them send is no request of who is served here.
            "origin" | "sec-fetch-site" => return Err(Refusal::Status(403, "no web page is answered")),
            "host" if hosts == Hosts::Loopback && !is_loopback(value) => {
                return Err(Refusal::Status(403, "it is asked under a name that is not this machine's"));
            }
            "expect" => return Err(Refusal::Status(417, "send it at once")),
            _ => {}
        }
    }
    let (Some(method), Some(target)) = (parsed.method, parsed.path) else {
        return Err(bad("the request has no method or path"));
    };
    let (method, target) = (method.to_owned(), target.to_owned());
    Ok(Some(Head { method, target, length: length.unwrap_or(0), next, bytes }))
}

/// Whether a `Host` is this machine: a name or an address, with or without a port.
fn is_loopback(host: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) && (name.ends_with(']') || !name.contains(':')) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn write(connection: &mut dyn Connection, answer: &Answer, next: Next) -> io::Result<()> {
    let reason = if answer.status == 200 { "OK" } else { "Refused" };
    let close = if next == Next::Ends { "Connection: close\r\n" } else { "" };
    let mut bytes = format!(
        "HTTP/1.1 {} {reason}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{close}\r\n",
        answer.status,
        answer.media_type,
        answer.body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(&answer.body);
    connection.write_all(&bytes)?;
    connection.flush()
}

#[cfg(test)]
mod tests;
