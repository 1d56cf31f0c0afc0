//! One 512-byte header block (POSIX.1-1988 ustar, GNU, star, v7).

use super::sparse::Segment;
use super::{BLOCK, MemberKind};

const USTAR: &[u8] = b"ustar\0";
const GNU: &[u8] = b"ustar  \0";
/// Old GNU headers have room for four segments, each of their extension blocks for 21.
const OLD_SPARSE_SEGMENTS: usize = 4;
const OLD_SPARSE_BLOCK_SEGMENTS: usize = 21;
const OLD_SPARSE_SEGMENT_BYTES: usize = 24;

/// The fields of a header block whose checksum is right.
pub(super) struct Header<'b> {
    block: &'b [u8; BLOCK],
    pub(super) type_flag: u8,
    pub(super) size_bytes: u64,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    /// Nanoseconds since 1970.
    pub(super) changed_ns: u64,
    /// As written, up to the first NUL.
    pub(super) link: &'b [u8],
    /// Whether it says `ustar`, as every archive since 1988 does.
    pub(super) has_magic: bool,
}

/// What an old GNU sparse header holds of the map.
pub(super) struct OldSparse {
    pub(super) segments: Vec<Segment>,
    pub(super) is_extended: bool,
    pub(super) size_bytes: u64,
}

impl<'b> Header<'b> {
    /// # Errors
    /// The checksum or the size is wrong; the text says which.
    pub(super) fn parse(block: &'b [u8; BLOCK]) -> Result<Header<'b>, &'static str> {
        if !checksum_is_right(block) {
            return Err("a header with a wrong checksum");
        }
        Ok(Header {
            block,
            type_flag: block[156],
            size_bytes: number(&block[124..136]).ok_or("a header with an impossible size")?,
            // Owners and modes that are no numbers are not worth a file.
            mode: number(&block[100..108]).map_or(0, |mode| (mode & 0o7777) as u32),
            uid: number(&block[108..116]).unwrap_or(0),
            gid: number(&block[116..124]).unwrap_or(0),
            changed_ns: number(&block[136..148]).unwrap_or(0).saturating_mul(1_000_000_000),
            link: until_nul(&block[157..257]),
            has_magic: block[257..].starts_with(b"ustar"),
        })
    }

    /// What kind of member it is, `None` for types that make no file.
    pub(super) fn kind(&self) -> Option<MemberKind> {
        match self.type_flag {
            // The v7 format marks directories by a slash only.
            0 if until_nul(&self.block[..100]).ends_with(b"/") => Some(MemberKind::Directory),
            b'0' | 0 | b'7' | b'S' => Some(MemberKind::File),
            b'1' => Some(MemberKind::Hardlink),
            b'2' => Some(MemberKind::Symlink),
            b'5' => Some(MemberKind::Directory),
            b'3' | b'4' | b'6' => Some(MemberKind::Special),
            _ => None,
        }
    }

    /// Appends the path: in ustar a prefix and a name.
    pub(super) fn write_path(&self, path: &mut Vec<u8>) {
        let prefix = match () {
            () if self.block[508..].starts_with(b"tar\0") => until_nul(&self.block[345..476]),
            () if self.block[257..].starts_with(USTAR) => until_nul(&self.block[345..500]),
            () => b"",
        };
        if !prefix.is_empty() {
            path.extend_from_slice(prefix);
            path.push(b'/');
        }
        path.extend_from_slice(until_nul(&self.block[..100]));
    }

    /// The first part of the map of an old GNU sparse file.
    pub(super) fn old_sparse(&self) -> Option<OldSparse> {
        if !self.block[257..].starts_with(GNU) {
            return None;
        }
        Some(OldSparse {
            segments: segments(&self.block[386..482], OLD_SPARSE_SEGMENTS)?,
            is_extended: self.block[482] != 0,
            size_bytes: number(&self.block[483..495])?,
        })
    }
}

/// The segments in an extension block of an old GNU sparse file, and whether another follows.
pub(super) fn old_sparse_block(block: &[u8; BLOCK]) -> Option<(Vec<Segment>, bool)> {
    let bytes = OLD_SPARSE_BLOCK_SEGMENTS * OLD_SPARSE_SEGMENT_BYTES;
    Some((segments(block.get(..bytes)?, OLD_SPARSE_BLOCK_SEGMENTS)?, block[504] != 0))
}

fn segments(bytes: &[u8], count: usize) -> Option<Vec<Segment>> {
    let mut segments = Vec::with_capacity(count);
    for pair in bytes.as_chunks::<OLD_SPARSE_SEGMENT_BYTES>().0 {
        // An empty field ends the list (Go's readOldGNUSparseMap).
        if pair[0] == 0 {
            break;
        }
        segments.push(Segment { offset: number(&pair[..12])?, bytes: number(&pair[12..])? });
    }
    Some(segments)
}

/// The bytes before the first NUL.
pub(super) fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or(bytes)
}

/// The sum of all bytes with the checksum's own as spaces; some writers of old summed them as signed.
fn checksum_is_right(block: &[u8; BLOCK]) -> bool {
    let Some(stated) = number(&block[148..156]) else { return false };
    let own: i64 = 8 * i64::from(b' ');
    let sum = |value: fn(u8) -> i64| {
        let all: i64 = block.iter().map(|&byte| value(byte)).sum();
        let stated: i64 = block[148..156].iter().map(|&byte| value(byte)).sum();
        u64::try_from(all - stated + own).ok()
    };
    sum(i64::from) == Some(stated) || sum(|byte| i64::from(byte.cast_signed())) == Some(stated)
}

/// A number: octal text, or base-256 where the highest bit is set (GNU, star). `None` for negative and for more
/// than 63 bits, which no file has.
pub(super) fn number(field: &[u8]) -> Option<u64> {
    match field.split_first() {
        Some((&first, rest)) if first & 0x80 != 0 => {
            if first & 0x40 != 0 {
                return None;
            }
            let value = rest.iter().try_fold(u64::from(first & 0x3f), |value, &byte| {
                Some(value.checked_mul(256)? | u64::from(byte))
            })?;
            i64::try_from(value).is_ok().then_some(value)
        }
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Option<u64> {
    let is_filler = |byte: &u8| *byte == b' ' || *byte == 0;
    let start = field.iter().position(|byte| !is_filler(byte)).unwrap_or(field.len());
    let digits = until_nul(field.get(start..)?).trim_ascii_end();
    digits.iter().try_fold(0u64, |value, &byte| match byte {
        b'0'..=b'7' => Some(value.checked_mul(8)? | u64::from(byte - b'0')),
        _ => None,
    })
}
