//! How much a container may use.

use serde::{Deserialize, Serialize};

use super::{Given, Origin};

/// Limits and requests. Docker's "0 or -1 is no limit" is kept as written, see [`Resources::is_limited`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Resources {
    /// In thousandths of a processor.
    #[serde(default)]
    pub cpu_limit_millis: Option<Given<i64>>,
    /// In thousandths of a processor.
    #[serde(default)]
    pub cpu_request_millis: Option<Given<i64>>,
    /// Docker's weight against other containers, 1024 by default.
    #[serde(default)]
    pub cpu_shares: Option<Given<i64>>,
    /// In bytes.
    #[serde(default)]
    pub memory_limit_bytes: Option<Given<i64>>,
    /// In bytes; Docker's reservation.
    #[serde(default)]
    pub memory_request_bytes: Option<Given<i64>>,
    /// Memory and swap together, in bytes; -1 is no limit.
    #[serde(default)]
    pub memory_swap_bytes: Option<Given<i64>>,
    /// Processes and threads.
    #[serde(default)]
    pub pids_limit: Option<Given<i64>>,
    /// Whether the kernel may not kill it when memory runs out.
    #[serde(default)]
    pub oom_kill_disable: Option<Given<bool>>,
    /// How early the kernel kills it, -1000 to 1000.
    #[serde(default)]
    pub oom_score_adj: Option<Given<i64>>,
    /// Limits of its processes.
    #[serde(default)]
    pub ulimits: Vec<Ulimit>,
}

impl Resources {
    /// Whether a number limits anything.
    pub fn is_limited(limit: &Option<Given<i64>>) -> bool {
        limit.as_ref().is_some_and(|limit| limit.value > 0)
    }
}

/// A limit of processes (`setrlimit`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ulimit {
    /// `nofile`, `nproc`.
    pub name: String,
    /// What processes get; -1 is no limit.
    pub soft: i64,
    /// Up to where they may raise it.
    pub hard: i64,
    /// Where it was said.
    #[serde(default)]
    pub origin: Origin,
}
