//! Paths → the files below them that can be linted.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use seawall_finding::{Gap, GapKind};
use seawall_image::Limits;
use seawall_image::source::directory::walk_directory;
use seawall_inventory::{Content, Entry, EntryKind, Interest, Visitor};
use seawall_lint::files::{is_candidate, is_known};

use crate::input::{self, Links};

/// Generated manifests of a whole cluster have some 10 MB.
pub(super) const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Of a file that nobody named.
const FOUND_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// All files of a run are in memory together, because those that deploy are judged together.
const FILES_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Directories of other people's files.
const NOT_ENTERED: [&str; 2] = [".git", "node_modules"];

/// Where the bytes of a file are from. What reports show of a path is for people: it cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) enum Origin {
    Stdin,
    Path(PathBuf),
    /// Below a directory, with a name that is not UTF-8.
    Unnamed,
}

/// The files with their names as reports show them.
#[derive(Default)]
pub(in crate::commands) struct Files {
    pub(in crate::commands) files: Vec<(String, Vec<u8>)>,
    /// What could not be read.
    pub(in crate::commands) gaps: Vec<Gap>,
    /// Of each file, by the name that is shown.
    pub(in crate::commands) origins: BTreeMap<String, Origin>,
    bytes: u64,
}

impl Files {
    /// Reads what the user named: `-` is standard input, a directory is everything of a known kind below it.
    pub(in crate::commands) fn read(paths: &[PathBuf]) -> Result<Files> {
        let mut files = Files::default();
        for path in paths {
            if path.as_os_str() == "-" {
                let mut bytes = Vec::new();
                io::stdin()
                    .lock()
                    .take(FILE_BYTES_MAX + 1)
                    .read_to_end(&mut bytes)
                    .context("cannot read standard input")?;
                if bytes.len() as u64 > FILE_BYTES_MAX {
                    let reason = format!("it is larger than {} MiB", FILE_BYTES_MAX >> 20);
                    files.gaps.push(Gap::at(GapKind::Limit, "-", reason));
                    continue;
                }
                files.add("-".to_owned(), Origin::Stdin, bytes);
                continue;
            }
            let about = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
            if about.is_dir() {
                files.add_directory(path)?;
                continue;
            }
            match input::read(path, FILE_BYTES_MAX, Links::Follow) {
                Ok(bytes) => {
                    files.add(shown(path), Origin::Path(plain(path).to_owned()), bytes);
                    files.add_dockerignore(path);
                }
                Err(error) if error.kind() == ErrorKind::FileTooLarge => {
                    files.gaps.push(Gap::at(GapKind::Limit, shown(path), error));
                }
                Err(error) => return Err(error).context(format!("cannot read {}", path.display())),
            }
        }
        Ok(files)
    }

    /// The text of the `.dockerignore` of a build file.
    pub(super) fn dockerignore(&self, path: &str) -> Option<&str> {
        let directory =
            path.rsplit_once('/').map(|(directory, _)| format!("{directory}/")).unwrap_or_default();
        let wanted = format!("{directory}.dockerignore");
        let found = self.files.iter().find(|(path, _)| *path == wanted);
        found.and_then(|(_, bytes)| std::str::from_utf8(bytes).ok())
    }

    /// The same file named twice is one; another one that is shown alike cannot be told from it in a report.
    fn add(&mut self, path: String, origin: Origin, bytes: Vec<u8>) {
        if let Some(known) = self.origins.get(&path) {
            if *known != origin || origin == Origin::Unnamed {
                let reason = "its name is shown like that of another file";
                self.gaps.push(Gap::at(GapKind::Unsupported, path, reason));
            }
        } else if self.bytes + bytes.len() as u64 > FILES_BYTES_MAX {
            self.gaps.push(too_many(path));
        } else {
            self.bytes += bytes.len() as u64;
            self.origins.insert(path.clone(), origin);
            self.files.push((path, bytes));
        }
    }

