//! Runs of ASCII digits of any length, compared as numbers without converting them.

use std::cmp::Ordering;

/// Compares two runs of digits by value; leading zeros do not count and the empty run is zero.
pub(super) fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let (left, right) = (without_zeros(left), without_zeros(right));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// The run without its leading zeros; zero is the empty run.
pub(super) fn without_zeros(run: &[u8]) -> &[u8] {
    let zeros = run.iter().take_while(|byte| **byte == b'0').count();
    run.get(zeros..).unwrap_or_default()
}

/// Whether every byte is a digit and there is at least one.
pub(super) fn all(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// Splits the digits at the start from the rest.
pub(super) fn split(text: &[u8]) -> (&[u8], &[u8]) {
    split_while(text, |byte| byte.is_ascii_digit())
}

/// Splits the longest start whose bytes all satisfy `wanted` from the rest.
pub(super) fn split_while(text: &[u8], wanted: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let length = text.iter().take_while(|byte| wanted(**byte)).count();
    text.split_at_checked(length).unwrap_or((text, &[]))
}
