//! The members of an archive of images in a plain tar, by name.
//!
//! Names are keys into the archive and nothing else: links lead to other members, never to a file of the host.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use super::spool::{SpoolReader, Spooled};
use crate::limits::{LINK_HOPS_MAX, Limits};
use crate::manifest::ManifestError;
use crate::path::parent;
use crate::tar::{Input, MemberKind, Step, Tar};

pub(super) const WHAT: &str = "the archive";

/// Why a member cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum MembersError {
    /// The file cannot be read.
    #[error("cannot read the archive")]
    Unreadable(#[from] io::Error),
    /// What it holds cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// A member's bytes in the file, or the member that it stands for.
#[derive(Debug, Clone)]
enum Member {
    Bytes { start: u64, size: u64 },
    Link(String),
    Directory,
}

/// An archive whose members have been looked up.
pub(super) struct Members {
    spooled: Spooled,
    members: HashMap<String, Member>,
    /// Why not all of them were found, or not for certain.
    problem: Option<MembersError>,
}

impl Members {
    /// Reads the headers of the tar in `file`. What is wrong with it is kept for [`Members::sound`]: in a tar of
    /// files a bad member is no reason to give up.
    pub(super) fn index(file: File, limits: &Limits) -> Result<Members, MembersError> {
        let size = file.metadata()?.len();
        let mut members = Members { spooled: Spooled::new(file), members: HashMap::new(), problem: None };
        members.problem = members.read_headers(size, limits).err();
        Ok(members)
    }

    /// Those of an archive without anything wrong.
    pub(super) fn sound(mut self) -> Result<Members, MembersError> {
        match self.problem.take() {
            Some(problem) => Err(problem),
            None => Ok(self),
        }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.problem.is_none()
    }

    /// The file with all of them.
    pub(super) fn into_file(self) -> Spooled {
        self.spooled
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The names of all of them.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// Whether any member's name begins so.
    pub(super) fn has_below(&self, prefix: &str) -> bool {
        self.members.keys().any(|name| name.starts_with(prefix))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_ok()
    }

    /// Start and size of a member's bytes, through the archive's own links.
    pub(super) fn find(&self, name: &str) -> Result<(u64, u64), MembersError> {
        let mut name = normal("", name);
        for _ in 0..LINK_HOPS_MAX {
            match self.members.get(&name) {
                Some(Member::Bytes { start, size }) => return Ok((*start, *size)),
                Some(Member::Link(target)) => name = target.clone(),
                Some(Member::Directory) | None => break,
            }
        }
        let shown: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
        Err(ManifestError::Contradictory { what: WHAT, reason: format!("it lacks {shown}") }.into())
    }

    /// All bytes of a small member.
    pub(super) fn document(&self, name: &str, bytes_max: u64) -> Result<Vec<u8>, MembersError> {
        let (start, size) = self.find(name)?;
        if size > bytes_max {
            return Err(
                ManifestError::Limit { what: WHAT, max: bytes_max, unit: "bytes in a document" }.into()
            );
        }
        let mut bytes = Vec::new();
        self.slice(start, size).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A part of the file.
    pub(super) fn slice(&self, start: u64, size: u64) -> SpoolReader {
        self.spooled.slice(start, size)
    }

    fn read_headers(&mut self, size: u64, limits: &Limits) -> Result<(), MembersError> {
        let input = Seeking { reader: BufReader::new(self.spooled.reader()), left: size };
        let mut tar = Tar::new(input, limits);
        let mut problem = None;
        loop {
            match tar.advance()? {
                Step::Member => {}
                Step::End => return problem.map_or(Ok(()), |problem| Err(MembersError::Manifest(problem))),
                Step::Problem(new) => {
                    let new = ManifestError::Contradictory { what: WHAT, reason: new.reason };
                    problem = problem.or(Some(new));
                    continue;
                }
                Step::Truncated => {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive breaks off").into());
                }
            }
            if self.members.len() >= limits.archive_entries_max {
                let max = limits.archive_entries_max as u64;
                return Err(ManifestError::Limit { what: WHAT, max, unit: "members" }.into());
            }
            let member = tar.member();
            let path = normal("", &String::from_utf8_lossy(&member.path));
            let link = String::from_utf8_lossy(&member.link);
            let known = match (member.kind, member.data_offset) {
                (MemberKind::File, Some(start)) => Member::Bytes { start, size: member.size_bytes },
                (MemberKind::Symlink, _) => Member::Link(normal(parent(&path), &link)),
                (MemberKind::Hardlink, _) => Member::Link(normal("", &link)),
                (MemberKind::Directory, _) if !path.is_empty() => Member::Directory,
                (MemberKind::File | MemberKind::Directory | MemberKind::Special, _) => continue,
            };
            self.members.insert(path, known);
        }
    }
}

/// `name` seen from `directory`, without `.`, `..` and empty components; only ever a key into the archive.
fn normal(directory: &str, name: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let start = if name.starts_with('/') { "" } else { directory };
    for part in start.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The file as a tar is read from it: what is skipped is not read.
struct Seeking {
    reader: BufReader<SpoolReader>,
    left: u64,
}

impl Read for Seeking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

impl BufRead for Seeking {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
        self.left = self.left.saturating_sub(amount as u64);
    }
}

impl Input for Seeking {
    fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        let skipped = bytes.min(self.left);
        self.reader.seek_relative(i64::try_from(skipped).map_err(io::Error::other)?)?;
        self.left -= skipped;
        Ok(skipped)
    }
}
