//! A target and its own bill of materials give the same answers: the same findings, state by state and version by
//! version, whichever of the three formats the document has.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use seawall_advisory::record::{Affected, Bound, KeyedBy, Range, Record, State};
use seawall_advisory::{Builder, SourceInfo};
use seawall_inventory::{Distro, Ecosystem, Inventory, Package, Place, PlaceLayer, Presence, SourcePackage};
use seawall_report::{Format, RenderOptions, Report, render};
use seawall_testkit::{Image, Tar};
use serde_json::Value;

const FORMATS: [&str; 3] = ["cyclonedx", "spdx", "spdx3"];

fn seawall(directory: &Path, arguments: &[&str]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_seawall"))
        .args(arguments)
        .arg("--cache")
        .arg(directory.join("cache"))
        .env_clear()
        .env("SOURCE_DATE_EPOCH", "1790000000")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(matches!(run.status.code(), Some(0 | 1)), "seawall {arguments:?}: {said}");
    String::from_utf8(run.stdout).unwrap()
}

/// Two advisories on every package of the target: one without a fix, one fixed just above the installed version, so
/// that every name, version and source version matters.
fn database(report: &Value, directory: &Path) {
    let distro: Option<Distro> =
        report.get("distro").map(|distro| serde_json::from_value(distro.clone()).unwrap());
    let packages: Vec<Package> = serde_json::from_value(report["packages"].clone()).unwrap();
    let source = SourceInfo { name: "made-up".to_owned(), ..SourceInfo::default() };
    let mut builder = Builder::new();
    builder.source(&source);
    for (index, package) in packages.iter().enumerate() {
        let is_distribution = package.ecosystem.is_distribution();
        let space = match &distro {
            Some(distro) if is_distribution => distro.release(),
            _ => package.ecosystem.purl_type().to_owned(),
        };
        // As distributions do it: rpm advisories name binaries, the others sources.
        let by_source = is_distribution && package.ecosystem.purl_type() != "rpm";
        let (name, version, keyed_by) = if by_source {
            (package.source_name(), package.source_version(), KeyedBy::Source)
        } else {
            (package.name.as_str(), package.version.as_str(), KeyedBy::Binary)
        };
        let above = if package.ecosystem.purl_type() == "apk" { "1" } else { ".1" };
        let fixed = Bound::Fixed(format!("{version}{above}"));
        let states = [(State::NotFixed, Bound::Open), (State::Fixed, fixed)];
        for (number, (state, until)) in states.into_iter().enumerate() {
            let affected = Affected {
                space: space.clone(),
                name: name.to_owned(),
                keyed_by,
                state,
                module: package
                    .module
                    .as_ref()
                    .map(|module| module.split(':').take(2).collect::<Vec<_>>().join(":")),
                ranges: vec![Range { introduced: None, until }],
                ..Affected::default()
            };
            let id = format!("CVE-2026-{}", 10_000 + index * 2 + number);
            builder.add(&source, Record { id, affected: vec![affected], ..Record::default() }).unwrap();
        }
    }
    builder.write(directory).unwrap();
}

/// What a report says, without what a document cannot know (layers of the image, the target's kind).
fn answers(report: &str) -> BTreeSet<String> {
    let report: Value = serde_json::from_str(report).unwrap();
    let answer = |finding: &Value| {
        let evidence = &finding["evidence"];
        format!(
            "{} {} {} {} {} fixed {} {} at {} by {} {}",
            finding["rule"],
            finding["subject"],
            evidence["id"],
            evidence["product"],
            evidence["state"],
            evidence["fixed_versions"],
            finding["severity"],
            finding["place"]["path"],
            evidence["matched"],
            finding["fingerprint"],
        )
    };
    report["findings"].as_array().unwrap().iter().map(answer).collect()
}

fn check(target: &str, least: usize) {
    let directory = tempfile::tempdir().unwrap();
    let db = directory.path().join("db");
    let inventory = seawall(directory.path(), &["sbom", target, "--format", "json"]);
    database(&serde_json::from_str(&inventory).unwrap(), &db);
    let scan = |target: &str| {
        let db = db.to_str().unwrap();
        answers(&seawall(
            directory.path(),
            &["scan", target, "--db", db, "--format", "json", "--include-dev"],
        ))
    };
    let of_target = scan(target);
    assert!(of_target.len() >= least, "{target}: only {} findings", of_target.len());
    for format in FORMATS {
        let document = directory.path().join(format!("{format}.json"));
        let path = document.to_str().unwrap();
        seawall(directory.path(), &["sbom", target, "--format", format, "--output", path]);
        let of_document = scan(path);
        let missing: Vec<_> = of_target.difference(&of_document).take(3).collect();
        let invented: Vec<_> = of_document.difference(&of_target).take(3).collect();
        assert!(
            missing.is_empty() && invented.is_empty(),
            "{target} as {format}: {} against {} findings\nonly of the target: {missing:#?}\nonly of the document: {invented:#?}",
            of_target.len(),
            of_document.len()
        );
    }
}

