//! What comes of single headers, and of the files beside the databases.

use seawall_finding::GapKind;

use super::{owned, rows};
use crate::rpm::fixture::{self, Value};
use crate::rpm::header::{self, Header, Tag};
use crate::rpm::package;
use crate::testing::{catalog_of, check_listed};

const PATH: &str = "usr/lib/sysimage/rpm/Packages.db";

fn identity(name: &'static str) -> Vec<(Tag, Value)> {
    vec![
        (header::NAME, Value::Text(name)),
        (header::VERSION, Value::Text("1.0")),
        (header::RELEASE, Value::Text("2.el9")),
    ]
}

/// Checks the rows, files and gaps that a header with an identity and these tags gives.
fn check(path: &str, tags: &[(Tag, Value)], expected: &[&str]) {
    let tags = [identity("foo").as_slice(), tags].concat();
    let catalog = catalog_of(path, fixture::ndb(&[fixture::header(&tags)]));
    let gaps = catalog.gaps.iter().map(|gap| gap.reason.clone());
    let lines: Vec<String> = rows(&catalog).into_iter().chain(owned(&catalog)).chain(gaps).collect();
    assert_eq!(lines, expected);
}

#[test]
fn what_a_header_says() {
    check(PATH, &[], &["foo|1.0-2.el9|-|-|-|-|-"]);
    let all = [
        (header::EPOCH, Value::Int32(vec![2])),
        (header::VENDOR, Value::Text("Red Hat, Inc.")),
        (header::LICENSE, Value::Text("MIT AND BSD")),
        (header::ARCHITECTURE, Value::Text("noarch")),
        (header::SOURCE_RPM, Value::Text("foo-1.0-2.el9.src.rpm")),
        (header::MODULARITY_LABEL, Value::Text("nodejs:18:9020020230825081254:rhel9")),
    ];
    let row = "foo|2:1.0-2.el9|noarch|-|Red Hat, Inc.|nodejs:18:9020020230825081254:rhel9|MIT AND BSD";
    check(PATH, &all, &[row]);
    // An epoch of zero is stated; of several the first counts.
    check(PATH, &[(header::EPOCH, Value::Int32(vec![0, 7]))], &["foo|0:1.0-2.el9|-|-|-|-|-"]);
    let none = [(header::VENDOR, Value::Text("(none)")), (header::LICENSE, Value::Text(" "))];
    check(PATH, &none, &["foo|1.0-2.el9|-|-|-|-|-"]);
    let long: &'static str = "x".repeat(256).leak();
    let gap = "one of its headers: a text in it is longer than such texts are";
    check(PATH, &[(header::VENDOR, Value::Text(long))], &[gap]);
    check(PATH, &[(header::LICENSE, Value::Text(long))], &[&format!("foo|1.0-2.el9|-|-|-|-|{long}")]);
    // What installation added replaces what was built.
    check(PATH, &[(header::VERSION, Value::Text("1.1"))], &["foo|1.1-2.el9|-|-|-|-|-"]);
}

#[test]
fn sources() {
    let check = |file: &'static str, source: &str| {
        check(
            PATH,
            &[(header::SOURCE_RPM, Value::Text(file))],
            &[&format!("foo|1.0-2.el9|-|{source}|-|-|-")],
        );
    };
    check("foo-1.0-2.el9.src.rpm", "-");
    check("foo-1.0-3.el9.src.rpm", "foo=1.0-3.el9");
    check("foo-bar-1.0-2.el9.src.rpm", "foo-bar=1.0-2.el9");
    check("java-17-openjdk-17.0.9.0.9-2.el9.nosrc.rpm", "java-17-openjdk=17.0.9.0.9-2.el9");
    check("foo.src.rpm", "-");
    check("(none)", "-");
}

#[test]
fn files() {
    let split = [
        (header::BASE_NAMES, Value::Texts(vec!["doc", "bin", "text"])),
        (header::FILE_MODES, Value::Int16(vec![0o040_755, 0o100_755, 0o100_644])),
        (header::DIRECTORY_INDEXES, Value::Int32(vec![1, 0, 1])),
        (header::DIRECTORY_NAMES, Value::Texts(vec!["/usr/bin/", "/usr/share/"])),
    ];
    let row = "foo|1.0-2.el9|-|-|-|-|-";
    check(PATH, &split, &[row, "foo|-|/usr/bin/bin", "foo|-|/usr/share/text"]);
    let below = "srv/root/usr/lib/sysimage/rpm/Packages.db";
    check(below, &split, &[row, "foo|-|/srv/root/usr/bin/bin", "foo|-|/srv/root/usr/share/text"]);
    check(
        PATH,
        &[(header::OLD_FILE_NAMES, Value::Texts(vec!["/etc/a", "/etc/b"]))],
        &[row, "foo|-|/etc/a", "foo|-|/etc/b"],
    );
    // A damaged list is a gap, and the package is there.
    let damaged = [split.as_slice(), &[(header::DIRECTORY_INDEXES, Value::Int32(vec![1, 0, 2]))]].concat();
    check(PATH, &damaged, &[row, "one of its headers: it lists a file in no directory"]);
    let short = [split.as_slice(), &[(header::DIRECTORY_INDEXES, Value::Int32(vec![1]))]].concat();
    let reason = "one of its headers: it lists more files than directories of files, or fewer";
    check(PATH, &short, &[row, reason]);
    let typed = [split.as_slice(), &[(header::DIRECTORY_INDEXES, Value::Text("x"))]].concat();
    check(PATH, &typed, &[row, "one of its headers: a tag of numbers is of another type"]);
}

