//! RubyGems' order, as Gem::Version compares.
//!
//! A version with a letter is a pre-release; `-` is read as `.pre.`; the empty version is 0.

use std::cmp::Ordering;

use super::digits;

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    if !parses(left) || !parses(right) {
        return None;
    }
    let (mut left, mut right) = (Segments::new(left), Segments::new(right));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Some(Ordering::Equal),
            (left, right) => compare_segments(left.unwrap_or(Segment::ZERO), right.unwrap_or(Segment::ZERO)),
        };
        if order.is_ne() {
            return Some(order);
        }
    }
}

pub(super) fn parses(version: &str) -> bool {
    let version = version.trim_ascii();
    if version.is_empty() {
        return true;
    }
    let (release, pre) = match version.split_once('-') {
        Some((release, pre)) => (release, Some(pre)),
        None => (version, None),
    };
    let mut segments = release.split('.');
    segments.next().is_some_and(|first| digits::all(first.as_bytes()))
        && segments.all(|segment| is_word(segment, |byte| byte.is_ascii_alphanumeric()))
        && pre.is_none_or(|pre| {
            pre.split('.')
                .all(|segment| is_word(segment, |byte| byte.is_ascii_alphanumeric() || byte == b'-'))
        })
}

fn is_word(text: &str, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.bytes().all(allowed)
}

#[derive(Clone, Copy)]
enum Segment<'a> {
    Number(&'a [u8]),
    Word(&'a [u8]),
}

impl Segment<'_> {
    const ZERO: Segment<'static> = Segment::Number(&[]);
}

/// Words sort before numbers.
fn compare_segments(left: Segment<'_>, right: Segment<'_>) -> Ordering {
    match (left, right) {
        (Segment::Number(left), Segment::Number(right)) => digits::compare(left, right),
        (Segment::Word(left), Segment::Word(right)) => left.cmp(right),
        (Segment::Word(_), Segment::Number(_)) => Ordering::Less,
        (Segment::Number(_), Segment::Word(_)) => Ordering::Greater,
    }
}

/// Segments of a version, without the zeros that stand right before the first word.
struct Segments<'a> {
    rest: &'a [u8],
    /// Zeros read and not yet given out.
    zeros: usize,
    /// What was read after those zeros.
    held: Option<Segment<'a>>,
    seen_word: bool,
}

impl<'a> Segments<'a> {
    fn new(version: &'a str) -> Segments<'a> {
        Segments { rest: version.trim_ascii().as_bytes(), zeros: 0, held: None, seen_word: false }
    }

    fn next(&mut self) -> Option<Segment<'a>> {
        if self.zeros > 0 {
            self.zeros -= 1;
            return Some(Segment::ZERO);
        }
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        if self.seen_word {
            return self.read();
        }
        let mut zeros = 0_usize;
        loop {
            match self.read() {
                Some(Segment::Number(number)) if digits::without_zeros(number).is_empty() => zeros += 1,
                // The end is padded with zeros anyway.
                None => return None,
                Some(Segment::Word(word)) => {
                    self.seen_word = true;
                    return Some(Segment::Word(word));
                }
                Some(number) => {
                    let Some(left) = zeros.checked_sub(1) else { return Some(number) };
                    (self.zeros, self.held) = (left, Some(number));
                    return Some(Segment::ZERO);
                }
            }
        }
    }

    fn read(&mut self) -> Option<Segment<'a>> {
        let (_, rest) = digits::split_while(self.rest, |byte| byte == b'.');
        let first = rest.first()?;
        if *first == b'-' {
            self.rest = rest.get(1..)?;
            return Some(Segment::Word(b"pre"));
        }
        if first.is_ascii_digit() {
            let (run, rest) = digits::split(rest);
            self.rest = rest;
            Some(Segment::Number(run))
        } else {
            let (run, rest) = digits::split_while(rest, |byte| byte.is_ascii_alphabetic());
            self.rest = rest;
            Some(Segment::Word(run))
        }
    }
}
