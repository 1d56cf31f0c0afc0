//! Stand-in until the branch wt-context is merged.

use std::path::Path;
use std::sync::Arc;

use seawall_event::Container;
use seawall_finding::Gap;

/// Where engines are found.
#[derive(Debug, Default)]
pub struct Options {}

/// Which cgroup is which container.
#[derive(Debug)]
pub struct Containers;

/// What is known of a cgroup.
#[derive(Debug, Clone)]
#[expect(dead_code, reason = "the stand-in knows none")]
pub enum Lookup {
    /// No container.
    Host,
    /// All of it.
    Known(Arc<Container>),
    /// Its id; the rest may come.
    Pending(Arc<Container>),
}

impl Containers {
    /// Starts.
    pub fn start(_: Options) -> Self {
        Self
    }

    /// A cgroup was made.
    pub fn made(&self, _: u64, _: &Path) {}

    /// A cgroup was removed.
    pub fn removed(&self, _: u64) {}

    /// Whose cgroup it is.
    pub fn of(&self, _: u64, _: Option<&Path>, _: u32) -> Lookup {
        Lookup::Host
    }

    /// What could not be asked.
    pub fn gaps(&self) -> Vec<Gap> {
        Vec::new()
    }
}
