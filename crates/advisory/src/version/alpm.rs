//! Pacman's order, as vercmp compares: `[epoch:]version[-release]`.
//!
//! As in vercmp the releases count only where both versions have one. So the order is total among
//! full versions, which is what Arch Linux and its advisories have.

use std::cmp::Ordering;

use super::digits;

struct Parts<'a> {
    epoch: &'a [u8],
    version: &'a [u8],
    release: Option<&'a [u8]>,
}

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (parse(left)?, parse(right)?);
    let order = digits::compare(left.epoch, right.epoch)
        .then_with(|| compare_part(left.version, right.version))
        .then_with(|| match (left.release, right.release) {
            (Some(left), Some(right)) => compare_part(left, right),
            _ => Ordering::Equal,
        });
    Some(order)
}

pub(super) fn parses(version: &str) -> bool {
    parse(version).is_some()
}

fn parse(text: &str) -> Option<Parts<'_>> {
    let text = text.as_bytes();
    let (run, after) = digits::split(text);
    let (epoch, rest) = after.strip_prefix(b":").map_or((&[][..], text), |rest| (run, rest));
    let dash = rest.iter().rposition(|byte| *byte == b'-');
    let (version, release) = match dash.and_then(|at| rest.split_at_checked(at)) {
        Some((version, release)) => (version, release.get(1..)),
        None => (rest, None),
    };
    let readable = rest.iter().all(u8::is_ascii_graphic)
        && version.iter().any(u8::is_ascii_alphanumeric)
        && release.is_none_or(|release| release.iter().any(u8::is_ascii_alphanumeric));
    readable.then_some(Parts { epoch, version, release })
}

/// Runs of digits and of letters in turn; unlike in RPM the length of a separator counts, and
/// letters left over make the version older (`1.0rc` before `1.0`).
fn compare_part(mut left: &[u8], mut right: &[u8]) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    while !left.is_empty() && !right.is_empty() {
        let (left_gap, left_rest) = digits::split_while(left, |byte| !byte.is_ascii_alphanumeric());
        let (right_gap, right_rest) = digits::split_while(right, |byte| !byte.is_ascii_alphanumeric());
        (left, right) = (left_rest, right_rest);
        let (Some(first), Some(_)) = (left.first(), right.first()) else { break };
        if left_gap.len() != right_gap.len() {
            return left_gap.len().cmp(&right_gap.len());
        }
        let is_number = first.is_ascii_digit();
        let belongs = |byte: u8| if is_number { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() };
        let (left_run, left_rest) = digits::split_while(left, belongs);
        let (right_run, right_rest) = digits::split_while(right, belongs);
        let order = match (right_run.is_empty(), is_number) {
            (true, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, true) => digits::compare(left_run, right_run),
            (false, false) => left_run.cmp(right_run),
        };
        if order.is_ne() {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
    compare_leftovers(left, right)
}

fn compare_leftovers(left: &[u8], right: &[u8]) -> Ordering {
    let starts_with_letter = |text: &[u8]| text.first().is_some_and(u8::is_ascii_alphabetic);
    if left.is_empty() && right.is_empty() {
        Ordering::Equal
    } else if (left.is_empty() && !starts_with_letter(right)) || starts_with_letter(left) {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}
