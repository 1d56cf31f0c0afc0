//! Files that their distribution package vouches for: what is in them everybody has who has the distribution.
//!
//! A package manager's lists name a digest for each file it installed: dpkg's `info/*.md5sums` (MD5), apk's `installed`
//! (SHA-1). A file with that digest holds no secret of the image's owner. The lists are read in the layer that has the
//! file: a package brings both. Only short hashes are kept, and only during the walk.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use seawall_inventory::Entry;
use sha1::Sha1;
use sha2::Digest;

use crate::limits::VOUCHED_FILES_MAX;

/// The digests of one file that package managers record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digests {
    md5: [u8; 16],
    sha1: [u8; 20],
}

/// Hashes a file as it comes.
#[derive(Default)]
pub(crate) struct Digester {
    md5: Md5,
    sha1: Sha1,
}

impl Digester {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.sha1.update(bytes);
    }

    pub(crate) fn finish(self) -> Digests {
        Digests { md5: self.md5.finalize().into(), sha1: self.sha1.finalize().into() }
    }
}

impl Digests {
    pub(crate) fn of(bytes: &[u8]) -> Digests {
        let mut digester = Digester::default();
        digester.update(bytes);
        digester.finish()
    }
}

/// What the package managers' lists of one tree say, path → the first eight bytes of the file's digest.
#[derive(Default)]
pub(crate) struct Vouchers {
    hasher: RandomState,
    digests: HashMap<u64, u64>,
}

/// Which list a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List<'p> {
    /// `<md5>  <path>` a line.
    Dpkg {
        /// What its paths are relative to, empty or with `/` at its end.
        root: &'p str,
    },
    /// Paragraphs with `F:` a directory, `R:` a file in it, `Z:` its SHA-1.
    Apk {
        /// Likewise.
        root: &'p str,
    },
}

/// Whether a file is a list of digests.
pub(crate) fn list<'p>(entry: &Entry<'p>) -> Option<List<'p>> {
    let path = entry.path;
    if path.ends_with(".md5sums") {
        let directory = entry.parent();
        let root = ["var/lib/dpkg/info", "var/lib/dpkg/status.d", "usr/lib/dpkg/info"]
            .iter()
            .find_map(|below| directory.strip_suffix(below))?;
        return is_root(root).then_some(List::Dpkg { root });
    }
    let above = path.strip_suffix("lib/apk/db/installed")?;
    let root = above.strip_suffix("usr/").unwrap_or(above);
    is_root(root).then_some(List::Apk { root })
}

/// Whether package managers install files there.
pub(crate) fn may_be_vouched(path: &str) -> bool {
    path.starts_with("usr/") || path.starts_with("opt/") || is_merged(path)
}

fn is_root(root: &str) -> bool {
    root.is_empty() || root.ends_with('/')
}

impl Vouchers {
    /// Takes in a list. Lines that are not as they should be vouch for nothing.
    pub(crate) fn read(&mut self, list: List<'_>, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        match list {
            List::Dpkg { root } => {
                for (sum, path) in text.lines().filter_map(|line| line.split_once("  ")) {
                    if let Some(digest) = sum.get(..16).and_then(|hex| u64::from_str_radix(hex, 16).ok()) {
                        self.add(root, path, digest);
                    }
                }
            }
            List::Apk { root } => self.read_apk(root, &text),
        }
    }

    fn read_apk(&mut self, root: &str, text: &str) {
        let (mut directory, mut file) = ("", String::new());
        for line in text.lines() {
            match line.split_at_checked(2) {
                Some(("F:", name)) => directory = name,
                Some(("R:", name)) if directory.is_empty() => name.clone_into(&mut file),
                Some(("R:", name)) => file = format!("{directory}/{name}"),
                Some(("Z:", sum)) => {
                    let digest = sum.strip_prefix("Q1").and_then(|sum| STANDARD.decode(sum).ok());
                    if let Some(digest) = digest.as_deref().and_then(first_eight) {
                        self.add(root, &file, digest);
                    }
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, root: &str, path: &str, digest: u64) {
        if self.digests.len() < VOUCHED_FILES_MAX {
            let key = self.key(&format!("{root}{}", path.trim_start_matches("./").trim_start_matches('/')));
            self.digests.insert(key, digest);
        }
    }

    /// Paths with a merged `/usr` and without are one.
    fn key(&self, path: &str) -> u64 {
        let path = path.strip_prefix("usr/").filter(|rest| is_merged(rest)).unwrap_or(path);
        self.hasher.hash_one(path)
    }

    /// Whether a list names this file with this digest.
    pub(crate) fn vouch(&self, path: &str, digests: &Digests) -> bool {
        let path = path.split_once("!/").map_or(path, |(outer, _)| outer);
        let known = self.digests.get(&self.key(path));
        known.is_some() && [first_eight(&digests.md5), first_eight(&digests.sha1)].contains(&known.copied())
    }
}

fn is_merged(path: &str) -> bool {
    ["bin/", "sbin/", "lib/", "lib32/", "lib64/", "libx32/"]
        .iter()
        .any(|directory| path.starts_with(directory))
}

fn first_eight(digest: &[u8]) -> Option<u64> {
    digest.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_vouches_for_its_file_as_it_was_packed() {
        let mut vouchers = Vouchers::default();
        // MD5 and SHA-1 of `abc`.
        vouchers.read(List::Dpkg { root: "" }, b"900150983cd24fb0d6963f7d28e17f72  lib/x/y.so\nnonsense\n");
        vouchers.read(List::Apk { root: "" }, b"P:a\nF:etc\nR:z\nZ:Q1qZk+NkcGgWq6PiVxeFDCbJzQ2J0=\n");
        let abc = Digests::of(b"abc");
        assert!(vouchers.vouch("lib/x/y.so", &abc));
        assert!(vouchers.vouch("usr/lib/x/y.so", &abc));
        assert!(vouchers.vouch("usr/lib/x/y.so!/member", &abc));
        assert!(vouchers.vouch("etc/z", &abc));
        assert!(!vouchers.vouch("etc/y", &abc));
        assert!(!vouchers.vouch("lib/x/y.so", &Digests::of(b"abd")));
    }
}
