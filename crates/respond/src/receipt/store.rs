//! The directory of receipts: a file each, written whole or not at all, also when the disk is full.
//!
//! Files: `ID.json`, the receipts; `reserve`, room for them when the disk is full; `lock`, held by the Seawall that
//! acts; `ID.undo`, asked of it by another.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, FlockOperation, OFlags, fallocate, flock};

use super::{Outcome, Receipt, ReceiptId};
use crate::limits::{RECEIPT_BYTES_MAX, RECEIPTS_MAX, RESERVE_BYTES, RESERVE_STEP_BYTES, TEXT_BYTES_MAX};

const RESERVE: &str = "reserve";
const LOCK: &str = "lock";

/// Why receipts could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {path}")]
pub struct ReceiptError {
    operation: &'static str,
    path: String,
    #[source]
    source: io::Error,
}

fn error(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ReceiptError {
    move |source| ReceiptError { operation, path: path.display().to_string(), source }
}

/// What a written file outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// Its process.
    Memory,
    /// The machine.
    Disk,
}

/// A directory of receipts.
#[derive(Debug, Clone)]
pub struct Receipts {
    directory: PathBuf,
}

/// Held while its process lives: whoever has it acts and undoes.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Receipts {
    /// The receipts of a directory that is there.
    pub fn at(directory: impl Into<PathBuf>) -> Receipts {
        Receipts { directory: directory.into() }
    }

    /// Makes the directory where it is missing, readable by its owner only, and the reserve.
    ///
    /// # Errors
    /// It cannot be made, or nothing can be written there.
    pub fn create(directory: impl Into<PathBuf>) -> Result<Receipts, ReceiptError> {
        let receipts = Receipts::at(directory);
        let directory = &receipts.directory;
        private_directory(directory).map_err(error("make the directory of receipts", directory))?;
        receipts.refuse_others()?;
        receipts.fill_reserve().map_err(error("keep room for receipts in", directory))?;
        Ok(receipts)
    }

    /// Where they are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn fill_reserve(&self) -> io::Result<()> {
        let path = self.directory.join(RESERVE);
        let file = own_file(&path)?;
        if file.metadata()?.len() < RESERVE_BYTES {
            // A file system without preallocation keeps none.
            match fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES) {
                Ok(()) | Err(rustix::io::Errno::OPNOTSUPP) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Writes a receipt, in place of an earlier one of its name; on a full disk into the room kept for it.
    ///
    /// # Errors
    /// It cannot be written: what it says must not be done then.
    pub(crate) fn write(&self, receipt: &Receipt) -> Result<(), ReceiptError> {
        let path = self.directory.join(format!("{}.json", receipt.id));
        let told = serde_json::to_vec_pretty(receipt).map_err(|cause| error("write", &path)(cause.into()))?;
        // What is only begun outlives its process in memory; to wait for the disk would let the attacker go on.
        let is_begun = receipt.outcome == Outcome::Begun;
        let durability = if is_begun { Durability::Memory } else { Durability::Disk };
        let mut written = self.write_bytes(&path, &told, durability);
        // Whoever fills the disk may be faster than we with what is given up: again, until nothing is left.
        while matches!(&written, Err(cause) if cause.kind() == io::ErrorKind::StorageFull)
            && self.give_up_room()
        {
            written = self.write_bytes(&path, &told, durability);
        }
        if written.is_ok() {
            // Where there is room again.
            let _ = self.fill_reserve();
        }
        written.map_err(error("write", &path))
    }

    /// Gives up a piece of the reserve; whether there was one.
    fn give_up_room(&self) -> bool {
        let shrink = || -> io::Result<bool> {
            let file = own_file(&self.directory.join(RESERVE))?;
            let length = file.metadata()?.len();
            file.set_len(length.saturating_sub(RESERVE_STEP_BYTES))?;
            Ok(length > 0)
        };
        shrink().unwrap_or(false)
    }

    fn write_bytes(&self, path: &Path, bytes: &[u8], durability: Durability) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(bytes)?;
        if durability == Durability::Disk {
            file.as_file().sync_data()?;
        }
        file.persist(path)?;
        Ok(())
    }

    /// One receipt.
    ///
    /// # Errors
    /// There is none of that name, or it is not what Seawall writes.
    pub fn read(&self, id: &ReceiptId) -> Result<Receipt, ReceiptError> {
        let path = self.directory.join(format!("{id}.json"));
        let read = || -> io::Result<Receipt> {
            let mut text = String::new();
            own_receipt(&path)?.take(RECEIPT_BYTES_MAX).read_to_string(&mut text)?;
            let receipt: Receipt = serde_json::from_str(&text)?;
            match receipt.id == *id {
                true => Ok(receipt),
                false => Err(io::Error::new(io::ErrorKind::InvalidData, "it is the receipt of another name")),
            }
        };
        read().map_err(error("read the receipt", &path))
    }

    /// All receipts, the oldest first, and what is wrong with those that cannot be read.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn all(&self) -> Result<(Vec<Receipt>, Vec<ReceiptError>), ReceiptError> {
        let (mut receipts, mut wrong) = (Vec::new(), Vec::new());
        for id in self.ids("json")? {
            match self.read(&id) {
                Ok(receipt) => receipts.push(receipt),
                Err(error) => wrong.push(error),
            }
        }
        Ok((receipts, wrong))
    }

    /// What is called after a receipt and ends so, in order.
    pub(crate) fn ids(&self, ending: &str) -> Result<Vec<ReceiptId>, ReceiptError> {
        let entries = fs::read_dir(&self.directory).map_err(error("list", &self.directory))?;
        let id = |entry: io::Result<fs::DirEntry>| {
            let name = entry.ok()?.file_name();
            name.to_str()?.strip_suffix(&format!(".{ending}"))?.parse().ok()
        };
        let mut ids: Vec<ReceiptId> = entries.filter_map(id).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Removes the oldest receipts of which nothing lasts, where there are too many.
    pub(crate) fn prune(&self) -> Result<(), ReceiptError> {
        let ids = self.ids("json")?;
        let too_many = ids.len().saturating_sub(RECEIPTS_MAX);
        for id in ids.iter().take(too_many) {
            if self.read(id).is_ok_and(|receipt| !receipt.holds()) {
                let path = self.directory.join(format!("{id}.json"));
                fs::remove_file(&path).map_err(error("remove", &path))?;
            }
        }
        Ok(())
    }

    /// Becomes the one that acts; `None` while another is.
    ///
    /// # Errors
    /// The directory cannot be used, or others may write there: what receipts say is done as root.
    pub(crate) fn lock(&self) -> Result<Option<Lock>, ReceiptError> {
        self.refuse_others()?;
        let path = self.directory.join(LOCK);
        let file = own_file(&path).map_err(error("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(cause) => Err(error("lock", &path)(cause.into())),
        }
    }

    /// Refuses a directory in which others may write: what receipts say is done as root.
    fn refuse_others(&self) -> Result<(), ReceiptError> {
        let directory = fs::metadata(&self.directory).map_err(error("use", &self.directory))?;
        refuse_of_others(&directory, "others may write there; it must be private")
            .map_err(error("use", &self.directory))
    }

    /// Asks the Seawall that acts to undo it.
    pub(crate) fn ask_undo(&self, id: &ReceiptId) -> Result<(), ReceiptError> {
        let path = self.directory.join(format!("{id}.undo"));
        File::create(&path).map(drop).map_err(error("write", &path))
    }

    /// Takes such a question away.
    pub(crate) fn undo_answered(&self, id: &ReceiptId) {
        let _ = fs::remove_file(self.directory.join(format!("{id}.undo")));
    }
}

fn refuse_of_others(about: &fs::Metadata, reason: &str) -> io::Result<()> {
    let is_ours = about.mode() & 0o022 == 0 && about.uid() == rustix::process::geteuid().as_raw();
    if is_ours { Ok(()) } else { Err(io::Error::new(io::ErrorKind::PermissionDenied, reason)) }
}

/// A file of ours to write: no link is followed, nothing waited for.
fn own_file(path: &Path) -> io::Result<File> {
    let waits_for_nobody = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600).custom_flags(waits_for_nobody);
    regular(options.open(path)?)
}

/// A receipt to read. It may lie in a private directory and still be a link to, or a file of, somebody else.
fn own_receipt(path: &Path) -> io::Result<File> {
    let waits_for_nobody = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let file = regular(OpenOptions::new().read(true).custom_flags(waits_for_nobody).open(path)?)?;
    refuse_of_others(&file.metadata()?, "others may write it")?;
    Ok(file)
}

fn regular(file: File) -> io::Result<File> {
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(io::ErrorKind::Unsupported, "it is not a regular file")),
    }
}

/// Makes a directory that only its owner reads.
pub(crate) fn private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A text of a hostile process: no control characters, not too long.
pub(crate) fn sanitised(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
