//! A streaming tar reader: POSIX ustar with pax and GNU long names. Regular files only; everything else
//! is skipped, and nothing is ever written to disk.

use std::io::{self, Read};

use crate::feed::limits::TAR_NAME_BYTES_MAX;

const BLOCK: usize = 512;

/// Reads a tar archive entry by entry.
pub(super) struct Tar<R> {
    reader: R,
    /// Bytes of the current entry's data that were not read yet, without its padding.
    remaining: u64,
    padding: u64,
}

/// A regular file of the archive.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) size_bytes: u64,
}

/// Whether a file that begins with `head` is a tar archive.
pub(super) fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

impl<R: Read> Tar<R> {
    pub(super) fn new(reader: R) -> Tar<R> {
        Tar { reader, remaining: 0, padding: 0 }
    }

    /// The next regular file; `None` at the end of the archive.
    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        let mut long_name: Option<String> = None;
        loop {
            self.skip()?;
            let mut header = [0u8; BLOCK];
            if !read_block(&mut self.reader, &mut header)? || header.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
            let size = number(field(&header, 124, 12)).ok_or_else(|| malformed("size field"))?;
            self.remaining = size;
            self.padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
            match header.get(156).copied().unwrap_or(0) {
                b'L' => long_name = Some(text(&self.small()?)),
                b'x' => long_name = pax_path(&self.small()?).or(long_name),
                0 | b'0' | b'7' => {
                    let name = long_name.unwrap_or_else(|| ustar_name(&header));
                    return Ok(Some(Entry { name, size_bytes: size }));
                }
                _ => long_name = None,
            }
        }
    }

    fn skip(&mut self) -> io::Result<()> {
        let bytes = self.remaining.saturating_add(self.padding);
        let skipped = io::copy(&mut (&mut self.reader).take(bytes), &mut io::sink())?;
        self.remaining = 0;
        self.padding = 0;
        if skipped < bytes { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    fn small(&mut self) -> io::Result<Vec<u8>> {
        if self.remaining > TAR_NAME_BYTES_MAX {
            return Err(malformed("extended header"));
        }
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// The current entry's bytes.
impl<R: Read> Read for Tar<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(buffer.len());
        let Some(part) = buffer.get_mut(..most).filter(|part| !part.is_empty()) else { return Ok(0) };
        let read = self.reader.read(part)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.remaining = self.remaining.saturating_sub(read as u64);
        Ok(read)
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the tar archive has a bad {what}"))
}

/// False at a clean end.
fn read_block(reader: &mut impl Read, block: &mut [u8; BLOCK]) -> io::Result<bool> {
    let mut filled = 0;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest)? {
            0 if filled == 0 => return Ok(false),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
    }
    Ok(true)
}

fn field(header: &[u8; BLOCK], at: usize, length: usize) -> &[u8] {
    header.get(at..at + length).unwrap_or_default()
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// Octal digits, or base 256 when the first bit is set (GNU, for sizes from 8 GiB).
fn number(bytes: &[u8]) -> Option<u64> {
    if let Some((first, rest)) = bytes.split_first()
        && first & 0x80 != 0
    {
        return rest
            .iter()
            .try_fold(0u64, |value, byte| value.checked_mul(256)?.checked_add(u64::from(*byte)));
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let digits = text.trim_matches(|c: char| c == ' ' || c == '\0');
    if digits.is_empty() { Some(0) } else { u64::from_str_radix(digits, 8).ok() }
}

fn ustar_name(header: &[u8; BLOCK]) -> String {
    let name = text(field(header, 0, 100));
    let prefix = text(field(header, 345, 155));
    // GNU archives have times where ustar has the prefix.
    if prefix.is_empty() || field(header, 257, 6) != b"ustar\0" { name } else { format!("{prefix}/{name}") }
}

/// `path` of the records `length key=value\n` (POSIX pax).
fn pax_path(bytes: &[u8]) -> Option<String> {
    let mut rest = bytes;
    let mut path = None;
    while let Some(space) = rest.iter().position(|byte| *byte == b' ') {
        let length: usize = std::str::from_utf8(rest.get(..space)?).ok()?.parse().ok()?;
        let record = rest.get(space + 1..length)?;
        if let Some(value) = record.strip_prefix(b"path=") {
            path = Some(String::from_utf8_lossy(value.strip_suffix(b"\n").unwrap_or(value)).into_owned());
        }
        rest = rest.get(length..).filter(|_| length > 0)?;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(number(b"00000000017\0"), Some(15));
        assert_eq!(number(b"           \0"), Some(0));
        assert_eq!(number(b"0000008"), None);
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1]), Some(8_589_934_593));
        assert_eq!(number(&[0xff; 12]), None);
    }

    #[test]
    fn pax_records() {
        assert_eq!(pax_path(b"11 path=ab\n").as_deref(), Some("ab"));
        assert_eq!(pax_path(b"9 a=bcde\n11 path=ab\n").as_deref(), Some("ab"));
        assert_eq!(pax_path(b"0 path=ab\n"), None);
        assert_eq!(pax_path(b"99999 path=ab\n"), None);
    }

    #[test]
    fn a_cut_archive_is_an_error_and_no_panic() {
        let mut header = [0u8; 512];
        header[..3].copy_from_slice(b"abc");
        header[124..135].copy_from_slice(b"00000001000");
        header[257..262].copy_from_slice(b"ustar");
        let mut tar = Tar::new(&header[..]);
        let entry = tar.next().unwrap().unwrap();
        assert_eq!((entry.name.as_str(), entry.size_bytes), ("abc", 512));
        assert!(tar.next().is_err());
    }
}
