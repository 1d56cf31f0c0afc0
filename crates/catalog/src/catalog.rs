//! What the readers found in one tree, how trees are put together, and what needs more than one file.
//!
//! Every fact names the file that states it, so that whoever squashes layers can drop the facts of files that an
//! upper layer removed or replaced ([`Catalog::retain_paths`]) before it adds the upper layer's.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;

use seawall_finding::{Gap, GapKind};
use seawall_inventory::{Content, Distro, Ecosystem, OwnedFiles, Package, Place, Presence, Program};
use serde::{Deserialize, Serialize};

use crate::inflation::Inflation;
use crate::{distro, ownership, tree};

/// What the readers found in one tree (a layer, a directory).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Catalog {
    /// Packages; `places[0].path` is the file that declares each.
    pub packages: Vec<Package>,
    /// File lists of distribution packages, for ownership.
    pub owned: Vec<OwnedFiles>,
    /// Licences that another file states than the one that declares the package.
    pub licenses: Vec<PackageLicenses>,
    /// Facts about the distribution with the file that states them; a file that knows only a part (content sets,
    /// support streams, a repository branch) leaves `id` empty.
    pub distros: Vec<(String, Distro)>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// What the readers of this tree may still decompress.
    #[serde(skip)]
    pub(crate) inflation: Inflation,
}

/// The licences of a package that a file of its own states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageLicenses {
    /// The file, `usr/share/doc/libc6/copyright`.
    pub path: String,
    /// The package's ecosystem.
    pub ecosystem: Ecosystem,
    /// The package's name.
    pub name: String,
    /// Names or expressions as recorded, each once.
    pub licenses: Vec<String>,
}

/// A squashed catalog with everything joined that is stated in more than one file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Joined {
    /// The distribution, where a file names one.
    pub distro: Option<Distro>,
    /// The packages with licences and owners, sorted by ecosystem, name, version, first place.
    pub packages: Vec<Package>,
    /// The file lists, which are complete and joined.
    pub owned: Vec<OwnedFiles>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

impl Joined {
    /// Sets the package of each program that a file list names.
    pub fn own(&self, programs: &mut [Program]) {
        let by_path = programs.iter_mut().map(|program| (program.path.clone(), &mut program.package));
        ownership::own(by_path, &self.packages, &self.owned, self.distro.as_ref());
    }
}

impl Catalog {
    /// Adds a package declared by `path`.
    pub fn declare(&mut self, path: &str, mut package: Package) {
        package.places.insert(0, Place::path(path));
        self.packages.push(package);
    }

    /// Records that `path` could not be read.
    pub fn gap(&mut self, kind: GapKind, path: &str, reason: impl std::fmt::Display) {
        self.gaps.push(Gap::at(kind, path, reason));
    }

    /// The whole of a file; a gap and nothing where it is larger than `bytes_max` or cannot be read.
    pub(crate) fn whole<'c>(
        &mut self,
        entry: &seawall_inventory::Entry<'_>,
        content: &'c mut dyn Content,
        bytes_max: u64,
    ) -> Option<&'c [u8]> {
        match content.whole(bytes_max) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                self.gap(GapKind::Limit, entry.path, format_args!("larger than {bytes_max} bytes"));
                None
            }
            Err(error) => {
                self.gap(GapKind::Unreadable, entry.path, error);
                None
            }
        }
    }

    /// Attaches to each package what other files say of it and chooses the distribution. To be called on the facts of
    /// the squashed tree: a file list or a licence often is in another layer than the package's record.
    pub fn join(self) -> Joined {
        let Catalog { packages, owned, licenses, distros, gaps, inflation: _ } = self;
        let distro = distro::choose(&distros);
        let mut packages = locked_packages_once_installed(distribution_packages_once(packages));
        attach_licenses(&mut packages, licenses);
        tree::attach_distros(&mut packages, &distros, distro.as_ref());
        ownership::resolve(&mut packages, &owned, distro.as_ref());
        packages.sort_by(|a, b| identity(a).cmp(&identity(b)));
        let packages = programs_once(packages);
        Joined { distro, packages, owned, gaps }
    }

    /// Adds the facts of another tree. For layers: lower first, and [`Catalog::retain_paths`] before each.
    pub fn extend(&mut self, upper: Catalog) {
        let Catalog { packages, owned, licenses, distros, gaps, inflation: _ } = upper;
        self.packages.extend(packages);
        self.owned.extend(owned);
        self.licenses.extend(licenses);
        self.distros.extend(distros);
        self.gaps.extend(gaps);
    }

    /// Keeps only the facts of files for which `keep` is true. A fact from inside an archive
    /// (`outer.jar!/inner.jar`) is asked for by the archive's path.
    pub fn retain_paths(&mut self, mut keep: impl FnMut(&str) -> bool) {
        let mut place = |place: Option<&Place>| {
            place.and_then(|place| place.path.as_deref()).is_none_or(|path| keep(outermost(path)))
        };
        self.packages.retain(|package| place(package.places.first()));
        self.gaps.retain(|gap| place(Some(&gap.place)));
        self.owned.retain(|owned| keep(&owned.path));
        self.licenses.retain(|licenses| keep(&licenses.path));
        self.distros.retain(|(path, _)| keep(path));
    }
}

