//! Walks one directory of an overlay mount, never leaving it.
//!
//! Every step opens one component below an open directory and follows no symbolic link, so it does not matter what
//! the container does to the directory meanwhile; what is gone when its turn comes is passed over.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fgetxattr, fstat, openat, readlinkat, statat,
};
use rustix::io::Errno;

use super::Form;

/// As deep as the reader of layers goes; each level holds one file descriptor.
const DEPTH_MAX: usize = 256;
/// Entries of one directory; a name takes some 50 bytes of memory.
const DIRECTORY_ENTRIES_MAX: usize = 2_000_000;

/// One entry.
pub(super) struct Item {
    /// From the layer's root, without leading slash.
    pub(super) path: Vec<u8>,
    pub(super) stat: Stat,
    pub(super) kind: ItemKind,
    /// A directory that hides what lower layers have in it.
    pub(super) is_opaque: bool,
}

/// What an entry is.
pub(super) enum ItemKind {
    /// Open for reading.
    File(File),
    Directory,
    Symlink(Vec<u8>),
    /// A name that the layer removes.
    Whiteout,
    CharacterDevice,
    BlockDevice,
    Fifo,
}

pub(super) struct Tree {
    form: Form,
    levels: Vec<Level>,
}

struct Level {
    directory: OwnedFd,
    path: Vec<u8>,
    /// Last first.
    names: Vec<CString>,
    /// Whether its empty files may be whiteouts by attribute (Linux 6.7, overlay on overlay).
    may_mark_files: bool,
}

impl Tree {
    pub(super) fn open(directory: &Path, form: Form) -> io::Result<Tree> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = openat(CWD, directory, flags, Mode::empty())?;
        Ok(Tree { form, levels: vec![level(root, Vec::new(), false)?] })
    }

    /// The next entry, parents before children.
    pub(super) fn next(&mut self) -> io::Result<Option<Item>> {
        while let Some(level) = self.levels.last_mut() {
            let Some(name) = level.names.pop() else {
                self.levels.pop();
                continue;
            };
            let path = match level.path.is_empty() {
                true => name.to_bytes().to_vec(),
                false => [level.path.as_slice(), b"/", name.to_bytes()].concat(),
            };
            match item(self.form, level, &name, &path) {
                Ok(Some((item, inside))) => {
                    self.levels.extend(inside);
                    if self.levels.len() > DEPTH_MAX {
                        return Err(named(&path, "it is nested too deeply".into()));
                    }
                    return Ok(Some(item));
                }
                Ok(None) => {}
                Err(error) => return Err(named(&path, error)),
            }
        }
        Ok(None)
    }
}

fn named(path: &[u8], error: Box<dyn std::error::Error + Send + Sync>) -> io::Error {
    io::Error::other(format!("/{}: {error}", String::from_utf8_lossy(path)))
}

fn level(directory: OwnedFd, path: Vec<u8>, may_mark_files: bool) -> io::Result<Level> {
    let mut names = Vec::new();
    for entry in Dir::read_from(&directory)? {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
        if names.len() > DIRECTORY_ENTRIES_MAX {
            return Err(io::Error::other("a directory has too many entries"));
        }
    }
    names.sort_unstable_by(|one, other| other.cmp(one));
    Ok(Level { directory, path, names, may_mark_files })
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The entry and, for a directory, what to walk next; `None` for what is gone or cannot be in a layer.
fn item(
    form: Form,
    level: &Level,
    name: &CString,
    path: &[u8],
) -> Result<Option<(Item, Option<Level>)>, Failure> {
    let stat = match statat(&level.directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(None),
        other => other?,
    };
    let plain = |kind| Ok(Some((Item { path: path.to_vec(), stat, kind, is_opaque: false }, None)));
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => directory(form, level, name, path),
        FileType::RegularFile => file(form, level, name, path),
        FileType::Symlink => match readlinkat(&level.directory, name, Vec::new()) {
            Ok(target) => plain(ItemKind::Symlink(target.into_bytes())),
            Err(error) => gone(error),
        },
        // overlayfs.rst, "whiteouts and opaque directories": a character device with number 0/0.
        FileType::CharacterDevice if stat.st_rdev == 0 => plain(ItemKind::Whiteout),
        FileType::CharacterDevice => plain(ItemKind::CharacterDevice),
        FileType::BlockDevice => plain(ItemKind::BlockDevice),
        FileType::Fifo => plain(ItemKind::Fifo),
        // A tar has no sockets.
        FileType::Socket | FileType::Unknown => Ok(None),
    }
}

/// What vanished or became something else since it was listed is passed over: the container goes on working.
fn gone<T>(error: Errno) -> Result<Option<T>, Failure> {
    match matches!(error, Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::INVAL | Errno::NXIO) {
        true => Ok(None),
        false => Err(error.into()),
    }
}

fn directory(
    form: Form,
    level: &Level,
    name: &CString,
    path: &[u8],
) -> Result<Option<(Item, Option<Level>)>, Failure> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let inside = match openat(&level.directory, name, flags, Mode::empty()) {
        Ok(inside) => inside,
        Err(error) => return gone(error),
    };
    if attribute(form, &inside, "redirect").is_some() {
        return Err(
            "the directory was renamed by overlayfs (redirect_dir), so its content lies elsewhere".into()
        );
    }
    let opaque = attribute(form, &inside, "opaque");
    let stat = fstat(&inside)?;
    let item = Item { path: path.to_vec(), stat, kind: ItemKind::Directory, is_opaque: opaque == Some(b'y') };
    let below = self::level(inside, path.to_vec(), opaque == Some(b'x'))?;
    Ok(Some((item, Some(below))))
}

fn file(
    form: Form,
    level: &Level,
    name: &CString,
    path: &[u8],
) -> Result<Option<(Item, Option<Level>)>, Failure> {
    // Not blocking: it may have become a FIFO.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match openat(&level.directory, name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(error) => return gone(error),
    };
    let stat = fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    let is_whiteout =
        level.may_mark_files && stat.st_size == 0 && attribute(form, &file, "whiteout").is_some();
    if !is_whiteout && attribute(form, &file, "metacopy").is_some() {
        return Err("the file has metadata only (metacopy); its content lies elsewhere".into());
    }
    let kind = if is_whiteout { ItemKind::Whiteout } else { ItemKind::File(File::from(file)) };
    Ok(Some((Item { path: path.to_vec(), stat, kind, is_opaque: false }, None)))
}

/// The first byte (zero if it is empty) of an attribute of overlayfs.
fn attribute(form: Form, file: &OwnedFd, name: &str) -> Option<u8> {
    match form {
        Form::Privileged => read_attribute(file, &format!("trusted.overlay.{name}")),
        Form::Rootless => read_attribute(file, &format!("user.overlay.{name}"))
            .or_else(|| read_attribute(file, &format!("user.fuseoverlayfs.{name}"))),
    }
}

fn read_attribute(file: &OwnedFd, name: &str) -> Option<u8> {
    let mut value = [0_u8; 1];
    match fgetxattr(file, name, &mut value[..]) {
        Ok(_) => Some(value[0]),
        // It is longer: a redirect's path.
        Err(Errno::RANGE) => Some(b'/'),
        Err(_) => None,
    }
}
