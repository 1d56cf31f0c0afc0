//! Reading a facts shard. Nothing is decoded before it is asked for.

use seawall_finding::Severity;

use super::super::ident;
use super::super::manifest::SourceInfo;
use super::super::shard::Shard;
use super::super::strings::Strings;
use super::super::wire::{Cursor, Damaged, u32_at};
use super::{
    FACTS, HAS_ADVISORY, HAS_ARCHITECTURES, HAS_INTRODUCED, HAS_MODULE, HAS_SEVERITY, IDS, LABELS,
    LIST_OFFSETS, LISTS, NAMES, PROBLEMS, SIMPLE, STATES, UNTIL_FIXED, UNTIL_LAST, VERSIONS, keyed_by,
    severity_of,
};
use crate::record::{Affected, Bound, KeyedBy, Range, State};

/// A facts shard with its tables located.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FactsShard<'d> {
    pub(crate) shard: &'d Shard,
    names: Strings<'d>,
    list_offsets: &'d [u8],
    lists: &'d [u8],
    facts: &'d [u8],
    problems: &'d [u8],
    versions: Strings<'d>,
    ids: Strings<'d>,
    labels: Strings<'d>,
}

impl<'d> FactsShard<'d> {
    pub(crate) fn new(shard: &'d Shard) -> Result<FactsShard<'d>, Damaged> {
        Ok(FactsShard {
            shard,
            names: Strings::new(shard.section(NAMES)?)?,
            list_offsets: shard.section(LIST_OFFSETS)?,
            lists: shard.section(LISTS)?,
            facts: shard.section(FACTS)?,
            problems: shard.section(PROBLEMS)?,
            versions: Strings::new(shard.section(VERSIONS)?)?,
            ids: Strings::new(shard.section(IDS)?)?,
            labels: Strings::new(shard.section(LABELS)?)?,
        })
    }

    /// Number of names.
    pub(crate) fn names(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn name(&self, number: u32) -> Result<String, Damaged> {
        self.names.get(number)
    }

    /// What the shard says of a name.
    pub(crate) fn lookup(&self, name: &str) -> Result<Vec<AdvisoryRef<'d>>, Damaged> {
        match self.names.find(name)? {
            Some(number) => self.list(number),
            None => Ok(Vec::new()),
        }
    }

    /// What the shard says of the name with this number.
    pub(crate) fn list(&self, number: u32) -> Result<Vec<AdvisoryRef<'d>>, Damaged> {
        const WHAT: &str = "record list";
        let offset = u32_at(self.list_offsets, number as usize, WHAT)?;
        let mut cursor = Cursor::at(self.lists, u64::from(offset), WHAT)?;
        let count = cursor.length(WHAT)?;
        // Each record takes two bytes at least.
        if count > cursor.remaining() / 2 {
            return Err(Damaged(WHAT));
        }
        let mut entries = Vec::with_capacity(count);
        let mut problem = 0_u32;
        for _ in 0..count {
            problem = problem.checked_add(cursor.index(WHAT)?).ok_or(Damaged(WHAT))?;
            entries.push(AdvisoryRef { shard: *self, problem, fact: cursor.index(WHAT)? });
        }
        Ok(entries)
    }
}

/// What one source says of one problem of one package: a position in a shard, decoded on demand.
#[derive(Debug, Clone, Copy)]
pub struct AdvisoryRef<'d> {
    shard: FactsShard<'d>,
    problem: u32,
    fact: u32,
}

/// The names of a problem in one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Id as the source names it.
    pub id: String,
    /// Other names of the same problem.
    pub aliases: Vec<String>,
    /// Id of the document when it is not `id`.
    pub advisory: Option<String>,
    /// The source's severity of the problem.
    pub severity: Severity,
}

/// A fact whose versions are still numbers.
#[derive(Debug, Clone)]
pub(crate) struct Fact {
    pub(crate) state: State,
    pub(crate) keyed_by: KeyedBy,
    pub(crate) module: Option<u32>,
    pub(crate) architectures: Vec<u32>,
    pub(crate) severity: Option<Severity>,
    pub(crate) ranges: Vec<FactRange>,
    pub(crate) versions: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct FactRange {
    pub(crate) introduced: Option<u32>,
    pub(crate) until: Limit,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    Fixed(u32),
    Last(u32),
    Open,
}

impl<'d> AdvisoryRef<'d> {
    /// The source that says it.
    pub fn source(&self) -> &'d SourceInfo {
        &self.shard.shard.meta.source
    }

