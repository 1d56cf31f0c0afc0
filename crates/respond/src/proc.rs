//! Processes as `/proc` tells of them: who is whose child, when it started, in which cgroup it is.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use seawall_finding::ProcessIdentity;

use crate::clock::Clock;
use crate::limits::{ANCESTORS_MAX, START_TOLERANCE_NS};

/// `PF_KTHREAD` of the kernel's `include/linux/sched.h`.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// A mounted `/proc` of the host's pid namespace.
#[derive(Debug, Clone)]
pub(crate) struct Proc {
    root: PathBuf,
    clock: Clock,
    /// Nanoseconds since 1970 when the machine started, as it looked when Seawall started: whoever told the start
    /// times may have looked then or now, and the clock may have jumped between.
    started_ns: u64,
}

/// What `/proc/PID/stat` says (proc_pid_stat(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) name: String,
    pub(crate) parent: u32,
    pub(crate) is_kernel_thread: bool,
    start_ticks: u64,
}

/// The cgroups of a process: `(controllers, path)`, the controllers empty in version 2.
pub(crate) type Cgroups = Vec<(String, String)>;

impl Proc {
    pub(crate) fn new(root: PathBuf, clock: Clock) -> Proc {
        let started_ns = clock.machine_started_ns();
        Proc { root, clock, started_ns }
    }

    /// `/proc/PID/NAME`.
    pub(crate) fn path(&self, pid: u32, name: &str) -> PathBuf {
        self.root.join(pid.to_string()).join(name)
    }

    /// Whether this is a directory of processes at all.
    pub(crate) fn is_mounted(&self) -> bool {
        self.root.join("self/stat").exists()
    }

    pub(crate) fn stat(&self, pid: u32) -> io::Result<Stat> {
        let text = fs::read(self.path(pid, "stat"))?;
        let text = String::from_utf8_lossy(&text);
        let malformed = || io::Error::new(io::ErrorKind::InvalidData, "a process status of an unknown form");
        // A name may hold blanks and brackets.
        let (head, tail) = text.rsplit_once(')').ok_or_else(malformed)?;
        let name = head.split_once('(').map(|(_, name)| name.to_owned()).ok_or_else(malformed)?;
        let fields: Vec<&str> = tail.split_whitespace().collect();
        let number = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok());
        let parent = number(1).and_then(|parent| parent.try_into().ok()).ok_or_else(malformed)?;
        let flags = number(6).ok_or_else(malformed)?;
        let start_ticks = number(19).ok_or_else(malformed)?;
        Ok(Stat { name, parent, is_kernel_thread: flags & KERNEL_THREAD != 0, start_ticks })
    }

    /// Whether the process that has this number now is the one that is meant; `None` without a start time to tell.
    pub(crate) fn is_same(&self, stat: &Stat, identity: &ProcessIdentity) -> Option<bool> {
        let start_ns = identity.start_ns?;
        let near = |started: u64| {
            start_ns.abs_diff(started.saturating_add(self.since_start_ns(stat))) <= START_TOLERANCE_NS
        };
        Some(near(self.started_ns) || near(self.clock.machine_started_ns()))
    }

    /// The process of a number as it is now.
    pub(crate) fn identity(&self, pid: u32) -> io::Result<ProcessIdentity> {
        let stat = self.stat(pid)?;
        let start_ns = self.clock.machine_started_ns().saturating_add(self.since_start_ns(&stat));
        Ok(ProcessIdentity { pid, start_ns: Some(start_ns) })
    }

    fn since_start_ns(&self, stat: &Stat) -> u64 {
        let hertz = rustix::param::clock_ticks_per_second().max(1);
        stat.start_ticks.saturating_mul(1_000_000_000 / hertz)
    }

    /// What names the process of a number for as long as the machine runs.
    pub(crate) fn name(&self, pid: u32) -> String {
        format!("{pid}/{}", self.stat(pid).map_or(0, |stat| stat.start_ticks))
    }

    /// Process ids from a process up to the first of its pid namespace, itself first.
    pub(crate) fn ancestry(&self, pid: u32) -> Vec<u32> {
        let parent = |pid: &u32| self.stat(*pid).ok().map(|stat| stat.parent).filter(|parent| *parent != 0);
        std::iter::successors(Some(pid), parent).take(ANCESTORS_MAX).collect()
    }

    /// The executable's path, as the process sees it; none for a kernel thread.
    pub(crate) fn program(&self, pid: u32) -> Option<PathBuf> {
        fs::read_link(self.path(pid, "exe")).ok()
    }

    pub(crate) fn cgroups(&self, pid: u32) -> io::Result<Cgroups> {
        let text = fs::read_to_string(self.path(pid, "cgroup"))?;
        let line = |line: &str| {
            let mut parts = line.splitn(3, ':').skip(1);
            Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
        };
        Ok(text.lines().filter_map(line).collect())
    }

    /// What tells a namespace (`net`, `mnt`) of a process apart from all others.
    pub(crate) fn namespace(&self, pid: u32, kind: &str) -> io::Result<u64> {
        fs::metadata(self.path(pid, &format!("ns/{kind}"))).map(|namespace| namespace.ino())
    }

    /// Whether it is the first process of a pid namespace below the host's.
    pub(crate) fn is_first_of_namespace(&self, pid: u32) -> bool {
        let status = fs::read_to_string(self.path(pid, "status")).unwrap_or_default();
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
        let numbers: Vec<&str> = numbers.split_whitespace().collect();
        numbers.len() > 1 && numbers.last() == Some(&"1")
    }

    /// All process ids.
    pub(crate) fn processes(&self) -> Vec<u32> {
        numbers(&self.root)
    }

    /// The interfaces of a process's network.
    pub(crate) fn interfaces(&self, pid: u32) -> io::Result<Vec<String>> {
        let text = fs::read_to_string(self.path(pid, "net/dev"))?;
        let name = |line: &str| line.split_once(':').map(|(name, _)| name.trim().to_owned());
        Ok(text.lines().skip(2).filter_map(name).collect())
    }
}

