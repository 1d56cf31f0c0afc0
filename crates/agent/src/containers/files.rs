//! The directories in which engines keep their state. No link leads out, nothing is written, nothing but regular
//! files of a bounded size is read.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, open, openat2};
use rustix::io::Errno;
use serde::de::DeserializeOwned;

use super::limits::NAMES_MAX;

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unread {
    /// Not there, or not yet.
    #[error("it does not exist")]
    Absent,
    /// Half written, or not what it should be.
    #[error("{0}")]
    Malformed(String),
    /// The system refuses, or it is no regular file.
    #[error("{0}")]
    Refused(String),
    /// Larger than such a file is.
    #[error("it has more than {0} bytes")]
    TooLarge(u64),
}

impl From<Errno> for Unread {
    fn from(error: Errno) -> Unread {
        match error {
            Errno::NOENT | Errno::NOTDIR => Unread::Absent,
            other => Unread::Refused(std::io::Error::from(other).to_string()),
        }
    }
}

/// An open directory.
#[derive(Debug)]
pub(crate) struct Directory {
    opened: OwnedFd,
}

impl Directory {
    /// Opens `path` within the file system that `root` holds. Links are followed, and end in `root`: `/var/lib/docker`
    /// is a link on many hosts.
    pub(crate) fn open(root: &Path, path: &Path) -> Result<Directory, Unread> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = open(root, flags, Mode::empty())?;
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        Ok(Directory { opened: openat2(&root, path, flags, Mode::empty(), resolve)? })
    }

    fn enter(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Unread> {
        // Below an engine's directory there is no link to any of its files.
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        Ok(openat2(&self.opened, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)?)
    }

    /// The directory of that name.
    pub(crate) fn below(&self, path: &str) -> Result<Directory, Unread> {
        Ok(Directory { opened: self.enter(path, OFlags::PATH | OFlags::DIRECTORY)? })
    }

    /// A whole file.
    pub(crate) fn read(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>, Unread> {
        self.open_file(path).and_then(|(file, stat)| whole(file, &stat, bytes_max))
    }

    fn open_file(&self, path: &str) -> Result<(File, Stat), Unread> {
        // A pipe would let the opening wait.
        let file = self.enter(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        let stat = fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Unread::Refused("it is no regular file".to_owned()));
        }
        Ok((File::from(file), stat))
    }

    /// A JSON document. Its depth is limited by the parser, and what the type does not name is not kept.
    pub(crate) fn json<T: DeserializeOwned>(&self, path: &str, bytes_max: u64) -> Result<T, Unread> {
        parsed(&self.read(path, bytes_max)?)
    }

    /// The names in it, in no order, at most some hundred.
    pub(crate) fn names(&self, path: &str) -> Result<Vec<String>, Unread> {
        let directory = self.enter(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names = Vec::new();
        for entry in Dir::new(directory)? {
            let Ok(name) = entry?.file_name().to_str().map(str::to_owned) else { continue };
            if name != "." && name != ".." && names.len() < NAMES_MAX {
                names.push(name);
            }
        }
        Ok(names)
    }
}

fn whole(file: File, stat: &Stat, bytes_max: u64) -> Result<Vec<u8>, Unread> {
    if u64::try_from(stat.st_size).is_ok_and(|size| size > bytes_max) {
        return Err(Unread::TooLarge(bytes_max));
    }
    let mut bytes = Vec::new();
    match file.take(bytes_max + 1).read_to_end(&mut bytes) {
        Err(error) => Err(Unread::Refused(error.to_string())),
        Ok(_) if bytes.len() as u64 > bytes_max => Err(Unread::TooLarge(bytes_max)),
        Ok(_) => Ok(bytes),
    }
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unread> {
    serde_json::from_slice(bytes).map_err(|error| Unread::Malformed(error.to_string()))
}

/// A list that an engine replaces as a whole, read again only when it was.
#[derive(Debug)]
pub(crate) struct Remembered<T> {
    read: Option<([i128; 4], Arc<T>)>,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Remembered { read: None }
    }
}

impl<T: DeserializeOwned> Remembered<T> {
    /// What the file holds now.
    pub(crate) fn json(
        &mut self,
        directory: &Directory,
        path: &str,
        bytes_max: u64,
    ) -> Result<Arc<T>, Unread> {
        let (file, stat) = directory.open_file(path)?;
        let identity = [
            i128::from(stat.st_ino),
            i128::from(stat.st_size),
            i128::from(stat.st_mtime),
            i128::from(stat.st_mtime_nsec),
        ];
        if let Some((known, value)) = &self.read
            && *known == identity
        {
            return Ok(Arc::clone(value));
        }
        let value = Arc::new(parsed(&whole(file, &stat, bytes_max)?)?);
        self.read = Some((identity, Arc::clone(&value)));
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_link_is_followed_below_and_none_leads_out_above() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "1").unwrap();
        let inside = tempfile::tempdir().unwrap();
        let at = |name: &str| inside.path().join(name);
        std::fs::create_dir_all(at("data/docker")).unwrap();
        std::fs::write(at("data/docker/file"), "1").unwrap();
        std::os::unix::fs::symlink("/data/docker", at("link")).unwrap();
        std::os::unix::fs::symlink(outside.path(), at("out")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), at("data/docker/out")).unwrap();
        std::os::unix::fs::symlink("file", at("data/docker/near")).unwrap();
        let directory = Directory::open(inside.path(), Path::new("link")).unwrap();
        assert_eq!(directory.read("file", 1), Ok(b"1".to_vec()));
        for name in ["out", "near"] {
            assert!(matches!(directory.read(name, 1), Err(Unread::Refused(_))), "{name}");
        }
        assert!(matches!(directory.read("../../link/file", 1), Err(Unread::Refused(_))));
        assert_eq!(Directory::open(inside.path(), Path::new("out")).unwrap_err(), Unread::Absent);
    }

    #[test]
    fn what_is_large_deep_or_a_pipe_is_refused() {
        let inside = tempfile::tempdir().unwrap();
        let at = |name: &str| inside.path().join(name);
        std::fs::write(at("large"), "12").unwrap();
        std::fs::write(at("deep"), format!("{}1{}", "[".repeat(1000), "]".repeat(1000))).unwrap();
        std::fs::write(at("half"), "{\"a\":").unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        let directory = Directory::open(inside.path(), Path::new("/")).unwrap();
        assert_eq!(directory.read("large", 1), Err(Unread::TooLarge(1)));
        assert!(matches!(directory.read("pipe", 1), Err(Unread::Refused(_))));
        assert!(matches!(directory.read(".", 1), Err(Unread::Refused(_))));
        for name in ["deep", "half"] {
            let read = directory.json::<serde_json::Value>(name, 10_000);
            assert!(matches!(read, Err(Unread::Malformed(_))), "{name}");
        }
    }

    #[test]
    fn a_list_is_read_again_when_it_was_replaced() {
        let inside = tempfile::tempdir().unwrap();
        let directory = Directory::open(inside.path(), Path::new("/")).unwrap();
        let mut list = Remembered::<Vec<u32>>::default();
        let replace = |text: &str| {
            std::fs::write(inside.path().join("new"), text).unwrap();
            std::fs::rename(inside.path().join("new"), inside.path().join("list")).unwrap();
        };
        replace("[1]");
        assert_eq!(list.json(&directory, "list", 10).as_deref(), Ok(&vec![1]));
        assert_eq!(list.json(&directory, "list", 10).as_deref(), Ok(&vec![1]));
        replace("[2]");
        assert_eq!(list.json(&directory, "list", 10).as_deref(), Ok(&vec![2]));
    }
}
