//! Digests of what can be run, for whoever later asks whether what runs is what was shipped.
//!
//! Owns what counts as a program: a file that is executable, or that the kernel would run if it were (ELF, `#!`). Each
//! is read once, in the same pass as by the search for leaks, which is shown the bytes on their way to the digest.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::io;

use seawall_finding::{Gap, GapKind};
use seawall_inventory::{Content, Digest, Entry, EntryKind, Interest, Program, Programs, ReadSeek, Visitor};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::aside::Aside;
use crate::limits::{PROGRAM_BYTES_MAX, PROGRAMS_MAX};

/// The programs of one layer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct LayerPrograms {
    /// Whether nothing was missed.
    pub(crate) is_whole: bool,
    files: Vec<Program>,
    /// What could not be digested; moves to the layer's.
    #[serde(skip)]
    gaps: Vec<Gap>,
}

impl LayerPrograms {
    /// What could not be digested.
    pub(crate) fn take_gaps(&mut self) -> impl Iterator<Item = Gap> + use<> {
        std::mem::take(&mut self.gaps).into_iter()
    }
}

/// The programs of the image. `survives` says whether a layer's file is in it.
pub(crate) fn squashed(layers: Vec<LayerPrograms>, survives: &dyn Fn(usize, &str) -> bool) -> Programs {
    let is_complete = layers.iter().all(|layer| layer.is_whole);
    let kept = layers.into_iter().enumerate().flat_map(|(index, layer)| {
        layer.files.into_iter().filter(move |program| survives(index, &program.path))
    });
    let mut files: Vec<Program> = kept.collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Programs { is_complete, files }
}

/// Finds programs and digests them; the last visitor of a walk, because it streams.
#[derive(Default)]
pub(crate) struct ProgramVisitor<'v, 'scope, 'r> {
    found: HashMap<String, Program>,
    /// Hard links with their targets, which are earlier files.
    links: RefCell<BTreeMap<String, String>>,
    gaps: Vec<Gap>,
    has_no_room: RefCell<bool>,
    leaks: Option<&'v mut Aside<'scope, 'r>>,
}

impl<'v, 'scope, 'r> ProgramVisitor<'v, 'scope, 'r> {
    /// One that lets the search for leaks read what it reads.
    pub(crate) fn before(leaks: Option<&'v mut Aside<'scope, 'r>>) -> Self {
        ProgramVisitor { leaks, ..ProgramVisitor::default() }
    }

    /// What was found.
    pub(crate) fn finish(self) -> LayerPrograms {
        let ProgramVisitor { mut found, links, mut gaps, has_no_room, leaks: _ } = self;
        for (path, target) in links.into_inner() {
            if let Some(program) = found.get(&target).cloned() {
                found.insert(path.clone(), Program { path, ..program });
            }
        }
        let is_whole = !has_no_room.into_inner();
        if !is_whole {
            let reason =
                format!("there are more than {PROGRAMS_MAX} programs: the others are not told apart");
            gaps.push(Gap::of_target(GapKind::Limit, reason));
        }
        let mut files: Vec<Program> = found.into_values().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        LayerPrograms { is_whole, files, gaps }
    }

    fn has_room(&self) -> bool {
        let has_room = self.found.len() + self.links.borrow().len() < PROGRAMS_MAX;
        if !has_room {
            self.has_no_room.replace(true);
        }
        has_room
    }
}

fn is_program(entry: &Entry<'_>, content: &mut dyn Content) -> bool {
    let is_runnable = |head: &[u8]| head.starts_with(b"\x7fELF") || head.starts_with(b"#!");
    entry.size_bytes > 0 && (entry.is_executable() || content.head(4).is_ok_and(is_runnable))
}

impl Visitor for ProgramVisitor<'_, '_, '_> {
    fn interest(&self, entry: &Entry<'_>) -> Interest {
        self.links.borrow_mut().remove(entry.path);
        match entry.kind {
            EntryKind::Hardlink(target) => {
                if self.has_room() {
                    self.links.borrow_mut().insert(entry.path.to_owned(), target.to_owned());
                }
                Interest::No
            }
            EntryKind::Directory | EntryKind::Symlink(_) | EntryKind::Special => Interest::No,
            EntryKind::File => Interest::Whole,
        }
    }

    /// A file is looked at under its own name, once; hard links are followed at the end.
    fn wants_more(&self, _named: &Entry<'_>, _own: &Entry<'_>) -> bool {
        false
    }

    fn visit(&mut self, entry: &Entry<'_>, content: &mut dyn Content) {
        let is_wanted = is_program(entry, content) && self.has_room();
        let is_small = content.size_bytes() <= PROGRAM_BYTES_MAX;
        let hash = (is_wanted && is_small).then(Sha256::new);
        let mut tee = Tee { content, hash, streamed: None };
        if let Some(leaks) = self.leaks.as_mut().filter(|leaks| leaks.interest(entry) != Interest::No) {
            leaks.visit(entry, &mut tee);
        }
        if !is_wanted {
            return;
        }
        if is_small && tee.streamed.is_none() {
            // A failure stays in `streamed`.
            let _ = tee.stream(&mut |_| {});
        }
        let Tee { hash, streamed, content } = tee;
        let digest = match (hash, streamed) {
            (Some(hash), Some(Ok(()))) => Some(Digest::sha256(hash.finalize().into())),
            (_, streamed) => {
                let too_large =
                    || format!("its digest is not known: it has more than {PROGRAM_BYTES_MAX} bytes");
                let reason = streamed.and_then(Result::err).unwrap_or_else(too_large);
                self.gaps.push(Gap::at(GapKind::Unreadable, entry.path, reason));
                None
            }
        };
        let program =
            Program { path: entry.path.to_owned(), size_bytes: content.size_bytes(), digest, package: None };
        self.found.insert(program.path.clone(), program);
    }

    fn overwritten(&mut self, path: &str) {
        let is_gone = |known: &str| {
            known.strip_prefix(path).is_some_and(|below| below.is_empty() || below.starts_with('/'))
        };
        self.found.retain(|known, _| !is_gone(known));
        self.links.get_mut().retain(|known, _| !is_gone(known));
        if let Some(leaks) = &mut self.leaks {
            leaks.overwritten(path);
        }
    }
}

/// A file whose bytes go into a digest while somebody streams them.
struct Tee<'c> {
    content: &'c mut dyn Content,
    hash: Option<Sha256>,
    /// How streaming it ended.
    streamed: Option<Result<(), String>>,
}

impl Content for Tee<'_> {
    fn size_bytes(&self) -> u64 {
        self.content.size_bytes()
    }

    fn head(&mut self, bytes: usize) -> io::Result<&[u8]> {
        self.content.head(bytes)
    }

    fn whole(&mut self, bytes_max: u64) -> io::Result<&[u8]> {
        self.content.whole(bytes_max)
    }

    fn stream(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let hash = &mut self.hash;
        let streamed = self.content.stream(&mut |piece| {
            if let Some(hash) = hash {
                hash.update(piece);
            }
            sink(piece);
        });
        self.streamed = Some(streamed.as_ref().copied().map_err(ToString::to_string));
        streamed
    }

    fn seekable(&mut self) -> io::Result<&mut dyn ReadSeek> {
        self.content.seekable()
    }
}