    /// What stands beside a build file that was named alone; nobody named it, so no link is followed.
    fn add_dockerignore(&mut self, path: &Path) {
        let beside = path.with_file_name(".dockerignore");
        match input::read(&beside, FOUND_BYTES_MAX, Links::Refuse) {
            Ok(bytes) => self.add(shown(&beside), Origin::Path(plain(&beside).to_owned()), bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => self.gaps.push(Gap::at(kind(&error), shown(&beside), error)),
        }
    }

    fn add_directory(&mut self, root: &Path) -> Result<()> {
        let mut found =
            Candidates { room: FILES_BYTES_MAX.saturating_sub(self.bytes), ..Candidates::default() };
        let walk = walk_directory(root, &mut [&mut found], &Limits::default(), &|_| {});
        let walk = walk.with_context(|| format!("cannot read {}", root.display()))?;
        let irregular = found.irregular(root);
        for (path, bytes) in found.files {
            let real = root.join(&path);
            // The walk writes bytes that are not UTF-8 so; a file may also be called this.
            let is_escaped = path.contains("\\x");
            let origin = if is_escaped { Origin::Unnamed } else { Origin::Path(plain(&real).to_owned()) };
            self.add(shown(&real), origin, bytes);
        }
        for mut gap in walk.gaps.into_iter().chain(found.gaps).chain(irregular) {
            gap.place.path = gap.place.path.map(|path| shown(&root.join(path)));
            self.gaps.push(gap);
        }
        Ok(())
    }
}

/// `./app/Dockerfile` is `app/Dockerfile`, and `.//app` is not `/app`.
fn plain(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}

/// A path as reports name it; bytes that are not UTF-8 are written `\xNN`.
pub(super) fn shown(path: &Path) -> String {
    let mut text = String::new();
    for chunk in plain(path).as_os_str().as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text
}

fn kind(error: &io::Error) -> GapKind {
    let kinds = [(ErrorKind::FileTooLarge, GapKind::Limit), (ErrorKind::Unsupported, GapKind::Unsupported)];
    let kind = kinds.into_iter().find(|(of, _)| *of == error.kind());
    kind.map_or(GapKind::Unreadable, |(_, kind)| kind)
}

fn too_many(path: impl Into<String>) -> Gap {
    let reason = format!("all files together are larger than {} MiB", FILES_BYTES_MAX >> 20);
    Gap::at(GapKind::Limit, path, reason)
}

/// Keeps the files of a known kind, as long as there is room.
#[derive(Default)]
struct Candidates {
    files: Vec<(String, Vec<u8>)>,
    gaps: Vec<Gap>,
    room: u64,
    /// What has the name of a candidate and is no regular file: path, and whether it is a symbolic link.
    irregular: RefCell<BTreeSet<(String, bool)>>,
}

impl Candidates {
    /// The gaps of what is no regular file. What a link points to may be examined under its own name.
    fn irregular(&self, root: &Path) -> Vec<Gap> {
        let top = fs::canonicalize(root);
        let is_examined = |path: &str| {
            let target = fs::canonicalize(root.join(path)).ok()?;
            let target = target.strip_prefix(top.as_ref().ok()?).ok()?.to_str()?;
            let is_kept = self.files.iter().any(|(path, _)| path == target);
            Some(is_kept || !is_known(path, "") && is_wanted(target))
        };
        let mut gaps = Vec::new();
        for (path, is_link) in self.irregular.borrow().iter() {
            let reason = match is_link {
                true if is_examined(path) == Some(true) => continue,
                true => "it is a symbolic link, which is not followed",
                false => "it is not a regular file",
            };
            gaps.push(Gap::at(GapKind::Unsupported, path, reason));
        }
        gaps
    }
}

/// By its path alone.
fn is_wanted(path: &str) -> bool {
    !path.split('/').any(|part| NOT_ENTERED.contains(&part)) && is_candidate(path)
}

impl Visitor for Candidates {
    fn interest(&self, entry: &Entry<'_>) -> Interest {
        if !is_wanted(entry.path) {
            return Interest::No;
        }
        let is_link = matches!(entry.kind, EntryKind::Symlink(_));
        if is_link || entry.kind == EntryKind::Special {
            self.irregular.borrow_mut().insert((entry.path.to_owned(), is_link));
            return Interest::No;
        }
        Interest::Whole
    }

    fn visit(&mut self, entry: &Entry<'_>, content: &mut dyn Content) {
        let bytes = match content.whole(FOUND_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::FileTooLarge => {
                let reason = format!("it is larger than {} MiB", FOUND_BYTES_MAX >> 20);
                return self.gaps.push(Gap::at(GapKind::Limit, entry.path, reason));
            }
            Err(error) => return self.gaps.push(Gap::at(GapKind::Unreadable, entry.path, error)),
        };
        // Most YAML files of a repository are none of ours, and nobody named them.
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        if !entry.path.ends_with(".dockerignore") && !is_known(entry.path, text) {
            return;
        }
        match self.room.checked_sub(bytes.len() as u64) {
            Some(room) => {
                self.room = room;
                self.files.push((entry.path.to_owned(), bytes.to_vec()));
            }
            None => self.gaps.push(too_many(entry.path)),
        }
    }
}
