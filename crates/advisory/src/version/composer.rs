//! Composer's order: composer/semver normalises a version (`v1.2-b3` → `1.2.0.0-beta3`), PHP's
//! version_compare orders what comes out.
//!
//! Branches without a number (`dev-main`) have no place in the order and are refused;
//! `1.2.x-dev` is the branch's unknown latest, above every `1.2` release.

use std::cmp::Ordering;

use super::digits;

/// What composer/semver writes for the open number of a branch: `1.x-dev` is `1.9999999.9999999.9999999-dev`.
const OPEN_NUMBER: &[u8] = b"9999999";

/// Digits of the first number; longer ones are dates.
const MAJOR_DIGITS_MAX: usize = 5;

/// A normalised version.
#[derive(Clone, Debug, Default)]
pub(super) struct Normal<'a> {
    /// Four numbers, or the parts of a date.
    pub(super) numbers: Vec<&'a [u8]>,
    pub(super) stability: Option<(Stability, Vec<&'a [u8]>)>,
    pub(super) is_dev: bool,
}

/// Release words in PHP's order; a plain release stands between candidate and patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stability {
    Dev,
    Alpha,
    Beta,
    Candidate,
    Release,
    Patch,
}

#[derive(Clone, Copy)]
enum Token<'a> {
    Number(&'a [u8]),
    Word(Stability),
}

/// Spellings, longer ones first where one starts with another.
const WORDS: [(&str, Stability); 9] = [
    ("stable", Stability::Release),
    ("beta", Stability::Beta),
    ("b", Stability::Beta),
    ("rc", Stability::Candidate),
    ("alpha", Stability::Alpha),
    ("a", Stability::Alpha),
    ("patch", Stability::Patch),
    ("pl", Stability::Patch),
    ("p", Stability::Patch),
];

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (normalise(left)?, normalise(right)?);
    let (mut left, mut right) = (left.tokens(), right.tokens());
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Some(Ordering::Equal),
            (Some(left), Some(right)) => compare_tokens(left, right),
            (Some(left), None) => compare_with_end(left),
            (None, Some(right)) => compare_with_end(right).reverse(),
        };
        if order.is_ne() {
            return Some(order);
        }
    }
}

pub(super) fn parses(version: &str) -> bool {
    normalise(version).is_some()
}

fn compare_tokens(left: Token<'_>, right: Token<'_>) -> Ordering {
    match (left, right) {
        (Token::Number(left), Token::Number(right)) => digits::compare(left, right),
        (Token::Word(left), Token::Word(right)) => left.cmp(&right),
        (Token::Number(_), Token::Word(word)) => Stability::Release.cmp(&word),
        (Token::Word(word), Token::Number(_)) => word.cmp(&Stability::Release),
    }
}

/// More numbers make a version newer, a word by its kind.
fn compare_with_end(token: Token<'_>) -> Ordering {
    match token {
        Token::Number(_) => Ordering::Greater,
        Token::Word(word) => word.cmp(&Stability::Release),
    }
}

impl<'a> Normal<'a> {
    fn tokens(&self) -> impl Iterator<Item = Token<'a>> {
        let (word, counts) = match &self.stability {
            Some((word, counts)) => (Some(Token::Word(*word)), counts.as_slice()),
            None => (None, &[][..]),
        };
        let number = |number: &&'a [u8]| Token::Number(number);
        let dev = self.is_dev.then_some(Token::Word(Stability::Dev));
        self.numbers.iter().map(number).chain(word).chain(counts.iter().map(number)).chain(dev)
    }
}

/// Reads a version as composer/semver's `VersionParser::normalize` does.
pub(super) fn normalise(version: &str) -> Option<Normal<'_>> {
    let version = without_flag(without_alias(version.trim_ascii()));
    let version = without_build(version).as_bytes();
    let version = version.strip_prefix(b"v").or_else(|| version.strip_prefix(b"V")).unwrap_or(version);
    classical(version).or_else(|| date(version)).or_else(|| branch(version))
}

/// `1.x-dev as 1.2.0` is the former.
fn without_alias(version: &str) -> &str {
    version.split_once(" as ").map_or(version, |(before, _)| before.trim_ascii())
}

/// Cuts `@beta`.
fn without_flag(version: &str) -> &str {
    match version.rsplit_once('@') {
        Some((before, flag)) if is_stability_flag(flag) => before,
        _ => version,
    }
}

pub(super) fn is_stability_flag(flag: &str) -> bool {
    ["stable", "RC", "beta", "alpha", "dev"].iter().any(|known| known.eq_ignore_ascii_case(flag))
}

