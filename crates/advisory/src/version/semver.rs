//! Semantic Versioning 2.0 (semver.org, item 11); build metadata does not count.
//!
//! Read with the tolerance that advisories need: a leading `v`, missing minor and patch
//! numbers (`0`, `1.2`), leading zeros. Four numbers are refused.

use std::cmp::Ordering;

use super::digits;

/// A version in its parts, borrowed from the text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts<'a> {
    /// Major, minor, patch, and the fourth number that NuGet allows; absent ones are empty.
    pub(super) numbers: [&'a [u8]; 4],
    /// How many numbers were written.
    pub(super) written: usize,
    /// What stands between `-` and `+`.
    pub(super) pre_release: &'a [u8],
}

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    Some(compare_parts(&parse(left)?, &parse(right)?))
}

pub(super) fn parses(version: &str) -> bool {
    parse(version).is_some()
}

/// Reads a version with up to three numbers.
pub(super) fn parse(version: &str) -> Option<Parts<'_>> {
    let version = version.trim_ascii();
    let version = version.strip_prefix('v').unwrap_or(version);
    let (parts, rest) = numbers(version.as_bytes(), 3)?;
    tail(parts, rest)
}

/// Reads up to `most` dotted numbers; returns what follows them.
pub(super) fn numbers(text: &[u8], most: usize) -> Option<(Parts<'_>, &[u8])> {
    let mut parts = Parts::default();
    let mut rest = text;
    for slot in parts.numbers.iter_mut().take(most) {
        if parts.written > 0 {
            let Some(after) = rest.strip_prefix(b".") else { break };
            rest = after;
        }
        let (number, after) = digits::split(rest);
        if number.is_empty() {
            return None;
        }
        (*slot, rest) = (number, after);
        parts.written += 1;
    }
    Some((parts, rest))
}

/// Reads `-pre.release` and `+build`; nothing may follow.
pub(super) fn tail<'a>(mut parts: Parts<'a>, rest: &'a [u8]) -> Option<Parts<'a>> {
    let plus = rest.iter().position(|byte| *byte == b'+').unwrap_or(rest.len());
    let (before, build) = rest.split_at_checked(plus)?;
    if let Some(pre_release) = before.strip_prefix(b"-") {
        if !are_identifiers(pre_release) {
            return None;
        }
        parts.pre_release = pre_release;
    } else if !before.is_empty() {
        return None;
    }
    let readable = build.strip_prefix(b"+").is_none_or(are_identifiers);
    readable.then_some(parts)
}

/// Dot-separated identifiers, none empty.
pub(super) fn are_identifiers(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'.').all(|identifier| {
        !identifier.is_empty() && identifier.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
    })
}

pub(super) fn compare_parts(left: &Parts<'_>, right: &Parts<'_>) -> Ordering {
    compare_numbers(left, right).then_with(|| compare_pre_releases(left.pre_release, right.pre_release))
}

pub(super) fn compare_numbers(left: &Parts<'_>, right: &Parts<'_>) -> Ordering {
    left.numbers
        .iter()
        .zip(right.numbers.iter())
        .map(|(left, right)| digits::compare(left, right))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// A release is newer than its pre-releases, which compare identifier by identifier.
pub(super) fn compare_pre_releases(left: &[u8], right: &[u8]) -> Ordering {
    if left.is_empty() || right.is_empty() {
        return left.is_empty().cmp(&right.is_empty());
    }
    let identifiers = |text| <[u8]>::split(text, |byte: &u8| *byte == b'.');
    compare_sequences(identifiers(left), identifiers(right), compare_identifiers)
}

/// Compares element by element; of two equal beginnings the longer is greater.
pub(super) fn compare_sequences<T>(
    mut left: impl Iterator<Item = T>,
    mut right: impl Iterator<Item = T>,
    compare: impl Fn(T, T) -> Ordering,
) -> Ordering {
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (Some(left), Some(right)) => compare(left, right),
            (left, right) => left.is_some().cmp(&right.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Numbers sort before words.
pub(super) fn compare_identifiers(left: &[u8], right: &[u8]) -> Ordering {
    match (digits::all(left), digits::all(right)) {
        (true, true) => digits::compare(left, right),
        (false, false) => left.cmp(right),
        (left_is_number, right_is_number) => right_is_number.cmp(&left_is_number),
    }
}
