//! Paths → the files below them that can be linted.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use seawall_finding::{Gap, GapKind};
use seawall_image::Limits;
use seawall_image::source::directory::walk_directory;
use seawall_inventory::{Content, Entry, Interest, Visitor};
use seawall_lint::files::{is_candidate, is_known};

/// Generated manifests of a whole cluster have some 10 MB.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// All files of a run are in memory together, because those that deploy are judged together.
const FILES_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Directories of other people's files.
const NOT_ENTERED: [&str; 2] = [".git", "node_modules"];

/// The files with their names as reports show them.
#[derive(Default)]
pub(super) struct Files {
    pub(super) files: Vec<(String, Vec<u8>)>,
    /// What could not be read.
    pub(super) gaps: Vec<Gap>,
    bytes: u64,
}

impl Files {
    /// Reads what the user named: `-` is standard input, a directory is everything of a known kind below it.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Files> {
        let mut files = Files::default();
        for path in paths {
            if path.as_os_str() == "-" {
                let mut bytes = Vec::new();
                io::stdin()
                    .lock()
                    .take(FILE_BYTES_MAX + 1)
                    .read_to_end(&mut bytes)
                    .context("cannot read standard input")?;
                files.add("-".to_owned(), bytes);
                continue;
            }
            let about = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
            if about.is_dir() {
                files.add_directory(path)?;
            } else {
                let mut bytes = Vec::new();
                let file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
                file.take(FILE_BYTES_MAX + 1)
                    .read_to_end(&mut bytes)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                files.add(shown(path), bytes);
                files.add_dockerignore(path);
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

    fn add(&mut self, path: String, bytes: Vec<u8>) {
        self.bytes += bytes.len() as u64;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            let reason = format!("it is larger than {} MB", FILE_BYTES_MAX >> 20);
            self.gaps.push(Gap::at(GapKind::Limit, path, reason));
        } else if self.bytes > FILES_BYTES_MAX {
            let reason = format!("all files together are larger than {} MB", FILES_BYTES_MAX >> 20);
            self.gaps.push(Gap::at(GapKind::Limit, path, reason));
        } else if !self.files.iter().any(|(known, _)| *known == path) {
            self.files.push((path, bytes));
        }
    }

    /// What stands beside a build file that was named alone.
    fn add_dockerignore(&mut self, path: &Path) {
        let beside = path.with_file_name(".dockerignore");
        if let Ok(bytes) = fs::read(&beside)
            && bytes.len() as u64 <= FILE_BYTES_MAX
        {
            self.add(shown(&beside), bytes);
        }
    }

    fn add_directory(&mut self, root: &Path) -> Result<()> {
        let mut found = Candidates::default();
        let walk = walk_directory(root, &mut [&mut found], &Limits::default(), &|_| {});
        let walk = walk.with_context(|| format!("cannot read {}", root.display()))?;
        let named = |path: &str| shown(&root.join(path));
        for (path, bytes) in found.files {
            let text = std::str::from_utf8(&bytes).unwrap_or_default();
            // Most YAML files of a repository are none of ours, and nobody named them.
            if path.ends_with(".dockerignore") || is_known(&path, text) {
                self.add(named(&path), bytes);
            }
        }
        for mut gap in walk.gaps.into_iter().chain(found.gaps) {
            gap.place.path = gap.place.path.map(|path| named(&path));
            self.gaps.push(gap);
        }
        Ok(())
    }
}

/// A path as reports name it: `./app/Dockerfile` is `app/Dockerfile`.
fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    text.strip_prefix("./").map(str::to_owned).unwrap_or(text)
}

/// Keeps the files whose names say that they may be of a known kind.
#[derive(Default)]
struct Candidates {
    files: Vec<(String, Vec<u8>)>,
    gaps: Vec<Gap>,
}

impl Visitor for Candidates {
    fn interest(&self, entry: &Entry<'_>) -> Interest {
        let is_of_others = entry.path.split('/').any(|part| NOT_ENTERED.contains(&part));
        if is_of_others || !is_candidate(entry.path) { Interest::No } else { Interest::Whole }
    }

    fn visit(&mut self, entry: &Entry<'_>, content: &mut dyn Content) {
        match content.whole(FILE_BYTES_MAX) {
            Ok(bytes) => self.files.push((entry.path.to_owned(), bytes.to_vec())),
            Err(error) => self.gaps.push(Gap::at(GapKind::Unreadable, entry.path, error)),
        }
    }
}
