//! How tests of this crate show files to the readers: from memory, from a directory, from the shared archives.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use seawall_inventory::{Entry, EntryKind, InMemory, Interest, Visitor};

use crate::inflation::Inflation;
use crate::{Catalog, Cataloger};

/// What all readers make of one executable file.
pub(crate) fn catalog_of(path: &str, bytes: impl AsRef<[u8]>) -> Catalog {
    catalog_of_files(&[(path, bytes.as_ref())])
}

/// What all readers make of these executable files.
pub(crate) fn catalog_of_files(files: &[(&str, &[u8])]) -> Catalog {
    catalog_by(Cataloger::new(), files)
}

/// What they make of them where all that a tree may decompress to is spent, but what these files grant.
pub(crate) fn catalog_after_bombs(files: &[(&str, &[u8])]) -> Catalog {
    let catalog = Catalog { inflation: Inflation::exhausted(), ..Catalog::default() };
    catalog_by(Cataloger { catalog, ..Cataloger::new() }, files)
}

fn catalog_by(mut cataloger: Cataloger, files: &[(&str, &[u8])]) -> Catalog {
    for (path, bytes) in files {
        show(&mut cataloger, path, bytes.to_vec(), 0o755);
    }
    cataloger.finish()
}

fn show(cataloger: &mut Cataloger, path: &str, bytes: Vec<u8>, mode: u32) {
    let size_bytes = bytes.len() as u64;
    let entry = Entry { path, kind: EntryKind::File, size_bytes, mode, uid: 0, gid: 0 };
    if cataloger.interest(&entry) != Interest::No {
        cataloger.visit(&entry, &mut InMemory::new(&bytes));
    }
}

/// What all readers make of the regular files below a directory, in the order of their paths.
pub(crate) fn catalog_of_tree(root: &Path) -> Catalog {
    let mut cataloger = Cataloger::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(directory) = waiting.pop() {
        let mut paths: Vec<PathBuf> = fs::read_dir(&directory).unwrap().map(|e| e.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let metadata = fs::symlink_metadata(&path).unwrap();
            if metadata.is_dir() {
                waiting.push(path);
            } else if metadata.is_file() {
                let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
                let relative = path.strip_prefix(root).unwrap().to_str().unwrap();
                show(&mut cataloger, relative, fs::read(&path).unwrap(), mode & 0o7777);
            }
        }
    }
    cataloger.finish()
}

/// A file below `shared/` beside the checkout; says so and gives nothing where it is absent.
pub(crate) fn shared(relative: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(relative);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is absent", path.display());
    None
}

/// The bytes of a file below `shared/`.
pub(crate) fn shared_bytes(relative: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(shared(relative)?).unwrap().read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

/// Unpacks the members of a shared archive that match the patterns (all without any) with the `tar` program.
pub(crate) fn unpacked(relative: &str, patterns: &[&str]) -> Option<tempfile::TempDir> {
    let archive = shared(relative)?;
    let directory = tempfile::tempdir().unwrap();
    let status = Command::new("tar")
        .arg("-xf")
        .arg(&archive)
        .arg("-C")
        .arg(directory.path())
        .args(["--no-same-owner", "--wildcards", "--exclude=dev/*", "--exclude=./dev/*"])
        .args(patterns)
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    Some(directory)
}

/// Checks what all readers make of one file, a line for each package and gap in alphabetical order:
/// `ECOSYSTEM NAME VERSION PRESENCE LICENCES` and `gap KIND: REASON`.
pub(crate) fn check_listed(path: &str, bytes: impl AsRef<[u8]>, expected: &[&str]) {
    let catalog = catalog_of(path, bytes);
    for package in &catalog.packages {
        assert_eq!(package.places[0].path.as_deref(), Some(path), "{package:?}");
    }
    for gap in &catalog.gaps {
        assert_eq!(gap.place.path.as_deref(), Some(path), "{gap:?}");
    }
    assert_eq!(listed(&catalog), expected, "{path}");
}

/// The lines of [`check_listed`].
pub(crate) fn listed(catalog: &Catalog) -> Vec<String> {
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut lines: Vec<String> = Vec::new();
    for package in &catalog.packages {
        let ecosystem = package.ecosystem.purl_type();
        let presence = word(serde_json::to_value(package.presence).unwrap());
        let licenses = package.licenses.join(", ");
        let line = format!("{ecosystem} {} {} {presence} {licenses}", package.name, package.version);
        lines.push(line.trim_end().to_owned());
    }
    for gap in &catalog.gaps {
        lines.push(format!("gap {}: {}", word(serde_json::to_value(gap.kind).unwrap()), gap.reason));
    }
    lines.sort();
    lines
}
