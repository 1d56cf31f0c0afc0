//! What a layer does to the layers below it, small enough to keep for every layer.
//!
//! A layer removes with whiteouts (`.wh.name`), hides with opaque markers (`.wh..wh..opq`) and replaces with entries
//! of its own (OCI image-spec `layer.md`; the special names of AUFS). Where the specification and engines differ, what
//! Docker and containerd mount with overlayfs counts: a file that a container sees must not be hidden from a scan
//! (`tests/squash_as_engine.rs` compares the two). [`LayerShape`] holds that as hashes of paths,
//! 8 bytes an entry: it can say what becomes of a path one asks for and cannot list paths.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::DIRECTORIES_REPLACED_MAX;
use crate::path::{PathHash, ancestors, parent};

/// What marks a name as gone.
const WHITEOUT: &str = ".wh.";
/// AUFS's own names (`.wh..wh.aufs`, `.wh..wh.plnk/`, `.wh..wh.orph/`), of which only the opaque marker means something.
/// What lies in such a directory is a file like any other: engines unpack it, and a container sees it.
const AUFS: &str = ".wh..wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// What an entry's path says about lower layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark<'a> {
    /// An entry like any other.
    None,
    /// This name in the same directory is gone.
    Whiteout(&'a str),
    /// Everything that lower layers have in the same directory is gone.
    Opaque,
    /// AUFS's bookkeeping, which removes nothing and is nothing.
    Metadata,
    /// A whiteout of no possible name.
    Nonsense,
}

/// Reads the mark off a normalised path.
pub(crate) fn mark(path: &str) -> Mark<'_> {
    // Nearly every path: one search for the four characters.
    if !path.contains(WHITEOUT) {
        return Mark::None;
    }
    match name(path).strip_prefix(WHITEOUT) {
        None => Mark::None,
        Some(_) if name(path) == OPAQUE => Mark::Opaque,
        Some(_) if name(path).starts_with(AUFS) => Mark::Metadata,
        Some("" | "." | "..") => Mark::Nonsense,
        Some(gone) => Mark::Whiteout(gone),
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A summary of one layer's entries, whiteouts and opaque markers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LayerShape {
    /// Everything that is no directory, each table sorted.
    files: Vec<u64>,
    /// Directories, also those that an entry implies.
    directories: Vec<u64>,
    whiteouts: Vec<u64>,
    opaques: Vec<u64>,
}

impl LayerShape {
    /// Whether a file, link or device that a lower layer has at `path` is hidden, removed or replaced by this layer.
    pub fn hides(&self, path: &str) -> bool {
        let own = PathHash::of(path);
        self.ends(own) || has(&self.directories, own) || self.hides_below_ancestors(path)
    }

    /// Whether a directory that a lower layer has at `path` is gone, with all that is in it. (An entry of this layer
    /// for the same directory changes its owner and mode and nothing else.)
    pub fn hides_directory(&self, path: &str) -> bool {
        self.ends(PathHash::of(path)) || self.hides_below_ancestors(path)
    }

    /// Whether this layer has a file, link or device at `path`.
    pub fn has_file(&self, path: &str) -> bool {
        has(&self.files, PathHash::of(path))
    }

    /// Whether this layer has a directory at `path`.
    pub fn has_directory(&self, path: &str) -> bool {
        has(&self.directories, PathHash::of(path))
    }

    fn ends(&self, path: PathHash) -> bool {
        has(&self.files, path) || has(&self.whiteouts, path)
    }

    fn hides_below_ancestors(&self, path: &str) -> bool {
        ancestors(path).map(PathHash::of).any(|ancestor| self.ends(ancestor) || has(&self.opaques, ancestor))
    }

    /// The paths that end what lower layers have at and below them.
    pub(crate) fn endings(&self) -> impl Iterator<Item = PathHash> {
        self.files.iter().chain(&self.whiteouts).map(|&hash| PathHash(hash))
    }

    /// The directories whose content in lower layers is hidden.
    pub(crate) fn opaques(&self) -> impl Iterator<Item = PathHash> {
        self.opaques.iter().map(|&hash| PathHash(hash))
    }

