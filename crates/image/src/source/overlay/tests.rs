use std::os::unix::fs::{PermissionsExt, symlink};

use rustix::fs::{CWD, FileType, Mode, XattrFlags, makedev, mknodat, setxattr};

use super::*;

/// The members of a directory's tar, one a line, as `tar -t` in short.
fn listing(directory: &Path, form: Form) -> String {
    let mut bytes = Vec::new();
    if let Err(error) = LayerTar::open(directory, form).and_then(|mut tar| tar.read_to_end(&mut bytes)) {
        return format!("error: {error}");
    }
    assert_eq!(bytes.len() % 512, 0);
    let archive = directory.with_extension("tar");
    std::fs::write(&archive, &bytes).unwrap();
    let output = std::process::Command::new("tar").arg("-tvf").arg(&archive).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let short = text.lines().map(|line| {
        let mut words = line.split_whitespace();
        let (mode, _, size) = (words.next().unwrap(), words.next(), words.next().unwrap());
        let name = words.skip(2).collect::<Vec<_>>().join(" ");
        format!("{mode} {size} {name}\n")
    });
    short.collect()
}

fn check(make: impl Fn(&Path), form: Form, expected: &str) {
    let parent = tempfile::tempdir().unwrap();
    let layer = parent.path().join("diff");
    std::fs::create_dir(&layer).unwrap();
    make(&layer);
    assert_eq!(listing(&layer, form), expected);
}

#[test]
fn files_links_and_names_of_any_length() {
    let long = "n".repeat(200);
    let make = |root: &Path| {
        std::fs::create_dir(root.join("a")).unwrap();
        std::fs::write(root.join("a/one"), vec![b'1'; 1000]).unwrap();
        std::fs::hard_link(root.join("a/one"), root.join("a/two")).unwrap();
        std::fs::set_permissions(root.join("a/one"), std::fs::Permissions::from_mode(0o4755)).unwrap();
        symlink("../../etc/shadow", root.join("a/z")).unwrap();
        symlink("l".repeat(150), root.join(format!("{long}l"))).unwrap();
        std::fs::write(root.join(&long), "x").unwrap();
    };
    let expected = format!(
        "drwxr-xr-x 0 a\n-rwsr-xr-x 1000 a/one\nhrwsr-xr-x 0 a/two link to a/one\n\
         lrwxrwxrwx 0 a/z -> ../../etc/shadow\n-rw-r--r-- 1 {long}\nlrwxrwxrwx 0 {long}l -> {}\n",
        "l".repeat(150)
    );
    check(make, Form::Privileged, &expected);
}

/// Whether this process may do what only root may; says so when not.
fn is_root() -> bool {
    let is_root = is_all_visible();
    if !is_root {
        println!("skipped: making whiteouts takes CAP_SYS_ADMIN");
    }
    is_root
}

fn whiteouts(root: &Path) {
    std::fs::create_dir(root.join("d")).unwrap();
    std::fs::write(root.join("d/.wh.fake"), "hidden").unwrap();
    mknodat(CWD, root.join("d/gone"), FileType::CharacterDevice, Mode::empty(), makedev(0, 0)).unwrap();
    mknodat(CWD, root.join("d/null"), FileType::CharacterDevice, Mode::empty(), makedev(1, 3)).unwrap();
    mknodat(CWD, root.join("d/pipe"), FileType::Fifo, Mode::empty(), 0).unwrap();
    for (name, attribute) in [("t", "trusted.overlay.opaque"), ("u", "user.overlay.opaque")] {
        std::fs::create_dir(root.join(name)).unwrap();
        // A temporary file system may refuse the attributes of users.
        let set = setxattr(root.join(name), attribute, b"y", XattrFlags::empty());
        assert!(set.is_ok() || name == "u", "{set:?}");
    }
}

#[test]
fn whiteouts_of_the_kernel_and_none_of_the_containers_making() {
    if is_root() {
        let expected = "drwxr-xr-x 0 d\n-rw-r--r-- 6 d/\\\\x2ewh.fake\n---------- 0 d/.wh.gone\n\
                        c--------- 0,0 d/null\np--------- 0 d/pipe\n\
                        drwxr-xr-x 0 t\n---------- 0 t/.wh..wh..opq\ndrwxr-xr-x 0 u\n";
        check(whiteouts, Form::Privileged, expected);
    }
}

#[test]
fn whiteouts_of_a_rootless_engine() {
    if is_root() {
        let expected = "drwxr-xr-x 0 d\n-rw-r--r-- 6 d/.wh.fake\n---------- 0 d/.wh.gone\n\
                        c--------- 0,0 d/null\np--------- 0 d/pipe\n\
                        drwxr-xr-x 0 t\ndrwxr-xr-x 0 u\n---------- 0 u/.wh..wh..opq\n";
        check(whiteouts, Form::Rootless, expected);
    }
}

#[test]
fn what_overlayfs_keeps_elsewhere_is_told() {
    if is_root() {
        let redirected = |root: &Path| {
            std::fs::create_dir(root.join("a")).unwrap();
            setxattr(root.join("a"), "trusted.overlay.redirect", b"/old/name", XattrFlags::empty()).unwrap();
        };
        check(
            redirected,
            Form::Privileged,
            "error: /a: the directory was renamed by overlayfs (redirect_dir), so its content lies elsewhere",
        );
        let metacopy = |root: &Path| {
            std::fs::write(root.join("a"), "").unwrap();
            setxattr(root.join("a"), "trusted.overlay.metacopy", b"", XattrFlags::empty()).unwrap();
        };
        check(
            metacopy,
            Form::Privileged,
            "error: /a: the file has metadata only (metacopy); its content lies elsewhere",
        );
    }
}

#[test]
fn trees_without_bottom_end() {
    let deep = |root: &Path| {
        let path = (0..300).fold(root.to_path_buf(), |path, _| path.join("d"));
        std::fs::create_dir_all(path).unwrap();
    };
    let parent = tempfile::tempdir().unwrap();
    deep(parent.path());
    assert!(listing(parent.path(), Form::Privileged).ends_with("it is nested too deeply"));
}

#[test]
fn a_fingerprint_follows_every_change() {
    let root = tempfile::tempdir().unwrap();
    let fingerprint = || fingerprint(root.path(), Form::Privileged).unwrap();
    let empty = fingerprint();
    std::fs::write(root.path().join("a"), "1").unwrap();
    let one = fingerprint();
    assert_ne!(one, empty);
    assert_eq!(one, fingerprint());
    // The clock behind the time of change ticks every few milliseconds.
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::fs::write(root.path().join("a"), "2").unwrap();
    assert_ne!(fingerprint(), one);
}

#[test]
fn a_file_that_shrinks_is_filled_up() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a");
    std::fs::write(&path, vec![b'x'; 5000]).unwrap();
    let mut tar = LayerTar::open(root.path(), Form::Privileged).unwrap();
    let mut bytes = vec![0; 512];
    tar.read_exact(&mut bytes).unwrap();
    std::fs::write(&path, b"").unwrap();
    tar.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len(), 512 + 5120 + 1024);
}
