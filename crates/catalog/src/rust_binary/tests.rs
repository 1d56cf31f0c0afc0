use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::*;
use crate::executable::fixture::{ELF_64, Section};
use crate::testing::catalog_of;

fn check(sections: &[Section<'_>], expected: &[&str]) {
    let catalog = catalog_of("usr/bin/app", ELF_64.build(sections));
    let packages = catalog.packages.iter().map(|package| {
        let mark = if package.presence == Presence::Recovered { " recovered" } else { "" };
        format!("{}@{}{mark}", package.name, package.version)
    });
    let shown: Vec<String> =
        packages.chain(catalog.gaps.iter().map(|gap| format!("gap: {}", gap.reason))).collect();
    assert_eq!(shown, expected);
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn crates_that_cargo_auditable_recorded() {
    let json = br#"{"packages":[
        {"name":"adler","version":"0.2.3","source":"registry"},
        {"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"},
        {"name":"app","version":"0.1.0","source":"local","dependencies":[0],"root":true}]}"#;
    // What is recorded is complete: paths are not searched.
    let paths = b"/registry/src/index.crates.io-6f17d22bba15001f/other-1.0.0/src/lib.rs";
    check(
        &[Section::new(".dep-v0", &compressed(json)), Section::new(".rodata", paths)],
        &["adler@0.2.3", "app@0.1.0"],
    );
}

#[test]
fn a_broken_record_is_a_gap_and_paths_are_searched() {
    let paths = b"/registry/src/index.crates.io-6f17d22bba15001f/other-1.0.0/src/lib.rs";
    let check = |section: &[u8], expected: &str| {
        check(
            &[Section::new(".dep-v0", section), Section::new(".rodata", paths)],
            &["other@1.0.0 recovered", expected],
        );
    };
    check(b"x", "gap: cargo-auditable section: it does not decompress");
    check(
        &compressed(b"[]"),
        "gap: cargo-auditable section: its JSON is not a list of crates: invalid length 0, expected struct VersionInfo with 1 element at line 1 column 2",
    );
    check(
        &compressed(&vec![b' '; 9 << 20]),
        "gap: cargo-auditable section: it decompresses to more than 8388608 bytes",
    );
}

#[test]
fn crates_recovered_from_panic_paths() {
    let check = |constants: &[u8], expected: &[&str]| {
        check(
            &[
                Section::new(".comment", b"GCC: 12\0rustc version 1.80.0\0"),
                Section::new(".rodata", constants),
            ],
            expected,
        );
    };
    check(
        b"x/root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/hashbrown-0.14.5/src/raw/mod.rs\0\
          /home/u/.cargo/registry/src/github.com-1ecc6299db9ec823/windows-sys-0.52.0/src/lib.rsname too long",
        &["hashbrown@0.14.5 recovered", "windows-sys@0.52.0 recovered"],
    );
    check(
        br"C:\Users\u\.cargo\registry\src\index.crates.io-1949cf8c6b5b557f\rand_core-0.6.4\src\os.rs",
        &["rand_core@0.6.4 recovered"],
    );
    check(
        b"/usr/share/cargo/registry/openssl-sys-0.9.103/src/lib.rs /build/vendor/base64ct-1.6.0-rc.1/src/a.rs \
          /registry/src/-/wasi-0.11.0+wasi-snapshot-preview1/src/lib.rs /rust/deps/gimli-0.31.1/src/read.rs",
        &[
            "base64ct@1.6.0-rc.1 recovered",
            "gimli@0.31.1 recovered",
            "openssl-sys@0.9.103 recovered",
            "wasi@0.11.0+wasi-snapshot-preview1 recovered",
        ],
    );
    // Not crates: sources of other languages, paths without a version.
    check(
        b"/vendor/jquery-3.6.0/dist/jquery.js /rustc/0123/library/core/src/str.rs /vendor/x/src/lib.rs",
        &[],
    );
}

#[test]
fn a_path_across_two_chunks_is_found_once() {
    let path = b"/registry/src/index.crates.io-6f17d22bba15001f/hashbrown-0.14.5/src/raw/mod.rs";
    for before in [(1 << 20) - 200, (1 << 20) - 40, (1 << 20) - 1, 1 << 20] {
        let constants = [vec![0; before].as_slice(), path, &[0; 2000]].concat();
        check(&[Section::new(".rodata", &constants)], &["hashbrown@0.14.5 recovered"]);
    }
}

#[test]
fn go_programs_are_not_searched() {
    let paths = b"/registry/src/index.crates.io-6f17d22bba15001f/other-1.0.0/src/lib.rs";
    check(&[Section::new(".go.buildinfo", b"x"), Section::new(".rodata", paths)], &[]);
}
