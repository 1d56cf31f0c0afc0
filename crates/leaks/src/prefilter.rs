//! Finds all places of some hundred literals, without regard to case, at the speed of memory.
//!
//! Only every second byte is looked at. Of each literal two neighbouring runs of three bytes are known, the rarest ones:
//! wherever it begins, one of them begins at an even place. One load, one multiplication and one bit say whether a literal
//! can be there at all, and only then is it compared. A literal of three bytes has no second run; where it begins at an
//! odd place, its last two bytes are a bit of a filter of their own. On source text that is several times as fast as an
//! automaton over the same literals, and it is made in no time.

/// Bits of the filter, 8 KiB: they stay in the first cache.
const FILTER_WORDS: usize = 1024;
/// Bits of a slot's number, at least: the table is several times as large as what it holds.
const SLOT_BITS_MIN: u32 = 13;
/// Sets the bit that tells lower case from upper; what it does to other characters the comparison undoes.
const FOLD: u32 = 0x0020_2020;
/// Knuth's multiplier.
const MULTIPLIER: u32 = 0x9e37_79b1;

/// A set of literals.
#[derive(Debug)]
pub(crate) struct Prefilter {
    /// Hashes of three bytes that can begin at an even place.
    filter: Box<Filter>,
    /// The last two bytes of literals of three.
    pairs: Box<Filter>,
    /// Three folded bytes → entries with them.
    slots: Vec<Slot>,
    entries: Vec<Entry>,
}

type Filter = [u64; FILTER_WORDS];

fn set(filter: &mut Filter, bit: u32) {
    filter[bit as usize >> 6 & (FILTER_WORDS - 1)] |= 1 << (bit & 63);
}

/// The bit, in the lowest place.
fn bit_of(filter: &Filter, bit: u32) -> u64 {
    filter[bit as usize >> 6 & (FILTER_WORDS - 1)] >> (bit & 63)
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    key: u32,
    start: u32,
    end: u32,
}

#[derive(Debug)]
struct Entry {
    key: u32,
    literal: Vec<u8>,
    /// How far into the literal its three bytes are.
    offset: usize,
    id: usize,
}

/// A literal in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    /// Its first byte.
    pub(crate) start: usize,
    /// Which it is, by its place in the list that the set was made of.
    pub(crate) literal: usize,
}

fn key_of(bytes: [u8; 3]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]) | FOLD
}

/// The bit of two folded bytes, the lower half of `bytes`.
fn pair_of(bytes: u32) -> u32 {
    bytes & 0xffff | 0x2020
}

fn hash(key: u32) -> u32 {
    key.wrapping_mul(MULTIPLIER)
}

/// Roughly how common a byte is in source text.
fn commonness(byte: u8) -> u32 {
    const LETTERS: &[u8; 26] = b"zqjxkvbwygpfmhdculsrnioate";
    match byte {
        b'a'..=b'z' => LETTERS.iter().position(|letter| *letter == byte).map_or(0, |at| 4 + at as u32),
        b' ' => 40,
        b'/' | b'-' | b'.' | b'_' | b'0' | b'1' => 12,
        _ => 4,
    }
}

impl Prefilter {
    /// The set of these lower-case literals of three bytes and more; shorter ones are left out.
    pub(crate) fn new(literals: &[&[u8]]) -> Prefilter {
        let mut entries: Vec<Entry> = Vec::with_capacity(2 * literals.len());
        let mut pairs = Box::new([0_u64; FILTER_WORDS]);
        for (id, literal) in literals.iter().enumerate() {
            let mut enter = |offset: usize, three: &[u8]| {
                let &[a, b, c] = three else { return };
                entries.push(Entry { key: key_of([a, b, c]), literal: literal.to_vec(), offset, id });
            };
            if let &[_, b, c] = *literal {
                set(&mut pairs, pair_of(u32::from_le_bytes([b, c, 0, 0])));
                enter(0, literal);
            } else if let Some(offset) = rarest(literal) {
                enter(offset, literal.get(offset..offset + 3).unwrap_or_default());
                enter(offset + 1, literal.get(offset + 1..offset + 4).unwrap_or_default());
            }
        }
        entries.sort_by_key(|entry| entry.key);
        let mut filter = Box::new([0_u64; FILTER_WORDS]);
        let slot_bits = (4 * entries.len()).next_power_of_two().ilog2().max(SLOT_BITS_MIN);
        let mut slots = vec![Slot::default(); 1 << slot_bits];
        let mut at = 0;
        for group in entries.chunk_by(|one, other| one.key == other.key) {
            let key = group.first().map_or(0, |entry| entry.key);
            set(&mut filter, hash(key) >> 16);
            let mut slot = (hash(key) >> (32 - slot_bits)) as usize;
            while slots.get(slot).is_some_and(|slot| slot.key != 0) {
                slot = (slot + 1) % slots.len();
            }
            if let Some(slot) = slots.get_mut(slot) {
                *slot = Slot { key, start: at, end: at + group.len() as u32 };
            }
            at += group.len() as u32;
        }
        Prefilter { filter, pairs, slots, entries }
    }

