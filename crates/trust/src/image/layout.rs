//! The files of an OCI layout in a directory that somebody else may have made, or may write to now: no link is followed
//! at a file's place, nothing is written where its name can be known beforehand, and what lies under a digest is believed
//! once it has that digest.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ring::digest::{Context, SHA256, SHA512};
use rustix::fs::OFlags;
use seawall_image::manifest::digest_of;
use seawall_inventory::{Algorithm, Digest};

use super::ImageError;
use crate::beside::Beside;

/// An OCI layout that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {path}")]
pub struct LayoutError {
    what: &'static str,
    path: String,
    #[source]
    source: io::Error,
}

impl LayoutError {
    pub(super) fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

pub(super) fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ImageError {
    let path = path.display().to_string();
    move |source| ImageError::Layout(LayoutError { what, path, source })
}

fn refused(path: &Path, reason: impl Into<String>) -> ImageError {
    ImageError::Document { what: path.display().to_string(), reason: reason.into() }
}

/// Opens a regular file, and its size in bytes. What a layout names by digest cannot lead elsewhere: the path is made of
/// hexadecimal digits, and the last component may be no link.
fn open(path: &Path) -> Result<(File, u64), ImageError> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = opened.map_err(|error| match fs::symlink_metadata(path) {
        Ok(about) if about.is_symlink() => refused(path, "it is no regular file"),
        Ok(_) | Err(_) => failed("read", path)(error),
    })?;
    let about = file.metadata().map_err(failed("read", path))?;
    match about.is_file() {
        true => Ok((file, about.len())),
        false => Err(refused(path, "it is no regular file")),
    }
}

/// A file of the layout.
pub(super) fn read_file(path: &Path, bytes_max: u64) -> Result<Vec<u8>, ImageError> {
    let (file, _) = open(path)?;
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(failed("read", path))?;
    match bytes.len() as u64 > bytes_max {
        true => Err(refused(path, format!("it is larger than {bytes_max} bytes"))),
        false => Ok(bytes),
    }
}

/// Writes a file as a whole, so that nobody reads a half.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), ImageError> {
    let mut beside = Beside::create(path, 0o644).map_err(failed("write", path))?;
    beside.file.write_all(bytes).map_err(failed("write", path))?;
    beside.rename().map_err(failed("write", path))
}

/// Where a digest's blob lies.
fn blob_path(layout: &Path, digest: &Digest) -> PathBuf {
    layout.join("blobs").join(digest.algorithm().name()).join(digest.hex())
}

/// A blob that has its digest.
pub(super) fn read_blob(layout: &Path, digest: &Digest, bytes_max: u64) -> Result<Vec<u8>, ImageError> {
    let path = blob_path(layout, digest);
    let bytes = read_file(&path, bytes_max)?;
    match digest_of(digest.algorithm(), &bytes) == *digest {
        true => Ok(bytes),
        false => Err(refused(&path, "it has another digest than its name")),
    }
}

/// A blob of this size as a stream whose digest nobody has compared yet.
pub(super) fn open_blob(layout: &Path, digest: &Digest, size: u64) -> Result<File, ImageError> {
    let path = blob_path(layout, digest);
    match open(&path)? {
        (file, length) if length == size => Ok(file),
        _ => Err(refused(&path, "it has another size than its manifest says")),
    }
}

/// Whether a blob is there with this size and its digest. What cannot be read so is not there, and is written anew.
pub(super) fn has_blob(layout: &Path, digest: &Digest, size: u64) -> bool {
    let Ok(file) = open_blob(layout, digest, size) else { return false };
    let mut hashing = Hashing::new(digest.algorithm(), io::sink());
    io::copy(&mut file.take(size), &mut hashing).is_ok() && hashing.digest() == digest.hex()
}

/// Writes the blob of a digest that its bytes are known to have, unless it is there.
pub(super) fn write_blob(layout: &Path, digest: &Digest, bytes: &[u8]) -> Result<(), ImageError> {
    match has_blob(layout, digest, bytes.len() as u64) {
        true => Ok(()),
        false => replace(&blob_path(layout, digest), bytes),
    }
}

