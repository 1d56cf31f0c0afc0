//! How far a walk is, on the terminal.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use seawall_scan::Progress;

use crate::terminal::Terminal;

/// Between two updates of what people see.
const INTERVAL: Duration = Duration::from_millis(50);

/// Passes progress on to the terminal, not more often than anybody can read.
pub(crate) struct Reporter<'t> {
    terminal: &'t Terminal,
    what: String,
    last: Mutex<Option<Instant>>,
}

impl<'t> Reporter<'t> {
    pub(crate) fn new(terminal: &'t Terminal, target: &str) -> Reporter<'t> {
        Reporter { terminal, what: target.to_owned(), last: Mutex::new(None) }
    }

    pub(crate) fn tell(&self, progress: Progress) {
        // Whoever finds it taken has nothing to add: another thread is telling.
        let Ok(mut last) = self.last.try_lock() else { return };
        if last.is_some_and(|last| last.elapsed() < INTERVAL) {
            return;
        }
        *last = Some(Instant::now());
        let what = match progress.layers_total {
            0 => format!("reading {}", self.what),
            total => format!("reading {} (layer {} of {total})", self.what, progress.layers.min(total)),
        };
        self.terminal.progress(&what, progress.bytes, progress.bytes_total);
    }
}
