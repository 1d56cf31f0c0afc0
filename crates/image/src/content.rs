//! The bytes of one file for visitors: of a stream, kept as far as somebody asked, or of a file read in place.
//!
//! The bound that a visitor announced with its [`Interest`] is enforced here.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

use seawall_inventory::{Content, Interest, ReadSeek};

use crate::limits::Limits;
use crate::temporary::Temporary;

/// Bytes of one piece of a file that is streamed.
const PIECE_BYTES: usize = 64 * 1024;

/// Hands on what `reader` has, piece by piece.
fn pour(reader: &mut dyn Read, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => sink(piece.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The bytes that one visitor may ask for.
fn bound(interest: Interest) -> u64 {
    match interest {
        Interest::No => 0,
        Interest::Head(bytes) => u64::from(bytes),
        Interest::Whole => u64::MAX,
    }
}

fn too_large(size_bytes: u64, bytes_max: u64) -> io::Error {
    let reason = format!("{size_bytes} bytes are more than {bytes_max}");
    io::Error::new(io::ErrorKind::FileTooLarge, reason)
}

/// Content that a walker shows to one visitor after the other.
pub(crate) trait Shown: Content {
    /// Sets what the next visitor may ask for.
    fn allow(&mut self, interest: Interest);
}

/// A file inside a stream.
pub(crate) struct Spool<'s> {
    /// What has not been read yet.
    body: &'s mut dyn Read,
    size_bytes: u64,
    bound: u64,
    limits: &'s Limits,
    /// The file's first bytes, or all; lent by the walker so that its memory serves the next file.
    head: &'s mut Cursor<Vec<u8>>,
    whole: Option<Random>,
    /// The first failure to read: later callers see the same, not a shorter file.
    failure: Option<(io::ErrorKind, String)>,
}

/// A file wholly at hand.
enum Random {
    /// In the head.
    Memory,
    Disk(File),
}

impl<'s> Spool<'s> {
    pub(crate) fn new(
        body: &'s mut dyn Read,
        size_bytes: u64,
        head: &'s mut Cursor<Vec<u8>>,
        limits: &'s Limits,
    ) -> Spool<'s> {
        head.get_mut().clear();
        Spool { body, size_bytes, bound: 0, limits, head, whole: None, failure: None }
    }

    fn head_bytes(&self) -> u64 {
        self.head.get_ref().len() as u64
    }

    /// Makes the first `bytes` bytes present in memory.
    fn fetch(&mut self, bytes: u64) -> io::Result<()> {
        let at = self.head_bytes();
        let missing = bytes.min(self.size_bytes).saturating_sub(at);
        if missing == 0 {
            return Ok(());
        }
        if let Some((kind, reason)) = &self.failure {
            return Err(io::Error::new(*kind, reason.clone()));
        }
        let head = self.head.get_mut();
        let read = match &mut self.whole {
            // In memory all are there that the stream had.
            None | Some(Random::Memory) => self.body.take(missing).read_to_end(head),
            Some(Random::Disk(file)) => {
                file.seek(SeekFrom::Start(at))?;
                file.take(missing).read_to_end(head)
            }
        };
        self.note(read).map(|_| ())
    }

    /// Keeps a failure for those who ask later.
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| self.failure = Some((error.kind(), error.to_string())))
    }

    /// Puts the whole file where it can be read at random.
    fn gather(&mut self) -> io::Result<Random> {
        if self.size_bytes <= self.limits.spool_memory_bytes.max(self.head_bytes()) {
            self.fetch(self.size_bytes)?;
            return Ok(Random::Memory);
        }
        if self.size_bytes > self.limits.spool_disk_bytes_max {
            return Err(too_large(self.size_bytes, self.limits.spool_disk_bytes_max));
        }
        let file = Temporary::new(None).and_then(|mut file| {
            file.write_all(self.head.get_ref())?;
            io::copy(self.body, &mut file)?;
            file.rewound()
        });
        self.note(file).map(Random::Disk)
    }
}

impl Shown for Spool<'_> {
    fn allow(&mut self, interest: Interest) {
        self.bound = bound(interest);
    }
}

