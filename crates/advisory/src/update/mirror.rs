//! Mirrors: what an air-gapped site needs, and reading it there.
//!
//! A mirror is a copy of a database (manifest, shards, signature) or of the feeds (`host/path` of their addresses).

use std::fs;
use std::io::Read;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::fetch::{Address, Body, Fetch, Request, Response, mirror_path};
use super::reach;
use super::sources::Unit;
use super::{Outcome, PartReport, UpdateError, UpdateOptions, chain, chosen};
use crate::database::{
    BuildError, Database, MANIFEST, Manifest, SCHEMA, SHARDS, SIGNATURE, ShardInfo, hex, install, is_plain,
    write_file,
};
use crate::limits::{FEED_BYTES_MAX, MANIFEST_BYTES_MAX, SHARD_BYTES_MAX};

/// Copies a database into a directory, from which `seawall db update --from` reads it. Shards that are already
/// there are left; those of an older state are removed as by an update.
///
/// # Errors
/// A shard cannot be read or the directory cannot be written.
pub fn mirror_database(database: &Database, directory: &Path) -> Result<Manifest, UpdateError> {
    let from = super::Directory::new(database.directory());
    match pull(directory, &from)? {
        Some(manifest) => Ok(manifest),
        None => Err(UpdateError::Mirror(format!("{} has gone", database.directory().display()))),
    }
}

/// Copies the feeds themselves into a directory, for sites that build their own database from them.
///
/// # Errors
/// A source is not known or the directory cannot be written. Files that cannot be fetched are in the reports.
pub fn mirror_feeds(
    directory: &Path,
    options: &UpdateOptions,
    fetch: &dyn Fetch,
    watch: &mut dyn FnMut(&PartReport),
) -> Result<Vec<PartReport>, UpdateError> {
    let mut parts = Vec::new();
    for source in chosen(options)? {
        for unit in source.units(&options.now) {
            let outcome = match copy_unit(directory, &unit, fetch) {
                Ok(bytes) => Outcome::Replaced { records: bytes },
                Err(UpdateError::Fetch(error)) => Outcome::Failed { reason: chain(&error) },
                Err(UpdateError::Mirror(reason)) => Outcome::Failed { reason },
                Err(error) => return Err(error),
            };
            let report = PartReport { name: unit.name, outcome, gaps: Vec::new(), gaps_total: 0 };
            watch(&report);
            parts.push(report);
        }
    }
    Ok(parts)
}

/// Copies a feed and what leads to it.
fn copy_unit(directory: &Path, unit: &Unit, fetch: &dyn Fetch) -> Result<u64, UpdateError> {
    let (resolved, on_the_way) = reach::trace(unit, fetch)?;
    for (url, bytes) in on_the_way {
        let path = directory.join(mirror_path(&url)?);
        let failed = |cause| UpdateError::Directory { path: path.clone(), cause };
        fs::create_dir_all(path.parent().unwrap_or(directory)).map_err(failed)?;
        write_file(&path, &bytes)?;
    }
    copy_feed(directory, &resolved.url, fetch)
}

fn copy_feed(directory: &Path, url: &str, fetch: &dyn Fetch) -> Result<u64, UpdateError> {
    let path = directory.join(mirror_path(url)?);
    let failed = |cause| UpdateError::Directory { path: path.clone(), cause };
    let parent = path.parent().unwrap_or(directory);
    let body = match fetch.fetch(&plain(Address::Published(url)))? {
        Response::Body(body) => body,
        Response::Absent | Response::NotModified => {
            return Err(UpdateError::Mirror(format!("{url} does not exist")));
        }
    };
    fs::create_dir_all(parent).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(parent).map_err(failed)?;
    let bytes = std::io::copy(&mut body.reader.take(FEED_BYTES_MAX), file.as_file_mut()).map_err(failed)?;
    if bytes == FEED_BYTES_MAX {
        return Err(UpdateError::Mirror(format!("{url} is bigger than {FEED_BYTES_MAX} bytes")));
    }
    file.persist(&path).map_err(|error| failed(error.error))?;
    Ok(bytes)
}

pub(super) fn plain(address: Address<'_>) -> Request<'_> {
    Request { address, etag: None, last_modified: None, from_byte: 0, partial_etag: None }
}

/// Takes over a mirrored database; `None` where the origin has none.
pub(super) fn pull(directory: &Path, fetch: &dyn Fetch) -> Result<Option<Manifest>, UpdateError> {
    let Some(bytes) = small(fetch, MANIFEST, MANIFEST_BYTES_MAX)? else { return Ok(None) };
    let manifest: Manifest = serde_json::from_slice(&bytes)
        .map_err(|error| UpdateError::Mirror(format!("{MANIFEST} is not a manifest: {error}")))?;
    if manifest.schema != SCHEMA {
        let reason = format!("its schema is {}, this version reads {SCHEMA}", manifest.schema);
        return Err(UpdateError::Mirror(reason));
    }
    let stated = Manifest::new(manifest.shards.clone(), Vec::new(), None).digest;
    if stated != manifest.digest {
        return Err(UpdateError::Mirror("its digest is not that of its shards".to_owned()));
    }
    let shards = directory.join(SHARDS);
    fs::create_dir_all(&shards).map_err(|cause| BuildError::Write { path: shards.clone(), cause })?;
    for shard in &manifest.shards {
        pull_shard(&shards, shard, fetch)?;
    }
    install(directory, &manifest, Some(&bytes))?;
    if let Some(signature) = small(fetch, SIGNATURE, MANIFEST_BYTES_MAX)? {
        write_file(&directory.join(SIGNATURE), &signature)?;
    }
    Ok(Some(manifest))
}

fn pull_shard(shards: &Path, info: &ShardInfo, fetch: &dyn Fetch) -> Result<(), UpdateError> {
    if !is_plain(&info.file) || info.size > SHARD_BYTES_MAX as u64 {
        return Err(UpdateError::Mirror(format!("`{}` is not the name of a shard", info.file)));
    }
    let path = shards.join(&info.file);
    let is_right = |bytes: &[u8]| hex(&Sha256::digest(bytes)) == info.sha256;
    let is_here = fs::metadata(&path).is_ok_and(|about| about.len() == info.size);
    if is_here && fs::read(&path).is_ok_and(|bytes| is_right(&bytes)) {
        return Ok(());
    }
    let bytes = small(fetch, &format!("{SHARDS}/{}", info.file), info.size)?
        .ok_or_else(|| UpdateError::Mirror(format!("{} is missing", info.file)))?;
    if !is_right(&bytes) {
        return Err(UpdateError::Mirror(format!("{} is not what the manifest says", info.file)));
    }
    write_file(&path, &bytes)?;
    Ok(())
}

/// A file of the mirror, in memory.
fn small(fetch: &dyn Fetch, path: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, UpdateError> {
    let Body { reader, .. } = match fetch.fetch(&plain(Address::Mirrored(path)))? {
        Response::Body(body) => body,
        Response::Absent | Response::NotModified => return Ok(None),
    };
    let mut bytes = Vec::new();
    let failed = |cause| UpdateError::Mirror(format!("{path} broke off: {cause}"));
    reader.take(bytes_max + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > bytes_max {
        return Err(UpdateError::Mirror(format!("{path} is bigger than {bytes_max} bytes")));
    }
    Ok(Some(bytes))
}
