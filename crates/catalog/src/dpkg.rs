//! Debian packages: `lib/dpkg/status` at any depth, the `status.d` of distroless images, the file lists and the
//! `copyright` files; `manifest.wall` of chiselled images.
//!
//! Formats: deb-control(5), dpkg-query(1) for the states, DEP-5 for copyright files. Does not judge whether a
//! package is broken: what has files on disk counts as installed.

mod chisel;
mod control;
mod copyright;
mod files;
#[cfg(test)]
mod tests;

use seawall_finding::GapKind;
use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package, SourcePackage};

use crate::dpkg::control::Fields;
use crate::limits::{DATABASE_BYTES_MAX, PACKAGES_PER_FILE_MAX};
use crate::{Catalog, Reader};

pub(crate) const READERS: &[Reader] = &[
    Reader { name: "dpkg-status", interest: status_interest, read: read_status },
    Reader { name: "dpkg-files", interest: files::interest, read: files::read },
    Reader { name: "dpkg-copyright", interest: copyright::interest, read: copyright::read },
    Reader { name: "chisel-manifest", interest: chisel::interest, read: chisel::read },
];

fn status_interest(entry: &Entry<'_>) -> Interest {
    let is_status = match entry.name() {
        "status" => directory(entry.parent(), "dpkg").is_some(),
        // Distroless: one control file per package, named after it.
        name => directory(entry.parent(), "dpkg/status.d").is_some() && !files::is_list(name),
    };
    if is_status { Interest::Whole } else { Interest::No }
}

/// The root that `path` administers, with `/` at its end or empty, where it is `…/lib/<below>`.
fn directory<'a>(path: &'a str, below: &str) -> Option<&'a str> {
    let lib = path.strip_suffix(below)?.strip_suffix("lib/")?;
    if !lib.is_empty() && !lib.ends_with('/') {
        return None;
    }
    Some(lib.strip_suffix("var/").filter(|root| root.is_empty() || root.ends_with('/')).unwrap_or(lib))
}

fn read_status(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(bytes) = catalog.whole(entry, content, DATABASE_BYTES_MAX) else { return };
    let text = String::from_utf8_lossy(bytes);
    let mut packages = 0;
    for stanza in control::stanzas(&text) {
        let Some(package) = package(&stanza) else { continue };
        if packages == PACKAGES_PER_FILE_MAX {
            catalog.gap(
                GapKind::Limit,
                entry.path,
                format_args!("more than {PACKAGES_PER_FILE_MAX} packages"),
            );
            return;
        }
        packages += 1;
        catalog.declare(entry.path, package);
    }
    if packages == 0 && !text.trim().is_empty() && entry.name() == "status" {
        catalog.gap(GapKind::Malformed, entry.path, "no installed package in it");
    }
}

/// The package of one stanza; nothing where its files are not on disk.
fn package(stanza: &Fields<'_>) -> Option<Package> {
    let name = stanza.get("package").filter(|name| !name.is_empty())?;
    // `want flag state`: only the state says what is on disk. A distroless stanza has none.
    let state = stanza.get("status").and_then(|status| status.split_whitespace().next_back());
    if matches!(state, Some("not-installed" | "config-files")) {
        return None;
    }
    let version = stanza.get("version").unwrap_or_default();
    let mut package = Package::new(Ecosystem::Deb, name, version);
    package.source = stanza.get("source").and_then(|source| source_package(source, name, version));
    package.architecture = stanza.get("architecture").map(str::to_owned);
    package.vendor = stanza.get("maintainer").map(str::to_owned);
    Some(package)
}

/// `glibc (2.36-9)` or `glibc`; nothing where it says the same as the package itself.
fn source_package(field: &str, name: &str, version: &str) -> Option<SourcePackage> {
    let (source, source_version) = match field.split_once('(') {
        Some((source, rest)) => (source.trim(), rest.split(')').next().unwrap_or_default().trim()),
        None => (field.trim(), version),
    };
    if source.is_empty() || (source == name && source_version == version) {
        return None;
    }
    Some(SourcePackage { name: source.to_owned(), version: source_version.to_owned() })
}