fn identity(package: &Package) -> impl Ord {
    let place = package.places.first().and_then(|place| place.path.as_deref());
    (package.ecosystem, &package.name, &package.version, place, &package.architecture)
}

/// A distribution's package is in a tree once, whatever number of databases name it (dpkg's and a chisel manifest, an
/// rpm database and its copy in `usr/share/rpm`). Packages of languages may be there several times, in several places.
fn distribution_packages_once(packages: Vec<Package>) -> Vec<Package> {
    let mut once: Vec<Package> = Vec::with_capacity(packages.len());
    let mut seen = HashMap::new();
    for package in packages {
        if package.ecosystem.is_distribution() {
            let key = (
                package.ecosystem,
                package.name.clone(),
                package.version.clone(),
                package.architecture.clone(),
                tree::of_package(&package).to_owned(),
            );
            match seen.entry((key, package.module.clone())) {
                Entry::Occupied(at) => {
                    if let Some(first) = once.get_mut(*at.get()) {
                        fill(first, package);
                    }
                    continue;
                }
                Entry::Vacant(at) => _ = at.insert(once.len()),
            }
        }
        once.push(package);
    }
    once
}

/// A package that a lock file names and that is installed below the lock file's directory is one package, with both
/// files as its places.
fn locked_packages_once_installed(packages: Vec<Package>) -> Vec<Package> {
    let is_locked = |package: &Package| match package.presence {
        Presence::Locked | Presence::LockedForDevelopment => true,
        Presence::Installed | Presence::Recovered => false,
    };
    let (locked, mut kept): (Vec<Package>, Vec<Package>) = packages.into_iter().partition(is_locked);
    if locked.is_empty() {
        return kept;
    }
    let mut installed: HashMap<(Ecosystem, String, String), Vec<usize>> = HashMap::new();
    for (at, package) in kept.iter().enumerate().filter(|(_, package)| !package.ecosystem.is_distribution()) {
        let key = (package.ecosystem, package.name.clone(), package.version.clone());
        installed.entry(key).or_default().push(at);
    }
    for package in locked {
        let directory = package.places.first().and_then(|place| place.path.as_deref()).map(parent);
        let key = (package.ecosystem, package.name.clone(), package.version.clone());
        let below = |at: &usize| {
            let path = kept.get(*at).and_then(|installed| installed.places.first()?.path.as_deref());
            path.zip(directory).is_some_and(|(path, directory)| is_below(path, directory))
        };
        let found: Vec<usize> = installed.get(&key).into_iter().flatten().copied().filter(below).collect();
        match found.is_empty() {
            true => kept.push(package),
            false => found.iter().for_each(|at| {
                if let Some(installed) = kept.get_mut(*at) {
                    fill(installed, package.clone());
                    // What a program's traces let guess, its lock file says.
                    installed.presence = Presence::Installed;
                }
            }),
        }
    }
    kept
}

/// A program is there once, although several of its files name it: `libssl` and `libcrypto` of one build, `perl` and its
/// other name. Files are of one build where packages of one source own them, or where they are in one directory.
fn programs_once(packages: Vec<Package>) -> Vec<Package> {
    let build = |package: &Package| match &package.owner {
        Some(owner) => {
            let upstream = owner.qualifiers.get("upstream").unwrap_or(&owner.name);
            upstream.split('@').next().unwrap_or_default().to_owned()
        }
        None => {
            let path = package.places.first().and_then(|place| place.path.as_deref()).unwrap_or_default();
            format!("/{}", path.rsplit_once('/').map_or("", |(directory, _)| directory))
        }
    };
    let mut once: Vec<Package> = Vec::with_capacity(packages.len());
    let mut seen = HashMap::new();
    for package in packages {
        if package.ecosystem == Ecosystem::Generic {
            let key = (package.name.clone(), package.version.clone(), build(&package));
            if let Some(first) = seen.get(&key).and_then(|at: &usize| once.get_mut(*at)) {
                fill(first, package);
                continue;
            }
            seen.insert(key, once.len());
        }
        once.push(package);
    }
    once
}

/// The directory of a lock file's project: npm's own `node_modules/.package-lock.json` belongs to the one above.
fn parent(path: &str) -> &str {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    match directory.strip_suffix("node_modules") {
        Some(project) if project.is_empty() || project.ends_with('/') => project.trim_end_matches('/'),
        Some(_) | None => directory,
    }
}

