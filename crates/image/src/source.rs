//! Where images and file trees come from, one module for each kind of place.

pub mod registry;
mod resolve;
