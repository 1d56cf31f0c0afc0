//! The sensor on this machine's kernel. Without root or BTF each test says that it looked at nothing.
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a failed test panics, and looks for one kind of event among many"
)]

mod denial;
mod dns;
mod doctor;
mod files;
mod interest;
mod kernels;
mod network;
mod processes;
mod watch;
