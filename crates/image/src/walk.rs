//! What every walk does with its entries: asks the visitors, shows them contents, keeps the shape and the links.
//!
//! Knows nothing of tar or of the host's file system; [`crate::layer`] and [`crate::source::directory`] feed it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Cursor, Read};

use seawall_finding::{Gap, GapKind};
use seawall_inventory::{Digest, Entry, EntryKind, Interest, Visitor};
use serde::{Deserialize, Serialize};

use crate::content::{InPlace, Shown, Spool};
use crate::gaps::Gaps;
use crate::limits::{LINK_HOPS_MAX, Limits};
use crate::path::{PathHash, ancestors, parent, target_of};
use crate::whiteout::{LayerShape, Place, ShapeBuilder};

/// The size given for a file behind a link, of which nothing is known: a page, so that neither a visitor's lower
/// nor its upper bound refuses it.
const UNKNOWN_SIZE_BYTES: u64 = 4096;
/// Memory for contents is kept from file to file up to this size.
const HEAD_BYTES_KEPT: usize = 512 * 1024;

/// What the walk of one tree (a layer, a directory) came to.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerWalk {
    /// Digest of the bytes that were read, where a digest was asked for and all were read.
    pub diff_id: Option<Digest>,
    /// Whether it is the one expected. Facts of a layer may be cached only when it [`Verification::Matches`].
    pub verification: Verification,
    /// Files, links and devices seen.
    pub files: u64,
    /// Uncompressed bytes of a layer, bytes of files of a directory.
    pub bytes: u64,
    /// What it does to lower layers.
    pub shape: LayerShape,
    /// Its symbolic links.
    pub links: Vec<Link>,
    /// Links under whose name a visitor wants a file that it does not want under the file's own name.
    pub aliases: Vec<Alias>,
    /// What could not be examined.
    pub gaps: Vec<Gap>,
}

/// Whether the bytes are those that the image's configuration names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// They are.
    Matches,
    /// They are not, or not all of them.
    Differs,
    /// Not all were read.
    Unfinished,
    /// Nothing was expected.
    NotAsked,
}

/// A symbolic link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Where it is.
    pub path: String,
    /// Where it points, as written.
    pub target: String,
}

/// A second name of a file, under which a visitor wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// The second name.
    pub path: String,
    /// Which kind of link it is.
    pub kind: AliasKind,
    /// The file's own name: of a hard link in the same layer; of a symbolic link in any layer, with only this one
    /// link followed ([`Resolver`](crate::Resolver) follows the others).
    pub target: String,
}

/// The kinds of link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AliasKind {
    /// To an earlier entry of the same layer.
    Hard,
    /// To a path.
    Symbolic,
}

/// Files to show under other names: real path → the names.
pub type Wanted = BTreeMap<String, Vec<String>>;

/// What an entry is apart from its path and kind.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Metadata {
    pub(crate) mode: u32,
    pub(crate) uid: u64,
    pub(crate) gid: u64,
}

fn entry<'a>(path: &'a str, kind: EntryKind<'a>, size_bytes: u64, metadata: Metadata) -> Entry<'a> {
    let Metadata { mode, uid, gid } = metadata;
    Entry { path, kind, size_bytes, mode, uid, gid }
}

/// The state of a walk.
pub(crate) struct Walk<'w, 'v> {
    visitors: &'w mut [&'v mut dyn Visitor],
    interests: Vec<Interest>,
    pub(crate) limits: &'w Limits,
    /// With this the walk shows only these files, under their other names.
    only: Option<&'w Wanted>,
    /// Names that are settled: their hard link has been made, later files at the same path are others.
    settled: HashSet<String>,
    pub(crate) shape: ShapeBuilder,
    pub(crate) gaps: Gaps,
    files: u64,
    links: Links,
    /// Hard link → its target's path.
    hardlinks: HashMap<PathHash, Box<str>>,
    aliases: Vec<Alias>,
    /// What visitors were shown or aliases stand for, and the directories above.
    visited: HashSet<PathHash>,
    visited_parents: HashSet<PathHash>,
    /// Memory for contents.
    head: Cursor<Vec<u8>>,
}

/// The symbolic links seen so far.
#[derive(Default)]
struct Links {
    links: Vec<Link>,
    /// Path → index into `links`.
    index: HashMap<PathHash, usize>,
}

