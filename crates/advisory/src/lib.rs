//! Feeds → advisories → the database; packages → matches.
//!
//! Owns version order, the advisory database and matching. Knows nothing of images or policy.

pub mod record;
mod version;

pub use version::Order;
