//! The sockets that engines of this machine listen on: the system's, and those of users who run rootless engines.

use rustix::fs::FileType;
use seawall_engine::{Endpoint, EngineKind};

use crate::limits::NAMES_MAX;
use crate::root::Root;

/// Sockets of the system, and below `/run/user/UID`.
const OF_SYSTEM: [(EngineKind, &str); 4] = [
    (EngineKind::Docker, "/run/docker.sock"),
    (EngineKind::Podman, "/run/podman/podman.sock"),
    (EngineKind::Containerd, "/run/containerd/containerd.sock"),
    (EngineKind::Containerd, "/run/k3s/containerd/containerd.sock"),
];
const OF_USERS: [(EngineKind, &str); 2] =
    [(EngineKind::Docker, "docker.sock"), (EngineKind::Podman, "podman/podman.sock")];

/// The sockets that are there. The root must be this machine's: a socket of another is a file.
pub fn endpoints(root: &Root) -> Vec<Endpoint> {
    let is_socket = |path: &str| root.metadata(path).is_ok_and(|it| it.kind == FileType::Socket);
    let mut endpoints: Vec<Endpoint> = OF_SYSTEM
        .iter()
        .filter(|(_, path)| is_socket(path))
        .map(|(kind, path)| Endpoint::unix(*kind, *path))
        .collect();
    for user in root.names("/run/user").unwrap_or_default().iter().take(NAMES_MAX) {
        for (kind, name) in OF_USERS {
            let path = format!("/run/user/{user}/{name}");
            if is_socket(&path) {
                endpoints.push(Endpoint::unix(kind, path));
            }
        }
    }
    endpoints
}
