//! One look at bytes: extractors, the sweep, what is encoded in them, and from there on the same again.

use std::collections::HashMap;
use std::ops::Range;

use seawall_finding::{Confidence, Gap, GapKind};

use crate::engine::{DOUBTFUL, Found, Tally, Text, resolve};
use crate::extract::{self, Extracted};
use crate::hit::Hit;
use crate::limits::{
    DECODE_DEPTH_MAX, DECODED_BYTES_MAX, DECODED_TOTAL_MAX, GAPS_MAX, HITS_MAX, HITS_PER_FILE_MAX,
    MATCH_BYTES_MAX, WINDOW_BYTES,
};
use crate::rules::Rules;
use crate::value::{Context, IdentityKey, Value};
use crate::{check, decode, place};

/// Bytes in which a NUL makes a file a binary.
const NUL_BYTES: usize = 8 * 1024;

/// Where bytes stand.
#[derive(Debug, Clone, Default)]
pub(crate) struct Where {
    /// Path of the file, with members of archives.
    pub(crate) path: String,
    /// What they were wrapped in, outermost first.
    pub(crate) encodings: Vec<String>,
    /// What carries them, when it is no file.
    pub(crate) carrier: Option<String>,
    /// JSON pointer of that.
    pub(crate) pointer: Option<String>,
    /// Line of a text that holds all of them encoded.
    pub(crate) line: Option<u32>,
}

impl Where {
    pub(crate) fn file(path: &str) -> Where {
        Where { path: path.to_owned(), ..Where::default() }
    }

    /// One encoding further in.
    pub(crate) fn inside(&self, encoding: &str, member: Option<&str>) -> Where {
        let mut inner = self.clone();
        inner.encodings.push(encoding.to_owned());
        if let Some(member) = member {
            inner.path.push_str("!/");
            inner.path.push_str(member);
        }
        inner
    }
}

/// Collects leaks.
pub(crate) struct Look<'r> {
    pub(crate) rules: &'r Rules,
    pub(crate) key: Option<&'r IdentityKey>,
    pub(crate) hits: Vec<Hit>,
    pub(crate) gaps: Vec<Gap>,
    /// How many there are beyond those.
    gaps_more: usize,
    /// Guessable values so far, by rule and place.
    ordinals: HashMap<(u16, String), usize>,
    /// What decoding may still make of the present file.
    pub(crate) decode_budget: u64,
    /// What decoding may still make of all files.
    pub(crate) decode_total: u64,
    /// Whether it was said that decoding ended early: for the present file, and for all.
    is_file_told: bool,
    is_total_told: bool,
    /// Whether it was said that there are more hits than are kept.
    is_full_told: bool,
    /// Where values stand in the bytes last looked at, for whoever must hide them.
    pub(crate) spans: Vec<Range<usize>>,
    /// How sure each value of the present file is, known from elsewhere or not.
    pub(crate) told: Vec<Confidence>,
    /// Whether the present file has more values than are told.
    pub(crate) is_cut: bool,
}

