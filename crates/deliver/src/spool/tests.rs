//! The spool through restarts, damage and full disks.

use std::io::Read;

use seawall_finding::Priority;

use super::*;
use crate::delivery::tests::{delivery, happened, hostile};

fn record(number: usize) -> String {
    encode(&delivery(happened("Rule", &format!("event {number}"), Priority::Notice))).unwrap()
}

fn append(spool: &Spool, numbers: std::ops::Range<usize>) -> usize {
    spool.append(&numbers.map(record).collect::<Vec<_>>()).unwrap()
}

/// Reads and delivers at most so many, and says which numbers they have.
fn take(spool: &Spool, count: usize) -> (Vec<usize>, u64) {
    let reading = spool.read(count, usize::MAX).unwrap().unwrap();
    spool.delivered(reading.until).unwrap();
    let number = |delivery: &Delivery| delivery.message().strip_prefix("event ").unwrap().parse().unwrap();
    (reading.deliveries.iter().map(number).collect(), reading.damaged)
}

#[test]
fn what_was_not_delivered_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b");
    let spool = Spool::open(&path, 1 << 20).unwrap();
    assert_eq!(append(&spool, 0..5), 5);
    assert_eq!(take(&spool, 2), (vec![0, 1], 0));
    // Read and not delivered: it comes again.
    assert_eq!(spool.read(2, usize::MAX).unwrap().unwrap().deliveries.len(), 2);
    assert!(matches!(Spool::open(&path, 1 << 20), Err(SpoolError::InUse(_))));
    drop(spool);

    let spool = Spool::open(&path, 1 << 20).unwrap();
    assert_eq!(append(&spool, 5..7), 2);
    assert_eq!(take(&spool, 10), (vec![2, 3, 4], 0));
    assert_eq!(take(&spool, 10), (vec![5, 6], 0));
    assert_eq!(spool.bytes(), 0);
    spool.close();
    assert!(spool.read(1, 1).is_none());
    drop(spool);
    let spool = Spool::open(&path, 1 << 20).unwrap();
    assert_eq!(spool.bytes(), 0);
}

#[test]
fn a_run_after_an_empty_spool_is_not_taken_for_delivered() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let mut begin = 0;
    for _ in 0..4 {
        // Delivers what is there, adds more, and ends.
        let spool = Spool::open(&path, 1 << 20).unwrap();
        while spool.bytes() > 0 {
            let (numbers, damaged) = take(&spool, 10);
            assert_eq!((numbers, damaged), ((begin - 3..begin).collect(), 0));
        }
        drop(spool);
        let spool = Spool::open(&path, 1 << 20).unwrap();
        assert_eq!(append(&spool, begin..begin + 3), 3);
        begin += 3;
    }
    assert_eq!(take(&Spool::open(&path, 1 << 20).unwrap(), 10).0, [9, 10, 11]);
}

#[test]
fn hostile_findings_come_back_as_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(&directory.path().join("s"), 1 << 20).unwrap();
    spool.append(&[encode(&delivery(hostile())).unwrap()]).unwrap();
    assert_eq!(spool.read(1, 1).unwrap().unwrap().deliveries, [delivery(hostile())]);
}

#[test]
fn the_spool_is_bounded_and_its_files_go() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let bytes_max = 4 * SPOOL_FILE_BYTES;
    let spool = Spool::open(&path, bytes_max).unwrap();
    let mut appended = 0;
    loop {
        let fitted = append(&spool, appended..appended + 100);
        appended += fitted;
        if fitted < 100 {
            break;
        }
    }
    assert!(spool.bytes() <= bytes_max && spool.bytes() > bytes_max - 2000, "{}", spool.bytes());
    let mut expected = 0;
    while spool.bytes() > 0 {
        let (numbers, damaged) = take(&spool, 333);
        assert_eq!(damaged, 0);
        for number in numbers {
            assert_eq!(number, expected);
            expected += 1;
        }
    }
    assert_eq!(expected, appended);
    let left: u64 = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(left < 2 * SPOOL_FILE_BYTES, "{left}");
    assert_eq!(append(&spool, 0..10), 10);
}

