//! What is left of layers, as Docker and containerd mount them: hostile and random layers are loaded into daemons of
//! our own, and the tree that overlayfs shows is compared with our squash, path by path.
//!
//! containerd takes layers that Docker refuses: those that name a path twice.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it skips"
)]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use seawall_image::{LayerWalk, Limits, Squash, walk_layer};
use seawall_inventory::{Content, Entry, EntryKind, Interest, Visitor};
use seawall_testkit::{Daemon, Image, Kind, Tar, output};

/// The tree of a container of these layers; an error where the engine does not take them. `number` is new every time:
/// nothing is removed in between, it all goes with the daemon.
fn tree(daemon: &Daemon, number: u32, layers: &[Vec<u8>]) -> Result<Tree, String> {
    let tag = format!("docker.io/library/squash:{number}");
    let mut image = Image::new().tag(&tag);
    for layer in layers {
        image = image.stored_layer(layer.clone(), seawall_testkit::Compression::Plain);
    }
    let archive = daemon.path("archive");
    std::fs::write(&archive, image.old_docker_archive()).unwrap();
    match daemon.kind {
        Kind::Docker | Kind::Podman => tree_of_docker(daemon, &archive, &tag),
        Kind::Containerd => tree_of_containerd(daemon, &archive, &tag, number),
    }
}

fn tree_of_docker(daemon: &Daemon, archive: &str, tag: &str) -> Result<Tree, String> {
    daemon.ask(&["load", "-q", "-i", archive])?;
    let container = daemon.ask(&["create", "--network=none", tag, "/x"])?;
    let export = daemon.ask(&["export", String::from_utf8_lossy(&container).trim()])?;
    let mut tree = exported(&export);
    // What Docker itself puts into a container.
    let is_own = |path: &str| {
        let top = path.split('/').next().unwrap();
        ["dev", "proc", "sys", "etc", ".dockerenv"].contains(&top)
    };
    tree.others.retain(|path, _| !is_own(path));
    tree.directories.retain(|path| !is_own(path));
    Ok(tree)
}

fn tree_of_containerd(daemon: &Daemon, archive: &str, tag: &str, number: u32) -> Result<Tree, String> {
    // The path is also the name of the snapshot that is mounted.
    let mounted = daemon.path(&format!("mounted-{}", number));
    std::fs::create_dir_all(&mounted).unwrap();
    daemon.ask(&["images", "import", archive])?;
    daemon.ask(&["images", "mount", tag, &mounted])?;
    let tar = output(Command::new("tar").args(["--format=ustar", "-C", &mounted, "-c", "."]));
    output(Command::new("umount").arg(&mounted)).unwrap();
    tar.map(|tar| exported(&tar))
}

/// Path → `file CONTENT`, `link TARGET` or `special`; and the directories.
#[derive(Debug, PartialEq, Eq, Default)]
struct Tree {
    others: BTreeMap<String, String>,
    directories: BTreeSet<String>,
}

/// Reads a plain tar with short names. Our reader is not used, because it is what is tested.
fn exported(tar: &[u8]) -> Tree {
    let mut tree = Tree::default();
    let mut rest = tar;
    let text =
        |field: &[u8]| String::from_utf8(field.split(|&byte| byte == 0).next().unwrap().to_vec()).unwrap();
    while let Some((header, after)) = rest.split_first_chunk::<512>() {
        if header[0] == 0 {
            break;
        }
        let path = text(&header[..100]).trim_start_matches("./").trim_matches('/').to_owned();
        let size = usize::from_str_radix(text(&header[124..136]).trim(), 8).unwrap();
        let link = text(&header[157..257]);
        let mut other = |what: String| tree.others.insert(path.clone(), what);
        match header[156] {
            b'0' => {
                other(format!("file {}", String::from_utf8_lossy(&after[..size])));
            }
            b'1' => {
                let first = tree.others[link.trim_start_matches("./").trim_start_matches('/')].clone();
                tree.others.insert(path, first);
            }
            b'2' => {
                other(format!("link {link}"));
            }
            // A whiteout of overlayfs: the only layer of an image is mounted without it.
            b'3' if header[329..345].iter().all(|byte| matches!(byte, 0 | b' ' | b'0')) => {}
            b'3' | b'4' | b'6' => {
                other("special".to_owned());
            }
            b'5' if !path.is_empty() => {
                tree.directories.insert(path);
            }
            b'5' | b'x' => {}
            flag => panic!("a member of type {flag}"),
        }
        rest = &after[size.next_multiple_of(512)..];
    }
    tree
}

