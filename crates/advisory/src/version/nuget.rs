//! NuGet's order (NuGet.Versioning): SemVer 2 with up to four numbers, missing ones zero, and
//! pre-release labels that ignore case; metadata does not count.

use std::cmp::Ordering;

use super::digits;
use super::pep440::compare_ignoring_case;
use super::semver::{self, Parts};

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (parse(left)?, parse(right)?);
    Some(
        semver::compare_numbers(&left, &right)
            .then_with(|| compare_labels(left.pre_release, right.pre_release)),
    )
}

pub(super) fn parses(version: &str) -> bool {
    parse(version).is_some()
}

pub(super) fn parse(version: &str) -> Option<Parts<'_>> {
    let (parts, rest) = semver::numbers(version.trim_ascii().as_bytes(), 4)?;
    semver::tail(parts, rest)
}

fn compare_labels(left: &[u8], right: &[u8]) -> Ordering {
    if left.is_empty() || right.is_empty() {
        return left.is_empty().cmp(&right.is_empty());
    }
    let labels = |text| <[u8]>::split(text, |byte: &u8| *byte == b'.');
    semver::compare_sequences(labels(left), labels(right), |left: &[u8], right: &[u8]| {
        match (digits::all(left), digits::all(right)) {
            (true, true) => digits::compare(left, right),
            (false, false) => compare_ignoring_case(left, right),
            (left_is_number, right_is_number) => right_is_number.cmp(&left_is_number),
        }
    })
}
