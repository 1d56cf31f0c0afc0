//! Fetching feeds and keeping a database up to date.
//!
//! Owns which sources there are, how their files are fetched (conditionally, resuming what broke off, within a
//! size limit) and how a database is replaced: new shards are written beside the old ones and the manifest is
//! renamed. A file that cannot be fetched or read is named, and its last shards stay. Owns no format: those
//! are in [`crate::feed`].

mod download;
mod fetch;
mod layout;
mod mirror;
mod packages;
mod reach;
mod read;
mod sources;

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use seawall_finding::Gap;

pub use fetch::{Address, Body, Directory, Fetch, FetchError, Network, NetworkUse, Request, Response};
pub use mirror::{mirror_database, mirror_feeds};
pub use packages::{AptSuite, AptSuiteError, PackageMirror, update_from_packages};
pub use sources::{Fetched, Part, Reach, SOURCES, Source, Unit};

use crate::database::{BuildError, FetchedFile, MANIFEST, Manifest, ShardInfo, SourceInfo, hex, install};
use crate::feed::{self, ImportError};
use download::Downloaded;
use read::Reading;

/// Settings of [`update`].
#[derive(Debug, Clone, Default)]
pub struct UpdateOptions {
    /// Names of the sources to fetch; empty means every one that is fetched by default.
    pub sources: Vec<String>,
    /// The time of the update, RFC 3339.
    pub now: String,
}

/// Where an update comes from.
#[derive(Debug)]
pub enum Origin {
    /// The publishers of the feeds, or a mirror over HTTP.
    Network(Network),
    /// A mirror or a collection of feeds in a directory.
    Directory(Directory),
}

impl Origin {
    /// The origin that `--from` names: nothing for the publishers, an `http://` or `https://` address, or a directory.
    ///
    /// # Errors
    /// The network would be needed and may not be used.
    pub fn named(from: Option<&str>, usage: NetworkUse, user_agent: &str) -> Result<Origin, FetchError> {
        match from {
            Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
                Network::new(usage, Some(url), user_agent).map(Origin::Network)
            }
            Some(directory) => Ok(Origin::Directory(Directory::new(Path::new(directory)))),
            None => Network::new(usage, None, user_agent).map(Origin::Network),
        }
    }
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct PartReport {
    /// Its name: `kev`, `debian-dsa/DSA`.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The first of the documents, or parts of them, that could not be read.
    pub gaps: Vec<Gap>,
    /// How many there were.
    pub gaps_total: u64,
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was read.
    Replaced {
        /// Records in its shards.
        records: u64,
    },
    /// It did not change since the last update.
    Unchanged,
    /// It could not be had; what it brought before stays.
    Failed {
        /// Why, with all causes.
        reason: String,
    },
}

/// What an update did.
#[derive(Debug, Clone, PartialEq)]
pub struct Updated {
    /// What the database holds now.
    pub manifest: Manifest,
    /// Every file that was asked for.
    pub parts: Vec<PartReport>,
}

