//! The advisory database: a directory of immutable, memory-mapped shards and a manifest.
//!
//! There is one facts shard per source and space, and per source one shard each of text, enrichment and
//! support dates, so that a source that cannot be reached keeps its last shards and an update writes only
//! what changed. Opening reads the manifest; a shard is mapped when it is first asked. Any number of
//! processes read at once, without a lock. A damaged shard is an error of the question that met it, never a
//! panic and never an empty answer.

mod builder;
mod enrich;
mod facts;
mod ident;
mod manifest;
mod map;
mod shard;
mod strings;
mod support;
mod text;
mod wire;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

pub use builder::{BuildError, Builder};
pub use facts::{AdvisoryRef, Identity};
pub use manifest::{FetchedFile, MANIFEST, Manifest, SIGNATURE, ShardInfo, SourceInfo, SourceStatus};
pub use shard::{SCHEMA, ShardKind, TooBig};
pub use text::Text;
pub use wire::Damaged;

pub(crate) use builder::{install, write_file};
pub(crate) use facts::{Fact, Limit};
pub(crate) use manifest::{SHARDS, hex, is_plain};
pub(crate) use text::BlockCache;

use crate::limits::MANIFEST_BYTES_MAX;
use crate::record::{Affected, Enrichment, Support};
use facts::FactsShard;
use map::Map;
use shard::Shard;

/// A database directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none: `seawall db update` makes one.
    #[error("there is no advisory database in {}", directory.display())]
    Absent {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// The manifest cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The manifest.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The manifest is not one.
    #[error("{} is not a database manifest", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Why.
        #[source]
        cause: serde_json::Error,
    },
    /// The manifest is of another version of Seawall.
    #[error("the database in {} has schema {found}; this version reads {SCHEMA}", directory.display())]
    Schema {
        /// Where it is.
        directory: PathBuf,
        /// Its schema.
        found: u16,
    },
}

/// A shard cannot be used: whatever it says is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("shard {file}: {reason}")]
pub struct ShardError {
    /// Its file name.
    pub file: String,
    /// Why, one clause.
    pub reason: String,
}

/// What one source says of one problem, decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Advisory {
    /// Who says it.
    pub source: SourceInfo,
    /// The problem's names.
    pub identity: Identity,
    /// What is affected.
    pub affected: Affected,
}

/// One line of `seawall db status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardStatus {
    /// The shard as the manifest lists it.
    pub info: ShardInfo,
    /// Why it cannot be used, where that is known.
    pub damage: Option<String>,
}

/// A database that is open for questions.
#[derive(Debug)]
pub struct Database {
    directory: PathBuf,
    manifest: Manifest,
    shards: Vec<OnceLock<Result<Shard, ShardError>>>,
    spaces: BTreeMap<String, Vec<usize>>,
}

