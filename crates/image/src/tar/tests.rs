use proptest::prelude::*;
use seawall_testkit::{Header as Raw, Tar as Builder};

use super::*;

/// One line per step: `kind path [-> link] size: content` or `! path: reason`.
fn listing(bytes: &[u8], limits: &Limits) -> Vec<String> {
    let mut tar = Tar::new(bytes, limits);
    let mut lines = Vec::new();
    while lines.len() < 1000 {
        let line = match tar.advance().unwrap() {
            Step::Member => member_line(&mut tar),
            Step::Problem(problem) => format!("! {}: {}", shown(&problem.path), problem.reason),
            Step::Truncated => "truncated".to_owned(),
            Step::End => break,
        };
        lines.push(line);
    }
    lines
}

fn member_line(tar: &mut Tar<'_, &[u8]>) -> String {
    let member = tar.member().clone();
    let mut content = Vec::new();
    let read = tar.body().take(1000).read_to_end(&mut content);
    let content = match read {
        Ok(_) => shown(&content).replace('\0', "."),
        Err(error) => error.to_string(),
    };
    let path = shown(&member.path);
    match member.kind {
        MemberKind::File => format!("file {path} {}: {content}", member.size_bytes),
        MemberKind::Directory => format!("dir {path}"),
        MemberKind::Symlink => format!("sym {path} -> {}", shown(&member.link)),
        MemberKind::Hardlink => format!("hard {path} -> {}", shown(&member.link)),
        MemberKind::Special => format!("special {path}"),
    }
}

fn check(tar: &[u8], expected: &[&str]) {
    assert_eq!(listing(tar, &Limits::default()), expected);
}

#[test]
fn members_of_every_kind() {
    let tar = Builder::new()
        .directory("etc")
        .file("etc/a", "hello")
        .symlink("etc/b", "a")
        .hardlink("etc/c", "etc/a")
        .fifo("etc/d")
        .file("empty", "")
        .finish();
    let expected = [
        "dir etc/",
        "file etc/a 5: hello",
        "sym etc/b -> a",
        "hard etc/c -> etc/a",
        "special etc/d",
        "file empty 0: ",
    ];
    check(&tar, &expected);
    check(&[], &[]);
    check(&[0; 512], &[]);
}

#[test]
fn long_names_in_every_dialect() {
    let long = "d/".repeat(80) + "name";
    let gnu = Raw { magic: *b"ustar  \0", size: 1, ..Raw::new(b'0', &long) };
    let terminated = [long.as_bytes(), b"\0"].concat();
    let tar = Builder::new().extended(b'L', &terminated).raw(&gnu.block()).content(b"x");
    let link = Raw { magic: *b"ustar  \0", link: long.clone().into(), ..Raw::new(b'2', "l") };
    let tar = tar.extended(b'K', &terminated).raw(&link.block());
    let tar = tar.file(&long, "y").finish();
    let expected = [format!("file {long} 1: x"), format!("sym l -> {long}"), format!("file {long} 1: y")];
    check(&tar, &expected.each_ref().map(|line| line.as_str()));

    let mut block = Raw::new(b'0', "name").block();
    block[345..351].copy_from_slice(b"prefix");
    check(&Builder::new().raw(&resealed(block)).finish(), &["file prefix/name 0: "]);
}

