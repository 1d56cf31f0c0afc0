//! Bounded reads from a database file, and what can be wrong with one.
//!
//! Every read is paid from a budget of some times the file's size, so that pages which refer to one another in
//! circles, or many records that claim the same bytes, end by themselves. Trusts no length: what lies beyond the end
//! of the file is a fault before anything is allocated.

use std::io::{self, Read, SeekFrom};

use seawall_finding::GapKind;
use seawall_inventory::ReadSeek;

use crate::limits::{
    RPM_DIRECTORIES_MAX, RPM_HEADER_BYTES_MAX, RPM_PATHS_BYTES_MAX, RPM_READ_BUDGET_BYTES_MIN,
    RPM_READ_BYTES_MIN, RPM_READ_FACTOR_MAX,
};

/// Why a database, or one header of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Read(#[from] io::Error),
    #[error("{0} lies outside the file or is cut short")]
    Truncated(&'static str),
    #[error("{0}")]
    Malformed(&'static str),
    #[error("{0}")]
    Unsupported(&'static str),
    #[error("it has more than {RPM_HEADER_BYTES_MAX} bytes")]
    HeaderTooLarge,
    #[error("the lists of files have more than {RPM_PATHS_BYTES_MAX} bytes")]
    TooManyPaths,
    #[error("it lists more than {RPM_DIRECTORIES_MAX} directories")]
    TooManyDirectories,
    #[error("a text in it is longer than such texts are")]
    TextTooLong,
    #[error("its pages refer to one another in circles")]
    Circles,
}

impl Fault {
    pub(super) fn gap_kind(&self) -> GapKind {
        match self {
            Fault::Read(_) => GapKind::Unreadable,
            Fault::Truncated(_) | Fault::Malformed(_) | Fault::Circles => GapKind::Malformed,
            Fault::Unsupported(_) => GapKind::Unsupported,
            Fault::HeaderTooLarge | Fault::TooManyPaths | Fault::TooManyDirectories | Fault::TextTooLong => {
                GapKind::Limit
            }
        }
    }

    /// Whether nothing more can come of the same file.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Fault::Read(_) | Fault::Circles => true,
            Fault::Truncated(_)
            | Fault::Malformed(_)
            | Fault::Unsupported(_)
            | Fault::HeaderTooLarge
            | Fault::TooManyPaths
            | Fault::TooManyDirectories
            | Fault::TextTooLong => false,
        }
    }
}

/// A database file.
pub(super) struct Input<'i> {
    reader: &'i mut dyn ReadSeek,
    size_bytes: u64,
    budget_bytes: u64,
}

impl<'i> Input<'i> {
    pub(super) fn new(reader: &'i mut dyn ReadSeek, size_bytes: u64) -> Input<'i> {
        let budget_bytes = size_bytes.saturating_mul(RPM_READ_FACTOR_MAX).max(RPM_READ_BUDGET_BYTES_MIN);
        Input { reader, size_bytes, budget_bytes }
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Appends exactly these bytes to `to`.
    pub(super) fn append(
        &mut self,
        offset: u64,
        bytes: u64,
        what: &'static str,
        to: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        if offset.checked_add(bytes).is_none_or(|end| end > self.size_bytes) {
            return Err(Fault::Truncated(what));
        }
        let price = bytes.max(RPM_READ_BYTES_MIN);
        self.budget_bytes = self.budget_bytes.checked_sub(price).ok_or(Fault::Circles)?;
        self.reader.seek(SeekFrom::Start(offset))?;
        let read = (&mut *self.reader).take(bytes).read_to_end(to)?;
        if read as u64 == bytes { Ok(()) } else { Err(Fault::Truncated(what)) }
    }

    /// Exactly these bytes.
    pub(super) fn read(&mut self, offset: u64, bytes: u64, what: &'static str) -> Result<Vec<u8>, Fault> {
        let mut read = Vec::new();
        self.append(offset, bytes, what, &mut read)?;
        Ok(read)
    }
}

/// The order of the bytes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// The two bytes at `at`.
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let field = array(bytes, at)?;
        Some(match self {
            ByteOrder::Little => u16::from_le_bytes(field),
            ByteOrder::Big => u16::from_be_bytes(field),
        })
    }

    /// The four bytes at `at`.
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let field = array(bytes, at)?;
        Some(match self {
            ByteOrder::Little => u32::from_le_bytes(field),
            ByteOrder::Big => u32::from_be_bytes(field),
        })
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}
