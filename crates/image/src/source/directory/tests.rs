use std::cell::RefCell;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicU64, Ordering};

use seawall_inventory::{Content, Entry, EntryKind, Interest};

use super::*;

/// Writes down what it is asked and shown.
#[derive(Default)]
struct Log {
    asked: RefCell<Vec<String>>,
    shown: Vec<String>,
}

impl Visitor for Log {
    fn interest(&self, entry: &Entry<'_>) -> Interest {
        let kind = match entry.kind {
            EntryKind::File => "f".to_owned(),
            EntryKind::Directory => "d".to_owned(),
            EntryKind::Symlink(target) => format!("l:{target}"),
            EntryKind::Hardlink(_) => "h".to_owned(),
            EntryKind::Special => "s".to_owned(),
        };
        self.asked.borrow_mut().push(format!("{} {kind}", entry.path));
        match entry.name() {
            name if name.starts_with("want") => Interest::Whole,
            name if name.starts_with("head") => Interest::Head(2),
            _ => Interest::No,
        }
    }

    fn visit(&mut self, entry: &Entry<'_>, content: &mut dyn Content) {
        let bytes = match content.whole(100) {
            Ok(bytes) => bytes.to_vec(),
            Err(_) => content.head(100).unwrap().to_vec(),
        };
        self.shown.push(format!("{} {}", entry.path, String::from_utf8_lossy(&bytes)));
    }
}

fn walked(root: &Path, limits: &Limits) -> (Log, LayerWalk) {
    let mut log = Log::default();
    let bytes = AtomicU64::new(0);
    let progress = |count| {
        bytes.fetch_add(count, Ordering::Relaxed);
    };
    let walk = walk_directory(root, &mut [&mut log], limits, &progress).unwrap();
    assert_eq!(walk.bytes, bytes.into_inner());
    (log, walk)
}

fn gaps(walk: &LayerWalk) -> String {
    walk.gaps.iter().map(|gap| format!("{:?} {gap}\n", gap.kind)).collect()
}

fn tree(paths: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, content) in paths {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    directory
}

#[test]
fn files_are_shown_in_the_order_of_names() {
    let root = tree(&[("b/want", "two"), ("a/head", "long"), ("b.c/x", ""), ("want", "one")]);
    symlink("/b/want", root.path().join("b/link")).unwrap();
    std::fs::hard_link(root.path().join("want"), root.path().join("want.again")).unwrap();
    let _socket = UnixListener::bind(root.path().join("a/socket")).unwrap();
    let (log, walk) = walked(root.path(), &Limits::default());
    let expected = [
        "a d",
        "a/head f",
        "a/socket s",
        "b d",
        "b/link l:/b/want",
        "b/want f",
        "b.c d",
        "b.c/x f",
        "want f",
        "want.again f",
    ];
    let asked = log.asked.borrow().clone();
    let first_asked: Vec<&str> =
        expected.into_iter().filter(|one| asked.iter().any(|two| one == two)).collect();
    assert_eq!(first_asked, expected);
    assert_eq!(log.shown, ["a/head lo", "b/want two", "want one", "want.again one"]);
    assert_eq!(walk.links.len(), 1);
    assert_eq!((walk.links[0].path.as_str(), walk.links[0].target.as_str()), ("b/link", "/b/want"));
    assert_eq!((walk.files, walk.bytes), (7, 4 + 3 + 3 + 3));
    assert!(walk.shape.has_file("b/want") && walk.shape.has_directory("b"));
    assert_eq!(gaps(&walk), "");
}

#[test]
fn links_lead_nowhere_on_the_host() {
    let outside = tree(&[("secret", "secret")]);
    let root = tree(&[("real/file", "inside")]);
    symlink(outside.path(), root.path().join("out")).unwrap();
    symlink("..", root.path().join("real/up")).unwrap();
    symlink("/real/file", root.path().join("want.link")).unwrap();
    symlink(outside.path().join("secret"), root.path().join("want.out")).unwrap();
    let (log, walk) = walked(root.path(), &Limits::default());
    assert_eq!(log.shown, [""; 0]);
    let aliases: Vec<&str> = walk.aliases.iter().map(|alias| alias.path.as_str()).collect();
    assert_eq!(aliases, ["want.link", "want.out"]);

    let outside = outside.path().join("secret").display().to_string();
    let wanted: Wanted = [
        ("real/file".to_owned(), vec!["want.link".to_owned()]),
        (outside.trim_start_matches('/').to_owned(), vec!["want.out".to_owned()]),
        ("out/secret".to_owned(), vec!["want.a".to_owned()]),
        ("real".to_owned(), vec!["want.b".to_owned()]),
        ("../../etc/passwd".to_owned(), vec!["want.c".to_owned()]),
    ]
    .into();
    let mut log = Log::default();
    let walk = walk_directory_only(root.path(), &wanted, &mut [&mut log], &Limits::default()).unwrap();
    assert_eq!(log.shown, ["want.link inside"]);
    assert_eq!(gaps(&walk), "");
}

#[test]
fn whiteouts_mean_nothing_in_a_directory() {
    let root = tree(&[("a/.wh.want", "x"), ("a/want", "y"), ("a/.wh..wh..opq", "")]);
    let (log, walk) = walked(root.path(), &Limits::default());
    assert_eq!(log.shown, ["a/want y"]);
    assert_eq!(walk.files, 3);
}

