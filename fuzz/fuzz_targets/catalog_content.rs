//! A file in memory as the readers see it.

use std::io::{self, Cursor};

use seawall_catalog::Cataloger;
use seawall_inventory::{Content, Entry, EntryKind, Interest, ReadSeek, Visitor};

struct Bytes<'a>(Cursor<&'a [u8]>);

impl Content for Bytes<'_> {
    fn size_bytes(&self) -> u64 {
        self.0.get_ref().len() as u64
    }

    fn head(&mut self, bytes: usize) -> io::Result<&[u8]> {
        let all = self.0.get_ref();
        Ok(&all[..bytes.min(all.len())])
    }

    fn whole(&mut self, bytes_max: u64) -> io::Result<&[u8]> {
        if self.size_bytes() > bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(self.0.get_ref())
    }

    fn seekable(&mut self) -> io::Result<&mut dyn ReadSeek> {
        self.0.set_position(0);
        Ok(&mut self.0)
    }
}

/// Shows one executable file to all readers.
pub fn show(path: &str, bytes: &[u8]) {
    let mut cataloger = Cataloger::new();
    let size_bytes = bytes.len() as u64;
    let entry = Entry { path, kind: EntryKind::File, size_bytes, mode: 0o755, uid: 0, gid: 0 };
    if cataloger.interest(&entry) != Interest::No {
        cataloger.visit(&entry, &mut Bytes(Cursor::new(bytes)));
    }
    let _ = cataloger.finish();
}
