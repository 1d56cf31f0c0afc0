//! What an event has to be for a condition to hold: what a sensor may leave out because no rule can match it.
//!
//! Every answer here is an upper bound. What cannot be told widens it; an event outside of it satisfies no rule.

mod of_check;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use seawall_event::EventType;

use crate::limits;
use crate::program::{NodeId, Part, Program};

/// One way for an event of a type to matter: all dimensions must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// What sort of event.
    pub traits: Traits,
    /// Which files, of an event that has opened one.
    pub paths: Paths,
}

/// Sorts of events as sets of bits: of each group at least one has to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Traits(u16);

impl Traits {
    /// The call succeeded.
    pub const SUCCEEDED: Traits = Traits(1);
    /// The call failed.
    pub const FAILED: Traits = Traits(1 << 1);
    /// On the host.
    pub const HOST: Traits = Traits(1 << 2);
    /// In a container.
    pub const CONTAINER: Traits = Traits(1 << 3);
    /// Opened for reading only.
    pub const READS: Traits = Traits(1 << 4);
    /// Opened for writing only.
    pub const WRITES: Traits = Traits(1 << 5);
    /// Opened for both.
    pub const READS_AND_WRITES: Traits = Traits(1 << 6);
    /// Opened for neither, or without flags that say so.
    pub const OPENS_OTHERWISE: Traits = Traits(1 << 7);
    /// About a Unix socket.
    pub const UNIX: Traits = Traits(1 << 8);
    /// About a socket of IPv4.
    pub const INET: Traits = Traits(1 << 9);
    /// About a socket of IPv6.
    pub const INET6: Traits = Traits(1 << 10);
    /// About another socket.
    pub const OTHER_FAMILY: Traits = Traits(1 << 11);
    /// About no socket.
    pub const NO_SOCKET: Traits = Traits(1 << 12);
    /// The name that the caller passed has two dots side by side.
    pub const CLIMBING_NAME: Traits = Traits(1 << 13);
    /// It has not, or there is none.
    pub const PLAIN_NAME: Traits = Traits(1 << 14);
    /// Anything.
    pub const ANY: Traits = Traits((1 << 15) - 1);

    const GROUPS: [Traits; 5] = [
        Traits::SUCCEEDED.or(Traits::FAILED),
        Traits::HOST.or(Traits::CONTAINER),
        Traits::READS.or(Traits::WRITES).or(Traits::READS_AND_WRITES).or(Traits::OPENS_OTHERWISE),
        Traits::UNIX.or(Traits::INET).or(Traits::INET6).or(Traits::OTHER_FAMILY).or(Traits::NO_SOCKET),
        Traits::CLIMBING_NAME.or(Traits::PLAIN_NAME),
    ];

    /// What either has.
    pub const fn or(self, other: Traits) -> Traits {
        Traits(self.0 | other.0)
    }

    /// What both have.
    pub const fn and(self, other: Traits) -> Traits {
        Traits(self.0 & other.0)
    }

    /// Anything but these.
    const fn not(self) -> Traits {
        Traits(Traits::ANY.0 & !self.0)
    }

    /// Whether it has one of these.
    pub const fn has(self, some: Traits) -> bool {
        self.0 & some.0 != 0
    }

    /// Whether no event can be so.
    fn is_impossible(self) -> bool {
        Traits::GROUPS.iter().any(|group| !self.has(*group))
    }
}

/// Files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paths {
    /// Every file.
    Any,
    /// Files that are one of these or below one, or whose last component is one of the names.
    Some {
        /// Absolute paths.
        below: BTreeSet<PathBuf>,
        /// Last components.
        named: BTreeSet<String>,
    },
}

impl Paths {
    fn or(self, other: Paths) -> Paths {
        match (self, other) {
            (Paths::Any, _) | (_, Paths::Any) => Paths::Any,
            (Paths::Some { mut below, mut named }, Paths::Some { below: more, named: more_named }) => {
                below.extend(more);
                named.extend(more_named);
                if below.len() + named.len() > limits::NEED_PATHS_MAX {
                    Paths::Any
                } else {
                    Paths::Some { below, named }
                }
            }
        }
    }

