//! SQLite's file format (https://www.sqlite.org/fileformat2.html), as far as rpm's table of packages needs it:
//! `rpmdb.sqlite`.
//!
//! Walks the b-tree of the schema to find the table `Packages (hnum INTEGER PRIMARY KEY, blob BLOB)`, then that of
//! the table. Knows no index, no freelist, no pointer map, no other encoding of text than UTF-8.

use std::ops::ControlFlow;

use crate::limits::{RPM_HEADER_BYTES_MAX, SQLITE_DEPTH_MAX};
use crate::rpm::Each;
use crate::rpm::input::{ByteOrder, Fault, Input};

const MAGIC: &[u8] = b"SQLite format 3\0";
const HEAD_BYTES: u64 = 100;
const USABLE_BYTES_MIN: u32 = 480;
const UTF_8: u32 = 1;
const INTERIOR_PAGE: u8 = 5;
const LEAF_PAGE: u8 = 13;
const LEAF_HEAD_BYTES: usize = 8;
const INTERIOR_HEAD_BYTES: usize = 12;
const SCHEMA_ROOT: u32 = 1;
/// What a row may have beside its blob: the record's head.
const RECORD_HEAD_BYTES_MAX: u64 = 1024;

pub(super) fn headers(input: &mut Input<'_>, each: &mut Each<'_>) -> Result<(), Fault> {
    let mut database = Database::open(input)?;
    let mut root = None;
    let mut damage = None;
    database.walk(SCHEMA_ROOT, &mut |row| {
        match row {
            Ok(row) => root = table_root(row),
            Err(fault) => _ = damage.get_or_insert(fault),
        }
        if root.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    match (root, damage) {
        (Some(root), _) => database.walk(root, &mut |row| {
            each(row.and_then(|row| column(row, 1).ok_or(Fault::Malformed("its row has no blob"))))
        }),
        (None, Some(fault)) => Err(fault),
        (None, None) => Err(Fault::Malformed("it has no table of packages")),
    }
}

/// The first page of the table of packages, where this row of the schema (`type, name, tbl_name, rootpage, sql`)
/// describes it.
fn table_root(row: &[u8]) -> Option<u32> {
    if column(row, 0) != Some(b"table") || column(row, 1) != Some(b"Packages") {
        return None;
    }
    let root = column(row, 3)?.iter().fold(0, |number: u64, byte| (number << 8) | u64::from(*byte));
    u32::try_from(root).ok()
}

/// The bytes of a column of a record: a text, a blob or a big-endian integer; nothing for NULL and numbers without
/// bytes.
fn column(record: &[u8], index: usize) -> Option<&[u8]> {
    let (head_bytes, mut at) = varint(record, 0)?;
    let head = record.get(..usize::try_from(head_bytes).ok()?)?;
    let mut start = head.len();
    for _ in 0..index {
        let (kind, next) = varint(head, at)?;
        start = start.checked_add(column_bytes(kind)?)?;
        at = next;
    }
    let (kind, _) = varint(head, at)?;
    record.get(start..start.checked_add(column_bytes(kind)?)?).filter(|column| !column.is_empty())
}

fn column_bytes(serial_type: u64) -> Option<usize> {
    Some(match serial_type {
        0 | 8 | 9 => 0,
        1..=4 => usize::try_from(serial_type).ok()?,
        5 => 6,
        6 | 7 => 8,
        10 | 11 => return None,
        kind => usize::try_from((kind - 12) / 2).ok()?,
    })
}

/// A number of up to nine bytes, seven bits in each but the ninth, and where it ends.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut number = 0;
    for index in 0..8 {
        let byte = *bytes.get(at.checked_add(index)?)?;
        number = (number << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, at + index + 1));
        }
    }
    let last = *bytes.get(at.checked_add(8)?)?;
    Some(((number << 8) | u64::from(last), at + 9))
}

struct Database<'d, 'i> {
    input: &'d mut Input<'i>,
    page_bytes: u32,
    usable_bytes: u32,
    pages: u32,
}

impl<'d, 'i> Database<'d, 'i> {
    fn open(input: &'d mut Input<'i>) -> Result<Database<'d, 'i>, Fault> {
        let head = input.read(0, HEAD_BYTES, "its head")?;
        if !head.starts_with(MAGIC) {
            return Err(Fault::Malformed("it is not a SQLite database"));
        }
        let page_bytes = match ByteOrder::Big.u16(&head, 16).unwrap_or_default() {
            1 => 65_536,
            bytes => u32::from(bytes),
        };
        let reserved_bytes = head.get(20).copied().map_or(0, u32::from);
        let usable_bytes = page_bytes.saturating_sub(reserved_bytes);
        if !page_bytes.is_power_of_two() || usable_bytes < USABLE_BYTES_MIN {
            return Err(Fault::Malformed("its pages have an impossible size"));
        }
        if ByteOrder::Big.u32(&head, 56).is_some_and(|encoding| encoding > UTF_8) {
            return Err(Fault::Unsupported("its text is not in UTF-8"));
        }
        let pages = input.size_bytes() / u64::from(page_bytes);
        let pages = u32::try_from(pages).map_err(|_| Fault::Malformed("it has too many pages"))?;
        Ok(Database { input, page_bytes, usable_bytes, pages })
    }

