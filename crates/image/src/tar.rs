//! A bounded, streaming tar reader.
//!
//! Reads what container engines read (Go's `archive/tar`): POSIX ustar and PAX, GNU long names, old and PAX sparse
//! files, base-256 numbers. It differs from them where they fail: a bad member is a [`Problem`] and the reader goes
//! on with the next one it can find. Names are handed out as raw bytes; it neither opens nor creates files.

use std::io::{self, BufRead, Read};

use seawall_finding::GapKind;

use crate::limits::Limits;
use crate::path::{shown, too_long};

mod header;
mod pax;
mod sparse;
#[cfg(test)]
mod tests;

use header::Header;
use pax::Pax;
use sparse::{Segment, Sparse};

/// Tar's unit.
pub(crate) const BLOCK: usize = 512;

/// Whether these first bytes can begin a tar.
pub(crate) fn begins_tar(head: &[u8]) -> bool {
    head.first_chunk::<BLOCK>().is_some_and(|block| Header::parse(block).is_ok())
}

/// What a tar is read from.
pub(crate) trait Input: BufRead {
    /// Skips up to `bytes` bytes and says how many there were.
    fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        let mut left = bytes;
        while left > 0 {
            let available = self.fill_buf()?.len();
            if available == 0 {
                break;
            }
            let step = available.min(usize::try_from(left).unwrap_or(usize::MAX));
            self.consume(step);
            left -= step as u64;
        }
        Ok(bytes - left)
    }
}

impl Input for &[u8] {}

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum MemberKind {
    #[default]
    File,
    Directory,
    Symlink,
    Hardlink,
    /// A device or FIFO.
    Special,
}

/// One member's metadata; its content follows in the stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Member {
    /// As written.
    pub(crate) path: Vec<u8>,
    /// A link's target as written.
    pub(crate) link: Vec<u8>,
    pub(crate) kind: MemberKind,
    /// Size of the content with its holes, 0 for anything but a file.
    pub(crate) size_bytes: u64,
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
    /// When it was changed: nanoseconds since 1970.
    pub(crate) changed_ns: u64,
    /// Where the content begins in the archive; `None` where it has holes.
    pub(crate) data_offset: Option<u64>,
}

/// Something in the archive that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The member concerned as written, empty where not known.
    pub(crate) path: Vec<u8>,
    pub(crate) kind: GapKind,
    pub(crate) reason: String,
}

/// What [`Tar::advance`] came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A member: see [`Tar::member`] and [`Tar::body`].
    Member,
    /// A member that cannot be had; the next call goes on behind it.
    Problem(Problem),
    /// The archive breaks off inside a header or a file.
    Truncated,
    /// The end of the archive.
    End,
}

/// The reader.
pub(crate) struct Tar<'l, I> {
    input: I,
    limits: &'l Limits,
    /// Bytes read so far.
    position: u64,
    member: Member,
    /// Stored bytes of the current member's content not read yet, and the padding behind them.
    body_left: u64,
    padding: u64,
    sparse: Option<Sparse>,
    pending: Pending,
    /// Zero blocks in a row; two end the archive.
    zero_blocks: u32,
    /// Whether the last header was garbage, so that a valid one is being looked for.
    lost: bool,
    ended: bool,
}

/// What extended headers say about the next member.
#[derive(Default)]
struct Pending {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: Pax,
    /// An extended header that could not be used: the member it belongs to is not what it seems.
    refusal: Option<(GapKind, String)>,
}

