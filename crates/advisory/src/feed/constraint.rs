//! Version constraints of language advisories (`>= 1.2, < 2`, `^1.4`, `~> 3.0`, `6.x`, `[1.0,2.0)`) → intervals, and their
//! complement: sources that list fixed versions say what is affected by leaving it out.

use std::cmp::Ordering;

use super::limits;
use crate::Order;
use crate::record::{Bound, Range};

/// What a version without an operator and a caret mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// Cargo: a bare version is a caret requirement.
    Cargo,
    /// node-semver: a bare version is exact, a partial one (`6.x`, `6`) a range.
    Npm,
    /// RubyGems, Composer and everything else: a bare version is exact.
    Plain,
}

/// One end of an interval.
#[derive(Debug, Clone, PartialEq, Eq)]
struct End {
    version: String,
    included: bool,
}

/// The versions between two ends; a missing end is open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Interval {
    lower: Option<End>,
    upper: Option<End>,
}

/// The intervals of a constraint: alternatives between `||`, comparators of one alternative between commas or spaces.
/// `None` when it cannot be read.
pub(crate) fn parse(text: &str, syntax: Syntax, order: Order) -> Option<Vec<Interval>> {
    let mut intervals = Vec::new();
    for alternative in text.split("||") {
        let alternative = alternative.trim();
        if alternative.starts_with(['[', '(']) {
            intervals.extend(brackets(alternative)?);
        } else {
            intervals.extend(comparators(alternative, syntax, order)?);
        }
        if intervals.len() > limits::RANGES_MAX {
            return None;
        }
    }
    Some(intervals)
}

/// Several constraints that must hold together, each a comparator: Composer's and cargo's lists.
pub(crate) fn all_of<'a>(
    texts: impl Iterator<Item = &'a str>,
    syntax: Syntax,
    order: Order,
) -> Option<Vec<Interval>> {
    let joined = texts.collect::<Vec<_>>().join(", ");
    parse(&joined, syntax, order)
}

/// The ranges of intervals of affected versions.
pub(crate) fn ranges(intervals: Vec<Interval>, order: Order) -> Vec<Range> {
    let until = |end: Option<End>| match end {
        Some(End { version, included: false }) => Bound::Fixed(version),
        Some(End { version, included: true }) => Bound::LastAffected(version),
        None => Bound::Open,
    };
    let range = |interval: Interval| Range {
        introduced: interval
            .lower
            .map(|end| first_of(end, order))
            .filter(|version| version != "0" && version != "0.0.0"),
        until: until(interval.upper),
    };
    intervals.into_iter().map(range).collect()
}

/// The ranges of everything that is in none of the intervals.
pub(crate) fn complement(intervals: Vec<Interval>, order: Order) -> Vec<Range> {
    ranges(gaps(intervals, order), order)
}

fn gaps(mut intervals: Vec<Interval>, order: Order) -> Vec<Interval> {
    intervals.sort_by(|left, right| compare_lower(left, right, order));
    let mut gaps = Vec::new();
    // The end of what is covered so far.
    let mut reached: Option<End> = None;
    let mut covered_all = false;
    for interval in intervals {
        if covered_all {
            break;
        }
        if let Some(lower) = &interval.lower {
            let from =
                reached.as_ref().map(|end| End { version: end.version.clone(), included: !end.included });
            let gap = Interval {
                upper: Some(End { version: lower.version.clone(), included: !lower.included }),
                lower: from,
            };
            if !gap.is_empty(order) {
                gaps.push(gap);
            }
        }
        match (interval.upper, &reached) {
            (None, _) => covered_all = true,
            (Some(upper), Some(before)) if !is_higher(&upper, before, order) => {}
            (Some(upper), _) => reached = Some(upper),
        }
    }
    if !covered_all {
        let lower = reached.map(|end| End { version: end.version, included: !end.included });
        gaps.push(Interval { lower, upper: None });
    }
    gaps
}

