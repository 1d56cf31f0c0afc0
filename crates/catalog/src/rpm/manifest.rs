//! `container-manifest-2` of the distroless images of CBL-Mariner and Azure Linux: what `rpm -qa` said before the
//! database was removed.
//!
//! One package a line, in columns that tabs divide: name, version-release, time of installation, time of build, vendor,
//! epoch, size, architecture, epoch as a number, source rpm. `container-manifest-1` says less of the same packages.

use seawall_finding::GapKind;
use seawall_inventory::{Content, Entry, EntryKind, Interest, Package};

use crate::Catalog;
use crate::limits::{DATABASE_BYTES_MAX, PACKAGES_PER_FILE_MAX};
use crate::rpm::{package, root};

pub(super) fn interest(entry: &Entry<'_>) -> Interest {
    let is_manifest = entry.kind == EntryKind::File
        && entry.name() == "container-manifest-2"
        && root(entry, &["var/lib/rpmmanifest"]).is_some();
    if is_manifest { Interest::Whole } else { Interest::No }
}

pub(super) fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(bytes) = catalog.whole(entry, content, DATABASE_BYTES_MAX) else { return };
    let text = String::from_utf8_lossy(bytes);
    let mut damaged = 0;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    for (index, line) in lines.enumerate() {
        if index == PACKAGES_PER_FILE_MAX {
            let reason = format_args!("more than {PACKAGES_PER_FILE_MAX} packages");
            return catalog.gap(GapKind::Limit, entry.path, reason);
        }
        match package(line) {
            Some(package) if package.name == "gpg-pubkey" => {}
            Some(package) => catalog.declare(entry.path, package),
            None => damaged += 1,
        }
    }
    if damaged > 0 {
        catalog.gap(GapKind::Malformed, entry.path, format_args!("{damaged} of its lines name no package"));
    }
}

fn package(line: &str) -> Option<Package> {
    let given = |text: &&str| !matches!(*text, "" | "(none)");
    let columns: Vec<&str> = line.split('\t').map(str::trim).collect();
    let column = |index: usize| columns.get(index).copied().filter(given);
    let (version, release) = column(1)?.rsplit_once('-')?;
    // The column of the epoch is constant in some images; that of its number is 0 where there is none.
    let epoch = column(8).or(column(5)).and_then(|epoch| epoch.parse().ok()).filter(|epoch| *epoch != 0);
    let mut package = package::identity(column(0)?, epoch, version, Some(release), column(9));
    package.vendor = column(4).map(str::to_owned);
    package.architecture = column(7).map(str::to_owned);
    Some(package)
}
