//! What `/proc` says of a process that was there before us.
//!
//! A process may end while it is read and may write what it likes into its arguments: each file is bounded, and what
//! cannot be read is not known.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use seawall_event::{ExeFile, Process};
use seawall_sensor::{Capabilities, Inside};

use super::{Seen, TICK_NS, directory};
use crate::limits::{ARGUMENT_BYTES_MAX, ENVIRONMENT_BYTES_MAX, PROC_FILE_BYTES_MAX};
use crate::translate::text;

/// Whether rules ask for the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Environments {
    Wanted,
    NotWanted,
}

/// A `/proc`.
pub(super) struct Root {
    path: PathBuf,
    environments: Environments,
}

/// One process of it.
pub(super) struct Found {
    pub(super) number: u32,
    pub(super) start_boot_ns: u64,
    pub(super) seen: Seen,
    pub(super) process: Process,
}

impl Root {
    pub(super) fn new(path: &Path, environments: Environments) -> Self {
        Self { path: path.to_owned(), environments }
    }

    /// Every process.
    pub(super) fn all(&self) -> Vec<Found> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(|number| self.one(number))
            .collect()
    }

    /// One process, if it is there.
    pub(super) fn one(&self, number: u32) -> Option<Found> {
        let path = self.path.join(number.to_string());
        let stat = Stat::parse(&read(&path.join("stat"), PROC_FILE_BYTES_MAX)?)?;
        let status = read(&path.join("status"), PROC_FILE_BYTES_MAX)?;
        let status = Status(&status);
        let words = |name: &str, bytes_max: u64| {
            let bytes = read_bytes(&path.join(name), bytes_max)?;
            Some(strings(&bytes))
        };
        let mut arguments = words("cmdline", ARGUMENT_BYTES_MAX).unwrap_or_default().into_iter();
        let environment = match self.environments {
            Environments::Wanted => words("environ", ENVIRONMENT_BYTES_MAX),
            Environments::NotWanted => None,
        };
        let (uid, gid) = (status.second("Uid")?, status.second("Gid")?);
        let login =
            read(&path.join("loginuid"), PROC_FILE_BYTES_MAX).and_then(|text| text.trim().parse().ok());
        let last = |name: &str, else_: u32| status.last(name).unwrap_or(else_);
        let seen = Seen {
            thread: number,
            parent: stat.parent,
            parent_start_boot_ns: 0,
            process_group: stat.process_group,
            session: stat.session,
            inside: Inside {
                thread: last("NSpid", number),
                process: last("NSpid", number),
                process_group: last("NSpgid", stat.process_group),
                session: last("NSsid", stat.session),
            },
            uid,
            gid,
            login_uid: login.filter(|uid| *uid != u32::MAX),
            capabilities: Capabilities {
                inheritable: status.set("CapInh"),
                permitted: status.set("CapPrm"),
                effective: status.set("CapEff"),
            },
            terminal: (stat.terminal != 0).then_some(stat.terminal),
            mount_namespace: namespace(&path, "mnt"),
            pid_namespace: namespace(&path, "pid"),
        };
        let process = Process {
            name: Some(stat.name),
            exe: arguments.next(),
            args: Some(arguments.collect()),
            env: environment,
            exe_path: fs::read_link(path.join("exe")).ok().map(|exe| shown(&exe)),
            cwd: fs::read_link(path.join("cwd")).ok().map(|cwd| directory(&cwd)),
            exe_file: fs::metadata(path.join("exe")).ok().map(|about| exe_file(&about)),
            ..Process::default()
        };
        Some(Found { number, start_boot_ns: stat.start_boot_ns, seen, process })
    }
}

/// A program whose file is gone has a mark behind its name.
fn shown(exe: &Path) -> String {
    let exe = text(exe.as_os_str());
    let name = exe.strip_suffix(" (deleted)").unwrap_or(&exe);
    name.strip_prefix('/').filter(|name| name.starts_with("memfd:")).unwrap_or(name).to_owned()
}

fn exe_file(about: &fs::Metadata) -> ExeFile {
    let nanoseconds = |seconds: i64, rest: i64| {
        u64::try_from(seconds.saturating_mul(1_000_000_000).saturating_add(rest)).ok()
    };
    ExeFile {
        inode: i64::try_from(about.ino()).ok(),
        changed_ns: nanoseconds(about.ctime(), about.ctime_nsec()),
        modified_ns: nanoseconds(about.mtime(), about.mtime_nsec()),
        ..ExeFile::default()
    }
}

/// The mount namespace of a process.
pub(super) fn mount_namespace(root: &Path, number: u32) -> u32 {
    namespace(&root.join(number.to_string()), "mnt")
}

fn namespace(path: &Path, name: &str) -> u32 {
    let namespace = fs::metadata(path.join("ns").join(name));
    namespace.ok().and_then(|about| u32::try_from(about.ino()).ok()).unwrap_or(0)
}

fn read_bytes(path: &Path, bytes_max: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(bytes_max).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn read(path: &Path, bytes_max: u64) -> Option<String> {
    read_bytes(path, bytes_max).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn strings(bytes: &[u8]) -> Vec<String> {
    if bytes.is_empty() {
        return Vec::new();
    }
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    bytes.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned()).collect()
}

/// `/proc/PID/stat`.
struct Stat {
    name: String,
    parent: u32,
    process_group: u32,
    session: u32,
    terminal: u32,
    start_boot_ns: u64,
}

impl Stat {
    /// The name is in parentheses and may hold some itself.
    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once('(')?;
        let (name, rest) = rest.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // The state is field 3.
        let field = |number: usize| fields.get(number.checked_sub(3)?).copied();
        let number =
            |place: usize| field(place)?.parse::<i64>().ok().and_then(|value| u32::try_from(value).ok());
        Some(Self {
            name: name.to_owned(),
            parent: number(4)?,
            process_group: number(5)?,
            session: number(6)?,
            terminal: number(7).unwrap_or(0),
            start_boot_ns: field(22)?.parse::<u64>().ok()?.checked_mul(TICK_NS)?,
        })
    }
}

/// `/proc/PID/status`.
struct Status<'t>(&'t str);

impl Status<'_> {
    fn line(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    }

    /// Of real, effective, saved and file system's, the effective one.
    fn second(&self, name: &str) -> Option<u32> {
        self.line(name)?.split_ascii_whitespace().nth(1)?.parse().ok()
    }

    /// The number in the innermost namespace.
    fn last(&self, name: &str) -> Option<u32> {
        self.line(name)?.split_ascii_whitespace().last()?.parse().ok()
    }

    fn set(&self, name: &str) -> u64 {
        self.line(name).and_then(|line| u64::from_str_radix(line.trim(), 16).ok()).unwrap_or(0)
    }
}
