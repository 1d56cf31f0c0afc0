//! Alpine packages: `lib/apk/db/installed` (and below `usr/` since apk-tools 3) of Alpine, Wolfi, Chainguard.
//!
//! The format is the text of apk-package(5): one-letter fields, a blank line between packages, `F:` opens a directory
//! and `R:` names a file in it. The documents in `var/lib/db/sbom` describe the same packages and are not read here.

#[cfg(test)]
mod tests;

use seawall_finding::GapKind;
use seawall_inventory::{Content, Ecosystem, Entry, Interest, OwnedFiles, Package, PathList, SourcePackage};

use crate::limits::{DATABASE_BYTES_MAX, PACKAGES_PER_FILE_MAX, PATH_BYTES_MAX};
use crate::{Catalog, Reader};

pub(crate) const READERS: &[Reader] = &[Reader { name: "apk-installed", interest, read }];

fn interest(entry: &Entry<'_>) -> Interest {
    if root(entry.path).is_some() { Interest::Whole } else { Interest::No }
}

/// The root that the database administers, with `/` at its end or empty.
fn root(path: &str) -> Option<&str> {
    let above = path.strip_suffix("lib/apk/db/installed")?;
    let root = above.strip_suffix("usr/").unwrap_or(above);
    (root.is_empty() || root.ends_with('/')).then_some(root)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(root) = root(entry.path) else { return };
    let Some(bytes) = catalog.whole(entry, content, DATABASE_BYTES_MAX) else { return };
    let text = String::from_utf8_lossy(bytes);
    let mut record = Record::default();
    let mut packages = 0;
    for line in text.lines().chain([""]) {
        if !line.is_empty() {
            record.take(line, root);
            continue;
        }
        if packages == PACKAGES_PER_FILE_MAX {
            catalog.gap(
                GapKind::Limit,
                entry.path,
                format_args!("more than {PACKAGES_PER_FILE_MAX} packages"),
            );
            return;
        }
        if let Some((package, files)) = std::mem::take(&mut record).package() {
            packages += 1;
            declare(catalog, entry.path, package, files);
        }
    }
    if packages == 0 && !text.trim().is_empty() {
        catalog.gap(GapKind::Malformed, entry.path, "no package in it");
    }
}

fn declare(catalog: &mut Catalog, path: &str, package: Package, files: PathList) {
    if !files.is_empty() {
        catalog.owned.push(OwnedFiles {
            path: path.to_owned(),
            ecosystem: Ecosystem::Apk,
            name: package.name.clone(),
            architecture: package.architecture.clone(),
            files,
        });
    }
    catalog.declare(path, package);
}

/// The fields of one package as they come.
#[derive(Default)]
struct Record<'t> {
    name: &'t str,
    version: &'t str,
    architecture: &'t str,
    license: &'t str,
    origin: &'t str,
    maintainer: &'t str,
    directory: &'t str,
    files: PathList,
}

impl<'t> Record<'t> {
    fn take(&mut self, line: &'t str, root: &str) {
        let Some((field, value)) = line.split_once(':') else { return };
        match field {
            "P" => self.name = value,
            "V" => self.version = value,
            "A" => self.architecture = value,
            "L" => self.license = value,
            "o" => self.origin = value,
            "m" => self.maintainer = value,
            "F" => self.directory = value,
            "R" => self.own(root, value),
            _ => {}
        }
    }

    fn own(&mut self, root: &str, file: &str) {
        if root.len() + self.directory.len() + file.len() >= PATH_BYTES_MAX {
            return;
        }
        match self.directory {
            "" => self.files.push(&format!("{root}{file}")),
            directory => self.files.push(&format!("{root}{directory}/{file}")),
        }
    }

    fn package(mut self) -> Option<(Package, PathList)> {
        // `apk add --virtual .build-deps` makes a package without files that is a name for others.
        if self.name.is_empty() || self.name.starts_with('.') {
            return None;
        }
        let given = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
        let mut package = Package::new(Ecosystem::Apk, self.name, self.version);
        package.source = given(self.origin)
            .filter(|origin| origin != self.name)
            .map(|name| SourcePackage { name, version: self.version.to_owned() });
        package.architecture = given(self.architecture);
        package.vendor = given(self.maintainer);
        package.licenses = given(self.license).into_iter().collect();
        self.files.shrink();
        Some((package, self.files))
    }
}
