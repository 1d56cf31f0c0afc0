//! Applies a plan: the only code of this crate that writes.

use std::fmt;
use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, FlockOperation, Gid, Mode, OFlags, ResolveFlags, Uid, chownat, fchmod, fchown, flock,
    fstat, ftruncate, openat, openat2, renameat, statat, unlinkat,
};

use super::masked::line;
use super::{Edit, Permission, Plan};
use crate::limits::BACKUPS_MAX;

/// What was changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// Paths that were changed, in the order of the plan.
    pub changed: Vec<String>,
    /// Where the former files are.
    pub backups: Vec<PathBuf>,
    /// Commands that make the changes take effect.
    pub then: Vec<&'static str>,
}

/// Why a plan was not wholly applied. What could be changed is changed.
#[derive(Debug, thiserror::Error)]
pub struct ApplyError {
    /// What could not be changed.
    pub failed: Vec<Failed>,
    /// What was changed nevertheless, with its backups.
    pub applied: Applied,
}

/// A file that was not changed.
#[derive(Debug)]
pub struct Failed {
    /// Path from the root.
    pub path: String,
    /// Why.
    pub cause: ApplyCause,
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.failed.iter().map(|it| format!("{}: {}", line(&it.path), it.cause));
        write!(f, "cannot change {}", failed.collect::<Vec<_>>().join("; "))?;
        let Applied { changed, backups, then } = &self.applied;
        if !changed.is_empty() {
            write!(f, "; changed nevertheless: {}", line(&changed.join(", ")))?;
        }
        for backup in backups {
            write!(f, "; kept {}", line(&backup.display().to_string()))?;
        }
        if !then.is_empty() {
            write!(f, "; to take effect: {}", then.join("; "))?;
        }
        Ok(())
    }
}

/// Why a file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyCause {
    /// It is not as it was when the plan was made.
    #[error("it has changed since the plan was made; audit again")]
    Changed,
    /// The operating system refuses.
    #[error("the operating system refuses: {0}")]
    Io(#[from] io::Error),
}

impl From<rustix::io::Errno> for ApplyCause {
    fn from(error: rustix::io::Errno) -> ApplyCause {
        ApplyCause::Io(error.into())
    }
}

/// Applies a plan. Each file is copied to the backup directory first and replaced as a whole; one that is no longer as
/// the plan saw it stays as it is, and keeps no other from being changed.
///
/// # Errors
/// Some file has changed since, or cannot be written.
pub fn apply(plan: &Plan, backup_directory: &Path) -> Result<Applied, ApplyError> {
    let mut applied = Applied::default();
    let mut failed: Vec<Failed> = Vec::new();
    let open = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = match rustix::fs::open(&plan.root, open, Mode::empty()) {
        Ok(root) => root,
        Err(error) => {
            failed.push(Failed { path: "/".to_owned(), cause: error.into() });
            return Err(ApplyError { failed, applied });
        }
    };
    for edit in &plan.edits {
        match write(&root, edit, backup_directory) {
            Ok(backup) => {
                applied.backups.extend(backup);
                applied.changed.push(edit.path.clone());
                applied.then.push(edit.then);
            }
            Err(cause) => failed.push(Failed { path: edit.path.clone(), cause }),
        }
    }
    for permission in &plan.permissions {
        // The next change of a file builds on the one before it.
        if failed.iter().any(|it| it.path == permission.path) {
            continue;
        }
        match permit(&root, permission) {
            Ok(()) => applied.changed.push(permission.path.clone()),
            Err(cause) => failed.push(Failed { path: permission.path.clone(), cause }),
        }
    }
    applied.changed.dedup();
    applied.then.dedup();
    if failed.is_empty() { Ok(applied) } else { Err(ApplyError { failed, applied }) }
}

/// No link leads out of the root, for writing less than for reading.
fn enter(root: &OwnedFd, path: &str, flags: OFlags) -> Result<OwnedFd, rustix::io::Errno> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)
}

/// The directory of a path, made where it is missing.
fn parent(root: &OwnedFd, path: &str) -> Result<OwnedFd, ApplyCause> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    match enter(root, path, flags) {
        Ok(directory) => Ok(directory),
        Err(rustix::io::Errno::NOENT) if !path.is_empty() && path != "/" => {
            let (above, name) = path.rsplit_once('/').unwrap_or(("/", path));
            let above = parent(root, if above.is_empty() { "/" } else { above })?;
            rustix::fs::mkdirat(&above, name, Mode::from_raw_mode(0o755))?;
            Ok(enter(root, path, flags)?)
        }
        Err(error) => Err(error.into()),
    }
}

