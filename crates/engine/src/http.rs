//! HTTP over a Unix socket or TCP: bounded answers, timeouts, the engine's words in errors.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport, time,
};

use crate::limits::{
    ANSWER_BYTES_MAX, CONNECT_TIMEOUT, ERROR_BYTES_MAX, EXPORT_START_TIMEOUT, PEM_BYTES_MAX, READ_TIMEOUT,
};
use crate::{Address, Failure, TlsFiles};

/// A client of one address.
pub(crate) struct Http {
    agent: ureq::Agent,
    base: String,
    /// For a whole call.
    timeout: Duration,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("base", &self.base).finish()
    }
}

impl Http {
    pub(crate) fn new(address: &Address, timeout: Duration) -> Result<Http, Failure> {
        let config = ureq::Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent("seawall")
            .timeout_connect(Some(CONNECT_TIMEOUT.min(timeout)))
            .timeout_per_read(Some(READ_TIMEOUT))
            .timeout_per_write(Some(READ_TIMEOUT));
        match address {
            Address::Unix(path) => {
                let connector = UnixConnector { path: path.clone() };
                let agent = ureq::Agent::with_parts(config.build(), connector, NoResolver);
                Ok(Http { agent, base: "http://localhost".to_owned(), timeout })
            }
            Address::Tcp { authority, tls: None } => {
                let base = format!("http://{authority}");
                Ok(Http { agent: config.build().new_agent(), base, timeout })
            }
            Address::Tcp { authority, tls: Some(files) } => {
                let agent = config.tls_config(tls_config(files)?).build().new_agent();
                Ok(Http { agent, base: format!("https://{authority}"), timeout })
            }
        }
    }

    /// The same connections, on which no call takes longer than this.
    pub(crate) fn within(&self, timeout: Duration) -> Http {
        Http { agent: self.agent.clone(), base: self.base.clone(), timeout }
    }

    /// The whole answer to a call, at most [`ANSWER_BYTES_MAX`].
    pub(crate) fn call(&self, path_and_query: &str) -> Result<Vec<u8>, Failure> {
        let request = self.agent.get(format!("{}{path_and_query}", self.base));
        let request = request.config().timeout_global(Some(self.timeout)).build();
        let response = accepted(request.call().map_err(failure)?)?;
        let body = response.into_body().into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        body.map_err(failure)
    }

    /// Asks for a change; what the engine answers beside its status is not read.
    pub(crate) fn post(&self, path_and_query: &str) -> Result<(), Failure> {
        let request = self.agent.post(format!("{}{path_and_query}", self.base));
        let request = request.config().timeout_global(Some(self.timeout)).build();
        accepted(request.send_empty().map_err(failure)?).map(drop)
    }

    /// A stream of any length.
    pub(crate) fn stream(&self, path_and_query: &str) -> Result<Box<dyn Read + Send>, Failure> {
        let request = self.agent.get(format!("{}{path_and_query}", self.base));
        let request = request
            .config()
            .timeout_recv_response(Some(EXPORT_START_TIMEOUT))
            .timeout_per_read(Some(EXPORT_START_TIMEOUT))
            .build();
        let response = accepted(request.call().map_err(failure)?)?;
        Ok(Box::new(response.into_body().into_with_config().limit(u64::MAX).reader()))
    }
}

fn accepted(
    mut response: ureq::http::Response<ureq::Body>,
) -> Result<ureq::http::Response<ureq::Body>, Failure> {
    let status = response.status().as_u16();
    if response.status().is_success() {
        return Ok(response);
    }
    let mut words = Vec::new();
    // A broken error message must not hide the status.
    let _ = response.body_mut().as_reader().take(ERROR_BYTES_MAX).read_to_end(&mut words);
    let message = message(&words);
    match status {
        404 => Err(Failure::NotFound(message)),
        _ => Err(Failure::Refused { status, message }),
    }
}

/// Docker writes `{"message": …}`, podman adds `cause`; anything else is shown as it is, without control characters.
fn message(words: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Answer {
        message: String,
    }
    let text = match serde_json::from_slice::<Answer>(words) {
        Ok(answer) => answer.message,
        Err(_) => String::from_utf8_lossy(words).into_owned(),
    };
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect()
}

