//! The visitor of a walk: every regular file, read once, whole where it is small and in windows where it is large.

use std::collections::HashMap;
use std::io;

use seawall_finding::GapKind;
use seawall_inventory::{Content, Entry, EntryKind, Interest, Visitor};

use crate::decode;
use crate::engine::{Found, Text, resolve};
use crate::hit::LayerLeaks;
use crate::limits::{
    ARCHIVE_BYTES_MAX, DIGEST_LIST_BYTES_MAX, HITS_PER_FILE_MAX, MATCH_BYTES_MAX, STREAMED_BYTES_MAX,
    WHOLE_BYTES_MAX, WINDOW_BYTES,
};
use crate::look::{Look, Where, breaks, is_binary};
use crate::rules::Rules;
use crate::value::IdentityKey;
use crate::vouch::{self, Digester, Digests, Vouchers};

/// The search for leaks in one layer, directory or container. It streams large files, so it is the last visitor.
pub struct Leaks<'r> {
    look: Look<'r>,
    vouchers: Vouchers,
    /// Path → the digests of a file with hits.
    digests: HashMap<String, Digests>,
}

impl<'r> Leaks<'r> {
    /// A search by these rules. `key` makes the identities of values that could be guessed; without one such a value is
    /// identified by its place alone.
    pub fn new(rules: &'r Rules, key: Option<&'r IdentityKey>) -> Leaks<'r> {
        Leaks { look: Look::new(rules, key), vouchers: Vouchers::default(), digests: HashMap::new() }
    }

    /// What was found, without what a distribution vouches for.
    pub fn finish(self) -> LayerLeaks {
        let Leaks { look, vouchers, digests } = self;
        let is_vouched = |path: &str| {
            let outer = path.split_once("!/").map_or(path, |(outer, _)| outer);
            digests.get(outer).is_some_and(|digests| vouchers.vouch(outer, digests))
        };
        let (vouched, hits): (Vec<_>, Vec<_>) =
            look.hits.into_iter().partition(|hit| hit.path.as_deref().is_some_and(is_vouched));
        LayerLeaks { hits, gaps: look.gaps, vouched: vouched.len() as u64 }
    }

    fn small(&mut self, path: &str, bytes: &[u8]) {
        let before = self.look.hits.len();
        self.look.file(&Where::file(path), bytes);
        if self.look.hits.len() > before {
            self.digests.insert(path.to_owned(), Digests::of(bytes));
        }
    }

    /// A file too large for memory: overlapping windows, nothing decoded.
    fn large(&mut self, path: &str, content: &mut dyn Content) -> io::Result<()> {
        let mut windows = Windows::new(&mut self.look, path);
        content.stream(&mut |piece| windows.push(piece))?;
        if let Some(digests) = windows.finish() {
            self.digests.insert(path.to_owned(), digests);
        }
        Ok(())
    }
}

impl Visitor for Leaks<'_> {
    fn interest(&self, entry: &Entry<'_>) -> Interest {
        let is_wanted = matches!(entry.kind, EntryKind::File)
            && entry.size_bytes > 0
            && !self.look.rules.allow().iter().any(|allow| allow.skips(entry.path));
        if is_wanted { Interest::Whole } else { Interest::No }
    }

    /// A file is looked at under its own name, once.
    fn wants_more(&self, _named: &Entry<'_>, _own: &Entry<'_>) -> bool {
        false
    }

    fn visit(&mut self, entry: &Entry<'_>, content: &mut dyn Content) {
        if let Some(list) = vouch::list(entry)
            && let Ok(bytes) = content.whole(DIGEST_LIST_BYTES_MAX)
        {
            return self.vouchers.read(list, bytes);
        }
        let size_bytes = content.size_bytes();
        let is_archive = size_bytes > WHOLE_BYTES_MAX && content.head(4).is_ok_and(decode::is_archive);
        let whole_max = if is_archive { ARCHIVE_BYTES_MAX } else { WHOLE_BYTES_MAX };
        let looked = if size_bytes <= whole_max {
            content.whole(whole_max).map(|bytes| self.small(entry.path, bytes))
        } else if size_bytes <= STREAMED_BYTES_MAX {
            self.large(entry.path, content)
        } else {
            Err(io::ErrorKind::FileTooLarge.into())
        };
        if is_archive && size_bytes > ARCHIVE_BYTES_MAX {
            let reason = format_args!(
                "an archive larger than {ARCHIVE_BYTES_MAX} bytes was not unpacked to search it for leaks"
            );
            self.look.gap(GapKind::Limit, entry.path, reason);
        }
        if let Err(error) = looked {
            let reason = format_args!("it was not (wholly) searched for leaks: {error}");
            self.look.gap(GapKind::Unreadable, entry.path, reason);
        }
    }

    fn overwritten(&mut self, path: &str) {
        // What an archive holds twice was in it twice: the first copy can be read out of the layer all the same.
        self.digests.remove(path);
    }
}

/// A file as it comes, swept in windows that overlap by the longest match.
struct Windows<'l, 'r> {
    look: &'l mut Look<'r>,
    at: Where,
    buffer: Vec<u8>,
    /// Where the part of the buffer that was not swept begins.
    fresh: usize,
    /// Line breaks in front of the buffer.
    lines: u32,
    binary: Option<bool>,
    hits_before: usize,
    /// Hashes what a distribution may vouch for.
    digester: Option<Digester>,
}

impl<'l, 'r> Windows<'l, 'r> {
    fn new(look: &'l mut Look<'r>, path: &str) -> Windows<'l, 'r> {
        let hits_before = look.hits.len();
        Windows {
            look,
            at: Where::file(path),
            buffer: Vec::new(),
            fresh: 0,
            lines: 0,
            binary: None,
            hits_before,
            digester: vouch::may_be_vouched(path).then(Digester::default),
        }
    }

    fn push(&mut self, piece: &[u8]) {
        if let Some(digester) = &mut self.digester {
            digester.update(piece);
        }
        for piece in piece.chunks(WINDOW_BYTES) {
            self.buffer.extend_from_slice(piece);
            if self.buffer.len() >= self.fresh + WINDOW_BYTES + MATCH_BYTES_MAX {
                self.sweep(self.buffer.len() - MATCH_BYTES_MAX);
            }
        }
    }

    /// Sweeps what begins before `end`.
    fn sweep(&mut self, end: usize) {
        let binary = *self.binary.get_or_insert_with(|| is_binary(&self.buffer));
        let mut found: Vec<Found> = Vec::new();
        if self.look.hits.len() < self.hits_before + HITS_PER_FILE_MAX {
            let text = Text { bytes: &self.buffer, path: &self.at.path, binary };
            self.look.rules.sweep(text, self.fresh..end, &mut found);
        }
        for one in resolve(self.look.rules, found) {
            let line = (!binary).then(|| self.lines + breaks(&self.buffer, 0..one.secret.start) + 1);
            self.look.keep(&self.at, &self.buffer, &one, line);
        }
        let keep_from = end.saturating_sub(MATCH_BYTES_MAX);
        self.lines += breaks(&self.buffer, 0..keep_from);
        self.buffer.drain(..keep_from);
        self.fresh = end - keep_from;
    }

    /// The file's digests, where something was found.
    fn finish(mut self) -> Option<Digests> {
        self.sweep(self.buffer.len());
        self.digester.take().filter(|_| self.look.hits.len() > self.hits_before).map(Digester::finish)
    }
}
