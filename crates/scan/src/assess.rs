//! What is wrong with what is in a target, by the advisories at hand.

use std::collections::BTreeMap;

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
    let Examined { mut inventory, gaps, mut coverage, cache_error: _ } = examined;
    let mut findings = Findings { found: Vec::new(), gaps };
    coverage.packages = counts(&inventory);
    if let Some(distro) = &mut inventory.distro {
        let (dates, ended) = end_of_life(database, distro, &options.today);
        distro.end_of_life = dates;
        findings.extend(ended);
    }
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

fn counts(inventory: &Inventory) -> Vec<CatalogCount> {
    let mut counts: BTreeMap<Ecosystem, u64> = BTreeMap::new();
    for package in &inventory.packages {
        *counts.entry(package.ecosystem).or_default() += 1;
    }
    counts.into_iter().map(|(ecosystem, packages)| CatalogCount { ecosystem, packages }).collect()
}