#[expect(clippy::wildcard_enum_match_arm, reason = "ureq's errors are open")]
fn failure(error: ureq::Error) -> Failure {
    match error {
        ureq::Error::Io(error) => Failure::connecting(error),
        ureq::Error::Timeout(_) => Failure::Timeout,
        ureq::Error::BodyExceedsLimit(bytes_max) => Failure::TooLarge { bytes_max },
        other => Failure::Connection(Box::new(other)),
    }
}

fn tls_config(files: &TlsFiles) -> Result<TlsConfig, Failure> {
    let mut config = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
    if let Some(path) = &files.ca {
        let certificates = certificates(path)?;
        config = config.root_certs(RootCerts::new_with_certs(&certificates));
    }
    if let Some((certificate, key)) = &files.client {
        let chain = certificates(certificate)?;
        let key = PrivateKey::from_pem(&pem(key)?).map_err(|source| tls_file(key, source))?;
        config = config.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
    }
    Ok(config.build())
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, Failure> {
    let pem = pem(path)?;
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|source| tls_file(path, source))? {
            certificates.push(certificate);
        }
    }
    match certificates.is_empty() {
        true => Err(tls_file(path, io::Error::new(io::ErrorKind::InvalidData, "it holds no certificate"))),
        false => Ok(certificates),
    }
}

fn pem(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|source| tls_file(path, source))?;
    file.take(PEM_BYTES_MAX).read_to_end(&mut bytes).map_err(|source| tls_file(path, source))?;
    Ok(bytes)
}

fn tls_file(path: &Path, source: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::TlsFile { path: path.display().to_string(), source: Box::new(source) }
}

/// Opens a Unix socket, giving up after `timeout`: Linux lets `connect` wait for room in the listener's backlog as
/// long as the socket's send timeout says, and without one forever.
pub(crate) fn connect_unix(path: &Path, timeout: Duration) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(path)?;
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(timeout))?;
    rustix::net::connect(&socket, &address)?;
    Ok(UnixStream::from(socket))
}

#[derive(Debug)]
struct UnixConnector {
    path: PathBuf,
}

impl<In: Transport> Connector<In> for UnixConnector {
    type Out = UnixTransport;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        _: Option<In>,
    ) -> Result<Option<UnixTransport>, ureq::Error> {
        let stream = connect_unix(&self.path, CONNECT_TIMEOUT)?;
        let buffers =
            LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(UnixTransport { stream, buffers }))
    }
}

#[derive(Debug)]
struct UnixTransport {
    stream: UnixStream,
    buffers: LazyBuffers,
}

fn limit(timeout: &NextTimeout) -> Option<Duration> {
    match timeout.not_zero()? {
        time::Duration::Exact(duration) => Some(duration),
        time::Duration::NotHappening => None,
    }
}

fn timed(error: io::Error, timeout: &NextTimeout) -> ureq::Error {
    match matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
        true => ureq::Error::Timeout(timeout.reason),
        false => ureq::Error::Io(error),
    }
}

impl Transport for UnixTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let timeout = timeout.for_write();
        self.stream.set_write_timeout(limit(&timeout))?;
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        (&self.stream).write_all(output).map_err(|error| timed(error, &timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let timeout = timeout.for_read();
        self.stream.set_read_timeout(limit(&timeout))?;
        let amount = loop {
            match (&self.stream).read(self.buffers.input_append_buf()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other.map_err(|error| timed(error, &timeout))?,
            }
        };
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    /// An idle connection is reused only while the engine sent nothing and did not hang up.
    fn is_open(&mut self) -> bool {
        let idle = |stream: &UnixStream| -> io::Result<bool> {
            stream.set_nonblocking(true)?;
            let mut byte = [0];
            let silent =
                matches!((&*stream).read(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            stream.set_nonblocking(false)?;
            Ok(silent)
        };
        idle(&self.stream).unwrap_or(false)
    }
}

/// A socket has a path, not a name.
#[derive(Debug)]
struct NoResolver;

impl Resolver for NoResolver {
    fn resolve(
        &self,
        _: &ureq::http::Uri,
        _: &ureq::config::Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        // ureq wants one address; the connector does not look at it.
        addresses.push(([127, 0, 0, 1], 0).into());
        Ok(addresses)
    }
}
