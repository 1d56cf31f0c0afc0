//! Damaged and made-up databases: no panic, no hang, and never less without a gap.

use std::time::{Duration, Instant};

use seawall_finding::GapKind;

use super::rows;
use crate::Catalog;
use crate::rpm::fixture::{self, PAGE_BYTES};
use crate::rpm::input::ByteOrder;
use crate::testing::{catalog_of, shared_bytes};

const SQLITE: &str = "var/lib/rpm/rpmdb.sqlite";
const NDB: &str = "usr/lib/sysimage/rpm/Packages.db";
const BERKELEY_DB: &str = "var/lib/rpm/Packages";

fn databases() -> Vec<(&'static str, Vec<u8>)> {
    let headers = fixture::headers();
    vec![
        (SQLITE, fixture::sqlite(&headers)),
        (NDB, fixture::ndb(&headers)),
        (BERKELEY_DB, fixture::berkeley_db(&headers, ByteOrder::Little)),
        (BERKELEY_DB, fixture::berkeley_db(&headers, ByteOrder::Big)),
    ]
}

fn shared_databases() -> Vec<(&'static str, Vec<u8>)> {
    [
        (SQLITE, "data/rpmdb/cbl-mariner-2.0.rpmdb.sqlite"),
        (NDB, "data/rpmdb/sle15-bci.Packages.db"),
        (BERKELEY_DB, "data/rpmdb/libuuid.bdb.Packages"),
    ]
    .into_iter()
    .filter_map(|(path, shared)| Some((path, shared_bytes(shared)?)))
    .collect()
}

/// The catalog of damaged bytes, which must come in time.
fn catalog(path: &str, bytes: &[u8]) -> Catalog {
    let start = Instant::now();
    let catalog = catalog_of(path, bytes);
    assert!(start.elapsed() < Duration::from_secs(10), "{path} took {:?}", start.elapsed());
    assert!(catalog.gaps.len() <= 2, "{:?}", catalog.gaps);
    catalog
}