fn write(root: &OwnedFd, edit: &Edit, backup_directory: &Path) -> Result<Option<PathBuf>, ApplyCause> {
    let (directory, name) = edit.path.rsplit_once('/').unwrap_or(("/", &edit.path));
    let directory = parent(root, if directory.is_empty() { "/" } else { directory })?;
    let old = match openat(
        &directory,
        name,
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
    ) {
        Ok(file) => Some(file),
        Err(rustix::io::Errno::NOENT) => None,
        Err(error) => return Err(error.into()),
    };
    let stat = old.as_ref().map(fstat).transpose()?;
    if stat.is_some_and(|stat| FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile) {
        return Err(ApplyCause::Changed);
    }
    let mut text = Vec::new();
    if let Some(file) = old {
        File::from(file).read_to_end(&mut text)?;
    }
    let now = stat.map(|_| text.as_slice());
    if now != edit.before.as_deref().map(str::as_bytes) {
        return Err(ApplyCause::Changed);
    }
    let backup = match now {
        None => None,
        Some(text) => Some(backed_up(backup_directory, &edit.path, text, stat.map(|stat| stat.st_mode))?),
    };
    let temporary = format!(".{name}.seawall");
    let file = claimed(&directory, &temporary)?;
    let written =
        fill(file, edit, stat.as_ref().map(|stat| (stat.st_uid, stat.st_gid, stat.st_mode & 0o7777)));
    let placed = written.and_then(|()| Ok(renameat(&directory, &*temporary, &directory, name)?));
    if placed.is_err() {
        // What could not be put in place is not left behind; that it stays would be the smaller problem.
        let _ = unlinkat(&directory, &*temporary, AtFlags::empty());
    }
    placed.map(|()| backup)
}

/// The temporary file, new or left by an apply that was killed: whoever has its lock has it for himself.
fn claimed(directory: &OwnedFd, name: &str) -> Result<OwnedFd, ApplyCause> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(directory, name, flags, Mode::from_raw_mode(0o600))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    let (own, named) = (fstat(&file)?, statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?);
    let is_ours = FileType::from_raw_mode(own.st_mode) == FileType::RegularFile
        && own.st_nlink == 1
        && own.st_uid == rustix::process::geteuid().as_raw();
    // Another apply may have put it in place between opening and locking.
    if !is_ours || (own.st_dev, own.st_ino) != (named.st_dev, named.st_ino) {
        return Err(io::Error::other(format!("{name} beside it is not ours; remove it")).into());
    }
    fchmod(&file, Mode::from_raw_mode(0o600))?;
    ftruncate(&file, 0)?;
    Ok(file)
}

fn fill(file: OwnedFd, edit: &Edit, former: Option<(u32, u32, u32)>) -> Result<(), ApplyCause> {
    let (uid, gid, mode) = former.unwrap_or((0, 0, 0o644));
    if former.is_some() {
        fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    fchmod(&file, Mode::from_raw_mode(mode))?;
    let mut file = File::from(file);
    file.write_all(edit.after.as_bytes())?;
    file.sync_all()?;
    Ok(())
}

/// A copy that nobody may read who could not read the file, under a name that was free: a backup of an earlier time is
/// what somebody may still want back, and a link there leads to somewhere else.
fn backed_up(directory: &Path, path: &str, text: &[u8], mode: Option<u32>) -> Result<PathBuf, ApplyCause> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(directory, flags, Mode::empty())?;
    let plain = path.trim_start_matches('/').replace('/', "__");
    for number in 0..BACKUPS_MAX {
        let name = if number == 0 { plain.clone() } else { format!("{plain}.{number}") };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match openat(&opened, &*name, flags, Mode::from_raw_mode(0o600)) {
            Err(rustix::io::Errno::EXIST) => continue,
            file => file?,
        };
        fchmod(&file, Mode::from_raw_mode(mode.unwrap_or(0o600) & 0o644))?;
        let mut file = File::from(file);
        file.write_all(text)?;
        file.sync_all()?;
        return Ok(directory.join(name));
    }
    Err(io::Error::other(format!("there are {BACKUPS_MAX} backups of it")).into())
}

fn permit(root: &OwnedFd, permission: &Permission) -> Result<(), ApplyCause> {
    let file = enter(root, &permission.path, OFlags::PATH)?;
    let stat = fstat(&file)?;
    if (stat.st_uid, stat.st_gid, stat.st_mode & 0o7777) != permission.before {
        return Err(ApplyCause::Changed);
    }
    let (uid, gid, mode) = permission.after;
    if (stat.st_uid, stat.st_gid) != (uid, gid) {
        chownat(&file, "", Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::EMPTY_PATH)?;
    }
    if stat.st_mode & 0o7777 != mode {
        // A socket cannot be opened, and the kernel changes no mode through a path descriptor but by this name.
        let name = format!("/proc/self/fd/{}", file.as_raw_fd());
        rustix::fs::chmod(name, Mode::from_raw_mode(mode))?;
    }
    Ok(())
}
