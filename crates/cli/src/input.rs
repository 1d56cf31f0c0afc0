//! Files that the user names: regular ones, up to a limit. A pipe would be waited for, a device give bytes, for ever.

use std::fs::File;
use std::io::{self, Error, ErrorKind, Read as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

/// What a symbolic link in the place of the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// The user's word: its target is meant.
    Follow,
    /// Somebody else's: it may point anywhere.
    Refuse,
}

/// The bytes of a file that the user named.
pub(crate) fn bytes_of(path: &Path, bytes_max: u64) -> Result<Vec<u8>> {
    read(path, bytes_max, Links::Follow).with_context(|| format!("cannot read {}", path.display()))
}

/// The text of a file that the user named.
pub(crate) fn text_of(path: &Path, bytes_max: u64) -> Result<String> {
    String::from_utf8(bytes_of(path, bytes_max)?).with_context(|| format!("{} is not UTF-8", path.display()))
}

/// The bytes of a file. More than `bytes_max` are [`ErrorKind::FileTooLarge`], what is no regular file is
/// [`ErrorKind::Unsupported`].
pub(crate) fn read(path: &Path, bytes_max: u64, links: Links) -> io::Result<Vec<u8>> {
    let follow = match links {
        Links::Follow => OFlags::empty(),
        Links::Refuse => OFlags::NOFOLLOW,
    };
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK | follow;
    let irregular = || Error::new(ErrorKind::Unsupported, "it is not a regular file");
    let file = match openat(CWD, path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP) if links == Links::Refuse => {
            return Err(Error::new(ErrorKind::Unsupported, "it is a symbolic link, which is not followed"));
        }
        // A socket, or a device without a driver.
        Err(Errno::NXIO) => return Err(irregular()),
        Err(error) => return Err(error.into()),
    };
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(irregular());
    }
    let mut bytes = Vec::new();
    // Files of /proc have no size before they are read.
    if about.len() <= bytes_max {
        file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    if about.len().max(bytes.len() as u64) > bytes_max {
        let reason = format!("it is larger than {} MiB", bytes_max >> 20);
        return Err(Error::new(ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}