/// The names of a directory that are numbers, in order.
pub(crate) fn numbers(directory: &Path) -> Vec<u32> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok())).collect();
    numbers.sort_unstable();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_confuse_the_status() {
        let directory = tempfile::tempdir().unwrap();
        let check = |line: &str, expected: Option<(&str, u32, bool)>| {
            fs::create_dir_all(directory.path().join("7")).unwrap();
            fs::write(directory.path().join("7/stat"), line).unwrap();
            let proc = Proc::new(directory.path().to_owned(), Clock::system());
            let stat = proc.stat(7).ok();
            let seen = stat.as_ref().map(|stat| (stat.name.as_str(), stat.parent, stat.is_kernel_thread));
            assert_eq!(seen, expected, "{line}");
        };
        let tail = "0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        check(&format!("7 (sh) S 3 7 7 0 -1 4194304 {tail}"), Some(("sh", 3, false)));
        check(&format!("7 (a) S 1 (b) S 3 7 7 0 -1 2129984 {tail}"), Some(("a) S 1 (b", 3, true)));
        check("7 (sh) S", None);
        check("", None);
    }

    #[test]
    fn this_process_is_itself_and_no_other() {
        let proc = Proc::new(PathBuf::from("/proc"), Clock::system());
        let me = std::process::id();
        let identity = proc.identity(me).unwrap();
        let stat = proc.stat(me).unwrap();
        assert_eq!(proc.is_same(&stat, &identity), Some(true));
        let other = ProcessIdentity { start_ns: identity.start_ns.map(|ns| ns - 1_000_000_000), ..identity };
        assert_eq!(proc.is_same(&stat, &other), Some(false));
        assert_eq!(proc.is_same(&stat, &ProcessIdentity { pid: me, start_ns: None }), None);
        assert!(proc.ancestry(me).len() > 1);
    }
}
