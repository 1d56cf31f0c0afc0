//! Layers that an engine keeps unpacked for overlayfs, read in place.
//!
//! Each directory of an overlay mount is one layer. What overlayfs writes as devices and extended attributes becomes
//! the whiteouts of a layer's tar (image-spec `layer.md`); nothing is copied to disk, and no symbolic link is
//! followed, though a running container may change the directory while it is read.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use seawall_inventory::Digest;
use sha2::{Digest as _, Sha256};

use super::member::{END, Flag, Header, harmless, padding, whiteout_of};

mod tree;

use tree::{Item, ItemKind, Tree};

/// Hard links whose first name is remembered; beyond, a file is shown again in full.
const LINKS_MAX: usize = 1_000_000;

/// Who mounts the directories, and so whose word counts in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The kernel for root: `trusted.` attributes, which no container can write. Attributes of users and files named
    /// `.wh.x` are a container's own and mean nothing; else it could hide its image's files from us.
    Privileged,
    /// A user without privileges (rootless podman): `user.` attributes, and with fuse-overlayfs files named `.wh.x`.
    Rootless,
}

/// Whether this process sees all that an overlay directory says: reading `trusted.` attributes takes CAP_SYS_ADMIN,
/// and without it they seem to be absent.
pub(super) fn is_all_visible() -> bool {
    const CAP_SYS_ADMIN: u32 = 21;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = effective.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()).unwrap_or(0);
    bits >> CAP_SYS_ADMIN & 1 == 1
}

/// Whether the directory can be opened here and now.
pub(super) fn is_readable(directory: &Path) -> bool {
    Tree::open(directory, Form::Privileged).is_ok()
}

/// The directory's owner.
pub(super) fn owner(directory: &Path) -> Option<u32> {
    rustix::fs::stat(directory).ok().map(|stat| stat.st_uid)
}

/// A digest that changes whenever a file of the directory does: of all names and metadata, the time of the last
/// change among them.
///
/// # Errors
/// The directory cannot be read or is not a layer in itself.
pub(super) fn fingerprint(directory: &Path, form: Form) -> io::Result<Digest> {
    let mut hasher = Sha256::new();
    hasher.update(b"seawall overlay directory 1\0");
    let mut tree = Tree::open(directory, form)?;
    while let Some(item) = tree.next()? {
        let stat = &item.stat;
        hasher.update((item.path.len() as u64).to_le_bytes());
        hasher.update(&item.path);
        let owner = (u64::from(stat.st_uid) << 32) | u64::from(stat.st_gid);
        let mut numbers = vec![u64::from(stat.st_mode), owner];
        // Only a file's own times tell something: overlayfs notes things in the attributes of directories when
        // somebody lists them, and its whiteouts share one inode.
        match &item.kind {
            ItemKind::File(_) => {
                numbers.extend([stat.st_ino, stat.st_size.cast_unsigned()]);
                numbers.extend([stat.st_mtime.cast_unsigned(), stat.st_mtime_nsec]);
                numbers.extend([stat.st_ctime.cast_unsigned(), stat.st_ctime_nsec]);
            }
            ItemKind::Symlink(target) => hasher.update(target),
            ItemKind::Directory
            | ItemKind::Whiteout
            | ItemKind::CharacterDevice
            | ItemKind::BlockDevice
            | ItemKind::Fifo => {}
        }
        for number in numbers {
            hasher.update(number.to_le_bytes());
        }
        hasher.update([u8::from(item.is_opaque)]);
    }
    Ok(Digest::sha256(hasher.finalize().into()))
}

/// The directory as a layer's tar.
pub(super) struct LayerTar {
    tree: Tree,
    form: Form,
    /// Header blocks, padding and the end marker on their way out.
    pending: Vec<u8>,
    pending_at: usize,
    content: Option<Content>,
    /// (device, inode) → the name it was first shown by.
    links: HashMap<(u64, u64), Vec<u8>>,
    is_ended: bool,
}

/// A file's content on its way out.
struct Content {
    file: File,
    left: u64,
    padding: usize,
}

