//! DER (ITU-T X.690), strictly: definite lengths in their shortest form, one-byte tags, nothing behind the end.
//!
//! One reader serves keys, certificates, signed certificate timestamps and time stamps. It hands out slices of its
//! input, so that what was signed is verified as it stood and never as it was understood and written anew.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Context-specific, constructed: `[n]` around another element.
pub(crate) const fn explicit(number: u8) -> u8 {
    0xa0 | number
}

/// Context-specific, primitive: `[n]` in place of another tag.
pub(crate) const fn implicit(number: u8) -> u8 {
    0x80 | number
}

/// Bytes that are not the DER that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the expected DER: {0}")]
pub(crate) struct DerError(pub(crate) &'static str);

/// One element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) body: &'a [u8],
    /// With tag and length.
    pub(crate) whole: &'a [u8],
}

/// Elements one after another.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next element, whatever its tag.
    pub(crate) fn element(&mut self) -> Result<Element<'a>, DerError> {
        let (&tag, behind_tag) = self.rest.split_first().ok_or(DerError("it breaks off"))?;
        if tag & 0x1f == 0x1f {
            return Err(DerError("a tag of several bytes"));
        }
        let (&first, mut rest) = behind_tag.split_first().ok_or(DerError("it breaks off"))?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let count = usize::from(first & 0x7f);
            // Four bytes of length are 4 GB; every document here is smaller by far.
            if count == 0 || count > 4 {
                return Err(DerError("an indefinite or huge length"));
            }
            let (bytes, behind) = rest.split_at_checked(count).ok_or(DerError("it breaks off"))?;
            length = bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            if bytes.first() == Some(&0) || length < 0x80 {
                return Err(DerError("a length that is not in its shortest form"));
            }
            rest = behind;
        }
        let (body, rest) = rest.split_at_checked(length).ok_or(DerError("it breaks off"))?;
        let whole = &self.rest[..self.rest.len() - rest.len()];
        self.rest = rest;
        Ok(Element { tag, body, whole })
    }

    /// The next element, which has this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>, DerError> {
        let element = self.element()?;
        if element.tag == tag { Ok(element) } else { Err(DerError("another element than expected")) }
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, DerError> {
        if self.rest.first() == Some(&tag) { self.element().map(Some) } else { Ok(None) }
    }

    /// The elements of the next one, which has this tag.
    pub(crate) fn nested(&mut self, tag: u8) -> Result<Reader<'a>, DerError> {
        self.expect(tag).map(|element| Reader::new(element.body))
    }

    pub(crate) fn oid(&mut self) -> Result<&'a [u8], DerError> {
        self.expect(OID).map(|element| element.body)
    }

    /// A non-negative integer's bytes, without the zero that only says that it is not negative.
    pub(crate) fn unsigned(&mut self) -> Result<&'a [u8], DerError> {
        match self.expect(INTEGER)?.body {
            [] => Err(DerError("an empty integer")),
            [first, ..] if *first >= 0x80 => Err(DerError("a negative integer")),
            [0, second, ..] if *second < 0x80 => Err(DerError("an integer that is not in its shortest form")),
            [0, rest @ ..] if !rest.is_empty() => Ok(rest),
            body => Ok(body),
        }
    }

    /// An integer of at most 32 bits.
    pub(crate) fn small(&mut self) -> Result<u32, DerError> {
        let bytes = self.unsigned()?;
        if bytes.len() > 4 {
            return Err(DerError("a huge integer"));
        }
        Ok(bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }

    /// A bit string of whole bytes.
    pub(crate) fn bits(&mut self) -> Result<&'a [u8], DerError> {
        match self.expect(BIT_STRING)?.body {
            [0, rest @ ..] => Ok(rest),
            _ => Err(DerError("a bit string of odd length")),
        }
    }

    /// Whether a time comes next.
    pub(crate) fn is_time_next(&self) -> bool {
        matches!(self.rest.first(), Some(&(UTC_TIME | GENERALIZED_TIME)))
    }

    /// UTCTime or GeneralizedTime, in UTC (RFC 5280, 4.1.2.5).
    pub(crate) fn time(&mut self) -> Result<Timestamp, DerError> {
        let bad = DerError("a time that cannot be read");
        let element = self.element()?;
        let text =
            std::str::from_utf8(element.body).ok().and_then(|text| text.strip_suffix('Z')).ok_or(bad)?;
        let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(seconds) || !all_digits(fraction) || fraction.len() > 9 {
            return Err(bad);
        }
        let full = match (element.tag, seconds.len(), fraction) {
            (UTC_TIME, 12, "") if seconds < "5" => format!("20{seconds}"),
            (UTC_TIME, 12, "") => format!("19{seconds}"),
            (GENERALIZED_TIME, 14, _) => seconds.to_owned(),
            _ => return Err(bad),
        };
        let at = DateTime::strptime("%Y%m%d%H%M%S", &full).map_err(|_| bad)?;
        TimeZone::UTC.to_timestamp(at).map_err(|_| bad)
    }

    /// That nothing follows.
    pub(crate) fn end(&self) -> Result<(), DerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DerError("something behind the end")) }
    }
}

