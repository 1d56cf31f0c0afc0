//! Digests of executed files as they are now, in threads of their own.
//!
//! A file is found through the process that executes it, of which a handle is taken at once, or through the root of one of
//! its ancestors or of another process of its container where it has ended. It counts only if it is the file that the
//! kernel told of: by its number and times, of which the last change cannot be set. A file is opened without waiting, and
//! only on file systems that no program answers for.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, Statx, StatxFlags, openat, openat2, statx};
use seawall_finding::{Gap, GapKind};
use seawall_inventory::Digest;
use sha2::{Digest as _, Sha256};

use crate::limits::{
    ANCESTORS_ASKED, DIGEST_AGAIN_AFTER, DIGEST_BYTES_MAX, DIGEST_QUEUE_MAX, DIGEST_THREADS, DIGEST_TIME_MAX,
    DIGESTS_KEPT_MAX, PROC_FILE_BYTES_MAX, WAIT_MAX,
};

/// File systems of the kernel's own: reading one never waits for a program or another machine.
const FILE_SYSTEMS: &[&str] = &[
    "overlay", "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "tmpfs", "ramfs", "rootfs", "erofs",
    "squashfs", "bcachefs", "nilfs2", "jfs", "reiserfs", "aufs", "iso9660", "ubifs",
];

/// An executed file as the kernel told of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Executed {
    pub(super) container: String,
    pub(super) path: String,
    pub(super) inode: u64,
    pub(super) changed_ns: u64,
    pub(super) modified_ns: u64,
    /// Which execution it is (process and start), where the content may change without a trace: what was copied up by an
    /// overlay can be written through a mapping that no time tells of. It is digested at each execution.
    pub(super) once: Option<(i64, u64)>,
}

/// A file to look at.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) executed: Executed,
    /// The process that executes it, then its ancestors.
    pub(super) processes: Vec<u32>,
    /// The control group of its container, whose other processes see the same files.
    pub(super) cgroup: Option<PathBuf>,
    /// A handle of it, which reads nothing; taken when it is asked for.
    pub(super) handle: Option<OwnedFd>,
    /// The size that makes a digest worth the work.
    pub(super) size_bytes: u64,
}

/// What an executed file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It has this digest.
    Is(Digest),
    /// It has this size, which is another than was asked for.
    HasSize(u64),
    /// It could not be looked at.
    Unknown,
}

/// The way to the threads.
#[derive(Debug)]
pub(super) struct Digests {
    jobs: SyncSender<Job>,
    shared: Arc<Shared>,
    machine: Machine,
}

/// Where processes and control groups are seen.
#[derive(Debug, Clone)]
struct Machine {
    proc_root: PathBuf,
    cgroup_root: PathBuf,
}

impl Machine {
    fn of_process(&self, process: u32, name: &str) -> PathBuf {
        self.proc_root.join(process.to_string()).join(name)
    }

    /// Some processes of a control group; a cgroup of the old kind is in a hierarchy of its controller.
    fn processes(&self, cgroup: &Path) -> Vec<u32> {
        let below = cgroup.strip_prefix("/").unwrap_or(cgroup);
        let places = ["", "unified", "pids"].map(|hierarchy| self.cgroup_root.join(hierarchy).join(below));
        let read = |place: &PathBuf| {
            let mut text = String::new();
            let file = File::open(place.join("cgroup.procs")).ok()?;
            file.take(PROC_FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
            Some(text)
        };
        let text = places.iter().find_map(read).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).take(ANCESTORS_ASKED).collect()
    }
}

#[derive(Debug, Default)]
struct Shared {
    answers: Mutex<HashMap<Executed, Kept>>,
    /// What was digested, by what it is on disk.
    digested: Mutex<HashMap<Identity, Digest>>,
    unknown: Mutex<HashMap<&'static str, u64>>,
}

/// An answer, none while it is looked at, and since when.
#[derive(Debug, Clone)]
struct Kept {
    answer: Option<Answer>,
    since: Instant,
}

