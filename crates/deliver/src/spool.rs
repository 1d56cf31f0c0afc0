//! The bounded queue on disk: what is in it survives the end of this process, however it comes.
//!
//! A directory of numbered files with one record a line, `CRC-32 JSON`; a new process begins a new file, so that a
//! half-written line of a crash is the last of its file and damages nothing else. `cursor` says what was delivered.

mod record;

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fs::FlockOperation;

use crate::Delivery;
use crate::limits::{SPOOL_FILE_BYTES, SPOOL_FILES_MAX};

pub(crate) use record::encode;

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    #[error("cannot use the spool {path}")]
    Unusable { path: PathBuf, source: io::Error },
    #[error("the spool {0} belongs to somebody else, or others can write to it")]
    Foreign(PathBuf),
    #[error("the spool {0} is used by another process")]
    InUse(PathBuf),
    #[error("the spool {0} has more than {SPOOL_FILES_MAX} files")]
    TooManyFiles(PathBuf),
}

/// A bounded queue on disk. One thread appends, one reads.
#[derive(Debug)]
pub(crate) struct Spool {
    directory: PathBuf,
    bytes_max: u64,
    state: Mutex<State>,
    changed: Condvar,
    /// [`State::bytes`], for those who must not wait for a disk that hangs.
    waiting: AtomicU64,
    cursor: File,
    /// Held as long as the spool is.
    _lock: File,
}

#[derive(Debug, Default)]
struct State {
    /// Oldest first.
    files: VecDeque<SpoolFile>,
    /// The last of the files, where this process began it.
    writer: Option<File>,
    next_number: u64,
    /// What was delivered of the first file.
    delivered_bytes: u64,
    is_closed: bool,
}

#[derive(Debug, Clone, Copy)]
struct SpoolFile {
    number: u64,
    bytes: u64,
}

/// Where the records of a reading end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    number: u64,
    offset: u64,
}

/// Findings read from a spool.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) until: Position,
    /// Records that were skipped.
    pub(crate) damaged: u64,
}

