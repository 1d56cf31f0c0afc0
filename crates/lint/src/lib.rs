//! What builds and deploys containers → findings with `Evidence::Misset`: Dockerfiles, image configurations,
//! Kubernetes manifests, Compose files, Quadlet and systemd units, `docker run` lines.
//!
//! Refuses I/O: text comes in with its name.

pub mod dockerfile;
mod shell;