/// A file's content, as far as one can tell without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Identity {
    device: (u32, u32),
    inode: u64,
    modified_ns: u64,
    changed_ns: u64,
    size_bytes: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Digests {
    /// Starts the threads, which end when it is dropped.
    pub(super) fn start(proc_root: &Path, cgroup_root: &Path) -> Digests {
        let machine = Machine { proc_root: proc_root.to_owned(), cgroup_root: cgroup_root.to_owned() };
        let (jobs, waiting) = sync_channel(DIGEST_QUEUE_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let shared = Arc::new(Shared::default());
        for _ in 0..DIGEST_THREADS {
            let (waiting, shared) = (Arc::clone(&waiting), Arc::clone(&shared));
            let machine = machine.clone();
            std::thread::spawn(move || work(&waiting, &shared, &machine));
        }
        Digests { jobs, shared, machine }
    }

    /// What is known of a file: nothing, that it is looked at, or what it is. What takes longer than an event waits is
    /// unknown for now, and what was unknown is looked at again when it is executed again.
    pub(super) fn answer(&self, executed: &Executed) -> Option<Option<Answer>> {
        let Kept { answer, since } = lock(&self.shared.answers).get(executed).cloned()?;
        match answer {
            None if since.elapsed() > WAIT_MAX => {
                self.shared.unknown("it took longer than an event waits");
                Some(Some(Answer::Unknown))
            }
            Some(Answer::Unknown) if since.elapsed() > DIGEST_AGAIN_AFTER => None,
            known => Some(known),
        }
    }

    /// Has it looked at. None, or what is known at once: nothing, when too many wait.
    pub(super) fn ask(&self, mut job: Job) -> Option<Answer> {
        self.shared.keep(job.executed.clone(), None);
        // The process may be gone in a moment. Following the kernel's link to its file waits for nobody.
        let link = job.processes.first().map(|process| self.machine.of_process(*process, "exe"));
        job.handle =
            link.and_then(|link| openat(CWD, link, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok());
        match self.jobs.try_send(job) {
            Ok(()) => None,
            Err(_) => {
                self.shared.unknown("too many waited already");
                Some(Answer::Unknown)
            }
        }
    }

    /// Why files are unknown, and how many.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        let unknown = lock(&self.shared.unknown);
        let mut gaps: Vec<Gap> = unknown
            .iter()
            .map(|(reason, count)| {
                let reason = format!("whether {count} executed files are the image's is not known: {reason}");
                Gap::of_target(GapKind::Undetermined, reason)
            })
            .collect();
        gaps.sort_by(|a, b| a.reason.cmp(&b.reason));
        gaps
    }
}

impl Shared {
    fn keep(&self, executed: Executed, answer: Option<Answer>) {
        let mut answers = lock(&self.answers);
        if answers.len() >= DIGESTS_KEPT_MAX {
            answers.clear();
        }
        answers.insert(executed, Kept { answer, since: Instant::now() });
    }

    fn unknown(&self, reason: &'static str) {
        *lock(&self.unknown).entry(reason).or_default() += 1;
    }
}

fn work(waiting: &Mutex<Receiver<Job>>, shared: &Shared, machine: &Machine) {
    loop {
        // The lock is held while waiting: whoever has it is the next.
        let Ok(mut job) = lock(waiting).recv() else { return };
        let cgroup = job.cgroup.take();
        job.processes.extend(cgroup.iter().flat_map(|cgroup| machine.processes(cgroup)));
        let answer = look(&mut job, shared, machine).unwrap_or_else(|reason| {
            shared.unknown(reason);
            Answer::Unknown
        });
        shared.keep(job.executed, Some(answer));
    }
}

/// A file that was found: a handle that reads nothing.
struct Found {
    handle: OwnedFd,
    about: Statx,
}

fn look(job: &mut Job, shared: &Shared, machine: &Machine) -> Result<Answer, &'static str> {
    let found = find(job, machine).ok_or("the file was gone before it could be read")?;
    let identity = identity(&found.about);
    if identity.size_bytes != job.size_bytes {
        return Ok(Answer::HasSize(identity.size_bytes));
    }
    let is_kept = job.executed.once.is_none();
    if let Some(digest) = lock(&shared.digested).get(&identity).filter(|_| is_kept) {
        return Ok(Answer::Is(digest.clone()));
    }
    if identity.size_bytes > DIGEST_BYTES_MAX {
        return Err("the file is larger than is digested");
    }
    let kind = file_system(&found, job, machine).ok_or("its file system could not be told")?;
    if !FILE_SYSTEMS.contains(&kind.as_str()) {
        return Err("its file system is one that a program or another machine answers for");
    }
    let digest = digest(&found.handle).map_err(|_| "the file could not be read")?;
    let after = about(&found.handle).map(|about| self::identity(&about));
    if after != Some(identity) {
        return Err("the file changed while it was read");
    }
    if is_kept {
        let mut digested = lock(&shared.digested);
        if digested.len() >= DIGESTS_KEPT_MAX {
            digested.clear();
        }
        digested.insert(identity, digest.clone());
    }
    Ok(Answer::Is(digest))
}