impl Spool {
    /// Opens the spool in a directory, which is made where it is missing.
    pub(crate) fn open(directory: &Path, bytes_max: u64) -> Result<Spool, SpoolError> {
        let unusable = |source| SpoolError::Unusable { path: directory.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(unusable)?;
        let about = fs::symlink_metadata(directory).map_err(unusable)?;
        let is_ours = about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o022 == 0;
        if !about.is_dir() || !is_ours {
            return Err(SpoolError::Foreign(directory.to_owned()));
        }
        let lock = options().write(true).create(true).truncate(false).open(directory.join("lock"));
        let lock = lock.map_err(unusable)?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| SpoolError::InUse(directory.to_owned()))?;
        let cursor = options().write(true).create(true).truncate(false).open(directory.join("cursor"));
        let cursor = cursor.map_err(unusable)?;
        let mut state = State { files: files(directory)?, ..State::default() };
        let delivered = read_cursor(directory);
        // Behind the cursor too: a file before it would count as delivered.
        let after = |number: u64| number.saturating_add(1);
        state.next_number = state.files.back().map_or(0, |file| after(file.number));
        state.next_number = state.next_number.max(delivered.map_or(0, |position| after(position.number)));
        state.begin_at(delivered, directory);
        Ok(Spool {
            directory: directory.to_owned(),
            bytes_max,
            waiting: AtomicU64::new(state.bytes()),
            state: Mutex::new(state),
            changed: Condvar::new(),
            cursor,
            _lock: lock,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change of the state is one assignment, so that a panic leaves no half of one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends records as [`encode`] makes them and says how many had room.
    pub(crate) fn append(&self, records: &[String]) -> io::Result<usize> {
        let mut state = self.lock();
        let mut room = self.bytes_max.saturating_sub(state.bytes());
        let mut fitting = records.iter().take_while(|record| {
            let fits = record.len() as u64 <= room;
            room = room.saturating_sub(record.len() as u64);
            fits
        });
        let mut buffer = String::new();
        let mut appended = 0;
        for record in fitting.by_ref() {
            buffer.push_str(record);
            appended += 1;
        }
        if appended > 0 {
            state.write(buffer.as_bytes(), &self.directory)?;
            self.waiting.store(state.bytes(), Ordering::Relaxed);
            drop(state);
            self.changed.notify_one();
        }
        Ok(appended)
    }

    /// Waits for records and reads at most so many and so much of them. `None` when it is closed and empty.
    pub(crate) fn read(&self, count_max: usize, bytes_max: usize) -> Option<io::Result<Reading>> {
        let mut state = self.lock();
        while state.bytes() == 0 {
            if state.is_closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let files: Vec<SpoolFile> = state.files.iter().copied().collect();
        let offset = state.delivered_bytes;
        drop(state);
        Some(record::read(&self.directory, &files, offset, count_max, bytes_max))
    }

    /// What was read up to there is delivered.
    pub(crate) fn delivered(&self, until: Position) -> io::Result<()> {
        let mut state = self.lock();
        state.begin_at(Some(until), &self.directory);
        self.waiting.store(state.bytes(), Ordering::Relaxed);
        drop(state);
        // So few bytes of one length are written whole or not at all.
        self.cursor.write_all_at(format!("{:016x} {:016x}\n", until.number, until.offset).as_bytes(), 0)
    }

    /// Takes no more; a reader that waits goes on.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Bytes that wait.
    pub(crate) fn bytes(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl State {
    fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum::<u64>() - self.delivered_bytes
    }

    /// Appends whole records; where that fails, what was written of them is taken back.
    fn write(&mut self, bytes: &[u8], directory: &Path) -> io::Result<()> {
        let is_full = self.files.back().is_some_and(|file| file.bytes >= SPOOL_FILE_BYTES);
        if is_full {
            self.writer = None;
        }
        if self.writer.is_none() {
            let number = self.next_number;
            let file = options().append(true).create_new(true).open(directory.join(name(number)))?;
            self.files.push_back(SpoolFile { number, bytes: 0 });
            (self.writer, self.next_number) = (Some(file), number + 1);
        }
        let (Some(writer), Some(file)) = (&mut self.writer, self.files.back_mut()) else { return Ok(()) };
        if let Err(error) = writer.write_all(bytes) {
            if writer.set_len(file.bytes).is_err() {
                // The half record stays, and nothing follows it.
                self.writer = None;
            }
            return Err(error);
        }
        file.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Forgets what lies before a position, and removes files that have nothing behind it.
    fn begin_at(&mut self, position: Option<Position>, directory: &Path) {
        let Some(position) = position else { return };
        while let Some(first) = self.files.front().copied() {
            let is_over = first.number < position.number
                || first.number == position.number && position.offset >= first.bytes;
            // The file that is being written goes on.
            let is_being_written =
                self.files.len() == 1 && self.writer.is_some() && first.bytes < SPOOL_FILE_BYTES;
            if !is_over || is_being_written {
                break;
            }
            // One that cannot be removed is removed by the next process.
            let _ = fs::remove_file(directory.join(name(first.number)));
            self.files.pop_front();
            if self.files.is_empty() {
                self.writer = None;
            }
        }
        let first = self.files.front().filter(|first| first.number == position.number);
        self.delivered_bytes = first.map_or(0, |first| position.offset.min(first.bytes));
    }
}

fn options() -> OpenOptions {
    let mut options = File::options();
    options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
    options
}

/// More files than a process could write; whoever puts one there with a larger number has no successor.
const NUMBER_MAX: u64 = u64::MAX / 2;

fn name(number: u64) -> String {
    format!("{number:016x}.spool")
}

/// The files of a spool, oldest first. Other names are not ours.
fn files(directory: &Path) -> Result<VecDeque<SpoolFile>, SpoolError> {
    let unusable = |source| SpoolError::Unusable { path: directory.to_owned(), source };
    let mut files = Vec::new();
    for (index, entry) in fs::read_dir(directory).map_err(unusable)?.enumerate() {
        if index > SPOOL_FILES_MAX {
            return Err(SpoolError::TooManyFiles(directory.to_owned()));
        }
        let entry = entry.map_err(unusable)?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".spool"));
        let number = number.filter(|number| number.len() == 16).and_then(|n| u64::from_str_radix(n, 16).ok());
        let about = fs::symlink_metadata(entry.path()).map_err(unusable)?;
        match number {
            Some(number) if about.is_file() && number < NUMBER_MAX => {
                files.push(SpoolFile { number, bytes: about.len() });
            }
            Some(_) | None => {}
        }
    }
    files.sort_by_key(|file| file.number);
    Ok(files.into())
}

/// What was delivered; nothing where that cannot be read, so that records come twice rather than never.
fn read_cursor(directory: &Path) -> Option<Position> {
    let text = fs::read_to_string(directory.join("cursor")).ok()?;
    let (number, offset) = text.lines().next()?.split_once(' ')?;
    let hex = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let position = Position { number: hex(number)?, offset: hex(offset)? };
    (position.number < NUMBER_MAX).then_some(position)
}

#[cfg(test)]
mod tests;
