//! As much of an HTTP/1.1 server as two callers need that we know: dockerd over a Unix socket and an API server over TLS.
//!
//! A request has a length, comes within seconds and fits in memory, or it gets an error and the connection ends. No
//! chunks, no pipelines, no upgrades.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::limits::{
    BODIES_BYTES_MAX, BODY_BYTES_MAX, CONNECTIONS_MAX, HEAD_BYTES_MAX, HEADERS_MAX, IDLE, TRANSFER,
};

/// A connection whose patience can be set.
pub(crate) trait Connection: Read + Write {
    /// How long one read or write may take.
    fn set_patience(&self, patience: Duration) -> io::Result<()>;
}

impl Connection for UnixStream {
    fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(patience))?;
        self.set_write_timeout(Some(patience))
    }
}

impl Connection for rustls::StreamOwned<rustls::ServerConnection, TcpStream> {
    fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.sock.set_read_timeout(Some(patience))?;
        self.sock.set_write_timeout(Some(patience))
    }
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) body: Vec<u8>,
}

/// What is answered: JSON, or a line of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) media_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(body: &serde_json::Value) -> Answer {
        Answer { status: 200, media_type: "application/json", body: body.to_string().into_bytes() }
    }

    pub(crate) fn text(status: u16, text: &str) -> Answer {
        Answer { status, media_type: "text/plain; charset=utf-8", body: format!("{text}\n").into_bytes() }
    }
}

/// Connections of one listener that are open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Open(Arc<AtomicUsize>);

impl Open {
    /// Runs `serve` in a thread of its own, or drops the connection where there are too many.
    pub(crate) fn run(&self, serve: impl FnOnce() + Send + 'static) {
        struct Leaving(Arc<AtomicUsize>);
        impl Drop for Leaving {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::AcqRel);
            }
        }
        let room = |open: usize| (open < CONNECTIONS_MAX).then_some(open + 1);
        if self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, room).is_err() {
            return;
        }
        let leaving = Leaving(Arc::clone(&self.0));
        let work = move || {
            serve();
            drop(leaving);
        };
        // A thread that cannot be started drops the connection, which is a refusal too.
        let _ = thread::Builder::new().name("connection".to_owned()).spawn(work);
    }
}

