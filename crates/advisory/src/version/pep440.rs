//! PEP 440, as the `packaging` library reads it (its Appendix B grammar) and orders it.
//!
//! All spellings that PEP 440 normalises are read; legacy versions (`1.0-foo`, `2004d`) are refused.

use std::cmp::Ordering;

use super::digits;
use super::semver::compare_sequences;

/// A version in its parts, borrowed from the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'a> {
    pub(super) epoch: &'a [u8],
    /// Dotted numbers, at least one.
    pub(super) release: &'a [u8],
    /// Alpha, beta or candidate, and its number.
    pub(super) pre: Option<(Phase, &'a [u8])>,
    pub(super) post: Option<&'a [u8]>,
    pub(super) dev: Option<&'a [u8]>,
    /// What follows `+`; empty when absent.
    pub(super) local: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Alpha,
    Beta,
    Candidate,
}

/// Longest spelling first where one starts with another.
const PHASES: [(&str, Phase); 8] = [
    ("alpha", Phase::Alpha),
    ("a", Phase::Alpha),
    ("beta", Phase::Beta),
    ("b", Phase::Beta),
    ("preview", Phase::Candidate),
    ("pre", Phase::Candidate),
    ("c", Phase::Candidate),
    ("rc", Phase::Candidate),
];

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    Some(compare_parts(&parse(left)?, &parse(right)?))
}

pub(super) fn parses(version: &str) -> bool {
    parse(version).is_some()
}

pub(super) fn parse(version: &str) -> Option<Parts<'_>> {
    let text = version.trim_matches(is_space).as_bytes();
    let text = strip_word(text, "v").unwrap_or(text);
    let (run, after) = digits::split(text);
    let (epoch, rest) = match after.strip_prefix(b"!") {
        Some(rest) if !run.is_empty() => (run, rest),
        _ => (&[][..], text),
    };
    let (release, rest) = release(rest)?;
    let (pre, rest) = pre(rest);
    let (post, rest) = post(rest);
    let (dev, rest) = labelled(rest, &["dev"]);
    let local = match rest.split_first() {
        None => rest,
        Some((b'+', local)) if is_local(local) => local,
        Some(_) => return None,
    };
    Some(Parts { epoch, release, pre, post, dev, local })
}

/// The white space of Python's `\s` below 128.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t'..='\r' | '\x1c'..='\x1f')
}

fn release(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = digits::split(text).1;
    if rest.len() == text.len() {
        return None;
    }
    while let Some(after) = rest.strip_prefix(b".") {
        let (number, after) = digits::split(after);
        if number.is_empty() {
            break;
        }
        rest = after;
    }
    let (release, rest) = text.split_at_checked(text.len().checked_sub(rest.len())?)?;
    Some((release, rest))
}

fn pre(text: &[u8]) -> (Option<(Phase, &[u8])>, &[u8]) {
    for (word, phase) in PHASES {
        if let (Some(number), rest) = labelled(text, &[word]) {
            return (Some((phase, number)), rest);
        }
    }
    (None, text)
}

fn post(text: &[u8]) -> (Option<&[u8]>, &[u8]) {
    if let Some(rest) = text.strip_prefix(b"-") {
        let (number, rest) = digits::split(rest);
        if !number.is_empty() {
            return (Some(number), rest);
        }
    }
    labelled(text, &["post", "rev", "r"])
}

/// `[-_.]word[-_.]number` with both separators and the number optional.
fn labelled<'a>(text: &'a [u8], words: &[&str]) -> (Option<&'a [u8]>, &'a [u8]) {
    let without_separator = strip_separator(text);
    let Some(after) = words.iter().find_map(|word| strip_word(without_separator, word)) else {
        return (None, text);
    };
    let (number, rest) = digits::split(strip_separator(after));
    if number.is_empty() { (Some(number), after) } else { (Some(number), rest) }
}

fn strip_separator(text: &[u8]) -> &[u8] {
    match text.split_first() {
        Some((b'-' | b'_' | b'.', rest)) => rest,
        _ => text,
    }
}

fn strip_word<'a>(text: &'a [u8], word: &str) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word.as_bytes()).then_some(rest)
}

fn is_local(text: &[u8]) -> bool {
    local_segments(text).all(|segment| !segment.is_empty() && segment.iter().all(u8::is_ascii_alphanumeric))
}

fn local_segments(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| matches!(byte, b'-' | b'_' | b'.'))
}

pub(super) fn compare_parts(left: &Parts<'_>, right: &Parts<'_>) -> Ordering {
    compare_public(left, right).then_with(|| compare_local(left.local, right.local))
}

/// Compares all but the local labels.
pub(super) fn compare_public(left: &Parts<'_>, right: &Parts<'_>) -> Ordering {
    digits::compare(left.epoch, right.epoch)
        .then_with(|| compare_release(left.release, right.release))
        .then_with(|| compare_pre(left, right))
        .then_with(|| compare_present(left.post, right.post))
        .then_with(|| compare_dev(left.dev, right.dev))
}

/// Missing numbers are zero.
fn compare_release(left: &[u8], right: &[u8]) -> Ordering {
    let mut left = left.split(|byte| *byte == b'.');
    let mut right = right.split(|byte| *byte == b'.');
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (left, right) => digits::compare(left.unwrap_or_default(), right.unwrap_or_default()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// `1.0.dev1` comes before `1.0a1`, that before `1.0` and `1.0.post1`.
fn compare_pre(left: &Parts<'_>, right: &Parts<'_>) -> Ordering {
    let rank = |parts: &Parts<'_>| match (parts.pre, parts.post, parts.dev) {
        (Some(_), _, _) => 1,
        (None, None, Some(_)) => 0,
        (None, _, _) => 2,
    };
    rank(left).cmp(&rank(right)).then_with(|| match (left.pre, right.pre) {
        (Some((left_phase, left_number)), Some((right_phase, right_number))) => {
            left_phase.cmp(&right_phase).then_with(|| digits::compare(left_number, right_number))
        }
        _ => Ordering::Equal,
    })
}

/// An absent post-release comes before any.
fn compare_present(left: Option<&[u8]>, right: Option<&[u8]>) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => digits::compare(left, right),
        (left, right) => left.is_some().cmp(&right.is_some()),
    }
}

/// An absent development release comes after all.
fn compare_dev(left: Option<&[u8]>, right: Option<&[u8]>) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => digits::compare(left, right),
        (left, right) => right.is_some().cmp(&left.is_some()),
    }
}

/// Words sort before numbers, and no label before any.
fn compare_local(left: &[u8], right: &[u8]) -> Ordering {
    if left.is_empty() || right.is_empty() {
        return right.is_empty().cmp(&left.is_empty());
    }
    compare_sequences(local_segments(left), local_segments(right), |left: &[u8], right: &[u8]| {
        match (digits::all(left), digits::all(right)) {
            (true, true) => digits::compare(left, right),
            (false, false) => compare_ignoring_case(left, right),
            (left_is_number, right_is_number) => left_is_number.cmp(&right_is_number),
        }
    })
}

/// Compares ASCII text as if it were in lower case.
pub(super) fn compare_ignoring_case(left: &[u8], right: &[u8]) -> Ordering {
    left.iter().map(u8::to_ascii_lowercase).cmp(right.iter().map(u8::to_ascii_lowercase))
}
