//! What rules with `count`, `dedup` and `sequence` remember of earlier events, bounded.
//!
//! Time is the events' own, so that a recording gives what the machine gave. A clock that jumps makes nothing
//! silent for longer than the rule says.

use std::collections::{HashMap, VecDeque};

use crate::fields::Field;
use crate::limits;
use crate::rule::{Rule, Sequence};
use crate::value::Occurrence;

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    counts: HashMap<usize, Keyed<VecDeque<Counted>>>,
    silences: HashMap<usize, Keyed<Silent>>,
    /// By rule; how many steps of a sequence happened.
    sequences: HashMap<usize, Keyed<usize>>,
    forgotten: u64,
}

/// Values by key, each with the time of its last event.
type Keyed<T> = HashMap<String, (u64, T)>;

/// An event that counts: when it was, and its value where different ones are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Counted {
    time_ns: u64,
    value: Option<Box<str>>,
}

/// A key that spoke.
#[derive(Debug, Clone, Copy)]
struct Silent {
    /// When it spoke.
    since_ns: u64,
    /// How many events it left out since.
    left_out: u64,
}

impl Memory {
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// How many events a match stands for; `None` where the rule says nothing of it.
    pub(crate) fn weigh(&mut self, index: usize, rule: &Rule, occurrence: Occurrence<'_>) -> Option<u64> {
        let now_ns = time_ns(occurrence);
        if let Some(sequence) = &rule.sequence {
            self.completes(index, sequence, occurrence, now_ns)?;
        }
        let mut events = 1;
        if let Some(threshold) = &rule.threshold {
            let key = key(&threshold.per, occurrence);
            let counts = self.counts.entry(index).or_default();
            self.forgotten += make_room(counts, &key);
            let (last, counted) = counts.entry(key).or_default();
            *last = now_ns;
            let value = match &threshold.distinct {
                None => None,
                // An event without the value has no different one.
                Some(field) => Some(shortened(&field.value(occurrence).render()?).into()),
            };
            counted.retain(|event| {
                let is_same = value.is_some() && event.value == value;
                event.time_ns.abs_diff(now_ns) <= threshold.within_ns && !is_same
            });
            counted.push_back(Counted { time_ns: now_ns, value });
            if (counted.len() as u64) < threshold.count {
                return None;
            }
            events = counted.len() as u64;
            counted.clear();
        }
        if let Some(dedup) = &rule.dedup {
            let key = key(&dedup.per, occurrence);
            let silences = self.silences.entry(index).or_default();
            self.forgotten += make_room(silences, &key);
            let spoken = silences.get_mut(&key).map(|(last, silent)| {
                *last = now_ns;
                silent
            });
            match spoken {
                Some(silent) if silent.since_ns.abs_diff(now_ns) <= dedup.within_ns => {
                    silent.left_out += events;
                    return None;
                }
                Some(silent) => {
                    events += silent.left_out;
                    *silent = Silent { since_ns: now_ns, left_out: 0 };
                }
                None => {
                    silences.insert(key, (now_ns, Silent { since_ns: now_ns, left_out: 0 }));
                }
            }
        }
        Some(events)
    }

    /// Whether all steps happened before, recently; then they are forgotten.
    fn completes(
        &mut self,
        index: usize,
        sequence: &Sequence,
        occurrence: Occurrence<'_>,
        now_ns: u64,
    ) -> Option<()> {
        let key = step_key(sequence, sequence.bind.as_ref(), occurrence)?;
        let steps = self.sequences.get_mut(&index)?;
        let (last, done) = steps.get(&key)?;
        let is_whole = *done == sequence.steps.len() && last.abs_diff(now_ns) <= sequence.within_ns;
        if is_whole {
            steps.remove(&key);
        }
        is_whole.then_some(())
    }

    /// A step of a sequence happened.
    pub(crate) fn step(&mut self, index: usize, rule: &Rule, step: usize, occurrence: Occurrence<'_>) {
        let now_ns = time_ns(occurrence);
        let Some(sequence) = &rule.sequence else { return };
        let bind = sequence.steps.get(step).and_then(|step| step.bind.as_ref());
        let Some(key) = step_key(sequence, bind, occurrence) else { return };
        let steps = self.sequences.entry(index).or_default();
        let done = match steps.get(&key) {
            Some((last, done)) if last.abs_diff(now_ns) <= sequence.within_ns => *done,
            Some(_) | None => 0,
        };
        // A first step begins anew when it happens again; another one counts only behind the one before it.
        if step == 0 && done <= 1 || step == done {
            self.forgotten += make_room(steps, &key);
            steps.insert(key, (now_ns, step + 1));
        }
    }
}

fn time_ns(occurrence: Occurrence<'_>) -> u64 {
    match occurrence {
        Occurrence::Syscall(event) => event.time_ns,
        Occurrence::Audit(event) => event.time_ns,
    }
}

/// As much of a value as is remembered.
fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(limits::SHOWN_CHARS_MAX)]
}

/// Values of fields as one text; absent ones have a mark that no text has.
fn key(fields: &[Field], occurrence: Occurrence<'_>) -> String {
    let mut key = String::new();
    for field in fields {
        match field.value(occurrence).render() {
            Some(text) => {
                key.push_str(shortened(&text));
                key.push('\0');
            }
            None => key.push('\u{1}'),
        }
    }
    key
}

/// The key of a step; a step whose bound field is absent is none.
fn step_key(sequence: &Sequence, bind: Option<&Field>, occurrence: Occurrence<'_>) -> Option<String> {
    let mut key = key(&sequence.per, occurrence);
    if let Some(field) = bind {
        key.push_str(&field.value(occurrence).render()?);
    }
    Some(key)
}

/// Forgets the older half where a new key would be one too many; says how many.
fn make_room<T>(keyed: &mut Keyed<T>, key: &str) -> u64 {
    if keyed.len() < limits::KEYS_MAX || keyed.contains_key(key) {
        return 0;
    }
    let mut times: Vec<u64> = keyed.values().map(|(last, _)| *last).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    let before = keyed.len();
    keyed.retain(|_, (last, _)| *last > median);
    (before - keyed.len()) as u64
}
