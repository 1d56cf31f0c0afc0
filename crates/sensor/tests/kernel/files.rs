//! Files are named as the kernel has them, whatever the caller said.

use std::ffi::CString;
use std::fs;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use io_uring::{IoUring, opcode, types};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::mount::{MountFlags, UnmountFlags};
use seawall_sensor::{Action, Call, Kind, Object};

use crate::watch::{Watch, file};

#[test]
fn relative_names_links_and_renames_lead_to_the_true_path() {
    let Some(mut watch) = Watch::calls(&["open", "openat", "rename", "renameat", "renameat2"]) else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().canonicalize().unwrap();
    fs::create_dir_all(at.join("a/b")).unwrap();
    fs::write(at.join("a/b/true"), "x").unwrap();
    symlink(at.join("a"), at.join("link")).unwrap();
    let descriptor = openat(CWD, at.join("a"), OFlags::DIRECTORY, Mode::empty()).unwrap();
    watch.events();

    openat(&descriptor, "b/../b/true", OFlags::RDONLY, Mode::empty()).unwrap();
    openat(CWD, at.join("link/b/true"), OFlags::RDONLY, Mode::empty()).unwrap();
    rustix::fs::renameat(&descriptor, "b", &descriptor, "c").unwrap();
    openat(CWD, at.join("link/c/true"), OFlags::RDONLY, Mode::empty()).unwrap();

    let calls = watch.own_calls();
    assert_eq!(calls.len(), 4, "{calls:?}");
    assert_eq!(file(&calls[0]).path, at.join("a/b/true"));
    assert_eq!(calls[0].names[0].directory.as_deref(), Some(at.join("a").as_path()));
    assert_eq!(calls[0].names[0].name, Path::new("b/../b/true"));
    assert_eq!(file(&calls[1]).path, at.join("a/b/true"));
    assert_eq!(calls[2].names[0].path(), at.join("a/b"));
    assert_eq!(calls[2].names[1].path(), at.join("a/c"));
    assert_eq!(file(&calls[3]).path, at.join("a/c/true"));
}

#[test]
fn a_new_working_directory_is_the_kernels() {
    let Some(mut watch) = Watch::calls(&["chdir"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().canonicalize().unwrap();
    fs::create_dir(at.join("true")).unwrap();
    symlink(at.join("true"), at.join("link")).unwrap();
    let script = format!("cd {}", at.join("link").display());
    std::process::Command::new("sh").args(["-c", &script]).status().unwrap();
    let calls = watch.events().into_iter().filter_map(|event| match event.action {
        Action::Called(call) if event.caller.command == "sh" => Some(call),
        _ => None,
    });
    let calls: Vec<_> = calls.filter(|call| call.names[0].name == at.join("link")).collect();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].names[0].directory.as_deref(), Some(at.join("true").as_path()));
}