    /// The space it is said of.
    pub fn space(&self) -> &'d str {
        &self.shard.shard.meta.space
    }

    /// Whether two references are the same problem of the same source.
    pub(crate) fn problem_key(&self) -> (usize, u32) {
        (std::ptr::from_ref(self.shard.shard).addr(), self.problem)
    }

    /// The problem's names.
    ///
    /// # Errors
    /// The shard is damaged.
    pub fn identity(&self) -> Result<Identity, Damaged> {
        const WHAT: &str = "problem";
        let mut cursor = Cursor::at(self.shard.problems, u64::from(self.problem), WHAT)?;
        let flags = cursor.byte(WHAT)?;
        let id = ident::read(&mut cursor, &self.shard.ids)?;
        let advisory = match flags & HAS_ADVISORY {
            0 => None,
            _ => Some(ident::read(&mut cursor, &self.shard.ids)?),
        };
        let count = cursor.length(WHAT)?;
        if count > cursor.remaining() {
            return Err(Damaged(WHAT));
        }
        let aliases =
            (0..count).map(|_| ident::read(&mut cursor, &self.shard.ids)).collect::<Result<_, _>>()?;
        Ok(Identity { id, aliases, advisory, severity: severity_of(flags & 7) })
    }

    /// State and range numbers, without strings.
    pub(crate) fn fact(&self) -> Result<Fact, Damaged> {
        const WHAT: &str = "fact";
        let mut cursor = Cursor::at(self.shard.facts, u64::from(self.fact), WHAT)?;
        let flags = cursor.byte(WHAT)?;
        let mut fact = Fact {
            state: STATES.get(usize::from(flags & 7)).copied().unwrap_or_default(),
            keyed_by: keyed_by(flags),
            module: None,
            architectures: Vec::new(),
            severity: None,
            ranges: Vec::new(),
            versions: Vec::new(),
        };
        if flags & HAS_MODULE != 0 {
            fact.module = Some(cursor.index(WHAT)?);
        }
        if flags & HAS_ARCHITECTURES != 0 {
            fact.architectures = numbers(&mut cursor, |cursor| cursor.index(WHAT))?;
        }
        if flags & HAS_SEVERITY != 0 {
            fact.severity = Some(severity_of(cursor.byte(WHAT)?));
        }
        if flags & SIMPLE != 0 {
            fact.ranges.push(FactRange { introduced: None, until: Limit::Fixed(cursor.index(WHAT)?) });
            return Ok(fact);
        }
        fact.ranges = numbers(&mut cursor, range)?;
        let mut before = 0_u32;
        fact.versions = numbers(&mut cursor, |cursor| {
            before = before.checked_add(cursor.index(WHAT)?).ok_or(Damaged(WHAT))?;
            Ok(before)
        })?;
        Ok(fact)
    }

    /// The version with this number.
    pub(crate) fn version(&self, number: u32) -> Result<String, Damaged> {
        self.shard.versions.get(number)
    }

    /// The module or architecture with this number.
    pub(crate) fn label(&self, number: u32) -> Result<String, Damaged> {
        self.shard.labels.get(number)
    }

    /// The whole fact in the form of a feed's record. The name is the one it was looked up by.
    ///
    /// # Errors
    /// The shard is damaged.
    pub fn affected(&self, name: &str) -> Result<Affected, Damaged> {
        let fact = self.fact()?;
        let version = |number: u32| self.version(number);
        let mut ranges = Vec::with_capacity(fact.ranges.len());
        for range in &fact.ranges {
            ranges.push(Range {
                introduced: range.introduced.map(version).transpose()?,
                until: match range.until {
                    Limit::Fixed(fixed) => Bound::Fixed(version(fixed)?),
                    Limit::Last(last) => Bound::LastAffected(version(last)?),
                    Limit::Open => Bound::Open,
                },
            });
        }
        Ok(Affected {
            space: self.space().to_owned(),
            name: name.to_owned(),
            keyed_by: fact.keyed_by,
            module: fact.module.map(|module| self.label(module)).transpose()?,
            architectures: fact
                .architectures
                .iter()
                .map(|arch| self.label(*arch))
                .collect::<Result<_, _>>()?,
            state: fact.state,
            ranges,
            versions: fact.versions.iter().map(|number| version(*number)).collect::<Result<_, _>>()?,
            severity: fact.severity,
        })
    }
}

fn range(cursor: &mut Cursor<'_>) -> Result<FactRange, Damaged> {
    const WHAT: &str = "version range";
    let shape = cursor.byte(WHAT)?;
    let introduced = if shape & HAS_INTRODUCED != 0 { Some(cursor.index(WHAT)?) } else { None };
    let until = match shape & (UNTIL_FIXED | UNTIL_LAST) {
        0 => Limit::Open,
        UNTIL_FIXED => Limit::Fixed(cursor.index(WHAT)?),
        UNTIL_LAST => Limit::Last(cursor.index(WHAT)?),
        _ => return Err(Damaged(WHAT)),
    };
    Ok(FactRange { introduced, until })
}

/// A counted list whose items take one byte at least.
fn numbers<'d, T>(
    cursor: &mut Cursor<'d>,
    mut item: impl FnMut(&mut Cursor<'d>) -> Result<T, Damaged>,
) -> Result<Vec<T>, Damaged> {
    const WHAT: &str = "counted list";
    let count = cursor.length(WHAT)?;
    if count > cursor.remaining() {
        return Err(Damaged(WHAT));
    }
    (0..count).map(|_| item(cursor)).collect()
}
