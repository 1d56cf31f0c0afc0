//! A stream kept in an unlinked temporary file, to be read more than once.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::compression::Meter;
use crate::limits::Limits;
use crate::temporary::Temporary;

/// Few system calls and little memory.
const UNPACKED_AT_ONCE: usize = 256 * 1024;

/// What has been kept.
#[derive(Debug, Clone)]
pub(super) struct Spooled {
    file: Arc<File>,
}

/// Keeps a stream of at most `bytes_max` bytes, in `directory` or the system's place for temporary files.
///
/// # Errors
/// It is longer, breaks off, or there is no room.
pub(super) fn spool(mut stream: impl Read, directory: Option<&Path>, bytes_max: u64) -> io::Result<File> {
    let mut file = Temporary::new(directory)?;
    let copied = io::copy(&mut stream.by_ref().take(bytes_max), &mut file)?;
    if copied == bytes_max && stream.read(&mut [0])? > 0 {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {bytes_max} bytes"),
        ));
    }
    file.rewound()
}

/// Keeps the uncompressed bytes of a stream.
///
/// # Errors
/// There are more of them than `archive_bytes_max` or than the stored ones make plausible, the stream breaks off, or
/// there is no room.
pub(super) fn unpack(
    mut plain: impl Read,
    meter: &Meter,
    directory: Option<&Path>,
    limits: &Limits,
) -> io::Result<File> {
    let too_large = |reason| Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    let mut file = Temporary::new(directory)?;
    let mut buffer = vec![0; UNPACKED_AT_ONCE];
    let mut bytes = 0_u64;
    loop {
        let count = match plain.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        bytes = bytes.saturating_add(count as u64);
        if bytes > limits.archive_bytes_max {
            return too_large(format!("it is larger than {} bytes", limits.archive_bytes_max));
        }
        if bytes > meter.bytes().saturating_mul(limits.ratio_max).max(limits.ratio_free_bytes) {
            return too_large(format!("it expands to more than {} times its size", limits.ratio_max));
        }
        file.write_all(buffer.get(..count).unwrap_or_default())?;
    }
    file.rewound()
}

impl Spooled {
    /// Takes over a file that was written.
    pub(super) fn new(file: File) -> Spooled {
        Spooled { file: Arc::new(file) }
    }

    /// A reader from the start, independent of all others.
    pub(super) fn reader(&self) -> SpoolReader {
        self.slice(0, u64::MAX)
    }

    /// A reader of `size_bytes` bytes from `start` on.
    pub(super) fn slice(&self, start: u64, size_bytes: u64) -> SpoolReader {
        SpoolReader { file: Arc::clone(&self.file), position: start, end: start.saturating_add(size_bytes) }
    }
}

/// Reads a spooled stream or a part of it.
pub(super) struct SpoolReader {
    file: Arc<File>,
    position: u64,
    end: u64,
}

impl Read for SpoolReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let count = self.file.read_at(buffer.get_mut(..wanted).unwrap_or_default(), self.position)?;
        self.position = self.position.saturating_add(count as u64);
        Ok(count)
    }
}

impl Seek for SpoolReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.file.metadata()?.len().min(self.end).checked_add_signed(by),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
