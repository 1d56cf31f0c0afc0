//! The frame of every shard file: magic, schema, kind, digest, section table, sections.
//!
//! ```text
//!  0  8  magic "SEAWALL\n"
//!  8  2  schema, u16
//! 10  1  kind
//! 11  1  number of sections
//! 12  4  zero
//! 16 32  SHA-256 of everything from byte 48 on
//! 48  8  per section: offset u32, length u32
//!  …     sections, each at a multiple of 8; section 0 is the JSON of [`Meta`]
//! ```
//! Everything is little-endian. The time of the build is not in the file: two builds from the
//! same feeds have the same digest, so that a mirror sends only what changed.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::manifest::SourceInfo;
use super::map::Map;
use super::wire::{Damaged, u32_at};
use crate::limits::SHARD_BYTES_MAX;

const MAGIC: [u8; 8] = *b"SEAWALL\n";
const TABLE: usize = 48;
const WHAT: &str = "shard frame";

/// Version of the shard format; a reader refuses any other.
pub const SCHEMA: u16 = 1;

/// What a shard holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShardKind {
    /// Which versions of which packages are affected.
    Facts,
    /// Titles, descriptions, references.
    Text,
    /// What is known of a CVE whatever the package: EPSS, KEV, CVSS.
    Enrich,
    /// End-of-life dates.
    Support,
}

impl ShardKind {
    /// The word that file names use.
    pub const fn name(self) -> &'static str {
        match self {
            ShardKind::Facts => "facts",
            ShardKind::Text => "text",
            ShardKind::Enrich => "enrich",
            ShardKind::Support => "support",
        }
    }

    const fn code(self) -> u8 {
        match self {
            ShardKind::Facts => 1,
            ShardKind::Text => 2,
            ShardKind::Enrich => 3,
            ShardKind::Support => 4,
        }
    }
}

/// What a shard says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    /// The space of a facts shard; empty for the others.
    #[serde(default)]
    pub(crate) space: String,
    pub(crate) source: SourceInfo,
    pub(crate) records: u64,
}

/// A shard cannot be made: its sections are too big.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the shard would be bigger than 4 GiB")]
pub struct TooBig;

/// The bytes of a shard file.
pub(crate) fn frame(kind: ShardKind, meta: &Meta, sections: &[Vec<u8>]) -> Result<Vec<u8>, TooBig> {
    // A plain struct of strings and numbers always serialises.
    let meta = serde_json::to_vec(meta).unwrap_or_default();
    let all: Vec<&[u8]> =
        std::iter::once(meta.as_slice()).chain(sections.iter().map(Vec::as_slice)).collect();
    let mut table = Vec::with_capacity(all.len() * 8);
    let mut body = Vec::new();
    let start = TABLE + all.len() * 8;
    for section in &all {
        body.resize(body.len().next_multiple_of(8), 0);
        if start + body.len() + section.len() > SHARD_BYTES_MAX {
            return Err(TooBig);
        }
        table.extend_from_slice(&((start + body.len()) as u32).to_le_bytes());
        table.extend_from_slice(&(section.len() as u32).to_le_bytes());
        body.extend_from_slice(section);
    }
    let mut hash = Sha256::new();
    hash.update(&table);
    hash.update(&body);
    let mut out = Vec::with_capacity(start + body.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&SCHEMA.to_le_bytes());
    out.push(kind.code());
    out.push(all.len() as u8);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&hash.finalize());
    out.extend_from_slice(&table);
    out.extend_from_slice(&body);
    Ok(out)
}

/// A mapped shard file whose frame was checked and whose sections are not: they are checked as they are read.
#[derive(Debug)]
pub(crate) struct Shard {
    map: Map,
    pub(crate) meta: Meta,
}

impl Shard {
    pub(crate) fn new(map: Map, kind: ShardKind) -> Result<Shard, Damaged> {
        let bytes = map.bytes();
        if bytes.get(..8) != Some(MAGIC.as_slice()) {
            return Err(Damaged("shard: wrong magic"));
        }
        if bytes.get(8..10) != Some(SCHEMA.to_le_bytes().as_slice()) {
            return Err(Damaged("shard: another schema version"));
        }
        if bytes.get(10) != Some(&kind.code()) {
            return Err(Damaged("shard: another kind"));
        }
        let meta = serde_json::from_slice(section(bytes, 0)?).map_err(|_| Damaged("shard description"))?;
        Ok(Shard { map, meta })
    }

    pub(crate) fn section(&self, number: usize) -> Result<&[u8], Damaged> {
        section(self.map.bytes(), number)
    }

    /// Whether the digest in the frame is that of the bytes.
    pub(crate) fn is_intact(&self) -> bool {
        let bytes = self.map.bytes();
        match (bytes.get(16..TABLE), bytes.get(TABLE..)) {
            (Some(stated), Some(body)) => Sha256::digest(body).as_slice() == stated,
            _ => false,
        }
    }
}

fn section(bytes: &[u8], number: usize) -> Result<&[u8], Damaged> {
    let count = usize::from(*bytes.get(11).ok_or(Damaged(WHAT))?);
    if number >= count {
        return Err(Damaged(WHAT));
    }
    let table = bytes.get(TABLE..).ok_or(Damaged(WHAT))?;
    let offset = u32_at(table, number * 2, WHAT)? as usize;
    let length = u32_at(table, number * 2 + 1, WHAT)? as usize;
    let end = offset.checked_add(length).ok_or(Damaged(WHAT))?;
    bytes.get(offset..end).ok_or(Damaged(WHAT))
}