fn is_below(path: &str, directory: &str) -> bool {
    directory.is_empty() || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// Adds to `first` what another record of the same package knows.
fn fill(first: &mut Package, other: Package) {
    first.source = first.source.take().or(other.source);
    first.vendor = first.vendor.take().or(other.vendor);
    if first.licenses.is_empty() {
        first.licenses = other.licenses;
    }
    for place in other.places {
        if !first.places.contains(&place) {
            first.places.push(place);
        }
    }
}

/// Gives each package without licences those of its own file, or else those of a package of the same
/// source: Debian lets the documentation of a package be a link to that of its sibling.
fn attach_licenses(packages: &mut [Package], stated: Vec<PackageLicenses>) {
    let own: HashMap<_, _> = stated.into_iter().map(|l| ((l.ecosystem, l.name), l.licenses)).collect();
    let mut of_source = HashMap::new();
    for package in packages.iter_mut().filter(|package| package.licenses.is_empty()) {
        if let Some(licenses) = own.get(&(package.ecosystem, package.name.clone())) {
            package.licenses.clone_from(licenses);
            of_source.entry((package.ecosystem, package.source_name().to_owned())).or_insert(licenses);
        }
    }
    for package in packages.iter_mut().filter(|package| package.licenses.is_empty()) {
        if let Some(licenses) = of_source.get(&(package.ecosystem, package.source_name().to_owned())) {
            package.licenses.clone_from(licenses);
        }
    }
}

/// The file of the tree that holds `path`: the part before the first `!/`.
pub(crate) fn outermost(path: &str) -> &str {
    path.split_once("!/").map_or(path, |(outer, _)| outer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Package records as `path presence`; expected: for each package that is left its places.
    fn check(records: &[(&str, Presence)], expected: &[&[&str]]) {
        let mut catalog = Catalog::default();
        for (path, presence) in records {
            let package = Package { presence: *presence, ..Package::new(Ecosystem::Npm, "lodash", "4.17.4") };
            catalog.declare(path, package);
        }
        let packages = catalog.join().packages;
        let places = |package: &Package| {
            package.places.iter().map(|place| place.path.clone().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(packages.iter().map(places).collect::<Vec<_>>(), expected, "{records:?}");
    }

    #[test]
    fn a_locked_package_that_is_installed_below_is_one_package() {
        use Presence::{Installed, Locked, LockedForDevelopment};
        const MANIFEST: &str = "srv/app/node_modules/lodash/package.json";
        const LOCK: &str = "srv/app/package-lock.json";
        const HIDDEN: &str = "srv/app/node_modules/.package-lock.json";
        check(&[(LOCK, Locked), (MANIFEST, Installed), (HIDDEN, Locked)], &[&[MANIFEST, LOCK, HIDDEN]]);
        check(&[(LOCK, LockedForDevelopment), (MANIFEST, Installed)], &[&[MANIFEST, LOCK]]);
        check(&[("package-lock.json", Locked), (MANIFEST, Installed)], &[&[MANIFEST, "package-lock.json"]]);
        check(
            &[("srv/ap/package-lock.json", Locked), (MANIFEST, Installed)],
            &[&["srv/ap/package-lock.json"], &[MANIFEST]],
        );
        check(&[(LOCK, Locked)], &[&[LOCK]]);
    }

    #[test]
    fn a_program_is_there_once_for_all_its_files() {
        use seawall_inventory::Purl;
        let joined = |files: &[(&str, Option<&str>)]| {
            let mut packages = Vec::new();
            for (path, owner) in files {
                let owner = owner.map(|owner| owner.parse::<Purl>().unwrap());
                let places = vec![Place::path(*path)];
                packages.push(Package { owner, places, ..Package::new(Ecosystem::Generic, "openssl", "3") });
            }
            programs_once(packages).iter().map(|package| package.places.len()).collect::<Vec<_>>()
        };
        let crypto = Some("pkg:apk/alpine/libcrypto3@3.1.7-r0?upstream=openssl");
        let ssl = Some("pkg:apk/alpine/libssl3@3.1.7-r0?upstream=openssl");
        assert_eq!(joined(&[("lib/libcrypto.so.3", crypto), ("usr/lib/libssl.so.3", ssl)]), [2]);
        assert_eq!(joined(&[("opt/a/libcrypto.so.3", None), ("opt/a/libssl.so.3", None)]), [2]);
        assert_eq!(joined(&[("opt/a/libcrypto.so.3", None), ("opt/b/libssl.so.3", None)]), [1, 1]);
        assert_eq!(joined(&[("lib/libcrypto.so.3", crypto), ("lib/libssl.so.3", None)]), [1, 1]);
    }
}
