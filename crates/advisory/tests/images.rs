//! Real images against real advisories, judged a second time by programs that are not ours.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test's own helpers")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use seawall_advisory::update::{Outcome, import};
use seawall_advisory::{Database, MatchOptions, Matched, end_of_life, match_inventory};
use seawall_finding::Evidence;
use seawall_inventory::{Distro, Ecosystem, Inventory, Package, SourcePackage};

/// The shared data; `None`, said aloud, where it is absent.
fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(path);
    if !path.exists() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

/// Unpacks some paths of an archive.
fn unpack(archive: &Path, into: &Path, paths: &[&str]) {
    let status =
        Command::new("tar").arg("-C").arg(into).arg("-xf").arg(archive).args(paths).status().unwrap();
    assert!(status.success(), "tar of {}", archive.display());
}

/// The records of a file of `Key: value` paragraphs.
fn paragraphs(text: &str, key_end: &str) -> Vec<Vec<(String, String)>> {
    let field = |line: &str| {
        let (key, value) = line.split_once(key_end)?;
        Some((key.to_owned(), value.trim().to_owned()))
    };
    text.split("\n\n")
        .map(|paragraph| paragraph.lines().filter(|line| !line.starts_with(' ')).filter_map(field).collect())
        .filter(|fields: &Vec<_>| !fields.is_empty())
        .collect()
}

fn value<'f>(fields: &'f [(String, String)], key: &str) -> Option<&'f str> {
    fields.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str())
}

fn dpkg_packages(status: &str) -> Vec<Package> {
    let package = |fields: &Vec<(String, String)>| {
        let version = value(fields, "Package").and(value(fields, "Version"))?;
        let mut package = Package::new(Ecosystem::Deb, value(fields, "Package")?, version);
        package.architecture = value(fields, "Architecture").map(str::to_owned);
        package.source = value(fields, "Source").map(|source| match source.split_once(" (") {
            Some((name, version)) => {
                SourcePackage { name: name.into(), version: version.trim_end_matches(')').into() }
            }
            None => SourcePackage { name: source.into(), version: version.into() },
        });
        Some(package)
    };
    paragraphs(status, ": ").iter().filter_map(package).collect()
}

fn distro(id: &str, version: &str) -> Distro {
    Distro { id: id.into(), version: Some(version.into()), ..Distro::default() }
}

fn judge(database: &Database, distro: Distro, packages: Vec<Package>) -> Matched {
    let inventory = Inventory { distro: Some(distro), packages, ..Inventory::default() };
    match_inventory(database, &inventory, &MatchOptions::default())
}

/// `package CVE` for every finding.
fn pairs(matched: &Matched) -> BTreeSet<String> {
    let pair = |finding: &seawall_finding::Finding| match &finding.evidence {
        Evidence::Vulnerable(found) => Some(format!("{} {}", finding.subject.label(), found.id)),
        Evidence::Malicious(_)
        | Evidence::Outdated(_)
        | Evidence::Leaked(_)
        | Evidence::Misset(_)
        | Evidence::Happened(_)
        | Evidence::Untrusted(_) => None,
    };
    matched.findings.found.iter().filter_map(pair).collect()
}

/// What dpkg itself says of every advisory's fix for the packages.
fn by_dpkg(lines: &str, release: &str, packages: &[Package]) -> BTreeSet<String> {
    let mut expected = BTreeSet::new();
    for line in lines.lines() {
        let document: serde_json::Value = serde_json::from_str(line).unwrap();
        let Some(fixes) = document["fixed"][release].as_object() else { continue };
        for (source, fixed) in fixes {
            for package in packages.iter().filter(|package| package.source_name() == source) {
                let arguments =
                    ["--compare-versions", package.source_version(), "lt", fixed.as_str().unwrap()];
                if Command::new("dpkg").args(arguments).status().unwrap().success() {
                    let label = format!("{} {}", package.name, package.version);
                    let mut ids: Vec<&serde_json::Value> =
                        document["cves"].as_array().unwrap().iter().collect();
                    // A document about no CVE stands for itself.
                    if ids.is_empty() {
                        ids.push(&document["id"]);
                    }
                    expected.extend(ids.iter().map(|id| format!("{label} {}", id.as_str().unwrap())));
                }
            }
        }
    }
    expected
}

