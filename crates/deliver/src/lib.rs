//! Brings judged findings to where people and programs wait for them: files, sockets, syslog, HTTP.
//!
//! Owns the line formats of findings, the outputs, their bounded queues in memory and on disk, folding of repeats,
//! and the server of metrics and health. Refuses decisions: what is denied, waived or answered is decided before.
//! Nothing that is lost here is lost in silence: each output counts what it dropped, and [`Deliveries::gaps`] tells.

mod config;
mod deliveries;
mod delivery;
mod filter;
mod fold;
mod format;
mod intake;
mod limits;
pub mod metrics;
mod output;
mod redact;
mod secret;
mod server;
mod source;
mod spool;
mod status;
mod template;
mod text;
mod worker;

pub use config::{Config, ConfigError};
pub use deliveries::{Deliveries, StartError, Surroundings, Watch};
pub use delivery::{Delivery, Repeats};
pub use format::{Format, FormatError};
pub use limits::LINE_BYTES;
pub use secret::{Secret, SecretSource};
pub use server::{Health, Server, ServerError};
pub use status::OutputStatus;
