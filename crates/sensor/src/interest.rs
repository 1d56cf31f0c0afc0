//! Which events may leave the kernel. Whoever has rules says it in clauses; an event that satisfies no clause
//! is dropped where it happens.
//!
//! A clause may let out more than its rule needs, never less: what the kernel cannot tell counts as satisfied.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::event::SystemCall;
use crate::limits::{CLAUSES_MAX, DATA_BYTES_MAX, PATHS_MAX, PREFIX_DEPTH_MAX};

/// `KINDS` of `bpf/record.h`.
pub(crate) const KINDS: usize = 160;
/// `struct interest` of `bpf/record.h` in words.
pub(crate) const WORDS: usize = KINDS + 18 + KNOWN_BITS / 64;
/// Bits that tell most paths apart from those that are wanted.
const KNOWN_BITS: usize = 4096;

/// A kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A program was started.
    Executed,
    /// A process was made.
    Forked,
    /// A process ended.
    Exited,
    /// A cgroup was made.
    CgroupMade,
    /// A cgroup was removed.
    CgroupRemoved,
    /// A request was handed to io_uring.
    Submitted,
    /// A question was sent to the DNS.
    Asked,
    /// An answer of the DNS has come.
    Answered,
    /// A system call returned.
    Called(SystemCall),
}

impl Kind {
    /// All that are not system calls.
    pub(crate) const OTHERS: [Self; 8] = [
        Self::Executed,
        Self::Forked,
        Self::Exited,
        Self::CgroupMade,
        Self::CgroupRemoved,
        Self::Submitted,
        Self::Asked,
        Self::Answered,
    ];

    /// Every kind.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::OTHERS.into_iter().chain(SystemCall::all().map(Self::Called))
    }

    pub(crate) fn number(self) -> u16 {
        match self {
            Self::Executed => 1,
            Self::Forked => 2,
            Self::Exited => 3,
            Self::CgroupMade => 4,
            Self::CgroupRemoved => 5,
            Self::Submitted => 6,
            Self::Asked => 8,
            Self::Answered => 9,
            Self::Called(call) => call.kind(),
        }
    }

    pub(crate) fn of_number(number: u16) -> Option<Self> {
        Self::OTHERS
            .into_iter()
            .find(|kind| kind.number() == number)
            .or_else(|| SystemCall::of_kind(number).map(Self::Called))
    }

    /// A word for people: `execution`, or the system call's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Executed => "execution",
            Self::Forked => "fork",
            Self::Exited => "exit",
            Self::CgroupMade => "cgroup made",
            Self::CgroupRemoved => "cgroup removed",
            Self::Submitted => "io_uring request",
            Self::Asked => "DNS question",
            Self::Answered => "DNS answer",
            Self::Called(call) => call.name(),
        }
    }
}

/// How a system call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Either way.
    Any,
    /// Without an error.
    Succeeded,
    /// With an error.
    Failed,
}

/// Whose process it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Anybody's.
    Any,
    /// The host's: in its mount namespace and in no cgroup known to be a container.
    Host,
    /// A container's.
    Container,
}

/// What an open is for. A clause wants an open that does any of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// Opened for reading (or for neither: `O_PATH`).
    pub reads: bool,
    /// Opened for writing.
    pub writes: bool,
    /// The open created the file.
    pub creates: bool,
}

impl Access {
    /// Every open.
    pub const ANY: Self = Self { reads: true, writes: true, creates: true };
    /// Opens that may change something.
    pub const WRITES: Self = Self { reads: false, writes: true, creates: true };
}

/// Which files an open must concern. Other system calls, and opens that failed, are not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paths {
    /// Every file.
    Any,
    /// Files that are one of these or below one, or whose last component is one of the names.
    Some {
        /// Absolute directories or files.
        below: Vec<PathBuf>,
        /// Last components.
        named: Vec<String>,
    },
}

/// How the caller wrote the name that it passed, of system calls that take one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// Any way.
    Any,
    /// With two dots side by side somewhere.
    Climbing,
}

/// Which families of sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Families {
    /// `AF_UNIX`.
    pub unix: bool,
    /// `AF_INET`.
    pub inet: bool,
    /// `AF_INET6`.
    pub inet6: bool,
    /// Any other.
    pub others: bool,
}

impl Families {
    /// Every family.
    pub const ANY: Self = Self { unix: true, inet: true, inet6: true, others: true };
    /// IPv4 and IPv6.
    pub const INTERNET: Self = Self { unix: false, inet: true, inet6: true, others: false };
}

/// Events that a rule may match: all dimensions must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// Kinds of event.
    pub kinds: Vec<Kind>,
    /// How a system call ended.
    pub outcome: Outcome,
    /// Whose process.
    pub place: Place,
    /// What an open is for.
    pub access: Access,
    /// Which files an open concerns.
    pub paths: Paths,
    /// How the caller wrote the name.
    pub naming: Naming,
    /// Which families of sockets.
    pub families: Families,
}

impl Clause {
    /// All events of these kinds.
    pub fn all_of(kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self {
            kinds: kinds.into_iter().collect(),
            outcome: Outcome::Any,
            place: Place::Any,
            access: Access::ANY,
            paths: Paths::Any,
            naming: Naming::Any,
            families: Families::ANY,
        }
    }
}

/// What is wanted from the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interest {
    /// An event that satisfies one of these is wanted.
    pub clauses: Vec<Clause>,
    /// Executions come with their environment.
    pub with_environment: bool,
    /// So many of the first bytes that are sent or received come with those calls.
    pub data_bytes: u32,
}

