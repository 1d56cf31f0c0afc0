//! Facts shards: which versions of which packages one source says are affected in one space.
//!
//! Sections: 1 names (string table), 2 one `u32` per name into 3, 3 lists (per name: count, then per record
//! the distance to the problem before and the fact's offset), 4 facts, 5 problems, 6 versions, 7 ids and
//! 8 labels (string tables). Facts and problems are written once however many records share them: of a
//! distribution's advisories most packages of one source share the fact, and all share the problem.

mod read;
mod write;

pub use read::{AdvisoryRef, Identity};
pub(crate) use read::{Fact, FactsShard, Limit};
pub(crate) use write::FactsWriter;

use crate::record::{KeyedBy, State};
use seawall_finding::Severity;

const NAMES: usize = 1;
const LIST_OFFSETS: usize = 2;
const LISTS: usize = 3;
const FACTS: usize = 4;
const PROBLEMS: usize = 5;
const VERSIONS: usize = 6;
const IDS: usize = 7;
const LABELS: usize = 8;

/// Bits of a fact's first byte; the lowest three are the state.
const KEYED_BY_SOURCE: u8 = 1 << 3;
const HAS_MODULE: u8 = 1 << 4;
const HAS_ARCHITECTURES: u8 = 1 << 5;
const HAS_SEVERITY: u8 = 1 << 6;
/// One range from the first version to a fix, no single versions: nearly every distribution advisory.
const SIMPLE: u8 = 1 << 7;

/// Bits of a range's shape.
const HAS_INTRODUCED: u8 = 1;
const UNTIL_FIXED: u8 = 1 << 1;
const UNTIL_LAST: u8 = 2 << 1;

/// Bits of a problem's first byte; the lowest three are the severity.
const HAS_ADVISORY: u8 = 1 << 3;

const STATES: [State; 8] = [
    State::Fixed,
    State::NotFixed,
    State::Deferred,
    State::WillNotFix,
    State::UnderInvestigation,
    State::EndOfLife,
    State::Undetermined,
    State::NotAffected,
];

fn state_code(state: State) -> u8 {
    match state {
        State::Fixed => 0,
        State::NotFixed => 1,
        State::Deferred => 2,
        State::WillNotFix => 3,
        State::UnderInvestigation => 4,
        State::EndOfLife => 5,
        State::Undetermined => 6,
        State::NotAffected => 7,
    }
}

fn keyed_by(flags: u8) -> KeyedBy {
    if flags & KEYED_BY_SOURCE == 0 { KeyedBy::Binary } else { KeyedBy::Source }
}

/// The code of a severity in a shard.
pub(crate) fn severity_code(severity: Severity) -> u8 {
    match severity {
        Severity::Unknown => 0,
        Severity::Negligible => 1,
        Severity::Low => 2,
        Severity::Medium => 3,
        Severity::High => 4,
        Severity::Critical => 5,
    }
}

/// The severity behind a code; unknown codes are unknown severities.
pub(crate) fn severity_of(code: u8) -> Severity {
    Severity::ALL.get(usize::from(code)).copied().unwrap_or_default()
}
