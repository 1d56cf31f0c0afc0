//! Executable files: which sections and segments an ELF, PE or Mach-O file has, and bounded reads from them.
//!
//! Reads headers and the asked-for ranges only, never a whole file. Knows no symbols, relocations or debug
//! information, and trusts no length that a header states: a read ends where the file does.

use std::io::{self, Read, SeekFrom};

use seawall_inventory::{Entry, EntryKind, Interest, ReadSeek};

use crate::limits::{
    EXECUTABLE_BYTES_MIN, EXECUTABLE_NAME_BYTES_MAX, EXECUTABLE_NAMES_BYTES_MAX, EXECUTABLE_REGIONS_MAX,
};

mod elf;
#[cfg(test)]
pub(crate) mod fixture;
mod mach_o;
mod pe;

/// A section or segment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Region {
    /// `.rodata`; empty for a segment without a name.
    pub(crate) name: String,
    /// Virtual address.
    pub(crate) address: u64,
    /// Position in the file.
    pub(crate) offset: u64,
    /// Bytes in the file.
    pub(crate) size: u64,
    /// Whether it is writable data with bytes in the file.
    pub(crate) is_writable_data: bool,
}

/// The container format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Elf,
    Pe,
    MachO,
}

/// The map of an executable file.
pub(crate) struct Executable<'input> {
    input: Input<'input>,
    pub(crate) format: Format,
    /// Named parts.
    pub(crate) sections: Vec<Region>,
    /// Parts that are mapped into memory.
    pub(crate) segments: Vec<Region>,
}

/// Why an executable cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecutableError {
    #[error("the file cannot be read")]
    Read(#[from] io::Error),
    #[error("its {0} lies outside the file or is cut short")]
    Truncated(&'static str),
    #[error("it has more than {EXECUTABLE_REGIONS_MAX} {0}")]
    TooMany(&'static str),
}

/// Files whose first bytes are worth a look: executable ones, libraries, and those whose name tells nothing.
pub(crate) fn interest(entry: &Entry<'_>) -> Interest {
    if entry.kind != EntryKind::File || entry.size_bytes < EXECUTABLE_BYTES_MIN {
        return Interest::No;
    }
    if entry.is_executable() {
        return Interest::Whole;
    }
    let name = entry.name();
    let is_plausible = match name.rsplit_once('.') {
        None => true,
        Some((stem, extension)) => {
            matches!(extension, "so" | "exe" | "dll" | "dylib" | "node" | "bin" | "elf" | "plugin")
                || stem.contains(".so")
                || stem.ends_with(".so")
        }
    };
    if is_plausible { Interest::Whole } else { Interest::No }
}

/// Whether these first bytes are those of an executable format.
pub(crate) fn format_of(head: &[u8]) -> Option<Format> {
    match head.get(..4)? {
        b"\x7fELF" => Some(Format::Elf),
        [b'M', b'Z', ..] => Some(Format::Pe),
        [0xfe, 0xed, 0xfa, 0xce | 0xcf] | [0xce | 0xcf, 0xfa, 0xed, 0xfe] | [0xca, 0xfe, 0xba, 0xbe] => {
            Some(Format::MachO)
        }
        _ => None,
    }
}

impl<'input> Executable<'input> {
    /// Reads the headers; `None` when the file is of another kind.
    pub(crate) fn open(
        input: &'input mut dyn ReadSeek,
        size_bytes: u64,
    ) -> Result<Option<Executable<'input>>, ExecutableError> {
        let mut input = Input { reader: input, size_bytes };
        let head = input.read_at(0, 4)?;
        let Some(format) = format_of(&head) else { return Ok(None) };
        let map = match format {
            Format::Elf => elf::map(&mut input)?,
            Format::Pe => pe::map(&mut input)?,
            Format::MachO => mach_o::map(&mut input)?,
        };
        Ok(map.map(|Map { sections, segments }| Executable { input, format, sections, segments }))
    }

    /// The first section with this name.
    pub(crate) fn section(&self, name: &str) -> Option<&Region> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// At most `bytes_max` bytes of a region from `at` on; fewer where it or the file ends.
    pub(crate) fn read(&mut self, region: &Region, at: u64, bytes_max: u64) -> io::Result<Vec<u8>> {
        let left = region.size.saturating_sub(at);
        self.input.read_at(region.offset.saturating_add(at), left.min(bytes_max))
    }

    /// The region and the position in it that a virtual address points to.
    pub(crate) fn locate(&self, address: u64) -> Option<(Region, u64)> {
        let regions = self.segments.iter().chain(&self.sections);
        let found = regions
            .filter(|region| region.address != 0 && region.size != 0)
            .find(|region| address >= region.address && address - region.address < region.size)?;
        Some((found.clone(), address - found.address))
    }
}

/// Sections and segments as a format's reader finds them.
#[derive(Debug, Default)]
struct Map {
    sections: Vec<Region>,
    segments: Vec<Region>,
}

struct Input<'input> {
    reader: &'input mut dyn ReadSeek,
    size_bytes: u64,
}

impl Input<'_> {
    /// As many of these bytes as the file has.
    fn read_at(&mut self, offset: u64, bytes: u64) -> io::Result<Vec<u8>> {
        let bytes = bytes.min(self.size_bytes.saturating_sub(offset));
        if bytes == 0 {
            return Ok(Vec::new());
        }
        self.reader.seek(SeekFrom::Start(offset))?;
        let mut read = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0).min(1 << 20));
        (&mut *self.reader).take(bytes).read_to_end(&mut read)?;
        Ok(read)
    }

    /// Exactly these bytes.
    fn exact(&mut self, offset: u64, bytes: u64, what: &'static str) -> Result<Vec<u8>, ExecutableError> {
        let read = self.read_at(offset, bytes)?;
        if read.len() as u64 == bytes { Ok(read) } else { Err(ExecutableError::Truncated(what)) }
    }

    /// A table of `count` records of `width` bytes.
    fn table(
        &mut self,
        offset: u64,
        count: u64,
        width: u64,
        what: &'static str,
    ) -> Result<Vec<u8>, ExecutableError> {
        if count > EXECUTABLE_REGIONS_MAX {
            return Err(ExecutableError::TooMany(what));
        }
        self.exact(offset, count.saturating_mul(width), what)
    }
}

/// Numbers of one byte order.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    is_big_endian: bool,
}

impl Numbers {
    /// The unsigned number of `width` bytes (at most 8) at `at`.
    fn at(self, bytes: &[u8], at: usize, width: usize) -> Option<u64> {
        let field = bytes.get(at..at.checked_add(width)?)?;
        let push = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
        Some(if self.is_big_endian { field.iter().fold(0, push) } else { field.iter().rev().fold(0, push) })
    }
}

/// A name that ends at the first zero byte.
fn name_in(bytes: &[u8]) -> String {
    let bytes = bytes.get(..EXECUTABLE_NAME_BYTES_MAX).unwrap_or(bytes);
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned()
}

/// The start of a section-name table; names beyond it are empty.
fn names(input: &mut Input<'_>, offset: u64, size: u64) -> io::Result<Vec<u8>> {
    input.read_at(offset, size.min(EXECUTABLE_NAMES_BYTES_MAX))
}
