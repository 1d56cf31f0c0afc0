//! A directory of the host as a file tree: a root file system, a source tree, `/` itself.
//!
//! Every step opens one component below an open directory and follows no symbolic link; links are shown to the
//! visitors and resolved inside the tree by name. Other file systems mounted below are walked too, except those that
//! hold no files of their own (`proc`, `tmpfs` …) and those that are on other machines. What cannot be read is a gap.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::io::Errno;
use seawall_finding::GapKind;
use seawall_inventory::Visitor;

use super::beneath::{DIRECTORY, STAT, is_gone, open_name, open_path};
use crate::limits::Limits;
use crate::path::push_text;
use crate::walk::{LayerWalk, Metadata, Walk, Wanted};

mod mounts;

use mounts::{Mount, Skipped};

/// Walks the tree below `root` once, in the order of names, and shows its files to the visitors. A file with several
/// names is shown under each. `progress` is told the bytes of the files passed since it was last called.
///
/// [`LayerWalk::bytes`] are those of all regular files, read or not.
///
/// # Errors
/// `root` itself cannot be opened; everything below is a gap.
pub fn walk_directory(
    root: &Path,
    visitors: &mut [&mut dyn Visitor],
    limits: &Limits,
    progress: &(dyn Fn(u64) + Sync),
) -> io::Result<LayerWalk> {
    let root = open_root(root)?;
    let mut tree = Tree {
        walk: Walk::new(visitors, limits, None),
        limits,
        progress,
        levels: Vec::new(),
        skipped: Skipped::default(),
        bytes: 0,
        is_full: false,
    };
    let stat = fstat(&root)?;
    tree.enter(root, &stat, String::new())?;
    tree.run();
    let Tree { mut walk, skipped, bytes, .. } = tree;
    skipped.report(&mut walk.gaps);
    Ok(LayerWalk { bytes, ..walk.finish() })
}

/// Shows only the files at the paths that are keys of `wanted`, under the names that the values list: for
/// [`LayerWalk::aliases`]. The keys' directories are real ones ([`Resolver`](crate::Resolver) has followed the links).
///
/// # Errors
/// `root` itself cannot be opened.
pub fn walk_directory_only(
    root: &Path,
    wanted: &Wanted,
    visitors: &mut [&mut dyn Visitor],
    limits: &Limits,
) -> io::Result<LayerWalk> {
    let root = open_root(root)?;
    let mut walk = Walk::new(visitors, limits, Some(wanted));
    for path in wanted.keys() {
        match open_path(&root, path) {
            Ok(Some((file, stat))) => {
                walk.file_in_place(path, size_bytes(&stat), metadata(&stat), || Ok(Some(file)));
            }
            // A link may point nowhere or to a directory.
            Ok(None) => {}
            Err(error) => walk.gaps.push(GapKind::Unreadable, path, format!("it cannot be opened: {error}")),
        }
    }
    Ok(walk.finish())
}