/// The entries of one layer, the last of each path.
#[derive(Default)]
struct Log {
    others: RefCell<BTreeMap<String, String>>,
    directories: RefCell<BTreeSet<String>>,
}

impl Visitor for Log {
    fn interest(&self, entry: &Entry<'_>) -> Interest {
        // What is asked of a link's target is no entry; no file here has this size.
        if entry.kind == EntryKind::File && entry.size_bytes == 4096 {
            return Interest::No;
        }
        let mut others = self.others.borrow_mut();
        let what = match entry.kind {
            EntryKind::Directory => {
                self.directories.borrow_mut().insert(entry.path.to_owned());
                return Interest::No;
            }
            EntryKind::File => "file ".to_owned(),
            EntryKind::Symlink(target) => format!("link {target}"),
            EntryKind::Hardlink(target) => others.get(target).cloned().unwrap_or_default(),
            EntryKind::Special => "special".to_owned(),
        };
        others.insert(entry.path.to_owned(), what);
        Interest::Whole
    }

    fn visit(&mut self, entry: &Entry<'_>, content: &mut dyn Content) {
        let bytes = content.whole(1000).unwrap();
        let what = format!("file {}", String::from_utf8_lossy(bytes));
        self.others.borrow_mut().insert(entry.path.to_owned(), what);
    }
}

fn walked(tar: &[u8]) -> (Log, LayerWalk) {
    let mut log = Log::default();
    let walk = walk_layer(tar, None, &mut [&mut log], &Limits::default(), &|_| {});
    (log, walk)
}

fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

/// The tree by our squash. A shape can only be asked, so it is asked for the directories that the engine has.
fn ours(layers: &[Vec<u8>], expected: &Tree) -> Tree {
    let walks: Vec<(Log, LayerWalk)> = layers.iter().map(|layer| walked(layer)).collect();
    let squash = Squash::new(&walks.iter().map(|(_, walk)| &walk.shape).collect::<Vec<_>>());
    let mut tree = Tree::default();
    for (position, (log, walk)) in walks.iter().enumerate() {
        let others = log.others.borrow();
        for (path, what) in others.iter() {
            if walk.shape.has_file(path) && squash.survives(position, path) {
                tree.others.insert(path.clone(), what.clone());
            }
        }
        let explicit = log.directories.borrow();
        let implied = others.keys().chain(explicit.iter()).flat_map(|path| ancestors(path));
        let of_engine = expected.directories.iter().map(String::as_str);
        for path in explicit.iter().map(String::as_str).chain(implied).chain(of_engine) {
            if walk.shape.has_directory(path) && squash.directory_survives(position, path) {
                tree.directories.insert(path.to_owned());
            }
        }
        let links: BTreeMap<&str, &str> =
            walk.links.iter().map(|link| (link.path.as_str(), link.target.as_str())).collect();
        for (path, what) in others.iter().filter(|(path, _)| walk.shape.has_file(path)) {
            assert_eq!(what.strip_prefix("link "), links.get(path.as_str()).copied(), "{path}");
        }
    }
    tree
}

/// How a comparison ended.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Same,
    Refused(String),
}

fn check(daemon: &Daemon, number: u32, name: &str, layers: &[Vec<u8>]) -> Outcome {
    let expected = match tree(daemon, number, layers) {
        Ok(tree) => tree,
        Err(error) => return Outcome::Refused(error),
    };
    let found = ours(layers, &expected);
    let list = |tree: &Tree| -> BTreeSet<String> {
        let others = tree.others.iter().map(|(path, what)| format!("{path}: {what}"));
        others.chain(tree.directories.iter().map(|path| format!("{path}/"))).collect()
    };
    let (expected, found) = (list(&expected), list(&found));
    let missing: Vec<&String> = expected.difference(&found).collect();
    let surplus: Vec<&String> = found.difference(&expected).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "{name}: {:?} alone has {missing:?}, we alone {surplus:?}",
        daemon.kind
    );
    Outcome::Same
}