impl LayerTar {
    /// # Errors
    /// The directory cannot be read.
    pub(super) fn open(directory: &Path, form: Form) -> io::Result<LayerTar> {
        Ok(LayerTar {
            tree: Tree::open(directory, form)?,
            form,
            pending: Vec::new(),
            pending_at: 0,
            content: None,
            links: HashMap::new(),
            is_ended: false,
        })
    }

    fn advance(&mut self) -> io::Result<()> {
        self.pending.clear();
        self.pending_at = 0;
        match self.tree.next()? {
            Some(item) => self.show(item),
            None => {
                self.pending.extend_from_slice(&END);
                self.is_ended = true;
            }
        }
        Ok(())
    }

    fn show(&mut self, item: Item) {
        let path = self.path(&item.path);
        let stat = &item.stat;
        let header = |flag| Header {
            path: &path,
            link: b"",
            flag,
            mode: stat.st_mode,
            uid: u64::from(stat.st_uid),
            gid: u64::from(stat.st_gid),
            size_bytes: 0,
        };
        match item.kind {
            ItemKind::Whiteout => Header::marker(&whiteout_of(&item.path)).write(&mut self.pending),
            ItemKind::Directory => {
                header(Flag::Directory).write(&mut self.pending);
                if item.is_opaque {
                    let inside = [&path, &b"/.wh..wh..opq"[..]].concat();
                    Header::marker(&inside).write(&mut self.pending);
                }
            }
            ItemKind::Symlink(target) => {
                Header { link: &target, ..header(Flag::Symlink) }.write(&mut self.pending);
            }
            ItemKind::CharacterDevice => header(Flag::CharacterDevice).write(&mut self.pending),
            ItemKind::BlockDevice => header(Flag::BlockDevice).write(&mut self.pending),
            ItemKind::Fifo => header(Flag::Fifo).write(&mut self.pending),
            ItemKind::File(file) => {
                let inode = (stat.st_dev, stat.st_ino);
                if stat.st_nlink > 1 {
                    if let Some(first) = self.links.get(&inode) {
                        Header { link: first, ..header(Flag::Hardlink) }.write(&mut self.pending);
                        return;
                    }
                    if self.links.len() < LINKS_MAX {
                        self.links.insert(inode, path.clone());
                    }
                }
                let size_bytes = u64::try_from(stat.st_size).unwrap_or(0);
                Header { size_bytes, ..header(Flag::File) }.write(&mut self.pending);
                self.content = Some(Content { file, left: size_bytes, padding: padding(size_bytes) });
            }
        }
    }

    /// The name to show: where `.wh.` means nothing to the file system it must mean nothing in the tar either.
    fn path(&self, path: &[u8]) -> Vec<u8> {
        match self.form {
            Form::Privileged => harmless(path),
            Form::Rootless => path.to_vec(),
        }
    }

    fn copy_content(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(content) = &mut self.content else {
            return Ok(0);
        };
        let wanted = buffer.len().min(usize::try_from(content.left).unwrap_or(usize::MAX));
        let Some(buffer) = buffer.get_mut(..wanted) else {
            return Ok(0);
        };
        let mut count = content.file.read(buffer)?;
        if count == 0 {
            // It was cut while we read it; its header is out already.
            buffer.fill(0);
            count = wanted;
        }
        content.left = content.left.saturating_sub(count as u64);
        Ok(count)
    }
}

impl Read for LayerTar {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let pending = self.pending.get(self.pending_at..).unwrap_or_default();
            if !pending.is_empty() {
                let mut pending = pending;
                let count = pending.read(buffer)?;
                self.pending_at += count;
                return Ok(count);
            }
            match &self.content {
                Some(content) if content.left > 0 => return self.copy_content(buffer),
                Some(content) => {
                    self.pending = vec![0; content.padding];
                    self.pending_at = 0;
                    self.content = None;
                }
                None if self.is_ended => return Ok(0),
                None => self.advance()?,
            }
        }
    }
}

#[cfg(test)]
mod tests;