    /// The directories.
    pub(crate) fn directories(&self) -> impl Iterator<Item = PathHash> {
        self.directories.iter().map(|&hash| PathHash(hash))
    }

    /// A compact form for caches: each table as its length and the differences between its entries, as LEB128.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for table in [&self.files, &self.directories, &self.whiteouts, &self.opaques] {
            write_number(table.len() as u64, &mut bytes);
            let mut last = 0;
            for &hash in table {
                write_number(hash.wrapping_sub(last) >> 1, &mut bytes);
                last = hash;
            }
        }
        bytes
    }

    /// Reads what [`LayerShape::to_bytes`] wrote; `None` when it is something else.
    pub fn from_bytes(mut bytes: &[u8]) -> Option<LayerShape> {
        let mut table = || {
            let length = read_number(&mut bytes)?;
            // Each entry takes at least one byte: a length that lies costs nothing.
            if length > bytes.len() as u64 {
                return None;
            }
            let mut last = 0u64;
            let mut entries = Vec::with_capacity(usize::try_from(length).ok()?);
            for _ in 0..length {
                last = last.wrapping_add(read_number(&mut bytes)?.wrapping_shl(1));
                entries.push(last);
            }
            entries.is_sorted().then_some(entries)
        };
        let shape =
            LayerShape { files: table()?, directories: table()?, whiteouts: table()?, opaques: table()? };
        bytes.is_empty().then_some(shape)
    }
}

fn has(table: &[u64], path: PathHash) -> bool {
    table.binary_search(&path.0).is_ok()
}

fn write_number(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (&first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

impl Serialize for LayerShape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD_NO_PAD.encode(self.to_bytes()))
    }
}

impl<'de> Deserialize<'de> for LayerShape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LayerShape, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD_NO_PAD.decode(text).map_err(serde::de::Error::custom)?;
        LayerShape::from_bytes(&bytes).ok_or_else(|| serde::de::Error::custom("not the shape of a layer"))
    }
}

/// Builds a [`LayerShape`] from entries in archive order.
#[derive(Debug, Default)]
pub(crate) struct ShapeBuilder {
    /// In order of arrival, a directory before what is in it.
    entries: Vec<Arrival>,
    /// Path → the directory it is in, and when.
    whiteouts: HashMap<u64, Arrival>,
    opaques: HashMap<u64, Arrival>,
    /// Directories whose ancestors are in `entries`.
    implied: HashSet<PathHash>,
    /// Directories with content that were replaced.
    replaced: usize,
    /// Of the last arrival.
    moment: u64,
}

#[derive(Debug, Clone, Copy)]
struct Arrival {
    /// The path's hash; the lowest bit is set for directories.
    path: u64,
    /// The hash of the directory it is in.
    parent: u64,
    /// Counts up.
    moment: u64,
}

impl Arrival {
    fn of_directory(self) -> Arrival {
        Arrival { path: self.path | 1, ..self }
    }
}

/// What a file or whiteout took the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Of nothing that counts.
    Free,
    /// Of a directory with what was in it.
    Directory,
    /// The same, once too often: what was in it is still counted as there.
    DirectoryTooMany,
}

impl ShapeBuilder {
    /// A file, link or device. Engines remove a directory that stands in its way.
    pub(crate) fn file(&mut self, path: &str) -> Place {
        let hash = PathHash::of(path);
        let place = self.clear(hash);
        if !self.opaques.is_empty() {
            self.opaques.remove(&hash.0);
        }
        let arrival = self.arrival(path, hash);
        self.entries.push(arrival);
        place
    }

    /// A whiteout of the same name that came before means nothing: engines unpack it as a device, which the directory
    /// replaces, and overlayfs then merges the directory with the lower ones.
    pub(crate) fn directory(&mut self, path: &str) {
        let hash = PathHash::of(path);
        if self.whiteouts.remove(&hash.0).is_some() {
            self.opaques.remove(&hash.0);
        }
        let arrival = self.arrival(path, hash);
        self.entries.push(arrival.of_directory());
    }