/// Layers by name.
fn cases() -> Vec<(&'static str, Vec<Tar>)> {
    let tar = Tar::new;
    let base =
        || Tar::new().directory("a").file("a/x", "1").file("a/y", "1").directory("a/b").file("a/b/z", "1");
    vec![
        ("whiteout of a file", vec![base(), tar().whiteout("a/x")]),
        ("whiteout of a directory", vec![base(), tar().whiteout("a")]),
        ("whiteout and back", vec![base(), tar().whiteout("a"), tar().file("a/new", "3")]),
        ("whiteout of what is not there", vec![base(), tar().whiteout("n/o")]),
        ("whiteout below a whiteout", vec![base(), tar().whiteout("a"), tar().whiteout("a/x")]),
        (
            "whiteout beside the same directory",
            vec![base(), tar().directory("a").whiteout("a/b").file("a/w", "2")],
        ),
        ("opaque, then files", vec![base(), tar().directory("a").opaque("a").file("a/new", "2")]),
        ("files, then opaque", vec![base(), tar().directory("a").file("a/new", "2").opaque("a")]),
        ("opaque without its directory", vec![base(), tar().opaque("a")]),
        ("opaque deep down", vec![base(), tar().opaque("a/b").file("a/b/new", "2")]),
        ("opaque and a lower part again", vec![base(), tar().opaque("a"), tar().file("a/b/z2", "3")]),
        ("opaque root", vec![base(), tar().file(".wh..wh..opq", "").file("new", "2")]),
        ("opaque where nothing was", vec![base(), tar().opaque("q").file("q/new", "2")]),
        ("file instead of a directory", vec![base(), tar().file("a", "2")]),
        ("and back", vec![base(), tar().file("a", "2"), tar().directory("a").file("a/new", "3")]),
        ("implied directory instead of a file", vec![tar().file("f", "1"), tar().file("f/x", "2")]),
        (
            "directory instead of a link",
            vec![
                tar().directory("t").file("t/x", "1").symlink("l", "t"),
                tar().directory("l").file("l/y", "2"),
            ],
        ),
        (
            "implied directory instead of a link",
            vec![tar().directory("t").file("t/x", "1").symlink("l", "t"), tar().file("l/y", "2")],
        ),
        (
            "whiteout below a link of a lower layer",
            vec![tar().directory("t").file("t/x", "1").symlink("l", "t"), tar().whiteout("l/x")],
        ),
        (
            "link instead of a directory",
            vec![base(), tar().symlink("a", "b"), tar().directory("b").file("b/x", "3")],
        ),
        ("special instead of a file", vec![base(), tar().fifo("a/x")]),
        (
            "link and file below it in one layer",
            vec![tar().directory("t").symlink("l", "t").file("l/x", "1")],
        ),
        (
            "links in the directories of a hard link",
            vec![
                tar()
                    .directory("t")
                    .symlink("l", "t")
                    .file("l/x", "1")
                    .hardlink("h", "l/x")
                    .hardlink("l/i", "t/x"),
            ],
        ),
        ("absolute link and file below it", vec![tar().directory("t").symlink("l", "/t").file("l/x", "1")]),
        (
            "link out of the root and file below it",
            vec![tar().symlink("l", "../../t").directory("t").file("l/x", "1")],
        ),
        ("link to a link", vec![tar().directory("t").symlink("m", "t").symlink("l", "m").file("l/x", "1")]),
        (
            "link in the middle",
            vec![
                tar()
                    .directory("t")
                    .directory("t/u")
                    .directory("d")
                    .symlink("d/l", "../t")
                    .file("d/l/u/x", "1"),
            ],
        ),
        ("link to nothing and file below it", vec![tar().symlink("l", "nowhere").file("l/x", "1")]),
        (
            "links in circles and file below them",
            vec![tar().symlink("l", "m").symlink("m", "l").file("l/x", "1")],
        ),
        (
            "link replaced by a directory in one layer",
            vec![tar().directory("t").symlink("l", "t").directory("l").file("l/x", "1")],
        ),
        (
            "file replaced by a directory in one layer",
            vec![tar().file("f", "1").directory("f").file("f/x", "2")],
        ),
        (
            "directory replaced by a file in one layer",
            vec![tar().directory("d").file("d/x", "1").file("d", "2")],
        ),
        (
            "directory replaced by a link in one layer",
            vec![tar().directory("t").directory("d").file("d/x", "1").symlink("d", "t").file("d/y", "2")],
        ),
        ("the same file twice", vec![base(), tar().file("a/x", "2").file("a/x", "3")]),
        ("the same link twice", vec![tar().symlink("l", "one").symlink("l", "two")]),
        ("hard links", vec![tar().file("f", "1").hardlink("g", "f").hardlink("h", "g")]),
        ("hard link, then its target again", vec![tar().file("f", "1").hardlink("g", "f").file("f", "2")]),
        (
            "hard link, then its target removed above",
            vec![tar().file("f", "1").hardlink("g", "f"), tar().whiteout("f")],
        ),
        (
            "hard link, then its target replaced above",
            vec![tar().file("f", "1").hardlink("g", "f"), tar().file("g", "2")],
        ),
        ("hard link to a link", vec![tar().symlink("l", "t").hardlink("h", "l")]),
        (
            "hard link over a file of a lower layer",
            vec![tar().file("g", "0"), tar().file("f", "1").hardlink("g", "f")],
        ),
        ("hard link to a lower layer", vec![tar().file("f", "1"), tar().hardlink("g", "f")]),
        ("hard link to nothing", vec![tar().hardlink("g", "f")]),
        ("names to be cleaned", vec![tar().file("./a//b/./c", "1").file("/d/e", "1").file("f/../g", "1")]),
        (
            "whiteouts with names to be cleaned",
            vec![base(), tar().file("./a/./.wh.x", "").file("/a/b/.wh.z", "")],
        ),
        ("names that lead out", vec![tar().file("../../x", "1")]),
        ("whiteout of a file of the same layer, file first", vec![tar().file("x", "1").whiteout("x")]),
        (
            "whiteout of a file of the same layer, whiteout first",
            vec![tar().file("x", "0"), tar().whiteout("x").file("x", "1")],
        ),
        (
            "whiteout of a directory of the same layer",
            vec![base(), tar().whiteout("a").directory("a").file("a/new", "2")],
        ),
        ("directory, then its whiteout", vec![base(), tar().directory("a").whiteout("a")]),
        (
            "whiteout, opaque, directory",
            vec![base(), tar().whiteout("a").opaque("a").directory("a").file("a/new", "2")],
        ),
        ("whiteout, opaque", vec![base(), tar().whiteout("a").opaque("a")]),
        ("opaque, then whiteout", vec![base(), tar().opaque("a").whiteout("a")]),
        ("whiteout, then file below", vec![base(), tar().whiteout("a").file("a/new", "2")]),
        (
            "link, then its whiteout, then a file below",
            vec![tar().symlink("l", "t").whiteout("l").file("l/x", "1")],
        ),
        (
            "directory, then its whiteout, then a directory",
            vec![tar().file("d/x", "1").whiteout("d").directory("d").file("d/y", "1")],
        ),
        (
            "file in a directory, a file, a directory",
            vec![
                tar().file("d/x", "1").file("d/y", "1"),
                tar().file("d/x", "2").file("d", "2").directory("d").file("d/z", "2"),
            ],
        ),
        (
            "link in a directory, a file, a directory",
            vec![
                tar().directory("d").symlink("d/l", "../t").file("d", "2").directory("d").file("d/l/x", "2"),
            ],
        ),
        ("whiteout, then link", vec![base(), tar().whiteout("a").symlink("a", "b")]),
        (
            "opaque root twice",
            vec![base(), tar().file(".wh..wh..opq", ""), tar().file("./.wh..wh..opq", "").whiteout("a/x")],
        ),
        ("whiteout that is a directory", vec![base(), tar().directory("a/.wh.x")]),
        ("whiteout that is a link", vec![base(), tar().symlink("a/.wh.x", "y")]),
        ("opaque that is a directory", vec![base(), tar().directory("a/.wh..wh..opq").file("a/n", "2")]),
        (
            "AUFS's own names",
            vec![
                base(),
                tar().directory(".wh..wh.plnk").file(".wh..wh.plnk/1.2", "p").file(".wh..wh.aufs", ""),
            ],
        ),
        ("whiteout of no name", vec![base(), tar().file("a/.wh.", "")]),
        ("whiteout of the directory itself", vec![base(), tar().file("a/.wh..", "")]),
        ("file below a whiteout's name", vec![base(), tar().file("a/.wh.x/y", "2")]),
        (
            "deep tree emptied and filled",
            vec![
                tar().file("p/q/r/s/t", "1"),
                tar().whiteout("p/q"),
                tar().directory("p/q/r").file("p/q/new", "3"),
                tar().opaque("p").file("p/q/r/s/u", "4"),
                tar().whiteout("p/q/r/s"),
                tar().file("p/q/r/s", "6"),
            ],
        ),
        ("an empty layer", vec![base(), tar(), tar().whiteout("a/x"), tar()]),
    ]
}

