//! Bounded reading and writing of the little-endian, varint-coded parts of a shard. Never panics on any bytes.

/// Bytes of a shard that are not what the format says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("damaged {0}")]
pub struct Damaged(pub(crate) &'static str);

/// A position in bytes that checks every step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'d> {
    rest: &'d [u8],
}

impl<'d> Cursor<'d> {
    pub(crate) fn new(bytes: &'d [u8]) -> Cursor<'d> {
        Cursor { rest: bytes }
    }

    /// A cursor at an offset that came from the file.
    pub(crate) fn at(bytes: &'d [u8], offset: u64, what: &'static str) -> Result<Cursor<'d>, Damaged> {
        let offset = usize::try_from(offset).map_err(|_| Damaged(what))?;
        bytes.get(offset..).map(Cursor::new).ok_or(Damaged(what))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn byte(&mut self, what: &'static str) -> Result<u8, Damaged> {
        let (&first, rest) = self.rest.split_first().ok_or(Damaged(what))?;
        self.rest = rest;
        Ok(first)
    }

    pub(crate) fn take(&mut self, length: usize, what: &'static str) -> Result<&'d [u8], Damaged> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Damaged(what))?;
        self.rest = rest;
        Ok(taken)
    }

    /// LEB128, at most ten bytes.
    pub(crate) fn varint(&mut self, what: &'static str) -> Result<u64, Damaged> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(what)?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Damaged(what));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Damaged(what))
    }

    /// A varint that counts or measures something inside the file.
    pub(crate) fn length(&mut self, what: &'static str) -> Result<usize, Damaged> {
        usize::try_from(self.varint(what)?).map_err(|_| Damaged(what))
    }

    /// A varint that is an index or an offset.
    pub(crate) fn index(&mut self, what: &'static str) -> Result<u32, Damaged> {
        u32::try_from(self.varint(what)?).map_err(|_| Damaged(what))
    }
}

/// The `index`-th little-endian `u32` of a table.
pub(crate) fn u32_at(table: &[u8], index: usize, what: &'static str) -> Result<u32, Damaged> {
    let start = index.checked_mul(4).ok_or(Damaged(what))?;
    let bytes = table.get(start..).and_then(|rest| rest.first_chunk::<4>()).ok_or(Damaged(what))?;
    Ok(u32::from_le_bytes(*bytes))
}

/// Appends LEB128.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: u64, length: usize) {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, value);
        assert_eq!(bytes.len(), length, "{value}");
        assert_eq!(Cursor::new(&bytes).varint("test"), Ok(value));
        bytes.pop();
        assert!(Cursor::new(&bytes).varint("test").is_err(), "truncated {value}");
    }

    #[test]
    fn varints_round_trip() {
        check(0, 1);
        check(127, 1);
        check(128, 2);
        check(u64::from(u32::MAX), 5);
        check(u64::MAX, 10);
    }

    #[test]
    fn an_endless_varint_is_damage() {
        assert!(Cursor::new(&[0xff; 20]).varint("test").is_err());
    }
}