/// A document that is one sequence.
pub(crate) fn sequence(bytes: &[u8]) -> Result<Reader<'_>, DerError> {
    let mut reader = Reader::new(bytes);
    let inner = reader.nested(SEQUENCE)?;
    reader.end()?;
    Ok(inner)
}

/// Writes one element.
pub(crate) fn write(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = vec![tag];
    match length {
        0..0x80 => bytes.push(u8::try_from(length).unwrap_or_default()),
        _ => {
            let all = length.to_be_bytes();
            let used = &all[all.iter().take_while(|byte| **byte == 0).count()..];
            bytes.push(0x80 | u8::try_from(used.len()).unwrap_or_default());
            bytes.extend_from_slice(used);
        }
    }
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// Writes a time as RFC 5280 wants it: UTCTime until 2049.
pub(crate) fn write_time(at: Timestamp) -> Vec<u8> {
    let at = TimeZone::UTC.to_datetime(at);
    let (tag, format) =
        if at.year() < 2050 { (UTC_TIME, "%y%m%d%H%M%SZ") } else { (GENERALIZED_TIME, "%Y%m%d%H%M%SZ") };
    write(tag, &[at.strftime(format).to_string().as_bytes()])
}

/// Writes a non-negative integer, given as bytes.
pub(crate) fn write_unsigned(bytes: &[u8]) -> Vec<u8> {
    let digits = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    match digits.first() {
        Some(first) if *first < 0x80 => write(INTEGER, &[digits]),
        _ => write(INTEGER, &[&[0], digits]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Result<(u8, &[u8]), &str>) {
        let mut reader = Reader::new(bytes);
        let read = reader.element().map(|element| (element.tag, element.body)).map_err(|error| error.0);
        assert_eq!(read, expected, "{bytes:x?}");
    }

    #[test]
    fn elements() {
        check(&[4, 2, 1, 2], Ok((4, &[1, 2])));
        check(&[4, 0x81, 0x80], Err("it breaks off"));
        check(&[4, 0x81, 2, 1, 2], Err("a length that is not in its shortest form"));
        check(&[4, 0x82, 0, 0x80], Err("a length that is not in its shortest form"));
        check(&[0x30, 0x80, 0, 0], Err("an indefinite or huge length"));
        check(&[4, 0x85, 1, 1, 1, 1, 1], Err("an indefinite or huge length"));
        check(&[0x1f, 1, 1], Err("a tag of several bytes"));
        check(&[], Err("it breaks off"));
    }

    #[test]
    fn integers() {
        let check = |body: &[u8], expected: Option<u32>| {
            let element = write(INTEGER, &[body]);
            assert_eq!(Reader::new(&element).small().ok(), expected, "{body:x?}");
        };
        check(&[0], Some(0));
        check(&[0, 0x80], Some(128));
        check(&[0, 0x7f], None);
        check(&[0x80], None);
        check(&[], None);
        check(&[1, 0, 0, 0, 0], None);
    }

    #[test]
    fn times() {
        let check = |tag: u8, text: &str, expected: Option<&str>| {
            let element = write(tag, &[text.as_bytes()]);
            let read = Reader::new(&element).time().ok().map(|at| at.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        };
        check(UTC_TIME, "260102030405Z", Some("2026-01-02T03:04:05Z"));
        check(UTC_TIME, "500102030405Z", Some("1950-01-02T03:04:05Z"));
        check(GENERALIZED_TIME, "20260102030405.5Z", Some("2026-01-02T03:04:05Z"));
        for text in ["2601020304Z", "260102030405", "260102030405+0100", "261302030405Z", "26010203040xZ"] {
            check(UTC_TIME, text, None);
        }
    }

    #[test]
    fn written_elements_are_read() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let body = vec![7; length];
            check(&write(OCTET_STRING, &[&body]), Ok((OCTET_STRING, &body)));
        }
    }
}
