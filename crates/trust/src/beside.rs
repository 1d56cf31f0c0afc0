//! Files that are written as a whole, so that nobody reads a half, where somebody else may write too.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// A file that becomes another once it is whole, and is gone if it does not.
pub(crate) struct Beside<'p> {
    pub(crate) file: File,
    path: PathBuf,
    target: &'p Path,
}

impl Beside<'_> {
    /// A new file in the directory of `target`, under a name that nobody can have laid a link at.
    pub(crate) fn create(target: &Path, mode: u32) -> io::Result<Beside<'_>> {
        let random: [u8; 16] = crate::key::random().map_err(io::Error::other)?;
        let path = target.with_file_name(format!(".{}.new", crate::hex(&random)));
        let flags = OFlags::NOFOLLOW.bits().cast_signed();
        let file =
            OpenOptions::new().write(true).create_new(true).mode(mode).custom_flags(flags).open(&path)?;
        Ok(Beside { file, path, target })
    }

    /// Takes the target's place, on the disk too.
    pub(crate) fn rename(self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, self.target)
    }
}

impl Drop for Beside<'_> {
    fn drop(&mut self) {
        // After the renaming there is none.
        let _ = fs::remove_file(&self.path);
    }
}
