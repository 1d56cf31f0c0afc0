//! Files as the walkers show them, and the visitors that look at them.
//!
//! A walker (image layer, directory, running container) calls every visitor for
//! every entry. A visitor says by name, kind, size and mode how much of a file it
//! may want; the walker then hands it a [`Content`] that reads no further than that.

use std::io::{self, Cursor, Read, Seek};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind<'a> {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link with its target as written.
    Symlink(&'a str),
    /// A hard link to an earlier path of the same layer, normalised like [`Entry::path`].
    Hardlink(&'a str),
    /// A device, FIFO or socket.
    Special,
}

/// One entry of a file tree.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Relative to the root, `/` between components, without leading `/`, `.` or
    /// `..`. Bytes that are not UTF-8 are written `\xNN`.
    pub path: &'a str,
    /// What it is.
    pub kind: EntryKind<'a>,
    /// Size of a regular file in bytes, 0 otherwise.
    pub size_bytes: u64,
    /// Permission bits with setuid, setgid and sticky: `0o4755`.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
}

impl<'a> Entry<'a> {
    /// The last path component.
    pub fn name(&self) -> &'a str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// The path without its last component, empty at the root.
    pub fn parent(&self) -> &'a str {
        self.path.rsplit_once('/').map_or("", |(parent, _)| parent)
    }

    /// Whether any execute bit is set.
    pub fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }
}

/// How much of a regular file a visitor may want: an upper bound that the walker enforces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interest {
    /// Nothing; `visit` is not called.
    No,
    /// At most this many bytes from the start.
    Head(u32),
    /// Any of it.
    Whole,
}

/// Random access to a file's bytes.
pub trait ReadSeek: Read + Seek {}
impl<T: Read + Seek + ?Sized> ReadSeek for T {}

/// The bytes of one file, read only as far as somebody asks.
///
/// A file inside a layer is a stream: what has been asked for is kept (in memory
/// up to a limit, in an unlinked temporary file beyond), so that every visitor sees
/// it from the start. A file of a directory is read in place.
pub trait Content {
    /// The size of the file in bytes.
    fn size_bytes(&self) -> u64;

    /// The first `bytes` bytes, fewer where the file is shorter.
    fn head(&mut self, bytes: usize) -> io::Result<&[u8]>;

    /// The whole file in memory.
    ///
    /// # Errors
    /// `io::ErrorKind::FileTooLarge` when it has more than `bytes_max` bytes; the caller
    /// reports a gap.
    fn whole(&mut self, bytes_max: u64) -> io::Result<&[u8]>;

    /// Gives the file from its start to its end, piece by piece, and keeps nothing of it: for whoever reads a file of
    /// any size once. In a layer the bytes are gone afterwards, so a visitor that streams is the last of its walk.
    fn stream(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<()>;

    /// A reader positioned at the start that can seek, for formats that are read from their end or in part
    /// (ELF sections, zip directories); does not hold the file in memory.
    fn seekable(&mut self) -> io::Result<&mut dyn ReadSeek>;
}

/// A file whose bytes are at hand.
#[derive(Debug, Clone)]
pub struct InMemory<'b>(Cursor<&'b [u8]>);

impl<'b> InMemory<'b> {
    /// The file with these bytes.
    pub fn new(bytes: &'b [u8]) -> InMemory<'b> {
        InMemory(Cursor::new(bytes))
    }
}

impl Content for InMemory<'_> {
    fn size_bytes(&self) -> u64 {
        self.0.get_ref().len() as u64
    }

    fn head(&mut self, bytes: usize) -> io::Result<&[u8]> {
        let all = self.0.get_ref();
        Ok(all.get(..bytes).unwrap_or(all))
    }

    fn whole(&mut self, bytes_max: u64) -> io::Result<&[u8]> {
        if self.size_bytes() > bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(self.0.get_ref())
    }

    fn stream(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        sink(self.0.get_ref());
        Ok(())
    }

    fn seekable(&mut self) -> io::Result<&mut dyn ReadSeek> {
        self.0.set_position(0);
        Ok(&mut self.0)
    }
}

/// Looks at the entries of one tree (a layer, a directory). What it learns it keeps;
/// whoever made the visitor takes it out after the walk.
pub trait Visitor {
    /// Called for each entry, before any content is read.
    fn interest(&self, entry: &Entry<'_>) -> Interest;

    /// Whether it wants more of a file under the name of a link, `named`, than under the file's own name, `own`. A
    /// visitor of many parts must ask each, lest one that wants every file hides that another wants this name.
    fn wants_more(&self, named: &Entry<'_>, own: &Entry<'_>) -> bool {
        let wanted = self.interest(named);
        wanted != Interest::No && wanted > self.interest(own)
    }

    /// Called for each regular file that `interest` wanted some of.
    ///
    /// A file that cannot be read or understood becomes a gap of the visitor, never a panic
    /// or an error of the walk.
    fn visit(&mut self, entry: &Entry<'_>, content: &mut dyn Content);

    /// Called when a later entry of the same layer takes the place of what was visited at `path` or below it (an
    /// archive may hold a path twice; the last wins): what it contributed to the tree must be forgotten.
    fn overwritten(&mut self, path: &str) {
        let _ = path;
    }
}
