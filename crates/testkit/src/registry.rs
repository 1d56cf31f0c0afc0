//! An HTTP server on loopback that plays a registry, well or badly.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::{Image, sha256};

/// One request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`.
    pub method: String,
    /// `/v2/app/manifests/1`.
    pub path: String,
    /// What follows `?`.
    pub query: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

impl Request {
    /// A header, empty where it was not sent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What the server sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers besides `Content-Length`.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// How the body is sent.
    pub sending: Sending,
}

/// How a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// All of it.
    Whole,
    /// With its full length announced, but only so many bytes before the connection closes.
    Cut(usize),
    /// Over and over, without a length.
    Endless,
    /// A byte at a time, after a pause each.
    Trickling(Duration),
}

impl Answer {
    /// An answer with this body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Answer {
        Answer { status, headers: Vec::new(), body: body.into(), sending: Sending::Whole }
    }

    /// Adds a header.
    pub fn with(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends it this way.
    pub fn sent(mut self, sending: Sending) -> Answer {
        self.sending = sending;
        self
    }
}

/// What a registry holds.
#[derive(Debug, Clone, Default)]
pub struct Store {
    blobs: BTreeMap<String, Vec<u8>>,
    /// By tag and by digest: media type and bytes.
    manifests: BTreeMap<String, (String, Vec<u8>)>,
}

impl Store {
    /// Nothing.
    pub fn new() -> Store {
        Store::default()
    }

    /// Adds an image under `tag`.
    pub fn image(mut self, tag: &str, image: &Image) -> Store {
        for blob in image.blobs().into_iter().chain([image.config()]) {
            self.blobs.insert(sha256(&blob), blob);
        }
        self.manifest(tag, "application/vnd.oci.image.manifest.v1+json", image.manifest())
    }

    /// Adds an index of these images under `tag`.
    pub fn index(mut self, tag: &str, images: &[Image]) -> Store {
        let mut manifests = Vec::new();
        for image in images {
            let manifest = image.manifest();
            let digest = sha256(&manifest);
            let (os, architecture) = image.platform_names();
            manifests.push(serde_json::json!({
                "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": manifest.len(),
                "platform": {"os": os, "architecture": architecture},
            }));
            self = self.image(&digest, image);
        }
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = serde_json::json!({"schemaVersion": 2, "mediaType": media_type, "manifests": manifests});
        self.manifest(tag, media_type, index.to_string().into_bytes())
    }

    /// Adds a manifest under `tag` and its digest.
    pub fn manifest(mut self, tag: &str, media_type: &str, bytes: Vec<u8>) -> Store {
        self.manifests.insert(sha256(&bytes), (media_type.to_owned(), bytes.clone()));
        self.manifests.insert(tag.to_owned(), (media_type.to_owned(), bytes));
        self
    }

    /// Stores `bytes` under `digest`, whatever theirs is.
    pub fn blob(mut self, digest: &str, bytes: impl Into<Vec<u8>>) -> Store {
        self.blobs.insert(digest.to_owned(), bytes.into());
        self
    }

    /// What a registry without quirks answers, for any repository.
    pub fn answer(&self, request: &Request) -> Answer {
        if request.path == "/v2/" {
            return Answer::new(200, "{}");
        }
        let mut parts = request.path.rsplit('/');
        let (reference, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let missing = Answer::new(404, r#"{"errors":[{"code":"UNKNOWN","message":"unknown to registry"}]}"#);
        match kind {
            "manifests" => self.manifests.get(reference).map_or(missing, |(media_type, bytes)| {
                Answer::new(200, bytes.clone())
                    .with("content-type", media_type)
                    .with("docker-content-digest", &sha256(bytes))
            }),
            "blobs" => self.blobs.get(reference).map_or(missing, |blob| ranged(request, blob)),
            _ => missing,
        }
    }
}

fn ranged(request: &Request, blob: &[u8]) -> Answer {
    let start = request.header("range").strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
    match start.and_then(|start| start.parse::<usize>().ok()) {
        Some(start) if start <= blob.len() => {
            let range = format!("bytes {start}-{}/{}", blob.len().saturating_sub(1), blob.len());
            Answer::new(206, &blob[start..]).with("content-range", &range)
        }
        _ => Answer::new(200, blob),
    }
}

/// A running server; its thread ends with the process.
#[derive(Debug, Clone)]
pub struct Server {
    authority: String,
    log: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Starts one on a free port of 127.0.0.1. `answer` is given the server's own `host:port` too.
    ///
    /// # Errors
    /// No port can be had.
    pub fn start(
        answer: impl Fn(&Request, &str) -> Answer + Send + Sync + 'static,
    ) -> std::io::Result<Server> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let server = Server { authority: listener.local_addr()?.to_string(), log: Arc::default() };
        let (running, answer) = (server.clone(), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (running, answer) = (running.clone(), Arc::clone(&answer));
                thread::spawn(move || running.serve(stream, answer.as_ref()));
            }
        });
        Ok(server)
    }

    /// `127.0.0.1:PORT`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Serves one connection until something is wrong with it.
    fn serve(&self, stream: TcpStream, answer: &dyn Fn(&Request, &str) -> Answer) -> Option<()> {
        let mut writer = stream.try_clone().ok()?;
        let mut reader = BufReader::new(stream);
        loop {
            let request = read(&mut reader)?;
            let answer = answer(&request, &self.authority);
            self.log.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            write(&mut writer, &answer)?;
            if answer.sending != Sending::Whole {
                return None;
            }
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    // TLS and garbage are no HTTP: the connection closes.
    reader.by_ref().take(16 * 1024).read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target, version) = (words.next()?.to_owned(), words.next()?, words.next()?);
    if !version.starts_with("HTTP/1") {
        return None;
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.by_ref().take(64 * 1024).read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|value| value.parse::<usize>().ok()).unwrap_or(0);
    let mut body = vec![0; length.min(1 << 20)];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, query, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

fn write(writer: &mut TcpStream, answer: &Answer) -> Option<()> {
    let mut head = format!("HTTP/1.1 {} Answer\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match answer.sending {
        Sending::Endless => head.push_str("connection: close\r\n\r\n"),
        Sending::Whole | Sending::Cut(_) | Sending::Trickling(_) => {
            head.push_str(&format!("content-length: {}\r\n\r\n", answer.body.len()))
        }
    }
    writer.write_all(head.as_bytes()).ok()?;
    match answer.sending {
        Sending::Whole => writer.write_all(&answer.body).ok(),
        Sending::Cut(bytes) => writer.write_all(&answer.body[..bytes.min(answer.body.len())]).ok(),
        Sending::Trickling(pause) => answer.body.iter().try_for_each(|byte| {
            thread::sleep(pause);
            writer.write_all(&[*byte]).ok()
        }),
        Sending::Endless => loop {
            writer.write_all(&answer.body).ok()?;
        },
    }
}
