//! Java archives: the Maven artifacts that a jar, war, ear or other zip of classes is and holds, to any depth.
//!
//! Reads an archive's directory and the few entries that identify artifacts; classes are not read. Archives inside are
//! read in place where they are stored and in memory where they are compressed. How an artifact is told is [`identity`];
//! how much an archive may cost is limited per outermost file, and reaching a limit is a gap.

use std::io::Cursor;

use seawall_finding::GapKind;
use seawall_inventory::{Content, Ecosystem, Entry, EntryKind, Interest, Package, Presence, ReadSeek};

use crate::catalog::outermost;
use crate::limits::{
    INFLATED_RATIO, JAR_ARCHIVES_MAX, JAR_BYTES_MIN, JAR_DEPTH_MAX, JAR_INFLATED_BYTES_MAX,
    JAR_MANIFEST_BYTES_MAX, JAR_NESTED_BYTES_MAX, JAR_PACKAGES_MAX, JAR_POM_BYTES_MAX, JAR_POMS_MAX,
};
use crate::{Catalog, Reader};

mod archive;
mod file_name;
mod groups;
mod identity;
mod manifest;
mod pom;

use archive::{Archive, ArchiveEntry, ArchiveError};
use file_name::FileName;
use identity::Evidence;
use manifest::Manifest;

pub(crate) const READERS: &[Reader] = &[Reader { name: "jar", interest, read }];

const EXTENSIONS: [&str; 14] =
    ["jar", "war", "ear", "par", "sar", "nar", "rar", "jpi", "hpi", "kar", "aar", "jmod", "lpkg", "zip"];

fn interest(entry: &Entry<'_>) -> Interest {
    let is_wanted =
        entry.kind == EntryKind::File && entry.size_bytes >= JAR_BYTES_MIN && has_extension(entry.name());
    if is_wanted { Interest::Whole } else { Interest::No }
}

fn has_extension(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, extension)| {
        !stem.is_empty() && EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// What reading one outermost archive may still cost.
struct Budget {
    archives: usize,
    inflated_bytes: u64,
    /// Bytes of archives that are held in memory right now, one inside the other.
    held_bytes: u64,
    packages: usize,
    /// Why the inflated bytes are no more than they are.
    inflation: Bound,
    /// One gap tells of an exhausted budget, not one per archive left out.
    is_exhausted: bool,
}

/// What bounds the bytes that one outermost archive inflates to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// The limit of one file.
    File,
    /// What all archives of the tree together may.
    Tree,
}

impl Budget {
    /// Reads an entry and charges what it inflated to, whether or not that was of use.
    fn read(
        &mut self,
        archive: &mut Archive<'_>,
        entry: &ArchiveEntry,
        bytes_max: u64,
    ) -> Result<Vec<u8>, ArchiveError> {
        let before = archive.read_bytes;
        let content = archive.read(entry, bytes_max.min(self.inflated_bytes));
        self.inflated_bytes = self.inflated_bytes.saturating_sub(archive.read_bytes - before);
        content
    }

    /// Records why an entry was not read: once for the whole file where that is for the budget.
    fn fail(&mut self, error: &ArchiveError, path: &str, catalog: &mut Catalog) {
        let file = outermost(path);
        match (error, self.inflated_bytes, self.inflation) {
            (ArchiveError::TooLarge(..), 0, Bound::File) => {
                let reason = format_args!("its contents inflate to more than {JAR_INFLATED_BYTES_MAX} bytes");
                self.exhaust(file, reason, catalog);
            }
            (ArchiveError::TooLarge(..), 0, Bound::Tree) => {
                let reason = format_args!(
                    "its contents and those of the archives before it inflate to more than {INFLATED_RATIO} times their size"
                );
                self.exhaust(file, reason, catalog);
            }
            _ => catalog.gap(kind_of(error), path, format_args!("Java archive: {error}")),
        }
    }

