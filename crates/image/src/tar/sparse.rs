//! Sparse files: maps of the segments that hold data, and reading with zeros between them.

use std::io::{self, Read};

use super::BLOCK;
use super::pax::decimal;

/// One stretch of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) offset: u64,
    pub(super) bytes: u64,
}

/// Whether the segments are in order, apart and inside the file.
pub(super) fn is_valid(segments: &[Segment], size_bytes: u64) -> bool {
    let mut end = 0;
    segments.iter().all(|segment| {
        let in_order = segment.offset >= end;
        match segment.offset.checked_add(segment.bytes) {
            Some(next) => {
                end = next;
                in_order && next <= size_bytes
            }
            None => false,
        }
    })
}

/// Formats 0.0 and 0.1: `offset,bytes,offset,bytes…`. One segment more than `max` is enough to know.
pub(super) fn parse_map(text: &[u8], max: usize) -> Option<Vec<Segment>> {
    let mut numbers = text.split(|&byte| byte == b',').map(decimal);
    let mut segments = Vec::new();
    while let Some(offset) = numbers.next() {
        if segments.len() > max {
            break;
        }
        segments.push(Segment { offset: offset?, bytes: numbers.next()?? });
    }
    Some(segments)
}

/// Format 1.0: the map stands before the data, numbers on lines, filled up to a block. `None` when it is not one.
pub(super) fn read_map(body: &mut impl Read, max: usize) -> io::Result<Option<Vec<Segment>>> {
    let mut lines = Lines { body, block: [0; BLOCK], at: BLOCK };
    let Some(count) = lines.number()? else { return Ok(None) };
    let mut segments = Vec::new();
    for _ in 0..count {
        if segments.len() > max {
            break;
        }
        let (Some(offset), Some(bytes)) = (lines.number()?, lines.number()?) else { return Ok(None) };
        segments.push(Segment { offset, bytes });
    }
    Ok(Some(segments))
}

/// Reads numbers block by block, so that the data behind the last block is left alone.
struct Lines<'r, R> {
    body: &'r mut R,
    block: [u8; BLOCK],
    at: usize,
}

impl<R: Read> Lines<'_, R> {
    fn number(&mut self) -> io::Result<Option<u64>> {
        let mut digits = Vec::new();
        loop {
            if self.at == BLOCK {
                match self.body.read_exact(&mut self.block) {
                    Ok(()) => self.at = 0,
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                    Err(error) => return Err(error),
                }
            }
            let byte = self.block.get(self.at).copied().unwrap_or(b'\n');
            self.at += 1;
            match byte {
                b'\n' => return Ok(decimal(&digits)),
                byte if digits.len() < 20 => digits.push(byte),
                _ => return Ok(None),
            }
        }
    }
}

/// Where a reader stands in a sparse file.
pub(super) struct Sparse {
    segments: std::vec::IntoIter<Segment>,
    current: Option<Segment>,
    position: u64,
    size_bytes: u64,
}

impl Sparse {
    pub(super) fn new(segments: Vec<Segment>, size_bytes: u64) -> Sparse {
        let mut segments = segments.into_iter();
        let current = segments.next();
        Sparse { segments, current, position: 0, size_bytes }
    }

    /// Reads the next bytes: zeros in a hole, `stored` inside a segment.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        mut stored: impl FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        while let Some(segment) = self.current {
            let end = segment.offset.saturating_add(segment.bytes);
            if self.position < end {
                break;
            }
            self.current = self.segments.next();
        }
        let (until, is_data) = match self.current {
            Some(segment) if segment.offset <= self.position => {
                (segment.offset.saturating_add(segment.bytes), true)
            }
            Some(segment) => (segment.offset, false),
            None => (self.size_bytes, false),
        };
        let left = usize::try_from(until.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let Some(buffer) = buffer.get_mut(..length).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        let read = match is_data {
            true => stored(buffer)?,
            false => {
                buffer.fill(0);
                length
            }
        };
        if read == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "a sparse file has less data than its map",
            ));
        }
        self.position += read as u64;
        Ok(read)
    }
}
