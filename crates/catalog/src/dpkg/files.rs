//! Which files a Debian package owns: `info/*.list`, `info/*.md5sums`, and distroless' `status.d/*.md5sums`.

use seawall_inventory::{Content, Ecosystem, Entry, Interest, OwnedFiles, PathList};

use crate::limits::{FILE_LIST_BYTES_MAX, PATH_BYTES_MAX};
use crate::{Catalog, dpkg};

/// Whether a file of `status.d` or `info` lists files; what is neither that nor a control file holds scripts.
pub(super) fn is_list(name: &str) -> bool {
    list_of(name).is_some()
}

/// `libc6:amd64.list` → `libc6:amd64`.
fn list_of(name: &str) -> Option<&str> {
    name.strip_suffix(".md5sums").or_else(|| name.strip_suffix(".list"))
}

pub(super) fn interest(entry: &Entry<'_>) -> Interest {
    if is_list(entry.name()) && root(entry).is_some() { Interest::Whole } else { Interest::No }
}

fn root<'a>(entry: &Entry<'a>) -> Option<&'a str> {
    let directory = |below| dpkg::directory(entry.parent(), below);
    directory("dpkg/info").or_else(|| directory("dpkg/status.d"))
}

pub(super) fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let (Some(root), Some(stem)) = (root(entry), list_of(entry.name())) else { return };
    let Some(bytes) = catalog.whole(entry, content, FILE_LIST_BYTES_MAX) else { return };
    let text = String::from_utf8_lossy(bytes);
    let files = if entry.name().ends_with(".list") { listed(&text, root) } else { summed(&text, root) };
    if files.is_empty() {
        return;
    }
    let (name, architecture) = match stem.split_once(':') {
        Some((name, architecture)) => (name, Some(architecture.to_owned())),
        None => (stem, None),
    };
    catalog.owned.push(OwnedFiles {
        path: entry.path.to_owned(),
        ecosystem: Ecosystem::Deb,
        name: name.to_owned(),
        architecture,
        files,
    });
}

/// Lines of absolute paths. A directory stands before what is in it; only what has nothing in it is kept.
fn listed(text: &str, root: &str) -> PathList {
    let mut files = PathList::default();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let is_directory =
            lines.peek().and_then(|next| next.strip_prefix(line)).is_some_and(|rest| rest.starts_with('/'));
        if !is_directory && line != "/." {
            own(&mut files, root, line);
        }
    }
    files.shrink();
    files
}

/// Lines of `<md5>  <path without leading slash>`.
fn summed(text: &str, root: &str) -> PathList {
    let mut files = PathList::default();
    for path in text.lines().filter_map(|line| line.split_once("  ")).map(|(_, path)| path) {
        own(&mut files, root, path);
    }
    files.shrink();
    files
}

fn own(files: &mut PathList, root: &str, path: &str) {
    let path = path.trim_start_matches("./").trim_start_matches('/');
    if path.is_empty() || path.len() > PATH_BYTES_MAX {
        return;
    }
    if root.is_empty() { files.push(path) } else { files.push(&format!("{root}{path}")) }
}
