//! TLS with a certificate whose files may be replaced while we run.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::http::Timed;
use crate::limits::{PEM_BYTES_MAX, TRANSFER};

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It holds something else.
    #[error("{path} holds no {what}: {reason}")]
    Content {
        /// Which.
        path: String,
        /// What should be in it.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// Certificate and key do not go together.
    #[error("the certificate cannot be used with the key")]
    Pair(#[source] rustls::Error),
}

/// What tells one version of a file from the next.
type Stamp = Vec<(u64, i64, i64, u64)>;

/// A connection over TLS.
pub(crate) type Tls = StreamOwned<ServerConnection, Timed<TcpStream>>;

struct Loaded {
    stamp: Stamp,
    config: Arc<ServerConfig>,
    /// A replacement that cannot be used, until it is told.
    problem: Option<String>,
}

/// What a server shows and asks for, by its files.
#[derive(Debug, Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    /// Who must have issued the certificate that a client shows; none where clients show none.
    clients: Option<PathBuf>,
}

/// The certificate and key of a server, by their files.
pub struct Certificates {
    files: Files,
    loaded: Mutex<Loaded>,
}

impl Certificates {
    /// Reads the files. With `clients`, only clients are let in whose certificate was issued by one of the authorities in
    /// this file (PEM).
    ///
    /// # Errors
    /// One cannot be read, or they do not go together.
    pub fn open(certificate: &Path, key: &Path, clients: Option<&Path>) -> Result<Certificates, TlsError> {
        let files = Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            clients: clients.map(Path::to_owned),
        };
        let loaded = Loaded { stamp: stamp(&files), config: Arc::new(config(&files)?), problem: None };
        Ok(Certificates { files, loaded: Mutex::new(loaded) })
    }

    fn locked(&self) -> MutexGuard<'_, Loaded> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present certificate. One that was replaced by something unusable goes on until it runs out.
    fn config(&self) -> Arc<ServerConfig> {
        let mut loaded = self.locked();
        let now = stamp(&self.files);
        if now != loaded.stamp {
            match config(&self.files) {
                Ok(config) => {
                    loaded.config = Arc::new(config);
                    loaded.problem = None;
                }
                Err(error) => {
                    let error = crate::evidence::told(&error);
                    loaded.problem = Some(format!("the new certificate is not used: {error}"));
                }
            }
            loaded.stamp = now;
        }
        Arc::clone(&loaded.config)
    }

    /// What is wrong with the last replacement, told once.
    pub(crate) fn problem(&self) -> Option<String> {
        self.locked().problem.take()
    }

    /// Shakes hands, within seconds.
    pub(crate) fn accept(&self, stream: TcpStream) -> io::Result<Tls> {
        self.accept_within(stream, TRANSFER)
    }

    fn accept_within(&self, stream: TcpStream, patience: Duration) -> io::Result<Tls> {
        stream.set_nodelay(true)?;
        let mut stream = Timed::new(stream, patience);
        let mut connection = ServerConnection::new(self.config()).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(StreamOwned::new(connection, stream))
    }
}

/// Kubernetes replaces a mounted secret by a link, so that the number changes if nothing else does.
fn stamp(files: &Files) -> Stamp {
    let one = |path: &Path| {
        fs::metadata(path)
            .map_or((0, 0, 0, 0), |about| (about.ino(), about.mtime(), about.mtime_nsec(), about.len()))
    };
    [&files.certificate, &files.key].into_iter().chain(&files.clients).map(|path| one(path)).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |source| TlsError::Read { path: path.display().to_string(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(PEM_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn config(files: &Files) -> Result<ServerConfig, TlsError> {
    let chain = certificates(&files.certificate)?;
    let private = PrivateKeyDer::from_pem_slice(&read(&files.key)?)
        .map_err(|error| content(&files.key, "private key", error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Pair)?;
    let builder = match &files.clients {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates(path)? {
                roots.add(authority).map_err(|error| content(path, "authority", error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            let verifier = verifier.map_err(|error| content(path, "authority", error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    builder.with_single_cert(chain, private).map_err(TlsError::Pair)
}

/// The certificates of a file; one at least.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<_, _>>()
        .map_err(|error| content(path, "certificate", error.to_string()))?;
    match chain.is_empty() {
        true => Err(content(path, "certificate", "it is empty".to_owned())),
        false => Ok(chain),
    }
}

fn content(path: &Path, what: &'static str, reason: String) -> TlsError {
    TlsError::Content { path: path.display().to_string(), what, reason }
}

#[cfg(test)]
mod tests;
