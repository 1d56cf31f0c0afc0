//! What exists: images, layers, files, packages, distributions, containers, workloads.
//!
//! Plain values and the file-tree visitor traits, shared by every other crate.
//! This crate does no I/O, knows nothing about vulnerabilities and makes no
//! judgement; the serialised form of these types is part of Seawall's JSON
//! vocabulary (`schema/finding.v1.json`), so changes are additive.

mod container;
mod digest;
mod distro;
mod ecosystem;
mod entry;
mod image;
mod image_name;
mod inventory;
mod package;
mod path_list;
mod place;
mod program;
mod purl;
pub mod sbom_property;
pub mod workload;

pub use container::Container;
pub use digest::{Algorithm, Digest, DigestError};
pub use distro::{Distro, EndOfLife};
pub use ecosystem::Ecosystem;
pub use entry::{Content, Entry, EntryKind, InMemory, Interest, ReadSeek, Visitor};
pub use image::{History, Image, ImageConfig, Layer, Platform, PlatformError};
pub use image_name::{ImageName, ImageNameError};
pub use inventory::{Base, Inventory, Target, TargetKind};
pub use package::{OwnedFiles, Package, Presence, SourcePackage};
pub use path_list::PathList;
pub use place::{Place, PlaceLayer};
pub use program::{Program, Programs};
pub use purl::{Purl, PurlError};
pub use workload::Workload;
