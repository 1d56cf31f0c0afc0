//! The directory of a zip archive and bounded reads of its entries (PKWARE APPNOTE 6.3.10).
//!
//! Keeps only the entries that the caller wants, so an archive with a million entries costs no memory. Trusts no
//! size: an entry's data end where the archive ends, and inflating stops at the caller's limit. Does not decrypt, and
//! reads no method but "stored" and "deflated", which are all that Java archives may use.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::read::DeflateDecoder;
use seawall_inventory::ReadSeek;

use crate::limits::{JAR_DIRECTORY_BYTES_MAX, JAR_ENTRIES_MAX, JAR_ENTRY_NAME_BYTES_MAX};

const DIRECTORY_END: &[u8] = b"PK\x05\x06";
const DIRECTORY_END_64: &[u8] = b"PK\x06\x06";
const DIRECTORY_END_64_LOCATOR: &[u8] = b"PK\x06\x07";
const DIRECTORY_ENTRY: &[u8] = b"PK\x01\x02";
const LOCAL_HEADER: &[u8] = b"PK\x03\x04";
const DIRECTORY_END_BYTES: usize = 22;
const COMMENT_BYTES_MAX: u64 = 65_535;
const ENTRY_HEADER_BYTES: usize = 46;
const LOCAL_HEADER_BYTES: usize = 30;
const FLAG_ENCRYPTED: u64 = 1;
const EXTRA_ZIP64: u64 = 1;

/// Why an archive or an entry cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error("it is not a zip archive")]
    NotAnArchive,
    #[error("its directory is damaged")]
    Directory,
    #[error(
        "it has more than {JAR_ENTRIES_MAX} entries or a directory of more than {JAR_DIRECTORY_BYTES_MAX} bytes"
    )]
    TooManyEntries,
    #[error("the header of `{0}` is damaged")]
    Entry(String),
    #[error("`{0}` is encrypted or compressed by another method than deflate")]
    Method(String),
    #[error("`{0}` has more than {1} bytes")]
    TooLarge(String, u64),
    #[error("`{0}` does not decompress")]
    Damaged(String, #[source] io::Error),
}

/// An entry of the directory.
#[derive(Debug, Clone)]
pub(super) struct ArchiveEntry {
    /// As stored, `/` between components.
    pub(super) name: String,
    is_stored: bool,
    is_readable: bool,
    stored_bytes: u64,
    header_at: u64,
}

/// An open archive.
pub(super) struct Archive<'input> {
    input: &'input mut dyn ReadSeek,
    size_bytes: u64,
    /// Bytes read from entries so far, also where reading then failed.
    pub(super) read_bytes: u64,
    /// The entries that were wanted, in directory order.
    pub(super) entries: Vec<ArchiveEntry>,
}

/// Where the directory is.
struct DirectoryPlace {
    start: u64,
    bytes: u64,
    entries: u64,
    /// Bytes in front of the archive, such as the shell script of a self-starting jar.
    shift: u64,
}