fn without_build(version: &str) -> &str {
    match version.split_once('+') {
        Some((before, build)) if !before.is_empty() && !build.is_empty() => before,
        _ => version,
    }
}

fn classical(text: &[u8]) -> Option<Normal<'_>> {
    let (major, mut rest) = digits::split(text);
    if major.is_empty() || major.len() > MAJOR_DIGITS_MAX {
        return None;
    }
    let mut numbers = vec![major];
    while numbers.len() < 4
        && let Some(after) = rest.strip_prefix(b".")
        && let (number @ [_, ..], after) = digits::split(after)
    {
        numbers.push(number);
        rest = after;
    }
    numbers.resize(4, b"0");
    with_modifiers(numbers, rest)
}

/// `20240131`, `2024-01-31`, `2024.01.31.1200`: four digits, pairs of digits, and up to three more.
fn date(text: &[u8]) -> Option<Normal<'_>> {
    let (year, mut rest) = text.split_at_checked(4)?;
    if !digits::all(year) {
        return None;
    }
    let mut ends = Vec::new();
    while ends.len() < 6
        && let Some(after) = date_digits(rest, 2)
    {
        ends.push(after);
        rest = after;
    }
    // As the pattern is greedy, the most pairs that let the rest be read win.
    ends.into_iter().rev().find_map(|rest| {
        let more = (1..=3).rev().filter_map(|count| date_digits(rest, count));
        more.chain([rest]).find_map(|rest| {
            let length = text.len().checked_sub(rest.len())?;
            let numbers = text.get(..length)?.split(|byte| !byte.is_ascii_digit()).collect();
            with_modifiers(numbers, rest)
        })
    })
}

/// What follows `count` digits, with a separator before them or none.
fn date_digits(text: &[u8], count: usize) -> Option<&[u8]> {
    let text = match text.split_first() {
        Some((b'.' | b':' | b'-', rest)) => rest,
        _ => text,
    };
    let (run, rest) = text.split_at_checked(count)?;
    digits::all(run).then_some(rest)
}

/// Reads `-beta.1-dev` and its relatives; nothing may follow.
fn with_modifiers<'a>(numbers: Vec<&'a [u8]>, rest: &'a [u8]) -> Option<Normal<'a>> {
    let (stability, rest) = stability(strip_separators(rest, b"._-"));
    let is_release = matches!(&stability, Some((Stability::Release, _)));
    let undotted = strip_separators(rest, b".-");
    let (is_dev, rest) = match strip_word(undotted, "dev") {
        Some(after) => (true, after),
        None => (false, rest),
    };
    // A version marked stable is a release even when `dev` follows, as composer/semver returns early.
    let stability = stability.filter(|(word, _)| *word != Stability::Release);
    rest.is_empty().then_some(Normal { numbers, stability, is_dev: is_dev && !is_release })
}

type Stage<'a> = Option<(Stability, Vec<&'a [u8]>)>;

fn stability(text: &[u8]) -> (Stage<'_>, &[u8]) {
    for (spelling, word) in WORDS {
        let Some(mut rest) = strip_word(text, spelling) else { continue };
        let mut counts = Vec::new();
        while let (number @ [_, ..], after) = digits::split(strip_separators(rest, b".-")) {
            counts.push(number);
            rest = after;
        }
        let readable = rest.is_empty() || strip_word(strip_separators(rest, b".-"), "dev") == Some(&[]);
        if readable {
            return (Some((word, counts)), rest);
        }
    }
    (None, text)
}

fn strip_separators<'a>(text: &'a [u8], separators: &[u8]) -> &'a [u8] {
    match text.split_first() {
        Some((first, rest)) if separators.contains(first) => rest,
        _ => text,
    }
}

fn strip_word<'a>(text: &'a [u8], word: &str) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word.as_bytes()).then_some(rest)
}

/// `1.x-dev`: numbers and wildcards.
fn branch(text: &[u8]) -> Option<Normal<'_>> {
    let (name, suffix) = text.split_at_checked(text.len().checked_sub(3)?)?;
    if !suffix.eq_ignore_ascii_case(b"dev") {
        return None;
    }
    let name = name.strip_suffix(b"-").or_else(|| name.strip_suffix(b".")).unwrap_or(name);
    let mut numbers = Vec::new();
    for part in name.split(|byte| *byte == b'.') {
        let is_wildcard = matches!(part, [b'x' | b'X' | b'*']) && !numbers.is_empty();
        if numbers.len() == 4 || !(is_wildcard || digits::all(part)) {
            return None;
        }
        numbers.push(if is_wildcard { OPEN_NUMBER } else { part });
    }
    numbers.resize(4, OPEN_NUMBER);
    Some(Normal { numbers, stability: None, is_dev: true })
}