impl Interest {
    /// Is any event of this kind wanted?
    pub(crate) fn wants(&self, kind: Kind) -> bool {
        self.clauses.iter().any(|clause| clause.kinds.contains(&kind))
    }

    /// The bits that the kernel compares.
    pub(crate) fn compile(&self) -> Compiled {
        let mut compiled = Compiled::default();
        for (index, clause) in self.clauses.iter().enumerate() {
            // The last bit is shared by all clauses that have none of their own: it has what any of them has.
            compiled.add(1 << index.min(CLAUSES_MAX - 1), clause);
        }
        // The map of paths is full: whoever has a path in it wants all.
        if compiled.paths.len() > PATHS_MAX {
            compiled.paths.clear();
            compiled.words[Word::AnyPath.at()] |=
                compiled.words[Word::Prefixes.at()] | compiled.words[Word::Names.at()];
        }
        compiled.set_limits(self);
        compiled
    }
}

/// `struct interest` after its kinds.
#[derive(Clone, Copy)]
enum Word {
    Succeeded,
    Failed,
    Host,
    Container,
    Reads,
    Writes,
    Creates,
    AnyPath,
    Prefixes,
    Names,
    PlainNames,
    ClimbingNames,
    Unix,
    Inet,
    Inet6,
    OtherFamilies,
    Known,
    DepthAndEnvironment = Self::Known as isize + KNOWN_BITS as isize / 64,
    DataLength,
}

impl Word {
    const fn at(self) -> usize {
        KINDS + self as usize
    }
}

/// An interest as the kernel has it.
pub(crate) struct Compiled {
    /// `struct interest`.
    pub(crate) words: [u64; WORDS],
    /// (hash, depth) → clauses; depth 0 is a leaf's name.
    pub(crate) paths: BTreeMap<(u64, u32), u64>,
    depth: u32,
}

impl Default for Compiled {
    fn default() -> Self {
        Self { words: [0; WORDS], paths: BTreeMap::new(), depth: 0 }
    }
}

impl Compiled {
    fn add(&mut self, bit: u64, clause: &Clause) {
        for kind in &clause.kinds {
            self.words[usize::from(kind.number())] |= bit;
        }
        let Access { reads, writes, creates } = clause.access;
        let Families { unix, inet, inet6, others } = clause.families;
        let dimensions = [
            (Word::Succeeded, clause.outcome != Outcome::Failed),
            (Word::Failed, clause.outcome != Outcome::Succeeded),
            (Word::Host, clause.place != Place::Container),
            (Word::Container, clause.place != Place::Host),
            (Word::Reads, reads),
            (Word::Writes, writes),
            (Word::Creates, creates),
            (Word::Unix, unix),
            (Word::Inet, inet),
            (Word::Inet6, inet6),
            (Word::OtherFamilies, others),
            (Word::AnyPath, clause.paths == Paths::Any),
            (Word::PlainNames, clause.naming == Naming::Any),
            (Word::ClimbingNames, true),
        ];
        for (word, _) in dimensions.into_iter().filter(|(_, is_set)| *is_set) {
            self.words[word.at()] |= bit;
        }
        if let Paths::Some { below, named } = &clause.paths {
            for directory in below {
                self.add_prefix(bit, directory);
            }
            for name in named {
                self.words[Word::Names.at()] |= bit;
                self.add_path(bit, hash_name(name.as_bytes()), 0);
            }
        }
    }

    fn add_prefix(&mut self, bit: u64, directory: &Path) {
        let (mut hash, mut depth) = (0, 0);
        for component in normal_components(directory).take(PREFIX_DEPTH_MAX) {
            hash = fold(hash, hash_name(component.as_bytes()));
            depth += 1;
        }
        if depth == 0 {
            self.words[Word::AnyPath.at()] |= bit;
            return;
        }
        self.words[Word::Prefixes.at()] |= bit;
        self.depth = self.depth.max(depth);
        self.add_path(bit, hash, depth);
    }

    fn add_path(&mut self, bit: u64, hash: u64, depth: u32) {
        *self.paths.entry((hash, depth)).or_default() |= bit;
        let known = hash as usize % KNOWN_BITS;
        self.words[Word::Known.at() + known / 64] |= 1 << (known % 64);
    }

    fn set_limits(&mut self, interest: &Interest) {
        let pair = |first: u32, second: u32| {
            let [[a, b, c, d], [e, f, g, h]] = [first.to_ne_bytes(), second.to_ne_bytes()];
            u64::from_ne_bytes([a, b, c, d, e, f, g, h])
        };
        self.words[Word::DepthAndEnvironment.at()] = pair(self.depth, u32::from(interest.with_environment));
        self.words[Word::DataLength.at()] = pair(interest.data_bytes.min(DATA_BYTES_MAX), 0);
    }
}

fn normal_components(path: &Path) -> impl Iterator<Item = &OsStr> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name),
        Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
    })
}

/// `fold` of `bpf/fields.h`.
fn fold(hash: u64, word: u64) -> u64 {
    let hash = (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 32)
}

/// `hash_name` of `bpf/fields.h`: eight bytes at a time, five times at least, zeroes behind the last.
fn hash_name(name: &[u8]) -> u64 {
    let words = name.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_ne_bytes(word)
    });
    let padding = std::iter::repeat_n(0, 5_usize.saturating_sub(name.len().div_ceil(8)));
    words.chain(padding).fold(name.len() as u64, fold)
}
