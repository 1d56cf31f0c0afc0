//! A plan mends what it says, changes nothing else, keeps what was there, and lists what it does not mend.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]

#[path = "place/place.rs"]
mod place;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use place::{Tree, about};
use seawall_audit::{ApplyCause, apply, plan};
use seawall_finding::Outcome::{Fail, Pass};

const CONFIG: &str =
    "{\n  \"storage-driver\": \"overlay2\",\n  \"icc\": true,\n  \"x-ours\": [1, 2],\n  \"debug\": true\n}\n";

fn machine() -> Option<Tree> {
    if !Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n") {
        println!("skipped: only root may give files away");
        return None;
    }
    let tree = Tree::new()
        .file("etc/docker/daemon.json", CONFIG)
        .mode("etc/docker/daemon.json", 0o666)
        .owner("etc/docker/daemon.json", 1000, 1000)
        .file("lib/systemd/system/docker.service", "[Service]\nExecStart=/usr/bin/dockerd --userland-proxy\n")
        .file("proc/sys/kernel/osrelease", "6.1.0")
        .file("proc/sys/kernel/kptr_restrict", "0")
        .file("etc/sysctl.d/90-seawall.conf", "# mine\nnet.ipv4.ip_forward = 1\n");
    Some(tree)
}

#[test]
fn what_is_planned_is_mended() {
    let Some(tree) = machine() else { return };
    let audited = tree.audit();
    let plan = plan(&audited);
    let shown = plan.to_string();
    let expected = "@@ -1,6 +1,10 @@\n {\n   \"storage-driver\": \"overlay2\",\n-  \"icc\": true,\n+  \"icc\": false,\n   \"x-ours\": [1, 2],\n-  \"debug\": true\n+  \"no-new-privileges\": true,\n";
    assert!(shown.contains(expected), "{shown}");
    assert!(shown.contains("+kernel.kptr_restrict = 1"), "{shown}");
    assert!(shown.contains("+-w /etc/docker -p wa -k docker"), "{shown}");
    let why_not =
        |rule: &str| plan.not_fixed.iter().find(|it| it.rule == rule).map(|it| it.reason.clone()).unwrap();
    assert!(why_not("daemon-userland-proxy").contains("argument"), "{plan}");
    assert!(why_not("daemon-user-namespaces").contains("move"), "{plan}");
    // A plan changes nothing.
    assert_eq!(std::fs::read_to_string(tree.path("etc/docker/daemon.json")).unwrap(), CONFIG);
    let backups = tempfile::tempdir().unwrap();
    let applied = apply(&plan, &backups.path().join("made")).unwrap();
    assert!(applied.changed.iter().any(|path| path == "/etc/docker/daemon.json"));
    let backup = std::fs::read_to_string(applied.backups.first().unwrap()).unwrap();
    assert_eq!(backup, CONFIG);
    let sysctl = std::fs::read_to_string(tree.path("etc/sysctl.d/90-seawall.conf")).unwrap();
    assert_eq!(sysctl, "# mine\nnet.ipv4.ip_forward = 1\nkernel.kptr_restrict = 1\n");
    let mode = std::fs::metadata(tree.path("etc/docker/daemon.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o644);
    let again = tree.audit();
    for (rule, subject) in [
        ("daemon-bridge-traffic", "docker"),
        ("daemon-no-new-privileges", "docker"),
        ("daemon-live-restore", "docker"),
        ("daemon-log-level", "docker"),
        ("daemon-log-size", "docker"),
        ("daemon-default-ulimits", "docker"),
        ("mode-daemon-json", "docker"),
        ("owner-daemon-json", "docker"),
        ("audit-etc-docker", ""),
        ("audit-docker-service", ""),
    ] {
        assert_eq!(about(&audited, rule, subject), [Fail], "{rule} before");
        assert_eq!(about(&again, rule, subject), [Pass], "{rule} after");
    }
    // A second plan finds nothing to do but what the kernel has not loaded yet.
    let rest: Vec<String> = seawall_audit::plan(&again).edits.into_iter().map(|edit| edit.path).collect();
    assert_eq!(rest, ["/etc/sysctl.d/90-seawall.conf"]);
}

#[test]
fn what_has_changed_since_is_not_written_over() {
    let Some(tree) = machine() else { return };
    let plan = plan(&tree.audit());
    let theirs = "{\"icc\": true, \"labels\": [\"new\"]}";
    std::fs::write(tree.path("etc/docker/daemon.json"), theirs).unwrap();
    let backups = tempfile::tempdir().unwrap();
    let error = apply(&plan, backups.path()).unwrap_err();
    assert!(matches!(error.cause, ApplyCause::Changed), "{error:?}");
    assert_eq!(error.path, "/etc/docker/daemon.json");
    assert_eq!(std::fs::read_to_string(tree.path("etc/docker/daemon.json")).unwrap(), theirs);
    let left: Vec<_> = std::fs::read_dir(tree.path("etc/docker")).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary file stays");
}

/// A link in the place of the file leads out of the root: it is not followed, and the file behind it stays.
#[test]
fn no_link_is_written_through() {
    let Some(tree) = machine() else { return };
    let plan = plan(&tree.audit());
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("daemon.json");
    std::fs::write(&target, CONFIG).unwrap();
    std::fs::remove_file(tree.path("etc/docker/daemon.json")).unwrap();
    std::os::unix::fs::symlink(&target, tree.path("etc/docker/daemon.json")).unwrap();
    let backups = tempfile::tempdir().unwrap();
    assert!(apply(&plan, backups.path()).is_err());
    assert_eq!(std::fs::read_to_string(&target).unwrap(), CONFIG);
}

#[test]
fn a_file_that_is_no_json_is_left_alone() {
    let tree = Tree::new().file("etc/docker/daemon.json", "{ broken");
    let plan = plan(&tree.audit());
    assert!(plan.edits.iter().all(|edit| edit.path != "/etc/docker/daemon.json"), "{plan}");
}
