//! The small HTTP server of metrics and health: `/metrics`, `/healthz`, `/versions`.
//!
//! It answers GET and HEAD and closes. Each connection has a bounded time and size, and there is a bounded number of
//! them, of which the oldest makes room for a new one: a client that is slow, loud or legion costs nobody else anything.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::limits::{
    CONNECTION_THREADS_MAX, CONNECTIONS_MAX, REQUEST_BYTES_MAX, REQUEST_TIME, UNHEALTHY_AFTER_DROP,
};
use crate::metrics::Snapshot;
use crate::text::json;

/// Why the server cannot begin.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve metrics at {address}")]
pub struct ServerError {
    address: String,
    #[source]
    source: io::Error,
}

/// When a guard counts as ill.
#[derive(Debug, Clone, Copy)]
pub struct Health {
    /// The longest that its loop may stand still.
    pub still_max: Duration,
}

impl Default for Health {
    fn default() -> Health {
        Health { still_max: Duration::from_secs(15) }
    }
}

impl Health {
    /// What is wrong, in sentences; none when all is well.
    pub fn problems(self, snapshot: &Snapshot) -> Vec<String> {
        let mut problems = Vec::new();
        match snapshot.turned_ago {
            Some(ago) if ago > self.still_max => {
                problems.push(format!("the loop over events has not turned for {} s", ago.as_secs()));
            }
            Some(_) => {}
            None => problems.push("the loop over events has not begun".to_owned()),
        }
        let lately = |ago: Duration| ago < UNHEALTHY_AFTER_DROP;
        for output in snapshot.outputs.iter().filter(|output| output.lost_ago.is_some_and(lately)) {
            let reason = output.problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default();
            problems.push(format!("the output `{}` is losing findings{reason}", output.name));
        }
        problems
    }
}

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What every connection needs.
struct Shared {
    snapshot: Box<dyn Fn() -> Snapshot + Send + Sync>,
    health: Health,
    open: Mutex<Open>,
}

/// The connections that are open.
#[derive(Debug, Default)]
struct Open {
    /// By their numbers, the oldest first.
    streams: VecDeque<(u64, TcpStream)>,
    /// How many there were.
    count: u64,
    /// Those that serve them, and those whose connection was closed and who have not noticed yet.
    threads: usize,
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("open", &self.open).finish_non_exhaustive()
    }
}

impl Server {
    /// Serves at an address: `127.0.0.1:8765`, which is what Falco has; another than a loopback address only because
    /// the user said so.
    ///
    /// # Errors
    /// The address is not one of this machine, or is in use.
    pub fn start(
        address: &str,
        health: Health,
        snapshot: impl Fn() -> Snapshot + Send + Sync + 'static,
    ) -> Result<Server, ServerError> {
        let failed = |source| ServerError { address: address.to_owned(), source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        let ended = Arc::new(AtomicBool::new(false));
        let shared = Arc::new(Shared { snapshot: Box::new(snapshot), health, open: Mutex::default() });
        let is_ended = Arc::clone(&ended);
        let serve = move || accept(&listener, &shared, &is_ended);
        let thread = thread::Builder::new().name("metrics".to_owned()).spawn(serve).map_err(failed)?;
        Ok(Server { address: local, ended, thread: Some(thread) })
    }

    /// Where it listens: with port 0, the port that it was given.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // A connection wakes the thread that waits for one.
        let port = self.address.port();
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address = match address {
                SocketAddr::V4(_) => SocketAddr::from(([127, 0, 0, 1], port)),
                SocketAddr::V6(_) => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port)),
            };
        }
        let is_awake = TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok();
        if let (Some(thread), true) = (self.thread.take(), is_awake) {
            // It did nothing that could fail by now.
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, is_ended: &AtomicBool) {
    for stream in listener.incoming() {
        if is_ended.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else {
            // Out of descriptors: the same error would come at once again.
            thread::sleep(Duration::from_millis(50));
            continue;
        };
        let Some(place) = Place::take(shared, &stream) else { continue };
        let serve = move || {
            // A client that went away has no answer.
            let _ = answer(stream, &place.shared);
        };
        // Without a thread there is no answer, and the place is free again.
        let _ = thread::Builder::new().name("metrics".to_owned()).spawn(serve);
    }
}

