//! One request: proxy, TLS, redirects, repetitions. Knows neither logins nor images.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, Response};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::{Agent, Body, Proxy};

use super::error::Failure;
use super::limits::{
    CA_BYTES_MAX, CONNECT_TIMEOUT, ERROR_BYTES_MAX, FIRST_PAUSE, PAUSE_MAX, READ_TIMEOUT, REDIRECTS_MAX,
    RESPONSE_TIMEOUT, TRIES_MAX,
};
use super::pace::{Pace, Paced};
use super::url::{Scheme, Url, is_loopback};
use crate::credentials::Secret;

/// Where distributions keep the public certificate authorities, for runs that add one of their own.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Proxies, as `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` give them.
#[derive(Clone, Default)]
pub struct ProxySettings {
    /// For plain HTTP: `http://user:password@host:port`.
    pub http: Option<Secret>,
    /// For HTTPS.
    pub https: Option<Secret>,
    /// Hosts to reach directly, separated by commas.
    pub no_proxy: String,
}

/// How to pause between repetitions; tests count instead.
pub type Pause = Arc<dyn Fn(Duration) + Send + Sync>;

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A file of certificate authorities.
    #[error("cannot use the certificate authorities in {path}: {reason}")]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A proxy's address, which may hold a password and is not shown.
    #[error("the {scheme} proxy is not an address of the form http://host:port")]
    Proxy {
        /// `http` or `https`.
        scheme: &'static str,
    },
    /// A mirror's address.
    #[error("the mirror `{0}` is not an address of the form https://host[:port][/path]")]
    Mirror(String),
}

/// Whether the other side must prove who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    Verified,
    /// Loopback, or listed as insecure by the user.
    Insecure,
}

/// What to send.
pub(super) struct Request<'a> {
    pub(super) url: Url,
    pub(super) trust: Trust,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) authorization: Option<&'a Secret>,
    pub(super) method: Method<'a>,
}