fn resealed(mut block: [u8; 512]) -> [u8; 512] {
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

#[test]
fn a_name_of_four_gibibytes_is_a_gap() {
    let lie = Raw { size: 4 << 30, ..Raw::new(b'L', "././@LongLink") };
    let tar = Builder::new().raw(&lie.block()).content(b"short").finish();
    check(&tar, &["truncated"]);
    let limits = Limits { extended_header_bytes_max: 1000, ..Limits::default() };
    let tar = Builder::new().extended(b'L', &[b'a'; 2000]).file("short", "x").file("next", "y").finish();
    let expected = ["! short: its name or attributes take 2000 bytes, more than 1000", "file next 1: y"];
    assert_eq!(listing(&tar, &limits), expected);
    let tar = Builder::new().extended(b'x', &[b'a'; 2000]).file("short", "x").file("next", "y").finish();
    assert_eq!(listing(&tar, &limits), expected);
    let tar = Builder::new().file(&"a".repeat(5000), "x").file("next", "y").finish();
    let found = listing(&tar, &Limits::default());
    assert!(found[0].contains("5000 bytes is longer than 4096"), "{found:?}");
    assert_eq!(found[1], "file next 1: y");
}

#[test]
fn pax_records() {
    let named = |records: &[(&str, &[u8])]| Builder::new().pax(records).file("old", "12345").finish();
    check(
        &named(&[("path", b"new"), ("mtime", b"1.5"), ("SCHILY.xattr.user.x", b"\0\xff")]),
        &["file new 5: 12345"],
    );
    check(&named(&[("path", b"")]), &["file old 5: 12345"]);
    check(&named(&[("size", b"3")]), &["file old 3: 123"]);
    check(&named(&[("path", b"a\0b")]), &["! old: its PAX header is not one"]);
    check(&named(&[("size", b"-3")]), &["! old: its PAX header is not one"]);
    check(&named(&[("size", b"99999999999999999999")]), &["! old: its PAX header is not one"]);
    let broken = |bytes: &[u8]| Builder::new().extended(b'x', bytes).file("old", "x").finish();
    for bytes in
        [&b"99 path=a\n"[..], b"path=a\n", b"0 a=b\n", b"9 path=ab", b"18446744073709551616 a=b\n", b"5 =a\n"]
    {
        check(&broken(bytes), &["! old: its PAX header is not one"]);
    }
    let global = Builder::new().extended(b'g', b"12 path=all\n").file("own", "x").finish();
    check(&global, &["file own 1: x"]);
}

#[test]
fn sparse_files_of_every_format() {
    let pax =
        |records: &[(&str, &[u8])], stored: &[u8]| Builder::new().pax(records).file("s", stored).finish();
    let expected = ["file real 12: ...abc...de."];
    let v00: [(&str, &[u8]); 7] = [
        ("GNU.sparse.size", b"12"),
        ("GNU.sparse.numblocks", b"2"),
        ("GNU.sparse.offset", b"3"),
        ("GNU.sparse.numbytes", b"3"),
        ("GNU.sparse.offset", b"9"),
        ("GNU.sparse.numbytes", b"2"),
        ("GNU.sparse.name", b"real"),
    ];
    check(&pax(&v00, b"abcde"), &expected);
    let v01: [(&str, &[u8]); 3] =
        [("GNU.sparse.size", b"12"), ("GNU.sparse.map", b"3,3,9,2"), ("GNU.sparse.name", b"real")];
    check(&pax(&v01, b"abcde"), &expected);
    let v10: [(&str, &[u8]); 4] = [
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.realsize", b"12"),
        ("GNU.sparse.name", b"real"),
    ];
    let mut stored = b"2\n3\n3\n9\n2\n".to_vec();
    stored.resize(512, 0);
    stored.extend_from_slice(b"abcde");
    check(&pax(&v10, &stored), &expected);

    let mut block = Raw { magic: *b"ustar  \0", size: 5, ..Raw::new(b'S', "real") }.block();
    for (at, number) in [(386, 3), (398, 3), (410, 9), (422, 2), (483, 12)] {
        block[at..at + 11].copy_from_slice(format!("{number:011o}").as_bytes());
    }
    check(&Builder::new().raw(&resealed(block)).content(b"abcde").finish(), &expected);
    block[482] = 1;
    let extension = [0; 512];
    check(&Builder::new().raw(&resealed(block)).raw(&extension).content(b"abcde").finish(), &expected);
}

#[test]
fn sparse_maps_that_lie() {
    let pax = |size: &[u8], map: &[u8]| {
        let records: [(&str, &[u8]); 2] = [("GNU.sparse.size", size), ("GNU.sparse.map", map)];
        Builder::new().pax(&records).file("s", "abc").file("next", "").finish()
    };
    let overlap = "! s: its sparse map overlaps or exceeds the file";
    check(&pax(b"12", b"3,3,2,3"), &[overlap, "file next 0: "]);
    check(&pax(b"12", b"9,4"), &[overlap, "file next 0: "]);
    check(&pax(b"12", b"9223372036854775807,9223372036854775807"), &[overlap, "file next 0: "]);
    check(&pax(b"12", b"3"), &["! s: its sparse map is not one", "file next 0: "]);
    check(&pax(b"12", b"0,6"), &["file s 12: a sparse file has less data than its map", "file next 0: "]);
    let found = listing(&pax(b"1152921504606846976", b"0,3"), &Limits::default());
    assert!(found[0].starts_with("file s 1152921504606846976: abc..."), "{found:?}");
    let limits = Limits { sparse_segments_max: 2, ..Limits::default() };
    let found = listing(&pax(b"12", b"0,1,1,1,2,1,3,1"), &limits);
    assert_eq!(found[0], "! s: it has more than 2 sparse segments");
}

#[test]
fn damage_costs_one_file_not_the_rest() {
    let mut tar = Builder::new().file("a", "1").file("b", "2").file("c", "3").finish();
    tar[1024 + 3] ^= 1;
    let damaged = "! a: the archive is damaged behind this file: a header with a wrong checksum";
    check(&tar, &["file a 1: 1", damaged, "file c 1: 3"]);

    let tar = Builder::new().file("a", "1").raw(&[0; 512]).file("b", "2").finish();
    check(&tar, &["file a 1: 1", "file b 1: 2"]);
    let tar = Builder::new().raw(&Raw::new(b'?', "odd").block()).file("b", "2").finish();
    check(&tar, &["! odd: its type `?` is not known", "file b 1: 2"]);
    let negative = {
        let mut block = Raw::new(b'0', "a").block();
        block[124..136].fill(0xff);
        resealed(block)
    };
    let found = listing(&Builder::new().raw(&negative).file("b", "2").finish(), &Limits::default());
    assert!(found[0].contains("impossible size"), "{found:?}");
    assert_eq!(found[1], "file b 1: 2");
}

#[test]
fn what_follows_the_end_is_no_member() {
    let tar = Builder::new().file("a", "1").raw(&[0; 1024]).file("ghost", "2").finish();
    check(&tar, &["file a 1: 1"]);
}

#[test]
fn truncation_is_noticed() {
    let whole = Builder::new().file("a", "1").file("b", [b'x'; 600]).cut();
    let found = listing(&whole[..whole.len() - 700], &Limits::default());
    assert_eq!(found[0], "file a 1: 1");
    assert!(found[1].ends_with("the archive ends inside this file"), "{found:?}");
    assert_eq!(found[2], "truncated");
    check(&whole[..700], &["file a 1: 1"]);
    assert_eq!(listing(&whole[..1100], &Limits::default()), ["file a 1: 1", "truncated"]);
    let lie = Raw { size: u64::MAX / 2, ..Raw::new(b'0', "a") };
    assert_eq!(
        listing(&Builder::new().raw(&lie.block()).finish(), &Limits::default()).last().unwrap(),
        "truncated"
    );
}

#[test]
fn sizes_beyond_eight_gibibytes_are_base_256() {
    let check =
        |field: &[u8], expected: Option<u64>| assert_eq!(header::number(field), expected, "{field:?}");
    check(b"\x80\0\0\0\0\0\0\x02\0\0\0\0", Some(8 << 30));
    check(b"\xff\xff\xff\xff\xff\xff\xff\xff", None);
    check(b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", None);
    check(b"00000000017\0", Some(15));
    check(b"    17 \0", Some(15));
    check(b"\0\0\0\0", Some(0));
    check(b"12a\0", None);
    check(b"777777777777777777777777", None);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_hang(damage in prop::collection::vec((0usize..6000, any::<u8>()), 1..20), cut in 0usize..6000) {
        let records: [(&str, &[u8]); 2] = [("GNU.sparse.size", b"12"), ("GNU.sparse.map", b"0,3,5,1")];
        let mut tar = Builder::new()
            .directory("a").file("a/b", [7; 700]).symlink("c", "a").pax(&records).file("s", "abcd")
            .file(&"long/".repeat(50), "x").hardlink("d", "a/b").finish();
        for (at, byte) in damage {
            let at = at % tar.len();
            tar[at] ^= byte;
        }
        tar.truncate(cut);
        listing(&tar, &Limits::default());
    }
}