fn thought_of(kind: Kind) {
    let Some(daemon) = Daemon::start(kind) else { return };
    let mut failures = Vec::new();
    for (number, (name, layers)) in (0..).zip(cases()) {
        let layers: Vec<Vec<u8>> = layers.into_iter().map(Tar::finish).collect();
        let outcome =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(&daemon, number, name, &layers)));
        match outcome {
            Ok(Outcome::Refused(error)) => println!("{kind:?} refuses: {name}: {error}"),
            Ok(Outcome::Same) => {}
            Err(panic) => failures.push(panic.downcast_ref::<String>().cloned().unwrap_or_default()),
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn layers_that_somebody_thought_of_in_docker() {
    thought_of(Kind::Docker);
}

#[test]
fn layers_that_somebody_thought_of_in_containerd() {
    thought_of(Kind::Containerd);
}

/// Numbers that are the same in every run (Knuth's generator).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// A layer with few names, so that they meet; with what it is for people.
fn layer(kind_of_daemon: Kind, random: &mut Random) -> (Vec<u8>, String) {
    const NAMES: [&str; 12] =
        ["a", "b", "l", "a/a", "a/b", "a/l", "b/a", "l/a", "a/a/a", "a/l/b", "l/a/b", "b/a/a"];
    const TARGETS: [&str; 6] = ["a", "b", "/a", "../b", "a/a", "l"];
    let mut tar = Tar::new();
    let mut text = String::new();
    let mut used = BTreeSet::new();
    let mut files: Vec<&str> = Vec::new();
    for _ in 0..random.below(6) {
        let name = NAMES[random.below(12) as usize];
        // Docker refuses a path that comes twice, and a whiteout of what is in the same layer.
        let kind = random.below(12);
        let is_marker = (8..=9).contains(&kind);
        let is_twice = !used.insert(name) && kind_of_daemon == Kind::Docker;
        if is_twice || is_marker && used.iter().any(|other| other.starts_with(&format!("{name}/"))) {
            continue;
        }
        let target = match kind {
            11 if files.is_empty() => continue,
            11 => files[random.below(files.len() as u64) as usize],
            _ => TARGETS[random.below(6) as usize],
        };
        let (next, what) = match kind {
            0..=3 => {
                files.push(name);
                (tar.file(name, format!("{}", random.below(1000))), "file".to_owned())
            }
            4 | 5 => (tar.directory(name), "directory".to_owned()),
            6 | 7 => (tar.symlink(name, target), format!("link to {target} at")),
            8 | 9 => (tar.whiteout(name), "whiteout".to_owned()),
            10 => (tar.directory(name).opaque(name), "opaque".to_owned()),
            _ => (tar.hardlink(name, target), format!("hard link to {target} at")),
        };
        tar = next;
        text.push_str(&format!(" {what} {name},"));
    }
    (tar.finish(), text)
}

fn not_thought_of(kind: Kind) {
    let Some(daemon) = Daemon::start(kind) else { return };
    let rounds = std::env::var("SQUASH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let mut taken = 0;
    let mut random = Random(20_261_128);
    for round in 0..rounds {
        let layers: Vec<(Vec<u8>, String)> =
            (0..2 + random.below(3)).map(|_| layer(kind, &mut random)).collect();
        let name: String = layers.iter().map(|(_, text)| format!("[{text} ]")).collect();
        let layers: Vec<Vec<u8>> = layers.into_iter().map(|(tar, _)| tar).collect();
        match check(&daemon, round, &format!("{round}: {name}"), &layers) {
            Outcome::Same => taken += 1,
            Outcome::Refused(error) => println!("{kind:?} refuses {name}: {error}"),
        }
    }
    println!("{kind:?} takes {taken} of {rounds}");
}

#[test]
fn layers_that_nobody_thought_of_in_docker() {
    not_thought_of(Kind::Docker);
}

#[test]
fn layers_that_nobody_thought_of_in_containerd() {
    not_thought_of(Kind::Containerd);
}