impl<'w, 'v> Walk<'w, 'v> {
    pub(crate) fn new(
        visitors: &'w mut [&'v mut dyn Visitor],
        limits: &'w Limits,
        only: Option<&'w Wanted>,
    ) -> Walk<'w, 'v> {
        Walk {
            interests: vec![Interest::No; visitors.len()],
            visitors,
            limits,
            only,
            settled: HashSet::new(),
            shape: ShapeBuilder::default(),
            gaps: Gaps::new(limits.gaps_max),
            files: 0,
            links: Links::default(),
            hardlinks: HashMap::new(),
            aliases: Vec::new(),
            visited: HashSet::new(),
            visited_parents: HashSet::new(),
            head: Cursor::default(),
        }
    }

    /// A directory.
    pub(crate) fn directory(&mut self, path: &str, metadata: Metadata) {
        self.shape.directory(path);
        self.links.remove(path);
        if self.visited.contains(&PathHash::of(path)) {
            self.forget(path);
        }
        self.ask(&entry(path, EntryKind::Directory, 0, metadata));
    }

    /// A regular file inside a stream.
    pub(crate) fn file(&mut self, path: &str, size_bytes: u64, metadata: Metadata, body: &mut dyn Read) {
        self.arrive(path);
        let entry = entry(path, EntryKind::File, size_bytes, metadata);
        if self.wants(&entry) {
            let mut head = std::mem::take(&mut self.head);
            self.show(&entry, &mut Spool::new(body, size_bytes, &mut head, self.limits));
            head.get_mut().clear();
            head.get_mut().shrink_to(HEAD_BYTES_KEPT);
            self.head = head;
        }
    }

    /// A regular file of the host; `open` is asked for it only if somebody wants it, and gives `None` when it is gone.
    pub(crate) fn file_in_place(
        &mut self,
        path: &str,
        size_bytes: u64,
        metadata: Metadata,
        open: impl FnOnce() -> io::Result<Option<File>>,
    ) {
        if self.only.is_none() {
            self.arrive(path);
        }
        let entry = entry(path, EntryKind::File, size_bytes, metadata);
        if !self.wants(&entry) {
            return;
        }
        match open() {
            Ok(Some(file)) => self.show(&entry, &mut InPlace::new(file, size_bytes)),
            Ok(None) => {}
            Err(error) => self.gaps.push(GapKind::Unreadable, path, format!("it cannot be opened: {error}")),
        }
    }

    /// Whether any visitor wants this regular file, under its own name or, in a second walk, under another.
    pub(crate) fn wants(&mut self, entry: &Entry<'_>) -> bool {
        match self.only {
            None => self.ask(entry),
            Some(wanted) => wanted.contains_key(entry.path),
        }
    }

    /// Shows a file to those who want it.
    pub(crate) fn show(&mut self, entry: &Entry<'_>, content: &mut dyn Shown) {
        let Some(wanted) = self.only else {
            self.remember(entry.path);
            return self.visit(entry, content);
        };
        let names = wanted.get(entry.path).map(Vec::as_slice).unwrap_or_default();
        for name in names {
            if self.settled.contains(name) {
                continue;
            }
            if self.visited.contains(&PathHash::of(name)) {
                self.forget(name);
            }
            let alias = Entry { path: name, ..*entry };
            if self.ask(&alias) {
                self.remember(name);
                self.visit(&alias, content);
            }
        }
    }

    /// A device, FIFO or socket.
    pub(crate) fn special(&mut self, path: &str, metadata: Metadata) {
        self.arrive(path);
        self.ask(&entry(path, EntryKind::Special, 0, metadata));
    }

    /// A symbolic link.
    pub(crate) fn symlink(&mut self, path: &str, target: &str, metadata: Metadata) {
        self.arrive(path);
        self.ask(&entry(path, EntryKind::Symlink(target), 0, metadata));
        if let Err(reason) = self.links.insert(path, target, self.limits.links_max) {
            self.gaps.push(GapKind::Limit, path, reason);
        }
        let Ok(target) = target_of(path, target, self.limits) else { return };
        // What the mode of the target is nobody knows: it may well be a program.
        let metadata = Metadata { mode: 0o755, ..metadata };
        self.alias(path, AliasKind::Symbolic, &target, metadata);
    }

    /// A hard link to an earlier entry; `target` is normalised, links in its directories are followed.
    pub(crate) fn hardlink(&mut self, path: &str, target: &str, metadata: Metadata) {
        // A hard link to a symbolic link is that symbolic link under another name.
        if let Some(pointed) = self.links.get(target).map(str::to_owned) {
            return self.symlink(path, &pointed, metadata);
        }
        let target = self.hardlinks.get(&PathHash::of(target)).map_or(target, |first| first).to_owned();
        self.arrive(path);
        self.ask(&entry(path, EntryKind::Hardlink(&target), 0, metadata));
        match self.hardlinks.len() < self.limits.links_max {
            true => {
                self.hardlinks.insert(PathHash::of(path), target.as_str().into());
            }
            false => {
                let reason = format!("it has more than {} hard links", self.limits.links_max);
                self.gaps.push(GapKind::Limit, path, reason);
            }
        }
        if self.only.is_some() {
            self.settled.insert(path.to_owned());
            return;
        }
        self.alias(path, AliasKind::Hard, &target, metadata);
    }

    /// Notes the link if a visitor wants more of the file under this name than under the file's own.
    fn alias(&mut self, path: &str, kind: AliasKind, target: &str, metadata: Metadata) {
        if self.only.is_some() || target.is_empty() || target == path {
            return;
        }
        let named = entry(path, EntryKind::File, UNKNOWN_SIZE_BYTES, metadata);
        let own = entry(target, EntryKind::File, UNKNOWN_SIZE_BYTES, metadata);
        if !self.visitors.iter().any(|visitor| visitor.wants_more(&named, &own)) {
            return;
        }
        if self.aliases.len() >= self.limits.aliases_max {
            let reason = format!("more than {} links are to be looked at", self.limits.aliases_max);
            return self.gaps.push(GapKind::Limit, path, reason);
        }
        self.remember(path);
        self.aliases.push(Alias { path: path.to_owned(), kind, target: target.to_owned() });
    }

    /// A marker that `path` is gone: from lower layers, and what this layer had there so far.
    pub(crate) fn whiteout(&mut self, path: &str) {
        let place = self.shape.whiteout(path);
        self.replace(path, place);
    }

    /// Something that is no directory takes its place in the tree.
    fn arrive(&mut self, path: &str) {
        self.files += 1;
        let place = self.shape.file(path);
        self.replace(path, place);
    }

    fn replace(&mut self, path: &str, place: Place) {
        match place {
            Place::Free => {}
            Place::Directory => self.links.remove_below(path),
            Place::DirectoryTooMany => {
                let reason =
                    "more directories are replaced than are looked at; their content may seem to be there";
                self.gaps.push(GapKind::Limit, path, reason);
            }
        }
        self.links.remove(path);
        let hash = PathHash::of(path);
        if !self.hardlinks.is_empty() {
            self.hardlinks.remove(&hash);
        }
        if self.only.is_none() && (self.visited.contains(&hash) || self.visited_parents.contains(&hash)) {
            self.forget(path);
        }
    }

    /// What was seen at `path` and below is no more.
    fn forget(&mut self, path: &str) {
        for visitor in self.visitors.iter_mut() {
            visitor.overwritten(path);
        }
        self.aliases.retain(|alias| {
            let below = alias.path.strip_prefix(path);
            !below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        });
    }

    fn remember(&mut self, path: &str) {
        self.visited.insert(PathHash::of(path));
        let mut directory = parent(path);
        while !directory.is_empty() && self.visited_parents.insert(PathHash::of(directory)) {
            directory = parent(directory);
        }
    }

    fn ask(&mut self, entry: &Entry<'_>) -> bool {
        let mut any = false;
        for (interest, visitor) in self.interests.iter_mut().zip(self.visitors.iter()) {
            *interest = visitor.interest(entry);
            any |= *interest != Interest::No;
        }
        any
    }

    fn visit(&mut self, entry: &Entry<'_>, content: &mut dyn Shown) {
        for (interest, visitor) in self.interests.iter().zip(self.visitors.iter_mut()) {
            if *interest != Interest::No {
                content.allow(*interest);
                visitor.visit(entry, content);
            }
        }
    }

    /// Whether another entry is allowed.
    pub(crate) fn has_room(&self) -> bool {
        self.shape.len() < self.limits.entries_max
    }

    /// Writes the path that `path` means once the links of this layer are followed in its directories: an engine
    /// unpacks `lib/x` behind `lib -> usr/lib` to `usr/lib/x`. `false` when they go in circles.
    pub(crate) fn follow(&self, path: &mut String) -> bool {
        if self.links.index.is_empty() {
            return true;
        }
        for _ in 0..LINK_HOPS_MAX {
            let hop = ancestors(path).find_map(|link| Some((link, self.links.get(link)?)));
            let Some((link, target)) = hop else { return true };
            let Ok(target) = target_of(link, target, self.limits) else { return false };
            let rest = path.get(link.len()..).unwrap_or("");
            let followed = format!("{target}{rest}");
            *path = followed.trim_start_matches('/').to_owned();
            if path.len() > self.limits.name_bytes_max {
                return false;
            }
        }
        false
    }

    pub(crate) fn finish(self) -> LayerWalk {
        LayerWalk {
            diff_id: None,
            verification: Verification::NotAsked,
            files: self.files,
            bytes: 0,
            shape: self.shape.finish(),
            links: self.links.finish(),
            aliases: self.aliases,
            gaps: self.gaps.finish(),
        }
    }
}

