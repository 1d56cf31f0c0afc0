//! What all lock files have in common: their packages are named, not there, and one package may stand in a lock
//! file many times (per platform, per directory, per target framework).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use seawall_finding::GapKind;
use seawall_inventory::{Ecosystem, Package, Presence};

use crate::Catalog;
use crate::limits::PACKAGES_PER_FILE_MAX;

/// A package that a lock file names; `is_for_development` where it says so of the package.
pub(crate) fn locked(ecosystem: Ecosystem, name: &str, version: &str, is_for_development: bool) -> Package {
    let mut package = Package::new(ecosystem, name, version);
    package.presence = if is_for_development { Presence::LockedForDevelopment } else { Presence::Locked };
    package
}

impl Catalog {
    /// Adds the packages that one file declares, each name and version once. Where it declares one both for
    /// production and for development, it is for production. Entries without a name are dropped.
    pub(crate) fn declare_each_once(&mut self, path: &str, packages: impl IntoIterator<Item = Package>) {
        let mut known: HashMap<(String, String), usize> = HashMap::new();
        for package in packages {
            if package.name.is_empty() {
                continue;
            }
            if known.len() >= PACKAGES_PER_FILE_MAX {
                let reason = format_args!("more than {PACKAGES_PER_FILE_MAX} packages in one file");
                self.gap(GapKind::Limit, path, reason);
                return;
            }
            match known.entry((package.name.clone(), package.version.clone())) {
                Entry::Vacant(vacant) => {
                    vacant.insert(self.packages.len());
                    self.declare(path, package);
                }
                Entry::Occupied(at) => {
                    if let Some(same) = self.packages.get_mut(*at.get()) {
                        same.presence = same.presence.min(package.presence);
                        if same.licenses.is_empty() {
                            same.licenses = package.licenses;
                        }
                    }
                }
            }
        }
    }
}
