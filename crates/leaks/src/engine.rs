//! One sweep over bytes: literals, then the expression of each rule whose literal is there, anchored or in a window,
//! then what the rule demands of the value.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use regex_automata::{Anchored, Input};

use crate::allow::Candidate;
use crate::limits::{HITS_PER_FILE_MAX, LINE_BYTES_MAX};
use crate::prefilter::Hit;
use crate::rule::{Rule, Search};
use crate::rules::Rules;
use crate::{entropy, placeholder};

/// Bytes before and behind a match in which a word of its context must stand.
const NEAR_BYTES: usize = 400;
/// Comments that say that the line is no leak.
const IGNORING: [&[u8]; 3] = [b"seawall:ignore", b"gitleaks:allow", b"betterleaks:allow"];

/// A credential in bytes; where it is, never what.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// Index of the rule.
    pub(crate) rule: u16,
    /// The secret.
    pub(crate) secret: Range<usize>,
    /// The whole match.
    pub(crate) matched: Range<usize>,
    /// What speaks for it.
    pub(crate) proof: Vec<String>,
}

/// How many values of each rule were found in one file: a rule that found too many hides no other one.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: HashMap<u16, usize>,
    /// A rule that found more than is reported.
    pub(crate) cut: Option<u16>,
}

impl Tally {
    /// Counts one more; whether it is still reported.
    pub(crate) fn admits(&mut self, rule: u16) -> bool {
        let count = self.counts.entry(rule).or_default();
        *count += 1;
        if *count > HITS_PER_FILE_MAX {
            self.cut.get_or_insert(rule);
        }
        *count <= HITS_PER_FILE_MAX
    }

    /// Whether nothing more of a rule is reported, and that is known.
    fn is_over(&self, rule: u16) -> bool {
        self.counts.get(&rule).is_some_and(|count| *count > HITS_PER_FILE_MAX)
    }
}

/// The proof of a password that may well be an example.
pub(crate) const DOUBTFUL: &str = "doubtful";

/// What is swept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'t> {
    pub(crate) bytes: &'t [u8],
    /// Path of the file, for rules and allow-lists that ask for it.
    pub(crate) path: &'t str,
    /// Whether only rules that are precise enough for binaries apply.
    pub(crate) binary: bool,
}

impl Rules {
    /// Finds what begins inside `range`; bytes around it are context.
    pub(crate) fn sweep(
        &self,
        text: Text<'_>,
        range: Range<usize>,
        tally: &mut Tally,
        found: &mut Vec<Found>,
    ) {
        let mut done = Done::default();
        self.prefilter().find(text.bytes, |hit| {
            if range.contains(&hit.start) {
                self.at_literal(text, hit, &mut done, tally, found);
            }
        });
        for index in self.everywhere() {
            let Some(rule) = self.at(*index).filter(|_| !text.binary) else { continue };
            self.sweep_everywhere(*index, rule, text, &range, tally, found);
        }
    }

    /// Asks the rules of a literal.
    fn at_literal(
        &self,
        text: Text<'_>,
        hit: Hit,
        done: &mut Done,
        tally: &mut Tally,
        found: &mut Vec<Found>,
    ) {
        for index in self.rules_of(hit.literal) {
            let Some(rule) = self.at(*index) else { continue };
            if text.binary && !rule.binary || tally.is_over(*index) || done.contains(*index, hit.start) {
                continue;
            }
            if let Some((one, matched)) = rule.at_hit(*index, text, hit.start) {
                done.mark(*index, matched);
                found.extend(one.filter(|one| self.stands(rule, text, one) && tally.admits(*index)));
            }
        }
    }

    /// A user's rule without a literal.
    fn sweep_everywhere(
        &self,
        index: u16,
        rule: &Rule,
        text: Text<'_>,
        range: &Range<usize>,
        tally: &mut Tally,
        found: &mut Vec<Found>,
    ) {
        let Some((search, regex)) = rule.search.as_ref().and_then(|search| Some((search, search.regex()?)))
        else {
            return;
        };
        let mut at = range.start;
        while at < range.end && !tally.is_over(index) {
            let input = Input::new(text.bytes).span(at..text.bytes.len());
            let Some(matched) = regex.search(&input) else { return };
            if matched.start() >= range.end {
                return;
            }
            let one = rule.examine(
                index,
                search,
                text,
                &Input::new(text.bytes).span(matched.start()..text.bytes.len()),
            );
            found.extend(one.filter(|one| self.stands(rule, text, one) && tally.admits(index)));
            at = matched.end().max(at + 1);
        }
    }

