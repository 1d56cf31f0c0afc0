//! A file in memory as the readers see it.

use seawall_catalog::Cataloger;
use seawall_inventory::{Entry, EntryKind, InMemory, Interest, Visitor};

/// Shows one executable file to all readers.
pub fn show(path: &str, bytes: &[u8]) {
    let mut cataloger = Cataloger::new();
    let size_bytes = bytes.len() as u64;
    let entry = Entry { path, kind: EntryKind::File, size_bytes, mode: 0o755, uid: 0, gid: 0 };
    if cataloger.interest(&entry) != Interest::No {
        cataloger.visit(&entry, &mut InMemory::new(bytes));
    }
    let _ = cataloger.finish();
}
