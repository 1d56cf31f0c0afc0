//! A layer's members one by one, with all that makes two builds differ: for whoever compares builds, not for scans.

use std::io::{BufRead as _, Read};

use seawall_finding::{Gap, GapKind};
use seawall_inventory::Digest;
use sha2::Digest as _;

use super::ByReference;
use crate::limits::Limits;
use crate::path::shown;
use crate::stream::stream;
use crate::tar::{MemberKind, Step, Tar};

/// A member of a layer's archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerFile {
    /// Its name as written, with what no terminal should see replaced.
    pub path: String,
    /// `file`, `directory`, `symbolic link`, `hard link`, `device`.
    pub kind: &'static str,
    /// Permissions with the set-id bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Nanoseconds since 1970 when it was changed.
    pub changed_ns: u64,
    /// Where a link leads, as written.
    pub link: String,
    /// SHA-256 of a file's content.
    pub content: Option<Digest>,
}

/// Lists the members of a layer's blob in the order of its archive.
///
/// Never fails: what cannot be read is in the gaps.
pub fn layer_files(blob: impl Read + Send, limits: &Limits) -> (Vec<LayerFile>, Vec<Gap>) {
    let (mut files, mut gaps) = (Vec::new(), Vec::new());
    let streamed = stream(blob, None, limits, &|_| {}, |chunks| {
        let mut tar = Tar::new(ByReference(chunks), limits);
        loop {
            match tar.advance() {
                Ok(Step::Member) if files.len() as u64 >= limits.entries_max => {
                    let reason = format!("it has more than {} entries", limits.entries_max);
                    gaps.push(Gap::at(GapKind::Limit, "", reason));
                    break;
                }
                Ok(Step::Member) => files.push(file(&mut tar)),
                Ok(Step::Problem(problem)) => {
                    gaps.push(Gap::at(problem.kind, shown(&problem.path), problem.reason));
                }
                Ok(Step::Truncated) | Err(_) => {
                    gaps.push(Gap::at(GapKind::Malformed, "", "the layer's archive breaks off"));
                    break;
                }
                Ok(Step::End) => break,
            }
        }
        let mut rest = tar.into_input();
        while let Ok(length) = rest.fill_buf().map(<[u8]>::len) {
            if length == 0 {
                break;
            }
            rest.consume(length);
        }
    });
    match streamed {
        Ok(((), end)) => gaps.extend(end.error.map(|error| Gap::at(error.kind, "", error.reason))),
        Err(error) => gaps.push(Gap::at(GapKind::Unreadable, "", error.to_string())),
    }
    (files, gaps)
}

fn file(tar: &mut Tar<'_, ByReference<'_>>) -> LayerFile {
    let member = tar.member().clone();
    let kind = match member.kind {
        MemberKind::File => "file",
        MemberKind::Directory => "directory",
        MemberKind::Symlink => "symbolic link",
        MemberKind::Hardlink => "hard link",
        MemberKind::Special => "device",
    };
    let content = (member.kind == MemberKind::File).then(|| {
        let mut hash = sha2::Sha256::new();
        let mut body = tar.body();
        let mut buffer = [0; 16 * 1024];
        // A file that breaks off shows at the next step.
        while let Ok(count @ 1..) = body.read(&mut buffer) {
            hash.update(&buffer[..count]);
        }
        Digest::sha256(hash.finalize().into())
    });
    LayerFile {
        path: shown(&member.path),
        kind,
        mode: member.mode,
        uid: member.uid,
        gid: member.gid,
        changed_ns: member.changed_ns,
        link: shown(&member.link),
        content,
    }
}