    /// Calls `each` once for every place of every literal, nearly in their order.
    pub(crate) fn find(&self, text: &[u8], mut each: impl FnMut(Hit)) {
        let mut at = 0;
        while let Some(eight) = text.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let eight = u64::from_le_bytes(*eight);
            for step in [0, 2, 4] {
                let four = (eight >> (8 * step)) as u32;
                let key = four & 0x00ff_ffff | FOLD;
                let is_there =
                    bit_of(&self.filter, hash(key) >> 16) | bit_of(&self.pairs, pair_of(four >> 16));
                if is_there & 1 == 1 {
                    self.compare(text, at + step, &mut each);
                }
            }
            at += 6;
        }
        while at < text.len() {
            self.compare(text, at, &mut each);
            at += 2;
        }
    }

    /// Compares the literals that can be at this even place, and those of three bytes behind it.
    fn compare(&self, text: &[u8], at: usize, each: &mut impl FnMut(Hit)) {
        let mut compare = |at: usize, entry: &Entry| {
            let Some(start) = at.checked_sub(entry.offset) else { return };
            let there = text.get(start..start + entry.literal.len());
            if there.is_some_and(|there| there.eq_ignore_ascii_case(&entry.literal)) {
                each(Hit { start, literal: entry.id });
            }
        };
        self.entries_at(text, at).iter().for_each(|entry| compare(at, entry));
        let short = self.entries_at(text, at + 1).iter().filter(|entry| entry.literal.len() == 3);
        short.for_each(|entry| compare(at + 1, entry));
    }

    /// The literals whose three bytes stand here.
    fn entries_at(&self, text: &[u8], at: usize) -> &[Entry] {
        let Some(three) = text.get(at..).and_then(<[u8]>::first_chunk::<3>) else { return &[] };
        let key = key_of(*three);
        let mut slot = (hash(key) >> (32 - self.slots.len().ilog2())) as usize;
        loop {
            match self.slots.get(slot) {
                Some(found) if found.key == key => {
                    return self.entries.get(found.start as usize..found.end as usize).unwrap_or_default();
                }
                Some(other) if other.key != 0 => slot = (slot + 1) % self.slots.len(),
                Some(_) | None => return &[],
            }
        }
    }
}

/// Where a literal of four bytes and more has the two neighbouring runs of three bytes of which the commoner one is the
/// rarest.
fn rarest(literal: &[u8]) -> Option<usize> {
    let cost = |three: &[u8]| three.iter().map(|byte| commonness(*byte)).sum::<u32>();
    let costs: Vec<u32> = literal.windows(3).map(cost).collect();
    let worst = costs.windows(2).map(|two| two.iter().max().copied()).enumerate();
    worst.min_by_key(|(_, cost)| *cost).map(|(offset, _)| offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::Sequence;

    #[test]
    fn finds_what_a_plain_search_finds() {
        let literals: &[&[u8]] = &[b"abc", b"bca", b"ab_c", b"a-b", b"://", b"abcabc", b"@b{"];
        check(literals);
        // More than any table of a fixed size would hold.
        let many: Vec<String> = (0..20_000).map(|number| format!("{number:05}_")).collect();
        let many: Vec<&[u8]> = many.iter().map(String::as_bytes).collect();
        let mut found = Vec::new();
        Prefilter::new(&many).find(b"x00042_ 19999_", |hit| found.push(hit));
        found.sort();
        assert_eq!(found, [Hit { start: 1, literal: 42 }, Hit { start: 8, literal: 19_999 }]);
    }

    fn check(literals: &[&[u8]]) {
        let filter = Prefilter::new(literals);
        let mut sequence = Sequence(5);
        for length in (0..200).chain([5000]) {
            let text: Vec<u8> =
                (0..length).map(|_| b"aAbBcC_-:/@{[`"[sequence.next() as usize % 14]).collect();
            let mut found = Vec::new();
            filter.find(&text, |hit| found.push(hit));
            found.sort();
            let lower = text.to_ascii_lowercase();
            let mut expected = Vec::new();
            for start in 0..text.len() {
                for (literal, bytes) in literals.iter().enumerate() {
                    if lower[start..].starts_with(bytes) {
                        expected.push(Hit { start, literal });
                    }
                }
            }
            assert_eq!(found, expected, "{length}");
        }
    }
}
