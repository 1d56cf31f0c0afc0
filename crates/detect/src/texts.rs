//! Sets of texts that say no quickly: most names are in no list.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// A set of texts.
#[derive(Debug, Default)]
pub(crate) struct TextSet {
    texts: HashSet<Box<str>, BuildHasherDefault<Multiply>>,
    /// A bit for each length up to 63.
    lengths: u64,
    /// A bit for each first byte, modulo 64.
    firsts: u64,
}

impl TextSet {
    pub(crate) fn new(texts: impl IntoIterator<Item = String>) -> TextSet {
        let mut set = TextSet::default();
        for text in texts {
            set.lengths |= length_bit(&text);
            set.firsts |= first_bit(&text);
            set.texts.insert(text.into_boxed_str());
        }
        set
    }

    #[inline]
    pub(crate) fn contains(&self, text: &str) -> bool {
        self.lengths & length_bit(text) != 0
            && self.firsts & first_bit(text) != 0
            && self.texts.contains(text)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

fn length_bit(text: &str) -> u64 {
    1 << text.len().min(63)
}

fn first_bit(text: &str) -> u64 {
    1 << (text.as_bytes().first().copied().unwrap_or(0) & 63)
}

/// Eight bytes at a time, multiplied. The sets come from rule files, so nobody gains by making texts collide.
#[derive(Debug, Default)]
pub(crate) struct Multiply(u64);

impl Hasher for Multiply {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = (self.0.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
    }

    #[inline]
    fn write_u8(&mut self, byte: u8) {
        self.0 = (self.0.rotate_left(5) ^ u64::from(byte)).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_and_others_are_not() {
        let set = TextSet::new(["sh", "bash", "", "a text of more than eight bytes"].map(str::to_owned));
        for text in ["sh", "bash", "", "a text of more than eight bytes"] {
            assert!(set.contains(text), "{text}");
        }
        for text in ["s", "hs", "basg", "a text of more than eight bytez"] {
            assert!(!set.contains(text), "{text}");
        }
    }
}