    fn exhaust(&mut self, path: &str, what: impl std::fmt::Display, catalog: &mut Catalog) {
        if !self.is_exhausted {
            self.is_exhausted = true;
            catalog.gap(GapKind::Limit, path, what);
        }
    }
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let size_bytes = content.size_bytes();
    let of_tree = catalog.inflation.grant(size_bytes);
    let inflated_bytes = of_tree.min(JAR_INFLATED_BYTES_MAX);
    let mut budget = Budget {
        archives: JAR_ARCHIVES_MAX,
        inflated_bytes,
        held_bytes: 0,
        packages: JAR_PACKAGES_MAX,
        inflation: if of_tree < JAR_INFLATED_BYTES_MAX { Bound::Tree } else { Bound::File },
        is_exhausted: false,
    };
    // Formats that share a name with Java's (WinRAR, Perl's PAR, plain text) say so in their first bytes; a
    // self-starting jar begins with a script.
    match content.seekable() {
        Ok(input) => {
            examine(input, size_bytes, entry.path, 0, &mut budget, catalog);
            catalog.inflation.spend(inflated_bytes - budget.inflated_bytes);
        }
        Err(error) => catalog.gap(GapKind::Unreadable, entry.path, error),
    }
}

/// The entries of one archive that are looked at.
#[derive(Default)]
struct Contents {
    manifest: Option<ArchiveEntry>,
    properties: Vec<ArchiveEntry>,
    projects: Vec<ArchiveEntry>,
    nested: Vec<ArchiveEntry>,
}

fn examine(
    input: &mut dyn ReadSeek,
    size_bytes: u64,
    path: &str,
    depth: usize,
    budget: &mut Budget,
    catalog: &mut Catalog,
) {
    if budget.archives == 0 {
        return budget.exhaust(path, format_args!("it holds more than {JAR_ARCHIVES_MAX} archives"), catalog);
    }
    budget.archives -= 1;
    let mut classes = ClassPackage::default();
    let opened = Archive::open(input, size_bytes, |name| {
        classes.see(name);
        is_description(name) || has_extension(name)
    });
    let mut archive = match opened {
        Ok(archive) => archive,
        Err(error) => return catalog.gap(kind_of(&error), path, format_args!("Java archive: {error}")),
    };
    let contents = sort(std::mem::take(&mut archive.entries), path, catalog);
    let evidence = gather(&mut archive, &contents, path, classes.name(), budget, catalog);
    declare(&evidence, path, budget, catalog);
    if !contents.nested.is_empty() && depth >= JAR_DEPTH_MAX {
        let reason = format_args!("archives are nested more than {JAR_DEPTH_MAX} deep");
        return budget.exhaust(path, reason, catalog);
    }
    for entry in &contents.nested {
        if budget.is_exhausted {
            return;
        }
        descend(&mut archive, entry, path, depth, budget, catalog);
    }
}

fn kind_of(error: &ArchiveError) -> GapKind {
    match error {
        ArchiveError::Read(_) => GapKind::Unreadable,
        ArchiveError::TooManyEntries | ArchiveError::TooLarge(..) => GapKind::Limit,
        ArchiveError::Method(_) => GapKind::Unsupported,
        ArchiveError::NotAnArchive
        | ArchiveError::Directory
        | ArchiveError::Entry(_)
        | ArchiveError::Damaged(..) => GapKind::Malformed,
    }
}

fn is_description(name: &str) -> bool {
    name == "META-INF/MANIFEST.MF"
        || (name.starts_with("META-INF/maven/")
            && (name.ends_with("/pom.properties") || name.ends_with("/pom.xml")))
}

fn sort(entries: Vec<ArchiveEntry>, path: &str, catalog: &mut Catalog) -> Contents {
    let mut contents = Contents::default();
    let mut is_cut = false;
    for entry in entries {
        let list = if entry.name == "META-INF/MANIFEST.MF" {
            contents.manifest = Some(entry);
            continue;
        } else if entry.name.ends_with("/pom.properties") {
            &mut contents.properties
        } else if entry.name.ends_with("/pom.xml") {
            &mut contents.projects
        } else {
            contents.nested.push(entry);
            continue;
        };
        if list.len() < JAR_POMS_MAX {
            list.push(entry);
        } else {
            is_cut = true;
        }
    }
    if is_cut {
        catalog.gap(
            GapKind::Limit,
            path,
            format_args!("it describes more than {JAR_POMS_MAX} Maven projects"),
        );
    }
    contents
}

