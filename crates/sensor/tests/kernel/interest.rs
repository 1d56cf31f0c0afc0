//! What nobody wants does not leave the kernel, and what somebody wants does.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::fs::{CWD, Mode, OFlags, openat};
use seawall_sensor::{Access, Clause, Families, Interest, Kind, Naming, Outcome, Paths, SystemCall};

use crate::watch::{Watch, file};

fn opens() -> Clause {
    Clause::all_of([Kind::Called(SystemCall::named("openat").unwrap())])
}

fn wanted(clauses: Vec<Clause>) -> Option<Watch> {
    Watch::with(Interest { clauses, ..Interest::default() })
}

#[test]
fn opens_are_told_by_path_name_access_and_outcome() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().canonicalize().unwrap();
    fs::create_dir(at.join("below")).unwrap();
    for name in ["below/x", "belowx", "named", "other"] {
        fs::write(at.join(name), "").unwrap();
    }
    let paths = Paths::Some { below: vec![at.join("below")], named: vec!["named".to_owned()] };
    let of_paths = Clause { paths, ..opens() };
    let writes = Clause { access: Access::WRITES, outcome: Outcome::Succeeded, ..opens() };
    let do_all = || {
        for name in ["below/x", "belowx", "named", "other"] {
            openat(CWD, at.join(name), OFlags::RDONLY, Mode::empty()).unwrap();
        }
        openat(CWD, at.join("belowx"), OFlags::WRONLY, Mode::empty()).unwrap();
        openat(CWD, at.join("missing"), OFlags::RDONLY, Mode::empty()).unwrap_err();
    };
    let check = |clauses: Vec<Clause>, expected: &[&str]| {
        let Some(mut watch) = wanted(clauses) else { return };
        do_all();
        let seen: Vec<_> = watch
            .own_calls()
            .iter()
            .map(|call| match call.object {
                Some(_) => file(call).path.clone(),
                None => call.names[0].path(),
            })
            .collect();
        let expected: Vec<_> = expected.iter().map(|name| at.join(name)).collect();
        assert_eq!(seen, expected);
    };
    // The path of an open that failed is only the caller's word, so that it is not asked.
    check(vec![of_paths.clone()], &["below/x", "named", "missing"]);
    check(vec![Clause { outcome: Outcome::Succeeded, ..of_paths.clone() }], &["below/x", "named"]);
    check(vec![writes.clone()], &["belowx"]);
    check(vec![Clause { outcome: Outcome::Failed, ..opens() }], &["missing"]);
    check(vec![of_paths, writes], &["below/x", "named", "belowx", "missing"]);
}

#[test]
fn names_may_have_to_climb() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().canonicalize().unwrap();
    let long = format!("{}x", "./".repeat(200));
    let of_naming = |naming| Clause { naming, ..opens() };
    let named = Clause { paths: Paths::Some { below: vec![], named: vec!["plain".to_owned()] }, ..opens() };
    let check = |clauses: Vec<Clause>, expected: &[&str]| {
        let Some(mut watch) = wanted(clauses) else { return };
        let directory = openat(CWD, &at, OFlags::DIRECTORY, Mode::empty()).unwrap();
        watch.events();
        // Dots side by side in one word, over its border, as the end of a name; and apart.
        for name in ["plain", "a.b.c.d.e", "../x", "1234567../x", "x..", ".a.", &long] {
            let _ = openat(&directory, name, OFlags::CREATE, Mode::RUSR);
        }
        // The library opens files of its own, by absolute names.
        let calls = watch.own_calls();
        let names = calls.iter().map(|call| call.names[0].name.clone());
        let seen: Vec<_> = names.filter(|name| name.is_relative()).collect();
        let expected: Vec<_> = expected.iter().map(std::path::PathBuf::from).collect();
        assert_eq!(seen, expected);
    };
    // Of a name that is too long it is not known.
    let climbing = ["../x", "1234567../x", "x..", &long];
    check(vec![of_naming(Naming::Climbing)], &climbing);
    check(vec![of_naming(Naming::Climbing), named], &["plain", "../x", "1234567../x", "x..", &long]);
    check(vec![of_naming(Naming::Any)], &["plain", "a.b.c.d.e", "../x", "1234567../x", "x..", ".a.", &long]);
}

