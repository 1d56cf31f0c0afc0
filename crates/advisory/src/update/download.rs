//! One file onto the disk: conditionally, within a limit, going on where a broken download stopped.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::fetch::{Address, Body, Fetch, FetchError, Request, Response};
use super::sources::Unit;
use crate::database::FetchedFile;
use crate::limits::FEED_BYTES_MAX;

/// What became of a download.
pub(super) enum Downloaded {
    /// What is here is still right.
    Unchanged,
    /// It is not there.
    Absent,
    /// It is in a file.
    File(Download),
}

/// A downloaded file.
pub(super) struct Download {
    pub(super) path: PathBuf,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    pub(super) sha256: Vec<u8>,
}

/// A file could not be downloaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum DownloadError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the download broke off")]
    Broken(#[source] io::Error),
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("it is bigger than {FEED_BYTES_MAX} bytes")]
    TooBig,
}

/// Downloads a file, unless it is the one that was read last.
pub(super) fn download(
    directory: &Path,
    unit: &Unit,
    known: Option<&FetchedFile>,
    fetch: &dyn Fetch,
) -> Result<Downloaded, DownloadError> {
    let path = partial(directory, unit);
    let tag_path = tag(&path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)
            .map_err(|cause| DownloadError::Write { path: parent.to_owned(), cause })?;
    }
    let partial_etag = fs::read_to_string(&tag_path).ok();
    let from_byte = match &partial_etag {
        Some(_) => fs::metadata(&path).map(|about| about.len()).unwrap_or_default(),
        None => 0,
    };
    let known = known.filter(|known| known.url.as_deref() == Some(unit.url.as_str()));
    let request = Request {
        address: Address::Published(&unit.url),
        etag: known.and_then(|known| known.etag.as_deref()),
        last_modified: known.and_then(|known| known.last_modified.as_deref()),
        from_byte,
        partial_etag: partial_etag.as_deref(),
    };
    let body = match fetch.fetch(&request)? {
        Response::NotModified => return Ok(Downloaded::Unchanged),
        Response::Absent => return Ok(Downloaded::Absent),
        Response::Body(body) => body,
    };
    let Body { reader, first_byte, etag, last_modified } = body;
    let sha256 = store(&path, &tag_path, first_byte, etag.as_deref(), reader)?;
    Ok(Downloaded::File(Download { path, etag, last_modified, sha256 }))
}

/// Removes what was downloaded: it is in the database now.
pub(super) fn forget(directory: &Path, unit: &Unit) {
    let path = partial(directory, unit);
    // Left-overs are overwritten by the next download.
    let _ = fs::remove_file(tag(&path));
    let _ = fs::remove_file(path);
}

fn partial(directory: &Path, unit: &Unit) -> PathBuf {
    // The end of the address stays, because importers tell some documents by their names.
    let end = unit.url.rsplit('/').next().unwrap_or_default();
    directory.join("partial").join(unit.name.replace('/', "~")).join(end)
}

fn tag(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".etag");
    PathBuf::from(name)
}

/// Writes a body behind what is already there; returns the digest of the whole file.
fn store(
    path: &Path,
    tag_path: &Path,
    first_byte: u64,
    etag: Option<&str>,
    reader: Box<dyn Read>,
) -> Result<Vec<u8>, DownloadError> {
    let failed = |cause| DownloadError::Write { path: path.to_owned(), cause };
    let mut hash = Sha256::new();
    let mut file = if first_byte > 0 {
        let mut before = File::open(path).map_err(failed)?.take(first_byte);
        io::copy(&mut before, &mut Hashing(&mut hash)).map_err(failed)?;
        let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
        file.set_len(first_byte).map_err(failed)?;
        OpenOptions::new().append(true).open(path).map_err(failed)?
    } else {
        File::create(path).map_err(failed)?
    };
    match etag {
        Some(etag) => fs::write(tag_path, etag).map_err(failed)?,
        // Without a tag a broken download cannot be told from another version.
        None => drop(fs::remove_file(tag_path)),
    }
    let mut reader = reader.take(FEED_BYTES_MAX - first_byte.min(FEED_BYTES_MAX) + 1);
    let mut buffer = vec![0; 1 << 16];
    let mut length = first_byte;
    loop {
        let read = reader.read(&mut buffer).map_err(DownloadError::Broken)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        hash.update(bytes);
        file.write_all(bytes).map_err(failed)?;
        length += read as u64;
    }
    if length > FEED_BYTES_MAX {
        return Err(DownloadError::TooBig);
    }
    Ok(hash.finalize().to_vec())
}

struct Hashing<'h>(&'h mut Sha256);

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