    /// One of both is enough; the smaller one leaves more out.
    fn and(&self, other: &Paths) -> Paths {
        if self.count() <= other.count() { self.clone() } else { other.clone() }
    }

    fn count(&self) -> usize {
        match self {
            Paths::Any => usize::MAX,
            Paths::Some { below, named } => below.len() + named.len(),
        }
    }
}

/// Ways that differ in their traits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Ways(BTreeMap<Traits, Paths>);

impl Ways {
    fn any() -> Ways {
        Ways::of(Traits::ANY)
    }

    fn of(traits: Traits) -> Ways {
        Ways::with(traits, Paths::Any)
    }

    fn at(paths: Paths) -> Ways {
        // Only of an event that has opened something it is known what; a call that failed may be about any path.
        let mut ways = Ways::with(Traits::FAILED.not(), paths);
        ways.add(Traits::SUCCEEDED.not(), Paths::Any);
        ways
    }

    fn with(traits: Traits, paths: Paths) -> Ways {
        let mut ways = Ways::default();
        ways.add(traits, paths);
        ways
    }

    fn add(&mut self, traits: Traits, paths: Paths) {
        if traits.is_impossible() {
            return;
        }
        let known = self.0.remove(&traits);
        self.0.insert(traits, known.map_or(paths.clone(), |known| known.or(paths)));
    }

    fn or(mut self, other: &Ways) -> Ways {
        for (traits, paths) in &other.0 {
            self.add(*traits, paths.clone());
        }
        self
    }

    fn and(&self, other: &Ways) -> Ways {
        let mut both = Ways::default();
        for (traits, paths) in &self.0 {
            for (other_traits, other_paths) in &other.0 {
                both.add(traits.and(*other_traits), paths.and(other_paths));
            }
        }
        both
    }
}

/// Whether a condition has to hold or not to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sign {
    Holds,
    Fails,
}

impl Sign {
    fn other(self) -> Sign {
        match self {
            Sign::Holds => Sign::Fails,
            Sign::Fails => Sign::Holds,
        }
    }
}

/// What an event of this type has to be for one of these conditions to hold.
pub(crate) fn of(program: &Program, conditions: impl Iterator<Item = NodeId>, kind: EventType) -> Vec<Need> {
    let mut looking = Looking { program, kind, known: HashMap::new() };
    let ways =
        conditions.fold(Ways::default(), |all, condition| all.or(&looking.ways(condition, Sign::Holds)));
    let mut needs: Vec<Need> = ways.0.into_iter().map(|(traits, paths)| Need { traits, paths }).collect();
    // What another covers says nothing more.
    let all = needs.clone();
    needs.retain(|need| {
        let covers = |other: &Need| {
            other.traits != need.traits
                && other.traits.and(need.traits) == need.traits
                && (other.paths == Paths::Any || other.paths == need.paths)
        };
        !all.iter().any(covers)
    });
    needs
}

struct Looking<'p> {
    program: &'p Program,
    kind: EventType,
    known: HashMap<(NodeId, Sign), Ways>,
}

impl Looking<'_> {
    /// Conditions are as deep as the parser allows, so that this ends.
    fn ways(&mut self, id: NodeId, sign: Sign) -> Ways {
        if let Some(known) = self.known.get(&(id, sign)) {
            return known.clone();
        }
        let program = self.program;
        let ways = match (program.part(id), sign) {
            (Part::Constant(value), _) => {
                if value == (sign == Sign::Holds) {
                    Ways::any()
                } else {
                    Ways::default()
                }
            }
            (Part::Check(check), _) => of_check::ways(check, sign, self.kind),
            (Part::Not(inner), _) => self.ways(inner, sign.other()),
            (Part::And(parts), Sign::Holds) | (Part::Or(parts), Sign::Fails) => {
                let mut both = Ways::any();
                for part in parts {
                    both = both.and(&self.ways(*part, sign));
                }
                both
            }
            (Part::Or(parts), Sign::Holds) | (Part::And(parts), Sign::Fails) => {
                let mut either = Ways::default();
                for part in parts {
                    either = either.or(&self.ways(*part, sign));
                }
                either
            }
        };
        self.known.insert((id, sign), ways.clone());
        ways
    }
}
