//! The guard of one host: sensor → events → rules → policy → responses and outputs.
//!
//! Owns what turns the kernel's events into events of workloads: processes with their lineage, cgroups with their
//! containers, users, what is asked of the DNS, what scans know of images, what the kernel denies; and the loop that asks
//! the rules. Refuses printing, arguments and the environment.

mod activity;
mod audit_log;
mod audit_queue;
pub mod containers;
mod denying;
pub mod dns;
mod guard;
mod images;
mod interest;
mod limits;
mod processes;
mod record;
mod regular;
mod replay;
mod rules;
mod status;
#[cfg(test)]
mod testing;
mod translate;
mod users;
mod waiting;
mod watch;

pub use activity::{Active, Activities, Tally};
pub use audit_log::{AuditOptions, audit_log, audit_webhook};
pub use audit_queue::{AuditQueue, TurnedAway};
pub use denying::DenyError;
pub use guard::{Guard, GuardError, Judgement, NameSource, Notice, Options};
pub use images::{PackageRisk, Scans, ScansError};
pub use record::ReplayError;
pub use replay::{lines_of_recording, replay};
pub use rules::{RuleFile, RulesError};
pub use status::{Counts, Status};
pub use users::Users;
