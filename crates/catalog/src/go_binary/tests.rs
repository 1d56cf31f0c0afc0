use proptest::prelude::*;

use super::version::standard_library;
use super::*;
use crate::executable::fixture::{ELF_64, Elf, Section};
use crate::testing::catalog_of;

const SENTINEL: &[u8; 16] = b"0123456789abcdef";
const MODULES: &str =
    "path\texample.org/app\nmod\texample.org/app\tv1.2.3\t\ndep\tgithub.com/Azure/x/v2\tv2.0.1\th1:x=\n";

fn framed(modules: &str) -> Vec<u8> {
    [SENTINEL.as_slice(), modules.as_bytes(), SENTINEL].concat()
}

fn varint_string(bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    let mut length = bytes.len();
    while length >= 0x80 {
        encoded.push((length as u8 & 0x7f) | 0x80);
        length >>= 7;
    }
    encoded.push(length as u8);
    encoded.extend(bytes);
    encoded
}

fn inline_block(version: &str, modules: &str) -> Vec<u8> {
    let mut block = [MAGIC, &[8, FLAG_INLINE]].concat();
    block.resize(32, 0);
    block.extend(varint_string(version.as_bytes()));
    block.extend(varint_string(&framed(modules)));
    block
}

/// Shows packages as `name@version` and gaps by their reason.
fn shown(bytes: &[u8]) -> Vec<String> {
    let catalog = catalog_of("usr/bin/app", bytes);
    let packages = catalog.packages.iter().map(|package| format!("{}@{}", package.name, package.version));
    packages.chain(catalog.gaps.iter().map(|gap| format!("gap: {}", gap.reason))).collect()
}

fn check(bytes: &[u8], expected: &[&str]) {
    assert_eq!(shown(bytes), expected);
}

fn check_modules(modules: &str, expected: &[&str]) {
    let block = inline_block("go1.22.1", modules);
    let file = ELF_64.build(&[Section::new(".go.buildinfo", &block)]);
    check(&file, &[&["stdlib@1.22.1"], expected].concat());
}

#[test]
fn the_inline_format_since_go_1_18() {
    let block = inline_block("go1.22.1", MODULES);
    let expected = ["stdlib@1.22.1", "example.org/app@v1.2.3", "github.com/Azure/x/v2@v2.0.1"];
    for (word, is_big_endian) in [(8, false), (8, true), (4, false), (4, true)] {
        let elf = Elf { word, is_big_endian, has_section_headers: true };
        check(&elf.build(&[Section::new(".text", b"x"), Section::new(".go.buildinfo", &block)]), &expected);
    }
}

#[test]
fn without_section_headers_the_first_writable_segment_is_searched() {
    let block = [vec![7; 48], inline_block("go1.22.1", MODULES)].concat();
    let data = Section { name: ".data", address: 0x50_0000, is_writable: true, bytes: &block };
    let elf = Elf { has_section_headers: false, ..ELF_64 };
    check(
        &elf.build(&[Section::new(".text", b"x"), data]),
        &["stdlib@1.22.1", "example.org/app@v1.2.3", "github.com/Azure/x/v2@v2.0.1"],
    );
}

#[test]
fn the_pointer_format_before_go_1_18() {
    for (word, is_big_endian) in [(8, false), (8, true), (4, false), (4, true)] {
        let elf = Elf { word, is_big_endian, has_section_headers: true };
        let number = |value| elf.number(value, word);
        let modules = framed(MODULES);
        let strings = 0x60_0000;
        let headers = 0x70_0000;
        let constants = [b"go1.16.2".as_slice(), &modules].concat();
        let string_headers =
            [number(strings), number(8), number(strings + 8), number(modules.len() as u64)].concat();
        let flags = u8::from(is_big_endian);
        let pointers = [number(headers), number(headers + 2 * word as u64)].concat();
        let mut block = [MAGIC, &[word as u8, flags], &pointers].concat();
        block.resize(32, 0);
        let section = |name, address, bytes| Section { name, address, is_writable: true, bytes };
        check(
            &elf.build(&[
                section(".go.buildinfo", 0x50_0000, &block),
                section(".rodata", strings, &constants),
                section(".data", headers, &string_headers),
            ]),
            &["stdlib@1.16.2", "example.org/app@v1.2.3", "github.com/Azure/x/v2@v2.0.1"],
        );
    }
}

