//! The header of a package (rpm's "Package format V4", Header Structure), as databases store it: without its magic.
//!
//! Two counts, an index of fixed-size entries, then the data that they point into; all numbers big-endian. The first
//! entries describe what was signed when the package was built, entries behind them were added at installation and
//! replace those of the same tag. Only the tags below are read.

use std::collections::HashMap;

use crate::limits::{RPM_HEADER_BYTES_MAX, RPM_HEADER_TAGS_MAX};
use crate::rpm::input::ByteOrder;
use crate::rpm::input::Fault;

/// A tag's number (rpmtag.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Tag(pub(super) u32);

pub(super) const NAME: Tag = Tag(1000);
pub(super) const VERSION: Tag = Tag(1001);
pub(super) const RELEASE: Tag = Tag(1002);
pub(super) const EPOCH: Tag = Tag(1003);
pub(super) const VENDOR: Tag = Tag(1011);
pub(super) const LICENSE: Tag = Tag(1014);
pub(super) const ARCHITECTURE: Tag = Tag(1022);
/// Whole paths, in packages of rpm 3.
pub(super) const OLD_FILE_NAMES: Tag = Tag(1027);
pub(super) const FILE_MODES: Tag = Tag(1030);
pub(super) const SOURCE_RPM: Tag = Tag(1044);
pub(super) const DIRECTORY_INDEXES: Tag = Tag(1116);
pub(super) const BASE_NAMES: Tag = Tag(1117);
pub(super) const DIRECTORY_NAMES: Tag = Tag(1118);
pub(super) const MODULARITY_LABEL: Tag = Tag(5096);

const TAGS: &[Tag] = &[
    NAME,
    VERSION,
    RELEASE,
    EPOCH,
    VENDOR,
    LICENSE,
    ARCHITECTURE,
    OLD_FILE_NAMES,
    FILE_MODES,
    SOURCE_RPM,
    DIRECTORY_INDEXES,
    BASE_NAMES,
    DIRECTORY_NAMES,
    MODULARITY_LABEL,
];

const COUNTS_BYTES: usize = 8;
const ENTRY_BYTES: usize = 16;
const TYPE_INT16: u32 = 3;
const TYPE_INT32: u32 = 4;
const TYPE_STRING: u32 = 6;
const TYPE_STRING_ARRAY: u32 = 8;
const TYPE_TRANSLATED_STRING: u32 = 9;

/// An entry of the index.
#[derive(Debug, Clone, Copy)]
struct Item {
    kind: u32,
    offset: usize,
    count: usize,
}

/// A parsed header.
#[derive(Debug)]
pub(super) struct Header<'b> {
    items: HashMap<Tag, Item>,
    data: &'b [u8],
}

impl<'b> Header<'b> {
    pub(super) fn parse(bytes: &'b [u8]) -> Result<Header<'b>, Fault> {
        let number = |at| ByteOrder::Big.u32(bytes, at).and_then(|number| usize::try_from(number).ok());
        let damaged = Fault::Malformed("its size does not fit its counts");
        let (Some(entries), Some(data_bytes)) = (number(0), number(4)) else { return Err(damaged) };
        if entries > RPM_HEADER_TAGS_MAX {
            return Err(Fault::Malformed("it states more tags than rpm allows"));
        }
        if data_bytes as u64 > RPM_HEADER_BYTES_MAX {
            return Err(Fault::HeaderTooLarge);
        }
        let data_at = COUNTS_BYTES + entries * ENTRY_BYTES;
        let index = bytes.get(COUNTS_BYTES..data_at);
        let data = bytes.get(data_at..data_at + data_bytes);
        let (Some(index), Some(data)) = (index, data) else { return Err(damaged) };
        let items = index.chunks_exact(ENTRY_BYTES).filter_map(item).collect();
        Ok(Header { items, data })
    }

    pub(super) fn has(&self, tag: Tag) -> bool {
        self.items.contains_key(&tag)
    }

    /// The (first) text of a tag.
    pub(super) fn text(&self, tag: Tag) -> Result<Option<&'b [u8]>, Fault> {
        let Some(mut texts) = self.texts(tag)? else { return Ok(None) };
        texts.next().transpose()
    }

    /// All texts of a tag. An item that is an error ends them.
    pub(super) fn texts(&self, tag: Tag) -> Result<Option<Texts<'b>>, Fault> {
        let Some(item) = self.items.get(&tag) else { return Ok(None) };
        let count = match item.kind {
            TYPE_STRING => 1,
            TYPE_STRING_ARRAY | TYPE_TRANSLATED_STRING => item.count,
            _ => return Err(Fault::Malformed("a tag of text is of another type")),
        };
        let rest = self.data.get(item.offset..).ok_or(Fault::Malformed("a tag points outside of it"))?;
        Ok(Some(Texts { rest, left: count }))
    }

    /// The numbers of a tag of 16 or 32 bits.
    pub(super) fn numbers(&self, tag: Tag) -> Result<Option<Numbers<'b>>, Fault> {
        let Some(item) = self.items.get(&tag) else { return Ok(None) };
        let width = match item.kind {
            TYPE_INT16 => 2,
            TYPE_INT32 => 4,
            _ => return Err(Fault::Malformed("a tag of numbers is of another type")),
        };
        let bytes = item.count.checked_mul(width).and_then(|bytes| item.offset.checked_add(bytes));
        let field = bytes.and_then(|end| self.data.get(item.offset..end));
        let field = field.ok_or(Fault::Malformed("a tag points outside of it"))?;
        Ok(Some(Numbers { field, width }))
    }
}

fn item(entry: &[u8]) -> Option<(Tag, Item)> {
    let number = |at| ByteOrder::Big.u32(entry, at);
    let tag = Tag(number(0)?);
    let size = |at| number(at).and_then(|number| usize::try_from(number).ok());
    // An offset that is negative where it is signed lies outside of any header.
    TAGS.contains(&tag).then_some((tag, Item { kind: number(4)?, offset: size(8)?, count: size(12)? }))
}

/// Texts that each end with a zero byte.
#[derive(Debug, Clone)]
pub(super) struct Texts<'b> {
    rest: &'b [u8],
    left: usize,
}

impl Texts<'_> {
    /// How many there should be.
    pub(super) fn left(&self) -> usize {
        self.left
    }
}

impl<'b> Iterator for Texts<'b> {
    type Item = Result<&'b [u8], Fault>;

    fn next(&mut self) -> Option<Result<&'b [u8], Fault>> {
        self.left = self.left.checked_sub(1)?;
        let parts =
            self.rest.iter().position(|&byte| byte == 0).and_then(|end| self.rest.split_at_checked(end));
        let Some((text, rest)) = parts else {
            self.left = 0;
            return Some(Err(Fault::Malformed("a text in it does not end")));
        };
        self.rest = rest.get(1..).unwrap_or_default();
        Some(Ok(text))
    }
}

/// Numbers of 16 or 32 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers<'b> {
    field: &'b [u8],
    width: usize,
}

impl Numbers<'_> {
    pub(super) fn count(&self) -> usize {
        self.field.len() / self.width
    }

    pub(super) fn get(&self, index: usize) -> Option<u32> {
        let at = index.checked_mul(self.width)?;
        match self.width {
            2 => ByteOrder::Big.u16(self.field, at).map(u32::from),
            _ => ByteOrder::Big.u32(self.field, at),
        }
    }
}
