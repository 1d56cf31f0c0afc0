//! node-semver's order, with what its loose mode reads: leading `v` and `=`, leading zeros, and a
//! pre-release without its hyphen (`1.2.3beta`). Partial versions (`0`, `1.2`) are read as advisories mean them.

use std::cmp::Ordering;

use super::digits;
use super::semver::{self, Parts};

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    Some(semver::compare_parts(&parse(left)?, &parse(right)?))
}

pub(super) fn parses(version: &str) -> bool {
    parse(version).is_some()
}

pub(super) fn parse(version: &str) -> Option<Parts<'_>> {
    let version = version.trim_ascii().as_bytes();
    let (_, version) = digits::split_while(version, |byte| matches!(byte, b'v' | b'=' | b' '));
    let (parts, rest) = semver::numbers(version, 3)?;
    if parts.written < 3 || !rest.first().is_some_and(u8::is_ascii_alphabetic) {
        return semver::tail(parts, rest);
    }
    // Read what is glued on as if its hyphen were there.
    let plus = rest.iter().position(|byte| *byte == b'+').unwrap_or(rest.len());
    let (pre_release, build) = rest.split_at_checked(plus)?;
    let readable =
        semver::are_identifiers(pre_release) && build.strip_prefix(b"+").is_none_or(semver::are_identifiers);
    readable.then_some(Parts { pre_release, ..parts })
}
