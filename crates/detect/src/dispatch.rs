//! Which rules are asked of an event at all.
//!
//! Most rules want a process of one of a few names, and many of the others begin with the same question. One look-up
//! by name and one answer to each shared question leave most of them out. What is asked in the end is the whole
//! condition, so nothing here can change an answer.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::rc::Rc;

use crate::limits;
use crate::program::{Answers, NodeId, Program};
use crate::texts::Multiply;
use crate::value::Occurrence;

/// A rule and its condition.
type Entry = (usize, NodeId);

/// The rules of one type of event.
#[derive(Debug, Default)]
pub(crate) struct Dispatch {
    /// Rules that need one of these process names.
    by_name: HashMap<Box<str>, Vec<Entry>, BuildHasherDefault<Multiply>>,
    /// Rules that need one condition which others need too.
    guarded: Vec<(NodeId, Vec<Entry>)>,
    others: Vec<Entry>,
}

/// Process names that a condition needs; `None` where any will do.
pub(crate) type Names = Option<Rc<BTreeSet<Box<str>>>>;

impl Dispatch {
    /// Names beyond what is left are not looked up; their rules are asked like any other.
    pub(crate) fn new(program: &Program, rules: &[Entry], names_left: &mut usize) -> Dispatch {
        let mut dispatch = Dispatch::default();
        let mut known = HashMap::new();
        let mut unnamed = Vec::new();
        for entry in rules {
            match program.names(entry.1, &mut known).filter(|names| names.len() <= *names_left) {
                Some(names) => {
                    *names_left -= names.len();
                    for name in names.iter() {
                        dispatch.by_name.entry(name.clone()).or_default().push(*entry);
                    }
                }
                None => unnamed.push(*entry),
            }
        }
        // How many rules each condition would leave out, by how likely it does not hold.
        let mut shared: HashMap<NodeId, f64> = HashMap::new();
        for (_, condition) in &unnamed {
            for part in program.conjuncts(*condition) {
                *shared.entry(*part).or_default() += 1.0 - program.likely(*part);
            }
        }
        let gain = |part: &&NodeId| shared.get(part).copied().unwrap_or_default();
        for entry in unnamed {
            let best = program.conjuncts(entry.1).iter().max_by(|a, b| gain(a).total_cmp(&gain(b)));
            match best.filter(|best| gain(best) > 1.0) {
                None => dispatch.others.push(entry),
                Some(guard) => match dispatch.guarded.iter_mut().find(|(known, _)| known == guard) {
                    Some((_, entries)) => entries.push(entry),
                    None => dispatch.guarded.push((*guard, vec![entry])),
                },
            }
        }
        dispatch
    }

    /// Collects the rules whose conditions hold, in their order.
    pub(crate) fn matching(
        &self,
        program: &Program,
        answers: &mut Answers,
        occurrence: Occurrence<'_>,
        matched: &mut Vec<usize>,
    ) {
        let mut ask = |entries: &[Entry], answers: &mut Answers| {
            for (rule, condition) in entries {
                if answers.holds(program, *condition, occurrence) {
                    matched.push(*rule);
                }
            }
        };
        if let Some(entries) = occurrence.process_name().and_then(|name| self.by_name.get(name)) {
            ask(entries, answers);
        }
        for (guard, entries) in &self.guarded {
            if answers.holds(program, *guard, occurrence) {
                ask(entries, answers);
            }
        }
        ask(&self.others, answers);
        matched.sort_unstable();
    }
}

/// Every name of several sets; `None` where one of them is any name or where there are too many.
pub(crate) fn union(sets: impl Iterator<Item = Names>) -> Names {
    let mut all = BTreeSet::new();
    for names in sets {
        all.extend(names?.iter().cloned());
        if all.len() > limits::NAMES_MAX {
            return None;
        }
    }
    Some(Rc::new(all))
}
