//! The write-ahead log beside `rpmdb.sqlite` (https://www.sqlite.org/fileformat2.html, "The Write-Ahead Log").
//!
//! rpm empties it whenever it closes the database. One that holds pages is left by a build that was killed or copied
//! while rpm ran: what is in it is not read, and that is a gap.

use seawall_finding::GapKind;
use seawall_inventory::{Content, Entry, EntryKind, Interest};

use crate::Catalog;
use crate::rpm::{DIRECTORIES, root};

const HEAD_BYTES: usize = 32;
const FRAME_HEAD_BYTES: usize = 24;
const READ_BYTES: usize = HEAD_BYTES + FRAME_HEAD_BYTES;
const MAGIC: &[u8] = &[0x37, 0x7f, 0x06];

pub(super) fn interest(entry: &Entry<'_>) -> Interest {
    let is_log = entry.kind == EntryKind::File
        && entry.name() == "rpmdb.sqlite-wal"
        && root(entry, DIRECTORIES).is_some();
    if is_log { Interest::Head(READ_BYTES as u32) } else { Interest::No }
}

pub(super) fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    match content.head(READ_BYTES) {
        Ok(head) if holds_pages(head) => {
            let reason = "it holds changes of the rpm database that were not written to it";
            catalog.gap(GapKind::Unsupported, entry.path, reason);
        }
        Ok(_) => {}
        Err(error) => catalog.gap(GapKind::Unreadable, entry.path, error),
    }
}

/// Whether the first frame is of this log: frames with another salt are left over from before it was reset.
fn holds_pages(head: &[u8]) -> bool {
    let salt = |at: usize| head.get(at..at + 8);
    head.starts_with(MAGIC)
        && head.len() == READ_BYTES
        && salt(HEAD_BYTES - 16) == salt(HEAD_BYTES + FRAME_HEAD_BYTES - 16)
}