    /// Whether nobody has said that it is no leak.
    fn stands(&self, rule: &Rule, text: Text<'_>, found: &Found) -> bool {
        let line = line(text.bytes, &found.matched);
        if IGNORING.iter().any(|mark| memchr::memmem::find(line, mark).is_some()) {
            return false;
        }
        let slice = |range: &Range<usize>| text.bytes.get(range.clone()).unwrap_or_default();
        let candidate = Candidate {
            rule: &rule.id,
            path: text.path,
            secret: slice(&found.secret),
            matched: slice(&found.matched),
            line,
        };
        !rule.allow.iter().chain(self.allow()).any(|allow| allow.allows(&candidate))
    }
}

/// What each rule matched last: a literal inside a match starts no second one.
#[derive(Default)]
struct Done(Vec<(u16, Range<usize>)>);

impl Done {
    fn contains(&self, rule: u16, at: usize) -> bool {
        self.0.iter().any(|(known, range)| *known == rule && range.contains(&at))
    }

    fn mark(&mut self, rule: u16, matched: Range<usize>) {
        match self.0.iter_mut().find(|(known, _)| *known == rule) {
            Some((_, known)) => *known = matched,
            None => self.0.push((rule, matched)),
        }
    }
}

impl Rule {
    /// Looks for a match round a literal at `hit`. What was found where the value holds, and the match.
    fn at_hit(&self, index: u16, text: Text<'_>, hit: usize) -> Option<(Option<Found>, Range<usize>)> {
        let search = self.search.as_ref()?;
        let starts_here = search.before_max == 0;
        if starts_here && !search.has_group && !self.touches && !is_free_before(text.bytes, hit) {
            return None;
        }
        let start = hit.saturating_sub(search.before_max);
        let end = search.end_behind(text.bytes, hit);
        let is_fixed = search.before_min == search.before_max;
        let anchored = if is_fixed { Anchored::Yes } else { Anchored::No };
        if is_fixed && hit < search.before_max {
            return None;
        }
        let input = Input::new(text.bytes).span(start..end).anchored(anchored);
        let matched = search.regex()?.search(&input)?;
        let input = Input::new(text.bytes).span(matched.start()..end).anchored(Anchored::Yes);
        Some((self.examine(index, search, text, &input), matched.range()))
    }

    /// What the match at the start of `input` is worth.
    fn examine(&self, index: u16, search: &Search, text: Text<'_>, input: &Input<'_>) -> Option<Found> {
        let regex = search.regex()?;
        let (matched, secret) = if search.has_group {
            let mut captures = regex.create_captures();
            regex.search_captures(input, &mut captures);
            let matched = captures.get_match()?.range();
            // An alternative without the group has the secret in the whole.
            let group = captures.get_group(search.group).filter(|span| !span.is_empty());
            let group = group.or_else(|| captures.iter().skip(1).flatten().find(|span| !span.is_empty()));
            (matched.clone(), group.map_or(matched, |span| span.range()))
        } else {
            let matched = regex.search(input)?.range();
            (matched.clone(), matched)
        };
        let value = text.bytes.get(secret.clone())?;
        let is_bounded = self.touches
            || is_free_before(text.bytes, secret.start) && is_free_behind(text.bytes, secret.end, value);
        if !is_bounded || !self.applies_to(text.path) || !self.is_near(text.bytes, &matched) {
            return None;
        }
        let mut proof = self.prove(value)?;
        if self.password && is_doubtful(text.bytes, &secret, value) {
            proof.push(DOUBTFUL.to_owned());
        }
        Some(Found { rule: index, secret, matched, proof })
    }

    fn is_near(&self, bytes: &[u8], matched: &Range<usize>) -> bool {
        if self.near.is_empty() {
            return true;
        }
        let start = matched.start.saturating_sub(NEAR_BYTES);
        let end = (matched.end + NEAR_BYTES).min(bytes.len());
        let around = bytes.get(start..end).unwrap_or_default().to_ascii_lowercase();
        self.near.iter().any(|word| memchr::memmem::find(&around, word.as_bytes()).is_some())
    }