#[test]
fn more_clauses_than_bits_let_nothing_be_missed() {
    let one = |name: String| Clause { paths: Paths::Some { below: vec![], named: vec![name] }, ..opens() };
    let Some(mut watch) = wanted((0..200).map(|number| one(format!("file-{number}"))).collect()) else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    for name in ["file-0", "file-63", "file-199", "file-200"] {
        openat(CWD, directory.path().join(name), OFlags::CREATE, Mode::RUSR).unwrap();
    }
    let seen: Vec<_> =
        watch.own_calls().iter().map(|call| call.names[0].name.file_name().unwrap().to_owned()).collect();
    assert_eq!(seen, ["file-0", "file-63", "file-199"]);
}

#[test]
fn a_new_interest_loses_nothing_that_both_want() {
    /// Opens between two looks: the ring holds them however slow the machine is.
    const AHEAD: usize = 200;
    let Some(mut watch) = wanted(vec![opens()]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "").unwrap();
    watch.events();
    let (stop, allowed) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            let mut count = 0;
            while !stop.load(Ordering::Relaxed) {
                if count < allowed.load(Ordering::Relaxed) {
                    openat(CWD, &path, OFlags::RDONLY, Mode::empty()).unwrap();
                    count += 1;
                } else {
                    std::thread::yield_now();
                }
            }
            count
        });
        let mut seen = 0;
        let mut count = |event: seawall_sensor::KernelEvent| {
            if let seawall_sensor::Action::Called(call) = event.action {
                seen += usize::from(call.names[0].name == path);
            }
        };
        for round in 0..100 {
            let named = vec!["file".to_owned(), format!("other-{round}")];
            let clause = Clause { paths: Paths::Some { below: vec![], named }, ..opens() };
            let clauses = if round % 2 == 0 { vec![clause] } else { vec![opens()] };
            allowed.fetch_add(AHEAD, Ordering::Relaxed);
            watch.sensor.set_interest(&Interest { clauses, ..Interest::default() }).unwrap();
            watch.sensor.poll(std::time::Duration::ZERO, &mut count).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        let expected: usize = work.join().unwrap();
        while watch.sensor.poll(std::time::Duration::from_millis(100), &mut count).unwrap() > 0 {}
        assert_eq!(watch.sensor.lost(), []);
        assert_eq!(seen, expected);
        assert!(expected > AHEAD, "nobody opened while the interest changed");
    });
}

#[test]
fn families_of_sockets_are_told_apart() {
    let connect = Kind::Called(SystemCall::named("connect").unwrap());
    let clause = Clause { families: Families::INTERNET, ..Clause::all_of([connect]) };
    let Some(mut watch) = wanted(vec![clause]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    std::os::unix::net::UnixStream::connect(&path).unwrap();
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let families: Vec<u16> = watch.own_calls().iter().map(|call| crate::watch::socket(call).family).collect();
    assert_eq!(families, [2]);
}

/// Names are hashed in the kernel and here, short and long ones in different ways.
#[test]
fn names_of_every_length_are_recognised() {
    let lengths = [1, 7, 8, 9, 31, 32, 33, 39, 40, 41, 48, 200, 255];
    let names: Vec<String> = lengths.iter().map(|length| "n".repeat(*length)).collect();
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().canonicalize().unwrap();
    let below: Vec<_> = names.iter().map(|name| at.join(name)).collect();
    for paths in [
        Paths::Some { below: vec![], named: names.clone() },
        Paths::Some { below: below.clone(), named: vec![] },
    ] {
        let Some(mut watch) = wanted(vec![Clause { paths, ..opens() }]) else { return };
        for path in &below {
            openat(CWD, path, OFlags::CREATE, Mode::RUSR).unwrap();
            openat(CWD, at.join("other"), OFlags::CREATE, Mode::RUSR).unwrap();
        }
        let seen: Vec<_> = watch.own_calls().iter().map(|call| file(call).path.clone()).collect();
        assert_eq!(seen, below);
    }
}
