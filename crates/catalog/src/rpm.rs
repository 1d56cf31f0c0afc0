//! RPM packages: the databases of rpm at any depth, and the manifest that distroless images of Azure Linux have in
//! their place.
//!
//! A database is a table of headers, in one of three formats: Berkeley DB (`Packages`), rpm's own "ndb"
//! (`Packages.db`) and SQLite (`rpmdb.sqlite`). Only that table is read, from the bytes of the file, without a
//! database library. Indexes are not read, signatures are not checked, and nothing of a write-ahead log is applied:
//! one that holds changes is a gap.

mod berkeley_db;
#[cfg(test)]
mod fixture;
mod header;
mod input;
mod manifest;
mod ndb;
mod package;
mod sqlite;
#[cfg(test)]
mod tests;
mod wal;

use std::ops::ControlFlow;

use seawall_finding::GapKind;
use seawall_inventory::{Content, Ecosystem, Entry, EntryKind, Interest, OwnedFiles, Package, PathList};

use crate::limits::{DATABASE_BYTES_MAX, PACKAGES_PER_FILE_MAX, RPM_PATHS_BYTES_MAX};
use crate::rpm::header::Header;
use crate::rpm::input::{Fault, Input};
use crate::{Catalog, Reader};

pub(crate) const READERS: &[Reader] = &[
    Reader { name: "rpm-database", interest, read },
    Reader { name: "rpm-wal", interest: wal::interest, read: wal::read },
    Reader { name: "rpm-manifest", interest: manifest::interest, read: manifest::read },
];

/// Where rpm keeps its database: by default, in SUSE and Fedora since 36, in rpm-ostree.
const DIRECTORIES: &[&str] = &["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"];

/// Calls its last argument with every header of a database, or with why one could not be read.
type Backend = fn(&mut Input<'_>, &mut Each<'_>) -> Result<(), Fault>;
type Each<'e> = dyn FnMut(Result<&[u8], Fault>) -> ControlFlow<()> + 'e;

fn backend(name: &str) -> Option<Backend> {
    match name {
        "Packages" => Some(berkeley_db::headers),
        "Packages.db" => Some(ndb::headers),
        "rpmdb.sqlite" => Some(sqlite::headers),
        _ => None,
    }
}

fn interest(entry: &Entry<'_>) -> Interest {
    let is_database = entry.kind == EntryKind::File
        && backend(entry.name()).is_some()
        && root(entry, DIRECTORIES).is_some();
    if is_database { Interest::Whole } else { Interest::No }
}

/// The root that the file administers, with `/` at its end or empty, where it is in one of `directories`.
fn root<'a>(entry: &Entry<'a>, directories: &[&str]) -> Option<&'a str> {
    let root = directories.iter().find_map(|directory| entry.parent().strip_suffix(directory))?;
    (root.is_empty() || root.ends_with('/')).then_some(root)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let (Some(backend), Some(root)) = (backend(entry.name()), root(entry, DIRECTORIES)) else { return };
    let size_bytes = content.size_bytes();
    if size_bytes == 0 {
        return;
    }
    if size_bytes > DATABASE_BYTES_MAX {
        catalog.gap(GapKind::Limit, entry.path, format_args!("larger than {DATABASE_BYTES_MAX} bytes"));
        return;
    }
    let reader = match content.seekable() {
        Ok(reader) => reader,
        Err(error) => return catalog.gap(GapKind::Unreadable, entry.path, error),
    };
    let mut found = Found::new(entry.path, root, catalog);
    let ended = backend(&mut Input::new(reader, size_bytes), &mut |header| found.take(header));
    found.finish(ended);
}

/// What comes of the headers of one database.
struct Found<'f> {
    path: &'f str,
    root: &'f str,
    catalog: &'f mut Catalog,
    packages: usize,
    /// How much of [`RPM_PATHS_BYTES_MAX`] is left.
    paths_bytes_left: usize,
    /// Headers that could not be read, and why the first could not.
    faults: usize,
    first_fault: Option<Fault>,
}

impl<'f> Found<'f> {
    fn new(path: &'f str, root: &'f str, catalog: &'f mut Catalog) -> Found<'f> {
        Found {
            path,
            root,
            catalog,
            packages: 0,
            paths_bytes_left: RPM_PATHS_BYTES_MAX,
            faults: 0,
            first_fault: None,
        }
    }

    fn take(&mut self, header: Result<&[u8], Fault>) -> ControlFlow<()> {
        if self.packages == PACKAGES_PER_FILE_MAX {
            let reason = format_args!("more than {PACKAGES_PER_FILE_MAX} packages");
            self.catalog.gap(GapKind::Limit, self.path, reason);
            return ControlFlow::Break(());
        }
        match header.and_then(|bytes| self.declare(&Header::parse(bytes)?)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(fault) => self.fault(fault),
        }
    }

    fn declare(&mut self, header: &Header<'_>) -> Result<(), Fault> {
        let Some(package) = package::package(header)? else { return Ok(()) };
        self.packages += 1;
        // A package whose list of files is damaged is there all the same.
        let listed = package::files(header, self.root, &mut self.paths_bytes_left);
        let (files, damage) = match listed {
            Ok(files) => (files, Ok(())),
            Err(fault) => (PathList::default(), Err(fault)),
        };
        self.own(&package, files);
        self.catalog.declare(self.path, package);
        damage
    }

    fn own(&mut self, package: &Package, files: PathList) {
        if !files.is_empty() {
            self.catalog.owned.push(OwnedFiles {
                path: self.path.to_owned(),
                ecosystem: Ecosystem::Rpm,
                name: package.name.clone(),
                architecture: package.architecture.clone(),
                files,
            });
        }
    }

    fn fault(&mut self, fault: Fault) -> ControlFlow<()> {
        let flow = if fault.is_final() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        self.faults += 1;
        self.first_fault.get_or_insert(fault);
        flow
    }

    /// The gaps: one for what ended the reading, one for all single headers.
    fn finish(mut self, ended: Result<(), Fault>) {
        if let Err(fault) = ended {
            self.catalog.gap(fault.gap_kind(), self.path, &fault);
        }
        if let Some(fault) = self.first_fault.take() {
            let reason = match self.faults {
                1 => format!("one of its headers: {fault}"),
                faults => format!("{faults} of its headers, the first because {fault}"),
            };
            self.catalog.gap(fault.gap_kind(), self.path, reason);
        }
    }
}
