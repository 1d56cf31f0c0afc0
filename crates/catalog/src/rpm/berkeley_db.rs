//! Berkeley DB's hash files (dbinc/db_page.h, access method version 5 to 10): `Packages` of Red Hat up to 8 and SUSE
//! up to 15.
//!
//! Reads every hash page in file order and follows the overflow pages of large items; keys are the packages' numbers,
//! of which 0 is no package. Both byte orders. Does not read encrypted files, sorted duplicates or other access methods.

use std::ops::ControlFlow;

use crate::limits::RPM_HEADER_BYTES_MAX;
use crate::rpm::Each;
use crate::rpm::input::{ByteOrder, Fault, Input};

const META_BYTES: u64 = 72;
const HASH_MAGIC: u32 = 0x0006_1561;
const HASH_META_PAGE: u8 = 8;
const PAGE_BYTES_MIN: u32 = 512;
const PAGE_BYTES_MAX: u32 = 64 * 1024;
const PAGE_HEAD_BYTES: usize = 26;
const UNSORTED_HASH_PAGE: u8 = 2;
const OVERFLOW_PAGE: u8 = 7;
const HASH_PAGE: u8 = 13;
const ITEM_HERE: u8 = 1;
const ITEM_OFF_PAGE: u8 = 3;

pub(super) fn headers(input: &mut Input<'_>, each: &mut Each<'_>) -> Result<(), Fault> {
    let mut database = Database::open(input)?;
    let mut header = Vec::new();
    for number in 1..=database.last_page {
        let page = match database.hash_page(number) {
            Ok(None) => continue,
            Ok(Some(page)) => page,
            // What is behind the end of the file is not there page after page.
            Err(fault @ Fault::Truncated(_)) => return Err(fault),
            Err(fault) => {
                if let ControlFlow::Break(()) = each(Err(fault)) {
                    return Ok(());
                }
                continue;
            }
        };
        for pair in 0..database.items(&page) / 2 {
            let header = match database.header(&page, pair, &mut header) {
                Ok(false) => continue,
                Ok(true) => Ok(header.as_slice()),
                Err(fault) => Err(fault),
            };
            if let ControlFlow::Break(()) = each(header) {
                return Ok(());
            }
        }
    }
    Ok(())
}

struct Database<'d, 'i> {
    input: &'d mut Input<'i>,
    order: ByteOrder,
    page_bytes: u32,
    last_page: u32,
}

impl<'d, 'i> Database<'d, 'i> {
    fn open(input: &'d mut Input<'i>) -> Result<Database<'d, 'i>, Fault> {
        let meta = input.read(0, META_BYTES, "its head")?;
        let order = [ByteOrder::Little, ByteOrder::Big]
            .into_iter()
            .find(|order| order.u32(&meta, 12) == Some(HASH_MAGIC))
            .filter(|_| meta.get(25) == Some(&HASH_META_PAGE))
            .ok_or(Fault::Malformed("it is not a hash file of Berkeley DB"))?;
        let number = |at| order.u32(&meta, at).unwrap_or_default();
        let (page_bytes, last_page) = (number(20), number(32));
        if !page_bytes.is_power_of_two() || !(PAGE_BYTES_MIN..=PAGE_BYTES_MAX).contains(&page_bytes) {
            return Err(Fault::Malformed("its pages have an impossible size"));
        }
        if meta.get(24) != Some(&0) || meta.get(26).is_none_or(|flags| flags & 1 != 0) {
            return Err(Fault::Unsupported("its pages are encrypted or have checksums"));
        }
        Ok(Database { input, order, page_bytes, last_page })
    }

    fn page_at(&self, number: u32) -> u64 {
        u64::from(number) * u64::from(self.page_bytes)
    }

    /// A page where it is one of the hash table; of others only the head is read.
    fn hash_page(&mut self, number: u32) -> Result<Option<Vec<u8>>, Fault> {
        let at = self.page_at(number);
        let head = self.input.read(at, PAGE_HEAD_BYTES as u64, "one of its pages")?;
        match head.last() {
            Some(&(HASH_PAGE | UNSORTED_HASH_PAGE)) => {
                self.input.read(at, u64::from(self.page_bytes), "one of its pages").map(Some)
            }
            _ => Ok(None),
        }
    }

    /// How many items a page states, of which no more are looked for than it has room for.
    fn items(&self, page: &[u8]) -> usize {
        let room = page.len().saturating_sub(PAGE_HEAD_BYTES) / 2;
        usize::from(self.order.u16(page, 20).unwrap_or_default()).min(room)
    }

    /// An item. Each ends where the one before it begins, the first at the end of the page.
    fn item<'p>(&self, page: &'p [u8], index: usize) -> Result<&'p [u8], Fault> {
        let offset = |index: usize| self.order.u16(page, PAGE_HEAD_BYTES + 2 * index).map(usize::from);
        let end = match index.checked_sub(1) {
            Some(before) => offset(before),
            None => Some(page.len()),
        };
        let item = offset(index).zip(end).and_then(|(start, end)| page.get(start..end));
        item.filter(|item| !item.is_empty()).ok_or(Fault::Malformed("its page is damaged"))
    }

    /// The header of a pair of items; false for the record that counts packages.
    fn header(&mut self, page: &[u8], pair: usize, header: &mut Vec<u8>) -> Result<bool, Fault> {
        let (key, value) = (self.item(page, 2 * pair)?, self.item(page, 2 * pair + 1)?);
        if key == [ITEM_HERE, 0, 0, 0, 0] {
            return Ok(false);
        }
        header.clear();
        match value.split_first() {
            Some((&ITEM_HERE, rest)) => header.extend_from_slice(rest),
            Some((&ITEM_OFF_PAGE, _)) => self.overflow(value, header)?,
            _ => return Err(Fault::Malformed("its item is of an unknown kind")),
        }
        Ok(true)
    }

    /// What a chain of overflow pages holds.
    fn overflow(&mut self, item: &[u8], header: &mut Vec<u8>) -> Result<(), Fault> {
        let number = |at| self.order.u32(item, at).ok_or(Fault::Malformed("its item is cut short"));
        let (mut next, bytes) = (number(4)?, u64::from(number(8)?));
        if bytes > RPM_HEADER_BYTES_MAX {
            return Err(Fault::HeaderTooLarge);
        }
        while next != 0 && (header.len() as u64) < bytes {
            let at = self.page_at(next);
            let page = self.input.read(at, u64::from(self.page_bytes), "one of its pages")?;
            let stated = self.order.u16(&page, 22).map(usize::from);
            let part = stated.and_then(|stated| page.get(PAGE_HEAD_BYTES..PAGE_HEAD_BYTES + stated));
            let (Some(part), Some(&OVERFLOW_PAGE)) = (part, page.get(PAGE_HEAD_BYTES - 1)) else {
                return Err(Fault::Malformed("a page of its chain is damaged"));
            };
            header.extend_from_slice(part);
            next = self.order.u32(&page, 16).unwrap_or_default();
        }
        if header.len() as u64 == bytes {
            Ok(())
        } else {
            Err(Fault::Malformed("its chain of pages is too short"))
        }
    }
}
