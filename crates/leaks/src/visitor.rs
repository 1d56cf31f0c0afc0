//! The visitor of a walk: every regular file, read once, whole where it is small and in windows where it is large.

use std::collections::HashMap;
use std::io;

use seawall_finding::GapKind;
use seawall_inventory::{Content, Entry, EntryKind, Interest, Visitor};

use crate::engine::{Found, Tally, Text, resolve};
use crate::hit::LayerLeaks;
use crate::limits::{
    ARCHIVE_BYTES_MAX, DIGEST_LIST_BYTES_MAX, MATCH_BYTES_MAX, STREAMED_BYTES_MAX, WHOLE_BYTES_MAX,
    WINDOW_BYTES,
};
use crate::look::{Look, Where, breaks, is_binary};
use crate::rules::Rules;
use crate::value::IdentityKey;
use crate::vouch::{self, Digester, Digests, Vouchers};
use crate::{decode, extract};

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

    /// A file too large for memory: overlapping windows, of what is encoded only what one of them holds decoded.
    fn large(&mut self, path: &str, content: &mut dyn Content) -> io::Result<()> {
        let mut windows = Windows::new(&mut self.look, path);
        content.stream(&mut |piece| windows.push(piece))?;
        if let Some(digests) = windows.finish() {
            self.digests.insert(path.to_owned(), digests);
        }
        Ok(())
    }
}

impl Rules {
    /// How much of a file a search by these rules may want.
    pub fn interest(&self, entry: &Entry<'_>) -> Interest {
        let is_wanted = matches!(entry.kind, EntryKind::File)
            && entry.size_bytes > 0
            && !self.allow().iter().any(|allow| allow.skips(entry.path));
        if is_wanted { Interest::Whole } else { Interest::No }
    }
}

