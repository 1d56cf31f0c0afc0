//! The freezer of a container's cgroup, in version 1 and 2 of cgroups.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

use crate::limits::FREEZE_WAIT;
use crate::proc::Cgroups;

/// A cgroup that can be frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Freezer {
    /// `freezer.state` or `cgroup.freeze`.
    file: PathBuf,
    inode: u64,
}

/// Why a cgroup cannot be frozen or thawed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FreezerError {
    /// No cgroup of the process is called after the container.
    #[error("no cgroup of its processes is called after container {0}")]
    Unnamed(String),
    /// Neither version's freezer is there.
    #[error("its cgroup has no freezer")]
    Missing,
    /// Another cgroup has its name by now.
    #[error("{} is another cgroup than the one that was frozen", .0.display())]
    Other(PathBuf),
    /// The kernel refuses.
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// A process of it waits for a disk, say.
    #[error("its processes did not stand still within {} s", FREEZE_WAIT.as_secs())]
    Slow,
}

impl Freezer {
    /// The freezer of a container, from the cgroups of one of its processes. What is called after the container is
    /// the container's; a cgroup further in belongs to what runs inside of it.
    pub(crate) fn of(root: &Path, cgroups: &Cgroups, container: &str) -> Result<Freezer, FreezerError> {
        let own = |path: &str| container_path(path, container);
        let first = cgroups.iter().find(|(names, _)| names.split(',').any(|name| name == "freezer"));
        let second = cgroups.iter().find(|(names, _)| names.is_empty());
        let first = first
            .and_then(|(_, path)| own(path))
            .map(|path| root.join("freezer").join(path).join("freezer.state"));
        let second = second.and_then(|(_, path)| own(path)).map(|path| {
            let unified = root.join("unified");
            let root = if root.join("cgroup.controllers").exists() { root.to_owned() } else { unified };
            root.join(path).join("cgroup.freeze")
        });
        if first.is_none() && second.is_none() {
            return Err(FreezerError::Unnamed(container.to_owned()));
        }
        // Version 1 first: an engine that uses it looks for a paused container there.
        let file = first.into_iter().chain(second).find(|file| file.exists()).ok_or(FreezerError::Missing)?;
        let inode = inode(&file).ok_or(FreezerError::Missing)?;
        Ok(Freezer { file, inode })
    }

