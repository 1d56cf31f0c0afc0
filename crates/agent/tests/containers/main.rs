//! Containers by their cgroups: of engines whose state the tests write themselves, and of engines that run.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed test panics, and says what it skips and measures"
)]

mod disk;
mod hostile;
mod real;
mod short_lived;
mod sockets;
mod support;
mod users;
