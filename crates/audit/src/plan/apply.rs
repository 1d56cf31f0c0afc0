//! Applies a plan: the only code of this crate that writes.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Uid, chownat, fchmod, fchown, fstat, openat, openat2,
    renameat, unlinkat,
};

use super::{Edit, Permission, Plan};

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

/// Why a plan was not (wholly) applied. What was changed before stays changed, with its backup.
#[derive(Debug, thiserror::Error)]
#[error("cannot change {path}; {} changed before it", changed.len())]
pub struct ApplyError {
    /// The path that could not be changed.
    pub path: String,
    /// What was changed before.
    pub changed: Vec<String>,
    /// Why.
    #[source]
    pub cause: ApplyCause,
}

/// Why a file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyCause {
    /// It is not as it was when the plan was made.
    #[error("it has changed since the plan was made; audit again")]
    Changed,
    /// The operating system refuses.
    #[error("the operating system refuses")]
    Io(#[from] io::Error),
}

impl From<rustix::io::Errno> for ApplyCause {
    fn from(error: rustix::io::Errno) -> ApplyCause {
        ApplyCause::Io(error.into())
    }
}

/// Applies a plan. Each file is copied to the backup directory first and replaced as a whole; a file that is no longer
/// as the plan saw it stops everything.
///
/// # Errors
/// A file has changed since, or cannot be written.
pub fn apply(plan: &Plan, backup_directory: &Path) -> Result<Applied, ApplyError> {
    let mut applied = Applied::default();
    let open = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = rustix::fs::open(&plan.root, open, Mode::empty());
    let root = root.map_err(|error| failed("/", &applied, error.into()))?;
    for edit in &plan.edits {
        match write(&root, edit, backup_directory) {
            Ok(backup) => applied.backups.extend(backup),
            Err(cause) => return Err(failed(&edit.path, &applied, cause)),
        }
        applied.changed.push(edit.path.clone());
        applied.then.push(edit.then);
    }
    for permission in &plan.permissions {
        permit(&root, permission).map_err(|cause| failed(&permission.path, &applied, cause))?;
        applied.changed.push(permission.path.clone());
    }
    applied.changed.dedup();
    applied.then.dedup();
    Ok(applied)
}

fn failed(path: &str, applied: &Applied, cause: ApplyCause) -> ApplyError {
    ApplyError { path: path.to_owned(), changed: applied.changed.clone(), cause }
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
        Some(text) => Some(backed_up(backup_directory, &edit.path, text)?),
    };
    let temporary = format!(".{name}.seawall");
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(&directory, &*temporary, flags, Mode::from_raw_mode(0o600))?;
    let written =
        fill(file, edit, stat.as_ref().map(|stat| (stat.st_uid, stat.st_gid, stat.st_mode & 0o7777)));
    let placed = written.and_then(|()| Ok(renameat(&directory, &*temporary, &directory, name)?));
    if placed.is_err() {
        // What could not be put in place is not left behind; that it stays would be the smaller problem.
        let _ = unlinkat(&directory, &*temporary, AtFlags::empty());
    }
    placed.map(|()| backup)
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

fn backed_up(directory: &Path, path: &str, text: &[u8]) -> Result<PathBuf, ApplyCause> {
    fs::create_dir_all(directory)?;
    let name = path.trim_start_matches('/').replace('/', "__");
    let mut backup = directory.join(&name);
    let mut number = 1;
    // A backup of an earlier time is what somebody may still want back.
    while backup.exists() {
        backup = directory.join(format!("{name}.{number}"));
        number += 1;
    }
    fs::write(&backup, text)?;
    Ok(backup)
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