#[test]
fn what_is_no_package() {
    let nameless = fixture::header(&identity("foo")[1..]);
    let key = fixture::header(&identity("gpg-pubkey"));
    let good = fixture::header(&identity("foo"));
    let bytes = fixture::ndb(&[key, nameless.clone(), good, nameless]);
    let reason = "gap malformed: 2 of its headers, the first because it names no package";
    check_listed(PATH, bytes, &[reason, "rpm foo 1.0-2.el9 installed"]);
    check_listed(PATH, fixture::ndb(&[]), &[]);
    check_listed(PATH, "", &[]);
    check_listed(PATH, vec![0; 100], &["gap malformed: it is not an ndb database of rpm"]);
    check_listed(
        "var/lib/rpm/Packages",
        vec![0; 100],
        &["gap malformed: it is not a hash file of Berkeley DB"],
    );
    check_listed("var/lib/rpm/rpmdb.sqlite", vec![0; 100], &["gap malformed: it is not a SQLite database"]);
    check_listed(
        "var/lib/rpm/Packages",
        "x",
        &["gap malformed: its head lies outside the file or is cut short"],
    );
    // A database elsewhere is none of rpm's.
    for path in ["home/Packages.db", "var/lib/rpm/Name", "xvar/lib/rpm/Packages.db"] {
        check_listed(path, fixture::ndb(&fixture::headers()), &[]);
    }
}

#[test]
fn a_log_of_changes() {
    let path = "var/lib/rpm/rpmdb.sqlite-wal";
    let mut log = vec![0; 32 + 24 + 512];
    log[..4].copy_from_slice(&[0x37, 0x7f, 0x06, 0x82]);
    log[16..24].copy_from_slice(b"saltsalt");
    check_listed(path, &log, &[]);
    log[40..48].copy_from_slice(b"saltsalt");
    let gap = "gap unsupported: it holds changes of the rpm database that were not written to it";
    check_listed(path, &log, &[gap]);
    check_listed(path, &log[..32], &[]);
    check_listed(path, "", &[]);
}

#[test]
fn a_manifest_of_azure_linux() {
    let lines = "mariner-release\t2.0-12.cm2\t1653816591\t1653753130\tMicrosoft Corporation\t(none)\t580\tnoarch\t0\tmariner-release-2.0-12.cm2.src.rpm\n\
                 libgcc\t11.2.0-2.cm2\t1653816591\t1650702349\tMicrosoft Corporation\t(none)\t109\tx86_64\t0\tgcc-11.2.0-2.cm2.src.rpm\n\
                 ca-certificates\t2.0.0-1.cm2\t1\t1\t(none)\t1\t109\tx86_64\t1\tca-certificates-2.0.0-1.cm2.src.rpm\n";
    let path = "var/lib/rpmmanifest/container-manifest-2";
    let catalog = catalog_of(path, lines);
    assert_eq!(catalog.gaps, []);
    let expected = [
        "ca-certificates|1:2.0.0-1.cm2|x86_64|-|-|-|-",
        "libgcc|11.2.0-2.cm2|x86_64|gcc=11.2.0-2.cm2|Microsoft Corporation|-|-",
        "mariner-release|2.0-12.cm2|noarch|-|Microsoft Corporation|-|-",
    ];
    assert_eq!(rows(&catalog), expected);
    let damaged = "libgcc\t11.2.0-2.cm2\nlibgcc\n\nlibgcc\tx\n";
    let gap = "gap malformed: 2 of its lines name no package";
    check_listed(path, damaged, &[gap, "rpm libgcc 11.2.0-2.cm2 installed"]);
}

#[test]
fn lists_of_files_have_a_limit() {
    let names = vec!["name"; 100];
    let tags = [
        (header::DIRECTORY_INDEXES, Value::Int32(vec![0; names.len()])),
        (header::BASE_NAMES, Value::Texts(names)),
        (header::DIRECTORY_NAMES, Value::Texts(vec!["/a/long/directory/"])),
    ];
    let bytes = fixture::header(&tags);
    let header = Header::parse(&bytes).unwrap();
    let mut bytes_left = 3001;
    package::files(&header, "", &mut bytes_left).unwrap();
    assert_eq!(bytes_left, 1);
    let fault = package::files(&header, "", &mut bytes_left).unwrap_err();
    assert_eq!(fault.gap_kind(), GapKind::Limit);
    // What cannot be a path is left out.
    let long: &'static str = "x".repeat(4096).leak();
    let tags = [
        (header::DIRECTORY_INDEXES, Value::Int32(vec![0; 2])),
        (header::BASE_NAMES, Value::Texts(vec![long, ""])),
        (header::DIRECTORY_NAMES, Value::Texts(vec!["/"])),
    ];
    let bytes = fixture::header(&tags);
    let files = package::files(&Header::parse(&bytes).unwrap(), "", &mut 100_000).unwrap();
    assert!(files.is_empty());
}