    /// The one that a receipt tells of.
    pub(crate) fn told(file: PathBuf, inode: u64) -> Freezer {
        Freezer { file, inode }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    pub(crate) fn inode(&self) -> u64 {
        self.inode
    }

    /// Whether its file can be a freezer's.
    pub(crate) fn is_below(&self, root: &Path) -> bool {
        let is_named = self.file.ends_with("freezer.state") || self.file.ends_with("cgroup.freeze");
        let leads_out = self.file.components().any(|part| part == Component::ParentDir);
        is_named && !leads_out && self.file.starts_with(root)
    }

    /// Whether the cgroup is still there; another of its name is not.
    pub(crate) fn is_there(&self) -> bool {
        inode(&self.file) == Some(self.inode)
    }

    fn is_first_version(&self) -> bool {
        self.file.ends_with("freezer.state")
    }

    /// Whether it is frozen, or about to be.
    pub(crate) fn is_frozen(&self) -> bool {
        let text = fs::read_to_string(&self.file).unwrap_or_default();
        !matches!(text.trim(), "THAWED" | "0" | "")
    }

    /// Freezes it and waits until everything stands still.
    pub(crate) fn freeze(&self) -> Result<(), FreezerError> {
        self.write(if self.is_first_version() { "FROZEN" } else { "1" })?;
        let started = Instant::now();
        while !self.stands_still() {
            if started.elapsed() > FREEZE_WAIT {
                return Err(FreezerError::Slow);
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        Ok(())
    }

    fn stands_still(&self) -> bool {
        if self.is_first_version() {
            return fs::read_to_string(&self.file).is_ok_and(|state| state.trim() == "FROZEN");
        }
        let events = fs::read_to_string(self.file.with_file_name("cgroup.events")).unwrap_or_default();
        events.lines().any(|line| line == "frozen 1")
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) -> Result<(), FreezerError> {
        if !self.is_there() {
            return Err(FreezerError::Other(self.file.clone()));
        }
        self.write(if self.is_first_version() { "THAWED" } else { "0" })
    }

    fn write(&self, word: &str) -> Result<(), FreezerError> {
        fs::write(&self.file, word).map_err(|source| FreezerError::Write { path: self.file.clone(), source })
    }
}

fn inode(file: &Path) -> Option<u64> {
    file.parent().and_then(|cgroup| fs::metadata(cgroup).ok()).map(|cgroup| cgroup.ino())
}

/// Digits of an id as engines show it, and of a whole one.
pub(crate) const SHORT_ID: usize = 12;
const WHOLE_ID: usize = 64;

/// The part of a cgroup's path down to what is called after the container, relative: `docker/ID`,
/// `machine.slice/libpod-ID.scope`.
pub(crate) fn container_path(path: &str, container: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if parts.contains(&"..") {
        return None;
    }
    let is_called = |part: &&str| {
        let name = part.strip_suffix(".scope").unwrap_or(part);
        // `docker-ID`, `cri-containerd-ID`, systemd's `cri-containerd:ID`; an id may have dashes itself.
        let is_whole = name
            .strip_suffix(container)
            .is_some_and(|before| before.is_empty() || before.ends_with(['-', ':']));
        // Where only the beginning of an id is known.
        let last = name.rsplit(['-', ':']).next().unwrap_or(name);
        is_whole || container.len() >= SHORT_ID && last.len() == WHOLE_ID && last.starts_with(container)
    };
    let at = parts.iter().position(|part| !container.is_empty() && is_called(part))?;
    Some(parts[..=at].join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_s_cgroup_is_called_after_it() {
        let id = "0123456789abcdef";
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(container_path(path, id).as_deref(), expected, "{path}");
        };
        check("/docker/0123456789abcdef", Some("docker/0123456789abcdef"));
        check("/docker/0123456789abcdef/docker/ffff", Some("docker/0123456789abcdef"));
        check(
            "/system.slice/docker-0123456789abcdef.scope/init",
            Some("system.slice/docker-0123456789abcdef.scope"),
        );
        check(
            "/kubepods/x/cri-containerd:0123456789abcdef",
            Some("kubepods/x/cri-containerd:0123456789abcdef"),
        );
        check("/", None);
        check("/docker/00123456789abcdef", None);
        check("/docker/../0123456789abcdef", None);
        check("/docker/0123456789abcdef0", None);
        assert_eq!(container_path("/docker", ""), None);
        let whole = format!("/system.slice/docker-{}.scope", "0123456789ab".repeat(6).split_at(64).0);
        assert_eq!(container_path(&whole, "0123456789ab").as_deref(), Some(&whole[1..]));
        assert_eq!(container_path(&whole, "0123456789"), None);
    }

    #[test]
    fn the_first_version_s_freezer_comes_first() {
        let root = tempfile::tempdir().unwrap();
        let make = |file: &str| {
            let file = root.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "THAWED").unwrap();
            file
        };
        let cgroups: Cgroups =
            vec![("freezer".to_owned(), "/docker/ab".to_owned()), (String::new(), "/docker/ab".to_owned())];
        assert!(matches!(Freezer::of(root.path(), &cgroups, "ab"), Err(FreezerError::Missing)));
        assert!(matches!(Freezer::of(root.path(), &cgroups, "cd"), Err(FreezerError::Unnamed(_))));
        let second = make("unified/docker/ab/cgroup.freeze");
        assert_eq!(Freezer::of(root.path(), &cgroups, "ab").unwrap().file(), second);
        let first = make("freezer/docker/ab/freezer.state");
        let freezer = Freezer::of(root.path(), &cgroups, "ab").unwrap();
        assert_eq!(freezer.file(), first);
        assert!(!freezer.is_frozen());
        let other = Freezer::told(first, freezer.inode() + 1);
        assert!(matches!(other.thaw(), Err(FreezerError::Other(_))));
    }
}