/// What is asked, and what goes with it.
#[derive(Clone)]
pub(super) enum Method<'a> {
    Get,
    /// Whether it is there.
    Head,
    /// A form to post, which may hold a secret.
    Form(Secret),
    /// A POST of nothing, which begins an upload.
    Post,
    /// A part of an upload.
    Patch(&'a [u8]),
    Put(&'a [u8]),
}

/// A whole answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

pub(super) struct Transport {
    verified: Agent,
    unverified: Agent,
    plain: Agent,
    pause: Pause,
    pub(super) pace: Pace,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

impl Transport {
    pub(super) fn new(
        ca_files: &[PathBuf],
        proxies: &ProxySettings,
        pause: Pause,
        pace: Pace,
    ) -> Result<Transport, SetupError> {
        let https = proxy("https", proxies.https.as_ref(), &proxies.no_proxy)?;
        let http = proxy("http", proxies.http.as_ref(), &proxies.no_proxy)?;
        let tls = TlsConfig::builder().root_certs(roots(ca_files)?).build();
        let no_tls =
            TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).disable_verification(true).build();
        let plain_tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        Ok(Transport {
            verified: agent(https.clone(), tls),
            unverified: agent(https, no_tls),
            plain: agent(http, plain_tls),
            pause,
            pace,
        })
    }

    fn agent(&self, url: &Url, trust: Trust) -> &Agent {
        match (url.scheme, trust) {
            (Scheme::Http, _) => &self.plain,
            (Scheme::Https, Trust::Verified) => &self.verified,
            (Scheme::Https, Trust::Insecure) => &self.unverified,
        }
    }

    /// Sends once, following redirects.
    fn send_once(&self, request: &Request<'_>, kind: Kind) -> Result<Response<Body>, Failure> {
        let mut url = request.url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let response = self.exchange(request, &url, kind)?;
            if !response.status().is_redirection() || response.status() == 304 {
                return Ok(response);
            }
            url = next(request, &url, &response)?;
        }
        Err(Failure::Redirect(format!("more than {REDIRECTS_MAX} places one after another")))
    }

    fn exchange(&self, request: &Request<'_>, url: &Url, kind: Kind) -> Result<Response<Body>, Failure> {
        // A proxy cannot reach what is on this machine, and a content network is nobody's insecure registry.
        let trust = if url.authority == request.url.authority { request.trust } else { Trust::Verified };
        let agent = self.agent(url, trust);
        let direct = is_loopback(&url.authority);
        let is_first_origin = url.is_same_origin(&request.url);
        macro_rules! prepared {
            ($builder:expr) => {{
                let mut builder = $builder;
                for (name, value) in &request.headers {
                    builder = builder.header(*name, value);
                }
                if let Some(authorization) = request.authorization.filter(|_| is_first_origin) {
                    builder = builder.header("authorization", authorization.expose());
                }
                let mut config = builder.config();
                if direct {
                    config = config.proxy(None);
                }
                match kind {
                    Kind::Document { until } => {
                        let left = until.saturating_duration_since(Instant::now());
                        config.timeout_global(Some(left)).build()
                    }
                    Kind::Stream => config.build(),
                }
            }};
        }
        let sent = match &request.method {
            Method::Get => prepared!(agent.get(url.to_string())).call(),
            Method::Head => prepared!(agent.head(url.to_string())).call(),
            Method::Patch(bytes) => prepared!(agent.patch(url.to_string())).send(*bytes),
            Method::Form(form) => prepared!(agent.post(url.to_string()))
                .header("content-type", "application/x-www-form-urlencoded")
                .send(form.expose()),
            Method::Post => prepared!(agent.post(url.to_string())).send_empty(),
            Method::Put(bytes) => prepared!(agent.put(url.to_string())).send(*bytes),
        };
        sent.map_err(Failure::from_ureq)
    }

    /// Sends, and sends again after a pause while the failure is one that passes. Any other status is an answer.
    pub(super) fn stream(&self, request: &Request<'_>) -> Result<Response<Body>, Failure> {
        self.repeat(|| {
            let mut response = self.send_once(request, Kind::Stream)?;
            match wait_wanted(response.status().as_u16(), response.headers()) {
                None => Ok(Tried::Done(response)),
                Some(wait) => {
                    let message = self.refusal(&mut response);
                    Ok(Tried::Again { status: response.status().as_u16(), wait, message })
                }
            }
        })
    }

    /// What a registry says where it does not give what was asked for.
    pub(super) fn refusal(&self, response: &mut Response<Body>) -> String {
        let mut words = Vec::new();
        let body = response.body_mut().as_reader().take(ERROR_BYTES_MAX);
        // A broken error message must not hide the status.
        let _ = Paced::new(body, self.pace.for_document()).read_to_end(&mut words);
        message(&words)
    }

    /// Like [`Transport::stream`], with the whole body, at most `bytes_max`.
    pub(super) fn document(&self, request: &Request<'_>, bytes_max: u64) -> Result<Answer, Failure> {
        let until = self.patience();
        self.repeat(|| {
            let response = self.send_once(request, until)?;
            let status = response.status().as_u16();
            let headers = response.headers().clone();
            let reader = response.into_body().into_with_config().limit(bytes_max).reader();
            let mut body = Vec::new();
            Paced::new(reader, self.pace.for_document()).read_to_end(&mut body).map_err(Failure::of_body)?;
            match wait_wanted(status, &headers) {
                None => Ok(Tried::Done(Answer { status, headers, body })),
                Some(wait) => Ok(Tried::Again { status, wait, message: message(&body) }),
            }
        })
    }

    /// One try without repetition, to see whether anybody speaks this scheme there.
    pub(super) fn probe(&self, request: &Request<'_>) -> Result<u16, Failure> {
        self.exchange(request, &request.url, self.patience()).map(|response| response.status().as_u16())
    }

    fn patience(&self) -> Kind {
        let now = Instant::now();
        Kind::Document { until: now.checked_add(self.pace.document_max).unwrap_or(now) }
    }

    /// Pauses as a repetition does.
    pub(super) fn pause(&self, tries: u32) {
        (self.pause)(FIRST_PAUSE.saturating_mul(1 << tries.min(6)));
    }

    fn repeat<T>(&self, mut attempt: impl FnMut() -> Result<Tried<T>, Failure>) -> Result<T, Failure> {
        let mut tries = 0;
        loop {
            let outcome = attempt();
            tries += 1;
            let is_last = tries >= TRIES_MAX;
            match outcome {
                Ok(Tried::Done(done)) => return Ok(done),
                Ok(Tried::Again { status, wait, message }) => {
                    let is_too_long = wait.is_some_and(|wait| wait > PAUSE_MAX);
                    if is_last || is_too_long {
                        return Err(given_up(status, wait, message));
                    }
                    match wait {
                        Some(wait) => (self.pause)(wait),
                        None => self.pause(tries - 1),
                    }
                }
                Err(failure) if failure.is_passing() && !is_last => self.pause(tries - 1),
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// Whether an answer is read at once or as long as it lasts.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Document { until: Instant },
    Stream,
}

enum Tried<T> {
    Done(T),
    Again { status: u16, wait: Option<Duration>, message: String },
}

fn given_up(status: u16, wait: Option<Duration>, message: String) -> Failure {
    match status {
        429 => Failure::RateLimited { wait, message },
        _ => Failure::Status { status, message },
    }
}

/// For an answer that asks to come again: `Some` with its `Retry-After` in seconds, if it has one.
fn wait_wanted(status: u16, headers: &HeaderMap) -> Option<Option<Duration>> {
    if !matches!(status, 429 | 500 | 502 | 503 | 504) {
        return None;
    }
    let seconds = headers
        .get("retry-after")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok());
    Some(seconds.map(Duration::from_secs))
}

/// Where a redirect leads; never from HTTPS down to plain text, and never with what is sent: a
/// form may hold a secret.
fn next(request: &Request<'_>, url: &Url, response: &Response<Body>) -> Result<Url, Failure> {
    let location =
        response.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let refused = || {
        let shown: String = location.split('?').next().unwrap_or_default().chars().take(200).collect();
        Failure::Redirect(if shown.is_empty() { "nowhere".to_owned() } else { shown })
    };
    let next = url.join(location).ok_or_else(refused)?;
    let is_downgrade = url.scheme == Scheme::Https && next.scheme == Scheme::Http;
    if is_downgrade || !matches!(request.method, Method::Get | Method::Head) {
        return Err(refused());
    }
    Ok(next)
}

/// The distribution-spec's `{"errors":[{"code","message"}]}`, or the beginning of whatever came.
pub(super) fn message(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Answer {
        errors: Vec<Item>,
    }
    #[derive(serde::Deserialize)]
    struct Item {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let text = match serde_json::from_slice::<Answer>(body) {
        Ok(answer) => {
            let items = answer.errors.into_iter().take(3).map(|item| match item.message.is_empty() {
                true => item.code,
                false => item.message,
            });
            items.collect::<Vec<_>>().join("; ")
        }
        // A web page says nothing in one line.
        Err(_) if body.trim_ascii_start().starts_with(b"<") => String::new(),
        Err(_) => String::from_utf8_lossy(body.get(..500).unwrap_or(body)).into_owned(),
    };
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

fn agent(proxy: Option<Proxy>, tls: TlsConfig) -> Agent {
    Agent::config_builder()
        .proxy(proxy)
        .tls_config(tls)
        .max_redirects(0)
        .http_status_as_error(false)
        .user_agent(concat!("seawall/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(CONNECT_TIMEOUT))
        .timeout_connect(Some(CONNECT_TIMEOUT))
        .timeout_recv_response(Some(RESPONSE_TIMEOUT))
        .timeout_per_read(Some(READ_TIMEOUT))
        .timeout_per_write(Some(READ_TIMEOUT))
        .build()
        .new_agent()
}

fn proxy(
    scheme: &'static str,
    address: Option<&Secret>,
    no_proxy: &str,
) -> Result<Option<Proxy>, SetupError> {
    let Some(address) = address.filter(|address| !address.expose().is_empty()) else {
        return Ok(None);
    };
    let bad = |_| SetupError::Proxy { scheme };
    let parsed = Proxy::new(address.expose()).map_err(bad)?;
    let mut builder = Proxy::builder(parsed.protocol()).host(parsed.host()).port(parsed.port());
    if let Some(username) = parsed.username() {
        builder = builder.username(username);
    }
    if let Some(password) = parsed.password() {
        builder = builder.password(password);
    }
    for host in no_proxy.split(',').map(str::trim).filter(|host| !host.is_empty()) {
        builder = builder.no_proxy(host);
    }
    builder.build().map(Some).map_err(bad)
}

/// The system's own verifier, or, where authorities are added, these and the system's bundle.
fn roots(ca_files: &[PathBuf]) -> Result<RootCerts, SetupError> {
    if ca_files.is_empty() {
        return Ok(RootCerts::PlatformVerifier);
    }
    let mut roots = Vec::new();
    for path in ca_files {
        roots.extend(certificates(path)?);
    }
    if let Some(bundle) = SYSTEM_BUNDLES.iter().map(Path::new).find(|path| path.is_file()) {
        // One that cannot be read leaves what the user gave.
        roots.extend(certificates(bundle).unwrap_or_default());
    }
    Ok(RootCerts::new_with_certs(&roots))
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, SetupError> {
    let bad = |reason: String| SetupError::CaFile { path: path.to_owned(), reason };
    let mut pem = Vec::new();
    let file = File::open(path).map_err(|error| bad(error.to_string()))?;
    file.take(CA_BYTES_MAX).read_to_end(&mut pem).map_err(|error| bad(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| bad(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    match certificates.is_empty() {
        true => Err(bad("it holds no certificate".to_owned())),
        false => Ok(certificates),
    }
}
