//! Opens a file below an open directory, following no symbolic link on the way.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::Errno;

/// How a directory below is opened.
pub(super) const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// Not blocking: what was a file may have become a FIFO.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);
/// Automounts stay as they are: looking at a system must not mount anything.
pub(super) const STAT: AtFlags = AtFlags::SYMLINK_NOFOLLOW.union(AtFlags::NO_AUTOMOUNT);

/// The regular file at `path`, which is relative and has no `..`; `None` where there is none: nothing, a link on the
/// way or at the end, a directory, a device.
pub(super) fn open_path(root: &OwnedFd, path: &str) -> io::Result<Option<(File, Stat)>> {
    let mut directory: Option<OwnedFd> = None;
    let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parents = parents.split('/').filter(|_| !parents.is_empty());
    if parents.clone().chain([name]).any(|component| matches!(component, "" | "." | "..")) {
        return Ok(None);
    }
    for component in parents {
        let here = directory.as_ref().unwrap_or(root);
        match openat(here, component, DIRECTORY, Mode::empty()) {
            Ok(inside) => directory = Some(inside),
            Err(error) if is_gone(error) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
    let here = directory.as_ref().unwrap_or(root);
    let stat = match statat(here, name, STAT) {
        Ok(stat) => stat,
        Err(error) if is_gone(error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // Before it is opened: opening a device may do something.
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    let name = std::ffi::CString::new(name)?;
    Ok(open_name(here, &name)?.map(|file| (file, stat)))
}

/// The regular file of this name; `None` where it has vanished or become something else since it was looked at.
pub(super) fn open_name(directory: &OwnedFd, name: &CStr) -> io::Result<Option<File>> {
    let file = match openat(directory, name, FILE, Mode::empty()) {
        Ok(file) => file,
        Err(error) if is_gone(error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let is_file = FileType::from_raw_mode(fstat(&file)?.st_mode) == FileType::RegularFile;
    Ok(is_file.then(|| File::from(file)))
}

/// Whether nothing is there, or something else than was asked for.
pub(super) fn is_gone(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::NXIO)
}
