//! Feeds → advisories → the database; packages → matches.
//!
//! The stages are the modules: [`feed`] reads a source's bytes into [`record`]s, [`database`] stores and
//! finds them, [`version`](Order) orders versions, [`matching`] turns packages into findings, [`rules`] says
//! what the findings mean. This crate knows nothing of images or policy, and nothing in it is asynchronous.

pub mod database;
pub mod feed;
mod limits;
pub mod matching;
pub mod record;
pub mod rules;
pub mod update;
mod version;

pub use database::{Builder, Database, OpenError, SourceInfo};
pub use matching::{
    Detail, Development, MatchOptions, Matched, end_of_life, end_of_life_runtimes, match_inventory,
};
pub use rules::RULES;
pub use version::Order;
