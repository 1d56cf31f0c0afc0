//! What a file, a directory or standard input of this machine is, told by what it contains and never by its name.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use seawall_inventory::{Digest, Image, Layer};
use sha2::{Digest as _, Sha256};

use super::archive::{self, ArchiveError, Tarred};
use super::layout::{self, LayoutError};
use super::spool::{Spooled, unpack};
use crate::compression::{Compression, Meter, decompress_file};
use crate::limits::Limits;
use crate::manifest::PlatformChoice;
use crate::tar::{BLOCK, begins_tar};
use crate::{BlobError, Blobs, OpenImage};

/// Enough to tell a tar, and to get past blank lines and comments in front of a document.
const HEAD_BYTES: usize = 4096;

/// How to open what is there.
#[derive(Debug, Clone, Default)]
pub struct LocalOptions {
    /// Which platforms of an image.
    pub choice: PlatformChoice,
    /// Where archives are unpacked that cannot be read as they are; `None` is the system's place.
    pub temporary: Option<PathBuf>,
    /// What it may take.
    pub limits: Limits,
}

/// What is there, opened.
pub enum Local {
    /// Images with their layers: of a layout, of an archive, or one made up for the tar of a root file system, which
    /// then is the only layer and says nothing of its platform.
    Images(Vec<OpenImage>),
    /// A directory to be walked ([`walk_directory`](super::directory::walk_directory)).
    Directory(PathBuf),
    /// The text of a software bill of materials, as far as its first characters tell.
    Sbom(Vec<u8>),
}

/// Why a local target cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// It cannot be read.
    #[error("cannot read {target}")]
    Unreadable {
        /// As named by the user.
        target: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// It is none of the kinds that can be scanned.
    #[error(
        "{target} is no image archive, OCI layout, directory, archive of a root file system or software bill of \
         materials"
    )]
    Unknown {
        /// As named by the user.
        target: String,
    },
    /// It is a document, which has no images to choose from.
    #[error("{target} has no images, so there is no `{reference}` in it")]
    NoImages {
        /// As named by the user.
        target: String,
        /// Asked for.
        reference: String,
    },
    /// Its archive cannot be used.
    #[error("cannot open {target}")]
    Archive {
        /// As named by the user.
        target: String,
        /// Why.
        #[source]
        source: Box<ArchiveError>,
    },
    /// Its layout cannot be used.
    #[error("cannot open {target}")]
    Layout {
        /// As named by the user.
        target: String,
        /// Why.
        #[source]
        source: Box<LayoutError>,
    },
}

/// The existing path that a target's text begins with, and the reference behind it: `PATH`, `PATH:NAME` or
/// `PATH@DIGEST`. `None` where there is no such path.
pub fn split(text: &str) -> Option<(PathBuf, Option<&str>)> {
    if text.is_empty() {
        return None;
    }
    if Path::new(text).exists() {
        return Some((PathBuf::from(text), None));
    }
    // The longest path that exists: a name may have colons too.
    text.char_indices().rev().filter(|(_, c)| matches!(c, ':' | '@')).find_map(|(at, separator)| {
        let (path, reference) = (text.get(..at)?, text.get(at..)?);
        let reference = if separator == ':' { reference.get(1..)? } else { reference };
        let is_there = !path.is_empty() && Path::new(path).exists();
        is_there.then(|| (PathBuf::from(path), Some(reference).filter(|text| !matches!(*text, "" | "@"))))
    })
}

/// Opens what is at `path`; `reference` (a name, a tag or `@` and a digest) chooses one of several images.
///
/// # Errors
/// It cannot be read, is nothing that can be scanned, or has no such image or several.
pub fn open(path: &Path, reference: Option<&str>, options: &LocalOptions) -> Result<Local, LocalError> {
    let target = path.display().to_string();
    let unreadable = |source| LocalError::Unreadable { target: target.clone(), source };
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return directory(path, reference, options);
    }
    if metadata.file_type().is_char_device() || metadata.file_type().is_block_device() {
        // `/dev/zero` has no end, and nobody keeps an image in a disk.
        return Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, "it is a device")));
    }
    let file = File::open(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return open_stream(file, &target, reference, options);
    }
    let spooled = Spooled::new(file.try_clone().map_err(unreadable)?);
    let content = Content::open(spooled.reader(), &target, &options.limits)?;
    // What can be read at any place need not be copied.
    if content.compression == Compression::Plain && begins_tar(&content.head) {
        return tar(file, &target, reference, options);
    }
    content.kind(&target, reference, options)
}

/// Opens what comes out of a stream, which `target` names for people.
///
/// # Errors
/// As of [`open`].
pub fn open_stream(
    stream: impl Read + Send,
    target: &str,
    reference: Option<&str>,
    options: &LocalOptions,
) -> Result<Local, LocalError> {
    Content::open(stream, target, &options.limits)?.kind(target, reference, options)
}

