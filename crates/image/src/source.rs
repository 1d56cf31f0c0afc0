//! Where images and file trees come from, one module for each kind of place.

pub mod archive;
mod beneath;
pub mod choice;
pub mod container;
pub mod directory;
mod docker_archive;
pub mod engine;
mod in_place;
pub mod layout;
pub mod layout_archive;
pub mod local;
mod member;
mod members;
mod overlay;
pub mod registry;
mod resolve;
mod spool;