#[test]
fn limits_are_gaps() {
    let check = |paths: &[(&str, &str)], limits: Limits, expected: &str, shown: &[&str]| {
        let root = tree(paths);
        let (log, walk) = walked(root.path(), &limits);
        assert!(gaps(&walk).contains(expected), "`{}` lacks `{expected}`", gaps(&walk));
        assert_eq!(log.shown, shown);
    };
    let limits = || Limits::default();
    check(
        &[("a/b/c/want", ""), ("z/want", "")],
        Limits { depth_max: 3, ..limits() },
        "Limit /a/b/c: it is nested more than 3 levels deep",
        &["z/want "],
    );
    check(
        &[("a/1", ""), ("a/2", ""), ("a/3", ""), ("b/4", "")],
        Limits { entries_max: 3, ..limits() },
        "it has more than 3 entries; the rest was not looked at",
        &[],
    );
    check(
        &[("a/1", ""), ("a/2", ""), ("a/3", ""), ("want", "")],
        Limits { directory_entries_max: 2, ..limits() },
        "Limit /a: it has more than 2 entries",
        &["want "],
    );
    check(
        &[("aaaa/bbbb/want", ""), ("want", "")],
        Limits { name_bytes_max: 10, ..limits() },
        "Limit /aaaa/bbbb: the path is longer than 10 bytes",
        &["want "],
    );
    assert!(walk_directory(Path::new("/nonexistent"), &mut [], &limits(), &|_| {}).is_err());
    assert!(walk_directory(Path::new("/etc/passwd"), &mut [], &limits(), &|_| {}).is_err());
}

#[test]
fn names_that_are_no_text() {
    use std::os::unix::ffi::OsStrExt;
    let root = tree(&[]);
    std::fs::write(root.path().join(std::ffi::OsStr::from_bytes(b"want\xff")), "x").unwrap();
    let (log, _) = walked(root.path(), &Limits::default());
    assert_eq!(log.shown, ["want\\xFF x"]);
}

#[test]
fn what_cannot_be_read_is_a_gap() {
    if is_root() {
        println!("skipped: root may read everything");
        return;
    }
    let root = tree(&[("a/want", ""), ("b/want", ""), ("want", "x")]);
    let mode = |path: &str, mode| {
        std::fs::set_permissions(root.path().join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("a", 0);
    mode("b/want", 0);
    let (log, walk) = walked(root.path(), &Limits::default());
    mode("a", 0o755);
    assert_eq!(log.shown, ["want x"]);
    let gaps = gaps(&walk);
    assert!(gaps.contains("Unreadable /a: it cannot be read: Permission denied"), "{gaps}");
    assert!(gaps.contains("Unreadable /b/want: it cannot be opened: Permission denied"), "{gaps}");
}

#[test]
fn this_machine_without_its_pseudo_file_systems() {
    let limits = Limits { entries_max: 20_000, gaps_max: 100_000, ..Limits::default() };
    let (log, walk) = walked(Path::new("/"), &limits);
    let asked = log.asked.borrow();
    let pseudo: Vec<&String> =
        asked.iter().filter(|line| line.starts_with("proc/") || line.starts_with("sys/")).take(5).collect();
    assert!(pseudo.is_empty(), "{pseudo:?}");
    // How far the walk comes depends on what the machine has before `etc` and `proc`.
    let is_cut = walk.gaps.iter().any(|gap| gap.kind == GapKind::Limit);
    assert!(is_cut || asked.iter().any(|line| line.starts_with("etc/")));
    assert!(is_cut || gaps(&walk).contains("/proc (proc)"), "{}", gaps(&walk));
}

fn is_root() -> bool {
    // A directory in /proc belongs to whoever runs the process.
    rustix::fs::stat("/proc/self").is_ok_and(|stat| stat.st_uid == 0)
}

/// Mounted for the time of a test.
struct Mounted(std::path::PathBuf);

impl Mounted {
    /// `None`, with a word, where nothing can be mounted.
    fn new(arguments: &[&str], at: std::path::PathBuf) -> Option<Mounted> {
        std::fs::create_dir_all(&at).unwrap();
        let output = std::process::Command::new("mount").args(arguments).arg(&at).output().ok()?;
        if !output.status.success() {
            println!("skipped: {}", String::from_utf8_lossy(&output.stderr));
            return None;
        }
        Some(Mounted(at))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn mounts_below_the_root() {
    let root = tree(&[("a/want", "x"), ("lower/want", "y"), ("upper/x", ""), ("work/x", "")]);
    let at = |name: &str| root.path().join(name);
    let text = |name: &str| at(name).display().to_string();
    let Some(_memory) = Mounted::new(&["-t", "tmpfs", "none"], at("memory")) else { return };
    std::fs::write(at("memory/want"), "m").unwrap();
    let Some(_proc) = Mounted::new(&["-t", "proc", "none"], at("proc")) else { return };
    let layers = format!("lowerdir={}", [text("lower"), text("upper")].join(":"));
    let Some(_overlay) = Mounted::new(&["-t", "overlay", "-o", &layers, "none"], at("merged")) else {
        return;
    };
    let Some(_loop) = Mounted::new(&["--bind", &text("")], at("a/loop")) else { return };
    let (log, walk) = walked(root.path(), &Limits::default());
    // Another file system with files is walked, memory is not, and the root inside the root is left out.
    assert_eq!(log.shown, ["a/want x", "lower/want y", "merged/want y"]);
    let gaps = gaps(&walk);
    assert!(gaps.contains("/memory (tmpfs), /proc (proc)"), "{gaps}");
    assert!(gaps.contains("Malformed /a/loop"), "{gaps}");
    // What is named is walked, whatever it is.
    let (log, _) = walked(&at("memory"), &Limits::default());
    assert_eq!(log.shown, ["want m"]);
}
