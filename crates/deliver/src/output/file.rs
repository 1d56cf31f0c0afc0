//! Appends lines to a file: rotated by size and age, opened again when asked to, cut back to whole lines when the disk
//! is full.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use super::SendError;
use crate::{Delivery, Format};

/// Where lines go and how long a file gets.
#[derive(Debug, Clone)]
pub(crate) struct FileSettings {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
    pub(crate) line_bytes: usize,
    /// `None`: never by size.
    pub(crate) bytes_max: Option<u64>,
    /// `None`: never by age.
    pub(crate) age_max: Option<Duration>,
    /// Older files `PATH.1` to `PATH.keep`.
    pub(crate) keep: u32,
    pub(crate) durability: Durability,
}

/// What is promised of a line that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Durability {
    /// It survives the end of this process.
    #[default]
    Process,
    /// It survives the end of the machine: `fsync` after each batch.
    Machine,
}

/// Says that files are to be opened again, as `logrotate` wants it after it moved one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reopen(Arc<AtomicU64>);

impl Reopen {
    pub(crate) fn ask(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn asked(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Appends lines to a file.
#[derive(Debug)]
pub(crate) struct FileOutput {
    settings: FileSettings,
    reopen: Reopen,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
    since: Instant,
    /// [`Reopen::asked`] when it was opened.
    asked: u64,
}

impl FileOutput {
    pub(crate) fn new(settings: FileSettings, reopen: Reopen) -> FileOutput {
        FileOutput { settings, reopen, open: None }
    }

    pub(crate) fn send(&mut self, deliveries: &[Arc<Delivery>]) -> Result<(), SendError> {
        let mut taken = 0;
        while taken < deliveries.len() {
            match self.append(&deliveries[taken..]) {
                Ok(count) => taken += count,
                Err(error) => {
                    // Whatever it was, a file that is opened anew may do better.
                    self.open = None;
                    let path = self.settings.path.display();
                    let reason = format!("cannot write {path}: {error}");
                    return Err(SendError::Later { taken, reason, after: None });
                }
            }
        }
        Ok(())
    }

    /// Appends as many lines as this file may still take, at least one, and says how many.
    fn append(&mut self, deliveries: &[Arc<Delivery>]) -> io::Result<usize> {
        let settings = &self.settings;
        let open = match self.open.take() {
            Some(open) if open.asked == self.reopen.asked() && !is_due(&open, settings) => open,
            Some(open) => {
                let rotates = open.asked == self.reopen.asked();
                drop(open);
                if rotates {
                    rotate(settings)?;
                }
                open_file(settings, self.reopen.asked())?
            }
            None => open_file(settings, self.reopen.asked())?,
        };
        let open = self.open.insert(open);
        let room = settings.bytes_max.map_or(u64::MAX, |most| most.saturating_sub(open.bytes));
        let mut lines = String::new();
        let mut count = 0;
        for delivery in deliveries {
            let line = settings.format.line(delivery, settings.line_bytes);
            if (lines.len() + line.len()) as u64 > room && !(lines.is_empty() && open.bytes == 0) {
                break;
            }
            lines.push_str(&line);
            lines.push('\n');
            count += 1;
        }
        if count == 0 {
            // The next file takes it.
            rotate(settings)?;
            self.open = None;
            return Ok(0);
        }
        if let Err(error) = open.file.write_all(lines.as_bytes()) {
            // No half line stays: the whole batch comes again.
            open.file.set_len(open.bytes)?;
            return Err(error);
        }
        open.bytes += lines.len() as u64;
        if settings.durability == Durability::Machine {
            open.file.sync_data()?;
        }
        Ok(count)
    }
}

fn is_due(open: &Open, settings: &FileSettings) -> bool {
    open.bytes > 0
        && (settings.age_max.is_some_and(|most| open.since.elapsed() >= most)
            || settings.bytes_max.is_some_and(|most| open.bytes >= most))
}

fn open_file(settings: &FileSettings, asked: u64) -> io::Result<Open> {
    // Without NONBLOCK a named pipe that nobody reads would hold the thread for ever.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let file =
        File::options().append(true).create(true).mode(0o640).custom_flags(flags).open(&settings.path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    // A file of an earlier run goes on, and has its age.
    let age = about
        .created()
        .or_else(|_| about.modified())
        .ok()
        .and_then(|time| time.elapsed().ok())
        .unwrap_or_default();
    let since = if about.size() > 0 { Instant::now().checked_sub(age) } else { None };
    let since = since.unwrap_or_else(Instant::now);
    Ok(Open { file, bytes: about.size(), since, asked })
}

/// `PATH` becomes `PATH.1`, `PATH.1` becomes `PATH.2`, the last one goes.
fn rotate(settings: &FileSettings) -> io::Result<()> {
    let path = &settings.path;
    if settings.keep == 0 {
        return absent_is_fine(fs::remove_file(path));
    }
    // Up to the first gap only: what lies behind stays where it is.
    let used = (1..settings.keep).take_while(|number| numbered(path, *number).exists()).count();
    for number in (1..=u32::try_from(used).unwrap_or(0)).rev() {
        absent_is_fine(fs::rename(numbered(path, number), numbered(path, number + 1)))?;
    }
    absent_is_fine(fs::rename(path, numbered(path, 1)))
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests;
