//! How slowly a registry may send, so that one that trickles cannot hold a scan for ever.
//!
//! What counts is the time spent waiting for the registry, not the time that whoever reads takes in between. Knows
//! neither requests nor blobs.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::limits::{
    BLOB_PATIENCE, BLOB_PATIENCE_MAX, BLOB_RATE_MIN, DOCUMENT_TIMEOUT, PACE_BYTES_MIN, PACE_WINDOW,
};

/// What a body must keep to. `Pace::default()` fits the slowest line on which anybody pulls images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// The time in which `window_bytes_min` must come, again and again.
    pub window: Duration,
    /// Bytes for each window.
    pub window_bytes_min: u64,
    /// Waiting for one manifest, configuration or token in all, with its repetitions and redirects.
    pub document_max: Duration,
    /// Waiting for one blob, to which its size adds at `blob_rate_min`.
    pub blob: Duration,
    /// Bytes a second over the whole of a blob.
    pub blob_rate_min: u64,
    /// Waiting for one blob, whatever its size.
    pub blob_max: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            window: PACE_WINDOW,
            window_bytes_min: PACE_BYTES_MIN,
            document_max: DOCUMENT_TIMEOUT,
            blob: BLOB_PATIENCE,
            blob_rate_min: BLOB_RATE_MIN,
            blob_max: BLOB_PATIENCE_MAX,
        }
    }
}

impl Pace {
    /// Patience with one blob of at most `bytes_max`.
    pub(super) fn for_blob(&self, bytes_max: u64) -> Patience {
        let by_size = Duration::from_secs(bytes_max / self.blob_rate_min.max(1));
        self.patience(self.blob.saturating_add(by_size).min(self.blob_max))
    }

    /// Patience with one document, or with what a registry says where it refuses a blob.
    pub(super) fn for_document(&self) -> Patience {
        self.patience(self.document_max)
    }

    fn patience(&self, total_max: Duration) -> Patience {
        Patience {
            window: self.window,
            window_bytes_min: self.window_bytes_min,
            total_max,
            total: Duration::ZERO,
            in_window: Duration::ZERO,
            bytes_in_window: 0,
        }
    }
}

/// What is left of the time that one body may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    window: Duration,
    window_bytes_min: u64,
    total_max: Duration,
    total: Duration,
    in_window: Duration,
    bytes_in_window: u64,
}

impl Patience {
    /// For the rest of the body over another connection.
    pub(super) fn afresh(self) -> Patience {
        Patience { in_window: Duration::ZERO, bytes_in_window: 0, ..self }
    }

    fn charge(&mut self, waited: Duration, bytes: u64) -> Result<(), TooSlow> {
        self.total += waited;
        self.in_window += waited;
        self.bytes_in_window += bytes;
        if self.total > self.total_max {
            return Err(TooSlow::Total(self.total_max));
        }
        if self.in_window < self.window {
            return Ok(());
        }
        if self.bytes_in_window < self.window_bytes_min {
            return Err(TooSlow::Window { window: self.window, bytes_min: self.window_bytes_min });
        }
        *self = self.afresh();
        Ok(())
    }
}

/// A registry that lets us wait for too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TooSlow {
    /// Hardly anything comes.
    #[error("it sends less than {bytes_min} bytes in {} s, which is given up", window.as_secs_f32())]
    Window {
        /// The time in which that should have come.
        window: Duration,
        /// What should have come.
        bytes_min: u64,
    },
    /// All of it takes too long.
    #[error("it was not through after {} s, which is given up", .0.as_secs_f32())]
    Total(Duration),
}

/// A body that keeps the pace or ends in [`TooSlow`].
pub(super) struct Paced<R> {
    body: R,
    pub(super) patience: Patience,
}

impl<R> Paced<R> {
    pub(super) fn new(body: R, patience: Patience) -> Paced<R> {
        Paced { body, patience }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let started = Instant::now();
        let outcome = self.body.read(buffer);
        let bytes = outcome.as_ref().map_or(0, |count| *count as u64);
        let kept = self.patience.charge(started.elapsed(), bytes);
        match (outcome, kept) {
            // Whatever is slow about an end, it is one.
            (Ok(0), _) => Ok(0),
            (Ok(_), Err(slow)) => Err(io::Error::new(io::ErrorKind::TimedOut, slow)),
            (outcome, _) => outcome,
        }
    }
}

/// Whether a body ended for being slow: another try would be as slow.
pub(super) fn too_slow(error: &io::Error) -> Option<&TooSlow> {
    error.get_ref()?.downcast_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that come a second each, given up by the window, in all, or not.
    fn check(per_second: &[u64], bytes_max: u64, expected: &str) {
        let pace = Pace {
            window: Duration::from_secs(3),
            window_bytes_min: 30,
            blob: Duration::from_secs(5),
            blob_rate_min: 10,
            blob_max: Duration::from_secs(20),
            ..Pace::default()
        };
        let mut patience = pace.for_blob(bytes_max);
        let mut outcome = "kept".to_owned();
        for (second, bytes) in per_second.iter().enumerate() {
            if let Err(slow) = patience.charge(Duration::from_secs(1), *bytes) {
                outcome = format!("{}: {slow}", second + 1);
                break;
            }
        }
        assert_eq!(outcome, expected, "{per_second:?} of {bytes_max}");
    }

    #[test]
    fn a_pace_is_kept_in_each_window_and_in_all() {
        check(&[10; 5], 0, "kept");
        check(&[0, 0, 30, 30, 0], 0, "kept");
        check(&[9; 5], 0, "3: it sends less than 30 bytes in 3 s, which is given up");
        check(&[90, 0, 0, 0, 0, 29], 100, "6: it sends less than 30 bytes in 3 s, which is given up");
        check(&[100; 6], 0, "6: it was not through after 5 s, which is given up");
        check(&[100; 6], 10, "kept");
        check(&[100; 30], u64::MAX, "21: it was not through after 20 s, which is given up");
    }
}
