//! The sensor on this machine's kernel. Without root or BTF each test says that it looked at nothing.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

mod doctor;
mod files;
mod interest;
mod network;
mod processes;
mod watch;
