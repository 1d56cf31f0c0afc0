//! Where engines listen.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The engines Seawall speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EngineKind {
    /// Docker, or what speaks its interface.
    Docker,
    /// podman's service.
    Podman,
    /// containerd.
    Containerd,
}

impl EngineKind {
    /// `docker`, `podman`, `containerd`.
    pub const fn name(self) -> &'static str {
        match self {
            EngineKind::Docker => "docker",
            EngineKind::Podman => "podman",
            EngineKind::Containerd => "containerd",
        }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An engine's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// What listens there.
    pub kind: EngineKind,
    /// Where.
    pub address: Address,
}

/// A socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `unix:///var/run/docker.sock`.
    Unix(PathBuf),
    /// `tcp://host:2376`, with TLS where files are given.
    Tcp {
        /// `host:port`.
        authority: String,
        /// Certificates; none means plain text.
        tls: Option<TlsFiles>,
    },
}

/// PEM files of a remote engine, as in `DOCKER_CERT_PATH`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFiles {
    /// Certificate authorities (`ca.pem`); none means the system's.
    pub ca: Option<PathBuf>,
    /// The client's certificate (`cert.pem`) and key (`key.pem`).
    pub client: Option<(PathBuf, PathBuf)>,
}

/// Why a text is not an engine's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an engine's address: give unix:///path/to.sock or tcp://host:port")]
pub struct EndpointError(pub String);

impl Endpoint {
    /// An engine at a Unix socket.
    pub fn unix(kind: EngineKind, path: impl Into<PathBuf>) -> Endpoint {
        Endpoint { kind, address: Address::Unix(path.into()) }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Unix(path) => write!(f, "{} (unix://{})", self.kind, path.display()),
            Address::Tcp { authority, .. } => write!(f, "{} (tcp://{authority})", self.kind),
        }
    }
}

/// Reads `DOCKER_HOST`-like text; the engine is told from the socket's name.
impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Endpoint, EndpointError> {
        let error = || EndpointError(text.chars().take(200).collect());
        let path = match text.split_once("://") {
            Some(("unix", path)) => path,
            Some(("tcp", authority)) => {
                let authority = authority.trim_end_matches('/');
                let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-:[]".contains(&b);
                if authority.is_empty() || !authority.bytes().all(plain) || !authority.contains(':') {
                    return Err(error());
                }
                let address = Address::Tcp { authority: authority.to_owned(), tls: None };
                return Ok(Endpoint { kind: EngineKind::Docker, address });
            }
            Some(_) => return Err(error()),
            None => text,
        };
        if !path.starts_with('/') {
            return Err(error());
        }
        let kind = if path.contains("containerd") {
            EngineKind::Containerd
        } else if path.contains("podman") {
            EngineKind::Podman
        } else {
            EngineKind::Docker
        };
        Ok(Endpoint::unix(kind, path))
    }
}

/// The sockets that engines usually listen on for this user, in the order to try them: Docker, podman, containerd,
/// the user's own before the system's.
///
/// `runtime_dir` is `XDG_RUNTIME_DIR`, where it is set.
pub fn usual_endpoints(uid: u32, runtime_dir: Option<&Path>) -> Vec<Endpoint> {
    let own = runtime_dir.map_or_else(|| PathBuf::from(format!("/run/user/{uid}")), Path::to_path_buf);
    let mut endpoints = Vec::new();
    if uid != 0 {
        endpoints.push(Endpoint::unix(EngineKind::Docker, own.join("docker.sock")));
        endpoints.push(Endpoint::unix(EngineKind::Podman, own.join("podman/podman.sock")));
    }
    endpoints.push(Endpoint::unix(EngineKind::Docker, "/var/run/docker.sock"));
    endpoints.push(Endpoint::unix(EngineKind::Podman, "/run/podman/podman.sock"));
    endpoints.push(Endpoint::unix(EngineKind::Containerd, "/run/containerd/containerd.sock"));
    endpoints.push(Endpoint::unix(EngineKind::Containerd, "/run/k3s/containerd/containerd.sock"));
    endpoints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = text.parse::<Endpoint>().map_or("error".to_owned(), |endpoint| endpoint.to_string());
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn addresses_name_their_engine() {
        check("unix:///var/run/docker.sock", "docker (unix:///var/run/docker.sock)");
        check("/run/podman/podman.sock", "podman (unix:///run/podman/podman.sock)");
        check(
            "unix:///run/containerd/containerd.sock",
            "containerd (unix:///run/containerd/containerd.sock)",
        );
        check("tcp://10.0.0.1:2376", "docker (tcp://10.0.0.1:2376)");
        check("tcp://[::1]:2375/", "docker (tcp://[::1]:2375)");
        for text in
            ["", "docker.sock", "tcp://", "tcp://host", "tcp://a@b:1", "ssh://host", "npipe:////./pipe"]
        {
            check(text, "error");
        }
    }

    #[test]
    fn a_users_own_engine_comes_first() {
        let shown: Vec<String> =
            usual_endpoints(1000, None).iter().map(ToString::to_string).take(3).collect();
        assert_eq!(
            shown,
            [
                "docker (unix:///run/user/1000/docker.sock)",
                "podman (unix:///run/user/1000/podman/podman.sock)",
                "docker (unix:///var/run/docker.sock)"
            ]
        );
        assert_eq!(usual_endpoints(0, None).len(), 4);
    }
}