impl<'r> Look<'r> {
    pub(crate) fn new(rules: &'r Rules, key: Option<&'r IdentityKey>) -> Look<'r> {
        Look {
            rules,
            key,
            hits: Vec::new(),
            gaps: Vec::new(),
            gaps_more: 0,
            ordinals: HashMap::new(),
            decode_budget: 0,
            decode_total: DECODED_TOTAL_MAX,
            is_file_told: false,
            is_total_told: false,
            is_full_told: false,
            spans: Vec::new(),
            told: Vec::new(),
            is_cut: false,
        }
    }

    pub(crate) fn gap(&mut self, kind: GapKind, path: &str, reason: impl std::fmt::Display) {
        if self.gaps.len() < GAPS_MAX {
            return self.gaps.push(Gap::at(kind, path, reason));
        }
        self.gaps_more += 1;
        let more =
            Gap::of_target(GapKind::Limit, format!("{} more gaps like these are not listed", self.gaps_more));
        self.gaps.truncate(GAPS_MAX);
        self.gaps.push(more);
    }

    /// A file at hand.
    pub(crate) fn file(&mut self, at: &Where, bytes: &[u8]) {
        self.next_file();
        self.bytes(at, bytes);
    }

    /// Forgets what concerns the last file alone.
    pub(crate) fn next_file(&mut self) {
        self.decode_budget = DECODED_BYTES_MAX.min(self.decode_total);
        self.is_file_told = false;
        self.spans.clear();
        self.told.clear();
        self.is_cut = false;
    }

    /// Counts what was decoded.
    pub(crate) fn spend(&mut self, bytes: u64) {
        self.decode_budget = self.decode_budget.saturating_sub(bytes);
        self.decode_total = self.decode_total.saturating_sub(bytes);
    }

    /// Says, once, that something encoded is not looked into.
    pub(crate) fn not_decoded(&mut self, path: &str) {
        if self.decode_total == 0 {
            if !std::mem::replace(&mut self.is_total_told, true) {
                let reason = format_args!(
                    "more than {DECODED_TOTAL_MAX} bytes were decoded; from this file on nothing encoded is searched for leaks"
                );
                self.gap(GapKind::Limit, path, reason);
            }
        } else if !std::mem::replace(&mut self.is_file_told, true) {
            let reason = "there is more encoded in it than is decoded to search for leaks";
            self.gap(GapKind::Limit, path, reason);
        }
    }

    /// Says that a rule found more in a file than is told.
    pub(crate) fn cut(&mut self, tally: &Tally, path: &str) {
        let Some(rule) = tally.cut.and_then(|rule| self.rules.at(rule)) else { return };
        self.is_cut = true;
        let reason =
            format_args!("more than {HITS_PER_FILE_MAX} leaks of {}; the rest is not reported", rule.id);
        self.gap(GapKind::Limit, path, reason);
    }

    /// Bytes at hand, of a file or of what was decoded.
    pub(crate) fn bytes(&mut self, at: &Where, bytes: &[u8]) {
        if let Some(text) = decode::utf16(bytes) {
            return self.bytes(at, text.as_bytes());
        }
        // A short value may stand in the stream as it is; where it stands in the text says more.
        let is_unpacked = decode::is_stream(bytes) && at.encodings.len() < DECODE_DEPTH_MAX;
        if is_unpacked {
            decode::inside(self, at, bytes, &[]);
        }
        let binary = is_binary(bytes);
        let mut found = Vec::new();
        let mut elsewhere = Vec::new();
        let mut tally = Tally::default();
        for one in extract::extract(&at.path, bytes) {
            self.locate(one, bytes, &mut tally, &mut found, &mut elsewhere);
        }
        let text = Text { bytes, path: &at.path, binary };
        let mut start = 0;
        while start < bytes.len() {
            // Windows stay in a core's cache while all rules look at them; the text itself is whole.
            let end = (start + WINDOW_BYTES).min(bytes.len());
            let from = start.saturating_sub(MATCH_BYTES_MAX);
            let to = (end + MATCH_BYTES_MAX).min(bytes.len());
            let window = Text { bytes: bytes.get(from..to).unwrap_or_default(), ..text };
            let before = found.len();
            self.rules.sweep(window, start - from..end - from, &mut tally, &mut found);
            found.iter_mut().skip(before).for_each(|one| shift(one, from));
            start = end;
        }
        let runs: Vec<&[u8]> = if binary { Vec::new() } else { decode::runs(bytes).collect() };
        decode::seeds(bytes, &runs, self.rules, &mut tally, &mut found);
        self.cut(&tally, &at.path);
        let lines = Lines::new(bytes, 0);
        for one in resolve(self.rules, found) {
            // In what was unpacked it is the line of that text.
            let line = at.line.or_else(|| (!binary).then(|| lines.of(one.secret.start)));
            self.keep(at, bytes, &one, line);
            if at.encodings.is_empty() {
                self.spans.push(one.secret);
            }
        }
        for (rule, value) in elsewhere {
            self.tell(at, rule, &value, None, vec!["structure".to_owned()]);
        }
        if is_unpacked {
            return;
        }
        if at.encodings.len() < DECODE_DEPTH_MAX {
            decode::inside(self, at, bytes, &runs);
        } else if decode::is_archive(bytes) || runs.iter().any(|run| decode::promising(run).is_some()) {
            self.not_decoded(&at.path);
        }
    }

    /// Where the value of an extractor stands in the bytes, if it stands there as it is.
    fn locate(
        &self,
        one: Extracted,
        bytes: &[u8],
        tally: &mut Tally,
        found: &mut Vec<Found>,
        elsewhere: &mut Vec<(u16, Vec<u8>)>,
    ) {
        let Some(rule) = self.rules.index_of(one.rule).filter(|rule| tally.admits(*rule)) else { return };
        let from = one.from.min(bytes.len());
        let place = bytes.get(from..).and_then(|rest| memchr::memmem::find(rest, &one.value));
        match place.map(|at| from + at..from + at + one.value.len()) {
            Some(secret) => {
                found.push(Found {
                    rule,
                    matched: secret.clone(),
                    secret,
                    proof: vec!["structure".to_owned()],
                });
            }
            None => elsewhere.push((rule, one.value)),
        }
    }

    /// Keeps what stands at a range of `bytes`.
    pub(crate) fn keep(&mut self, at: &Where, bytes: &[u8], found: &Found, line: Option<u32>) {
        let Some(value) = bytes.get(found.secret.clone()) else { return };
        self.tell(at, found.rule, value, line, found.proof.clone());
    }

    /// A value that is known to be a secret by what stands round it.
    pub(crate) fn value(&mut self, at: &Where, rule: &str, value: &[u8], proof: &str) {
        if let Some(rule) = self.rules.index_of(rule) {
            self.tell(at, rule, value, None, vec![proof.to_owned()]);
        }
    }

    /// Turns a value into a hit; nothing of the value goes further.
    fn tell(&mut self, at: &Where, index: u16, bytes: &[u8], line: Option<u32>, proof: Vec<String>) {
        let Some(rule) = self.rules.at(index) else { return };
        let confidence = confidence(rule.confidence, &at.path, &proof);
        self.told.push(confidence);
        if self.hits.len() >= HITS_MAX {
            if !std::mem::replace(&mut self.is_full_told, true) {
                self.gap(
                    GapKind::Limit,
                    &at.path,
                    format_args!("more than {HITS_MAX} leaks; the rest is not reported"),
                );
            }
            return;
        }
        // The same key with other line ends is the same key.
        let body = check::pem_body(bytes).filter(|body| body.len() > 40);
        let value = Value::new(body.as_deref().unwrap_or(bytes));
        let is_guessable = rule.password || rule.search.is_none();
        let place = at.carrier.as_deref().unwrap_or(&at.path);
        let ordinal = if value.is_strong(is_guessable) {
            0
        } else {
            let count = self.ordinals.entry((index, place.to_owned())).or_default();
            *count += 1;
            *count
        };
        let context = Context { rule: &rule.id, place, ordinal, password: is_guessable };
        let literals = rule.search.as_ref().map(|search| search.literals.as_slice()).unwrap_or_default();
        let hit = Hit {
            rule: rule.id.to_string(),
            path: (!at.path.is_empty() && at.carrier.is_none()).then(|| at.path.clone()),
            line,
            pointer: at.pointer.clone(),
            redacted: Value::new(bytes).redacted(literals, is_guessable),
            value_id: value.identity(self.key, &context),
            carrier: at.carrier.clone(),
            encodings: at.encodings.clone(),
            confidence,
            proof,
        };
        let is_again = |known: &Hit| {
            known.rule == hit.rule
                && known.value_id == hit.value_id
                && known.path == hit.path
                && known.carrier == hit.carrier
        };
        if !self.hits.iter().rev().take(HITS_PER_FILE_MAX).any(is_again) {
            self.hits.push(hit);
        }
    }
}