/// The file that was executed, as long as some process leads to it.
fn find(job: &mut Job, machine: &Machine) -> Option<Found> {
    let Job { executed, processes, handle, .. } = job;
    let is_it = |found: &Found| {
        let is = identity(&found.about);
        is.inode == executed.inode
            && is.changed_ns == executed.changed_ns
            && is.modified_ns == executed.modified_ns
    };
    let found = |handle: OwnedFd| Some(Found { about: about(&handle)?, handle }).filter(is_it);
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let below_root = |process: &u32| {
        let root = machine.of_process(*process, "root");
        let root = openat(CWD, root, flags | OFlags::DIRECTORY, Mode::empty()).ok()?;
        let below = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        found(openat2(root, &executed.path, flags | OFlags::NOFOLLOW, Mode::empty(), below).ok()?)
    };
    handle.take().and_then(found).or_else(|| processes.iter().find_map(below_root))
}

/// What the kernel remembers of a file; nobody is asked for news.
fn about(file: impl AsFd) -> Option<Statx> {
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let about = statx(file, c"", flags, StatxFlags::BASIC_STATS | StatxFlags::MNT_ID).ok()?;
    let kind = rustix::fs::FileType::from_raw_mode(about.stx_mode.into());
    (kind == rustix::fs::FileType::RegularFile).then_some(about)
}

fn identity(about: &Statx) -> Identity {
    let nanoseconds = |time: rustix::fs::StatxTimestamp| {
        u64::try_from(time.tv_sec).unwrap_or_default() * 1_000_000_000 + u64::from(time.tv_nsec)
    };
    Identity {
        device: (about.stx_dev_major, about.stx_dev_minor),
        inode: about.stx_ino,
        modified_ns: nanoseconds(about.stx_mtime),
        changed_ns: nanoseconds(about.stx_ctime),
        size_bytes: about.stx_size,
    }
}

/// The kind of the file's file system, by the mounts of a process that sees it (proc_pid_mountinfo(5)).
fn file_system(found: &Found, job: &Job, machine: &Machine) -> Option<String> {
    let mount = found.about.stx_mnt_id.to_string();
    job.processes.iter().find_map(|process| {
        let file = File::open(machine.of_process(*process, "mountinfo")).ok()?;
        let mut text = String::new();
        file.take(16 * PROC_FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
        let line = text.lines().find(|line| line.split(' ').next() == Some(&mount))?;
        let (_, behind) = line.split_once(" - ")?;
        behind.split(' ').next().map(str::to_owned)
    })
}

fn digest(handle: &OwnedFd) -> io::Result<Digest> {
    // A handle is opened again for reading; somebody's lease on the file must not be waited for.
    let path = PathBuf::from(format!("/proc/self/fd/{}", handle.as_raw_fd()));
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut file = File::from(openat(CWD, &path, flags, Mode::empty())?);
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    let start = Instant::now();
    let mut left = DIGEST_BYTES_MAX;
    loop {
        let length = file.read(&mut buffer)?;
        left = left.saturating_sub(length as u64);
        match buffer.get(..length) {
            Some([]) | None => return Ok(Digest::sha256(hash.finalize().into())),
            Some(_) if left == 0 || start.elapsed() > DIGEST_TIME_MAX => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Some(piece) => hash.update(piece),
        }
    }
}