#[test]
fn damage_costs_the_damaged_record_and_is_counted() {
    let check = |damage: fn(&mut Vec<u8>), expected: &[usize], damaged: u64| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let spool = Spool::open(&path, 1 << 20).unwrap();
        append(&spool, 0..3);
        drop(spool);
        let file = path.join(name(0));
        let mut bytes = fs::read(&file).unwrap();
        damage(&mut bytes);
        fs::write(&file, bytes).unwrap();
        let spool = Spool::open(&path, 16 << 20).unwrap();
        append(&spool, 3..4);
        let (mut numbers, mut seen) = (Vec::new(), 0);
        while spool.bytes() > 0 {
            let (more, count) = take(&spool, 10);
            numbers.extend(more);
            seen += count;
        }
        assert_eq!((numbers.as_slice(), seen), (expected, damaged));
    };
    // The tail of a crash, a bit that fell over, a line of somebody else, nothing at all.
    check(|bytes| bytes.truncate(bytes.len() - 7), &[0, 1, 3], 1);
    check(|bytes| bytes[30] ^= 1, &[1, 2, 3], 1);
    check(|bytes| drop(bytes.splice(0..0, *b"\xff\xfe nonsense\n")), &[0, 1, 2, 3], 1);
    check(Vec::clear, &[3], 0);
    check(|bytes| drop(bytes.splice(0..0, vec![b'x'; 5 << 20])), &[1, 2, 3], 1);
}

#[test]
fn a_byte_that_fell_over_costs_no_more_than_its_line_and_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    fs::create_dir(&path).unwrap();
    let whole: String = (0..4).map(record).collect();
    let files = [SpoolFile { number: 0, bytes: whole.len() as u64 }];
    for place in (0..whole.len()).step_by(3) {
        for flip in [0x01, 0x80, b'\n' ^ whole.as_bytes()[place]] {
            let mut bytes = whole.clone().into_bytes();
            bytes[place] ^= flip;
            fs::write(path.join(name(0)), &bytes).unwrap();
            let reading = record::read(&path, &files, 0, 10, usize::MAX).unwrap();
            let lost = 4 - reading.deliveries.len();
            assert!(
                lost <= 2 && (lost == 0 || reading.damaged > 0),
                "{place} {flip}: {lost} {}",
                reading.damaged
            );
            assert_eq!(reading.until, Position { number: 0, offset: whole.len() as u64 });
        }
    }
}

#[test]
fn files_that_vanish_are_told_of() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let spool = Spool::open(&path, 1 << 20).unwrap();
    append(&spool, 0..3);
    fs::remove_file(path.join(name(0))).unwrap();
    assert_eq!(take(&spool, 10), (vec![], 1));
    assert_eq!(spool.bytes(), 0);
    // What comes then has a place.
    fs::write(path.join("cursor"), "nonsense").unwrap();
    drop(spool);
    let spool = Spool::open(&path, 1 << 20).unwrap();
    append(&spool, 3..4);
    assert_eq!(take(&spool, 10), (vec![3], 0));
}

#[test]
fn a_directory_of_others_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(Spool::open(directory.path(), 1 << 20), Err(SpoolError::Foreign(_))));
    let link = directory.path().join("link");
    std::os::unix::fs::symlink("/tmp", &link).unwrap();
    assert!(matches!(Spool::open(&link, 1 << 20), Err(SpoolError::Foreign(_))));
}

#[test]
fn what_it_keeps_is_for_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("s");
    let spool = Spool::open(&path, 1 << 20).unwrap();
    append(&spool, 0..1);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(path.join(name(0))).unwrap().mode() & 0o777, 0o600);
    let mut text = String::new();
    File::open(path.join(name(0))).unwrap().read_to_string(&mut text).unwrap();
    assert!(text.ends_with("}\n"));
}