impl Visitor for Leaks<'_> {
    fn interest(&self, entry: &Entry<'_>) -> Interest {
        self.look.rules.interest(entry)
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
        let is_whole = size_bytes > WHOLE_BYTES_MAX
            && (extract::is_read(entry.path) || content.head(decode::HEAD_BYTES).is_ok_and(decode::is_whole));
        let whole_max = if is_whole { ARCHIVE_BYTES_MAX } else { WHOLE_BYTES_MAX };
        let looked = if size_bytes <= whole_max {
            content.whole(whole_max).map(|bytes| self.small(entry.path, bytes))
        } else if size_bytes <= STREAMED_BYTES_MAX {
            self.large(entry.path, content)
        } else {
            Err(io::ErrorKind::FileTooLarge.into())
        };
        if is_whole && size_bytes > ARCHIVE_BYTES_MAX {
            let reason = format_args!(
                "an archive, UTF-16 text or credential file larger than {ARCHIVE_BYTES_MAX} bytes was searched for leaks only as it is"
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
    tally: Tally,
    hits_before: usize,
    /// Hashes what a distribution may vouch for.
    digester: Option<Digester>,
}

impl<'l, 'r> Windows<'l, 'r> {
    fn new(look: &'l mut Look<'r>, path: &str) -> Windows<'l, 'r> {
        let hits_before = look.hits.len();
        look.next_file();
        Windows {
            look,
            at: Where::file(path),
            buffer: Vec::new(),
            fresh: 0,
            lines: 0,
            binary: None,
            tally: Tally::default(),
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
        let text = Text { bytes: &self.buffer, path: &self.at.path, binary };
        self.look.rules.sweep(text, self.fresh..end, &mut self.tally, &mut found);
        for one in resolve(self.look.rules, found) {
            let line = (!binary).then(|| self.lines + breaks(&self.buffer, 0..one.secret.start) + 1);
            self.look.keep(&self.at, &self.buffer, &one, line);
        }
        if !binary {
            self.decode(end);
        }
        let keep_from = end.saturating_sub(MATCH_BYTES_MAX);
        self.lines += breaks(&self.buffer, 0..keep_from);
        self.buffer.drain(..keep_from);
        self.fresh = end - keep_from;
    }

    /// Decodes the runs of base64 that begin before `end`. One that goes on behind the window is not whole.
    fn decode(&mut self, end: usize) {
        let window = self.buffer.get(self.fresh..).unwrap_or_default();
        let start = window.as_ptr() as usize;
        let runs: Vec<&[u8]> =
            decode::runs(window).filter(|run| run.as_ptr() as usize - start < end - self.fresh).collect();
        let is_cut = |run: &&[u8]| run.as_ptr_range().end == window.as_ptr_range().end;
        let is_more = end < self.buffer.len();
        if runs
            .last()
            .filter(|run| is_more && is_cut(run))
            .is_some_and(|run| decode::promising(run).is_some())
        {
            self.look.not_decoded(&self.at.path);
        }
        decode::base64(self.look, &self.at, &runs);
    }

    /// The file's digests, where something was found.
    fn finish(mut self) -> Option<Digests> {
        self.sweep(self.buffer.len());
        self.look.cut(&self.tally, &self.at.path);
        self.digester.take().filter(|_| self.look.hits.len() > self.hits_before).map(Digester::finish)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::samples::{Sequence, fill};

    /// What a streamed file gives: rules, and reasons of gaps.
    fn check(bytes: &[u8], rules: &[&str], gaps: &[&str]) {
        let builtin = Rules::builtin();
        let mut look = Look::new(&builtin, None);
        let mut windows = Windows::new(&mut look, "srv/dump.txt");
        bytes.chunks(100_000).for_each(|piece| windows.push(piece));
        windows.finish();
        let found: Vec<&str> = look.hits.iter().map(|hit| hit.rule.as_str()).collect();
        let told: Vec<&str> = look.gaps.iter().map(|gap| gap.reason.as_str()).collect();
        assert_eq!((found.as_slice(), told.as_slice()), (rules, gaps));
    }

    #[test]
    fn what_is_encoded_in_a_streamed_file_is_decoded_or_a_gap() {
        let padding = "a line of a long file\n".repeat(40_000);
        let token = fill("<github:ghp_>", &mut Sequence(3));
        let encoded = STANDARD.encode(format!("the token of this deployment is {token} and no other one"));
        check(format!("{padding}{encoded}\n{padding}").as_bytes(), &["github-token"], &[]);
        let long = STANDARD.encode(&padding);
        let gap = "there is more encoded in it than is decoded to search for leaks";
        check(format!("{long}\n{padding}").as_bytes(), &[], &[gap]);
    }

    #[test]
    fn what_is_looked_at_as_a_whole_may_be_larger() {
        let token = fill("<github:ghp_>", &mut Sequence(3));
        let rest = WHOLE_BYTES_MAX as usize;
        let text = format!("token={token}\n{}", "\n".repeat(rest / 2));
        let wide = [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let mut gzip = flate2::read::GzEncoder::new(token.as_bytes(), flate2::Compression::fast());
        let mut packed = Vec::new();
        std::io::Read::read_to_end(&mut gzip, &mut packed).unwrap();
        let mut tar = vec![0; 512];
        tar[..4].copy_from_slice(b"a.gz");
        tar[124..135].copy_from_slice(format!("{:011o}", packed.len()).as_bytes());
        tar[156] = b'0';
        tar[257..262].copy_from_slice(b"ustar");
        tar.extend(packed);
        tar.resize(rest + 512, 0);
        let env = format!("{}DB_PASSWORD=k7Qm2xWv9LpZ\n", "\n".repeat(rest)).into_bytes();
        let files: [(&str, Vec<u8>, &str); 3] = [
            ("srv/a.txt", wide, "github-token"),
            ("srv/a.tar", tar, "github-token"),
            ("srv/.env", env, "dotenv-secret"),
        ];
        for (path, bytes, expected) in files {
            let rules = Rules::builtin();
            let mut leaks = Leaks::new(&rules, None);
            let size_bytes = bytes.len() as u64;
            let entry = Entry { path, kind: EntryKind::File, size_bytes, mode: 0o644, uid: 0, gid: 0 };
            leaks.visit(&entry, &mut seawall_inventory::InMemory::new(&bytes));
            let found = leaks.finish();
            let told: Vec<&str> = found.hits.iter().map(|hit| hit.rule.as_str()).collect();
            assert_eq!((told.as_slice(), found.gaps.as_slice()), (&[expected][..], &[][..]), "{path}");
        }
    }
}