impl<'input> Archive<'input> {
    /// Reads the directory and keeps the entries for whose names `wanted` is true; it is called for all.
    pub(super) fn open(
        input: &'input mut dyn ReadSeek,
        size_bytes: u64,
        mut wanted: impl FnMut(&str) -> bool,
    ) -> Result<Archive<'input>, ArchiveError> {
        let place = find_directory(input, size_bytes)?;
        if place.entries > JAR_ENTRIES_MAX || place.bytes > JAR_DIRECTORY_BYTES_MAX {
            return Err(ArchiveError::TooManyEntries);
        }
        input.seek(SeekFrom::Start(place.start))?;
        let mut reader = BufReader::with_capacity(64 * 1024, (&mut *input).take(place.bytes));
        let mut entries = Vec::new();
        let mut header = [0; ENTRY_HEADER_BYTES];
        let (mut name, mut extra) = (Vec::new(), Vec::new());
        for _ in 0..place.entries {
            fill(&mut reader, &mut header)?;
            if !header.starts_with(DIRECTORY_ENTRY) {
                return Err(ArchiveError::Directory);
            }
            read_bytes(&mut reader, number(&header, 28, 2), &mut name)?;
            read_bytes(&mut reader, number(&header, 30, 2), &mut extra)?;
            let comment_bytes = number(&header, 32, 2);
            let skipped = io::copy(&mut (&mut reader).take(comment_bytes), &mut io::sink())?;
            if skipped != comment_bytes {
                return Err(ArchiveError::Directory);
            }
            let text = String::from_utf8_lossy(&name);
            if name.len() <= JAR_ENTRY_NAME_BYTES_MAX && wanted(&text) {
                entries.push(entry(&header, text.into_owned(), &extra, place.shift));
            }
        }
        Ok(Archive { input, size_bytes, read_bytes: 0, entries })
    }

    /// The content of an entry.
    pub(super) fn read(&mut self, entry: &ArchiveEntry, bytes_max: u64) -> Result<Vec<u8>, ArchiveError> {
        let (start, stored_bytes) = self.locate(entry)?;
        self.input.seek(SeekFrom::Start(start))?;
        let data = (&mut *self.input).take(stored_bytes);
        let mut content = Vec::new();
        let result = if entry.is_stored {
            data.take(bytes_max + 1).read_to_end(&mut content)
        } else {
            DeflateDecoder::new(data).take(bytes_max + 1).read_to_end(&mut content)
        };
        self.read_bytes += content.len() as u64;
        result.map_err(|error| ArchiveError::Damaged(entry.name.clone(), error))?;
        if content.len() as u64 > bytes_max {
            return Err(ArchiveError::TooLarge(entry.name.clone(), bytes_max));
        }
        Ok(content)
    }

    /// The bytes of an entry in the archive's own, where it is stored without compression.
    pub(super) fn window(&mut self, entry: &ArchiveEntry) -> Result<Option<Window<'_>>, ArchiveError> {
        let (start, bytes) = self.locate(entry)?;
        let input = &mut *self.input;
        Ok(if entry.is_stored { Some(Window { input, start, bytes, at: 0 }) } else { None })
    }

    /// Where an entry's data start and how many bytes they have.
    fn locate(&mut self, entry: &ArchiveEntry) -> Result<(u64, u64), ArchiveError> {
        if !entry.is_readable {
            return Err(ArchiveError::Method(entry.name.clone()));
        }
        let damaged = || ArchiveError::Entry(entry.name.clone());
        self.input.seek(SeekFrom::Start(entry.header_at))?;
        let mut header = [0; LOCAL_HEADER_BYTES];
        self.input.read_exact(&mut header).map_err(|_| damaged())?;
        if !header.starts_with(LOCAL_HEADER) {
            return Err(damaged());
        }
        let before = LOCAL_HEADER_BYTES as u64 + number(&header, 26, 2) + number(&header, 28, 2);
        let start = entry.header_at.checked_add(before).ok_or_else(damaged)?;
        let end = start.checked_add(entry.stored_bytes).ok_or_else(damaged)?;
        if end > self.size_bytes { Err(damaged()) } else { Ok((start, entry.stored_bytes)) }
    }
}

fn entry(header: &[u8], name: String, extra: &[u8], shift: u64) -> ArchiveEntry {
    let method = number(header, 10, 2);
    let mut stored_bytes = number(header, 20, 4);
    let mut header_at = number(header, 42, 4);
    // Numbers that do not fit 32 bits stand in an extra field, in this order and only they.
    let mut wide = zip64(extra);
    let mut next = || {
        let (field, rest) = wide.split_at_checked(8)?;
        wide = rest;
        Some(number(field, 0, 8))
    };
    if number(header, 24, 4) == u64::from(u32::MAX) {
        next();
    }
    if stored_bytes == u64::from(u32::MAX) {
        stored_bytes = next().unwrap_or(stored_bytes);
    }
    if header_at == u64::from(u32::MAX) {
        header_at = next().unwrap_or(header_at);
    }
    ArchiveEntry {
        name,
        is_stored: method == 0,
        is_readable: (method == 0 || method == 8) && number(header, 8, 2) & FLAG_ENCRYPTED == 0,
        stored_bytes,
        header_at: header_at.saturating_add(shift),
    }
}

