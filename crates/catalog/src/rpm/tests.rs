mod headers;
mod hostile;

use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::process::{Command, Stdio};

use crate::Catalog;
use crate::rpm::input::{Fault, Input};
use crate::rpm::{Backend, ndb, sqlite};
use crate::testing::{catalog_of, shared_bytes, unpacked};

/// `NAME VERSION ARCHITECTURE SOURCE VENDOR MODULE LICENCE`, `-` for what is not there.
fn rows(catalog: &Catalog) -> Vec<String> {
    let given = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let row = |package: &seawall_inventory::Package| {
        let source = package.source.as_ref().map(|source| format!("{}={}", source.name, source.version));
        [
            package.name.clone(),
            package.version.clone(),
            given(package.architecture.as_deref()),
            given(source.as_deref()),
            given(package.vendor.as_deref()),
            given(package.module.as_deref()),
            given(package.licenses.first().map(String::as_str)),
        ]
        .join("|")
    };
    let mut rows: Vec<String> = catalog.packages.iter().map(row).collect();
    rows.sort();
    rows
}

fn owned(catalog: &Catalog) -> Vec<String> {
    let mut files = Vec::new();
    for owned in &catalog.owned {
        let architecture = owned.architecture.as_deref().unwrap_or("-");
        owned.files.for_each(|path| files.push(format!("{}|{architecture}|/{path}", owned.name)));
    }
    files.sort();
    files
}

/// The output of rpm for a database in a directory of its own; nothing where it cannot be asked.
fn rpm(name: &str, bytes: &[u8], format: &str) -> Option<Vec<String>> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(name), bytes).unwrap();
    let output = Command::new("rpm")
        .arg("--dbpath")
        .arg(directory.path())
        .args(["-qa", "--nosignature", "--nodigest", "--qf", format])
        .output();
    let Ok(output) = output else {
        eprintln!("skipped: there is no rpm to compare with");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.lines().map(str::to_owned).filter(|line| !line.starts_with("gpg-pubkey|")).collect())
}

/// Asks rpm what is in a database, and compares everything that is read of it.
fn check_with_rpm(name: &str, bytes: &[u8]) {
    let catalog = catalog_of(&format!("var/lib/rpm/{name}"), bytes);
    assert_eq!(catalog.gaps, []);
    let format = "%{NAME}|%{EPOCH}|%{VERSION}-%{RELEASE}|%{ARCH}|%{SOURCERPM}|%{VENDOR}|%{MODULARITYLABEL}|%{LICENSE}\\n";
    let Some(lines) = rpm(name, bytes, format) else { return };
    let mut expected: Vec<String> = lines.iter().map(|line| row_of_rpm(line)).collect();
    expected.sort();
    assert!(!expected.is_empty());
    assert_eq!(rows(&catalog), expected);
    let files = rpm(name, bytes, "[%{=NAME}|%{=ARCH}|%{FILENAMES}|%{FILEMODES:perms}\\n]").unwrap();
    let is_file = |line: &&str| !line.starts_with('d');
    let mut expected: Vec<String> = files
        .iter()
        .map(|line| line.rsplit_once('|').unwrap())
        .filter(|(_, mode)| is_file(mode))
        .map(|(line, _)| line.to_owned())
        .collect();
    expected.sort();
    assert_eq!(owned(&catalog), expected);
}

fn row_of_rpm(line: &str) -> String {
    let line = line.replace("(none)", "-");
    let [name, epoch, build, architecture, source, vendor, module, license] =
        line.split('|').collect::<Vec<_>>().try_into().unwrap();
    let version = if epoch == "-" { build.to_owned() } else { format!("{epoch}:{build}") };
    let source = match source.strip_suffix(".src.rpm") {
        Some(stem) if stem == format!("{name}-{build}") => "-".to_owned(),
        Some(stem) => {
            let dash = stem.rmatch_indices('-').nth(1).unwrap().0;
            format!("{}={}", &stem[..dash], &stem[dash + 1..])
        }
        None => "-".to_owned(),
    };
    [name, &version, architecture, &source, vendor, module, license].join("|")
}

/// Compares a shared database with what rpm said of it: how many packages, how many files, and some packages.
fn check_shared(name: &str, catalog: &Catalog, packages: usize, files: usize, some: &[&str]) {
    assert_eq!(catalog.gaps, [], "{name}");
    let rows = rows(catalog);
    for row in some {
        assert!(rows.iter().any(|known| known == row), "{row} is not among {rows:#?}");
    }
    assert_eq!((rows.len(), owned(catalog).len()), (packages, files), "{name}");
}

#[test]
fn a_database_of_berkeley_db() {
    let Some(bytes) = shared_bytes("data/rpmdb/libuuid.bdb.Packages") else { return };
    let catalog = catalog_of("var/lib/rpm/Packages", &bytes);
    let row = "libuuid|2.32.1-42.el8_8|x86_64|util-linux=2.32.1-42.el8_8|Red Hat, Inc.|-|BSD";
    check_shared("libuuid", &catalog, 1, 5, &[row]);
    check_with_rpm("Packages", &bytes);
}