/// What of some intervals is in none of the others.
pub(crate) fn without(intervals: Vec<Interval>, others: &[Interval], order: Order) -> Vec<Interval> {
    let gaps = gaps(others.to_vec(), order);
    let mut left = Vec::new();
    for interval in &intervals {
        for gap in &gaps {
            let mut both = interval.clone();
            both.narrow(gap.clone(), order);
            if !both.is_empty(order) {
                left.push(both);
            }
        }
    }
    left.truncate(limits::RANGES_MAX);
    left
}

impl Interval {
    fn is_empty(&self, order: Order) -> bool {
        let (Some(lower), Some(upper)) = (&self.lower, &self.upper) else {
            // Nothing is below the lowest version.
            return self.lower.is_none()
                && self.upper.as_ref().is_some_and(|end| end.version == "0" && !end.included);
        };
        match order.compare(&lower.version, &upper.version) {
            Some(Ordering::Less) | None => false,
            Some(Ordering::Equal) => !(lower.included && upper.included),
            Some(Ordering::Greater) => true,
        }
    }
}

fn compare_lower(left: &Interval, right: &Interval, order: Order) -> Ordering {
    match (&left.lower, &right.lower) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(l), Some(r)) => order
            .compare(&l.version, &r.version)
            .unwrap_or_else(|| l.version.cmp(&r.version))
            .then(r.included.cmp(&l.included)),
    }
}

fn is_higher(new: &End, old: &End, order: Order) -> bool {
    match order.compare(&new.version, &old.version) {
        Some(Ordering::Greater) => true,
        Some(Ordering::Equal) => new.included && !old.included,
        Some(Ordering::Less) | None => false,
    }
}

/// A range begins with a version that is in it. After an excluded one that is, in semantic versions, the first
/// pre-release of the next patch; elsewhere the version itself, which is one too many.
fn first_of(end: End, order: Order) -> String {
    if end.included || !matches!(order, Order::Semver | Order::Npm) {
        return end.version;
    }
    let numbers = numbers(&end.version);
    match (numbers.as_slice(), end.version.contains(['-', '+'])) {
        (&[major, minor, patch], false) => format!("{major}.{minor}.{}-0", patch.saturating_add(1)),
        _ => end.version,
    }
}

/// `[1.0,2.0),(,0.7]`, `[1.5]`: Maven's and NuGet's.
fn brackets(text: &str) -> Option<Vec<Interval>> {
    let mut intervals = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let lower_included = match rest.chars().next()? {
            '[' => true,
            '(' => false,
            _ => return None,
        };
        let close = rest.find([']', ')'])?;
        let upper_included = rest.get(close..)?.starts_with(']');
        let inner = rest.get(1..close)?;
        let (lower, upper) = inner.split_once(',').unwrap_or((inner, inner));
        let end = |version: &str, included| {
            let version = version.trim();
            (!version.is_empty()).then(|| End { version: version.to_owned(), included })
        };
        intervals.push(Interval { lower: end(lower, lower_included), upper: end(upper, upper_included) });
        rest = rest.get(close + 1..)?.trim_start_matches([',', ' ']);
    }
    Some(intervals)
}

/// The comparators of one alternative, all of which must hold.
fn comparators(text: &str, syntax: Syntax, order: Order) -> Option<Vec<Interval>> {
    if let Some((from, to)) = text.split_once(" - ").filter(|_| syntax == Syntax::Npm) {
        let lower = End { version: filled(from.trim(), syntax), included: true };
        return Some(vec![Interval {
            lower: Some(lower),
            upper: Some(End { version: to.trim().to_owned(), included: true }),
        }]);
    }
    let mut interval = Interval::default();
    let mut rest = text.trim_start_matches([' ', ',']);
    while !rest.is_empty() {
        let operator_length = rest.find(|c: char| !"<>=!~^".contains(c)).unwrap_or(rest.len());
        let (operator, after) = rest.split_at_checked(operator_length)?;
        let after = after.trim_start();
        let version_length = after.find([' ', ',', '<', '>']).unwrap_or(after.len());
        let (version, after) = after.split_at_checked(version_length)?;
        let one = comparator(operator, version, syntax)?;
        interval.narrow(one, order);
        rest = after.trim_start_matches([' ', ',']);
    }
    Some(if interval.is_empty(order) { Vec::new() } else { vec![interval] })
}