/// The ZIP64 extra field.
fn zip64(mut extra: &[u8]) -> &[u8] {
    while extra.len() >= 4 {
        let bytes = number(extra, 2, 2) as usize;
        let Some(field) = extra.get(4..4 + bytes) else { break };
        if number(extra, 0, 2) == EXTRA_ZIP64 {
            return field;
        }
        extra = extra.get(4 + bytes..).unwrap_or_default();
    }
    &[]
}

fn find_directory(input: &mut dyn ReadSeek, size_bytes: u64) -> Result<DirectoryPlace, ArchiveError> {
    let tail_bytes = size_bytes.min(COMMENT_BYTES_MAX + DIRECTORY_END_BYTES as u64);
    let tail_at = size_bytes - tail_bytes;
    input.seek(SeekFrom::Start(tail_at))?;
    let mut tail = Vec::new();
    input.take(tail_bytes).read_to_end(&mut tail)?;
    let last = tail.len().checked_sub(DIRECTORY_END_BYTES).ok_or(ArchiveError::NotAnArchive)?;
    // The last record whose comment fits.
    let is_end = |at: usize| {
        tail.get(at..).is_some_and(|end| {
            end.starts_with(DIRECTORY_END)
                && DIRECTORY_END_BYTES as u64 + number(end, 20, 2) <= end.len() as u64
        })
    };
    let at = (0..=last).rev().find(|&at| is_end(at)).ok_or(ArchiveError::NotAnArchive)?;
    let record = tail.get(at..).unwrap_or_default();
    let (mut entries, mut bytes, mut offset) =
        (number(record, 10, 2), number(record, 12, 4), number(record, 16, 4));
    let mut end_at = tail_at + at as u64;
    let is_wide = entries == 0xffff || bytes == u64::from(u32::MAX) || offset == u64::from(u32::MAX);
    if is_wide && let Some((record, record_at)) = find_directory_64(input, end_at)? {
        (entries, bytes, offset) = (number(&record, 32, 8), number(&record, 40, 8), number(&record, 48, 8));
        end_at = record_at;
    }
    let start = end_at.checked_sub(bytes).ok_or(ArchiveError::Directory)?;
    let shift = start.checked_sub(offset).ok_or(ArchiveError::Directory)?;
    Ok(DirectoryPlace { start, bytes, entries, shift })
}

/// The ZIP64 end record: in front of its locator, which is in front of the old end record.
fn find_directory_64(input: &mut dyn ReadSeek, end_at: u64) -> Result<Option<([u8; 56], u64)>, ArchiveError> {
    let Some(record_at) = end_at.checked_sub(20 + 56) else { return Ok(None) };
    let mut bytes = [0; 76];
    input.seek(SeekFrom::Start(record_at))?;
    input.read_exact(&mut bytes)?;
    let mut record = [0; 56];
    record.copy_from_slice(&bytes[..56]);
    let is_wide = record.starts_with(DIRECTORY_END_64) && bytes[56..].starts_with(DIRECTORY_END_64_LOCATOR);
    Ok(is_wide.then_some((record, record_at)))
}

fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<(), ArchiveError> {
    reader.read_exact(buffer).map_err(|error| {
        let is_cut = error.kind() == io::ErrorKind::UnexpectedEof;
        if is_cut { ArchiveError::Directory } else { ArchiveError::Read(error) }
    })
}

fn read_bytes(reader: &mut impl Read, bytes: u64, buffer: &mut Vec<u8>) -> Result<(), ArchiveError> {
    buffer.clear();
    let read = reader.take(bytes).read_to_end(buffer)?;
    if read as u64 == bytes { Ok(()) } else { Err(ArchiveError::Directory) }
}

/// The little-endian number of `width` bytes at `at`; 0 beyond the end.
fn number(bytes: &[u8], at: usize, width: usize) -> u64 {
    let field = bytes.get(at..at + width).unwrap_or_default();
    field.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// A stretch of an archive as a file of its own.
pub(super) struct Window<'input> {
    input: &'input mut dyn ReadSeek,
    start: u64,
    bytes: u64,
    at: u64,
}

impl Window<'_> {
    pub(super) fn size_bytes(&self) -> u64 {
        self.bytes
    }
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.bytes.saturating_sub(self.at);
        self.input.seek(SeekFrom::Start(self.start.saturating_add(self.at)))?;
        let read = (&mut *self.input).take(left).read(buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.bytes.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