impl Links {
    fn get(&self, path: &str) -> Option<&str> {
        let index = self.index.get(&PathHash::of(path))?;
        self.links.get(*index).map(|link| link.target.as_str())
    }

    fn insert(&mut self, path: &str, target: &str, max: usize) -> Result<(), String> {
        if self.links.len() >= max {
            return Err(format!("there are more than {max} symbolic links"));
        }
        self.index.insert(PathHash::of(path), self.links.len());
        self.links.push(Link { path: path.to_owned(), target: target.to_owned() });
        Ok(())
    }

    fn remove(&mut self, path: &str) {
        if !self.index.is_empty() {
            self.index.remove(&PathHash::of(path));
        }
    }

    fn remove_below(&mut self, directory: &str) {
        for link in &self.links {
            let below = link.path.strip_prefix(directory);
            if below.is_some_and(|below| below.starts_with('/')) {
                self.index.remove(&PathHash::of(&link.path));
            }
        }
    }

    /// The links that were not replaced.
    fn finish(self) -> Vec<Link> {
        let Links { links, index } = self;
        let is_last = |(at, link): &(usize, Link)| index.get(&PathHash::of(&link.path)) == Some(at);
        links.into_iter().enumerate().filter(is_last).map(|(_, link)| link).collect()
    }
}
