//! Where bytes come from: the network, or a directory that was mirrored.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// What is to be fetched.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Where it is.
    pub address: Address<'a>,
    /// Entity tag of what is already here.
    pub etag: Option<&'a str>,
    /// `Last-Modified` of what is already here.
    pub last_modified: Option<&'a str>,
    /// How many bytes of it a broken download left, to go on from there if `partial_etag` still holds.
    pub from_byte: u64,
    /// Entity tag of the broken download.
    pub partial_etag: Option<&'a str>,
}

/// Where something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address<'a> {
    /// As its publisher has it: `https://host/path`. A mirror has it at `host/path`.
    Published(&'a str),
    /// A file of a mirrored database, relative to the mirror: `seawall-db.json`.
    Mirrored(&'a str),
}

/// What came back.
pub enum Response {
    /// What is here is still right.
    NotModified,
    /// It is not there.
    Absent,
    /// The bytes.
    Body(Body),
}

/// The bytes of a response.
pub struct Body {
    /// The bytes, from `first_byte` on.
    pub reader: Box<dyn Read>,
    /// 0, or what was asked for.
    pub first_byte: u64,
    /// Entity tag.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

/// Something cannot be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// `--offline`: nothing was tried.
    #[error("no network call is allowed")]
    Offline,
    /// The server answered with a status that is none of 200, 206, 304, 404, 410.
    #[error("{url} answered with status {status}")]
    Status {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
    },
    /// No answer.
    #[error("cannot reach {url}")]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why.
        #[source]
        cause: Box<ureq::Error>,
    },
    /// A file of the mirror cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The bytes broke off, or there are more than such a file has.
    #[error("{0} broke off or is too big")]
    Broken(String),
    /// There is nothing at the address.
    #[error("{0} does not exist")]
    Absent(String),
    /// What should say where a feed is does not.
    #[error("`{0}` does not say where the feed is")]
    Pointer(String),
    /// The address cannot be part of a mirror.
    #[error("`{0}` is not an address that can be mirrored")]
    Address(String),
}

/// Fetches bytes.
pub trait Fetch {
    /// Fetches one thing.
    ///
    /// # Errors
    /// It cannot be reached.
    fn fetch(&self, request: &Request<'_>) -> Result<Response, FetchError>;
}

/// The path of a published address in a mirror, `host/path`: nothing that leaves the mirror.
pub(crate) fn mirror_path(url: &str) -> Result<String, FetchError> {
    let wrong = || FetchError::Address(url.to_owned());
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).ok_or_else(wrong)?;
    let (path, _) = rest.split_once(['?', '#']).unwrap_or((rest, ""));
    let is_plain =
        |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0']);
    if !path.split('/').all(is_plain) {
        return Err(wrong());
    }
    Ok(path.to_owned())
}

/// Whether the network may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkUse {
    /// Yes.
    Allowed,
    /// No: `--offline`.
    Forbidden,
}

/// Fetches over HTTP, from the publishers or from a mirror of them.
#[derive(Debug)]
pub struct Network {
    agent: ureq::Agent,
    mirror: Option<String>,
}

impl Network {
    /// A client for the publishers, or for a mirror at an address (`http://mirror.local/seawall`).
    /// `user_agent` is what servers see.
    ///
    /// # Errors
    /// The network may not be used.
    pub fn new(usage: NetworkUse, mirror: Option<&str>, user_agent: &str) -> Result<Network, FetchError> {
        if usage == NetworkUse::Forbidden {
            return Err(FetchError::Offline);
        }
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(user_agent)
            // Bodies are stored as they are: a feed that is a .gz must stay one.
            .accept_encoding("identity")
            .timeout_connect(Some(Duration::from_secs(20)))
            .timeout_recv_response(Some(Duration::from_secs(60)))
            .timeout_per_read(Some(Duration::from_secs(60)))
            .build();
        let mirror = mirror.map(|base| base.trim_end_matches('/').to_owned());
        Ok(Network { agent: config.new_agent(), mirror })
    }

