//! Writing a facts shard.

use std::collections::{BTreeMap, HashMap};

use seawall_finding::Severity;

use super::super::ident::Ident;
use super::super::strings::{Interner, encode};
use super::super::wire::put_varint;
use super::{
    HAS_ADVISORY, HAS_ARCHITECTURES, HAS_INTRODUCED, HAS_MODULE, HAS_SEVERITY, KEYED_BY_SOURCE, SIMPLE,
    UNTIL_FIXED, UNTIL_LAST, severity_code, state_code,
};
use crate::record::{Affected, Bound, KeyedBy, Record, State};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct DraftProblem {
    id: Ident,
    aliases: Vec<Ident>,
    advisory: Option<Ident>,
    severity: Severity,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct DraftFact {
    state: State,
    keyed_by: KeyedBy,
    module: Option<u32>,
    architectures: Vec<u32>,
    severity: Option<Severity>,
    ranges: Vec<DraftRange>,
    versions: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct DraftRange {
    introduced: Option<u32>,
    until: DraftBound,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum DraftBound {
    Fixed(u32),
    Last(u32),
    Open,
}

/// Collects the records of one source in one space.
#[derive(Debug, Default)]
pub(crate) struct FactsWriter {
    names: BTreeMap<String, Vec<(u32, u32)>>,
    problems: HashMap<DraftProblem, u32>,
    facts: HashMap<DraftFact, u32>,
    versions: Interner,
    ids: Interner,
    labels: Interner,
}

impl FactsWriter {
    /// Adds what a record says of one package; `severity` is the record's own.
    pub(crate) fn add(&mut self, record: &Record, severity: Severity, affected: &Affected) {
        let problem = DraftProblem {
            id: Ident::new(&record.id, &mut self.ids),
            aliases: record.aliases.iter().map(|alias| Ident::new(alias, &mut self.ids)).collect(),
            advisory: record.advisory.as_ref().map(|id| Ident::new(id, &mut self.ids)),
            severity,
        };
        let fact = self.draft(affected, severity);
        let problem = number(&mut self.problems, problem);
        let fact = number(&mut self.facts, fact);
        self.names.entry(affected.name.clone()).or_default().push((problem, fact));
    }

    fn draft(&mut self, affected: &Affected, severity: Severity) -> DraftFact {
        let versions = &mut self.versions;
        let labels = &mut self.labels;
        let mut single: Vec<u32> = affected.versions.iter().map(|version| versions.intern(version)).collect();
        single.sort_unstable();
        single.dedup();
        DraftFact {
            state: affected.state,
            keyed_by: affected.keyed_by,
            module: affected.module.as_ref().map(|module| labels.intern(module)),
            architectures: affected.architectures.iter().map(|arch| labels.intern(arch)).collect(),
            severity: affected.severity.filter(|own| *own != severity),
            ranges: affected
                .ranges
                .iter()
                .map(|range| DraftRange {
                    introduced: range.introduced.as_ref().map(|version| versions.intern(version)),
                    until: match &range.until {
                        Bound::Fixed(version) => DraftBound::Fixed(versions.intern(version)),
                        Bound::LastAffected(version) => DraftBound::Last(versions.intern(version)),
                        Bound::Open => DraftBound::Open,
                    },
                })
                .collect(),
            versions: single,
        }
    }

    /// The sections 1 to 8, and the number of (package, problem) records.
    pub(crate) fn finish(self) -> (Vec<Vec<u8>>, u64) {
        let (versions, version_finals) = self.versions.finish();
        let (ids, id_finals) = self.ids.finish();
        let (labels, label_finals) = self.labels.finish();
        let (problems, problem_offsets) =
            write_all(self.problems, |problem, out| put_problem(problem, &id_finals, out));
        let (facts, fact_offsets) =
            write_all(self.facts, |fact, out| put_fact(fact, &version_finals, &label_finals, out));
        let mut offsets = Vec::new();
        let mut lists = Vec::new();
        let mut records = 0;
        let at = |offsets: &[u32], number: u32| offsets.get(number as usize).copied().unwrap_or_default();
        for entries in self.names.values() {
            let mut entries: Vec<(u32, u32)> = entries
                .iter()
                .map(|&(problem, fact)| (at(&problem_offsets, problem), at(&fact_offsets, fact)))
                .collect();
            entries.sort_unstable();
            entries.dedup();
            records += entries.len() as u64;
            offsets.extend_from_slice(&(lists.len() as u32).to_le_bytes());
            put_varint(&mut lists, entries.len() as u64);
            let mut before = 0;
            for (problem, fact) in entries {
                put_varint(&mut lists, u64::from(problem - before));
                put_varint(&mut lists, u64::from(fact));
                before = problem;
            }
        }
        let names = encode(self.names.keys().map(String::as_str).collect::<Vec<_>>().into_iter());
        (vec![names, offsets, lists, facts, problems, versions, ids, labels], records)
    }
}

fn number<T: std::hash::Hash + Eq>(table: &mut HashMap<T, u32>, draft: T) -> u32 {
    let next = table.len() as u32;
    *table.entry(draft).or_insert(next)
}

/// Writes drafts in the order of their numbers; returns the bytes and each number's offset.
fn write_all<T>(table: HashMap<T, u32>, put: impl Fn(&T, &mut Vec<u8>)) -> (Vec<u8>, Vec<u32>) {
    let mut drafts: Vec<(T, u32)> = table.into_iter().collect();
    drafts.sort_by_key(|(_, number)| *number);
    let mut bytes = Vec::new();
    let mut offsets = Vec::with_capacity(drafts.len());
    for (draft, _) in &drafts {
        offsets.push(bytes.len() as u32);
        put(draft, &mut bytes);
    }
    (bytes, offsets)
}

fn put_problem(problem: &DraftProblem, finals: &[u32], out: &mut Vec<u8>) {
    let advisory = if problem.advisory.is_some() { HAS_ADVISORY } else { 0 };
    out.push(severity_code(problem.severity) | advisory);
    problem.id.put(out, finals);
    if let Some(advisory) = &problem.advisory {
        advisory.put(out, finals);
    }
    put_varint(out, problem.aliases.len() as u64);
    for alias in &problem.aliases {
        alias.put(out, finals);
    }
}

fn put_fact(fact: &DraftFact, versions: &[u32], labels: &[u32], out: &mut Vec<u8>) {
    let version = |number: u32| u64::from(versions.get(number as usize).copied().unwrap_or_default());
    let label = |number: u32| u64::from(labels.get(number as usize).copied().unwrap_or_default());
    let simple = match fact.ranges.as_slice() {
        [DraftRange { introduced: None, until: DraftBound::Fixed(fixed) }] if fact.versions.is_empty() => {
            Some(*fixed)
        }
        _ => None,
    };
    let flag = |on: bool, bit: u8| if on { bit } else { 0 };
    out.push(
        state_code(fact.state)
            | flag(fact.keyed_by == KeyedBy::Source, KEYED_BY_SOURCE)
            | flag(fact.module.is_some(), HAS_MODULE)
            | flag(!fact.architectures.is_empty(), HAS_ARCHITECTURES)
            | flag(fact.severity.is_some(), HAS_SEVERITY)
            | flag(simple.is_some(), SIMPLE),
    );
    if let Some(module) = fact.module {
        put_varint(out, label(module));
    }
    if !fact.architectures.is_empty() {
        put_varint(out, fact.architectures.len() as u64);
        for arch in &fact.architectures {
            put_varint(out, label(*arch));
        }
    }
    if let Some(severity) = fact.severity {
        out.push(severity_code(severity));
    }
    if let Some(fixed) = simple {
        put_varint(out, version(fixed));
        return;
    }
    put_varint(out, fact.ranges.len() as u64);
    for range in &fact.ranges {
        let (until, last) = match range.until {
            DraftBound::Fixed(fixed) => (UNTIL_FIXED, Some(fixed)),
            DraftBound::Last(last) => (UNTIL_LAST, Some(last)),
            DraftBound::Open => (0, None),
        };
        out.push(flag(range.introduced.is_some(), HAS_INTRODUCED) | until);
        for bound in range.introduced.into_iter().chain(last) {
            put_varint(out, version(bound));
        }
    }
    put_varint(out, fact.versions.len() as u64);
    let mut single: Vec<u64> = fact.versions.iter().map(|number| version(*number)).collect();
    single.sort_unstable();
    let mut before = 0;
    for number in single {
        put_varint(out, number - before);
        before = number;
    }
}
