//! Files through rotation, other programs' rotation, and a full disk.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use seawall_finding::Priority;

use super::*;
use crate::delivery::tests::{delivery, happened};
use crate::limits::LINE_BYTES;

fn settings(path: &Path) -> FileSettings {
    FileSettings {
        path: path.to_owned(),
        format: Format::Falco,
        line_bytes: LINE_BYTES,
        bytes_max: None,
        age_max: None,
        keep: 3,
        durability: Durability::Process,
    }
}

fn events(numbers: std::ops::Range<usize>) -> Vec<Arc<Delivery>> {
    let event = |number| delivery(happened("Rule", &format!("event {number}"), Priority::Notice));
    numbers.map(|number| Arc::new(event(number))).collect()
}

/// The numbers of the events in a file.
fn seen(path: &Path) -> Vec<usize> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect()
}

#[test]
fn lines_are_appended() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.log");
    fs::write(&path, "23:31:56.746609046: Notice event 0\n").unwrap();
    let mut output = FileOutput::new(settings(&path), Reopen::default());
    output.send(&events(1..3)).unwrap();
    assert_eq!(seen(&path), [0, 1, 2]);
    fs::remove_file(&path).unwrap();
    let mut output = FileOutput::new(
        FileSettings { durability: Durability::Machine, ..settings(&path) },
        Reopen::default(),
    );
    output.send(&events(3..4)).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777 & !0o640, 0);
}

#[test]
fn files_rotate_by_size_and_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.log");
    let bytes_max = Some(500);
    let mut output =
        FileOutput::new(FileSettings { bytes_max, keep: 50, ..settings(&path) }, Reopen::default());
    for begin in (0..200).step_by(20) {
        output.send(&events(begin..begin + 20)).unwrap();
    }
    let mut all = Vec::new();
    for number in (1..50).rev() {
        let file = numbered(&path, number);
        assert!(!file.exists() || fs::metadata(&file).unwrap().len() <= 500);
        all.extend(seen(&file));
    }
    all.extend(seen(&path));
    assert_eq!(all, (0..200).collect::<Vec<_>>());
    // A smaller number of files: the oldest go.
    let mut output =
        FileOutput::new(FileSettings { bytes_max: Some(1), keep: 2, ..settings(&path) }, Reopen::default());
    output.send(&events(200..203)).unwrap();
    assert_eq!(
        (seen(&numbered(&path, 2)), seen(&numbered(&path, 1)), seen(&path)),
        (vec![200], vec![201], vec![202])
    );
}

#[test]
fn files_rotate_by_age() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.log");
    let age_max = Some(Duration::from_millis(20));
    let mut output = FileOutput::new(FileSettings { age_max, ..settings(&path) }, Reopen::default());
    output.send(&events(0..1)).unwrap();
    std::thread::sleep(Duration::from_millis(30));
    output.send(&events(1..2)).unwrap();
    assert_eq!((seen(&numbered(&path, 1)), seen(&path)), (vec![0], vec![1]));
}

#[test]
fn files_are_opened_again_when_asked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("alerts.log");
    let reopen = Reopen::default();
    let mut output = FileOutput::new(settings(&path), reopen.clone());
    output.send(&events(0..1)).unwrap();
    let moved = directory.path().join("moved");
    fs::rename(&path, &moved).unwrap();
    output.send(&events(1..2)).unwrap();
    reopen.ask();
    output.send(&events(2..3)).unwrap();
    assert_eq!((seen(&moved), seen(&path)), (vec![0, 1], vec![2]));
}

#[test]
fn only_regular_files_are_written() {
    let directory = tempfile::tempdir().unwrap();
    let refused = |path: &Path, expected: &str| {
        let error = FileOutput::new(settings(path), Reopen::default()).send(&events(0..1)).unwrap_err();
        let SendError::Later { reason, taken: 0, .. } = error else { panic!("{error:?}") };
        assert!(reason.contains(expected), "{reason}");
    };
    let link = directory.path().join("link");
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    refused(&link, "symbolic link");
    let pipe = directory.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    refused(&pipe, "No such device");
    refused(&directory.path().join("no/such/directory"), "No such file");
    refused(Path::new("/dev/null"), "no regular file");
}

/// Needs root, for a small file system of its own.
#[test]
fn a_full_disk_leaves_whole_lines_and_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(directory.path())
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        println!("skipped: no tmpfs can be mounted here");
        return;
    }
    let path = directory.path().join("alerts.log");
    let mut output = FileOutput::new(settings(&path), Reopen::default());
    let mut next = 0;
    let error = loop {
        match output.send(&events(next..next + 100)) {
            Ok(()) => next += 100,
            Err(error) => break error,
        }
    };
    let SendError::Later { taken, reason, .. } = error else { panic!("{error:?}") };
    assert!(reason.contains("No space left"), "{reason}");
    next += taken;
    assert_eq!(seen(&path), (0..next).collect::<Vec<_>>());
    // Room again: it goes on where it stopped.
    fs::rename(&path, directory.path().join("moved")).unwrap();
    fs::remove_file(directory.path().join("moved")).unwrap();
    output.send(&events(next..next + 100)).unwrap();
    let all = seen(&path);
    drop(output);
    Command::new("umount").arg(directory.path()).status().unwrap();
    assert_eq!(all, (next..next + 100).collect::<Vec<_>>());
}
