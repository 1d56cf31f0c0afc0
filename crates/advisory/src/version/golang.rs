//! Go's order: semantic versions of modules (`v` optional, `+incompatible` without weight,
//! pseudo-versions as pre-releases) and the toolchain's own (`go1.21rc1`, `go1.21.0`).
//!
//! Both spellings of a toolchain version compare with each other, because the Go vulnerability
//! database writes `1.21.0-rc.1` and binaries carry `go1.21rc1`. What follows a toolchain version
//! (` X:boringcrypto`, ` (Red Hat …)`, `-vendor`) does not count, as in Go's go/version.
//! `(devel)` cannot be read. Whether a pseudo-version of the main module means anything is the
//! matcher's question.

use std::cmp::Ordering;

use super::digits;
use super::semver::{self, Parts};

struct Reading<'a> {
    parts: Parts<'a>,
    /// `rc1` of the toolchain: a word and its number in one, to be read as two identifiers.
    glued: bool,
}

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (parse(left)?, parse(right)?);
    let order = semver::compare_numbers(&left.parts, &right.parts);
    if order.is_ne() || (!left.glued && !right.glued) {
        return Some(
            order.then_with(|| semver::compare_pre_releases(left.parts.pre_release, right.parts.pre_release)),
        );
    }
    let (left_pre, right_pre) = (left.parts.pre_release, right.parts.pre_release);
    if left_pre.is_empty() || right_pre.is_empty() {
        return Some(left_pre.is_empty().cmp(&right_pre.is_empty()));
    }
    let order =
        semver::compare_sequences(left.identifiers(), right.identifiers(), semver::compare_identifiers);
    Some(order)
}

pub(super) fn parses(version: &str) -> bool {
    parse(version).is_some()
}

impl<'a> Reading<'a> {
    fn identifiers(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (word, number) = if self.glued {
            digits::split_while(self.parts.pre_release, |byte| byte.is_ascii_alphabetic())
        } else {
            (self.parts.pre_release, &[][..])
        };
        let number = (!number.is_empty()).then_some(number);
        word.split(|byte| *byte == b'.').chain(number)
    }
}

fn parse(version: &str) -> Option<Reading<'_>> {
    let version = version.trim_ascii();
    if let Some(toolchain) = version.strip_prefix("go") {
        let end = toolchain.find(['-', '+', ' ']).unwrap_or(toolchain.len());
        return toolchain_version(toolchain.get(..end)?.as_bytes());
    }
    let plain = version.strip_prefix('v').unwrap_or(version).as_bytes();
    let (parts, rest) = semver::numbers(plain, 3)?;
    if rest.first().is_some_and(u8::is_ascii_alphabetic) {
        return toolchain_version(plain);
    }
    Some(Reading { parts: semver::tail(parts, rest)?, glued: false })
}

/// `1.21`, `1.21.3`, `1.21rc1`.
fn toolchain_version(text: &[u8]) -> Option<Reading<'_>> {
    let (mut parts, rest) = semver::numbers(text, 3)?;
    let (word, number) = digits::split_while(rest, |byte| byte.is_ascii_lowercase());
    let is_release = rest.is_empty();
    if !is_release && (word.is_empty() || !digits::all(number)) {
        return None;
    }
    parts.pre_release = rest;
    Some(Reading { parts, glued: !is_release })
}