    fn page(&mut self, number: u32) -> Result<Vec<u8>, Fault> {
        let before = number.checked_sub(1).ok_or(Fault::Malformed("a page of its table is not named"))?;
        let at = u64::from(before) * u64::from(self.page_bytes);
        self.input.read(at, u64::from(self.page_bytes), "a page of its table")
    }

    /// Calls `each` with every row of the table whose b-tree begins at `root`.
    fn walk(&mut self, root: u32, each: &mut Each<'_>) -> Result<(), Fault> {
        let mut waiting = vec![(root, 0)];
        let mut row = Vec::new();
        while let Some((number, depth)) = waiting.pop() {
            let page = match self.page(number).and_then(|bytes| Page::open(bytes, number)) {
                Ok(page) => page,
                Err(fault) => {
                    if let ControlFlow::Break(()) = each(Err(fault)) {
                        return Ok(());
                    }
                    continue;
                }
            };
            if page.is_leaf {
                for index in 0..page.cells {
                    let payload = self.payload(&page, index, &mut row).map(|()| row.as_slice());
                    if let ControlFlow::Break(()) = each(payload) {
                        return Ok(());
                    }
                }
                continue;
            }
            if depth == SQLITE_DEPTH_MAX {
                return Err(Fault::Circles);
            }
            // The last child waits longest: rows come in the order of their keys.
            waiting.extend(page.children().rev().map(|child| (child, depth + 1)));
            if waiting.len() > self.pages as usize {
                return Err(Fault::Circles);
            }
        }
        Ok(())
    }

    /// The payload of a cell of a leaf, its part on overflow pages included.
    fn payload(&mut self, page: &Page, index: usize, payload: &mut Vec<u8>) -> Result<(), Fault> {
        let damaged = Fault::Malformed("its cell is damaged");
        let cell = page.cell(index).and_then(|at| {
            let (bytes, at) = varint(&page.bytes, at)?;
            let (_, at) = varint(&page.bytes, at)?;
            Some((bytes, at))
        });
        let Some((bytes, at)) = cell else { return Err(damaged) };
        if bytes > RPM_HEADER_BYTES_MAX + RECORD_HEAD_BYTES_MAX {
            return Err(Fault::HeaderTooLarge);
        }
        let local = self.local_bytes(bytes);
        let end = usize::try_from(local).ok().and_then(|local| at.checked_add(local));
        let Some((end, local)) = end.and_then(|end| Some((end, page.bytes.get(at..end)?))) else {
            return Err(damaged);
        };
        payload.clear();
        payload.extend_from_slice(local);
        if (local.len() as u64) < bytes {
            let first = ByteOrder::Big.u32(&page.bytes, end).ok_or(damaged)?;
            self.overflow(first, bytes, payload)?;
        }
        Ok(())
    }

    /// How much of a payload a leaf of a table holds itself.
    fn local_bytes(&self, payload_bytes: u64) -> u64 {
        let usable = u64::from(self.usable_bytes);
        let most = usable - 35;
        if payload_bytes <= most {
            return payload_bytes;
        }
        let least = (usable - 12) * 32 / 255 - 23;
        let fitted = least + (payload_bytes - least) % (usable - 4);
        if fitted <= most { fitted } else { least }
    }

    fn overflow(&mut self, first: u32, bytes: u64, payload: &mut Vec<u8>) -> Result<(), Fault> {
        let mut next = first;
        loop {
            let missing = usize::try_from(bytes).unwrap_or(usize::MAX).saturating_sub(payload.len());
            if missing == 0 {
                return Ok(());
            }
            if next == 0 {
                return Err(Fault::Malformed("its chain of pages is too short"));
            }
            let page = self.page(next)?;
            let part = page.get(4..self.usable_bytes as usize).unwrap_or_default();
            payload.extend_from_slice(part.get(..missing).unwrap_or(part));
            next = ByteOrder::Big.u32(&page, 0).unwrap_or_default();
        }
    }
}

/// A page of a table's b-tree.
struct Page {
    bytes: Vec<u8>,
    is_leaf: bool,
    /// Where the page's head begins: behind the file's, on the first.
    head: usize,
    /// How many cells it states, of which no more are looked for than it has room for.
    cells: usize,
}

impl Page {
    fn open(bytes: Vec<u8>, number: u32) -> Result<Page, Fault> {
        let head = if number == 1 { HEAD_BYTES as usize } else { 0 };
        let is_leaf = match bytes.get(head) {
            Some(&LEAF_PAGE) => true,
            Some(&INTERIOR_PAGE) => false,
            _ => return Err(Fault::Malformed("a page of its table is of another kind")),
        };
        let cells = usize::from(ByteOrder::Big.u16(&bytes, head + 3).unwrap_or_default());
        let cells = cells.min(bytes.len() / 2);
        Ok(Page { bytes, is_leaf, head, cells })
    }

    /// Where a cell begins.
    fn cell(&self, index: usize) -> Option<usize> {
        let head_bytes = if self.is_leaf { LEAF_HEAD_BYTES } else { INTERIOR_HEAD_BYTES };
        ByteOrder::Big.u16(&self.bytes, self.head + head_bytes + 2 * index).map(usize::from)
    }

    /// The pages below an interior page. A number that cannot be read is 0, which is no page.
    fn children(&self) -> impl DoubleEndedIterator<Item = u32> {
        let number = |at| ByteOrder::Big.u32(&self.bytes, at).unwrap_or_default();
        let of_cell = move |index| self.cell(index).map_or(0, number);
        (0..self.cells).map(of_cell).chain([number(self.head + 8)])
    }
}
