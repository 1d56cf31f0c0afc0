//! Sorted string tables, front-coded in blocks of 16: a string costs its unshared suffix and two bytes.
//!
//! Layout: `count u32`, one `u32` offset per block, blocks. The first string of a block is
//! `length varint, bytes`, the others `shared varint, length varint, bytes`.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::wire::{Cursor, Damaged, put_varint, u32_at};
use crate::limits::STRING_BYTES_MAX;

const BLOCK: usize = 16;
const WHAT: &str = "string table";

/// Strings on their way into a table: numbered as they come, renumbered when sorted.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    numbers: HashMap<String, u32>,
}

impl Interner {
    /// The string's preliminary number.
    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(text.to_owned(), number);
        number
    }

    /// The encoded table, and the final number for each preliminary one.
    pub(crate) fn finish(&self) -> (Vec<u8>, Vec<u32>) {
        let mut sorted: Vec<(&str, u32)> =
            self.numbers.iter().map(|(text, number)| (text.as_str(), *number)).collect();
        sorted.sort_unstable();
        let mut finals = vec![0; sorted.len()];
        for (at, (_, preliminary)) in sorted.iter().enumerate() {
            if let Some(slot) = finals.get_mut(*preliminary as usize) {
                *slot = at as u32;
            }
        }
        (encode(sorted.iter().map(|(text, _)| *text)), finals)
    }
}

/// Encodes sorted, distinct strings.
pub(crate) fn encode<'s>(sorted: impl ExactSizeIterator<Item = &'s str>) -> Vec<u8> {
    let count = sorted.len();
    let mut offsets = Vec::with_capacity(count.div_ceil(BLOCK));
    let mut blocks = Vec::new();
    let mut previous = "";
    for (at, text) in sorted.enumerate() {
        let shared = if at % BLOCK == 0 {
            offsets.push(blocks.len() as u32);
            0
        } else {
            let shared = text.bytes().zip(previous.bytes()).take_while(|(a, b)| a == b).count();
            put_varint(&mut blocks, shared as u64);
            shared
        };
        let suffix = text.as_bytes().get(shared..).unwrap_or_default();
        put_varint(&mut blocks, suffix.len() as u64);
        blocks.extend_from_slice(suffix);
        previous = text;
    }
    let mut out = Vec::with_capacity(4 + offsets.len() * 4 + blocks.len());
    out.extend_from_slice(&(count as u32).to_le_bytes());
    out.extend(offsets.iter().flat_map(|offset| offset.to_le_bytes()));
    out.extend_from_slice(&blocks);
    out
}

/// A string table in a mapped shard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strings<'d> {
    count: usize,
    offsets: &'d [u8],
    blocks: &'d [u8],
}

impl<'d> Strings<'d> {
    pub(crate) fn new(section: &'d [u8]) -> Result<Strings<'d>, Damaged> {
        let count = u32_at(section, 0, WHAT)? as usize;
        let rest = section.get(4..).ok_or(Damaged(WHAT))?;
        let (offsets, blocks) = rest.split_at_checked(count.div_ceil(BLOCK) * 4).ok_or(Damaged(WHAT))?;
        Ok(Strings { count, offsets, blocks })
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The string with this number.
    pub(crate) fn get(&self, number: u32) -> Result<String, Damaged> {
        let number = number as usize;
        if number >= self.count {
            return Err(Damaged(WHAT));
        }
        let mut cursor = self.block(number / BLOCK)?;
        let mut text = Vec::new();
        for position in 0..=number % BLOCK {
            step(&mut cursor, position == 0, &mut text)?;
        }
        String::from_utf8(text).map_err(|_| Damaged(WHAT))
    }

    /// The number of a string.
    pub(crate) fn find(&self, wanted: &str) -> Result<Option<u32>, Damaged> {
        let at = self.lower_bound(wanted)?;
        Ok(match at < self.count && self.get(at as u32)? == wanted {
            true => Some(at as u32),
            false => None,
        })
    }

    /// The number of the first string that does not sort before this one.
    pub(crate) fn lower_bound(&self, wanted: &str) -> Result<usize, Damaged> {
        let (mut low, mut high) = (0, self.count.div_ceil(BLOCK));
        let mut text = Vec::new();
        while low < high {
            let middle = low + (high - low) / 2;
            step(&mut self.block(middle)?, true, &mut text)?;
            if text.as_slice() <= wanted.as_bytes() {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let Some(block) = low.checked_sub(1) else { return Ok(0) };
        let mut cursor = self.block(block)?;
        for position in 0..BLOCK {
            let number = block * BLOCK + position;
            if number >= self.count {
                return Ok(self.count);
            }
            step(&mut cursor, position == 0, &mut text)?;
            if text.as_slice().cmp(wanted.as_bytes()) != Ordering::Less {
                return Ok(number);
            }
        }
        Ok(((block + 1) * BLOCK).min(self.count))
    }

    fn block(&self, block: usize) -> Result<Cursor<'d>, Damaged> {
        Cursor::at(self.blocks, u64::from(u32_at(self.offsets, block, WHAT)?), WHAT)
    }
}

/// Turns the previous string of a block into the next one.
fn step(cursor: &mut Cursor<'_>, first: bool, text: &mut Vec<u8>) -> Result<(), Damaged> {
    let shared = if first { 0 } else { cursor.length(WHAT)? };
    let suffix = cursor.length(WHAT)?;
    if shared > text.len() || suffix > STRING_BYTES_MAX || shared + suffix > STRING_BYTES_MAX {
        return Err(Damaged(WHAT));
    }
    text.truncate(shared);
    text.extend_from_slice(cursor.take(suffix, WHAT)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_string_is_found_and_no_other(
            texts in proptest::collection::btree_set("[ab/.0-9é]{0,6}", 0..80),
            stranger in "[ab/.0-9é]{0,6}",
        ) {
            let texts: BTreeSet<String> = texts;
            let sorted: Vec<&str> = texts.iter().map(String::as_str).collect();
            let bytes = encode(sorted.iter().copied());
            let table = Strings::new(&bytes).unwrap();
            for (at, text) in sorted.iter().enumerate() {
                prop_assert_eq!(&table.get(at as u32).unwrap(), text);
                prop_assert_eq!(table.find(text).unwrap(), Some(at as u32));
            }
            prop_assert_eq!(table.find(&stranger).unwrap().is_some(), texts.contains(&stranger));
            prop_assert!(table.get(sorted.len() as u32).is_err());
        }

        #[test]
        fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), wanted in ".{0,4}") {
            if let Ok(table) = Strings::new(&bytes) {
                let _ = table.find(&wanted);
                for number in 0..table.len().min(100) {
                    let _ = table.get(number as u32);
                }
            }
        }
    }
}