    fn url(&self, address: Address<'_>) -> Result<Option<String>, FetchError> {
        Ok(match (address, &self.mirror) {
            (Address::Published(url), None) => Some(url.to_owned()),
            (Address::Published(url), Some(base)) => Some(format!("{base}/{}", mirror_path(url)?)),
            (Address::Mirrored(path), Some(base)) => Some(format!("{base}/{path}")),
            (Address::Mirrored(_), None) => None,
        })
    }
}

impl Fetch for Network {
    fn fetch(&self, request: &Request<'_>) -> Result<Response, FetchError> {
        let Some(url) = self.url(request.address)? else { return Ok(Response::Absent) };
        let mut call = self.agent.get(&url);
        if let (true, Some(etag)) = (request.from_byte > 0, request.partial_etag) {
            call = call.header("Range", format!("bytes={}-", request.from_byte)).header("If-Range", etag);
        } else {
            if let Some(etag) = request.etag {
                call = call.header("If-None-Match", etag);
            }
            if let Some(time) = request.last_modified {
                call = call.header("If-Modified-Since", time);
            }
        }
        let response = call
            .call()
            .map_err(|cause| FetchError::Unreachable { url: url.clone(), cause: Box::new(cause) })?;
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let first_byte = match response.status().as_u16() {
            200 => 0,
            206 if starts_at(header("content-range").as_deref(), request.from_byte) => request.from_byte,
            304 => return Ok(Response::NotModified),
            404 | 410 => return Ok(Response::Absent),
            status => return Err(FetchError::Status { url, status }),
        };
        let (etag, last_modified) = (header("etag"), header("last-modified"));
        let reader = Box::new(response.into_body().into_reader());
        Ok(Response::Body(Body { reader, first_byte, etag, last_modified }))
    }
}

/// Whether a `Content-Range` is what was asked for.
fn starts_at(range: Option<&str>, byte: u64) -> bool {
    range.is_some_and(|range| range.starts_with(&format!("bytes {byte}-")))
}

/// Reads a mirror that is a directory.
#[derive(Debug)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// A mirror in a directory.
    pub fn new(root: &Path) -> Directory {
        Directory { root: root.to_owned() }
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Fetch for Directory {
    fn fetch(&self, request: &Request<'_>) -> Result<Response, FetchError> {
        let relative = match request.address {
            Address::Published(url) => mirror_path(url)?,
            Address::Mirrored(path) => path.to_owned(),
        };
        if !Path::new(&relative).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(FetchError::Address(relative));
        }
        let path = self.root.join(relative);
        let failed = |cause| FetchError::File { path: path.clone(), cause };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Response::Absent),
            Err(cause) => return Err(failed(cause)),
        };
        let about = file.metadata().map_err(failed)?;
        // A file's tag is its size and time: what `update` compares to tell what changed.
        let time = about.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let etag = time.map(|time| format!("\"{}-{}\"", about.len(), time.as_nanos()));
        if etag.is_some() && request.etag == etag.as_deref() {
            return Ok(Response::NotModified);
        }
        let first_byte =
            if etag.as_deref() == request.partial_etag { request.from_byte.min(about.len()) } else { 0 };
        file.seek(SeekFrom::Start(first_byte)).map_err(failed)?;
        Ok(Response::Body(Body { reader: Box::new(file), first_byte, etag, last_modified: None }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_leaves_the_mirror() {
        let check = |url: &str, expected: Option<&str>| {
            assert_eq!(mirror_path(url).ok().as_deref(), expected, "{url}")
        };
        check("https://example.org/a/b.zip", Some("example.org/a/b.zip"));
        check("https://example.org/Rocky%20Linux/all.zip", Some("example.org/Rocky%20Linux/all.zip"));
        check("https://example.org/../etc/passwd", None);
        check("https://example.org//etc/passwd", None);
        check("file:///etc/passwd", None);
        check("https://example.org/a?b=../..", Some("example.org/a"));
    }

    #[test]
    fn offline_is_an_error_before_any_call() {
        assert!(matches!(Network::new(NetworkUse::Forbidden, None, "test"), Err(FetchError::Offline)));
    }
}