/// One of the connections that may be open at a time; free again when this is dropped.
struct Place {
    shared: Arc<Shared>,
    number: u64,
}

impl Place {
    /// A place for a new connection, if need be that of the oldest: whoever keeps connections open, and opens new ones as
    /// soon as they are cut, must not keep others out.
    fn take(shared: &Arc<Shared>, stream: &TcpStream) -> Option<Place> {
        let stream = stream.try_clone().ok()?;
        let mut open = shared.open();
        if open.threads >= CONNECTION_THREADS_MAX {
            return None;
        }
        if open.streams.len() >= CONNECTIONS_MAX
            && let Some((_, oldest)) = open.streams.pop_front()
        {
            // One that has ended itself needs no end.
            let _ = oldest.shutdown(std::net::Shutdown::Both);
        }
        let number = open.count;
        open.count += 1;
        open.threads += 1;
        open.streams.push_back((number, stream));
        Some(Place { shared: Arc::clone(shared), number })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.shared.open();
        open.threads -= 1;
        open.streams.retain(|(number, _)| *number != self.number);
    }
}

fn answer(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let until = Instant::now() + REQUEST_TIME;
    let Some(request) = read_head(&mut stream, until)? else {
        return write(&mut stream, until, 431, "text/plain", "the request is too large\n", Body::Sent);
    };
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let body = match method {
        "GET" => Body::Sent,
        "HEAD" => Body::Kept,
        _ => return write(&mut stream, until, 405, "text/plain", "only GET and HEAD\n", Body::Sent),
    };
    let path = target.split(['?', '#']).next().unwrap_or_default();
    let (status, kind, text) = match path {
        "/metrics" => (200, "text/plain; version=0.0.4; charset=utf-8", (shared.snapshot)().prometheus()),
        "/healthz" => {
            let problems = shared.health.problems(&(shared.snapshot)());
            match problems.is_empty() {
                true => (200, "application/json", "{\"status\": \"ok\"}\n".to_owned()),
                false => {
                    let problems = json(&problems).unwrap_or_default();
                    (
                        503,
                        "application/json",
                        format!("{{\"status\": \"unhealthy\", \"problems\": {problems}}}\n"),
                    )
                }
            }
        }
        "/versions" => {
            let versions: std::collections::BTreeMap<_, _> =
                (shared.snapshot)().versions.into_iter().collect();
            (200, "application/json", json(&versions).unwrap_or_default() + "\n")
        }
        _ => (404, "text/plain", "try /metrics, /healthz or /versions\n".to_owned()),
    };
    write(&mut stream, until, status, kind, &text, body)
}

/// Whether an answer's body is sent or only its length is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    Sent,
    Kept,
}

/// The first line of a request whose head has arrived; `None` when it is too large.
fn read_head(stream: &mut TcpStream, until: Instant) -> io::Result<Option<String>> {
    let mut head = Vec::with_capacity(1024);
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > REQUEST_BYTES_MAX {
            return Ok(None);
        }
        stream.set_read_timeout(Some(left(until)?))?;
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(&buffer[..read]);
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Ok(Some(String::from_utf8_lossy(line).into_owned()))
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn write(
    stream: &mut TcpStream,
    until: Instant,
    status: u16,
    kind: &str,
    text: &str,
    body: Body,
) -> io::Result<()> {
    let reason = match status {
        200 => "OK",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        _ => "Service Unavailable",
    };
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        text.len()
    );
    let mut bytes = head.into_bytes();
    if body == Body::Sent {
        bytes.extend_from_slice(text.as_bytes());
    }
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        stream.set_write_timeout(Some(left(until)?))?;
        let written = stream.write(rest)?;
        rest = &rest[written..];
    }
    // What a client still sends would make the kernel throw the answer away.
    stream.shutdown(std::net::Shutdown::Write)?;
    stream.set_read_timeout(Some(Duration::from_millis(200).min(left(until)?)))?;
    let mut rest = [0; 1024];
    for _ in 0..64 {
        if matches!(stream.read(&mut rest), Ok(0) | Err(_)) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