/// An update did nothing.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// There is no such source.
    #[error("there is no source `{0}`; `seawall db status` lists them")]
    UnknownSource(String),
    /// Another process updates the same database.
    #[error("another process is updating {}", directory.display())]
    Busy {
        /// The database.
        directory: PathBuf,
    },
    /// The directory cannot be used.
    #[error("cannot use {}", path.display())]
    Directory {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Nothing could be had, and there is no database from before.
    #[error("no source could be reached: {}", reasons.join("; "))]
    NothingFetched {
        /// Why, per file.
        reasons: Vec<String>,
    },
    /// The mirror cannot be read.
    #[error("cannot read the mirror")]
    Fetch(#[from] FetchError),
    /// The mirror holds something else than its manifest says.
    #[error("the mirror is damaged: {0}")]
    Mirror(String),
    /// The database cannot be written.
    #[error("cannot write the database")]
    Build(#[from] BuildError),
    /// A feed cannot be read at all.
    #[error("cannot import")]
    Import(#[from] ImportError),
}

/// Brings the database in a directory up to date. `watch` hears of every file as it is done.
///
/// From a directory or address that holds a database (`seawall db mirror`), only the shards that differ are
/// copied, each checked by its digest. From one that holds feeds, and from the publishers, the feeds that
/// changed are read anew. A directory of unpacked feeds, one folder per source, replaces the whole database.
///
/// # Errors
/// Nothing could be had at all, or the database cannot be written. Single failures are in the parts.
pub fn update(
    directory: &Path,
    options: &UpdateOptions,
    origin: &Origin,
    watch: &mut dyn FnMut(&PartReport),
) -> Result<Updated, UpdateError> {
    let chosen = chosen(options)?;
    let _lock = lock(directory)?;
    let fetch: &dyn Fetch = match origin {
        Origin::Network(network) => network,
        Origin::Directory(from) => from,
    };
    if let Some(manifest) = mirror::pull(directory, fetch)? {
        return Ok(Updated { manifest, parts: Vec::new() });
    }
    if let Origin::Directory(from) = origin
        && layout::present(from.root()).next().is_some()
    {
        return import_locked(directory, from.root(), &options.now, watch);
    }
    update_from_feeds(directory, options, &chosen, fetch, watch)
}

/// Builds a database from a directory of unpacked feeds, one folder per source, in place of what is there.
///
/// # Errors
/// No folder is known, or the database cannot be written.
pub fn import(
    directory: &Path,
    feeds: &Path,
    now: &str,
    watch: &mut dyn FnMut(&PartReport),
) -> Result<Updated, UpdateError> {
    let _lock = lock(directory)?;
    import_locked(directory, feeds, now, watch)
}

fn chosen(options: &UpdateOptions) -> Result<Vec<&'static Source>, UpdateError> {
    if let Some(name) = options.sources.iter().find(|name| Source::named(name).is_none()) {
        return Err(UpdateError::UnknownSource(name.clone()));
    }
    let is_chosen = |source: &&Source| match options.sources.as_slice() {
        [] => source.fetched == Fetched::Always,
        names => names.iter().any(|name| name == source.name),
    };
    Ok(SOURCES.iter().filter(is_chosen).collect())
}

/// One writer at a time; readers need no lock.
fn lock(directory: &Path) -> Result<File, UpdateError> {
    let path = directory.join("update.lock");
    let failed = |cause| UpdateError::Directory { path: path.clone(), cause };
    fs::create_dir_all(directory).map_err(failed)?;
    let file = File::create(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(UpdateError::Busy { directory: directory.to_owned() }),
        Err(TryLockError::Error(cause)) => Err(failed(cause)),
    }
}

/// The manifest of the last update, where there is one that can be read.
fn last(directory: &Path) -> Option<Manifest> {
    serde_json::from_slice(&fs::read(directory.join(MANIFEST)).ok()?).ok()
}

fn update_from_feeds(
    directory: &Path,
    options: &UpdateOptions,
    chosen: &[&'static Source],
    fetch: &dyn Fetch,
    watch: &mut dyn FnMut(&PartReport),
) -> Result<Updated, UpdateError> {
    let last = last(directory);
    let mut shards: Vec<ShardInfo> = last.as_ref().map(|last| last.shards.clone()).unwrap_or_default();
    let mut fetched: Vec<FetchedFile> = last.as_ref().map(|last| last.fetched.clone()).unwrap_or_default();
    let mut parts = Vec::new();
    for source in chosen {
        for unit in source.units(&options.now) {
            let known = fetched.iter().find(|file| file.name == unit.name).cloned();
            let (report, change) = update_unit(directory, options, source, &unit, known, fetch)?;
            if let Some((new_shards, file)) = change {
                shards.retain(|shard| shard.source.via != unit.name);
                shards.extend(new_shards);
                fetched.retain(|known| known.name != unit.name);
                fetched.push(file);
            }
            watch(&report);
            parts.push(report);
        }
    }
    let is_failed = |part: &PartReport| matches!(part.outcome, Outcome::Failed { .. });
    if last.is_none() && parts.iter().all(is_failed) {
        return Err(UpdateError::NothingFetched { reasons: reasons(&parts) });
    }
    let manifest = Manifest::new(shards, fetched, Some(options.now.clone()));
    install(directory, &manifest, None)?;
    Ok(Updated { manifest, parts })
}

/// The first reasons of failure, each once.
fn reasons(parts: &[PartReport]) -> Vec<String> {
    let failed = |part: &PartReport| match &part.outcome {
        Outcome::Failed { reason } => Some(format!("{}: {reason}", part.name)),
        Outcome::Replaced { .. } | Outcome::Unchanged => None,
    };
    parts.iter().filter_map(failed).take(3).collect()
}

type Change = (Vec<ShardInfo>, FetchedFile);

/// Fetches and reads one file. Only what concerns the database directory itself is an error.
fn update_unit(
    directory: &Path,
    options: &UpdateOptions,
    source: &Source,
    unit: &Unit,
    known: Option<FetchedFile>,
    fetch: &dyn Fetch,
) -> Result<(PartReport, Option<Change>), UpdateError> {
    let failed = |reason: String| {
        let outcome = Outcome::Failed { reason };
        (PartReport { name: unit.name.clone(), outcome, gaps: Vec::new(), gaps_total: 0 }, None)
    };
    let Some(feed) = feed::feed(source.feed) else {
        return Ok(failed(format!("this version does not read the format `{}`", source.feed)));
    };
    let unit = &match reach::resolved(unit, fetch) {
        Ok(unit) => unit,
        Err(error) => return Ok(failed(chain(&error))),
    };
    let downloaded = match download::download(directory, unit, known.as_ref(), fetch) {
        Ok(downloaded) => downloaded,
        Err(error) => return Ok(failed(chain(&error))),
    };
    let file = match downloaded {
        Downloaded::Unchanged => {
            let outcome = Outcome::Unchanged;
            return Ok((
                PartReport { name: unit.name.clone(), outcome, gaps: Vec::new(), gaps_total: 0 },
                None,
            ));
        }
        Downloaded::Absent => return Ok(failed(format!("{} does not exist", unit.url))),
        Downloaded::File(file) => file,
    };
    let about = SourceInfo {
        name: source.name.to_owned(),
        title: source.title.to_owned(),
        standing: source.standing,
        url: Some(unit.url.clone()),
        licence: Some(source.licence.to_owned()),
        as_of: None,
        via: unit.name.clone(),
    };
    let mut reading = match Reading::of(feed, &file.path, unit.space.as_deref(), &about, &options.now) {
        Ok(reading) => reading,
        Err(error) => return Ok(failed(chain(&error))),
    };
    reading.close(&about, Some(&options.now));
    download::forget(directory, unit);
    if reading.records == 0 {
        let (mut report, change) = failed("it holds no record that can be read".to_owned());
        report.gaps = reading.gaps;
        report.gaps_total = reading.gaps_total;
        return Ok((report, change));
    }
    let fetched = FetchedFile {
        name: unit.name.clone(),
        url: Some(unit.url.clone()),
        etag: file.etag,
        last_modified: file.last_modified,
        sha256: Some(hex(&file.sha256)),
        fetched_at: options.now.clone(),
        gaps: reading.gaps_total,
    };
    let report = PartReport {
        name: unit.name.clone(),
        outcome: Outcome::Replaced { records: reading.records },
        gaps: reading.gaps,
        gaps_total: reading.gaps_total,
    };
    Ok((report, Some((reading.builder.write_shards(directory)?, fetched))))
}

/// An error with all its causes on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn import_locked(
    directory: &Path,
    feeds: &Path,
    now: &str,
    watch: &mut dyn FnMut(&PartReport),
) -> Result<Updated, UpdateError> {
    let folders: Vec<&layout::Folder> = layout::present(feeds).collect();
    if folders.is_empty() {
        let known: BTreeSet<&str> = layout::FOLDERS.iter().map(|folder| folder.path).collect();
        let reason =
            format!("none of {} is in {}", known.into_iter().collect::<Vec<_>>().join(", "), feeds.display());
        return Err(UpdateError::NothingFetched { reasons: vec![reason] });
    }
    // Folders are read side by side; what they bring is joined in the order of the list.
    let next = std::sync::atomic::AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(folders.len());
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let Some(folder) = folders.get(at) else { return done };
            done.push((at, import_folder(directory, feeds, folder, now)));
        }
    };
    let mut results: Vec<_> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        handles.into_iter().flat_map(|handle| handle.join().unwrap_or_default()).collect()
    });
    results.sort_by_key(|(at, _)| *at);
    let (mut shards, mut fetched, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    for (_, result) in results {
        let (report, change) = result?;
        if let Some((new_shards, file)) = change {
            shards.extend(new_shards);
            fetched.push(file);
        }
        watch(&report);
        parts.push(report);
    }
    if shards.is_empty() {
        return Err(UpdateError::NothingFetched { reasons: reasons(&parts) });
    }
    let manifest = Manifest::new(shards, fetched, Some(now.to_owned()));
    install(directory, &manifest, None)?;
    Ok(Updated { manifest, parts })
}