fn gather(
    archive: &mut Archive<'_>,
    contents: &Contents,
    path: &str,
    class_package: String,
    budget: &mut Budget,
    catalog: &mut Catalog,
) -> Evidence {
    let mut read = |entry: &ArchiveEntry, bytes_max| {
        if budget.is_exhausted {
            return None;
        }
        let content = budget.read(archive, entry, bytes_max);
        content.map_err(|error| budget.fail(&error, path, catalog)).ok()
    };
    let manifest = contents.manifest.as_ref().and_then(|entry| read(entry, JAR_MANIFEST_BYTES_MAX));
    let properties = contents.properties.iter().filter_map(|entry| read(entry, JAR_POM_BYTES_MAX));
    let properties = properties.filter_map(|bytes| pom::from_properties(&bytes)).collect();
    let projects = contents.projects.iter().filter_map(|entry| read(entry, JAR_POM_BYTES_MAX));
    let projects = projects.filter_map(|bytes| pom::from_xml(&bytes)).collect();
    Evidence {
        file_name: FileName::parse(path.rsplit('/').next().unwrap_or(path)),
        manifest: manifest.map(|bytes| Manifest::parse(&bytes)).unwrap_or_default(),
        properties,
        projects,
        class_package,
    }
}

fn declare(evidence: &Evidence, path: &str, budget: &mut Budget, catalog: &mut Catalog) {
    // A zip without Java's marks is some other archive, which has no identity of its own.
    if path.ends_with(".zip") && evidence.properties.is_empty() && evidence.projects.is_empty() {
        return;
    }
    for identity in identity::identify(evidence) {
        if budget.packages == 0 {
            return budget.exhaust(
                path,
                format_args!("it holds more than {JAR_PACKAGES_MAX} artifacts"),
                catalog,
            );
        }
        budget.packages -= 1;
        let coordinates = identity.coordinates;
        let name = if coordinates.group.is_empty() {
            let reason = format_args!("nothing states the Maven group of `{}`", coordinates.artifact);
            catalog.gap(GapKind::Undetermined, path, reason);
            coordinates.artifact
        } else {
            format!("{}:{}", coordinates.group, coordinates.artifact)
        };
        let mut package = Package::new(Ecosystem::Maven, name, coordinates.version);
        package.licenses = identity.licenses;
        if identity.is_inferred {
            package.presence = Presence::Recovered;
        }
        catalog.declare(path, package);
    }
}

/// Reads an archive inside an archive.
fn descend(
    archive: &mut Archive<'_>,
    entry: &ArchiveEntry,
    path: &str,
    depth: usize,
    budget: &mut Budget,
    catalog: &mut Catalog,
) {
    let inner = format!("{path}!/{}", entry.name);
    match archive.window(entry) {
        Ok(Some(mut window)) => {
            let size_bytes = window.size_bytes();
            return examine(&mut window, size_bytes, &inner, depth + 1, budget, catalog);
        }
        Ok(None) => {}
        Err(error) => return budget.fail(&error, &inner, catalog),
    }
    match budget.read(archive, entry, JAR_NESTED_BYTES_MAX - budget.held_bytes) {
        Ok(bytes) => {
            let size_bytes = bytes.len() as u64;
            budget.held_bytes += size_bytes;
            examine(&mut Cursor::new(bytes), size_bytes, &inner, depth + 1, budget, catalog);
            budget.held_bytes -= size_bytes;
        }
        Err(error) => budget.fail(&error, &inner, catalog),
    }
}

/// The package that all classes of an archive share.
#[derive(Default)]
struct ClassPackage {
    shared: Option<Vec<String>>,
}

impl ClassPackage {
    fn see(&mut self, name: &str) {
        let Some((folder, class)) = name.rsplit_once('/') else { return };
        let is_own = class.ends_with(".class")
            && !["META-INF", "BOOT-INF", "WEB-INF"].iter().any(|own| folder.starts_with(own));
        if !is_own {
            return;
        }
        match &mut self.shared {
            None => self.shared = Some(folder.split('/').take(16).map(str::to_owned).collect()),
            Some(shared) => {
                let same =
                    shared.iter().zip(folder.split('/')).take_while(|(left, right)| left == right).count();
                shared.truncate(same);
            }
        }
    }

    fn name(self) -> String {
        self.shared.unwrap_or_default().join(".")
    }
}

#[cfg(test)]
mod tests;
