//! Arguments of the command that shows what happens where.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use super::guard::duration;

pub(crate) const TOP_EXAMPLES: &str = "\
It watches by itself, with a sensor and Seawall's own rules, and needs root as the guard does: a
running guard's /metrics tell nothing of single containers, so that many short-lived ones cannot
flood whoever collects them. What a running guard has found before, and finds meanwhile, comes
with --alerts. It responds to nothing.

Activity is what left the kernel for the rules: executions, forks and connections all do, of opens
only those that some rule is about. A container's risk is the worst of its alerts (critical; error
and warning count as high, the others as low), what it may do to the host (privileged, an engine's
socket or files of the host are high, a namespace of the host medium), and what a scan found in its
image (known exploitation is high, a critical vulnerability medium, a high one low). Two that are
high, one of them a way to the host, are critical.

On a terminal: q ends it, s sorts by activity or risk.

Examples:
  sudo seawall top
  sudo seawall top --with /var/lib/seawall/scans --alerts alerts.jsonl
  sudo seawall top --once --format json | jq '.containers[] | select(.risk == \"critical\") | .name'";

/// Whom to show and how.
#[derive(Debug, Args)]
pub(crate) struct Top {
    /// JSON report of a scan of an image, or a directory of some: the risk of packages is told too
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) with: Vec<PathBuf>,
    /// File that a guard writes with --format json: its findings count too, also those that it adds meanwhile
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) alerts: Vec<PathBuf>,
    /// Time between two looks: 500ms, 2s, 1m
    #[arg(long, value_name = "DURATION", value_parser = interval, default_value = "2s")]
    pub(crate) interval: Duration,
    /// Look once, after one interval, and end
    #[arg(long)]
    pub(crate) once: bool,
    /// How it is written; json is one object a line, for each interval
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// Whom to show first
    #[arg(long, value_name = "ORDER", default_value = "risk")]
    pub(crate) sort: Order,
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Whom to show first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// Who is worst off
    Risk,
    /// Where most happens
    Activity,
}

impl Order {
    /// The other one.
    pub(crate) const fn other(self) -> Order {
        match self {
            Order::Risk => Order::Activity,
            Order::Activity => Order::Risk,
        }
    }
}

/// The guard counts every quarter of a second.
fn interval(text: &str) -> Result<Duration, String> {
    let read = duration(text)?;
    if read < Duration::from_millis(250) { Err("it is at least 250ms".to_owned()) } else { Ok(read) }
}