fn import_folder(
    directory: &Path,
    feeds: &Path,
    folder: &layout::Folder,
    now: &str,
) -> Result<(PartReport, Option<Change>), UpdateError> {
    let name = folder.source.to_owned();
    let failed = |reason: String| PartReport {
        name: name.clone(),
        outcome: Outcome::Failed { reason },
        gaps: Vec::new(),
        gaps_total: 0,
    };
    let Some(feed) = feed::feed(folder.feed) else {
        return Ok((failed(format!("this version does not read the format `{}`", folder.feed)), None));
    };
    let about = SourceInfo {
        title: folder.title.to_owned(),
        standing: folder.standing,
        via: name.clone(),
        ..SourceInfo::named(folder.source)
    };
    let mut reading = match Reading::of(feed, &feeds.join(folder.path), folder.space, &about, now) {
        Ok(reading) => reading,
        Err(error) => return Ok((failed(chain(&error)), None)),
    };
    reading.close(&about, None);
    let (gaps, gaps_total, records) = (reading.gaps, reading.gaps_total, reading.records);
    let fetched = FetchedFile {
        name: name.clone(),
        fetched_at: now.to_owned(),
        gaps: gaps_total,
        ..FetchedFile::default()
    };
    let shards = reading.builder.write_shards(directory)?;
    let report = PartReport { name, outcome: Outcome::Replaced { records }, gaps, gaps_total };
    Ok((report, Some((shards, fetched))))
}
