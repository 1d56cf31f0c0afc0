//! A directory of feeds as unpacked by hand: one folder per source. `seawall db update --from DIR` reads it
//! where it is no mirror; `make demo` makes its database so.

use std::path::Path;

use crate::feed::Standing;

/// One folder (or file) and how it is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Folder {
    /// Path in the directory.
    pub(crate) path: &'static str,
    /// Name of the source.
    pub(crate) source: &'static str,
    /// For people.
    pub(crate) title: &'static str,
    /// A name in [`crate::feed::FEEDS`].
    pub(crate) feed: &'static str,
    /// How far it is to be believed.
    pub(crate) standing: Standing,
    /// The space of its documents, where they do not name it.
    pub(crate) space: Option<&'static str>,
}

const fn folder(path: &'static str, source: &'static str, feed: &'static str, title: &'static str) -> Folder {
    Folder { path, source, title, feed, standing: Standing::Authority, space: None }
}

/// Every folder that is known, by the names of the archives that feeds are published in.
pub(crate) const FOLDERS: &[Folder] = &[
    folder("almalinux", "almalinux", "osv", "AlmaLinux errata"),
    folder("go", "go", "osv", "Go vulnerability database"),
    folder("pypi", "pypi", "osv", "PyPI advisories"),
    folder("osv-samples", "ghsa", "osv", "GitHub advisories"),
    folder("osv", "osv", "osv", "OSV"),
    folder("debian/debian-dsa-dla.jsonl", "debian-dsa", "debian-dsa", "Debian security advisories"),
    folder("debian-tracker", "debian-tracker", "debian-tracker", "Debian security tracker"),
    folder("alpine", "alpine-secdb", "alpine-secdb", "Alpine security database"),
    folder("rustsec", "rustsec", "rustsec", "RustSec"),
    folder("rubygems", "rubysec", "rubysec", "Ruby advisory database"),
    folder("packagist", "friendsofphp", "friendsofphp", "PHP security advisories"),
    Folder {
        standing: Standing::Secondary,
        ..folder("npm-nodejs-wg", "nodejs-wg", "nodejs-wg", "Node.js security working group")
    },
    Folder { standing: Standing::Secondary, ..folder("js-retire", "retire", "retire", "Retire.js") },
    Folder {
        standing: Standing::Hint,
        ..folder("nvd-overrides", "nvd-overrides", "nvd", "NVD with corrected ranges")
    },
    Folder {
        standing: Standing::Facts,
        ..folder("epss", "epss", "epss", "FIRST's exploit prediction scores")
    },
    Folder {
        standing: Standing::Facts,
        ..folder("kev", "kev", "kev", "CISA's known exploited vulnerabilities")
    },
    Folder { standing: Standing::Facts, ..folder("eol", "endoflife", "endoflife", "endoflife.date") },
    Folder {
        standing: Standing::Facts,
        ..folder("vulnrichment", "vulnrichment", "cve", "CISA's vulnrichment")
    },
];

/// The folders that a directory has.
pub(crate) fn present(directory: &Path) -> impl Iterator<Item = &'static Folder> {
    FOLDERS.iter().filter(|folder| directory.join(folder.path).exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::feed;

    #[test]
    fn every_folder_has_a_format() {
        for folder in FOLDERS {
            let feed =
                feed(folder.feed).unwrap_or_else(|| panic!("{}: no feed {}", folder.path, folder.feed));
            assert_eq!(feed.wants_space, folder.space.is_some(), "{}", folder.path);
        }
    }
}
