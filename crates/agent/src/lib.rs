//! The guard of one host: sensor → events → rules → policy → responses and outputs.
//!
//! Owns what turns the kernel's events into events of workloads: processes with their lineage, cgroups with their
//! containers, users; and the loop that asks the rules. Refuses printing, arguments and the environment.

pub mod containers;
mod users;

pub use users::Users;
