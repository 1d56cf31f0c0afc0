//! Bitnami's order: three numbers and a revision that makes a version newer (`1.2.3` < `1.2.3-4`),
//! where SemVer would see a pre-release. Other words after the hyphen are pre-releases as in SemVer.

use std::cmp::Ordering;

use super::digits;
use super::semver::{self, Parts};

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    Some(semver::compare_parts(&parse(left)?, &parse(right)?))
}

pub(super) fn parses(version: &str) -> bool {
    parse(version).is_some()
}

fn parse(version: &str) -> Option<Parts<'_>> {
    let mut parts = semver::parse(version)?;
    if digits::all(parts.pre_release)
        && let Some(slot) = parts.numbers.last_mut()
    {
        *slot = std::mem::take(&mut parts.pre_release);
    }
    Some(parts)
}