    /// What speaks for a value; `None` where something speaks against it.
    pub(crate) fn prove(&self, value: &[u8]) -> Option<Vec<String>> {
        let mut proof = Vec::new();
        if let Some(check) = self.check {
            proof.push(check.prove(value)?.to_owned());
        }
        let entropy = entropy::bits_per_byte(value);
        if entropy < self.entropy_min || self.mixed && !entropy::is_mixed(value) {
            return None;
        }
        let is_nothing = match (self.placeholder, self.generic) {
            (true, true) => placeholder::is_placeholder(value) || placeholder::is_prose(value),
            (true, false) => placeholder::is_placeholder(value),
            (false, _) => self.check.is_none() && placeholder::is_example_token(value),
        };
        if is_nothing || self.password && !placeholder::is_plausible_password(value) {
            return None;
        }
        let is_public =
            memchr::memmem::find(value, b"PRIVATE KEY").is_some() && crate::known::is_known(value);
        if is_public || crate::known::is_known_value(value) {
            return None;
        }
        match (self.entropy_min > 0.0, self.near.is_empty() && !self.generic) {
            (true, _) => proof.push(format!("entropy {entropy:.1}")),
            (false, false) => proof.push("context".to_owned()),
            (false, true) => {}
        }
        Some(proof)
    }
}

/// Whether a password is simple, or goes to the host of an example.
fn is_doubtful(bytes: &[u8], secret: &Range<usize>, value: &[u8]) -> bool {
    let behind = bytes.get(secret.end..(secret.end + 24).min(bytes.len())).unwrap_or_default();
    let host = behind.strip_prefix(b"@");
    placeholder::is_simple(value) || host.is_some_and(placeholder::is_example_host)
}

/// Whether a token can begin here: not in the middle of a word, but behind an escape (`\n`, `%3D`).
fn is_free_before(bytes: &[u8], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).and_then(|at| bytes.get(at)) else { return true };
    if !before.is_ascii_alphanumeric() {
        return true;
    }
    let back = |n: usize| at.checked_sub(n).and_then(|at| bytes.get(at)).copied();
    let is_escape = matches!(before, b'n' | b'r' | b't') && back(2) == Some(b'\\');
    let is_percent = before.is_ascii_hexdigit() && back(3) == Some(b'%');
    is_escape || is_percent
}

/// Whether a token can end here: what follows could not be more of it.
fn is_free_behind(bytes: &[u8], at: usize, value: &[u8]) -> bool {
    let Some(behind) = bytes.get(at) else { return true };
    let also = |byte: u8| *behind == byte && value.contains(&byte);
    !behind.is_ascii_alphanumeric() && !also(b'_') && !also(b'-') && !also(b'/') && !also(b'+')
}

/// The line that holds the start of a match, and the rest of its last line.
fn line<'b>(bytes: &'b [u8], matched: &Range<usize>) -> &'b [u8] {
    let from = matched.start.saturating_sub(LINE_BYTES_MAX);
    let start = bytes
        .get(from..matched.start)
        .and_then(|head| memchr::memrchr(b'\n', head))
        .map_or(from, |at| from + at + 1);
    let to = (matched.end + LINE_BYTES_MAX).min(bytes.len());
    let end = bytes
        .get(matched.end..to)
        .and_then(|tail| memchr::memchr(b'\n', tail))
        .map_or(to, |at| matched.end + at);
    bytes.get(start..end).unwrap_or_default()
}

/// Where several rules found the same bytes, keeps what the most telling one found.
pub(crate) fn resolve(rules: &Rules, mut found: Vec<Found>) -> Vec<Found> {
    let worth = |one: &Found| {
        let rule = rules.at(one.rule);
        let is_generic = rule.is_none_or(|rule| rule.generic);
        let is_password = rule.is_none_or(|rule| rule.password);
        let is_checked = rule.is_some_and(|rule| rule.check.is_some());
        (is_generic, !is_checked, is_password, std::cmp::Reverse(rule.map(|rule| rule.confidence)), one.rule)
    };
    found.sort_by_key(worth);
    // By their starts; none overlaps another, so that only the last one that starts before an end can.
    let mut kept: BTreeMap<usize, Found> = BTreeMap::new();
    for one in found {
        let last = kept.range(..one.secret.end).next_back();
        if last.is_none_or(|(_, known)| known.secret.end <= one.secret.start) {
            kept.insert(one.secret.start, one);
        }
    }
    kept.into_values().collect()
}
