//! What every engine can be asked for, in one form.

use std::path::PathBuf;

use seawall_inventory::{Container, Digest};

use crate::{Containerd, Docker, Endpoint, EngineError, EngineKind};

/// A connected engine.
#[derive(Debug)]
pub enum Engine {
    /// Docker or podman.
    Docker(Docker),
    /// containerd.
    Containerd(Containerd),
}

/// An engine's name and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineVersion {
    /// What really answers: podman may listen at Docker's socket.
    pub kind: EngineKind,
    /// `20.10.24`.
    pub version: String,
}

/// An image as an engine lists it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineImage {
    /// Docker and podman: the digest of its configuration. containerd: of its manifest or index.
    pub id: Option<Digest>,
    /// References it is known by, as the engine writes them.
    pub tags: Vec<String>,
    /// References with the manifest's digest.
    pub repo_digests: Vec<String>,
    /// Bytes on disk, where the engine tells.
    pub size_bytes: u64,
    /// containerd: its namespace.
    pub namespace: Option<String>,
}

/// A container and where its files are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerDetails {
    /// Who it is.
    pub container: Container,
    /// Its file system, where the engine keeps it in overlay directories.
    pub overlay: Option<Overlay>,
    /// containerd: its namespace.
    pub namespace: Option<String>,
}

/// The directories of an overlay mount on the engine's host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overlay {
    /// Read-only directories, lowest first.
    pub lower: Vec<PathBuf>,
    /// The directory that takes the changes: a container's own layer, or an image's highest.
    pub upper: PathBuf,
    /// Where the whole is mounted, while it runs.
    pub merged: Option<PathBuf>,
}

impl Engine {
    /// Connects and asks for the version, so that an engine that does not work is known at once.
    ///
    /// # Errors
    /// The engine is absent, stopped, forbidden or not what its endpoint says.
    pub fn connect(endpoint: &Endpoint) -> Result<Engine, EngineError> {
        match endpoint.kind {
            EngineKind::Docker | EngineKind::Podman => Docker::connect(endpoint).map(Engine::Docker),
            EngineKind::Containerd => Containerd::connect(endpoint).map(Engine::Containerd),
        }
    }

    /// Name and version, as told when connecting.
    pub fn version(&self) -> &EngineVersion {
        match self {
            Engine::Docker(docker) => docker.version(),
            Engine::Containerd(containerd) => containerd.version(),
        }
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &Endpoint {
        match self {
            Engine::Docker(docker) => docker.endpoint(),
            Engine::Containerd(containerd) => containerd.endpoint(),
        }
    }

    /// All images, in containerd those of all namespaces.
    ///
    /// # Errors
    /// The engine does not answer as it should.
    pub fn images(&self) -> Result<Vec<EngineImage>, EngineError> {
        match self {
            Engine::Docker(docker) => docker.images(),
            Engine::Containerd(containerd) => containerd.images(),
        }
    }

    /// All containers, stopped ones too; in containerd those of all namespaces.
    ///
    /// # Errors
    /// The engine does not answer as it should.
    pub fn containers(&self) -> Result<Vec<Container>, EngineError> {
        match self {
            Engine::Docker(docker) => docker.containers(),
            Engine::Containerd(containerd) => containerd.containers(),
        }
    }

    /// One container by name, id or the beginning of an id.
    ///
    /// # Errors
    /// There is none, more than one, or the engine does not answer as it should.
    pub fn container(&self, name: &str) -> Result<ContainerDetails, EngineError> {
        match self {
            Engine::Docker(docker) => docker.container(name),
            Engine::Containerd(containerd) => containerd.container(name),
        }
    }
}