#[test]
fn openat2_tells_access_and_creation() {
    let Some(mut watch) = Watch::calls(&["openat2"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().canonicalize().unwrap();
    let flags = OFlags::WRONLY | OFlags::CREATE;
    let opened = openat2(CWD, at.join("new"), flags, Mode::RUSR, ResolveFlags::NO_SYMLINKS).unwrap();
    openat2(CWD, at.join("new"), OFlags::RDONLY, Mode::empty(), ResolveFlags::empty()).unwrap();
    openat2(CWD, at.join("none"), OFlags::RDONLY, Mode::empty(), ResolveFlags::empty()).unwrap_err();

    let calls = watch.own_calls();
    let [made, read, failed] = calls.as_slice() else { panic!("{calls:?}") };
    // The library adds O_LARGEFILE.
    assert_eq!(made.arguments[2] & !0o100_000, u64::from(flags.bits()));
    assert_eq!(made.arguments[3..5], [0o400, 4]);
    let (made, read) = (file(made), file(read));
    assert_eq!((made.is_written, made.is_created, made.is_read), (true, true, false));
    assert_eq!((read.is_written, read.is_created, read.is_read), (false, false, true));
    assert_eq!(made.inode, rustix::fs::fstat(&opened).unwrap().st_ino);
    assert_eq!(made.changed_ns, nanoseconds_of_change(&at.join("new")));
    assert_eq!((failed.result, &failed.object), (-2, &None));
    assert_eq!(failed.names[0].path(), at.join("none"));
}

fn nanoseconds_of_change(path: &Path) -> i64 {
    let found = fs::metadata(path).unwrap();
    found.ctime() * 1_000_000_000 + found.ctime_nsec()
}

#[test]
fn deep_long_and_strange_names_survive() {
    let Some(mut watch) = Watch::calls(&["openat"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let mut at = directory.path().canonicalize().unwrap();
    at.push("x\u{1b}[31m\n".to_owned() + &"n".repeat(240));
    (0..50).for_each(|level| at.push(format!("level {level}")));
    fs::create_dir_all(&at).unwrap();
    let shallow = at.join("leaf");
    fs::write(&shallow, "").unwrap();
    watch.events();
    openat(CWD, &shallow, OFlags::RDONLY, Mode::empty()).unwrap();
    (50..80).for_each(|level| at.push(format!("level {level}")));
    fs::create_dir_all(&at).unwrap();
    openat(CWD, at.as_path(), OFlags::DIRECTORY, Mode::empty()).unwrap();

    let calls = watch.own_calls();
    assert_eq!(file(&calls[0]).path, shallow);
    let cut = file(calls.last().unwrap());
    assert!(cut.is_path_cut && !cut.path.is_absolute());
    assert!(at.ends_with(&cut.path), "{cut:?}");
}

#[test]
fn a_name_that_changes_during_the_call_deceives_nobody() {
    let Some(mut watch) = Watch::calls(&["openat"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().canonicalize().unwrap();
    fs::write(at.join("a"), "").unwrap();
    fs::write(at.join("b"), "").unwrap();
    let name = CString::new(at.join("a").to_str().unwrap()).unwrap().into_bytes_with_nul();
    let name: Vec<AtomicU8> = name.into_iter().map(AtomicU8::new).collect();
    let last = name.len() - 2;
    let (stop, mut opened, mut calls) = (AtomicBool::new(false), Vec::new(), Vec::new());
    watch.events();

    let is_lie = |call: &Call| file(call).path != call.names[0].path();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for letter in b"ab".iter().cycle() {
                name[last].store(*letter, Ordering::Relaxed);
                (0..200).for_each(|_| std::hint::spin_loop());
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        // Until a name was caught changing, which takes both cores.
        for _ in 0..200 {
            opened.extend((0..500).map(|_| inode_opened(&name)));
            calls.extend(watch.own_calls());
            if calls.iter().any(is_lie) {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
    });

    assert!(calls.iter().any(is_lie), "no name changed in {} calls", calls.len());
    let seen: Vec<u64> = calls.iter().map(|call| file(call).inode).collect();
    assert_eq!(seen, opened);
    let inodes = ["a", "b"].map(|name| fs::metadata(at.join(name)).unwrap().ino());
    for call in &calls {
        let expected = if file(call).inode == inodes[0] { "a" } else { "b" };
        assert_eq!(file(call).path, at.join(expected));
    }
}

/// Opens by a name that another thread changes, and says which inode that gave.
#[expect(unsafe_code, reason = "no safe call lets the name change while it runs")]
fn inode_opened(name: &[AtomicU8]) -> u64 {
    // SAFETY: the bytes live, end with a zero byte that nobody changes, and the kernel copies them.
    let descriptor = unsafe { libc::openat(libc::AT_FDCWD, name.as_ptr().cast(), libc::O_RDONLY) };
    // SAFETY: the descriptor was just opened and is nobody else's.
    let file = unsafe { fs::File::from_raw_fd(descriptor) };
    file.metadata().unwrap().ino()
}

#[test]
fn io_uring_is_not_a_way_around() {
    let Some(mut watch) = Watch::of([Kind::Submitted]) else { return };
    if watch.sensor.unavailable().count() > 0 {
        return eprintln!("skipped: this kernel does not tell io_uring requests");
    }
    let Ok(mut ring) = IoUring::new(4) else { return eprintln!("skipped: io_uring is not allowed") };
    let held = fs::File::open("/etc/hostname").unwrap();
    let mut buffer = [0; 16];
    let name = CString::new("/etc/passwd").unwrap();
    let entries = [
        opcode::OpenAt::new(types::Fd(libc::AT_FDCWD), name.as_ptr()).build(),
        opcode::Read::new(types::Fd(held.as_raw_fd()), buffer.as_mut_ptr(), 16).build(),
    ];
    for entry in &entries {
        // SAFETY: name and buffer outlive the two completions that are waited for.
        #[expect(unsafe_code, reason = "the ring holds raw pointers")]
        unsafe { ring.submission().push(entry) }.unwrap();
    }
    ring.submit_and_wait(2).unwrap();

    let requests: Vec<_> = watch
        .events()
        .into_iter()
        .filter(|event| event.caller.process == std::process::id())
        .filter_map(|event| match event.action {
            Action::Submitted { operation, object } => Some((operation, object)),
            _ => None,
        })
        .collect();
    let operations: Vec<u8> = requests.iter().map(|(operation, _)| *operation).collect();
    assert_eq!(operations, [18, 22], "IORING_OP_OPENAT, IORING_OP_READ");
}

#[test]
fn memfds_and_pipes_have_no_path() {
    let Some(mut watch) = Watch::calls(&["memfd_create", "dup", "fchmod"]) else { return };
    let memory = rustix::fs::memfd_create("payload", rustix::fs::MemfdFlags::empty()).unwrap();
    let (pipe, _other) = std::io::pipe().unwrap();
    rustix::io::dup(&pipe).unwrap();
    rustix::fs::fchmod(&memory, Mode::RWXU).unwrap();

    let calls = watch.own_calls();
    let [made, copied, changed] = calls.as_slice() else { panic!("{calls:?}") };
    assert!(file(made).is_memfd() && file(changed).is_memfd());
    assert_eq!(file(made).path, Path::new("memfd:payload"));
    assert_eq!(made.names[0].name, Path::new("payload"));
    assert_eq!(file(copied).path, Path::new(""));
    assert_eq!(file(copied).mode & libc::S_IFMT, libc::S_IFIFO);
}

#[test]
fn the_upper_layer_of_an_overlay_is_told_from_the_lower() {
    let Some(mut watch) = Watch::calls(&["openat"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().canonicalize().unwrap();
    let [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map(|name| at.join(name));
    for part in [&lower, &upper, &work, &merged] {
        fs::create_dir(part).unwrap();
    }
    fs::write(lower.join("shipped"), "").unwrap();
    fs::write(lower.join("changed"), "").unwrap();
    let options =
        format!("lowerdir={},upperdir={},workdir={}", lower.display(), upper.display(), work.display());
    let options = CString::new(options).unwrap();
    if let Err(error) = rustix::mount::mount("overlay", &merged, "overlay", MountFlags::empty(), &*options) {
        return eprintln!("skipped: no overlay here: {error}");
    }
    fs::write(merged.join("changed"), "now").unwrap();
    fs::write(merged.join("dropped"), "").unwrap();
    watch.events();
    for name in ["shipped", "changed", "dropped"] {
        openat(CWD, merged.join(name), OFlags::RDONLY, Mode::empty()).unwrap();
    }
    let calls = watch.own_calls();
    rustix::mount::unmount(&merged, UnmountFlags::empty()).unwrap();

    let seen: Vec<_> = calls
        .iter()
        .map(|call| (file(call).path.clone(), file(call).is_on_overlay, file(call).is_in_upper_layer))
        .collect();
    let expected = [("shipped", false), ("changed", true), ("dropped", true)]
        .map(|(name, is_upper)| (merged.join(name), true, is_upper));
    assert_eq!(seen, expected);
}

#[test]
fn descriptors_are_resolved_when_they_are_used() {
    let Some(mut watch) = Watch::calls(&["fchmod", "dup"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap().join("file");
    let opened = fs::File::create(&path).unwrap();
    rustix::fs::fchmod(&opened, Mode::RWXU).unwrap();
    fs::remove_file(&path).unwrap();
    rustix::io::dup(&opened).unwrap();

    let calls = watch.own_calls();
    let [changed, copied] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((&file(changed).path, file(changed).is_deleted), (&path, false));
    assert_eq!((&file(copied).path, file(copied).is_deleted), (&path, true));
    assert!(matches!(changed.object, Some(Object::File(_))));
}
