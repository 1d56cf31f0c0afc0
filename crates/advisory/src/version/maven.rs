//! Maven's order, as ComparableVersion of Maven 3.9 compares.
//!
//! Numbers and qualifiers form lists, each `-` and each change between digits and letters opening
//! a list inside the last; trailing zeros and `ga`, `final`, `release` vanish. Refused: text
//! without a digit (`LATEST`, `unspecified`) and what is left of a property (`${revision}`), which
//! Maven would compare as if they were versions.

use std::cmp::Ordering;

use super::digits;

/// One element of the nested lists. As a list is only ever the last element of the one around it,
/// a flat sequence with a mark where the next list opens says the same.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Number(String),
    Word(Word),
    Open,
}

/// A qualifier: its rank among the known ones, and its text when it is not one of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Word {
    rank: u8,
    text: String,
}

const RELEASE: u8 = 5;
const UNKNOWN: u8 = 7;

impl Word {
    fn new(text: &str, before_digit: bool) -> Word {
        let rank = match text {
            "a" if before_digit => 0,
            "b" if before_digit => 1,
            "m" if before_digit => 2,
            "alpha" => 0,
            "beta" => 1,
            "milestone" => 2,
            "rc" | "cr" => 3,
            "snapshot" => 4,
            "" | "ga" | "final" | "release" => RELEASE,
            "sp" => 6,
            _ => UNKNOWN,
        };
        let text = if rank == UNKNOWN { text.to_owned() } else { String::new() };
        Word { rank, text }
    }
}

impl Item {
    fn is_null(&self) -> bool {
        match self {
            Item::Number(number) => number.is_empty(),
            Item::Word(word) => word.rank == RELEASE,
            Item::Open => false,
        }
    }

    fn number(text: &str) -> Item {
        Item::Number(text.trim_start_matches('0').to_owned())
    }
}

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (parse(left)?, parse(right)?);
    let length = left.len().max(right.len());
    let order = (0..length)
        .map(|index| compare_items(left.get(index), right.get(index)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal);
    Some(order)
}

pub(super) fn parses(version: &str) -> bool {
    is_readable(version)
}

fn is_readable(version: &str) -> bool {
    version.bytes().any(|byte| byte.is_ascii_digit())
        && version
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+' | b'~'))
}

/// Qualifiers sort before lists, lists before numbers; what is missing counts as a release.
fn compare_items(left: Option<&Item>, right: Option<&Item>) -> Ordering {
    match (left, right) {
        (None, None) => Ordering::Equal,
        (Some(left), None) => compare_with_nothing(left),
        (None, Some(right)) => compare_with_nothing(right).reverse(),
        (Some(Item::Number(left)), Some(Item::Number(right))) => {
            digits::compare(left.as_bytes(), right.as_bytes())
        }
        (Some(Item::Word(left)), Some(Item::Word(right))) => left.cmp(right),
        (Some(left), Some(right)) => class(left).cmp(&class(right)),
    }
}

fn compare_with_nothing(item: &Item) -> Ordering {
    match item {
        Item::Number(number) => number.is_empty().cmp(&true).reverse(),
        Item::Word(word) => word.rank.cmp(&RELEASE),
        Item::Open => Ordering::Equal,
    }
}

const fn class(item: &Item) -> u8 {
    match item {
        Item::Word(_) => 0,
        Item::Open => 1,
        Item::Number(_) => 2,
    }
}

fn parse(version: &str) -> Option<Vec<Item>> {
    if !is_readable(version) {
        return None;
    }
    let lower = version.to_ascii_lowercase();
    let mut items = Vec::new();
    let mut rest = lower.as_str();
    while !rest.is_empty() {
        let run = run_of(rest);
        let after = rest.get(run.len()..)?;
        let separator = after.chars().next().filter(|next| matches!(next, '.' | '-'));
        push_run(&mut items, run, after.is_empty(), separator);
        rest = after.get(separator.map_or(0, char::len_utf8)..)?;
    }
    Some(normalise(items))
}

/// The digits, or the letters and other signs, up to the next separator or change.
fn run_of(text: &str) -> &str {
    let is_number = text.starts_with(|first: char| first.is_ascii_digit());
    let end = text
        .find(|next: char| matches!(next, '.' | '-') || next.is_ascii_digit() != is_number)
        .unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn push_run(items: &mut Vec<Item>, run: &str, is_last: bool, separator: Option<char>) {
    let is_number = run.starts_with(|first: char| first.is_ascii_digit());
    let before_digit = !is_number && !is_last && separator.is_none();
    if run.is_empty() {
        items.push(Item::number("0"));
    } else if is_number {
        items.push(Item::number(run));
    } else {
        // `.x1` and a last `.x` are read as `-x1` and `-x`.
        if (before_digit || is_last) && items.last().is_some_and(|last| *last != Item::Open) {
            items.push(Item::Open);
        }
        items.push(Item::Word(Word::new(run, before_digit)));
    }
    let changes = !is_last && separator.is_none();
    if separator == Some('-') || changes {
        items.push(Item::Open);
    }
}

/// Drops the zeros and release words at the end of each list, then the lists left empty at the end.
fn normalise(items: Vec<Item>) -> Vec<Item> {
    let mut kept: Vec<Item> = Vec::with_capacity(items.len());
    for item in items {
        if item == Item::Open {
            drop_trailing_nulls(&mut kept);
        }
        kept.push(item);
    }
    drop_trailing_nulls(&mut kept);
    while kept.last() == Some(&Item::Open) {
        kept.pop();
        drop_trailing_nulls(&mut kept);
    }
    kept
}

fn drop_trailing_nulls(items: &mut Vec<Item>) {
    while items.last().is_some_and(Item::is_null) {
        items.pop();
    }
}
