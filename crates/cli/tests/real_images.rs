//! What we list of real images is what the distribution's own tool lists of the same tree.
//!
//! The files in `expected/` were written by dpkg-query 1.21, rpm 4.18 and the apk of each image (in a chroot): name, version,
//! architecture. Where dpkg-query is there, it is asked again.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a failed test panics; a skipped one says so")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The shared images; `None`, said aloud, where they are absent.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/images").join(name);
    if !path.exists() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

/// The JSON list of a target.
fn list(target: &str) -> Value {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_seawall"))
        .args(["sbom", target, "--format", "json", "--quiet"])
        .env_clear()
        .env("HOME", home.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{target}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `name version architecture` of every package of an ecosystem that one database declares.
fn packages(list: &Value, ecosystem: &str, database: &str) -> BTreeSet<String> {
    let text = |package: &Value, key: &str| package[key].as_str().unwrap_or_default().to_owned();
    list["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|package| package["ecosystem"] == ecosystem && package["places"][0]["path"] == database)
        .map(|package| ["name", "version", "architecture"].map(|key| text(package, key)).join(" "))
        .collect()
}

fn lines(text: &str) -> BTreeSet<String> {
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// All that dpkg-query calls installed; `None` where it is absent.
fn dpkg_query(arguments: &[&str]) -> Option<BTreeSet<String>> {
    let format = "--showformat=${db:Status-Status} ${Package} ${Version} ${Architecture}\n";
    let output = Command::new("dpkg-query").args(arguments).args(["--show", format]).output().ok()?;
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().filter_map(|line| line.strip_prefix("installed ")).map(str::to_owned).collect())
}

fn check(target: &str, ecosystem: &str, database: &str, expected: &str) {
    let found = packages(&list(target), ecosystem, database);
    assert_eq!(found, lines(expected), "{target}");
    println!("{target}: {} packages", found.len());
}

fn unpack(archive: &Path, into: &Path, paths: &[&str]) {
    let status = Command::new("tar").arg("-C").arg(into).arg("-xf").arg(archive).args(paths).status();
    assert!(status.unwrap().success(), "tar of {}", archive.display());
}

fn check_debian(image: &str, expected: &str) {
    let Some(image) = shared(image) else { return };
    check(&image.display().to_string(), "deb", "var/lib/dpkg/status", expected);
    let work = tempfile::tempdir().unwrap();
    unpack(&image, work.path(), &["./var/lib/dpkg"]);
    let tree = work.path().join("var/lib/dpkg");
    match dpkg_query(&[&format!("--admindir={}", tree.display())]) {
        Some(listed) => assert_eq!(listed, lines(expected), "dpkg-query of {}", image.display()),
        None => println!("dpkg-query is absent: compared with what it said elsewhere"),
    }
}

#[test]
fn debian_as_dpkg_lists_it() {
    check_debian("bookworm-minbase.tar.zst", include_str!("expected/bookworm.txt"));
    check_debian("bullseye-minbase.tar.zst", include_str!("expected/bullseye.txt"));
}

#[test]
fn alpine_as_apk_lists_it() {
    for (version, expected) in [
        ("3.10.9", include_str!("expected/alpine-3.10.9.txt")),
        ("3.18.9", include_str!("expected/alpine-3.18.9.txt")),
        ("3.20.3", include_str!("expected/alpine-3.20.3.txt")),
    ] {
        let Some(image) = shared(&format!("alpine-minirootfs-{version}-x86_64.tar.gz")) else { return };
        check(&image.display().to_string(), "apk", "lib/apk/db/installed", expected);
    }
}

#[test]
fn almalinux_as_rpm_lists_it() {
    let Some(image) = shared("almalinux-9.3-micro-aarch64.tar.xz") else { return };
    let expected = include_str!("expected/almalinux-9.3.txt");
    check(&image.display().to_string(), "rpm", "var/lib/rpm/rpmdb.sqlite", expected);
}

/// One of the two images has no package database, and two programs at most are recognised in it.
#[test]
fn a_layout_is_as_its_images() {
    let Some(archive) = shared("oci-layout-two-images.tar.xz") else { return };
    let work = tempfile::tempdir().unwrap();
    unpack(&archive, work.path(), &[]);
    let image = |name: &str| format!("oci:{}:{name}", work.path().display());
    let alpine = include_str!("expected/layout-alpine-3.10.2.txt");
    check(&image("example.com/empty/but:different"), "apk", "lib/apk/db/installed", alpine);
    check_without_database(&image("example.com/empty:latest"), &["busybox"]);
}

#[test]
fn busybox_has_no_distribution_packages() {
    let Some(image) = shared("busybox-glibc-amd64.tar.gz") else { return };
    check_without_database(&image.display().to_string(), &["busybox", "glibc"]);
}

fn check_without_database(target: &str, programs: &[&str]) {
    let list = list(target);
    let packages = list["packages"].as_array().unwrap();
    let names: Vec<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    assert_eq!(names, programs, "{target}");
    assert!(packages.iter().all(|package| package["ecosystem"] == "generic"), "{target}");
}

/// Trees in directories below keep databases of their own; the machine's is the one at its root.
#[test]
#[ignore = "reads every file of the machine: minutes, and where / has no dpkg there is nothing to compare"]
fn this_machine_as_dpkg_lists_it() {
    let Some(expected) = dpkg_query(&[]) else {
        println!("skipped: dpkg-query is absent");
        return;
    };
    assert_eq!(packages(&list("dir:/"), "deb", "var/lib/dpkg/status"), expected);
}
