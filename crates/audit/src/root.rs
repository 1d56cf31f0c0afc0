//! The file tree that is looked at: `/` or a mounted file system. No link leads out of it, nothing is opened for
//! writing, no device or pipe is opened.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, open, openat2, readlinkat};
use rustix::io::Errno;

use crate::limits::{FILE_BYTES_MAX, NAMES_MAX};

/// An open directory that is the root of everything that is read.
#[derive(Debug)]
pub struct Root {
    directory: OwnedFd,
    path: PathBuf,
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// It is not there.
    Absent,
    /// It is there and cannot be read, for this reason.
    Refused(String),
}

/// Owner and mode of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permission bits, `0o7777`.
    pub mode: u32,
    /// What it is.
    pub kind: FileType,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unread::Absent => f.write_str("it does not exist"),
            Unread::Refused(reason) => f.write_str(reason),
        }
    }
}

impl From<Errno> for Unread {
    fn from(error: Errno) -> Unread {
        match error {
            Errno::NOENT | Errno::NOTDIR => Unread::Absent,
            Errno::LOOP => Unread::Refused("its links lead in a circle".to_owned()),
            other => Unread::Refused(std::io::Error::from(other).to_string()),
        }
    }
}

/// `/var/run` has been a link to `/run` everywhere for a decade, and both names are in use.
pub(crate) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let joined = format!("/{}", parts.join("/"));
    match joined.strip_prefix("/var/run") {
        Some("") => "/run".to_owned(),
        Some(rest) if rest.starts_with('/') => format!("/run{rest}"),
        Some(_) | None => joined,
    }
}

impl Root {
    /// Opens the root.
    ///
    /// # Errors
    /// It is no directory or cannot be opened.
    pub fn open(path: &Path) -> std::io::Result<Root> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = open(path, flags, Mode::empty())?;
        Ok(Root { directory, path: path.to_owned() })
    }

    /// Whether it is that of the running machine, whose kernel may be asked too.
    pub(crate) fn is_live(&self) -> bool {
        self.path == Path::new("/")
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn enter(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Unread> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        Ok(openat2(&self.directory, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)?)
    }

    /// Owner, group, mode and kind of what a path leads to within the root.
    pub fn metadata(&self, path: &str) -> Result<Metadata, Unread> {
        let stat = fstat(self.enter(path, OFlags::PATH)?)?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        Ok(Metadata { uid: stat.st_uid, gid: stat.st_gid, mode: stat.st_mode & 0o7777, kind })
    }

    /// Whether something is there, as far as one can see.
    pub fn exists(&self, path: &str) -> bool {
        self.metadata(path).is_ok()
    }

    /// The device that holds what a path leads to.
    pub(crate) fn device(&self, path: &str) -> Result<u64, Unread> {
        Ok(fstat(self.enter(path, OFlags::PATH)?)?.st_dev)
    }

    /// A whole file, at most `bytes_max`.
    pub fn read_up_to(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>, Unread> {
        // Before it is opened: opening a device may do something.
        if self.metadata(path)?.kind != FileType::RegularFile {
            return Err(Unread::Refused("it is no regular file".to_owned()));
        }
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = self.enter(path, flags)?;
        if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
            return Err(Unread::Refused("it changed while it was read".to_owned()));
        }
        let mut bytes = Vec::new();
        let read = File::from(file).take(bytes_max + 1).read_to_end(&mut bytes);
        match read {
            Err(error) => Err(Unread::Refused(error.to_string())),
            Ok(_) if bytes.len() as u64 > bytes_max => {
                Err(Unread::Refused(format!("it has more than {bytes_max} bytes")))
            }
            Ok(_) => Ok(bytes),
        }
    }

    /// A whole text file; what is not UTF-8 in it is replaced.
    pub fn text(&self, path: &str) -> Result<String, Unread> {
        let bytes = self.read_up_to(path, FILE_BYTES_MAX)?;
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The names in a directory, sorted.
    pub fn names(&self, path: &str) -> Result<Vec<String>, Unread> {
        let directory = self.enter(path, OFlags::RDONLY | OFlags::DIRECTORY)?;
        let mut names = Vec::new();
        for entry in Dir::new(directory)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name == "." || name == ".." {
                continue;
            }
            if names.len() == NAMES_MAX {
                return Err(Unread::Refused(format!("it has more than {NAMES_MAX} entries")));
            }
            names.push(name);
        }
        names.sort_unstable();
        Ok(names)
    }

    /// What a link says, without following it: also one of `/proc/PID`.
    pub(crate) fn link(&self, path: &str) -> Result<String, Unread> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent =
            self.enter(if parent.is_empty() { "/" } else { parent }, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(readlinkat(parent, name, Vec::new())?.to_string_lossy().into_owned())
    }

    /// The path with every link of it followed within the root, where it exists.
    pub(crate) fn real(&self, path: &str) -> Option<String> {
        let opened = self.enter(path, OFlags::PATH).ok()?;
        let own = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&opened));
        let full = readlinkat(CWD, own, Vec::new()).ok()?.to_string_lossy().into_owned();
        let root = std::fs::canonicalize(&self.path).ok()?;
        let inside = Path::new(&full).strip_prefix(root).ok()?;
        Some(format!("/{}", inside.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_link_leads_out() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        let inside = tempfile::tempdir().unwrap();
        let at = |name: &str| inside.path().join(name);
        std::fs::create_dir(at("etc")).unwrap();
        std::fs::write(at("etc/real"), "real").unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), at("etc/out")).unwrap();
        std::os::unix::fs::symlink("../../../../../etc/real", at("etc/up")).unwrap();
        std::os::unix::fs::symlink("/etc/real", at("etc/absolute")).unwrap();
        std::os::unix::fs::symlink("/etc/circle", at("etc/circle")).unwrap();
        let root = Root::open(inside.path()).unwrap();
        assert_eq!(root.text("/etc/out"), Err(Unread::Absent));
        assert_eq!(root.text("/etc/up").as_deref(), Ok("real"));
        assert_eq!(root.text("/etc/absolute").as_deref(), Ok("real"));
        assert!(matches!(root.text("/etc/circle"), Err(Unread::Refused(_))));
        assert!(matches!(root.text("/etc"), Err(Unread::Refused(_))));
        assert_eq!(root.real("/etc/absolute").as_deref(), Some("/etc/real"));
        assert_eq!(root.link("/etc/absolute").as_deref(), Ok("/etc/real"));
        assert_eq!(root.names("/etc").unwrap().len(), 5);
    }

    #[test]
    fn a_pipe_is_not_opened_and_a_large_file_is_not_read() {
        let inside = tempfile::tempdir().unwrap();
        let made = std::process::Command::new("mkfifo").arg(inside.path().join("pipe")).status();
        assert!(made.is_ok_and(|status| status.success()));
        std::fs::write(inside.path().join("large"), vec![b'x'; 11]).unwrap();
        let root = Root::open(inside.path()).unwrap();
        assert!(matches!(root.text("/pipe"), Err(Unread::Refused(_))));
        assert!(matches!(root.read_up_to("/large", 10), Err(Unread::Refused(_))));
        assert!(root.read_up_to("/large", 11).is_ok());
    }

    #[test]
    fn paths_are_compared_in_one_form() {
        for (path, expected) in [
            ("/var/run/docker.sock", "/run/docker.sock"),
            ("/var/runner", "/var/runner"),
            ("/a//b/../c/", "/a/c"),
            ("/..", "/"),
            ("/var/run", "/run"),
        ] {
            assert_eq!(normal(path), expected);
        }
    }
}