fn directory(path: &Path, reference: Option<&str>, options: &LocalOptions) -> Result<Local, LocalError> {
    let target = || path.display().to_string();
    let has = |name: &str| path.join(name).symlink_metadata().is_ok();
    if has(layout::MARKER) && has(layout::INDEX) {
        return layout::open(path, reference, &options.choice, &options.limits)
            .map(Local::Images)
            .map_err(|source| LocalError::Layout { target: target(), source: Box::new(source) });
    }
    match reference {
        Some(reference) => Err(LocalError::NoImages { target: target(), reference: reference.to_owned() }),
        None => Ok(Local::Directory(path.to_owned())),
    }
}

/// A stream whose beginning has been looked at.
struct Content<'r> {
    head: Vec<u8>,
    /// What follows the head.
    rest: Box<dyn Read + Send + 'r>,
    meter: Meter,
    compression: Compression,
}

impl<'r> Content<'r> {
    fn open(stored: impl Read + Send + 'r, target: &str, limits: &Limits) -> Result<Content<'r>, LocalError> {
        let unreadable = |source| LocalError::Unreadable { target: target.to_owned(), source };
        let (mut rest, meter, compression) = decompress_file(stored, limits).map_err(unreadable)?;
        let mut head = Vec::new();
        (&mut rest).take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(unreadable)?;
        Ok(Content { head, rest, meter, compression })
    }

    fn kind(
        self,
        target: &str,
        reference: Option<&str>,
        options: &LocalOptions,
    ) -> Result<Local, LocalError> {
        let limits = &options.limits;
        let unreadable = |source| LocalError::Unreadable { target: target.to_owned(), source };
        // A tar without members is one too, and told as such.
        let is_empty_tar = self.head.len() >= BLOCK && self.head.iter().all(|&byte| byte == 0);
        if begins_tar(&self.head) || is_empty_tar {
            let plain = io::Cursor::new(self.head).chain(self.rest);
            let file =
                unpack(plain, &self.meter, options.temporary.as_deref(), limits).map_err(unreadable)?;
            return tar(file, target, reference, options);
        }
        if !is_document(&self.head) {
            return Err(LocalError::Unknown { target: target.to_owned() });
        }
        if let Some(reference) = reference {
            let (target, reference) = (target.to_owned(), reference.to_owned());
            return Err(LocalError::NoImages { target, reference });
        }
        let mut bytes = self.head;
        let left = limits.sbom_bytes_max.saturating_sub(bytes.len() as u64).saturating_add(1);
        self.rest.take(left).read_to_end(&mut bytes).map_err(unreadable)?;
        match bytes.len() as u64 > limits.sbom_bytes_max {
            true => {
                let reason = format!("it is larger than {} bytes", limits.sbom_bytes_max);
                Err(unreadable(io::Error::new(io::ErrorKind::FileTooLarge, reason)))
            }
            false => Ok(Local::Sbom(bytes)),
        }
    }
}

/// Whether it begins as JSON, XML or an SPDX document of tags does.
fn is_document(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    match head {
        [b'{' | b'<', ..] => true,
        _ => {
            let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
            lines
                .find(|line| !line.is_empty() && !line.starts_with(b"#"))
                .is_some_and(|line| line.starts_with(b"SPDXVersion:"))
        }
    }
}

fn tar(
    file: File,
    target: &str,
    reference: Option<&str>,
    options: &LocalOptions,
) -> Result<Local, LocalError> {
    let opened = archive::open(file, reference, &options.choice, &options.limits)
        .map_err(|source| LocalError::Archive { target: target.to_owned(), source: Box::new(source) })?;
    let files = match (opened, reference) {
        (Tarred::Images(images), _) => return Ok(Local::Images(images)),
        (Tarred::Files(_), Some(reference)) => {
            let (target, reference) = (target.to_owned(), reference.to_owned());
            return Err(LocalError::NoImages { target, reference });
        }
        (Tarred::Files(files), None) => files,
    };
    let image =
        of_one_layer(files).map_err(|source| LocalError::Unreadable { target: target.to_owned(), source })?;
    Ok(Local::Images(vec![image]))
}

/// The image whose only layer is this tar: what `docker export` writes, and what distributions publish as root file
/// systems.
fn of_one_layer(tar: Spooled) -> io::Result<OpenImage> {
    let mut hasher = Sha256::new();
    let mut reader = tar.reader();
    let mut buffer = vec![0; 256 * 1024];
    let mut size_bytes = 0;
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(buffer.get(..count).unwrap_or_default());
        size_bytes += count as u64;
    }
    let layer = Layer {
        diff_id: Digest::sha256(hasher.finalize().into()),
        digest: None,
        media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
        size_bytes,
        instruction: None,
    };
    let image = Image { layers: vec![layer], ..Image::default() };
    Ok(OpenImage { image, blobs: Box::new(OneLayer(tar)) })
}

struct OneLayer(Spooled);

impl Blobs for OneLayer {
    fn open(&self, _: &Layer) -> Result<Box<dyn Read + Send>, BlobError> {
        Ok(Box::new(self.0.reader()))
    }
}

#[cfg(test)]
pub(crate) mod tests;
