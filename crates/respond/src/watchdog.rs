//! The process that outlives Seawall: its standard input ends when Seawall ends, in whatever way, and then it releases
//! what Seawall held.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Between two starts, so that a command that ends at once is not started all the time.
const REST: Duration = Duration::from_secs(1);

/// A running one. Dropping it closes its input, so it releases what is left and ends.
#[derive(Debug)]
pub(crate) struct Watchdog {
    command: Vec<OsString>,
    child: Child,
    started: Instant,
}

impl Watchdog {
    pub(crate) fn start(command: &[OsString]) -> io::Result<Watchdog> {
        Ok(Watchdog { command: command.to_vec(), child: spawn(command)?, started: Instant::now() })
    }

    /// Whether it has ended too early.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.started.elapsed() > REST && self.child.try_wait().is_ok_and(|ended| ended.is_some())
    }

    /// Starts it once more; where that fails, the next look tries again.
    pub(crate) fn restart(&mut self) {
        self.started = Instant::now();
        if let Ok(child) = spawn(&self.command) {
            self.child = child;
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn spawn(command: &[OsString]) -> io::Result<Child> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no command"))?;
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C at the terminal ends Seawall and not what cleans up after it.
        .process_group(0)
        .spawn()
}