/// The root is the user's word: if it is a symbolic link, its target is meant.
fn open_root(root: &Path) -> io::Result<OwnedFd> {
    Ok(openat(CWD, root, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

fn size_bytes(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

fn metadata(stat: &Stat) -> Metadata {
    Metadata { mode: stat.st_mode & 0o7777, uid: u64::from(stat.st_uid), gid: u64::from(stat.st_gid) }
}

/// A directory being walked. Each holds one file descriptor; `depth_max` bounds them.
struct Level {
    directory: OwnedFd,
    path: String,
    /// Device and inode.
    identity: (u64, u64),
    /// Last first.
    names: Vec<CString>,
}

struct Tree<'w, 'v, 'p> {
    walk: Walk<'w, 'v>,
    limits: &'w Limits,
    progress: &'p (dyn Fn(u64) + Sync),
    levels: Vec<Level>,
    skipped: Skipped,
    bytes: u64,
    is_full: bool,
}

impl Tree<'_, '_, '_> {
    fn run(&mut self) {
        while let Some(mut level) = self.levels.pop() {
            let Some(name) = level.names.pop().filter(|_| !self.is_full) else { continue };
            if !self.walk.has_room() {
                let max = self.limits.entries_max;
                let reason = format!("it has more than {max} entries; the rest was not looked at");
                self.walk.gaps.push(GapKind::Limit, &level.path, reason);
                self.is_full = true;
                continue;
            }
            let inside = self.entry(&level, &name);
            self.levels.push(level);
            if let Some((directory, stat, path)) = inside
                && let Err(error) = self.enter(directory, &stat, path.clone())
            {
                self.unreadable(&path, &error);
            }
        }
    }

    fn unreadable(&mut self, path: &str, error: &io::Error) {
        self.walk.gaps.push(GapKind::Unreadable, path, format!("it cannot be read: {error}"));
    }

    /// Lists a directory, to be walked next.
    fn enter(&mut self, directory: OwnedFd, stat: &Stat, path: String) -> io::Result<()> {
        let max = self.limits.directory_entries_max;
        let mut names = Vec::new();
        for entry in Dir::read_from(&directory)? {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    self.unreadable(&path, &error.into());
                    break;
                }
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            if names.len() >= max {
                let reason = format!("it has more than {max} entries; the rest was not looked at");
                self.walk.gaps.push(GapKind::Limit, &path, reason);
                break;
            }
            names.push(name.to_owned());
        }
        names.sort_unstable_by(|one, other| other.cmp(one));
        let identity = (stat.st_dev, stat.st_ino);
        self.levels.push(Level { directory, path, identity, names });
        Ok(())
    }

    /// Shows one entry; a directory is given back to be entered.
    fn entry(&mut self, level: &Level, name: &CStr) -> Option<(OwnedFd, Stat, String)> {
        let path = join(&level.path, name);
        if path.len() > self.limits.name_bytes_max {
            let reason = format!("the path is longer than {} bytes", self.limits.name_bytes_max);
            self.walk.gaps.push(GapKind::Limit, &level.path, reason);
            return None;
        }
        let stat = match statat(&level.directory, name, STAT) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return None,
            Err(error) => {
                self.unreadable(&path, &error.into());
                return None;
            }
        };
        let metadata = metadata(&stat);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => return self.directory(level, name, &stat, path),
            FileType::RegularFile => {
                let size_bytes = size_bytes(&stat);
                self.bytes = self.bytes.saturating_add(size_bytes);
                (self.progress)(size_bytes);
                self.walk.file_in_place(&path, size_bytes, metadata, || open_name(&level.directory, name));
            }
            FileType::Symlink => match readlinkat(&level.directory, name, Vec::new()) {
                Ok(target) => {
                    let mut text = String::new();
                    push_text(target.to_bytes(), &mut text);
                    self.walk.symlink(&path, &text, metadata);
                }
                Err(Errno::NOENT | Errno::INVAL) => {}
                Err(error) => self.unreadable(&path, &error.into()),
            },
            FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Fifo
            | FileType::Socket
            | FileType::Unknown => self.walk.special(&path, metadata),
        }
        None
    }

    fn directory(
        &mut self,
        level: &Level,
        name: &CStr,
        stat: &Stat,
        path: String,
    ) -> Option<(OwnedFd, Stat, String)> {
        let is_mount = stat.st_dev != level.identity.0;
        if is_mount && let Some(mount) = mounts::at(&level.directory, name) {
            match mount {
                Mount::Files => {}
                Mount::Pseudo(_) | Mount::Remote(_) => {
                    self.walk.directory(&path, metadata(stat));
                    self.skipped.note(path, mount);
                    return None;
                }
            }
        }
        self.walk.directory(&path, metadata(stat));
        let identity = (stat.st_dev, stat.st_ino);
        if level.identity == identity || self.levels.iter().any(|above| above.identity == identity) {
            self.walk.gaps.push(GapKind::Malformed, &path, "it is a directory that it lies in itself");
            return None;
        }
        // `level` itself is not among the levels now, and the new one will be.
        if self.levels.len() + 2 > self.limits.depth_max {
            let reason = format!("it is nested more than {} levels deep", self.limits.depth_max);
            self.walk.gaps.push(GapKind::Limit, &path, reason);
            return None;
        }
        let opened = openat(&level.directory, name, DIRECTORY, Mode::empty());
        let opened = opened.and_then(|inside| fstat(&inside).map(|stat| (inside, stat)));
        match opened {
            Ok((inside, stat)) => Some((inside, stat, path)),
            Err(error) if is_gone(error) => None,
            Err(error) => {
                self.unreadable(&path, &error.into());
                None
            }
        }
    }
}

fn join(directory: &str, name: &CStr) -> String {
    let mut path = String::with_capacity(directory.len() + 1 + name.to_bytes().len());
    path.push_str(directory);
    if !directory.is_empty() {
        path.push('/');
    }
    push_text(name.to_bytes(), &mut path);
    path
}

#[cfg(test)]
mod tests;
