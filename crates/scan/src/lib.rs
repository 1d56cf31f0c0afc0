//! The static pipeline: layers or files → facts → one inventory → findings.
//!
//! [`examine`] reads a target once and says what is in it, [`assess`] says what is wrong with that. Each layer is
//! walked at most once, ever: its facts are cached by its digest. This crate opens no target and judges by no
//! policy.

mod aliases;
mod aside;
mod assess;
mod base;
mod cache;
mod coalesce;
pub mod examine;
mod facts;
mod leaks;
mod limits;
mod programs;

pub use assess::{AssessOptions, Assessed, assess};
pub use base::given as base_of;
pub use cache::LayerCache;
pub use examine::{Examine, Examined, Progress};
pub use leaks::LeakSearch;