impl Interval {
    fn narrow(&mut self, other: Interval, order: Order) {
        if let Some(lower) = other.lower
            && self.lower.as_ref().is_none_or(|own| is_higher(&lower, own, order))
        {
            self.lower = Some(lower);
        }
        if let Some(upper) = other.upper
            && self.upper.as_ref().is_none_or(|own| !is_higher(&upper, own, order))
        {
            self.upper = Some(upper);
        }
    }
}

fn comparator(operator: &str, version: &str, syntax: Syntax) -> Option<Interval> {
    let version = version.trim_start_matches('v');
    if matches!(version, "*" | "x" | "X") || (version.is_empty() && operator.is_empty()) {
        return Some(Interval::default());
    }
    if !version.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let end = |included| Some(End { version: filled(version, syntax), included });
    let half_open =
        |upper: String| Interval { lower: end(true), upper: Some(End { version: upper, included: false }) };
    Some(match operator {
        ">=" => Interval { lower: end(true), upper: None },
        ">" => Interval { lower: end(false), upper: None },
        "<=" | "=<" => Interval { lower: None, upper: end(true) },
        "<" => Interval { lower: None, upper: end(false) },
        "^" => half_open(caret(version)?),
        "~>" => half_open(pessimistic(version)?),
        "~" => half_open(tilde(version)?),
        "" if syntax == Syntax::Cargo => half_open(caret(version)?),
        "" | "=" | "==" | "===" if syntax == Syntax::Npm && is_partial(version) => half_open(tilde(version)?),
        "" | "=" | "==" | "===" => Interval { lower: end(true), upper: end(true) },
        // Everything but one version: one too many.
        "!=" => Interval::default(),
        _ => return None,
    })
}

/// `6.x` and `6` are `6.0.0` where versions have three numbers.
fn filled(version: &str, syntax: Syntax) -> String {
    let version = version.trim_start_matches('v');
    if syntax == Syntax::Plain || version.contains(['-', '+']) {
        return version.to_owned();
    }
    let mut parts: Vec<&str> =
        version.split('.').map(|part| if matches!(part, "x" | "X" | "*") { "0" } else { part }).collect();
    parts.resize(parts.len().max(3), "0");
    parts.join(".")
}

fn is_partial(version: &str) -> bool {
    version.split('.').any(|part| matches!(part, "x" | "X" | "*")) || version.split('.').count() < 3
}

/// The leading numbers of a version: at most three.
fn numbers(version: &str) -> Vec<u64> {
    let core = version.split(['-', '+']).next().unwrap_or(version);
    core.split('.').map_while(|part| part.parse().ok()).take(3).collect()
}

/// The first version after those with the same leftmost number that is not zero.
fn caret(version: &str) -> Option<String> {
    let numbers = numbers(version);
    let (major, minor, patch) =
        (*numbers.first()?, numbers.get(1).copied().unwrap_or(0), numbers.get(2).copied().unwrap_or(0));
    Some(match (major, minor, numbers.len()) {
        (0, 0, 3) => format!("0.0.{}-0", patch.checked_add(1)?),
        (0, _, 2 | 3) => format!("0.{}.0-0", minor.checked_add(1)?),
        _ => format!("{}.0.0-0", major.checked_add(1)?),
    })
}

fn tilde(version: &str) -> Option<String> {
    let numbers = numbers(version);
    Some(match numbers.as_slice() {
        [major] => format!("{}.0.0-0", major.checked_add(1)?),
        [major, minor, ..] => format!("{major}.{}.0-0", minor.checked_add(1)?),
        [] => return None,
    })
}

