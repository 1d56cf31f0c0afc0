//! What is wrong with what is in a target, by the advisories at hand.

use std::collections::{BTreeMap, BTreeSet};

use seawall_advisory::{
    Database, Detail, Development, MatchOptions, end_of_life, end_of_life_runtimes, match_inventory,
};
use seawall_finding::{CatalogCount, Coverage, Findings, Gap, GapKind};
use seawall_inventory::{Ecosystem, Inventory};

use crate::Examined;

/// How to assess.
#[derive(Debug, Clone)]
pub struct AssessOptions {
    /// The date that ends of life are compared with, `YYYY-MM-DD`.
    pub today: String,
    /// Whether packages for development only are judged.
    pub development: Development,
    /// How much text findings carry.
    pub detail: Detail,
}

/// What is in a target and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assessed {
    /// What exists, with the distribution's end of life.
    pub inventory: Inventory,
    /// What is wrong, and what could not be examined or judged.
    pub findings: Findings,
    /// What was examined and by which data.
    pub coverage: Coverage,
}

/// Judges an inventory by a database; without one, only ends of life are judged, and the report says so.
pub fn assess(examined: Examined, database: Option<&Database>, options: &AssessOptions) -> Assessed {
    let Examined { mut inventory, gaps, leaks, settings, mut coverage, cache_error: _ } = examined;
    let found = leaks.into_iter().chain(settings).collect();
    let mut findings = Findings { found, gaps };
    coverage.packages = counts(&inventory);
    if let Some(distro) = &mut inventory.distro {
        let (dates, ended) = end_of_life(database, distro, &options.today);
        distro.end_of_life = dates;
        findings.extend(ended);
    }
    findings.extend(ends_of_other_trees(&inventory, database, &options.today));
    let Some(database) = database else {
        if !inventory.packages.is_empty() {
            let reason = "vulnerabilities of all packages: there is no advisory database";
            findings.gaps.push(Gap::of_target(GapKind::NoData, reason));
        }
        return Assessed { inventory, findings, coverage };
    };
    findings.extend(end_of_life_runtimes(database, &inventory, &options.today));
    let matching = MatchOptions { detail: options.detail, development: options.development };
    let matched = match_inventory(database, &inventory, &matching);
    coverage.packages_judged = matched.packages_judged;
    coverage.packages_undetermined = matched.packages_undetermined;
    coverage.packages_unanswered = matched.packages_unanswered;
    coverage.packages_owned = matched.packages_owned;
    coverage.packages_for_development = matched.packages_for_development;
    coverage.problems_suppressed = matched.problems_suppressed;
    coverage.advisories = matched.advisories;
    coverage.database = Some(matched.database);
    findings.extend(matched.findings);
    Assessed { inventory, findings, coverage }
}

/// The ends of life of the distributions in directories of the target (a chroot, a root file system beside another),
/// each at the database that names its packages.
fn ends_of_other_trees(inventory: &Inventory, database: Option<&Database>, today: &str) -> Findings {
    let mut ends = Findings::default();
    let mut seen = BTreeSet::new();
    for package in &inventory.packages {
        let Some(distro) = package.distro.as_deref().filter(|distro| !distro.id.is_empty()) else { continue };
        let place = package.places.first().cloned().unwrap_or_default();
        if !seen.insert((distro.release(), place.path.clone())) {
            continue;
        }
        let (_, mut ended) = end_of_life(database, distro, today);
        ended.found.iter_mut().for_each(|finding| finding.place = place.clone());
        ends.extend(ended);
    }
    ends
}

fn counts(inventory: &Inventory) -> Vec<CatalogCount> {
    let mut counts: BTreeMap<Ecosystem, u64> = BTreeMap::new();
    for package in &inventory.packages {
        *counts.entry(package.ecosystem).or_default() += 1;
    }
    counts.into_iter().map(|(ecosystem, packages)| CatalogCount { ecosystem, packages }).collect()
}

#[cfg(test)]
mod tests {
    use seawall_inventory::{Distro, Package, Place};

    use super::*;

    #[test]
    fn a_root_file_system_in_a_directory_ends_too() {
        let jessie = Distro { id: "debian".into(), version: Some("8".into()), ..Distro::default() };
        let of = |name: &str| Package {
            distro: Some(Box::new(jessie.clone())),
            places: vec![Place::path("srv/chroot/var/lib/dpkg/status")],
            ..Package::new(Ecosystem::Deb, name, "1")
        };
        let own = Package::new(Ecosystem::Deb, "c", "1");
        let inventory = Inventory { packages: vec![of("a"), of("b"), own], ..Inventory::default() };
        let ends = ends_of_other_trees(&inventory, None, "2026-11-28").found;
        let places: Vec<_> = ends.iter().map(|finding| finding.place.path.as_deref()).collect();
        assert_eq!(places, [Some("srv/chroot/var/lib/dpkg/status")]);
        assert_eq!(ends_of_other_trees(&inventory, None, "2016-01-01").found, []);
    }
}
