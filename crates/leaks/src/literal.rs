//! The literal that every match of an expression contains, proven from its syntax tree.
//!
//! Used when Seawall is built (a rule without one fails the build) and when a user's rules are loaded. Literals are in
//! lower case, because the sweep ignores case.

use regex_syntax::hir::{Class, Hir, HirKind};

/// More alternatives than this make the sweep slower than the expression.
const ALTERNATIVES_MAX: usize = 64;
/// A longer literal proves nothing more.
const LENGTH_MAX: usize = 16;
/// A class with more members is not spelled out.
const CLASS_MAX: usize = 10;

/// What an expression demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Required {
    /// One of these is in every match.
    pub(crate) literals: Vec<Vec<u8>>,
    /// Bytes of the match in front of it, at least.
    pub(crate) before_min: usize,
    /// And at most.
    pub(crate) before_max: usize,
}

/// The best required literal with at most `before_max` bytes in front of it.
pub(crate) fn required(hir: &Hir, before_max: usize) -> Option<Required> {
    let mut items = Vec::new();
    flatten(hir, &mut items);
    let (mut min, mut max) = (0, 0);
    let mut best: Option<(usize, Required)> = None;
    for at in 0..items.len() {
        let found = beginnings(&items[at..]);
        let score = score(&found.literals);
        if score > 0 && best.as_ref().is_none_or(|(known, _)| *known < score) {
            best = Some((score, Required { literals: found.literals, before_min: min, before_max: max }));
        }
        let properties = items[at].properties();
        min += properties.minimum_len().unwrap_or(0);
        max += properties.maximum_len()?.min(usize::MAX / 4);
        if max > before_max {
            break;
        }
    }
    best.map(|(_, required)| required)
}

/// How much a set of literals is worth: the length of its shortest; the prefilter needs three bytes.
fn score(literals: &[Vec<u8>]) -> usize {
    let shortest = literals.iter().map(Vec::len).min().unwrap_or(0);
    if shortest >= 3 { shortest.min(6) } else { 0 }
}

/// The parts of a sequence, through groups.
fn flatten<'h>(hir: &'h Hir, items: &mut Vec<&'h Hir>) {
    match hir.kind() {
        HirKind::Concat(parts) => parts.iter().for_each(|part| flatten(part, items)),
        HirKind::Capture(capture) => flatten(&capture.sub, items),
        HirKind::Empty
        | HirKind::Literal(_)
        | HirKind::Class(_)
        | HirKind::Look(_)
        | HirKind::Repetition(_)
        | HirKind::Alternation(_) => items.push(hir),
    }
}

/// Texts that a match begins with; `exact` while they are all of what was looked at.
struct Beginnings {
    literals: Vec<Vec<u8>>,
    exact: bool,
}

impl Beginnings {
    fn nothing(exact: bool) -> Beginnings {
        Beginnings { literals: vec![Vec::new()], exact }
    }
}

fn beginnings(items: &[&Hir]) -> Beginnings {
    let mut all = Beginnings::nothing(true);
    for item in items {
        if !all.exact {
            break;
        }
        let next = beginning(item);
        if next.literals.len() * all.literals.len() > ALTERNATIVES_MAX {
            all.exact = false;
            break;
        }
        let joined = |head: &Vec<u8>| {
            next.literals.iter().map(|tail| [head.as_slice(), tail].concat()).collect::<Vec<_>>()
        };
        all.literals = all.literals.iter().flat_map(joined).collect();
        all.exact = next.exact;
        for literal in &mut all.literals {
            if literal.len() > LENGTH_MAX {
                literal.truncate(LENGTH_MAX);
                all.exact = false;
            }
        }
    }
    all.literals.sort();
    all.literals.dedup();
    all
}

fn beginning(hir: &Hir) -> Beginnings {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Beginnings::nothing(true),
        HirKind::Literal(literal) => {
            Beginnings { literals: vec![literal.0.to_ascii_lowercase()], exact: true }
        }
        HirKind::Class(class) => members(class).map_or_else(
            || Beginnings::nothing(false),
            |bytes| Beginnings { literals: bytes.iter().map(|byte| vec![*byte]).collect(), exact: true },
        ),
        HirKind::Capture(capture) => beginning(&capture.sub),
        HirKind::Concat(parts) => beginnings(&parts.iter().collect::<Vec<_>>()),
        HirKind::Repetition(repetition) => {
            let sub = beginning(&repetition.sub);
            match (repetition.min, repetition.max) {
                (0, Some(1)) => {
                    let literals = [sub.literals, vec![Vec::new()]].concat();
                    Beginnings { literals, exact: sub.exact }
                }
                (0, _) => Beginnings::nothing(false),
                (min, max)
                    if max == Some(min)
                        && sub.exact
                        && sub.literals.len() == 1
                        && min as usize <= LENGTH_MAX =>
                {
                    Beginnings { literals: vec![sub.literals[0].repeat(min as usize)], exact: true }
                }
                _ => Beginnings { exact: false, ..sub },
            }
        }
        HirKind::Alternation(parts) => {
            let mut all = Beginnings { literals: Vec::new(), exact: true };
            for part in parts.iter().map(beginning) {
                all.exact &= part.exact;
                all.literals.extend(part.literals);
            }
            if all.literals.len() > ALTERNATIVES_MAX { Beginnings::nothing(false) } else { all }
        }
    }
}

/// The members of a small class, without regard to case.
fn members(class: &Class) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut add = |start: u32, end: u32| {
        for byte in start..=end.min(start + 64) {
            bytes.push(u8::try_from(byte).ok().filter(u8::is_ascii)?.to_ascii_lowercase());
        }
        (end - start <= 64).then_some(())
    };
    match class {
        Class::Bytes(class) => {
            class.iter().try_for_each(|range| add(u32::from(range.start()), u32::from(range.end())))?;
        }
        Class::Unicode(class) => {
            class.iter().try_for_each(|range| add(u32::from(range.start()), u32::from(range.end())))?;
        }
    }
    bytes.sort_unstable();
    bytes.dedup();
    (bytes.len() <= CLASS_MAX).then_some(bytes)
}