/// RubyGems: the last number but one may not grow.
fn pessimistic(version: &str) -> Option<String> {
    let release: Vec<&str> =
        version.split('.').take_while(|part| part.bytes().all(|byte| byte.is_ascii_digit())).collect();
    let kept = release.len().saturating_sub(1).max(1);
    let mut parts: Vec<u64> = release.iter().take(kept).map_while(|part| part.parse().ok()).collect();
    let last = parts.last_mut()?;
    *last = last.checked_add(1)?;
    Some(parts.iter().map(u64::to_string).collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(ranges: &[Range]) -> String {
        let one = |range: &Range| {
            let from = range.introduced.as_deref().unwrap_or("0");
            match &range.until {
                Bound::Fixed(v) => format!("[{from},{v})"),
                Bound::LastAffected(v) => format!("[{from},{v}]"),
                Bound::Open => format!("[{from},…)"),
            }
        };
        ranges.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    fn check(text: &str, syntax: Syntax, order: Order, expected: &str) {
        let got = parse(text, syntax, order).map(|intervals| shown(&ranges(intervals, order)));
        assert_eq!(got.as_deref().unwrap_or("error"), expected, "{text}");
    }

    #[test]
    fn constraints() {
        check(">=1.0.0 <1.2.3 || >= 2.0.0", Syntax::Npm, Order::Npm, "[1.0.0,1.2.3) [2.0.0,…)");
        check("6.x", Syntax::Npm, Order::Npm, "[6.0.0,7.0.0-0)");
        check(" 4.x || 6.1.x", Syntax::Npm, Order::Npm, "[4.0.0,5.0.0-0) [6.1.0,6.2.0-0)");
        check("^6.9.0", Syntax::Npm, Order::Npm, "[6.9.0,7.0.0-0)");
        check("1.2.3 - 2.3.4", Syntax::Npm, Order::Npm, "[1.2.3,2.3.4]");
        check("<0.0.0", Syntax::Npm, Order::Npm, "[0,0.0.0)");
        check("*", Syntax::Npm, Order::Npm, "[0,…)");
        check("=1.2.3", Syntax::Npm, Order::Npm, "[1.2.3,1.2.3]");
        check("> 1.2.3", Syntax::Cargo, Order::Semver, "[1.2.4-0,…)");
        check("^0.7.3", Syntax::Cargo, Order::Semver, "[0.7.3,0.8.0-0)");
        check("0.0.3", Syntax::Cargo, Order::Semver, "[0.0.3,0.0.4-0)");
        check("~> 3.2.5, >= 3.2.5.1", Syntax::Plain, Order::Gem, "[3.2.5.1,3.3)");
        check("~> 2", Syntax::Plain, Order::Gem, "[2,3)");
        check("(,0.0.7]", Syntax::Plain, Order::Maven, "[0,0.0.7]");
        check("[1.0,2.0),[3.0]", Syntax::Plain, Order::Maven, "[1.0,2.0) [3.0,3.0]");
        check(">=", Syntax::Plain, Order::Gem, "error");
        check("[1.0", Syntax::Plain, Order::Maven, "error");
        check("< 1 > 2", Syntax::Npm, Order::Npm, "");
    }

    fn check_complement(texts: &[&str], syntax: Syntax, order: Order, expected: &str) {
        let intervals = texts.iter().flat_map(|text| parse(text, syntax, order).unwrap()).collect();
        assert_eq!(shown(&complement(intervals, order)), expected, "{texts:?}");
    }

    #[test]
    fn complements() {
        check_complement(&[">= 1.0.0"], Syntax::Cargo, Order::Semver, "[0,1.0.0)");
        check_complement(&[], Syntax::Cargo, Order::Semver, "[0,…)");
        check_complement(&[">= 1.2.0", "^1.0.5", "< 1.0.0"], Syntax::Cargo, Order::Semver, "[1.0.0,1.0.5)");
        check_complement(
            &["^0.9.5", ">= 0.10.2"],
            Syntax::Cargo,
            Order::Semver,
            "[0,0.9.5) [0.10.0-0,0.10.2)",
        );
        check_complement(&["> 1.2.3"], Syntax::Cargo, Order::Semver, "[0,1.2.3]");
        check_complement(&["<= 1.2.3"], Syntax::Cargo, Order::Semver, "[1.2.4-0,…)");
        check_complement(&["~> 3.2.5", ">= 4.0.1"], Syntax::Plain, Order::Gem, "[0,3.2.5) [3.3,4.0.1)");
        check_complement(&["*"], Syntax::Npm, Order::Npm, "");
    }
}
