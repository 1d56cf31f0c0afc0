//! One layer: stored blob → entries → visitors.

use std::io::Read;

use seawall_finding::GapKind;
use seawall_inventory::{Digest, Visitor};

mod files;

pub use files::{LayerFile, layer_files};

use crate::limits::Limits;
use crate::path::{normalise, parent, shown};
use crate::stream::{Chunks, StreamEnd, stream};
use crate::tar::{Input, MemberKind, Step, Tar};
use crate::walk::{LayerWalk, Metadata, Verification, Walk, Wanted};
use crate::whiteout::{Mark, mark};

/// Walks a layer's blob once, from its start to its end, and shows its files to the visitors.
///
/// `expected` is the layer's `diff_id`: all uncompressed bytes are hashed and compared with it. Pass `None` for a tar
/// that was made anew ([`Blobs::is_verbatim`](crate::Blobs::is_verbatim)). `progress` is told the stored bytes read
/// since it was last called, from another thread.
///
/// Never fails: what cannot be read is in [`LayerWalk::gaps`].
pub fn walk_layer(
    blob: impl Read + Send,
    expected: Option<&Digest>,
    visitors: &mut [&mut dyn Visitor],
    limits: &Limits,
    progress: &(dyn Fn(u64) + Sync),
) -> LayerWalk {
    walk(blob, expected, Walk::new(visitors, limits, None), progress)
}

/// Walks a layer again and shows only the files at the paths that are keys of `wanted`, under the names that the
/// values list: for [`LayerWalk::aliases`].
pub fn walk_layer_only(
    blob: impl Read + Send,
    expected: Option<&Digest>,
    wanted: &Wanted,
    visitors: &mut [&mut dyn Visitor],
    limits: &Limits,
    progress: &(dyn Fn(u64) + Sync),
) -> LayerWalk {
    walk(blob, expected, Walk::new(visitors, limits, Some(wanted)), progress)
}

fn walk(
    blob: impl Read + Send,
    expected: Option<&Digest>,
    mut walk: Walk<'_, '_>,
    progress: &(dyn Fn(u64) + Sync),
) -> LayerWalk {
    let limits = walk.limits;
    let algorithm = expected.map(Digest::algorithm);
    let streamed = stream(blob, algorithm, limits, progress, |chunks| members(chunks, &mut walk));
    let (end, stream_end) = match streamed {
        Ok(done) => done,
        Err(error) => {
            walk.gaps.push(GapKind::Unreadable, "", format!("the layer cannot be read: {error}"));
            let verification = expected.map_or(Verification::NotAsked, |_| Verification::Unfinished);
            return LayerWalk { verification, ..walk.finish() };
        }
    };
    let verification = verify(&mut walk, expected, &end, &stream_end);
    LayerWalk { diff_id: stream_end.digest, verification, bytes: stream_end.bytes, ..walk.finish() }
}

const ENDS_INSIDE: &str = "the layer's archive ends inside this file";

/// How the members ended.
enum End {
    /// With the archive's end.
    Proper,
    /// In the middle of this member.
    Truncated(String),
    /// At a limit, of which there is a gap.
    Limit,
}

fn verify(walk: &mut Walk<'_, '_>, expected: Option<&Digest>, end: &End, stream: &StreamEnd) -> Verification {
    let Some(expected) = expected else {
        explain(walk, end, stream);
        return Verification::NotAsked;
    };
    match &stream.digest {
        // The bytes are right: what the reader stumbled over behind them is no part of the layer.
        Some(digest) if digest == expected => {
            if let End::Truncated(_) = end {
                explain(walk, end, stream);
            }
            Verification::Matches
        }
        Some(digest) if stream.error.is_none() => {
            let differs = format!("the layer has digest {digest} and should have {expected}");
            match end {
                // A layer that breaks off cannot have the digest of the whole.
                End::Truncated(path) => {
                    walk.gaps.push(GapKind::Malformed, path, format!("{ENDS_INSIDE}; {differs}"));
                }
                End::Proper | End::Limit => walk.gaps.push(GapKind::Malformed, "", differs),
            }
            Verification::Differs
        }
        Some(_) | None => {
            explain(walk, end, stream);
            Verification::Unfinished
        }
    }
}

