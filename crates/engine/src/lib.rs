//! Container engines over their sockets: Docker and podman (HTTP), containerd (gRPC).
//!
//! Lists and describes images and containers, streams exports and blobs, and says where an engine keeps a
//! container's files. Callers see a synchronous interface; what is asynchronous stays inside. Reads no environment
//! variable and knows nothing about manifests, layers or findings. Only [`control`] changes anything in an engine.

mod announcement;
pub mod containerd;
pub mod control;
pub mod docker;
mod endpoint;
mod engine;
mod error;
mod http;
pub mod limits;

pub use announcement::{Announcement, Announcements};
pub use containerd::{Containerd, Sandbox};
pub use docker::{Docker, Question};
pub use endpoint::{Address, Endpoint, EndpointError, EngineKind, TlsFiles, usual_endpoints};
pub use engine::{ContainerDetails, Engine, EngineImage, EngineVersion, Overlay};
pub use error::{EngineError, Failure};
