//! Where images and file trees come from, one module for each kind of place.

pub mod container;
pub mod engine;
mod export;
mod in_place;
mod member;
mod overlay;
pub mod registry;
mod resolve;
mod spool;