/// The bytes of bodies that one listener holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bodies(Arc<AtomicUsize>);

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
        let fits = |held: usize| held.checked_add(more).filter(|held| *held <= BODIES_BYTES_MAX);
        match self.bodies.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits) {
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
        self.bodies.0.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// Answers the requests of one connection until it ends.
pub(crate) fn serve(connection: &mut dyn Connection, bodies: &Bodies, answer: &dyn Fn(&Request) -> Answer) {
    let mut held = Vec::new();
    loop {
        let mut room = Room::new(bodies);
        let (answer, goes_on) = match read(connection, &mut held, &mut room) {
            Ok(Some((request, goes_on))) => (answer(&request), goes_on),
            Ok(None) => return,
            Err(Refusal::Lost) => return,
            Err(Refusal::Status(status, reason)) => (Answer::text(status, reason), Next::Ends),
        };
        drop(room);
        if write(connection, &answer, goes_on).is_err() || goes_on == Next::Ends {
            return;
        }
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
) -> Result<Option<(Request, Next)>, Refusal> {
    connection.set_patience(IDLE).map_err(|_| Refusal::Lost)?;
    if held.is_empty() && more(connection, held)? == 0 {
        return Ok(None);
    }
    connection.set_patience(TRANSFER).map_err(|_| Refusal::Lost)?;
    let deadline = Instant::now() + TRANSFER;
    let head = loop {
        if let Some(head) = head(held)? {
            break head;
        }
        if held.len() >= HEAD_BYTES_MAX {
            return Err(Refusal::Status(431, "the request's head is too large"));
        }
        timely(connection, held, deadline)?;
    };
    held.drain(..head.bytes);
    if head.length > BODY_BYTES_MAX {
        return Err(Refusal::Status(413, "the request is too large"));
    }
    let length = usize::try_from(head.length).map_err(|_| Refusal::Lost)?;
    room.grow(held.len().min(length))?;
    while held.len() < length {
        timely(connection, held, deadline)?;
        room.grow(held.len())?;
    }
    let rest = held.split_off(length);
    let body = std::mem::replace(held, rest);
    Ok(Some((Request { method: head.method, target: head.target, body }, head.next)))
}

fn timely(connection: &mut dyn Connection, held: &mut Vec<u8>, deadline: Instant) -> Result<(), Refusal> {
    match more(connection, held)? {
        0 => Err(Refusal::Lost),
        _ if Instant::now() > deadline => Err(Refusal::Status(408, "the request comes too slowly")),
        _ => Ok(()),
    }
}

fn more(connection: &mut dyn Connection, held: &mut Vec<u8>) -> Result<usize, Refusal> {
    let mut bytes = [0; 16 * 1024];
    loop {
        match connection.read(&mut bytes) {
            Ok(count) => {
                held.extend_from_slice(bytes.get(..count).unwrap_or_default());
                return Ok(count);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
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
fn head(held: &[u8]) -> Result<Option<Head>, Refusal> {
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
mod tests {
    use super::*;

    fn check(sent: &[u8], expected: &[&str]) {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(sent).unwrap();
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        let thread = thread::spawn(move || {
            serve(&mut ours, &Bodies::default(), &|request| {
                let body = String::from_utf8_lossy(&request.body);
                Answer::text(200, &format!("{} {} {body}", request.method, request.target))
            });
        });
        let mut told = Vec::new();
        // What is not read before the end is a reset, after the answer.
        let _ = theirs.read_to_end(&mut told);
        let told = String::from_utf8(told).unwrap();
        thread.join().unwrap();
        let bodies: Vec<&str> =
            told.split("\r\n\r\n").skip(1).map(|text| text.lines().next().unwrap_or("")).collect();
        assert_eq!(bodies, expected, "{told}");
    }

    #[test]
    fn requests_follow_each_other_and_what_is_none_ends_it() {
        check(b"", &[]);
        check(b"GET /a HTTP/1.1\r\n\r\n", &["GET /a "]);
        check(
            b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nxyPOST /b HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
            &["POST /a xy", "POST /b "],
        );
        check(b"GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.1\r\n\r\n", &["GET /a "]);
        check(b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nxy", &[]);
        for (headers, told) in [
            ("Content-Length: +1", "the length is no number"),
            ("Content-Length: 1\r\nContent-Length: 2", "there are two lengths"),
            ("Transfer-Encoding: chunked", "say the length"),
            ("Content-Length: 99999999999", "the request is too large"),
            ("Expect: 100-continue", "send it at once"),
            (" x", "the request's head cannot be read"),
        ] {
            check(format!("POST / HTTP/1.1\r\n{headers}\r\n\r\nx").as_bytes(), &[told]);
        }
        let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(HEAD_BYTES_MAX));
        check(long.as_bytes(), &["the request's head is too large"]);
    }

    #[test]
    fn bodies_that_are_held_at_the_same_time_have_a_limit() {
        let bodies = Bodies::default();
        let asked = |body: &[u8], bodies: &Bodies| {
            let (mut ours, mut theirs) = UnixStream::pair().unwrap();
            let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
            theirs.write_all(&[head.as_bytes(), body].concat()).unwrap();
            theirs.shutdown(std::net::Shutdown::Write).unwrap();
            let held = Arc::clone(&bodies.0);
            let answer = move |_: &Request| Answer::text(200, &held.load(Ordering::Acquire).to_string());
            serve(&mut ours, bodies, &answer);
            drop(ours);
            let mut told = String::new();
            let _ = theirs.read_to_string(&mut told);
            told.split("\r\n\r\n").nth(1).unwrap_or_default().trim().to_owned()
        };
        assert_eq!(asked(b"12345", &bodies), "5");
        let mut others = Room::new(&bodies);
        assert!(others.grow(BODIES_BYTES_MAX - 4).is_ok());
        assert_eq!(asked(b"12345", &bodies), "too much is asked for at the same time");
        assert_eq!(asked(b"1234", &bodies), BODIES_BYTES_MAX.to_string());
        drop(others);
        assert_eq!(bodies.0.load(Ordering::Acquire), 0);
        assert_eq!(asked(b"12345", &bodies), "5");
    }
}
