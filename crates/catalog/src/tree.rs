//! Which tree a distribution's package belongs to: the target's own, or one that lies in a directory of it (a chroot, a
//! container engine's layers, unpacked images).
//!
//! A database speaks of the tree that it administers. The advisories of the target's distribution say nothing of a tree
//! of another one, so such packages carry their own distribution, or one without an id where no file names it.

use seawall_inventory::{Distro, Package};

use crate::distro;

/// Where package managers keep their databases, below the root that they administer.
const DATABASES: &[&str] = &[
    "var/lib/dpkg/",
    "lib/dpkg/",
    "usr/lib/apk/db/",
    "lib/apk/db/",
    "var/lib/rpm/",
    "usr/lib/sysimage/rpm/",
    "usr/share/rpm/",
    "var/lib/pacman/",
    "var/lib/chisel/",
];

/// The root of the tree whose database `path` is, with `/` at its end; empty for the target's own.
pub(crate) fn root(path: &str) -> &str {
    let starts = |database: &str| {
        path.match_indices(database).map(|(at, _)| at).find(|at| {
            let before = path.get(..*at).unwrap_or_default();
            before.is_empty() || before.ends_with('/')
        })
    };
    let first = DATABASES.iter().filter_map(|database| starts(database)).min().unwrap_or_default();
    path.get(..first).unwrap_or_default()
}

/// The tree of a package's record.
pub(crate) fn of_package(package: &Package) -> &str {
    let place = package.places.first().and_then(|place| place.path.as_deref());
    place.map_or("", root)
}

/// Gives the packages of other trees their distribution.
pub(crate) fn attach_distros(packages: &mut [Package], facts: &[(String, Distro)], own: Option<&Distro>) {
    for package in packages.iter_mut().filter(|package| package.ecosystem.is_distribution()) {
        let root = of_package(package);
        if root.is_empty() {
            continue;
        }
        let named = distro::of_tree(facts, root);
        package.distro = match (named, own) {
            (Some(named), Some(own)) if named.release() == own.release() => None,
            (named, _) => Some(Box::new(named.unwrap_or_default())),
        };
    }
}

#[cfg(test)]
mod tests {
    use seawall_inventory::Ecosystem;

    use super::*;
    use crate::Catalog;

    #[test]
    fn roots() {
        let check = |path: &str, expected: &str| assert_eq!(root(path), expected, "{path}");
        check("var/lib/dpkg/status", "");
        check("lib/dpkg/status", "");
        check("var/lib/dpkg/status.d/libc6", "");
        check("srv/jail/var/lib/dpkg/status", "srv/jail/");
        check("usr/lib/sysimage/rpm/rpmdb.sqlite", "");
        check("x/usr/lib/apk/db/installed", "x/");
        check("var/lib/docker/overlay2/1a/diff/lib/apk/db/installed", "var/lib/docker/overlay2/1a/diff/");
        check("opt/x/.spdx-redis.spdx", "");
    }

    fn named(id: &str, version: &str) -> Distro {
        Distro { id: id.into(), version: Some(version.into()), ..Distro::default() }
    }

    #[test]
    fn packages_of_other_trees_are_of_their_distribution() {
        let mut catalog = Catalog::default();
        for database in ["", "same/", "other/", "unnamed/"] {
            let path = format!("{database}var/lib/dpkg/status");
            catalog.declare(&path, Package::new(Ecosystem::Deb, "bash", "5.2-1"));
        }
        catalog.distros = vec![
            ("other/usr/lib/os-release".into(), named("ubuntu", "22.04")),
            ("same/etc/os-release".into(), named("debian", "12")),
            ("etc/os-release".into(), named("debian", "12")),
        ];
        let joined = catalog.join();
        assert_eq!(joined.distro, Some(named("debian", "12")));
        let mut distros: Vec<(&str, Option<Distro>)> = joined
            .packages
            .iter()
            .map(|package| (of_package(package), package.distro.as_deref().cloned()))
            .collect();
        distros.sort_by_key(|(root, _)| *root);
        let expected = [
            ("", None),
            ("other/", Some(named("ubuntu", "22.04"))),
            ("same/", None),
            ("unnamed/", Some(Distro::default())),
        ];
        assert_eq!(distros, expected);
    }
}