/// Numbers that look random and are the same each time (a linear congruential generator).
fn numbers(mut state: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

#[test]
fn made_up_databases_are_sound() {
    for (path, bytes) in databases() {
        let catalog = catalog(path, &bytes);
        assert_eq!(catalog.gaps, []);
        let expected = [
            "large|2.0-1.el9|x86_64|-|-|-|-",
            "other|1.1-1.el9|x86_64|-|-|-|-",
            "small|1.0-1.el9|x86_64|-|-|-|-",
        ];
        assert_eq!(rows(&catalog), expected, "{path}");
        let [large] = catalog.owned.as_slice() else { panic!("{:?}", catalog.owned) };
        assert_eq!(large.files.to_vec(), vec!["usr/share/large/a-file-of-some-name"; 60]);
    }
}

#[test]
fn what_is_cut_short_is_a_gap_unless_nothing_is_missing() {
    for (path, bytes) in databases() {
        for end in (1..bytes.len()).step_by(3) {
            let catalog = catalog(path, &bytes[..end]);
            assert!(catalog.packages.len() == 3 || !catalog.gaps.is_empty(), "{path} cut at {end}");
        }
    }
    for (path, bytes) in shared_databases() {
        let whole = rows(&catalog(path, &bytes));
        let pages = bytes.len() / 4096;
        for page in (0..pages).step_by((pages / 60).max(1)) {
            let catalog = catalog(path, &bytes[..(page * 4096).max(1)]);
            assert!(rows(&catalog) == whole || !catalog.gaps.is_empty(), "{path} cut at page {page}");
        }
    }
}

#[test]
fn flipped_bits_do_no_harm() {
    for (path, bytes) in databases() {
        for at in (0..bytes.len()).step_by(3) {
            let mut damaged = bytes.clone();
            damaged[at] ^= [1, 0x80, 0xff][at / 3 % 3];
            catalog(path, &damaged);
        }
    }
}

#[test]
fn scrambled_bytes_do_no_harm() {
    let mut number = numbers(1);
    let interesting = [0, 1, 2, 5, 7, 13, 0x7f, 0x80, 0xff];
    for (path, bytes) in databases() {
        for _ in 0..300 {
            let mut damaged = bytes.clone();
            for _ in 0..=number(6) {
                let at = number(damaged.len());
                let width = (1 + number(4)).min(damaged.len() - at);
                let byte = interesting[number(interesting.len())];
                damaged[at..at + width].fill(byte);
            }
            if number(3) == 0 {
                let (from, to) = (number(damaged.len() / PAGE_BYTES), number(damaged.len() / PAGE_BYTES));
                damaged.copy_within(from * PAGE_BYTES..(from + 1) * PAGE_BYTES, to * PAGE_BYTES);
            }
            catalog(path, &damaged);
        }
    }
    for (path, bytes) in shared_databases() {
        for _ in 0..40 {
            let mut damaged = bytes.clone();
            for _ in 0..200 {
                let at = number(damaged.len());
                damaged[at] = interesting[number(interesting.len())];
            }
            catalog(path, &damaged);
        }
    }
}

fn check_gap(path: &str, bytes: &[u8], packages: usize, kind: GapKind, reason: &str) {
    let catalog = catalog(path, bytes);
    let [gap] = catalog.gaps.as_slice() else { panic!("{:?}", catalog.gaps) };
    assert_eq!((gap.kind, gap.reason.as_str()), (kind, reason));
    assert_eq!(catalog.packages.len(), packages);
}

#[test]
fn pages_in_circles() {
    let [(path, sqlite), _, (_, berkeley_db), _] = databases().try_into().unwrap();
    // The interior page is its own last child.
    let mut interior = sqlite.clone();
    interior[PAGE_BYTES + 8..PAGE_BYTES + 12].copy_from_slice(&2_u32.to_be_bytes());
    let reason = "its pages refer to one another in circles";
    check_gap(path, &interior, 40, GapKind::Malformed, reason);
    // The first overflow page of the large header, on page 6, is followed by itself: it has the right length all the
    // same, so that only its text is wrong.
    let mut overflow = sqlite;
    overflow[5 * PAGE_BYTES..5 * PAGE_BYTES + 4].copy_from_slice(&6_u32.to_be_bytes());
    catalog(path, &overflow);
    // The same in Berkeley DB, where the parts are empty, so that the length is never reached.
    let mut empty = berkeley_db;
    empty[4 * PAGE_BYTES + 16..4 * PAGE_BYTES + 20].copy_from_slice(&4_u32.to_le_bytes());
    empty[4 * PAGE_BYTES + 22..4 * PAGE_BYTES + 24].copy_from_slice(&0_u16.to_le_bytes());
    let reason = "one of its headers: its pages refer to one another in circles";
    check_gap(BERKELEY_DB, &empty, 2, GapKind::Malformed, reason);
}

#[test]
fn many_records_of_the_same_bytes() {
    // Every cell of the widest possible page leads to the same page of a file that is as large as may be.
    let page_bytes = 65_536;
    let mut bytes = vec![0; 64 * page_bytes];
    bytes[..16].copy_from_slice(b"SQLite format 3\0");
    bytes[16..18].copy_from_slice(&1_u16.to_be_bytes());
    for page in 0..64 {
        let head = page * page_bytes + if page == 0 { 100 } else { 0 };
        bytes[head] = 5;
        bytes[head + 3..head + 5].fill(0xff);
        bytes[head + 8..head + 12].copy_from_slice(&(page as u32 % 63 + 2).to_be_bytes());
    }
    let reason = "its pages refer to one another in circles";
    check_gap(SQLITE, &bytes, 0, GapKind::Malformed, reason);
    // Every slot names one blob that is nearly the whole file.
    let header = &fixture::headers()[0];
    let mut large = header.clone();
    large.resize(8 << 20, 0);
    let mut bytes = fixture::ndb(&[large]);
    for at in (48..4096).step_by(16) {
        bytes.copy_within(32..48, at);
    }
    check_gap(
        NDB,
        &bytes,
        4,
        GapKind::Malformed,
        "one of its headers: its pages refer to one another in circles",
    );
}

#[test]
fn giant_counts() {
    let headers = fixture::headers();
    // Tags and data of a header.
    for (at, reason) in [(0, "it states more tags than rpm allows"), (4, "it has more than 67108864 bytes")] {
        let mut header = headers[0].clone();
        header[at..at + 4].copy_from_slice(&i32::MAX.to_be_bytes());
        let kind = if at == 0 { GapKind::Malformed } else { GapKind::Limit };
        let bytes = fixture::ndb(&[header, headers[1].clone()]);
        check_gap(NDB, &bytes, 1, kind, &format!("one of its headers: {reason}"));
    }
    // A blob, a payload, an item.
    let mut ndb = fixture::ndb(&headers[..1]);
    ndb[4096 + 12..4096 + 16].fill(0xff);
    check_gap(NDB, &ndb, 0, GapKind::Limit, "one of its headers: it has more than 67108864 bytes");
    let mut ndb = fixture::ndb(&headers[..1]);
    ndb[12..16].fill(0xff);
    check_gap(
        NDB,
        &ndb,
        0,
        GapKind::Malformed,
        "the list of its packages lies outside the file or is cut short",
    );
    let mut database = fixture::berkeley_db(&headers[..1], ByteOrder::Little);
    let end = PAGE_BYTES - 3 * 5 - 12;
    database[PAGE_BYTES + end + 8..PAGE_BYTES + end + 12].fill(0xff);
    check_gap(
        BERKELEY_DB,
        &database,
        0,
        GapKind::Limit,
        "one of its headers: it has more than 67108864 bytes",
    );
    // The last page.
    let mut database = fixture::berkeley_db(&headers, ByteOrder::Little);
    database[32..36].fill(0xff);
    check_gap(
        BERKELEY_DB,
        &database,
        3,
        GapKind::Malformed,
        "one of its pages lies outside the file or is cut short",
    );
}

#[test]
fn many_small_headers_are_no_circle() {
    let small = fixture::headers().remove(0);
    assert_eq!(
        catalog(BERKELEY_DB, &fixture::berkeley_db(&vec![small.clone(); 20], ByteOrder::Big)).packages.len(),
        20
    );
    let catalog = catalog(NDB, &fixture::ndb(&vec![small; 254]));
    assert_eq!((catalog.packages.len(), catalog.gaps), (254, Vec::new()));
}