/// Says why the walk ended early, if it did.
fn explain(walk: &mut Walk<'_, '_>, end: &End, stream: &StreamEnd) {
    match (end, &stream.error) {
        (End::Truncated(path), Some(error)) => {
            let reason = format!("from here on the layer cannot be read: {}", error.reason);
            walk.gaps.push(error.kind, path, reason);
        }
        (End::Truncated(path), None) => {
            walk.gaps.push(GapKind::Malformed, path, ENDS_INSIDE);
        }
        (End::Proper | End::Limit, Some(error)) => {
            walk.gaps.push(error.kind, "", format!("the layer cannot be read to its end: {}", error.reason));
        }
        (End::Proper | End::Limit, None) => {}
    }
}

fn members(chunks: &mut Chunks, walk: &mut Walk<'_, '_>) -> End {
    let limits = walk.limits;
    let mut tar = Tar::new(ByReference(chunks), limits);
    let mut path = String::new();
    loop {
        match tar.advance() {
            Ok(Step::Member) if !walk.has_room() => {
                let reason =
                    format!("it has more than {} entries; the rest was not looked at", limits.entries_max);
                walk.gaps.push(GapKind::Limit, &path, reason);
                return End::Limit;
            }
            Ok(Step::Member) => member(&mut tar, &mut path, walk),
            Ok(Step::Problem(problem)) => walk.gaps.push(problem.kind, &shown(&problem.path), problem.reason),
            // Chunks end where their stream fails, so both are the same here.
            Ok(Step::Truncated) | Err(_) => return End::Truncated(path),
            Ok(Step::End) => break,
        }
    }
    rest(tar.into_input(), walk);
    End::Proper
}

/// Reads on to the end, for the digest. Engines ignore what stands there.
fn rest(mut chunks: ByReference<'_>, walk: &mut Walk<'_, '_>) {
    use std::io::BufRead;
    let mut is_padding = true;
    while let Ok(bytes) = chunks.fill_buf() {
        let length = bytes.len();
        if length == 0 {
            break;
        }
        if is_padding && bytes.iter().any(|&byte| byte != 0) {
            is_padding = false;
            let reason = "data behind the end of the layer's archive, which engines ignore";
            walk.gaps.push(GapKind::Malformed, "", reason);
        }
        chunks.consume(length);
    }
}

/// Lends the chunks to a tar reader.
struct ByReference<'c>(&'c mut Chunks);

impl Read for ByReference<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl std::io::BufRead for ByReference<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.0.consume(bytes);
    }
}

impl Input for ByReference<'_> {}

/// Takes in one member; `path` keeps its normal form.
fn member<I: Input>(tar: &mut Tar<'_, I>, path: &mut String, walk: &mut Walk<'_, '_>) {
    let limits = walk.limits;
    let member = tar.member();
    let kind = member.kind;
    let size_bytes = member.size_bytes;
    let metadata = Metadata { mode: member.mode, uid: member.uid, gid: member.gid };
    if let Err(refusal) = normalise(&member.path, path, limits) {
        return walk.gaps.push(refusal.kind, &shown(&member.path), refusal.reason);
    }
    if path.is_empty() {
        if kind != MemberKind::Directory {
            walk.gaps.push(
                GapKind::Malformed,
                "",
                "an entry of the layer takes the place of the root directory",
            );
        }
        return;
    }
    let is_followed = walk.follow(path);
    if !is_followed {
        return walk.gaps.push(GapKind::Malformed, path, "its directories are links that lead in circles");
    }
    match mark(path) {
        Mark::None => {}
        Mark::Whiteout(gone) => {
            let directory = parent(path);
            let slash = if directory.is_empty() { "" } else { "/" };
            return walk.whiteout(&format!("{directory}{slash}{gone}"));
        }
        Mark::Opaque => return walk.shape.opaque(parent(path)),
        Mark::Metadata => return,
        Mark::Nonsense => {
            return walk.gaps.push(GapKind::Malformed, path, "it marks no possible name as removed");
        }
    }
    match kind {
        MemberKind::File => walk.file(path, size_bytes, metadata, &mut tar.body()),
        MemberKind::Directory => walk.directory(path, metadata),
        MemberKind::Special => walk.special(path, metadata),
        MemberKind::Symlink => {
            let mut target = String::new();
            crate::path::push_text(&member.link, &mut target);
            walk.symlink(path, &target, metadata);
        }
        MemberKind::Hardlink => {
            let mut target = String::new();
            let is_usable = normalise(&member.link, &mut target, limits).is_ok() && walk.follow(&mut target);
            match is_usable && !target.is_empty() {
                true => walk.hardlink(path, &target, metadata),
                false => walk.gaps.push(GapKind::Malformed, path, "it is a hard link to no file"),
            }
        }
    }
}

#[cfg(test)]
mod tests;
