//! Alpine's order, as apk-tools 3 compares:
//! `digits{.digits}…{letter}{_suffix{digits}}…{~hash}{-rdigits}`.
//!
//! Digits may follow the letter (`9.9p1`), which apk-tools 2 allows and 3 does not. The two also
//! differ for components with leading zeros; version 3's rule is taken. What the grammar does not
//! cover is refused, although both programs would compare it somehow.

use std::cmp::Ordering;

use super::digits;

/// A token. The order of the variants is apk's: where two versions part in kind, the one with the
/// smaller kind is newer, unless a pre-release suffix decides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    First(&'a [u8]),
    Number(&'a [u8]),
    Letter(u8),
    Suffix(Suffix),
    SuffixNumber(&'a [u8]),
    Hash(&'a [u8]),
    Revision(&'a [u8]),
    End,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Suffix {
    Alpha,
    Beta,
    Pre,
    Rc,
    Cvs,
    Svn,
    Git,
    Hg,
    Patch,
}

impl Suffix {
    fn read(name: &[u8]) -> Option<Suffix> {
        match name {
            b"alpha" => Some(Suffix::Alpha),
            b"beta" => Some(Suffix::Beta),
            b"pre" => Some(Suffix::Pre),
            b"rc" => Some(Suffix::Rc),
            b"cvs" => Some(Suffix::Cvs),
            b"svn" => Some(Suffix::Svn),
            b"git" => Some(Suffix::Git),
            b"hg" => Some(Suffix::Hg),
            b"p" => Some(Suffix::Patch),
            _ => None,
        }
    }
}

impl Token<'_> {
    const fn kind(self) -> u8 {
        match self {
            Token::First(_) => 0,
            Token::Number(_) => 1,
            Token::Letter(_) => 2,
            Token::Suffix(_) => 3,
            Token::SuffixNumber(_) => 4,
            Token::Hash(_) => 5,
            Token::Revision(_) => 6,
            Token::End => 7,
        }
    }

    fn is_pre_release(self) -> bool {
        matches!(self, Token::Suffix(suffix) if suffix <= Suffix::Rc)
    }
}

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    if !parses(left) || !parses(right) {
        return None;
    }
    let (mut left, mut right) = (Tokens::new(left), Tokens::new(right));
    loop {
        let (left_token, right_token) = (left.next()?, right.next()?);
        let order = compare_tokens(left_token, right_token);
        if order.is_ne() || left_token == Token::End {
            return Some(order);
        }
    }
}

pub(super) fn parses(version: &str) -> bool {
    let mut tokens = Tokens::new(version);
    loop {
        match tokens.next() {
            None => return false,
            Some(Token::End) => return true,
            Some(_) => {}
        }
    }
}

fn compare_tokens(left: Token<'_>, right: Token<'_>) -> Ordering {
    match (left, right) {
        (Token::Number(left), Token::Number(right)) => compare_numbers(left, right),
        (Token::First(left), Token::First(right))
        | (Token::SuffixNumber(left), Token::SuffixNumber(right))
        | (Token::Revision(left), Token::Revision(right)) => digits::compare(left, right),
        (Token::Letter(left), Token::Letter(right)) => left.cmp(&right),
        (Token::Suffix(left), Token::Suffix(right)) => left.cmp(&right),
        (Token::Hash(left), Token::Hash(right)) => left.cmp(right),
        (left, right) if left.is_pre_release() != right.is_pre_release() => {
            right.is_pre_release().cmp(&left.is_pre_release())
        }
        (left, right) => right.kind().cmp(&left.kind()),
    }
}

/// A component after a dot that starts with a zero is a decimal fraction: compared as text.
fn compare_numbers(left: &[u8], right: &[u8]) -> Ordering {
    if left.first() == Some(&b'0') || right.first() == Some(&b'0') {
        return left.cmp(right);
    }
    digits::compare(left, right)
}

struct Tokens<'a> {
    rest: &'a [u8],
    last: Option<Token<'a>>,
}

impl<'a> Tokens<'a> {
    fn new(version: &'a str) -> Tokens<'a> {
        Tokens { rest: version.as_bytes(), last: None }
    }

    /// The next token; `None` where the text leaves the grammar.
    fn next(&mut self) -> Option<Token<'a>> {
        let token = match self.last {
            None => self.number(Token::First)?,
            Some(last) => self.after(last)?,
        };
        self.last = Some(token);
        Some(token)
    }

    fn after(&mut self, last: Token<'a>) -> Option<Token<'a>> {
        let Some((first, rest)) = self.rest.split_first() else {
            return Some(Token::End);
        };
        let kind = last.kind();
        match first {
            b'a'..=b'z' if kind <= 1 => {
                self.rest = rest;
                Some(Token::Letter(*first))
            }
            b'.' if kind <= 1 => {
                self.rest = rest;
                self.number(Token::Number)
            }
            b'0'..=b'9' if kind == 2 => self.number(Token::Number),
            b'0'..=b'9' if kind == 3 => self.number(Token::SuffixNumber),
            b'_' if kind <= 4 => {
                let (name, rest) = digits::split_while(rest, |byte| byte.is_ascii_lowercase());
                self.rest = rest;
                Suffix::read(name).map(Token::Suffix)
            }
            b'~' if kind < 5 => {
                let (hash, rest) = digits::split_while(rest, |byte| byte.is_ascii_hexdigit());
                self.rest = rest;
                (!hash.is_empty()).then_some(Token::Hash(hash))
            }
            b'-' if kind < 6 => {
                self.rest = rest.strip_prefix(b"r")?;
                self.number(Token::Revision)
            }
            _ => None,
        }
    }

    fn number(&mut self, token: fn(&'a [u8]) -> Token<'a>) -> Option<Token<'a>> {
        let (run, rest) = digits::split(self.rest);
        self.rest = rest;
        (!run.is_empty()).then(|| token(run))
    }
}
