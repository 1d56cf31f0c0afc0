//! The one place of this crate that maps memory. Why it may: `docs/design/001-memory-map.md`.

use std::fs::File;
use std::io;
use std::path::Path;

/// A whole file, read-only, in memory.
#[derive(Debug)]
pub(crate) struct Map(memmap2::Mmap);

impl Map {
    #[expect(unsafe_code, reason = "a map is what lets many processes share the database without loading it")]
    pub(crate) fn open(path: &Path) -> io::Result<Map> {
        let file = File::open(path)?;
        // SAFETY: the bytes behind a map must not change while it exists. Shards are written under a
        // temporary name, synced, renamed to a name that contains their digest, and never opened for
        // writing again; an update removes the name, which leaves the mapped inode as it is. Nothing is
        // derived from the bytes but integers and copied, checked strings, so that even a foreign write
        // to the file could only change answers.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(Map(map))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}
