//! The guard on this machine's kernel: real system calls, the rules that Falco publishes, real containers. Without
//! root, BTF, the rules or Docker each test says that it looked at nothing.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a failed test panics, and says what it skips")]

mod containers;
mod denial;
mod dns;
mod host;
mod kernels;
mod record;
mod reload;
mod running;
