//! How fast a database opens and an inventory of 10,000 packages is matched.
//!
//! `cargo bench -p seawall-advisory`

#![expect(clippy::unwrap_used, reason = "a benchmark's own helpers")]

use std::path::Path;
use std::sync::LazyLock;

use divan::Bencher;
use seawall_advisory::record::{Affected, Bound, Enrichment, KeyedBy, Range, Record, State};
use seawall_advisory::{Builder, Database, MatchOptions, SourceInfo, match_inventory};
use seawall_finding::{Rating, Severity};
use seawall_inventory::{Distro, Ecosystem, Inventory, Package, SourcePackage};

fn main() {
    divan::main();
}

const NAMES: u32 = 20_000;

/// 20,000 names with 5 problems each in `debian:12` and in `npm`, with text and EPSS.
static DATABASE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let mut builder = Builder::new();
    let (tracker, ghsa) = (SourceInfo::named("debian-tracker"), SourceInfo::named("ghsa"));
    let epss = SourceInfo::named("epss");
    for name in 0..NAMES {
        for problem in 0..5 {
            let number = name * 5 + problem;
            let id = format!("CVE-2024-{number:04}");
            let fixed = format!("{}.{}.{}-1+deb12u{problem}", number % 7, number % 11, number % 13);
            let debian = affected("debian:12", &format!("source-{name}"), KeyedBy::Source, fixed);
            builder.add(&tracker, record(&id, &[], debian)).unwrap();
            let fixed = format!("{}.{}.{}", number % 7, number % 11, number % 13);
            let npm = affected("npm", &format!("@scope/name-{name}"), KeyedBy::Binary, fixed);
            builder.add(&ghsa, record(&format!("OSV-{number}"), &[&id], npm)).unwrap();
            builder.enrich(&epss, Enrichment { id, epss: Some((0.01, 0.5)), ..Enrichment::default() });
        }
    }
    builder.write(directory.path()).unwrap();
    directory
});

fn affected(space: &str, name: &str, keyed_by: KeyedBy, fixed: String) -> Affected {
    let range = Range { introduced: None, until: Bound::Fixed(fixed) };
    Affected {
        space: space.into(),
        name: name.into(),
        keyed_by,
        state: State::Fixed,
        ranges: vec![range],
        ..Affected::default()
    }
}

fn record(id: &str, aliases: &[&str], affected: Affected) -> Record {
    Record {
        id: id.into(),
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        title: format!("Something is wrong in {}", affected.name),
        description: "A text of usual length that says what is wrong, who can use it and how. ".repeat(8),
        references: vec![format!("https://example.org/{id}")],
        ratings: vec![Rating {
            source: "ghsa".into(),
            severity: Severity::High,
            score: Some(7.5),
            vector: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H".into()),
        }],
        affected: vec![affected],
        ..Record::default()
    }
}

/// 10,000 packages, of which one in `share` has a version that the problems of its name cover.
fn inventory(share: u32) -> Inventory {
    let package = |number: u32| {
        let name = number * 2;
        let version = if number.is_multiple_of(share) { "0.0.1" } else { "9.9.9" };
        if number.is_multiple_of(2) {
            let mut package = Package::new(Ecosystem::Deb, format!("binary-{name}"), version);
            package.source =
                Some(SourcePackage { name: format!("source-{name}"), version: version.to_owned() });
            return package;
        }
        Package::new(Ecosystem::Npm, format!("@scope/name-{name}"), version)
    };
    Inventory {
        distro: Some(Distro { id: "debian".into(), version: Some("12".into()), ..Distro::default() }),
        packages: (0..10_000).map(package).collect(),
        ..Inventory::default()
    }
}

fn path() -> &'static Path {
    DATABASE.path()
}

#[divan::bench]
fn open() -> Database {
    Database::open(path()).unwrap()
}

/// One package in ten, in a hundred, or none is vulnerable (about 4,500, 450 and 0 findings).
#[divan::bench(args = [10, 100, 100_000])]
fn ten_thousand_packages(bencher: Bencher<'_, '_>, share: u32) {
    let mut inventory = inventory(share);
    if share > 10_000 {
        inventory.packages.iter_mut().for_each(|package| package.version = "9.9.9".into());
    }
    path();
    bencher.bench(|| {
        let database = Database::open(path()).unwrap();
        match_inventory(&database, &inventory, &MatchOptions::default()).findings.found.len()
    });
}
