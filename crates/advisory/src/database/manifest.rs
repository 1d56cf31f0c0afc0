//! `seawall-db.json`: what a database directory holds. A detached signature may lie beside it (`seawall-db.json.sig`):
//! the manifest names every shard by its SHA-256, so a signature over the manifest covers the database.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::shard::{SCHEMA, ShardKind};
use crate::feed::Standing;

/// Name of the manifest in a database directory.
pub const MANIFEST: &str = "seawall-db.json";
/// Name of the manifest before the last update: what it lists is kept for processes that still read it.
pub(crate) const MANIFEST_BEFORE: &str = "seawall-db.before.json";
/// Name of the detached signature over the manifest.
pub const SIGNATURE: &str = "seawall-db.json.sig";
/// Directory of the shards.
pub(crate) const SHARDS: &str = "shards";

/// Where advisories come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct SourceInfo {
    /// `debian-tracker`, `ghsa`, `epss`: lower case, digits and dashes.
    pub name: String,
    /// Who publishes it, for people: `Debian security tracker`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// How far it is to be believed for the packages it speaks of.
    #[serde(default)]
    pub standing: Standing,
    /// Where it was fetched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Its licence: `CC-BY-4.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Date of its newest record or of its fetch, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<String>,
    /// The fetched file that brought it, where its name is another: `npm` brings `ghsa`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub via: String,
}

impl SourceInfo {
    /// A source of which only the name is known.
    pub fn named(name: impl Into<String>) -> SourceInfo {
        SourceInfo { name: name.into(), ..SourceInfo::default() }
    }
}

/// One shard of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardInfo {
    /// File name in the directory `shards`.
    pub file: String,
    /// What it holds.
    pub kind: ShardKind,
    /// The space of a facts shard: `debian:12`, `npm`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub space: String,
    /// Where its content comes from.
    pub source: SourceInfo,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// Records in it: (package, problem) pairs for facts, documents for text, CVEs for enrich, cycles for support.
    pub records: u64,
}

/// One fetched file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FetchedFile {
    /// Its name: `kev`, `debian-dsa/DSA`.
    pub name: String,
    /// Where it was fetched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Entity tag, to ask whether it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// `Last-Modified`, to ask whether it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// SHA-256 of its bytes as fetched, hexadecimal; absent for a directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// When it was fetched, RFC 3339.
    pub fetched_at: String,
    /// Documents, or parts of them, that could not be read.
    #[serde(default)]
    pub gaps: u64,
}

/// What one source contributes to a database, over all its shards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceStatus {
    /// The source.
    pub source: SourceInfo,
    /// The spaces it covers; empty for enrichment and support dates.
    pub covers: Vec<String>,
    /// (package, problem) pairs, or CVEs and cycles for sources without packages.
    pub records: u64,
    /// Bytes of its shards.
    pub size: u64,
}

/// What a database directory holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the shard format.
    pub schema: u16,
    /// When it was built, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built_at: Option<String>,
    /// `sha256:` of the shards' digests in the order of their file names: what a report names to be repeatable.
    pub digest: String,
    /// The shards, sorted by file name.
    pub shards: Vec<ShardInfo>,
    /// The files that were fetched, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fetched: Vec<FetchedFile>,
}

impl Manifest {
    /// A manifest over shards in any order.
    pub(crate) fn new(
        mut shards: Vec<ShardInfo>,
        mut fetched: Vec<FetchedFile>,
        built_at: Option<String>,
    ) -> Manifest {
        fetched.sort_by(|a, b| a.name.cmp(&b.name));
        shards.sort_by(|a, b| a.file.cmp(&b.file));
        shards.dedup_by(|a, b| a.file == b.file);
        let mut hash = Sha256::new();
        for shard in &shards {
            hash.update(shard.file.as_bytes());
            hash.update([0]);
            hash.update(shard.sha256.as_bytes());
            hash.update([0]);
        }
        Manifest {
            schema: SCHEMA,
            built_at,
            digest: format!("sha256:{}", hex(&hash.finalize())),
            shards,
            fetched,
        }
    }

    /// What each source contributes, sorted by name.
    pub fn sources(&self) -> Vec<SourceStatus> {
        let mut sources: BTreeMap<&str, SourceStatus> = BTreeMap::new();
        for shard in &self.shards {
            let status = sources.entry(&shard.source.name).or_insert_with(|| SourceStatus {
                source: shard.source.clone(),
                covers: Vec::new(),
                records: 0,
                size: 0,
            });
            status.size += shard.size;
            if status.source.as_of < shard.source.as_of {
                status.source.as_of.clone_from(&shard.source.as_of);
            }
            match shard.kind {
                ShardKind::Facts => {
                    status.records += shard.records;
                    if !status.covers.contains(&shard.space) {
                        status.covers.push(shard.space.clone());
                    }
                }
                ShardKind::Enrich | ShardKind::Support => status.records += shard.records,
                ShardKind::Text => {}
            }
        }
        sources.into_values().collect()
    }

    /// (package, problem) pairs in all facts shards.
    pub fn records(&self) -> u64 {
        self.shards.iter().filter(|shard| shard.kind == ShardKind::Facts).map(|shard| shard.records).sum()
    }

    /// Bytes of all shards.
    pub fn size(&self) -> u64 {
        self.shards.iter().map(|shard| shard.size).sum()
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a name from a manifest is a plain file name, so that it stays in the directory.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'~' | b'+'))
}
