//! What builds and deploys containers → findings with `Evidence::Misset`: Dockerfiles, image configurations,
//! Kubernetes manifests, Compose files, Quadlet and systemd units, `docker run` lines.
//!
//! Refuses I/O: text comes in with its name.

pub mod cluster;
mod command;
mod compose;
mod dialect;
mod document;
pub mod fix;
mod kubernetes;
mod limits;
pub mod manifest;
pub mod pss;
mod suppress;
mod unit;
mod words;
pub mod workload;
