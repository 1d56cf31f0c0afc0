//! `/proc/PID/root/etc/passwd` and `group`, and how the process's user namespace maps numbers.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;
use seawall_event::User;

/// A directory service may have written ten thousand users into it.
const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// `/proc/PID/uid_map`: at most 340 lines.
const MAP_BYTES_MAX: u64 = 16 * 1024;

/// Names of one table that are kept.
const NAMES_MAX: usize = 10_000;

/// A name, home or shell that is kept: paths and names longer than this are nobody's.
const FIELD_BYTES_MAX: usize = 512;

/// One more than a line of `passwd` has.
const FIELDS_MAX: usize = 8;

/// What the files of one namespace say.
#[derive(Debug, Default)]
pub(super) struct Tables {
    users: HashMap<u32, User>,
    groups: HashMap<u32, String>,
    uids: Mapping,
    gids: Mapping,
}

/// (first inside, first outside, how many): `/proc/PID/uid_map`.
#[derive(Debug, Default)]
struct Mapping(Vec<(u32, u32, u32)>);

impl Mapping {
    fn parse(text: &[u8]) -> Mapping {
        let text = String::from_utf8_lossy(text);
        let line = |line: &str| {
            let mut numbers = line.split_ascii_whitespace().map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?))
        };
        Mapping(text.lines().filter_map(line).collect())
    }

    /// The number inside; the same where nothing is mapped.
    fn inside(&self, outside: u32) -> Option<u32> {
        if self.0.is_empty() {
            return Some(outside);
        }
        self.0.iter().find_map(|(inside, first, count)| {
            let offset = outside.checked_sub(*first).filter(|offset| offset < count)?;
            inside.checked_add(offset)
        })
    }
}

impl Tables {
    /// A user by its number on the host.
    pub(super) fn user(&self, uid: u32) -> Option<&User> {
        self.users.get(&self.uids.inside(uid)?)
    }

    /// A group's name by its number on the host.
    pub(super) fn group(&self, gid: u32) -> Option<&str> {
        self.groups.get(&self.gids.inside(gid)?).map(String::as_str)
    }
}

/// Reads tables.
#[derive(Debug)]
pub(super) struct Reader {
    proc_root: PathBuf,
}

impl Reader {
    pub(super) fn new(proc_root: &Path) -> Reader {
        Reader { proc_root: proc_root.to_owned() }
    }

    /// The tables of a process, if it still is in that mount namespace. Files that are not there are empty tables.
    pub(super) fn read(&self, pid: u32, mount_namespace: u32) -> Option<Tables> {
        // The directory stays this process's, whoever gets its number next.
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let process = openat(CWD, self.proc_root.join(pid.to_string()), flags, Mode::empty()).ok()?;
        let root = openat(&process, "root", flags, Mode::empty()).ok()?;
        let namespace = openat(&process, "ns/mnt", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
        if fstat(&namespace).ok()?.st_ino != u64::from(mount_namespace) {
            return None;
        }
        let of_process = |name: &str| {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            let file = openat(&process, name, flags, Mode::empty())?;
            read_up_to(file, MAP_BYTES_MAX)
        };
        let mut tables = Tables {
            uids: Mapping::parse(&of_process("uid_map").unwrap_or_default()),
            gids: Mapping::parse(&of_process("gid_map").unwrap_or_default()),
            ..Tables::default()
        };
        let passwd = inside(&root, "etc/passwd").unwrap_or_default();
        for (uid, user) in lines(&passwd).filter_map(user).take(NAMES_MAX) {
            tables.users.entry(uid).or_insert(user);
        }
        let groups = inside(&root, "etc/group").unwrap_or_default();
        for (gid, name) in lines(&groups).filter_map(group).take(NAMES_MAX) {
            tables.groups.entry(gid).or_insert(name);
        }
        Some(tables)
    }
}

/// A regular file below a root that no link leaves.
fn inside(root: &OwnedFd, path: &str) -> Result<Vec<u8>, Errno> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    // Before it is opened: opening a device may do something.
    let seen = openat2(root, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve)?;
    if FileType::from_raw_mode(fstat(&seen)?.st_mode) != FileType::RegularFile {
        return Err(Errno::INVAL);
    }
    let file = openat2(root, path, flags, Mode::empty(), resolve)?;
    if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(Errno::INVAL);
    }
    read_up_to(file, FILE_BYTES_MAX)
}

/// What does not fit is not there: a table of half a line would name the wrong user.
fn read_up_to(file: OwnedFd, bytes_max: u64) -> Result<Vec<u8>, Errno> {
    let mut bytes = Vec::new();
    let read = File::from(file).take(bytes_max + 1).read_to_end(&mut bytes);
    match read {
        Ok(_) if bytes.len() as u64 <= bytes_max => Ok(bytes),
        Ok(_) => Err(Errno::FBIG),
        Err(error) => Err(Errno::from_io_error(&error).unwrap_or(Errno::IO)),
    }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = Vec<&str>> {
    let text = bytes.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    text.map(|line| line.trim_end_matches('\r').splitn(FIELDS_MAX, ':').collect())
}

/// `name:x:uid:gid:…:home:shell` (passwd(5)).
fn user(fields: Vec<&str>) -> Option<(u32, User)> {
    let [name, _, uid, _, _, home, shell] = fields.as_slice() else { return None };
    let uid = uid.parse().ok()?;
    let text =
        |field: &str| Some(field.to_owned()).filter(|text| !text.is_empty() && text.len() <= FIELD_BYTES_MAX);
    let name = text(name)?;
    Some((uid, User { uid: i64::from(uid), name: Some(name), home: text(home), shell: text(shell) }))
}

/// `name:x:gid:members` (group(5)).
fn group(fields: Vec<&str>) -> Option<(u32, String)> {
    let [name, _, gid, ..] = fields.as_slice() else { return None };
    let is_name = !name.is_empty() && name.len() <= FIELD_BYTES_MAX;
    is_name.then_some((gid.parse().ok()?, (*name).to_owned()))
}

/// A user in the bytes of a `passwd` file.
pub(crate) fn entry(passwd: &[u8], uid: u32) -> Option<User> {
    lines(passwd).filter_map(user).find(|(own, _)| *own == uid).map(|(_, user)| user)
}