impl Database {
    /// Opens the database in a directory.
    ///
    /// # Errors
    /// There is none, or its manifest cannot be read.
    pub fn open(directory: &Path) -> Result<Database, OpenError> {
        let path = directory.join(MANIFEST);
        let bytes = match fs::metadata(&path) {
            Ok(about) if about.len() > MANIFEST_BYTES_MAX => {
                Err(io::Error::new(io::ErrorKind::FileTooLarge, "bigger than a manifest can be"))
            }
            Ok(_) => fs::read(&path),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return Err(OpenError::Absent { directory: directory.to_owned() });
            }
            Err(cause) => Err(cause),
        };
        let bytes = bytes.map_err(|cause| OpenError::Read { path: path.clone(), cause })?;
        let manifest: Manifest =
            serde_json::from_slice(&bytes).map_err(|cause| OpenError::Manifest { path, cause })?;
        if manifest.schema != SCHEMA {
            return Err(OpenError::Schema { directory: directory.to_owned(), found: manifest.schema });
        }
        let mut spaces: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, shard) in manifest.shards.iter().enumerate() {
            if shard.kind == ShardKind::Facts {
                spaces.entry(shard.space.clone()).or_default().push(at);
            }
        }
        let shards = manifest.shards.iter().map(|_| OnceLock::new()).collect();
        Ok(Database { directory: directory.to_owned(), manifest, shards, spaces })
    }

    /// What the directory holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The digest that a report names to be repeatable.
    pub fn digest(&self) -> &str {
        &self.manifest.digest
    }

    /// Every shard; with `verify`, its digest is computed and compared.
    pub fn status(&self, verify: Verify) -> Vec<ShardStatus> {
        let check = |at: usize, info: &ShardInfo| match (self.shard(at), verify) {
            (Err(error), _) => Some(error.reason),
            (Ok(_), Verify::Frames) => None,
            (Ok(shard), Verify::Digests) if !shard.is_intact() => {
                Some("its digest is not that of its bytes".into())
            }
            (Ok(_), Verify::Digests) => {
                let bytes = fs::read(self.directory.join(SHARDS).join(&info.file)).unwrap_or_default();
                let same = hex(&Sha256::digest(&bytes)) == info.sha256;
                (!same).then(|| "its digest is not the manifest's".to_owned())
            }
        };
        let status =
            |(at, info): (usize, &ShardInfo)| ShardStatus { info: info.clone(), damage: check(at, info) };
        self.manifest.shards.iter().enumerate().map(status).collect()
    }

    /// Every space that some source covers.
    pub fn spaces(&self) -> impl Iterator<Item = &str> {
        self.spaces.keys().map(String::as_str)
    }

    /// Whether some source covers a space.
    pub fn covers(&self, space: &str) -> bool {
        self.spaces.contains_key(space)
    }

    /// The extended-support streams of a release: `esm-infra` of `ubuntu:18.04`.
    pub fn streams<'d>(&'d self, release: &str) -> impl Iterator<Item = &'d str> {
        let prefix = format!("{release}:");
        let from = self.spaces.range(prefix.clone()..);
        let among = from.take_while({
            let prefix = prefix.clone();
            move |(space, _)| space.starts_with(&prefix)
        });
        among.filter_map(move |(space, _)| space.get(prefix.len()..))
    }

    /// The shards of a space.
    pub fn sources_for(&self, space: &str) -> impl Iterator<Item = &ShardInfo> {
        let shards = self.spaces.get(space).map(Vec::as_slice).unwrap_or_default();
        shards.iter().filter_map(|at| self.manifest.shards.get(*at))
    }

    /// What all sources say of a name in a space; an error for each shard that cannot tell.
    pub fn lookup(&self, space: &str, name: &str) -> Vec<Result<AdvisoryRef<'_>, ShardError>> {
        let mut found = Vec::new();
        for &at in self.spaces.get(space).map(Vec::as_slice).unwrap_or_default() {
            let answer = self
                .facts(at)
                .and_then(|facts| facts.lookup(name).map_err(|damaged| self.damaged(at, damaged)));
            match answer {
                Ok(advisories) => found.extend(advisories.into_iter().map(Ok)),
                Err(error) => found.push(Err(error)),
            }
        }
        found
    }

    /// What people read about a record of a source; `None` where there is no text.
    pub fn text(&self, source: &str, id: &str, advisory: Option<&str>) -> Option<Text> {
        self.text_cached(&mut BlockCache::default(), source, id, advisory)
    }

    pub(crate) fn text_cached(
        &self,
        cache: &mut BlockCache,
        source: &str,
        id: &str,
        advisory: Option<&str>,
    ) -> Option<Text> {
        self.of_kind(ShardKind::Text)
            .filter(|(_, info)| info.source.name == source)
            .find_map(|(at, _)| text::read(self.shard(at).ok()?, cache, id, advisory).ok()?)
    }

    /// What all sources know of a CVE whatever the package.
    pub fn enrichment(&self, cve: &str) -> Option<Enrichment> {
        let key = ident::cve_key(cve)?;
        let mut known: Option<Enrichment> = None;
        for (at, _) in self.of_kind(ShardKind::Enrich) {
            let Some(Ok(Some(found))) = self.shard(at).ok().map(|shard| enrich::read(shard, key)) else {
                continue;
            };
            match &mut known {
                Some(known) => enrich::merge(known, found),
                None => known = Some(found),
            }
        }
        known
    }

    /// When a release cycle of a product stops getting fixes.
    pub fn support(&self, product: &str, cycle: &str) -> Option<Support> {
        self.of_kind(ShardKind::Support)
            .find_map(|(at, _)| support::read(self.shard(at).ok()?, product, cycle).ok()?)
    }

    /// Everything that any source says of a problem under one of its names or the name of its document: for
    /// `seawall explain CVE-…`. Reads every facts shard.
    pub fn by_id(&self, id: &str) -> Vec<Advisory> {
        let mut found = Vec::new();
        for (at, _) in self.of_kind(ShardKind::Facts) {
            if let Ok(facts) = self.facts(at) {
                scan(facts, id, &mut found);
            }
        }
        found
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Shards of what is known of a problem whatever the package (exploitation, texts, support) that cannot be used.
    pub(crate) fn damaged_facts_of_problems(&self) -> impl Iterator<Item = ShardError> {
        let kinds = [ShardKind::Enrich, ShardKind::Text, ShardKind::Support];
        let shards = kinds.into_iter().flat_map(|kind| self.of_kind(kind));
        shards.filter_map(|(at, _)| self.shard(at).err())
    }

    fn of_kind(&self, kind: ShardKind) -> impl Iterator<Item = (usize, &ShardInfo)> {
        self.manifest.shards.iter().enumerate().filter(move |(_, shard)| shard.kind == kind)
    }

    fn facts(&self, at: usize) -> Result<FactsShard<'_>, ShardError> {
        FactsShard::new(self.shard(at)?).map_err(|damaged| self.damaged(at, damaged))
    }

    fn damaged(&self, at: usize, damaged: Damaged) -> ShardError {
        let file = self.manifest.shards.get(at).map(|shard| shard.file.clone()).unwrap_or_default();
        ShardError { file, reason: damaged.to_string() }
    }

    fn shard(&self, at: usize) -> Result<&Shard, ShardError> {
        let (Some(slot), Some(info)) = (self.shards.get(at), self.manifest.shards.get(at)) else {
            return Err(ShardError { file: String::new(), reason: "not in the manifest".into() });
        };
        slot.get_or_init(|| self.map(info)).as_ref().map_err(Clone::clone)
    }

    fn map(&self, info: &ShardInfo) -> Result<Shard, ShardError> {
        let failed = |reason: String| ShardError { file: info.file.clone(), reason };
        if !is_plain(&info.file) {
            return Err(failed("its name is not a plain file name".into()));
        }
        let path = self.directory.join(SHARDS).join(&info.file);
        let map = Map::open(&path).map_err(|cause| failed(format!("cannot be opened: {cause}")))?;
        let shard = Shard::new(map, info.kind).map_err(|damaged| failed(damaged.to_string()))?;
        if shard.meta.space != info.space || shard.meta.source.name != info.source.name {
            return Err(failed("it is not the shard that the manifest says".into()));
        }
        Ok(shard)
    }
}

/// How thoroughly [`Database::status`] checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// Whether each shard can be mapped and is of the right kind.
    Frames,
    /// Also every byte against the digests.
    Digests,
}

/// Adds the advisories of one shard that carry an id.
fn scan(facts: FactsShard<'_>, id: &str, found: &mut Vec<Advisory>) {
    let mut known: BTreeMap<(usize, u32), Option<Identity>> = BTreeMap::new();
    for number in 0..facts.names() as u32 {
        let Ok(entries) = facts.list(number) else { continue };
        for entry in entries {
            let identity = known.entry(entry.problem_key()).or_insert_with(|| {
                entry.identity().ok().filter(|identity| {
                    let mut names = identity.aliases.iter().chain(&identity.advisory);
                    identity.id == id || names.any(|name| name == id)
                })
            });
            let Some(identity) = identity.clone() else { continue };
            let Ok(name) = facts.name(number) else { continue };
            let Ok(affected) = entry.affected(&name) else { continue };
            found.push(Advisory { source: entry.source().clone(), identity, affected });
        }
    }
}