    /// What the same layer has at `path` by then is gone, too: containerd unpacks the lowest layer so. Other layers of
    /// this kind are refused, and so are all by Docker.
    pub(crate) fn whiteout(&mut self, path: &str) -> Place {
        let hash = PathHash::of(path);
        let place = self.clear(hash);
        let arrival = self.arrival(path, hash);
        self.whiteouts.insert(hash.0, arrival);
        place
    }

    /// Of the root it means nothing: overlayfs merges the roots of all layers whatever is written on them.
    pub(crate) fn opaque(&mut self, directory: &str) {
        if directory.is_empty() {
            return;
        }
        let hash = PathHash::of(directory);
        let arrival = self.arrival(directory, hash);
        self.entries.push(arrival.of_directory());
        self.opaques.insert(hash.0, arrival);
    }

    /// An entry makes the directories it lies in.
    fn arrival(&mut self, path: &str, hash: PathHash) -> Arrival {
        let start = self.entries.len();
        let mut directory = parent(path);
        let mut parent_hash = PathHash::of(directory);
        let direct_parent = parent_hash;
        while !directory.is_empty() && self.implied.insert(parent_hash) {
            let path = parent_hash.0 | 1;
            directory = parent(directory);
            parent_hash = PathHash::of(directory);
            self.moment += 1;
            self.entries.push(Arrival { path, parent: parent_hash.0, moment: self.moment });
        }
        // A directory before what is in it.
        if let Some(new) = self.entries.get_mut(start..) {
            new.reverse();
        }
        self.moment += 1;
        Arrival { path: hash.0, parent: direct_parent.0, moment: self.moment }
    }

    /// Removes what is in the directory at `path`, if there is one.
    fn clear(&mut self, path: PathHash) -> Place {
        match (self.implied.contains(&path), self.replaced < DIRECTORIES_REPLACED_MAX) {
            (false, _) => Place::Free,
            (true, true) => {
                self.replaced += 1;
                self.empty(path);
                Place::Directory
            }
            (true, false) => Place::DirectoryTooMany,
        }
    }

    /// How many hashes are held.
    pub(crate) fn len(&self) -> u64 {
        (self.entries.len() + self.whiteouts.len() + self.opaques.len()) as u64
    }

    /// Forgets everything below a directory.
    fn empty(&mut self, directory: PathHash) {
        let mut gone = HashSet::from([directory.0]);
        self.entries.retain(|arrival| {
            let is_gone = gone.contains(&arrival.parent);
            if is_gone {
                gone.insert(arrival.path & !1);
            }
            !is_gone
        });
        // A directory with nothing but whiteouts in it is an entry all the same.
        self.whiteouts.retain(|_, whiteout| !gone.contains(&whiteout.parent));
        self.opaques.retain(|path, opaque| *path != directory.0 && !gone.contains(&opaque.parent));
        self.implied.retain(|path| !gone.contains(&path.0));
    }

    /// The last entry for a path wins.
    pub(crate) fn finish(self) -> LayerShape {
        let is_there = |arrival: &Arrival| {
            let whiteout = self.whiteouts.get(&(arrival.path & !1));
            whiteout.is_none_or(|whiteout| whiteout.moment < arrival.moment)
        };
        let mut entries: Vec<u64> =
            self.entries.into_iter().filter(is_there).map(|arrival| arrival.path).collect();
        entries.sort_by_key(|entry| entry >> 1);
        let last_of_each = entries.chunk_by(|one, other| one >> 1 == other >> 1).filter_map(<[u64]>::last);
        let mut shape = LayerShape::default();
        for &entry in last_of_each {
            let table = if entry & 1 == 1 { &mut shape.directories } else { &mut shape.files };
            table.push(entry & !1);
        }
        shape.whiteouts = sorted(self.whiteouts);
        shape.opaques = sorted(self.opaques);
        shape
    }
}

