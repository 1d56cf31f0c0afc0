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
use rustls::{ServerConfig, ServerConnection, StreamOwned};

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
pub(super) type Tls = StreamOwned<ServerConnection, Timed<TcpStream>>;

struct Loaded {
    stamp: Stamp,
    config: Arc<ServerConfig>,
    /// A replacement that cannot be used, until it is told.
    problem: Option<String>,
}

/// The certificate and key of a server, by their files.
pub struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
    loaded: Mutex<Loaded>,
}

impl Certificates {
    /// Reads both files.
    ///
    /// # Errors
    /// One cannot be read, or they do not go together.
    pub fn open(certificate: &Path, key: &Path) -> Result<Certificates, TlsError> {
        let loaded = Loaded {
            stamp: stamp(certificate, key),
            config: Arc::new(config(certificate, key)?),
            problem: None,
        };
        Ok(Certificates {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            loaded: Mutex::new(loaded),
        })
    }

    fn locked(&self) -> MutexGuard<'_, Loaded> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The present certificate. One that was replaced by something unusable goes on until it runs out.
    fn config(&self) -> Arc<ServerConfig> {
        let mut loaded = self.locked();
        let now = stamp(&self.certificate, &self.key);
        if now != loaded.stamp {
            match config(&self.certificate, &self.key) {
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
    pub(super) fn problem(&self) -> Option<String> {
        self.locked().problem.take()
    }

    /// Shakes hands, within seconds.
    pub(super) fn accept(&self, stream: TcpStream) -> io::Result<Tls> {
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
fn stamp(certificate: &Path, key: &Path) -> Stamp {
    let one = |path: &Path| {
        fs::metadata(path)
            .map_or((0, 0, 0, 0), |about| (about.ino(), about.mtime(), about.mtime_nsec(), about.len()))
    };
    vec![one(certificate), one(key)]
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |source| TlsError::Read { path: path.display().to_string(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(PEM_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn config(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let content = |path: &Path, what: &'static str, reason: String| TlsError::Content {
        path: path.display().to_string(),
        what,
        reason,
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|error| content(certificate, "certificate", error.to_string()))?;
    if chain.is_empty() {
        return Err(content(certificate, "certificate", "it is empty".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|error| content(key, "private key", error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Pair)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(TlsError::Pair)
}

#[cfg(test)]
mod tests;