/// The findings of a Debian image are exactly what dpkg's own comparison gives.
fn check_debian(image: &str, version: &str, codename: &str, pending: usize) {
    let (Some(image), Some(advisories)) = (shared(image), shared("advisories.tar.zst")) else { return };
    if Command::new("dpkg").arg("--version").output().is_err() {
        println!("skipped: dpkg is absent");
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let feeds = work.path().join("feeds");
    fs::create_dir(&feeds).unwrap();
    unpack(&advisories, &feeds, &["debian/debian-dsa-dla.jsonl"]);
    unpack(&image, work.path(), &["./var/lib/dpkg/status"]);
    let status = fs::read_to_string(work.path().join("var/lib/dpkg/status")).unwrap();
    let packages = dpkg_packages(&status);
    let directory = work.path().join("db");
    let updated = import(&directory, &feeds, "2026-09-01T00:00:00Z", &mut |_| {}).unwrap();
    assert!(matches!(updated.parts.as_slice(), [part] if matches!(part.outcome, Outcome::Replaced { .. })));
    let database = Database::open(&directory).unwrap();
    let matched = judge(&database, distro("debian", version), packages.clone());
    assert_eq!(matched.packages_judged, packages.len() as u64);
    let [gap] = matched.findings.gaps.as_slice() else { panic!("{:?}", matched.findings.gaps) };
    assert!(gap.reason.contains("have no fix yet"), "{gap}");
    let lines = fs::read_to_string(feeds.join("debian/debian-dsa-dla.jsonl")).unwrap();
    let expected = by_dpkg(&lines, codename, &packages);
    assert_eq!(pairs(&matched), expected);
    assert_eq!(expected.len(), pending, "{codename}");
    println!("{codename}: {} packages, {} findings", packages.len(), expected.len());
}

/// The pinned image is newer than every DSA of its release.
#[test]
fn bookworm_is_judged_as_dpkg_judges() {
    check_debian("images/bookworm-minbase.tar.zst", "12", "bookworm", 0);
}

#[test]
fn bullseye_is_judged_as_dpkg_judges() {
    check_debian("images/bullseye-minbase.tar.zst", "11", "bullseye", 118);
}

/// Alpine 3.10.9 is newer than the data, so it has every fix; its packages taken back to version `0` have none.
#[test]
fn alpine_has_the_fixes_it_has() {
    let (Some(image), Some(advisories), Some(enrichment)) = (
        shared("images/alpine-minirootfs-3.10.9-x86_64.tar.gz"),
        shared("advisories.tar.zst"),
        shared("enrichment.tar.zst"),
    ) else {
        return;
    };
    let work = tempfile::tempdir().unwrap();
    let feeds = work.path().join("feeds");
    fs::create_dir(&feeds).unwrap();
    unpack(&advisories, &feeds, &["alpine/secdb-2020-06/v3.10"]);
    unpack(&enrichment, &feeds, &["kev", "eol/alpine-linux.json"]);
    unpack(&image, work.path(), &["./lib/apk/db/installed"]);
    let installed = fs::read_to_string(work.path().join("lib/apk/db/installed")).unwrap();
    let package = |fields: &Vec<(String, String)>| {
        let version = value(fields, "V").unwrap().to_owned();
        let mut package = Package::new(Ecosystem::Apk, value(fields, "P").unwrap(), version.clone());
        package.source = value(fields, "o").map(|name| SourcePackage { name: name.into(), version });
        package
    };
    let packages: Vec<Package> = paragraphs(&installed, ":").iter().map(package).collect();
    let directory = work.path().join("db");
    import(&directory, &feeds, "2026-09-01T00:00:00Z", &mut |_| {}).unwrap();
    let database = Database::open(&directory).unwrap();
    let matched = judge(&database, distro("alpine", "3.10.9"), packages.clone());
    assert_eq!((matched.packages_judged, packages.len()), (14, 14));
    assert_eq!(pairs(&matched), BTreeSet::new());
    let old = packages.into_iter().map(|mut package| {
        package.version = "0".to_owned();
        package.source.iter_mut().for_each(|source| source.version = "0".to_owned());
        package
    });
    let matched = judge(&database, distro("alpine", "3.10.9"), old.collect());
    let found = pairs(&matched);
    assert!(found.contains("libssl1.1 0 CVE-2019-1547") && found.len() > 20, "{found:?}");
    let (dates, findings) = end_of_life(Some(&database), &distro("alpine", "3.10.9"), "2026-09-01");
    assert_eq!(dates.map(|dates| dates.on).as_deref(), Some("2021-05-01"));
    assert_eq!(findings.found.len(), 1);
}