fn sorted(table: HashMap<u64, Arrival>) -> Vec<u64> {
    let mut table: Vec<u64> = table.into_keys().collect();
    table.sort_unstable();
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_off_the_name() {
        let check = |path: &str, expected: Mark<'_>| assert_eq!(mark(path), expected, "{path}");
        check("etc/passwd", Mark::None);
        check("etc/.wh.passwd", Mark::Whiteout("passwd"));
        check(".wh.etc", Mark::Whiteout("etc"));
        check("etc/.wh..wh..opq", Mark::Opaque);
        check(".wh..wh..opq", Mark::Opaque);
        check(".wh..wh.aufs", Mark::Metadata);
        check(".wh..wh.plnk", Mark::Metadata);
        check(".wh..wh.plnk/12.34", Mark::None);
        check("a/.wh..wh.orph/b/c", Mark::None);
        check("a/.wh.", Mark::Nonsense);
        check("a/.wh...", Mark::Nonsense);
        check("a.wh.b", Mark::None);
        check("a/.wh.b/c", Mark::None);
        check("etc/.wh..hidden", Mark::Whiteout(".hidden"));
    }

    /// `D dir`, `F file`, `W whiteout`, `O opaque`.
    fn shape(entries: &str) -> LayerShape {
        let mut builder = ShapeBuilder::default();
        for entry in entries.split_whitespace() {
            let (kind, path) = entry.split_at(1);
            match kind {
                "D" => builder.directory(path),
                "F" => {
                    builder.file(path);
                }
                "W" => {
                    builder.whiteout(path);
                }
                _ => builder.opaque(path),
            }
        }
        builder.finish()
    }

    #[test]
    fn what_a_layer_hides() {
        let check = |entries: &str, hidden: &str, seen: &str| {
            let shape = shape(entries);
            for path in hidden.split_whitespace() {
                assert!(shape.hides(path), "{entries}: {path}");
            }
            for path in seen.split_whitespace() {
                assert!(!shape.hides(path), "{entries}: {path}");
            }
        };
        check("Wa/b", "a a/b a/b/c", "ab a/bb a/c");
        check("Oa", "a a/b a/b/c", "ab b");
        check("O", "", "a a/b");
        check("Fa", "a a/b", "b");
        check("Da", "a", "a/b");
        check("Fa/b/c", "a a/b a/b/c a/b/c/d", "a/b/d a/d");
        check("Fa Da", "a", "a/b");
        check("Da Fa", "a a/b", "");
        check("Wa Da Fa/b", "a a/b", "a/c b");
        check("Da Wa", "a a/b", "b");
        check("Fa/b Fa", "a a/b a/c", "b");
        check("Fa/b Fa Da", "a", "a/b a/c");
        check("Fa/b/c/d Fa Fa/x", "a a/x", "a/b a/b/c/d");
        check("Wa/b Fa Da", "a", "a/b");
        check("Oa Fa Da", "a", "a/b");
        check("Oa/b Fa Da Da/b", "a a/b", "a/b/c");
        check("Fa/b Fc Fa Da Fa/d", "a c a/d", "a/b d");
        check("Wa Oa Da", "a", "a/b");
        check("Wa Oa", "a a/b", "");
        check("", "", "a a/b");
    }

    #[test]
    fn what_a_layer_has() {
        let check = |entries: &str, files: &str, not: &str| {
            let shape = shape(entries);
            for path in files.split_whitespace() {
                assert!(shape.has_file(path), "{entries}: {path}");
            }
            for path in not.split_whitespace() {
                assert!(!shape.has_file(path), "{entries}: {path}");
            }
        };
        check("Fa Wa", "", "a");
        check("Wa Fa", "a", "");
        check("Fa/b Wa", "", "a a/b");
        check("Fa/b/c Wa/b Fa/d", "a/d", "a/b/c");
        check("Fa/b Fa Da", "", "a a/b");
        check("Fa/b Fa Da Fa/c", "a/c", "a a/b");
        check("Fa/b Fa Fc", "a c", "a/b");
    }

    #[test]
    fn shapes_survive_being_written() {
        for entries in ["", "Wa/b Oc Fd/e/f Dg", "Fa Fb Fc Fd Fe Ff Fg Fh"] {
            let shape = shape(entries);
            let text = serde_json::to_string(&shape).unwrap();
            assert_eq!(serde_json::from_str::<LayerShape>(&text).unwrap(), shape, "{entries}");
        }
        for bytes in
            [&b""[..], b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x01\x02\0\0", b"\0\0\0\0\0", b"\x80"]
        {
            assert_eq!(LayerShape::from_bytes(bytes), None, "{bytes:?}");
        }
    }
}
