//! CBOR (RFC 8949), as far as COSE signatures need it, and strictly: definite lengths, no key of a map twice, no floats.

use crate::limits::{CBOR_DEPTH_MAX, CBOR_ITEMS_MAX};

/// One item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Integer(i128),
    Bytes(Vec<u8>),
    Text(String),
    Array(Vec<Item>),
    Map(Vec<(Item, Item)>),
    Tag(u64, Box<Item>),
    Null,
}

impl Item {
    /// The value of a key, of a map.
    pub(super) fn get(&self, key: &Item) -> Option<&Item> {
        let Item::Map(entries) = self else { return None };
        entries.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }
}

/// Reads a document of one item.
pub(super) fn read(bytes: &[u8]) -> Result<Item, &'static str> {
    let mut reader = Reader { rest: bytes, items: 0 };
    let item = reader.item(0)?;
    if reader.rest.is_empty() { Ok(item) } else { Err("something behind the end") }
}

/// Writes the head of an item: its major type and length.
pub(super) fn head(major: u8, value: usize) -> Vec<u8> {
    let bytes = (value as u64).to_be_bytes();
    let first = |low: u8| major << 5 | low;
    match value {
        0..24 => vec![first(bytes[7])],
        24..0x100 => vec![first(24), bytes[7]],
        0x100..0x1_0000 => [&[first(25)], &bytes[6..]].concat(),
        0x1_0000..0x1_0000_0000 => [&[first(26)], &bytes[4..]].concat(),
        _ => [&[first(27)], &bytes[..]].concat(),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    items: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: u64) -> Result<&'a [u8], &'static str> {
        let count = usize::try_from(count).map_err(|_| "it breaks off")?;
        let (taken, rest) = self.rest.split_at_checked(count).ok_or("it breaks off")?;
        self.rest = rest;
        Ok(taken)
    }

    fn item(&mut self, depth: usize) -> Result<Item, &'static str> {
        self.items += 1;
        if depth > CBOR_DEPTH_MAX || self.items > CBOR_ITEMS_MAX {
            return Err("it is nested too deeply or has too many items");
        }
        let [first] = self.take(1)? else { return Err("it breaks off") };
        let (major, low) = (first >> 5, first & 0x1f);
        let width = match low {
            0..24 => 0,
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return Err("an indefinite length, or a length that is reserved"),
        };
        let value = match width {
            0 => u64::from(low),
            _ => self.take(width)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)),
        };
        Ok(match major {
            0 => Item::Integer(i128::from(value)),
            1 => Item::Integer(-1 - i128::from(value)),
            2 => Item::Bytes(self.take(value)?.to_vec()),
            3 => {
                let text = String::from_utf8(self.take(value)?.to_vec());
                Item::Text(text.map_err(|_| "a text that is not UTF-8")?)
            }
            4 => {
                let mut items = Vec::new();
                for _ in 0..value {
                    items.push(self.item(depth + 1)?);
                }
                Item::Array(items)
            }
            5 => self.map(value, depth)?,
            6 => Item::Tag(value, Box::new(self.item(depth + 1)?)),
            _ if value == 22 && low == 22 => Item::Null,
            _ => return Err("a value of a kind that has no place here"),
        })
    }

    fn map(&mut self, count: u64, depth: usize) -> Result<Item, &'static str> {
        let mut entries: Vec<(Item, Item)> = Vec::new();
        for _ in 0..count {
            let key = self.item(depth + 1)?;
            if entries.iter().any(|(known, _)| *known == key) {
                return Err("a map with a key twice");
            }
            entries.push((key, self.item(depth + 1)?));
        }
        Ok(Item::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Result<Item, &str>) {
        assert_eq!(read(bytes), expected, "{bytes:x?}");
    }

    #[test]
    fn items() {
        check(&[0x17], Ok(Item::Integer(23)));
        check(&[0x38, 0x25], Ok(Item::Integer(-38)));
        check(&[0x62, b'a', b'b'], Ok(Item::Text("ab".to_owned())));
        check(&[0xd2, 0x81, 0xf6], Ok(Item::Tag(18, Box::new(Item::Array(vec![Item::Null])))));
        check(&[0xa1, 1, 2], Ok(Item::Map(vec![(Item::Integer(1), Item::Integer(2))])));
        check(&[0xa2, 1, 2, 1, 3], Err("a map with a key twice"));
        check(&[0x9f, 0xff], Err("an indefinite length, or a length that is reserved"));
        check(&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Err("it breaks off"));
        check(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], Err("it breaks off"));
        check(&[0xfb, 0, 0, 0, 0, 0, 0, 0, 0], Err("a value of a kind that has no place here"));
        check(&[1, 1], Err("something behind the end"));
        check(&[0x81; 64], Err("it is nested too deeply or has too many items"));
    }

    #[test]
    fn heads_are_read() {
        for length in [0, 23, 24, 255, 256, 65_535, 65_536] {
            let bytes = [head(2, length), vec![7; length]].concat();
            assert_eq!(read(&bytes), Ok(Item::Bytes(vec![7; length])));
        }
    }
}
