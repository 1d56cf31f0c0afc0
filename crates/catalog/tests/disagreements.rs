//! Where Syft 1.18 lists something else than we do, and we stay with what we list.
//!
//! Compared on Debian 11 and 12, Alpine 3.10, 3.18 and 3.20, AlmaLinux 9.3, busybox, and a tree of 23 Python
//! distributions, 650 npm modules, Go and Rust programs and jars: what is not below was the same, package URLs included.

use std::io::{Cursor, Write as _};

use seawall_catalog::{Cataloger, Joined};
use seawall_inventory::{
    Distro, Ecosystem, Entry, EntryKind, InMemory, Interest, Package, SourcePackage, Visitor,
};

/// What is made of files: path and bytes.
fn catalog(files: &[(&str, &[u8])]) -> Joined {
    let mut cataloger = Cataloger::new();
    for (path, bytes) in files {
        let size_bytes = bytes.len() as u64;
        let entry = Entry { path, kind: EntryKind::File, size_bytes, mode: 0o755, uid: 0, gid: 0 };
        if cataloger.interest(&entry) != Interest::No {
            cataloger.visit(&entry, &mut InMemory::new(bytes));
        }
    }
    cataloger.finish().join()
}

/// The package URLs that are listed, then what could not be told.
fn check(files: &[(&str, &[u8])], expected: &[&str]) {
    let joined = catalog(files);
    let mut lines: Vec<String> =
        joined.packages.iter().map(|package| package.purl(joined.distro.as_ref()).to_string()).collect();
    lines.extend(joined.gaps.iter().map(|gap| format!("gap {}", gap.reason)));
    assert_eq!(lines, expected);
}

fn check_purl(package: Package, distro: Option<Distro>, expected: &str) {
    assert_eq!(package.purl(distro.as_ref()).to_string(), expected);
}

/// Syft lists the project whose `package.json` this is; published packages of that name have nothing to do with it, and
/// a project that is called `npm` got npm's own advisories.
#[test]
fn a_project_is_not_a_package_of_itself() {
    let npm = br#"{"name": "npm", "version": "1.0.0", "dependencies": {"ws": "7.4.0"}}"#;
    check(&[("npm/package.json", npm)], &[]);
    let cargo = b"version = 4\n\n[[package]]\nname = \"truthapp\"\nversion = \"0.3.0\"\n";
    check(&[("app/Cargo.lock", cargo)], &[]);
}

/// Syft lists the actions of workflows that npm packages ship in their archives: they run on their authors' GitHub.
#[test]
fn workflows_in_packages_do_not_run_here() {
    let workflow = b"on: push\njobs:\n  a:\n    steps:\n      - uses: actions/checkout@v2\n";
    check(&[("node_modules/x/.github/workflows/ci.yml", workflow)], &[]);
}

/// Syft lists Windows programs by their version resource as NuGet packages: setuptools' launchers are not on nuget.org.
#[test]
fn a_windows_program_is_not_a_nuget_package() {
    check(&[("venv/lib/python3.11/site-packages/setuptools/cli.exe", b"MZ\x90\x00".as_slice())], &[]);
}

/// Syft lists rpm's `gpg-pubkey` records: they are keys, and nobody publishes advisories of them. (That the record is
/// left out of the list is checked in `crates/cli/tests/real_images.rs`.) It names the source of an rpm by its file;
/// we name it as its advisories do, and read both.
#[test]
fn an_rpm_source_is_named_as_advisories_name_it() {
    let mut package = Package::new(Ecosystem::Rpm, "glibc-common", "2.34-83.el9_3.7");
    package.source = Some(SourcePackage { name: "glibc".into(), version: "2.34-83.el9_3.7".into() });
    let alma = Distro { id: "almalinux".into(), version: Some("9.3".into()), ..Distro::default() };
    let ours = "pkg:rpm/almalinux/glibc-common@2.34-83.el9_3.7?distro=almalinux-9.3&upstream=glibc";
    check_purl(package.clone(), Some(alma), ours);
    let syft = "pkg:rpm/almalinux/glibc-common@2.34-83.el9_3.7?distro=almalinux-9.3&upstream=glibc-2.34-83.el9_3.7.src.rpm";
    let read: seawall_inventory::Purl = syft.parse().unwrap();
    assert_eq!(read.to_package().unwrap().source, package.source);
}

/// Syft calls `v10` a directory in the module `…/validator`: it is part of the module's path, and advisories name it.
#[test]
fn a_major_version_is_part_of_a_go_modules_path() {
    let package = Package::new(Ecosystem::Golang, "github.com/go-playground/validator/v10", "v10.4.1");
    check_purl(package, None, "pkg:golang/github.com/go-playground/validator/v10@v10.4.1");
}

/// Syft does not look into pip: what pip carries with it is imported whenever pip runs.
#[test]
fn what_pip_carries_is_listed() {
    let vendored = b"CacheControl==0.12.11\n    msgpack==1.0.5\nurllib3==1.26.16\n";
    let expected = ["pkg:pypi/cachecontrol@0.12.11", "pkg:pypi/msgpack@1.0.5", "pkg:pypi/urllib3@1.26.16"];
    check(&[("lib/python3.11/site-packages/pip/_vendor/vendor.txt", vendored)], &expected);
}

/// Syft makes the first part of the main class the group of a jar that states none: the loader of Spring Boot would be
/// the author of every application.
#[test]
fn a_jar_without_a_group_has_none() {
    let mut jar = zip::ZipWriter::new(Cursor::new(Vec::new()));
    jar.start_file("META-INF/MANIFEST.MF", zip::write::SimpleFileOptions::default()).unwrap();
    jar.write_all(
        b"Manifest-Version: 1.0\r\nMain-Class: org.springframework.boot.loader.JarLauncher\r\nStart-Class: demo.App\r\n\
          Implementation-Title: demo\r\nImplementation-Version: 0.0.1-SNAPSHOT\r\n\r\n",
    )
    .unwrap();
    let bytes = jar.finish().unwrap().into_inner();
    check(
        &[("app/demo-0.0.1-SNAPSHOT.jar", bytes.as_slice())],
        &["pkg:maven/demo@0.0.1-SNAPSHOT", "gap nothing states the Maven group of `demo`"],
    );
}