/// Writes a blob from a stream, if it has this digest.
pub(super) fn write_stream(
    layout: &Path,
    digest: &Digest,
    size: u64,
    from: Box<dyn io::Read + Send>,
) -> Result<(), ImageError> {
    let path = blob_path(layout, digest);
    let mut beside = Beside::create(&path, 0o644).map_err(failed("write", &path))?;
    let mut hashing = Hashing::new(digest.algorithm(), &mut beside.file);
    io::copy(&mut from.take(size.saturating_add(1)), &mut hashing).map_err(failed("write", &path))?;
    if hashing.digest() != digest.hex() {
        let reason = "what came has another digest".to_owned();
        return Err(ImageError::Document { what: format!("the blob {digest}"), reason });
    }
    beside.rename().map_err(failed("write", &path))
}

/// What is hashed while it is written.
struct Hashing<W> {
    to: W,
    hash: Context,
}

impl<W: Write> Hashing<W> {
    fn new(algorithm: Algorithm, to: W) -> Hashing<W> {
        let hash = match algorithm {
            Algorithm::Sha256 => Context::new(&SHA256),
            Algorithm::Sha512 => Context::new(&SHA512),
        };
        Hashing { to, hash }
    }

    fn digest(self) -> String {
        crate::hex(self.hash.finish().as_ref())
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A layout, and a file outside it that a link may be laid to.
    fn site() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let (layout, victim) = (directory.path().join("layout"), directory.path().join("victim"));
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            fs::create_dir_all(layout.join("blobs").join(algorithm.name())).unwrap();
        }
        fs::write(&victim, "the victim's").unwrap();
        (directory, layout, victim)
    }

    fn names(directory: &Path) -> Vec<String> {
        let names = fs::read_dir(directory).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn no_link_is_followed() {
        let (_directory, layout, victim) = site();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let digest = digest_of(algorithm, b"a blob");
            let path = blob_path(&layout, &digest);
            let lay = || {
                let _ = fs::remove_file(&path);
                let _ = fs::remove_file(path.with_extension("new"));
                symlink(&victim, &path).unwrap();
                symlink(&victim, path.with_extension("new")).unwrap();
            };
            let check = |write: &dyn Fn() -> Result<(), ImageError>| {
                lay();
                assert!(read_file(&path, 100).unwrap_err().to_string().contains("no regular file"));
                write().unwrap();
                assert_eq!(fs::read(&victim).unwrap(), b"the victim's");
                assert!(fs::symlink_metadata(&path).unwrap().is_file());
                assert_eq!(read_blob(&layout, &digest, 100).unwrap(), b"a blob");
                assert_eq!(names(path.parent().unwrap()).len(), 2);
            };
            check(&|| replace(&path, b"a blob"));
            check(&|| write_blob(&layout, &digest, b"a blob"));
            check(&|| write_stream(&layout, &digest, 6, Box::new(&b"a blob"[..])));
            // Not even to a file that has the digest: whoever owns that can change it.
            fs::write(&victim, "a blob").unwrap();
            lay();
            assert!(!has_blob(&layout, &digest, 6));
            fs::write(&victim, "the victim's").unwrap();
        }
    }

    #[test]
    fn a_blob_that_is_there_counts_by_its_digest() {
        let (_directory, layout, _) = site();
        let digest = digest_of(Algorithm::Sha256, b"a blob");
        let path = blob_path(&layout, &digest);
        for (there, size, expected) in [
            (&b"a blob"[..], 6, true),
            (b"a blob", 5, false),
            (b"a blob", 7, false),
            (b"a glob", 6, false),
            (b"a blob and more", 6, false),
            (b"", 6, false),
        ] {
            fs::write(&path, there).unwrap();
            assert_eq!(has_blob(&layout, &digest, size), expected, "{there:?} {size}");
            write_blob(&layout, &digest, b"a blob").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"a blob");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(!has_blob(&layout, &digest, 6));
    }

    #[test]
    fn what_fails_leaves_nothing() {
        let (_directory, layout, _) = site();
        let digest = digest_of(Algorithm::Sha256, b"a blob");
        for came in [&b"a glob"[..], b"a blo", b"a blob and more"] {
            let error = write_stream(&layout, &digest, 6, Box::new(came)).unwrap_err();
            assert!(error.to_string().contains("another digest"), "{error}");
        }
        assert!(names(blob_path(&layout, &digest).parent().unwrap()).is_empty());
    }
}