#[test]
fn a_database_of_ndb() {
    let Some(bytes) = shared_bytes("data/rpmdb/sle15-bci.Packages.db") else { return };
    let catalog = catalog_of("usr/lib/sysimage/rpm/Packages.db", &bytes);
    // As rpm lists the headers after `rpmdb --importdb`: Debian's rpm reads no ndb.
    let some = [
        "bash|4.4-19.6.1|x86_64|-|SUSE LLC <https://www.suse.com/>|-|GPL-3.0-or-later",
        "libreadline7|7.0-19.6.1|x86_64|bash=4.4-19.6.1|SUSE LLC <https://www.suse.com/>|-|GPL-3.0-or-later",
        "libgcc_s1|11.2.1+git610-1.3.9|x86_64|gcc11=11.2.1+git610-1.3.9|SUSE LLC <https://www.suse.com/>|-|GPL-3.0-or-later WITH GCC-exception-3.1",
        "system-user-root|20190513-3.3.1|noarch|-|SUSE LLC <https://www.suse.com/>|-|MIT",
    ];
    check_shared("sle15", &catalog, 35, 1777, &some);
}

#[test]
fn a_database_of_sqlite() {
    let Some(bytes) = shared_bytes("data/rpmdb/cbl-mariner-2.0.rpmdb.sqlite") else { return };
    let catalog = catalog_of("var/lib/rpm/rpmdb.sqlite", &bytes);
    let some = [
        "audit-libs|3.0.6-1.cm2|x86_64|audit=3.0.6-1.cm2|Microsoft Corporation|-|LGPLv2+",
        "bash|5.1.8-1.cm2|x86_64|-|Microsoft Corporation|-|GPLv3",
        "ca-certificates-base|1:2.0.0-1.cm2|noarch|ca-certificates=2.0.0-1.cm2|Microsoft Corporation|-|MPLv2.0",
    ];
    check_shared("mariner", &catalog, 129, 6298, &some);
    check_with_rpm("rpmdb.sqlite", &bytes);
}

#[test]
fn the_database_of_almalinux() {
    let Some(root) = unpacked("data/images/almalinux-9.3-micro-aarch64.tar.xz", &["*var/lib/rpm/*"]) else {
        return;
    };
    let bytes = std::fs::read(root.path().join("var/lib/rpm/rpmdb.sqlite")).unwrap();
    let catalog = catalog_of("var/lib/rpm/rpmdb.sqlite", &bytes);
    let some = [
        "almalinux-release|9.3-1.el9|aarch64|-|AlmaLinux|-|GPLv2",
        "libacl|2.3.1-3.el9|aarch64|acl=2.3.1-3.el9|AlmaLinux|-|LGPLv2+",
        "tzdata|2023c-1.el9|noarch|-|AlmaLinux|-|Public Domain",
    ];
    check_shared("almalinux", &catalog, 22, 2483, &some);
    check_with_rpm("rpmdb.sqlite", &bytes);
    let log = std::fs::read(root.path().join("var/lib/rpm/rpmdb.sqlite-wal")).unwrap();
    assert_eq!(catalog_of("var/lib/rpm/rpmdb.sqlite-wal", log), Catalog::default());
}

/// The headers of a shared database.
fn headers(shared: &str, backend: Backend) -> Option<Vec<Vec<u8>>> {
    let bytes = shared_bytes(shared)?;
    let size_bytes = bytes.len() as u64;
    let mut headers = Vec::new();
    let mut each = |header: Result<&[u8], Fault>| {
        headers.push(header.unwrap().to_owned());
        ControlFlow::Continue(())
    };
    backend(&mut Input::new(&mut Cursor::new(bytes), size_bytes), &mut each).unwrap();
    Some(headers)
}

/// Runs a program with this on its standard input; false where there is none.
fn run(program: &str, arguments: &[&str], input: &[u8]) -> bool {
    let child = Command::new(program).args(arguments).stdin(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: there is no {program}");
        return false;
    };
    child.stdin.take().unwrap().write_all(input).unwrap();
    assert!(child.wait().unwrap().success());
    true
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn databases_that_berkeley_db_makes() {
    let Some(headers) = headers("data/rpmdb/cbl-mariner-2.0.rpmdb.sqlite", sqlite::headers) else { return };
    let mut records = format!(" 00000000\n {}\n", hexadecimal(&1000_u32.to_le_bytes()));
    for (header, number) in headers.iter().zip(1_u32..) {
        records += &format!(" {}\n {}\n", hexadecimal(&number.to_le_bytes()), hexadecimal(header));
    }
    for (page_bytes, order) in [(512, 1234), (4096, 1234), (4096, 4321), (65536, 1234)] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("Packages");
        let head =
            format!("VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize={page_bytes}\ndb_lorder={order}\n");
        let dump = format!("{head}HEADER=END\n{records}DATA=END\n");
        if !run("db_load", &[path.to_str().unwrap()], dump.as_bytes()) {
            return;
        }
        check_with_rpm("Packages", &std::fs::read(&path).unwrap());
    }
}

#[test]
fn an_ndb_database_in_the_words_of_rpm() {
    let shared = "data/rpmdb/sle15-bci.Packages.db";
    let Some(headers) = headers(shared, ndb::headers) else { return };
    let magic = b"\x8e\xad\xe8\x01\0\0\0\0";
    let list: Vec<u8> = headers.iter().flat_map(|header| [magic, header.as_slice()].concat()).collect();
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["--dbpath", directory.path().to_str().unwrap(), "--importdb"];
    if run("rpmdb", &arguments, &list) {
        check_with_rpm("rpmdb.sqlite", &std::fs::read(directory.path().join("rpmdb.sqlite")).unwrap());
    }
}
