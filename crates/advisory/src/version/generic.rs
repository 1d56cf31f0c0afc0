//! How programs number themselves when no ecosystem says: dotted numbers, letters, release words.
//!
//! `1.1.1w` is newer than `1.1.1`; words for unfinished work (`dev`, `alpha`, `beta`, `rc` …) make
//! a version older, all other words newer; missing numbers are zero; build metadata after `+` does
//! not count. Java's two spellings (`1.8.0_392`, `8u392-b08`) are one. Text that does not start
//! with a digit (after `v`) is refused.

use std::cmp::Ordering;

use super::digits;
use super::pep440::compare_ignoring_case;

/// Words that stand for unfinished work, oldest first; words of one rank are one.
const UNFINISHED: [(&str, u8); 15] = [
    ("dev", 0),
    ("snapshot", 0),
    ("nightly", 0),
    ("alpha", 1),
    ("a", 1),
    ("beta", 2),
    ("b", 2),
    ("milestone", 3),
    ("m", 3),
    ("pre", 4),
    ("preview", 4),
    ("rc", 5),
    ("c", 5),
    ("cr", 5),
    ("ea", 5),
];

/// Words that say nothing.
const FINISHED: [&str; 4] = ["final", "ga", "release", "stable"];

#[derive(Clone, Copy)]
enum Token<'a> {
    Unfinished(u8),
    Number(&'a [u8]),
    Word(&'a [u8]),
}

impl Token<'_> {
    const END: Token<'static> = Token::Number(&[]);

    fn is_zero(self) -> bool {
        matches!(self, Token::Number(number) if digits::without_zeros(number).is_empty())
    }

    /// Unfinished, nothing (or zero), a word, a number.
    fn class(self) -> u8 {
        match self {
            Token::Unfinished(_) => 0,
            Token::Number(_) if self.is_zero() => 1,
            Token::Word(_) => 2,
            Token::Number(_) => 3,
        }
    }
}

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (parse(left)?, parse(right)?);
    let length = left.len().max(right.len());
    let order = (0..length)
        .map(|index| {
            compare_tokens(
                left.get(index).copied().unwrap_or(Token::END),
                right.get(index).copied().unwrap_or(Token::END),
            )
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal);
    Some(order)
}

pub(super) fn parses(version: &str) -> bool {
    body(version).is_some()
}

fn compare_tokens(left: Token<'_>, right: Token<'_>) -> Ordering {
    match (left, right) {
        (Token::Unfinished(left), Token::Unfinished(right)) => left.cmp(&right),
        (Token::Number(left), Token::Number(right)) => digits::compare(left, right),
        (Token::Word(left), Token::Word(right)) => compare_ignoring_case(left, right),
        (left, right) => left.class().cmp(&right.class()),
    }
}

/// The text without `v` and build metadata.
fn body(version: &str) -> Option<&[u8]> {
    let version = version.trim_ascii();
    let version = version.strip_prefix(['v', 'V']).unwrap_or(version);
    let body = version.split('+').next()?.as_bytes();
    let readable = version.bytes().all(|byte| byte.is_ascii_graphic())
        && body
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'~' | b':'));
    (readable && body.first().is_some_and(u8::is_ascii_digit)).then_some(body)
}

fn parse(version: &str) -> Option<Vec<Token<'_>>> {
    let body = body(version)?;
    if let Some((major, update)) = java_update(body) {
        return Some(vec![Token::Number(major), Token::END, Token::Number(update)]);
    }
    let mut tokens = Vec::new();
    let mut rest = body;
    let mut separated = false;
    while let Some(first) = rest.first() {
        if first.is_ascii_digit() {
            let (run, after) = digits::split(rest);
            tokens.push(Token::Number(run));
            rest = after;
        } else if first.is_ascii_alphabetic() {
            let (run, after) = digits::split_while(rest, |byte| byte.is_ascii_alphabetic());
            let glued = matches!(tokens.last(), Some(Token::Number(_))) && !separated;
            let before_digit = after.first().is_some_and(u8::is_ascii_digit);
            push_word(&mut tokens, run, glued && !before_digit);
            rest = after;
        } else {
            rest = rest.get(1..)?;
            separated = true;
            continue;
        }
        separated = false;
    }
    Some(tokens)
}

/// Adds a word; a single letter right behind a number and with none behind it (`1.1.1a`) is no
/// abbreviation but a revision.
fn push_word<'a>(tokens: &mut Vec<Token<'a>>, word: &'a [u8], is_revision: bool) {
    let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
    if FINISHED.into_iter().any(is) {
        return;
    }
    let unfinished = UNFINISHED.into_iter().find(|(known, _)| is(known));
    match unfinished {
        Some((_, rank)) if word.len() > 1 || !is_revision => {
            // `1.0-rc1` and `1.0.0-rc1` are one.
            while tokens.last().is_some_and(|last| last.is_zero()) {
                tokens.pop();
            }
            tokens.push(Token::Unfinished(rank));
        }
        _ => tokens.push(Token::Word(word)),
    }
}

/// Major and update of `1.8.0_392`, `1.8.0_392-b08`, `8u392`, `8u392-b08`.
fn java_update(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (major, rest) = digits::split(text);
    let (major, rest) = match rest.strip_prefix(b"u") {
        Some(rest) => (major, rest),
        None => {
            let (major, rest) = digits::split(text.strip_prefix(b"1.")?);
            (major, rest.strip_prefix(b".0_")?)
        }
    };
    let (update, rest) = digits::split(rest);
    let is_build = rest.is_empty() || rest.strip_prefix(b"-b").is_some_and(digits::all);
    (!major.is_empty() && !update.is_empty() && is_build).then_some((major, update))
}