#[test]
fn replaced_modules() {
    check_modules(
        "mod\ta\tv1.0.0\ndep\tb\tv1.1.0\th1\n=>\tc/fork\tv1.2.0\th2\ndep\td\tv1.0.0\n",
        &["a@v1.0.0", "c/fork@v1.2.0", "d@v1.0.0"],
    );
    // The replaced code is in some state of its own: its module is there, its version is unknown.
    check_modules("mod\ta\tv1.0.0\ndep\tb\tv1.1.0\n=>\t./staging/b\t(devel)\n", &["a@v1.0.0", "b@"]);
    check_modules("mod\ta\tv1.0.0\ndep\tb\tv0.0.0\n=>\t/src/b\t\n", &["a@v1.0.0", "b@"]);
}

#[test]
fn the_main_module_says_its_version_in_linker_flags() {
    let main = "mod\tgithub.com/o/app/v2\t(devel)\t\n";
    let check = |flags: &str, expected: &str| {
        check_modules(
            &format!("{main}build\t-ldflags={flags}\n"),
            &[&format!("github.com/o/app/v2@{expected}")],
        );
    };
    check(r#""-s -w -X main.version=2.7.1""#, "v2.7.1");
    check(r#""-X=main.Version=v2.7.1-rc.1""#, "v2.7.1-rc.1");
    check(r#""-X 'github.com/o/app/v2/internal.GitVersion=2.7' -w""#, "v2.7.0");
    check(r#""-X main.commit=1.2.3""#, "");
    check(r#""-X github.com/other/lib.version=9.9.9""#, "");
    check(r#""-X github.com/o/app/v2/x.version=1.0.0 -X main.version=2.0.0""#, "v2.0.0");
    check("-w", "");
}

#[test]
fn a_main_module_that_counts_from_no_tag_has_no_version() {
    check_modules("mod\ta.org/b\tv0.0.0-20240102030405-abcdefabcdef\t\n", &["a.org/b@"]);
    check_modules(
        "mod\ta.org/b\tv1.2.4-0.20240102030405-abcdefabcdef+dirty\t\n",
        &["a.org/b@v1.2.4-0.20240102030405-abcdefabcdef+dirty"],
    );
    // A dependency's pseudo-version is what the module graph selected; advisories name such versions.
    check_modules(
        "mod\ta.org/b\tv1.0.0\t\ndep\tgolang.org/x/net\tv0.0.0-20220127200216-cd36cc0744dd\n",
        &["a.org/b@v1.0.0", "golang.org/x/net@v0.0.0-20220127200216-cd36cc0744dd"],
    );
}

#[test]
fn versions_of_the_standard_library() {
    let check =
        |recorded: &str, expected: &str| assert_eq!(standard_library(recorded), expected, "{recorded}");
    check("go1.21.0", "1.21.0");
    check("go1.20", "1.20.0");
    check("go1.21.0 X:boringcrypto", "1.21.0");
    check("go1.21rc2", "1.21.0-rc.2");
    check("go1.21.0-rc1", "1.21.0-rc.1");
    check("go1.21.0-rc.1", "1.21.0-rc.1");
    check("go1.18beta1", "1.18.0-beta.1");
    check("go1.22.4-fips", "1.22.4");
    check("go1.21.3 (Red Hat 1.21.3-2.el9)", "1.21.3");
    check("devel go1.23-6076edc55c Tue Jun 4 12:00:00 2024 +0000", "");
    check("go", "");
    check("go1.", "");
    check("go1..2", "");
}

#[test]
fn a_go_program_without_its_block_is_a_gap() {
    let file = ELF_64.build(&[Section::new(".gopclntab", b"x")]);
    check(&file, &["gap: a Go program without build information, so its modules cannot be told"]);
    check_modules("path\tcmd/compile\nbuild\t-compiler=gc\n", &[]);
    check_modules("", &["gap: a Go program built without modules, so its dependencies cannot be told"]);
}

#[test]
fn a_packed_program_is_a_gap() {
    let mut file = Elf { has_section_headers: false, ..ELF_64 }.build(&[Section::new("", b"x")]);
    file[0xf0..0xf4].copy_from_slice(b"UPX!");
    check(&file, &["gap: the program is packed with UPX, so what is inside it cannot be told"]);
}

#[test]
fn headers_that_lie_are_gaps() {
    let mut file = ELF_64.build(&[Section::new(".go.buildinfo", b"x")]);
    let sections_at = file.len() as u64 - 3 * 64;
    file[40..48].copy_from_slice(&(sections_at + 64).to_le_bytes());
    check(&file, &["gap: executable: its sections lies outside the file or is cut short"]);
    file[40..48].copy_from_slice(&u64::MAX.to_le_bytes());
    check(&file, &["gap: executable: its sections lies outside the file or is cut short"]);
    file[60..62].copy_from_slice(&u16::MAX.to_le_bytes());
    check(&file, &["gap: executable: it has more than 4096 sections"]);
}

#[test]
fn other_files_are_passed_over() {
    check(&[b'x'; 8192], &[]);
    check(&ELF_64.build(&[Section::new(".text", b"x")]), &[]);
    check(&[b"MZ".as_slice(), &[0; 8192]].concat(), &[]);
    // A Java class has the magic of a universal Mach-O file.
    check(&[b"\xca\xfe\xba\xbe\0\0\0\x41".as_slice(), &[0; 8192]].concat(), &[]);
}

#[test]
fn plugins_need_no_execute_bit() {
    let entry = |path, mode| Entry {
        path,
        kind: seawall_inventory::EntryKind::File,
        size_bytes: 1 << 20,
        mode,
        uid: 0,
        gid: 0,
    };
    let wanted = |path, mode| executable::interest(&entry(path, mode)) != seawall_inventory::Interest::No;
    assert!(wanted("opt/plugin.so", 0o644));
    assert!(wanted("usr/lib/libx.so.1.2", 0o644));
    assert!(wanted("data/kubelet", 0o600));
    assert!(wanted("srv/tool.v1.2", 0o755));
    assert!(!wanted("usr/share/doc/x.html", 0o644));
}

/// Built by the real toolchain, read as `go version -m` reads it.
#[test]
fn a_program_of_the_go_toolchain() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write("go.mod", "module example.org/seawall/fixture\n\ngo 1.18\n");
    write("main.go", "package main\n\nfunc main() { println(\"x\") }\n");
    let go = |arguments: &[&str]| {
        std::process::Command::new("go")
            .args(arguments)
            .current_dir(directory.path())
            .env("GOTOOLCHAIN", "local")
            .env("CGO_ENABLED", "0")
            .output()
    };
    let Ok(version) = go(&["env", "GOVERSION"]) else {
        eprintln!("skipped: go is absent");
        return;
    };
    let version = String::from_utf8(version.stdout).unwrap();
    let built =
        go(&["build", "-buildvcs=false", "-ldflags=-X main.version=3.1.4", "-o", "app", "."]).unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let bytes = std::fs::read(directory.path().join("app")).unwrap();
    let stdlib = format!("stdlib@{}", standard_library(&version));
    check(&bytes, &[&stdlib, "example.org/seawall/fixture@v3.1.4"]);
}

proptest! {
    #[test]
    fn flipped_bytes_never_panic(flips in proptest::collection::vec((0usize..6000, any::<u8>()), 1..40)) {
        let block = inline_block("go1.22.1", MODULES);
        let mut file = ELF_64.build(&[Section::new(".go.buildinfo", &block), Section::new(".rodata", b"x")]);
        for (at, byte) in flips {
            let at = at % file.len();
            file[at] = byte;
        }
        let _ = shown(&file);
    }

    #[test]
    fn any_bytes_behind_a_magic_never_panic(bytes in proptest::collection::vec(any::<u8>(), 4096..5000), magic in 0usize..6) {
        let magics: [&[u8]; 6] =
            [b"\x7fELF\x02\x01", b"\x7fELF\x01\x02", b"MZ", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa\xce", b"\xca\xfe\xba\xbe\0\0\0\x02"];
        let _ = shown(&[magics[magic], &bytes].concat());
    }
}
