//! Advisory ids in few bytes: a CVE id is one varint of three or four bytes, a GHSA id eight bytes,
//! everything else a number in the shard's string table.

use super::strings::{Interner, Strings};
use super::wire::{Cursor, Damaged, put_varint};

const WHAT: &str = "advisory id";
const TAG_CVE: u64 = 0;
const TAG_TEXT: u64 = 1;
const TAG_GHSA: u64 = 2;
/// The letters of GHSA ids.
const GHSA_LETTERS: &[u8; 20] = b"23456789cfghjmpqrvwx";
const FIRST_YEAR: u32 = 1990;

/// A CVE id as one number that sorts by year, then number. `None` where the text is not
/// the canonical form (four digits at least, no more leading zeros than that).
pub(crate) fn cve_key(id: &str) -> Option<u32> {
    let (year, number) = id.strip_prefix("CVE-")?.split_once('-')?;
    if year.len() != 4 || !is_digits(year) || !is_digits(number) {
        return None;
    }
    let key = pack(year.parse().ok()?, number.parse().ok()?)?;
    (cve_text(key) == id).then_some(key)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit())
}

fn pack(year: u32, number: u32) -> Option<u32> {
    let year = year.checked_sub(FIRST_YEAR).filter(|year| *year < 128)?;
    (number < 1 << 24).then_some(year << 24 | number)
}

/// The id behind [`cve_key`].
pub(crate) fn cve_text(key: u32) -> String {
    format!("CVE-{}-{:04}", (key >> 24) + FIRST_YEAR, key & 0x00ff_ffff)
}

fn ghsa_key(id: &str) -> Option<u64> {
    let rest = id.strip_prefix("GHSA-")?;
    if rest.len() != 14 {
        return None;
    }
    let mut key = 0_u64;
    for (at, byte) in rest.bytes().enumerate() {
        if at == 4 || at == 9 {
            if byte != b'-' {
                return None;
            }
            continue;
        }
        key = key * 20 + GHSA_LETTERS.iter().position(|letter| *letter == byte)? as u64;
    }
    Some(key)
}

fn ghsa_text(mut key: u64) -> String {
    let mut letters = [0_u8; 12];
    for slot in letters.iter_mut().rev() {
        *slot = GHSA_LETTERS.get((key % 20) as usize).copied().unwrap_or(b'?');
        key /= 20;
    }
    let mut text = String::from("GHSA");
    for (at, letter) in letters.iter().enumerate() {
        if at % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(*letter));
    }
    text
}

/// An id as the writer holds it until string numbers are final.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Ident {
    Cve(u32),
    Ghsa(u64),
    Text(u32),
}

impl Ident {
    pub(crate) fn new(id: &str, strings: &mut Interner) -> Ident {
        if let Some(key) = cve_key(id) {
            return Ident::Cve(key);
        }
        if let Some(key) = ghsa_key(id) {
            return Ident::Ghsa(key);
        }
        Ident::Text(strings.intern(id))
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>, finals: &[u32]) {
        match self {
            // Number before year: small numbers stay small varints.
            Ident::Cve(key) => {
                let (year, number) = (u64::from(key >> 24), u64::from(key & 0x00ff_ffff));
                put_varint(out, (number << 7 | year) << 2 | TAG_CVE);
            }
            Ident::Ghsa(key) => put_varint(out, key << 2 | TAG_GHSA),
            Ident::Text(number) => {
                let number = finals.get(*number as usize).copied().unwrap_or_default();
                put_varint(out, u64::from(number) << 2 | TAG_TEXT);
            }
        }
    }
}

/// Reads an id.
pub(crate) fn read(cursor: &mut Cursor<'_>, strings: &Strings<'_>) -> Result<String, Damaged> {
    let code = cursor.varint(WHAT)?;
    let value = code >> 2;
    match code & 3 {
        TAG_CVE => {
            let key = (value & 0x7f) << 24 | value >> 7;
            u32::try_from(key).map(cve_text).map_err(|_| Damaged(WHAT))
        }
        TAG_TEXT => strings.get(u32::try_from(value).map_err(|_| Damaged(WHAT))?),
        TAG_GHSA => Ok(ghsa_text(value)),
        _ => Err(Damaged(WHAT)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::strings::Strings;
    use super::*;

    /// The id comes back, in this many bytes of varint.
    fn check(id: &str, bytes: usize) {
        let mut strings = Interner::default();
        let ident = Ident::new(id, &mut strings);
        let (table, finals) = strings.finish();
        let mut out = Vec::new();
        ident.put(&mut out, &finals);
        assert_eq!(read(&mut Cursor::new(&out), &Strings::new(&table).unwrap()).unwrap(), id);
        assert_eq!(out.len(), bytes, "{id}");
    }

    #[test]
    fn ids_round_trip() {
        check("CVE-1999-0001", 2);
        check("CVE-2024-1234", 3);
        check("CVE-2024-45678", 4);
        check("CVE-2017-1000367", 5);
        check("GHSA-2c4m-59x9-fr2g", 7);
        check("GHSA-xxxx-xxxx-xxxx", 8);
        // Not canonical: kept as text.
        check("CVE-2024-01234", 1);
        check("CVE-2024-99999999999", 1);
        check("cve-2024-1234", 1);
        check("CVE-2017-2616 (+ regression fix)", 1);
        check("GHSA-2c4m-59x9-fr2a", 1);
        check("DSA-5764-1", 1);
        check("", 1);
    }
}
