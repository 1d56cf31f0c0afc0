//! Debian's order: deb-version(7), as dpkg compares.
//!
//! Like dpkg it reads versions that do not start with a digit (packages made by other tools have
//! them); it refuses those without any digit and those with characters dpkg warns about.

use std::cmp::Ordering;

use super::digits;

/// Longest epoch in digits; dpkg's largest is 2147483647.
const EPOCH_DIGITS_MAX: usize = 10;

struct Parts<'a> {
    epoch: &'a [u8],
    upstream: &'a [u8],
    revision: &'a [u8],
}

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (parse(left)?, parse(right)?);
    let order = digits::compare(left.epoch, right.epoch)
        .then_with(|| compare_part(left.upstream, right.upstream))
        .then_with(|| compare_part(left.revision, right.revision));
    Some(order)
}

pub(super) fn parses(version: &str) -> bool {
    parse(version).is_some()
}

fn parse(version: &str) -> Option<Parts<'_>> {
    let version = version.trim_ascii();
    let (epoch, rest) = match version.split_once(':') {
        Some((epoch, rest)) => (epoch.as_bytes(), rest),
        None => (&[][..], version),
    };
    let has_epoch = rest.len() != version.len();
    if has_epoch && !is_epoch(epoch) {
        return None;
    }
    let (upstream, revision) = match rest.rsplit_once('-') {
        Some((_, "")) => return None,
        Some((upstream, revision)) => (upstream.as_bytes(), revision.as_bytes()),
        None => (rest.as_bytes(), &[][..]),
    };
    let readable = upstream.iter().all(|byte| is_version_byte(*byte) || matches!(byte, b'-' | b':'))
        && revision.iter().all(|byte| is_version_byte(*byte))
        && upstream.iter().any(u8::is_ascii_digit);
    readable.then_some(Parts { epoch, upstream, revision })
}

fn is_epoch(text: &[u8]) -> bool {
    let significant = digits::without_zeros(text);
    let fits = significant.len() < EPOCH_DIGITS_MAX
        || (significant.len() == EPOCH_DIGITS_MAX && significant <= b"2147483647".as_slice());
    digits::all(text) && fits
}

fn is_version_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'~')
}

/// Compares alternating runs of non-digits and digits, the first being non-digits.
fn compare_part(mut left: &[u8], mut right: &[u8]) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        let (left_text, left_rest) = digits::split_while(left, |byte| !byte.is_ascii_digit());
        let (right_text, right_rest) = digits::split_while(right, |byte| !byte.is_ascii_digit());
        let (left_number, left_rest) = digits::split(left_rest);
        let (right_number, right_rest) = digits::split(right_rest);
        let order =
            compare_text(left_text, right_text).then_with(|| digits::compare(left_number, right_number));
        if order.is_ne() {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
    Ordering::Equal
}

/// Compares byte by byte; where one run has ended its weight is that of the end.
fn compare_text(left: &[u8], right: &[u8]) -> Ordering {
    let length = left.len().max(right.len());
    (0..length)
        .map(|index| weight(left.get(index)).cmp(&weight(right.get(index))))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// `~` before the end, the end before letters, letters before everything else.
fn weight(byte: Option<&u8>) -> u16 {
    match byte {
        Some(b'~') => 0,
        None => 1,
        Some(letter) if letter.is_ascii_alphabetic() => u16::from(*letter),
        Some(other) => u16::from(*other) + 256,
    }
}
