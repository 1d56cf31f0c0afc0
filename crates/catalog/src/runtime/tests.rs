use std::collections::BTreeSet;

use super::*;
use crate::testing::catalog_of;

fn shown(path: &str, bytes: &[u8]) -> Vec<String> {
    let catalog = catalog_of(path, bytes);
    let generic = catalog.packages.iter().filter(|package| package.ecosystem == Ecosystem::Generic);
    let packages = generic.map(|package| format!("{}@{}", package.name, package.version));
    packages.chain(catalog.gaps.iter().map(|gap| format!("gap: {}", gap.reason))).collect()
}

fn check(path: &str, bytes: &[u8], expected: &[&str]) {
    assert_eq!(shown(path, bytes), expected, "{path}");
}

#[test]
fn every_program_knows_its_own_samples() {
    for program in PROGRAMS {
        let (path, bytes, version) = program.good;
        check(path, bytes, &[&format!("{}@{version}", program.package)]);
        let (path, bytes) = program.bad;
        check(path, bytes, &[]);
    }
}

#[test]
fn names_are_unique_and_every_pattern_has_one_group() {
    let names: BTreeSet<&str> = PROGRAMS.iter().map(|program| program.package).collect();
    assert_eq!(names.len(), PROGRAMS.len());
    for (at, program) in PROGRAMS.iter().enumerate() {
        assert_eq!(pattern(at).unwrap().captures_len(), 2, "{}", program.package);
    }
}

#[test]
fn a_text_across_two_chunks_is_found() {
    let text = b"OpenSSL 3.0.22 25 Aug 2026";
    for before in [(1 << 20) - 20, (1 << 20) - 1, 1 << 20, (2 << 20) - 7] {
        check("usr/lib/libcrypto.so.3", &[vec![0; before].as_slice(), text].concat(), &["openssl@3.0.22"]);
    }
}

#[test]
fn the_file_s_name_chooses_between_versions() {
    check("usr/bin/python3.9", b"\x003.11.2\x00\x003.9.18\x00", &["python@3.9.18"]);
    check("usr/bin/python", b"\x003.11.2\x00", &["python@3.11.2"]);
}

/// Debian's own MariaDB is called `mysqld`, too: whose text the file carries decides.
#[test]
fn one_name_of_two_programs() {
    check("usr/sbin/mysqld", b"\x0010.11.19-MariaDB\x00", &["mariadb@10.11.19"]);
    check("usr/sbin/mysqld", b"/BUILD/mysql-8.0.33/sql/a.cc", &["mysql@8.0.33"]);
}

#[test]
fn java_runtimes() {
    let check =
        |release: &str, expected: &[&str]| check("opt/java/openjdk/release", release.as_bytes(), expected);
    check("IMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_VERSION=\"17.0.9\"\n", &["openjdk@17.0.9"]);
    check("JAVA_VERSION=\"1.8.0_392\"\nOS_NAME=\"Linux\"\n", &["openjdk@1.8.0_392"]);
    check("IMPLEMENTOR=\"Oracle Corporation\"\r\nJAVA_VERSION=\"21.0.1\"\r\n", &["oracle-jdk@21.0.1"]);
    check("GRAALVM_VERSION=\"23.0.0\"\nJAVA_VERSION=\"20.0.1\"\n", &["graalvm@20.0.1"]);
    check("Fedora release 40\n", &[]);
}

#[test]
fn globs() {
    let check = |path: &str, pattern: &str, expected: bool| {
        assert_eq!(is_path(path, pattern), expected, "{path} {pattern}")
    };
    check("usr/lib/libssl.so.3", "libssl.so*", true);
    check("libssl.so", "libssl.so*", true);
    check("usr/lib/libssl3.so", "libssl.so*", false);
    check("a/releases/25/OTP_VERSION", "releases/*/OTP_VERSION", true);
    check("releases/OTP_VERSION", "releases/*/OTP_VERSION", false);
    check("x/librustc_driver-1.so", "librustc_driver-*.so", true);
    check("x/librustc_driver-1.so.1", "librustc_driver-*.so", false);
    check("x/abc", "a*b*c", true);
    check("x/ac", "a*b*c", false);
    check("x/y", "y", true);
}

/// Programs and libraries of distributions say of themselves what their packages say of them.
#[test]
fn a_real_root_file_system() {
    let Some(tree) = crate::testing::unpacked(
        "data/images/bookworm-minbase.tar.zst",
        &["*/libc.so.6", "*/libz.so.*", "*/bash", "*/perl", "*/liblzma.so.*"],
    ) else {
        return;
    };
    let catalog = crate::testing::catalog_of_tree(tree.path());
    let found: BTreeSet<String> = catalog
        .packages
        .iter()
        .filter(|package| package.ecosystem == Ecosystem::Generic)
        .map(|package| format!("{}@{}", package.name, package.version))
        .collect();
    let expected = ["bash@5.2.15", "glibc@2.36", "perl@5.36.0", "xz@5.4.1", "zlib@1.2.13"];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}