impl<'l, I: Input> Tar<'l, I> {
    pub(crate) fn new(input: I, limits: &'l Limits) -> Tar<'l, I> {
        Tar {
            input,
            limits,
            position: 0,
            member: Member::default(),
            body_left: 0,
            padding: 0,
            sparse: None,
            pending: Pending::default(),
            zero_blocks: 0,
            lost: false,
            ended: false,
        }
    }

    /// The member that the last step came to.
    pub(crate) fn member(&self) -> &Member {
        &self.member
    }

    /// The content of the current member; what is not read of it is skipped.
    pub(crate) fn body(&mut self) -> Body<'_, 'l, I> {
        Body { tar: self }
    }

    /// What follows the end of the archive.
    pub(crate) fn into_input(self) -> I {
        self.input
    }

    /// Goes to the next member.
    ///
    /// # Errors
    /// The input cannot be read; nothing more can be had.
    pub(crate) fn advance(&mut self) -> io::Result<Step> {
        if self.ended {
            return Ok(Step::End);
        }
        let step = self.search();
        if matches!(step, Err(_) | Ok(Step::Truncated | Step::End)) {
            self.ended = true;
        }
        step
    }

    fn search(&mut self) -> io::Result<Step> {
        loop {
            if !self.skip_body()? {
                return Ok(Step::Truncated);
            }
            let mut block = [0; BLOCK];
            match self.fill(&mut block)? {
                0 => return Ok(Step::End),
                BLOCK => {}
                _ => return Ok(Step::Truncated),
            }
            if block.iter().all(|&byte| byte == 0) {
                self.zero_blocks += u32::from(!self.lost);
                if self.zero_blocks == 2 {
                    return Ok(Step::End);
                }
                continue;
            }
            self.zero_blocks = 0;
            match Header::parse(&block) {
                Ok(header) if !self.lost || header.has_magic => {
                    self.lost = false;
                    if let Some(step) = self.header(header)? {
                        return Ok(step);
                    }
                }
                Ok(_) => {}
                Err(_) if self.lost => {}
                Err(reason) => {
                    self.lost = true;
                    self.pending = Pending::default();
                    let path = std::mem::take(&mut self.member.path);
                    let reason = format!("the archive is damaged behind this file: {reason}");
                    return Ok(Step::Problem(Problem { path, kind: GapKind::Malformed, reason }));
                }
            }
        }
    }

    /// Takes in one valid header; `None` when it only says something about the next.
    fn header(&mut self, header: Header<'_>) -> io::Result<Option<Step>> {
        match header.type_flag {
            b'x' => {
                self.pending.pax = Pax::default();
                match self.extended(&header)? {
                    Some(Ok(bytes)) => match Pax::parse(&bytes, self.limits) {
                        Ok(pax) => self.pending.pax = pax,
                        Err(refusal) => self.pending.refusal = Some(refusal),
                    },
                    Some(Err(refusal)) => self.pending.refusal = Some(refusal),
                    None => return Ok(Some(Step::Truncated)),
                }
                Ok(None)
            }
            b'L' | b'K' => {
                match self.extended(&header)? {
                    Some(Ok(bytes)) => {
                        let name = Some(header::until_nul(&bytes).to_vec());
                        match header.type_flag {
                            b'L' => self.pending.path = name,
                            _ => self.pending.link = name,
                        }
                    }
                    Some(Err(refusal)) => self.pending.refusal = Some(refusal),
                    None => return Ok(Some(Step::Truncated)),
                }
                Ok(None)
            }
            // Engines read global headers and do not apply them (Go's archive/tar); `git archive` writes a comment.
            // GNU's volume labels (`V`) and multi-volume and incremental records (`M`, `D`, `N`) make no files.
            b'g' | b'V' | b'D' | b'N' | b'M' => {
                self.set_body(header.size_bytes);
                Ok(None)
            }
            _ => self.file(header).map(Some),
        }
    }

    /// The bytes of an extended header, `None` when the archive ends inside it. One that is too large is skipped.
    #[expect(clippy::type_complexity, reason = "outcome, refusal and end in one")]
    fn extended(&mut self, header: &Header<'_>) -> io::Result<Option<Result<Vec<u8>, (GapKind, String)>>> {
        let size = header.size_bytes;
        self.set_body(size);
        if size > self.limits.extended_header_bytes_max {
            let reason = format!(
                "its name or attributes take {size} bytes, more than {}",
                self.limits.extended_header_bytes_max
            );
            return Ok(Some(Err((GapKind::Limit, reason))));
        }
        let mut bytes = Vec::new();
        let read = self.body().take(size).read_to_end(&mut bytes);
        match read {
            Ok(_) => Ok(Some(Ok(bytes))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn set_body(&mut self, size_bytes: u64) {
        self.body_left = size_bytes;
        self.padding = size_bytes.wrapping_neg() % BLOCK as u64;
        self.sparse = None;
    }

    /// Takes in the header of a real member.
    fn file(&mut self, header: Header<'_>) -> io::Result<Step> {
        let pending = std::mem::take(&mut self.pending);
        let pax = pending.pax;
        let is_file = matches!(header.kind(), Some(MemberKind::File) | None);
        // Links, directories and devices have no content, whatever their size field says (Go's `isHeaderOnlyType`).
        self.set_body(if is_file { pax.size_bytes.unwrap_or(header.size_bytes) } else { 0 });
        self.member.path.clear();
        match pending.path.or(pax.path) {
            Some(path) => self.member.path = path,
            None => header.write_path(&mut self.member.path),
        }
        self.member.link.clear();
        match pending.link.or(pax.link) {
            Some(link) => self.member.link = link,
            None => self.member.link.extend_from_slice(header.link),
        }
        if let Some((kind, reason)) = pending.refusal {
            return Ok(self.problem(kind, reason));
        }
        let longest = self.member.path.len().max(self.member.link.len());
        if longest > self.limits.name_bytes_max {
            let refusal = too_long(longest, self.limits);
            return Ok(self.problem(refusal.kind, refusal.reason));
        }
        let Some(kind) = header.kind() else {
            let reason = format!("its type `{}` is not known", char::from(header.type_flag).escape_default());
            return Ok(self.problem(GapKind::Unsupported, reason));
        };
        self.member.kind = kind;
        self.member.size_bytes = self.body_left;
        self.member.mode = header.mode & 0o7777;
        self.member.uid = pax.uid.unwrap_or(header.uid);
        self.member.gid = pax.gid.unwrap_or(header.gid);
        self.member.changed_ns = pax.changed_ns.unwrap_or(header.changed_ns);
        let segments = match self.sparse_segments(&header, &pax.sparse)? {
            Ok(segments) => segments,
            Err((kind, reason)) => return Ok(self.problem(kind, reason)),
        };
        self.member.data_offset = segments.is_none().then_some(self.position);
        if let Some((segments, size_bytes)) = segments {
            self.member.size_bytes = size_bytes;
            self.sparse = Some(Sparse::new(segments, size_bytes));
        }
        Ok(Step::Member)
    }

    fn problem(&self, kind: GapKind, reason: String) -> Step {
        Step::Problem(Problem { path: shown(&self.member.path).into_bytes(), kind, reason })
    }

    /// The segments of a sparse file with its real size; `None` for a file without holes.
    #[expect(clippy::type_complexity, reason = "outcome and refusal in one")]
    fn sparse_segments(
        &mut self,
        header: &Header<'_>,
        pax: &pax::PaxSparse,
    ) -> io::Result<Result<Option<(Vec<Segment>, u64)>, (GapKind, String)>> {
        let malformed = |reason: &str| Ok(Err((GapKind::Malformed, reason.to_owned())));
        if self.member.kind != MemberKind::File {
            return Ok(Ok(None));
        }
        let max = self.limits.sparse_segments_max;
        let (segments, size_bytes) = if header.type_flag == b'S' {
            let Some(first) = header.old_sparse() else { return malformed("its sparse map is not one") };
            match self.old_sparse_segments(first.segments, first.is_extended)? {
                Some(segments) => (segments, first.size_bytes),
                None => return malformed("its sparse map is not one"),
            }
        } else if pax.is_sparse() {
            if let Some(name) = &pax.name {
                self.member.path.clone_from(name);
            }
            let size_bytes = pax.size_bytes.unwrap_or(self.member.size_bytes);
            let segments = match pax.map_is_in_data() {
                true => sparse::read_map(&mut self.body(), max)?,
                false => sparse::parse_map(&pax.map, max),
            };
            match segments {
                Some(segments) => (segments, size_bytes),
                None => return malformed("its sparse map is not one"),
            }
        } else {
            return Ok(Ok(None));
        };
        if segments.len() > max {
            return Ok(Err((GapKind::Limit, format!("it has more than {max} sparse segments"))));
        }
        match sparse::is_valid(&segments, size_bytes) {
            true => Ok(Ok(Some((segments, size_bytes)))),
            false => malformed("its sparse map overlaps or exceeds the file"),
        }
    }

    /// Old GNU format: further segments stand in blocks between header and content.
    fn old_sparse_segments(
        &mut self,
        mut segments: Vec<Segment>,
        mut is_extended: bool,
    ) -> io::Result<Option<Vec<Segment>>> {
        while is_extended {
            let mut block = [0; BLOCK];
            if self.fill(&mut block)? != BLOCK {
                return Ok(None);
            }
            match header::old_sparse_block(&block) {
                // Beyond the limit the blocks are still passed by, so that the next header is found.
                Some((more, extended)) => {
                    if segments.len() <= self.limits.sparse_segments_max {
                        segments.extend(more);
                    }
                    is_extended = extended;
                }
                None => return Ok(None),
            }
        }
        Ok(Some(segments))
    }

    /// Skips what is left of the current member; whether it was all there.
    fn skip_body(&mut self) -> io::Result<bool> {
        let Some(left) = self.body_left.checked_add(self.padding) else { return Ok(false) };
        let skipped = self.input.skip(left)?;
        self.position = self.position.saturating_add(skipped);
        // Engines accept an archive that ends without the padding of its last file.
        let is_whole = skipped >= self.body_left;
        self.body_left = 0;
        self.padding = 0;
        self.sparse = None;
        Ok(is_whole)
    }

    /// Fills `block` as far as the input goes.
    fn fill(&mut self, block: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.input.read(rest) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.position = self.position.saturating_add(filled as u64);
        Ok(filled)
    }

    /// Reads stored bytes of the current member.
    fn read_stored(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(usize::try_from(self.body_left).unwrap_or(usize::MAX));
        let Some(buffer) = buffer.get_mut(..length).filter(|buffer| !buffer.is_empty()) else { return Ok(0) };
        let read = self.input.read(buffer)?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends inside this file"));
        }
        self.body_left -= read as u64;
        self.position = self.position.saturating_add(read as u64);
        Ok(read)
    }
}

/// The content of one member.
pub(crate) struct Body<'t, 'l, I> {
    tar: &'t mut Tar<'l, I>,
}

impl<I: Input> Read for Body<'_, '_, I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(mut sparse) = self.tar.sparse.take() else { return self.tar.read_stored(buffer) };
        let read = sparse.read(buffer, |buffer| self.tar.read_stored(buffer));
        self.tar.sparse = Some(sparse);
        read
    }
}