const DPKG_STATUS: &str = "Package: bsdutils
Status: install ok installed
Architecture: amd64
Maintainer: Somebody <somebody@debian.org>
Source: util-linux (2.38.1-5)
Version: 1:2.38.1-5+b1

Package: libssl3
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Source: openssl
Version: 3.0.11-1~deb12u2

Package: libssl3
Status: install ok installed
Architecture: i386
Multi-Arch: same
Source: openssl
Version: 3.0.11-1~deb12u2

Package: tzdata
Status: install ok installed
Architecture: all
Version: 2024a-0+deb12u1
";

const OS_RELEASE: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\nID=debian\n";

/// One file of each of many ecosystems.
fn application() -> Tar {
    let gems = "GEM\n  remote: https://rubygems.org/\n  specs:\n    rack (2.0.1)\n    nokogiri (1.8.0-x86_64-linux)\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  rack\n";
    let npm = r#"{"name":"app","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"app"},"node_modules/@scope/left":{"version":"1.2.3"},"node_modules/mocha":{"version":"9.0.0","dev":true},"node_modules/lodash":{"version":"4.17.4"}}}"#;
    let cargo = "version = 4\n\n[[package]]\nname = \"time\"\nversion = \"0.1.42\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n";
    let composer = r#"{"packages":[{"name":"symfony/http-kernel","version":"v4.4.0"}],"packages-dev":[{"name":"phpunit/phpunit","version":"9.0.0"}]}"#;
    let nuget = r#"{"version":1,"dependencies":{"net6.0":{"Newtonsoft.Json":{"type":"Direct","requested":"[12.0.1, )","resolved":"12.0.1"}}}}"#;
    let go = "module example.org/app\n\ngo 1.21\n\nrequire github.com/Masterminds/goutils/v2 v2.1.0\n";
    let gradle = "org.example:core:2.0=runtimeClasspath\nempty=\n";
    let installed = r#"{"name":"minimist","version":"0.0.8","license":"MIT"}"#;
    let dist_info =
        "Metadata-Version: 2.1\nName: Django_Thing.Extra\nVersion: 3.2\nLicense: BSD, 3 \"clauses\"\n";
    let poetry =
        "[[package]]\nname = \"Requests\"\nversion = \"2.19.1\"\ncategory = \"main\"\noptional = false\n";
    Tar::new()
        .file("app/Gemfile.lock", gems)
        .file("app/package.json", r#"{"name":"app","version":"1.0.0"}"#)
        .file("app/package-lock.json", npm)
        .file("app/Cargo.lock", cargo)
        .file("app/composer.lock", composer)
        .file("app/packages.lock.json", nuget)
        .file("app/go.mod", go)
        .file("app/gradle.lockfile", gradle)
        .file("app/poetry.lock", poetry)
        .file("srv/node_modules/minimist/package.json", installed)
        .file("srv/other/node_modules/minimist/package.json", installed)
        .file("usr/lib/python3/dist-packages/Django_Thing.Extra-3.2.dist-info/METADATA", dist_info)
}

#[test]
fn an_image_with_many_ecosystems() {
    let base = Tar::new().file("etc/os-release", OS_RELEASE).file("var/lib/dpkg/status", DPKG_STATUS);
    let image = Image::new().tag("app:1").layer(base).layer(application());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image.tar");
    fs::write(&path, image.docker_archive()).unwrap();
    check(path.to_str().unwrap(), 14);
}

#[test]
fn an_alpine_image() {
    let installed = "P:libcrypto3\nV:3.1.4-r0\nA:x86_64\no:openssl\nm:Someone <a@b.c>\nL:Apache-2.0\n\nP:musl\nV:1.2.4-r2\nA:x86_64\no:musl\n\n";
    let tar = Tar::new()
        .file("etc/os-release", "ID=alpine\nVERSION_ID=3.18.9\nPRETTY_NAME=\"Alpine Linux v3.18\"\n")
        .file("lib/apk/db/installed", installed);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image.tar");
    fs::write(&path, Image::new().tag("a:1").layer(tar).docker_archive()).unwrap();
    check(path.to_str().unwrap(), 4);
}

#[test]
fn a_directory_of_lock_files() {
    let directory = tempfile::tempdir().unwrap();
    let tar = directory.path().join("app.tar");
    fs::write(&tar, application().finish()).unwrap();
    let tree = directory.path().join("tree");
    fs::create_dir(&tree).unwrap();
    assert!(Command::new("tar").arg("xf").arg(&tar).arg("-C").arg(&tree).status().unwrap().success());
    check(tree.to_str().unwrap(), 14);
}

/// Real images where the machine has them; they are not part of the project.
#[test]
fn real_images() {
    let images = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/images");
    let Ok(entries) = fs::read_dir(&images) else {
        println!("skipped: {} is not there", images.display());
        return;
    };
    let wanted = [
        "bookworm-minbase.tar.zst",
        "alpine-minirootfs-3.10.9-x86_64.tar.gz",
        "almalinux-9.3-micro-aarch64.tar.xz",
    ];
    for entry in entries.map(Result::unwrap) {
        if wanted.iter().any(|name| entry.file_name() == *name) {
            check(entry.path().to_str().unwrap(), 20);
        }
    }
}

/// Packages as they are written and read back, licences and places included.
#[test]
fn packages_survive_every_format() {
    let place = |path: &str| {
        let layer = PlaceLayer {
            index: 3,
            diff_id: seawall_inventory::Digest::sha256([7; 32]),
            instruction: Some("RUN a=b && c".to_owned()),
        };
        Place { layer: Some(layer), ..Place::path(path) }
    };
    let distro = Distro {
        id: "rhel".to_owned(),
        version: Some("9.4".to_owned()),
        streams: vec!["eus".to_owned()],
        content_sets: vec!["rhel-9-for-x86_64-appstream-rpms".to_owned()],
        ..Distro::default()
    };
    let mut owned = Package {
        presence: Presence::LockedForDevelopment,
        places: vec![place("a/package-lock.json")],
        ..Package::new(Ecosystem::Npm, "@scope/odd name", "1.0.0-β")
    };
    let module = Package {
        module: Some("nodejs:18:9020020230825081254:rhel9".to_owned()),
        source: Some(SourcePackage { name: "nodejs".to_owned(), version: "18.1-1.el9".to_owned() }),
        architecture: Some("x86_64".to_owned()),
        vendor: Some("Red Hat, Inc. <x=y>".to_owned()),
        licenses: vec!["MIT".to_owned(), "own words, AND more".to_owned()],
        places: vec![place("var/lib/rpm/rpmdb.sqlite")],
        ..Package::new(Ecosystem::Rpm, "nodejs-libs", "1:18.1-1.el9")
    };
    owned.owner = Some(module.purl(Some(&distro)));
    let named = |ecosystem, name: &str, version: &str| Package {
        places: vec![place("some/file!/inner.jar")],
        ..Package::new(ecosystem, name, version)
    };
    let mut packages = vec![
        module,
        owned,
        named(Ecosystem::Golang, "github.com/Owner/Repo.v2/v3", "v3.0.0+incompatible"),
        named(Ecosystem::Golang, "stdlib", "1.21.3"),
        named(Ecosystem::Maven, "org.example:core", ""),
        named(Ecosystem::Composer, "symfony/http-kernel", "v4.4.0"),
        named(Ecosystem::Generic, "a=b?c#d@e%2Ff&g", "1 2\t3"),
        named(Ecosystem::Nuget, "Newtonsoft.Json", "12.0.1"),
        named(Ecosystem::Pypi, "zope-interface", "1!2.0"),
        named(Ecosystem::Swift, "github.com/apple/swift-nio", "2.0.0"),
        named(Ecosystem::Bitnami, "postgresql", "16.1.0-3"),
        named(Ecosystem::Conan, "name/with/slashes", "UNKNOWN"),
    ];
    packages.sort_by_cached_key(|package| (package.ecosystem, package.name.clone(), package.version.clone()));
    let report = Report {
        created: "2026-01-01T00:00:00Z".parse().unwrap(),
        version: "1".to_owned(),
        inventory: Inventory { distro: Some(distro), packages, ..Inventory::default() },
        findings: Vec::new(),
        gaps: Vec::new(),
        coverage: seawall_finding::Coverage::default(),
        advice: Vec::new(),
        rules: std::collections::BTreeMap::new(),
        verdict: seawall_policy::Verdict::Allow,
    };
    for format in [Format::CycloneDx, Format::Spdx, Format::Spdx3] {
        let mut document = Vec::new();
        render(&report, format, &RenderOptions::default(), &mut document).unwrap();
        let (read, gaps) = seawall_catalog::read_sbom(&document).unwrap();
        assert!(gaps.is_empty(), "{format}: {gaps:?}");
        assert_eq!(read.distro, report.inventory.distro, "{format}");
        assert_eq!(read.packages.len(), report.inventory.packages.len());
        for (read, written) in read.packages.iter().zip(&report.inventory.packages) {
            assert_eq!(read, written, "{format}");
        }
    }
}
