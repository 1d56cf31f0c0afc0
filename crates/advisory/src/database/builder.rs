//! Records → a database directory.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use seawall_finding::{Rating, Severity};
use sha2::{Digest as _, Sha256};

use super::enrich::EnrichWriter;
use super::facts::FactsWriter;
use super::manifest::{MANIFEST, MANIFEST_BEFORE, Manifest, SHARDS, SIGNATURE, ShardInfo, SourceInfo, hex};
use super::shard::{Meta, ShardKind, TooBig, frame};
use super::support::SupportWriter;
use super::text::TextWriter;
use crate::limits::{SHARD_BYTES_MAX, STRING_BYTES_MAX, TEXT_BYTES_MAX};
use crate::record::{Affected, Bound, Enrichment, Record, Support};

/// A database cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A file of the database cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A shard would not fit its format.
    #[error("the {kind} shard of {source_name} cannot be made", kind = kind.name())]
    TooBig {
        /// What it holds.
        kind: ShardKind,
        /// Its source.
        source_name: String,
        /// Why.
        #[source]
        cause: TooBig,
    },
    /// Text cannot be compressed.
    #[error("cannot compress the text of {source_name}")]
    Compress {
        /// The source.
        source_name: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

/// Collects records and writes the shards. Equal input in equal order gives equal bytes.
#[derive(Debug, Default)]
pub struct Builder {
    sources: BTreeMap<String, SourceInfo>,
    facts: BTreeMap<(String, String), FactsWriter>,
    texts: BTreeMap<String, TextWriter>,
    enrichments: BTreeMap<String, EnrichWriter>,
    supports: BTreeMap<String, SupportWriter>,
    built_at: Option<String>,
    refused: u64,
}

impl Builder {
    /// An empty database.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// States when the database was built, RFC 3339. It is written to the manifest only.
    pub fn built_at(&mut self, time: impl Into<String>) -> &mut Builder {
        self.built_at = Some(time.into());
        self
    }

    /// Records that were refused: no name or space, an id longer than the format holds, an enrichment of no CVE.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// States what is known of a source; the last word counts.
    pub fn source(&mut self, source: &SourceInfo) -> &mut Builder {
        self.sources.insert(source.name.clone(), source.clone());
        self
    }

    fn know(&mut self, source: &SourceInfo) {
        if !self.sources.contains_key(&source.name) {
            self.sources.insert(source.name.clone(), source.clone());
        }
    }

    /// Adds a record of a source.
    ///
    /// # Errors
    /// Its text cannot be compressed.
    pub fn add(&mut self, source: &SourceInfo, mut record: Record) -> Result<(), BuildError> {
        self.know(source);
        rate_by_score(&mut record.ratings);
        let severity =
            record.ratings.iter().map(|rating| rating.severity).find(|rated| *rated != Severity::Unknown);
        let severity = severity.unwrap_or_default();
        if !fits(&record) {
            self.refused += 1;
            return Ok(());
        }
        let mut added = false;
        for affected in &record.affected {
            if !is_usable(affected) {
                self.refused += 1;
                continue;
            }
            let key = (affected.space.clone(), source.name.clone());
            self.facts.entry(key).or_default().add(&record, severity, affected);
            added = true;
        }
        let texts = self.texts.entry(source.name.clone()).or_default();
        if added && texts.text_bytes() < SHARD_BYTES_MAX - 2 * TEXT_BYTES_MAX {
            texts
                .add(&record)
                .map_err(|cause| BuildError::Compress { source_name: source.name.clone(), cause })?;
        }
        Ok(())
    }

    /// Adds what a source knows of a CVE.
    pub fn enrich(&mut self, source: &SourceInfo, mut enrichment: Enrichment) {
        self.know(source);
        rate_by_score(&mut enrichment.ratings);
        if !self.enrichments.entry(source.name.clone()).or_default().add(enrichment) {
            self.refused += 1;
        }
    }

    /// Adds end-of-life dates.
    pub fn support(&mut self, source: &SourceInfo, support: &Support) {
        self.know(source);
        self.supports.entry(source.name.clone()).or_default().add(support);
    }

    /// Writes the shards and the manifest. A database that is already in the directory is replaced in one
    /// step: shards have names that contain their digest, so that old and new ones lie side by side until the
    /// manifest is renamed. Shards that neither the new nor the previous manifest lists are removed.
    ///
    /// # Errors
    /// A file cannot be written, or a source is bigger than a shard can be.
    pub fn write(self, directory: &Path) -> Result<Manifest, BuildError> {
        let built_at = self.built_at.clone();
        let shards = self.write_shards(directory)?;
        let manifest = Manifest::new(shards, Vec::new(), built_at);
        install(directory, &manifest, None)?;
        Ok(manifest)
    }

    /// Writes the shards alone: no manifest lists them yet.
    pub(crate) fn write_shards(self, directory: &Path) -> Result<Vec<ShardInfo>, BuildError> {
        let shards = directory.join(SHARDS);
        fs::create_dir_all(&shards).map_err(|cause| BuildError::Write { path: shards.clone(), cause })?;
        let mut listed = Vec::new();
        for (name, meta, kind, sections) in self.finish()? {
            let too_big = |cause| BuildError::TooBig { kind, source_name: meta.source.name.clone(), cause };
            let bytes = frame(kind, &meta, &sections).map_err(too_big)?;
            let sha256 = hex(&Sha256::digest(&bytes));
            let file = format!("{name}.{}.shard", sha256.get(..16).unwrap_or_default());
            write_file(&shards.join(&file), &bytes)?;
            let (space, source, records) = (meta.space, meta.source, meta.records);
            listed.push(ShardInfo { file, kind, space, source, size: bytes.len() as u64, sha256, records });
        }
        Ok(listed)
    }

    /// Name, description, kind and sections of every shard.
    fn finish(self) -> Result<Vec<Draft>, BuildError> {
        let about = |name: &str| self.sources.get(name).cloned().unwrap_or_else(|| SourceInfo::named(name));
        let mut drafts = Vec::new();
        for ((space, source), writer) in self.facts {
            let (sections, records) = writer.finish();
            let name = format!("facts.{}.{}", file_part(&space), file_part(&source));
            drafts.push((name, Meta { space, source: about(&source), records }, ShardKind::Facts, sections));
        }
        let mut draft = |source: &str, kind: ShardKind, records: u64, sections: Vec<Vec<u8>>| {
            let name = format!("{}.{}", kind.name(), file_part(source));
            drafts.push((
                name,
                Meta { space: String::new(), source: about(source), records },
                kind,
                sections,
            ));
        };
        for (source, writer) in self.texts {
            if writer.records() == 0 {
                continue;
            }
            let records = writer.records();
            let failed = |cause| BuildError::Compress { source_name: source.clone(), cause };
            draft(&source, ShardKind::Text, records, writer.finish().map_err(failed)?);
        }
        for (source, writer) in self.enrichments {
            draft(&source, ShardKind::Enrich, writer.records(), writer.finish());
        }
        for (source, writer) in self.supports {
            draft(&source, ShardKind::Support, writer.records(), writer.finish());
        }
        Ok(drafts)
    }
}

type Draft = (String, Meta, ShardKind, Vec<Vec<u8>>);

/// Makes a manifest the directory's, in one step, and removes what nobody reads any more. `bytes` are the
/// manifest as it was received, where a signature covers them.
pub(crate) fn install(directory: &Path, manifest: &Manifest, bytes: Option<&[u8]>) -> Result<(), BuildError> {
    let path = directory.join(MANIFEST);
    let before = fs::read(&path).ok();
    if let Some(before) = &before {
        write_file(&directory.join(MANIFEST_BEFORE), before)?;
    }
    // A signature is over one manifest.
    match fs::remove_file(directory.join(SIGNATURE)) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            return Err(BuildError::Write { path: directory.join(SIGNATURE), cause });
        }
        Ok(()) | Err(_) => {}
    }
    let json = match bytes {
        Some(bytes) => bytes.to_vec(),
        None => serde_json::to_vec_pretty(manifest)
            .map_err(|cause| BuildError::Write { path: path.clone(), cause: cause.into() })?,
    };
    write_file(&path, &json)?;
    let before = before.and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok());
    let wanted = |name: &str| {
        let lists = |manifest: &Manifest| manifest.shards.iter().any(|shard| shard.file == name);
        lists(manifest) || before.as_ref().is_some_and(lists)
    };
    let Ok(entries) = fs::read_dir(directory.join(SHARDS)) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| name.ends_with(".shard") && !wanted(name)) {
            // A shard that cannot be removed now is removed by the next update.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// Writes a file under a temporary name, syncs it and renames it.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let failed = |cause| BuildError::Write { path: path.to_owned(), cause };
    let parent = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(parent).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    readable_by_all(file.as_file()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// A temporary file is its owner's alone; a database may be shared by all users of a machine.
fn readable_by_all(file: &fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

/// Gives a rating that has only a score its severity.
fn rate_by_score(ratings: &mut [Rating]) {
    for rating in ratings {
        if let (Severity::Unknown, Some(score)) = (rating.severity, rating.score) {
            rating.severity = Severity::from_cvss(score);
        }
    }
}

/// Whether every string of a record fits the tables.
fn fits(record: &Record) -> bool {
    let short = |text: &String| !text.is_empty() && text.len() <= STRING_BYTES_MAX;
    short(&record.id) && record.aliases.iter().chain(&record.advisory).all(short)
}

/// Whether an entry names a package of a space and fits the tables.
fn is_usable(affected: &Affected) -> bool {
    let bounds = affected.ranges.iter().flat_map(|range| {
        let until = match &range.until {
            Bound::Fixed(version) | Bound::LastAffected(version) => Some(version),
            Bound::Open => None,
        };
        range.introduced.iter().chain(until)
    });
    let others =
        affected.versions.iter().chain(&affected.architectures).chain(&affected.module).chain(bounds);
    !affected.space.is_empty()
        && !affected.name.is_empty()
        && affected.name.len() <= STRING_BYTES_MAX
        && others.into_iter().all(|text| text.len() <= STRING_BYTES_MAX)
}

/// A space or source as part of a file name.
fn file_part(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '~' { c } else { '-' };
    text.chars().take(60).map(plain).collect()
}
