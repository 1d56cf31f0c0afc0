//! Responses on real processes, cgroups, network namespaces and containers.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it skips"
)]

mod containers;
mod death;
mod disk;
mod network;
mod place;
mod processes;
