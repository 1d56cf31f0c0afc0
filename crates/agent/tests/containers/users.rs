//! Names of users by a container's own tables.

use std::path::Path;
use std::process::{Child, Command};

use seawall_agent::Users;

/// A process in a mount namespace of its own, with a root of its own.
struct Inside(Child, u32);

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn mount_namespace(pid: u32) -> u32 {
    use std::os::unix::fs::MetadataExt;
    let namespace = std::fs::metadata(format!("/proc/{pid}/ns/mnt")).unwrap();
    namespace.ino().try_into().unwrap()
}

/// `sleep` with the host's programs and the tables of `etc`; `None`, with a word, where that cannot be made.
fn start(etc: &Path) -> Option<Inside> {
    let script = format!(
        "mount -t tmpfs tmpfs /mnt && for d in bin sbin lib lib64 usr; do [ -e /$d ] && mkdir /mnt/$d && \
         mount --rbind /$d /mnt/$d; done; cp -a {} /mnt/etc && echo ready && exec chroot /mnt sleep 100",
        etc.display()
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation=private", "sh", "-c", &script]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().ok()?;
    let pid = child.id();
    let ready = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take()?)).next();
    if ready.is_none() {
        println!("skipped: no mount namespace can be made");
        return None;
    }
    // `chroot` has not happened yet when the shell says so.
    for _ in 0..1000 {
        if std::fs::read_link(format!("/proc/{pid}/root")).is_ok_and(|root| root == Path::new("/mnt")) {
            return Some(Inside(child, pid));
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    panic!("it does not enter its root");
}

#[test]
fn names_are_the_containers_own() {
    let etc = tempfile::tempdir().unwrap();
    let at = |name: &str| etc.path().join(name);
    std::fs::write(at("passwd"), "root:x:0:0::/:/sh\nweb:x:33:33::/srv:/false\nweb2:x:33:1:a:b:c\nbad\n")
        .unwrap();
    std::fs::write(at("group"), "www:x:33:web,other\n").unwrap();
    let Some(inside) = start(etc.path()) else { return };
    let pid = inside.1;
    let namespace = mount_namespace(pid);
    let mut users = Users::new(Path::new("/proc"));
    let user = users.user(pid, namespace, 33);
    let shown = [user.name, user.home, user.shell].map(Option::unwrap_or_default);
    assert_eq!((user.uid, shown.each_ref().map(String::as_str)), (33, ["web", "/srv", "/false"]));
    assert_eq!(users.group(pid, namespace, 33).name.as_deref(), Some("www"));
    assert_eq!(users.user(pid, namespace, 1000).name, None);
    // Another process's namespace is not taken for this one.
    assert_eq!(users.user(std::process::id(), namespace + 1, 0).name, None);
    assert_eq!(users.user(pid, 0, 33).name, None);
    // Of a process that has ended, what was read while another of its namespace lived.
    drop(inside);
    assert_eq!(users.user(pid, namespace, 33).name.as_deref(), Some("web"));
    assert_eq!(Users::new(Path::new("/proc")).user(pid, namespace, 33).name, None);
}

#[test]
fn no_link_leads_out_and_nothing_else_than_a_file_is_read() {
    for (name, make) in [
        ("a link to the host's", "ln -s /proc/1/root/etc/passwd passwd"),
        ("a link that climbs", "ln -s ../../../../../../etc/shadow passwd"),
        ("a circle", "ln -s passwd passwd"),
        ("a pipe", "mkfifo passwd"),
        ("a directory", "mkdir passwd"),
        ("a large file", "truncate --size=3M passwd"),
        ("no file", "true"),
    ] {
        let etc = tempfile::tempdir().unwrap();
        let made = Command::new("sh").args(["-c", make]).current_dir(etc.path()).status().unwrap();
        assert!(made.success());
        let Some(inside) = start(etc.path()) else { return };
        let mut users = Users::new(Path::new("/proc"));
        let user = users.user(inside.1, mount_namespace(inside.1), 0);
        assert_eq!(user.name, None, "{name}");
    }
}

#[test]
fn a_user_namespaces_numbers_are_its_own() {
    let proc_root = tempfile::tempdir().unwrap();
    let at = |name: &str| proc_root.path().join("7").join(name);
    std::fs::create_dir_all(at("root/etc")).unwrap();
    std::fs::create_dir_all(at("ns")).unwrap();
    std::fs::write(at("ns/mnt"), "").unwrap();
    std::fs::write(at("uid_map"), "         0     100000      65536\n").unwrap();
    std::fs::write(at("gid_map"), "0 200000 10\n").unwrap();
    std::fs::write(at("root/etc/passwd"), "root:x:0:0::/root:/bin/sh\nweb:x:33:33::/:/\n").unwrap();
    std::fs::write(at("root/etc/group"), "root:x:0:\n").unwrap();
    use std::os::unix::fs::MetadataExt;
    let inode = std::fs::metadata(at("ns/mnt")).unwrap().ino();
    // The number of a namespace has 32 bits, which an inode of a file may exceed.
    let Ok(namespace) = u32::try_from(inode) else {
        println!("skipped: inode numbers of temporary files are large");
        return;
    };
    let mut users = Users::new(proc_root.path());
    let name = |users: &mut Users, uid| users.user(7, namespace, uid).name;
    assert_eq!(name(&mut users, 100_000).as_deref(), Some("root"));
    assert_eq!(name(&mut users, 100_033).as_deref(), Some("web"));
    assert_eq!(name(&mut users, 0), None);
    assert_eq!(users.user(7, namespace, 100_033).uid, 100_033);
    assert_eq!(users.group(7, namespace, 200_000).name.as_deref(), Some("root"));
    assert_eq!(users.group(7, namespace, 200_010).name, None);
}
