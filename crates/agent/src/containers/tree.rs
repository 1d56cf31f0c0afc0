//! The cgroups that are there already, and the path of a process's cgroup.

use std::fs;
use std::io::Read;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};

use super::limits::{CGROUP_DEPTH_MAX, CGROUPS_MAX, PROC_BYTES_MAX};

/// The bit that the sensor sets in ids of the pids controller's own hierarchy (cgroup v1).
const LEGACY: u64 = 1 << 63;

/// The mounted hierarchies and the processes.
#[derive(Debug)]
pub(super) struct Tree {
    proc_root: PathBuf,
    /// Hierarchies that the sensor tells ids of, with the bit of each.
    hierarchies: Vec<(PathBuf, u64)>,
}

impl Tree {
    pub(super) fn new(proc_root: &Path, cgroup_root: &Path) -> Tree {
        let unified = match cgroup_root.join("cgroup.controllers").exists() {
            true => cgroup_root.to_owned(),
            false => cgroup_root.join("unified"),
        };
        let hierarchies = vec![(unified, 0), (cgroup_root.join("pids"), LEGACY)];
        Tree { proc_root: proc_root.to_owned(), hierarchies }
    }

    /// Ids and paths of the cgroups that are there now.
    pub(super) fn all(&self) -> Vec<(u64, PathBuf)> {
        let mut found = Vec::new();
        for (root, bit) in &self.hierarchies {
            let mut open = vec![(root.clone(), 0)];
            while let Some((directory, depth)) = open.pop() {
                // A cgroup may go while its parent is read.
                let Ok(entries) = fs::read_dir(&directory) else { continue };
                for entry in entries.filter_map(Result::ok) {
                    let is_cgroup = entry.file_type().is_ok_and(|kind| kind.is_dir());
                    if !is_cgroup || found.len() == CGROUPS_MAX {
                        continue;
                    }
                    let path = entry.path();
                    if let Ok(below) = path.strip_prefix(root) {
                        found.push((entry.ino() | bit, Path::new("/").join(below)));
                    }
                    if depth < CGROUP_DEPTH_MAX {
                        open.push((path, depth + 1));
                    }
                }
            }
        }
        found
    }

    /// Whether a process is in a cgroup or below it.
    pub(super) fn is_populated(&self, path: &Path) -> bool {
        let below = path.strip_prefix("/").unwrap_or(path);
        let read = |root: &Path, name: &str| {
            let mut text = String::new();
            let file = fs::File::open(root.join(below).join(name)).ok()?;
            file.take(PROC_BYTES_MAX).read_to_string(&mut text).ok()?;
            Some(text)
        };
        self.hierarchies.iter().any(|(root, _)| match read(root, "cgroup.events") {
            Some(events) => events.lines().any(|line| line == "populated 1"),
            // A legacy hierarchy tells it by its processes alone.
            None => read(root, "cgroup.procs").is_some_and(|processes| !processes.is_empty()),
        })
    }

    /// The path of a living process's cgroup, in the hierarchy that the id is of.
    pub(super) fn path_of(&self, pid: u32, cgroup_id: u64) -> Option<PathBuf> {
        let file = fs::File::open(self.proc_root.join(pid.to_string()).join("cgroup")).ok()?;
        let mut bytes = Vec::new();
        file.take(PROC_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        path_in(&String::from_utf8_lossy(&bytes), cgroup_id & LEGACY != 0)
    }
}

/// The line `0::/PATH`, or of a legacy hierarchy the one of the pids controller.
fn path_in(text: &str, is_legacy: bool) -> Option<PathBuf> {
    text.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (number, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let is_meant = match is_legacy {
            true => controllers.split(',').any(|controller| controller == "pids"),
            false => number == "0" && controllers.is_empty(),
        };
        // Of a cgroup that was removed while the process is in it.
        is_meant.then(|| PathBuf::from(path.strip_suffix(" (deleted)").unwrap_or(path)))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_processs_path_is_of_the_ids_hierarchy() {
        let text = "9:name=systemd:/a\n8:cpu,pids:/docker/x:y\n0::/system.slice/b.scope (deleted)\n";
        assert_eq!(path_in(text, true), Some("/docker/x:y".into()));
        assert_eq!(path_in(text, false), Some("/system.slice/b.scope".into()));
        assert_eq!(path_in("8:cpu:/a\n", false), None);
        assert_eq!(path_in("", true), None);
    }

    #[test]
    fn a_cgroup_is_populated_when_its_hierarchy_says_so() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("cgroup.controllers", "");
        write("full/cgroup.events", "populated 1\nfrozen 0\n");
        write("empty/cgroup.events", "populated 0\nfrozen 0\n");
        write("pids/old/cgroup.procs", "17\n");
        let tree = Tree::new(Path::new("/proc"), root.path());
        for (path, is_populated) in [("/full", true), ("/empty", false), ("/old", true), ("/none", false)] {
            assert_eq!(tree.is_populated(Path::new(path)), is_populated, "{path}");
        }
    }

    #[test]
    fn what_is_there_is_found_with_its_id() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("unified/docker/x")).unwrap();
        fs::create_dir_all(at("pids/docker")).unwrap();
        fs::write(at("unified/docker/cgroup.procs"), "").unwrap();
        let mut found = Tree::new(Path::new("/proc"), root.path()).all();
        found.sort_by(|a, b| a.1.cmp(&b.1).then(a.0.cmp(&b.0)));
        let id = |name: &str| fs::metadata(at(name)).unwrap().ino();
        let expected: Vec<(u64, PathBuf)> = vec![
            (id("unified/docker"), "/docker".into()),
            (id("pids/docker") | LEGACY, "/docker".into()),
            (id("unified/docker/x"), "/docker/x".into()),
        ];
        assert_eq!(found, expected);
    }
}