fn shift(found: &mut Found, by: usize) {
    for range in [&mut found.secret, &mut found.matched] {
        *range = range.start + by..range.end + by;
    }
}

/// What stands in tests and documentation is seldom in use; a checksum says that it once was a token.
fn confidence(of_rule: Confidence, path: &str, proof: &[String]) -> Confidence {
    if proof.iter().any(|proof| proof == DOUBTFUL) {
        return Confidence::Low;
    }
    if !place::is_example(path) {
        return of_rule;
    }
    match proof.iter().any(|proof| proof == "checksum") {
        true => of_rule.min(Confidence::Medium),
        false => Confidence::Low,
    }
}

/// Whether bytes are no text.
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    memchr::memchr(0, bytes.get(..NUL_BYTES.min(bytes.len())).unwrap_or_default()).is_some()
}

/// Numbers lines; asked in the order of the text it counts each line break once.
pub(crate) struct Lines<'b> {
    bytes: &'b [u8],
    before: u32,
    at: std::cell::Cell<(usize, u32)>,
}

impl<'b> Lines<'b> {
    /// `before` lines stand in front of the bytes.
    pub(crate) fn new(bytes: &'b [u8], before: u32) -> Lines<'b> {
        Lines { bytes, before, at: std::cell::Cell::new((0, 0)) }
    }

    /// The line of this byte, from 1.
    pub(crate) fn of(&self, byte: usize) -> u32 {
        let (from, count) = self.at.get();
        let (from, count) = if from <= byte { (from, count) } else { (0, 0) };
        let count = count + breaks(self.bytes, from..byte);
        self.at.set((byte, count));
        self.before + count + 1
    }
}

/// Line breaks in a range.
pub(crate) fn breaks(bytes: &[u8], range: Range<usize>) -> u32 {
    let range = bytes.get(range).unwrap_or_default();
    u32::try_from(memchr::memchr_iter(b'\n', range).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