impl Content for Spool<'_> {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn head(&mut self, bytes: usize) -> io::Result<&[u8]> {
        let bytes = (bytes as u64).min(self.bound).min(self.size_bytes);
        self.fetch(bytes)?;
        let head = self.head.get_ref();
        let length = usize::try_from(bytes).unwrap_or(usize::MAX).min(head.len());
        Ok(head.get(..length).unwrap_or(&[]))
    }

    fn whole(&mut self, bytes_max: u64) -> io::Result<&[u8]> {
        let bytes_max = bytes_max.min(self.bound);
        if self.size_bytes > bytes_max {
            return Err(too_large(self.size_bytes, bytes_max));
        }
        self.fetch(self.size_bytes)?;
        Ok(self.head.get_ref())
    }

    fn stream(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        if self.size_bytes > self.bound {
            return Err(too_large(self.size_bytes, self.bound));
        }
        if self.whole.is_some() {
            return pour(self.seekable()?, sink);
        }
        if let Some((kind, reason)) = &self.failure {
            return Err(io::Error::new(*kind, reason.clone()));
        }
        sink(self.head.get_ref());
        let poured = pour(self.body, sink);
        let is_whole = self.head.get_ref().len() as u64 == self.size_bytes;
        self.note(poured)?;
        if !is_whole {
            self.failure = Some((io::ErrorKind::Other, "it was streamed and is gone".to_owned()));
        }
        Ok(())
    }

    fn seekable(&mut self) -> io::Result<&mut dyn ReadSeek> {
        if self.size_bytes > self.bound {
            return Err(too_large(self.size_bytes, self.bound));
        }
        if self.whole.is_none() {
            if let Some((kind, reason)) = &self.failure {
                return Err(io::Error::new(*kind, reason.clone()));
            }
            self.whole = Some(self.gather()?);
        }
        match &mut self.whole {
            Some(Random::Memory) => {
                self.head.set_position(0);
                Ok(self.head)
            }
            Some(Random::Disk(file)) => {
                file.rewind()?;
                Ok(file)
            }
            None => Err(io::Error::other("nothing was gathered")),
        }
    }
}

/// A file of the host, opened by a walker that followed no link on the way.
pub(crate) struct InPlace {
    file: File,
    size_bytes: u64,
    bound: u64,
    memory: Vec<u8>,
}

impl InPlace {
    pub(crate) fn new(file: File, size_bytes: u64) -> InPlace {
        InPlace { file, size_bytes, bound: 0, memory: Vec::new() }
    }

    /// Reads up to `bytes` bytes from the start: a file that grows meanwhile is cut, one that shrinks is shorter.
    fn fetch(&mut self, bytes: u64) -> io::Result<()> {
        let mut chunk = [0; 16 * 1024];
        while (self.memory.len() as u64) < bytes {
            let missing = usize::try_from(bytes - self.memory.len() as u64).unwrap_or(usize::MAX);
            let length = missing.min(chunk.len());
            let room = chunk.get_mut(..length).unwrap_or_default();
            match self.file.read_at(room, self.memory.len() as u64) {
                Ok(0) => break,
                Ok(read) => self.memory.extend_from_slice(room.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Shown for InPlace {
    fn allow(&mut self, interest: Interest) {
        self.bound = bound(interest);
    }
}

impl Content for InPlace {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn head(&mut self, bytes: usize) -> io::Result<&[u8]> {
        let bytes = (bytes as u64).min(self.bound).min(self.size_bytes);
        self.fetch(bytes)?;
        let length = usize::try_from(bytes).unwrap_or(usize::MAX).min(self.memory.len());
        Ok(self.memory.get(..length).unwrap_or(&[]))
    }

    fn whole(&mut self, bytes_max: u64) -> io::Result<&[u8]> {
        let bytes_max = bytes_max.min(self.bound);
        if self.size_bytes > bytes_max {
            return Err(too_large(self.size_bytes, bytes_max));
        }
        self.fetch(self.size_bytes)?;
        Ok(&self.memory)
    }

    fn stream(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        pour(self.seekable()?, sink)
    }

    fn seekable(&mut self) -> io::Result<&mut dyn ReadSeek> {
        if self.size_bytes > self.bound {
            return Err(too_large(self.size_bytes, self.bound));
        }
        self.file.rewind()?;
        Ok(&mut self.file)
    }
}

#[cfg(test)]
mod tests;
