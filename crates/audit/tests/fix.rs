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

/// An apply that was killed leaves a temporary file; the next one must not stumble over it, nor write through a link.
#[test]
fn what_a_killed_apply_left_is_no_obstacle() {
    let Some(tree) = machine() else { return };
    let left = tree.path("etc/docker/.daemon.json.seawall");
    std::fs::write(&left, "half of").unwrap();
    let backups = tempfile::tempdir().unwrap();
    apply(&plan(&tree.audit()), backups.path()).unwrap();
    assert!(!left.exists());
    let config = std::fs::read_to_string(tree.path("etc/docker/daemon.json")).unwrap();
    assert!(config.contains("\"icc\": false") && !config.contains("half of"), "{config}");
    let Some(tree) = machine() else { return };
    let outside = tree.path("outside");
    std::fs::write(&outside, "kept").unwrap();
    std::os::unix::fs::symlink(&outside, tree.path("etc/docker/.daemon.json.seawall")).unwrap();
    let failed = apply(&plan(&tree.audit()), backups.path()).unwrap_err();
    assert!(failed.to_string().contains("daemon.json"), "{failed}");
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "kept");
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
    let [failed] = error.failed.as_slice() else { panic!("{error:?}") };
    assert!(matches!(failed.cause, ApplyCause::Changed), "{error:?}");
    assert_eq!(failed.path, "/etc/docker/daemon.json");
    // One bad file keeps no other from being changed.
    let sysctl = std::fs::read_to_string(tree.path("etc/sysctl.d/90-seawall.conf")).unwrap();
    assert!(sysctl.contains("kptr_restrict"), "{sysctl}");
    assert!(error.applied.changed.iter().any(|path| path == "/etc/sysctl.d/90-seawall.conf"), "{error}");
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

/// Arguments of a process that pretends to be the daemon, which lead to files of the system.
const LURE: [&str; 5] = [
    "dockerd",
    "--config-file=/etc/nologin",
    "--tlskey=/usr/bin/env",
    "--tlscert=/etc/docker/c.pem",
    "--icc=true",
];

fn lured(program: &str, uid: u32) -> Option<Tree> {
    let tree = machine()?
        .file("usr/bin/env", "x")
        .mode("usr/bin/env", 0o755)
        .file("etc/docker/c.pem", "x")
        .mode("etc/docker/c.pem", 0o666)
        .file(program, "x")
        .mode(program, 0o755)
        .owner(program, uid, uid)
        .process(7, &format!("/{program}"), &LURE)
        .file("proc/7/status", &format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n"));
    Some(tree)
}

#[test]
fn nobody_but_root_steers_the_plan() {
    let Some(tree) = lured("home/eve/dockerd", 1000) else { return };
    let plan = plan(&tree.audit());
    assert!(plan.edits.iter().all(|edit| !edit.path.contains("nologin")), "{plan}");
    let lures = ["/usr/bin/env", "/etc/docker/c.pem", "/etc/nologin"];
    assert!(plan.permissions.iter().all(|it| !lures.contains(&it.path.as_str())), "{plan}");
    let left = plan.not_fixed.iter().find(|it| it.rule == "mode-tls-key" && it.subject == "/usr/bin/env");
    assert!(left.is_some_and(|it| it.reason.contains("user 1000")), "{plan}");
    // Beside root's own daemon it gets no hold of that one's file either.
    let tree = tree.file("usr/bin/dockerd", "x").mode("usr/bin/dockerd", 0o755);
    let tree = tree.process(9, "/usr/bin/dockerd", &["dockerd"]);
    let audited = tree.audit();
    let plan = seawall_audit::plan(&audited);
    assert!(plan.edits.iter().any(|edit| edit.path == "/etc/docker/daemon.json"), "{plan}");
    assert!(plan.edits.iter().all(|edit| !edit.path.contains("nologin")), "{plan}");
    assert_eq!(about(&audited, "daemon-bridge-traffic", "docker (process 7)"), [Fail]);
}

#[test]
fn root_of_a_container_does_not_steer_the_plan() {
    let Some(tree) = lured("usr/bin/dockerd", 0) else { return };
    let tree = tree.link("proc/1/ns/mnt", "mnt:[1]").link("proc/7/ns/mnt", "mnt:[2]");
    let plan = plan(&tree.audit());
    assert!(plan.permissions.iter().all(|it| it.path != "/etc/docker/c.pem"), "{plan}");
    assert!(plan.not_fixed.iter().any(|it| it.reason.contains("sees other files")), "{plan}");
}

#[test]
fn arguments_of_roots_daemon_lead_to_known_directories_only() {
    let Some(tree) = lured("usr/bin/dockerd", 0) else { return };
    let plan = plan(&tree.audit());
    assert!(plan.edits.iter().all(|edit| !edit.path.contains("nologin")), "{plan}");
    assert!(plan.permissions.iter().all(|it| it.path != "/usr/bin/env"), "{plan}");
    assert!(plan.permissions.iter().any(|it| it.path == "/etc/docker/c.pem"), "{plan}");
    let left = plan.not_fixed.iter().find(|it| it.subject == "/usr/bin/env");
    assert!(left.is_some_and(|it| it.reason.contains("not in a directory")), "{plan}");
}

#[test]
fn backups_are_no_leak_and_follow_no_link() {
    let Some(tree) = machine() else { return };
    let tree = tree.mode("etc/docker/daemon.json", 0o600);
    let directory = tempfile::tempdir().unwrap();
    let (made, outside) = (directory.path().join("made"), directory.path().join("outside"));
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let plan = plan(&tree.audit());
    let applied = apply(&plan, &made).unwrap();
    assert_eq!(mode(&made), 0o700);
    assert_eq!(mode(applied.backups.first().unwrap()), 0o600);
    std::fs::remove_file(applied.backups.first().unwrap()).unwrap();
    std::os::unix::fs::symlink(&outside, made.join("etc__docker__daemon.json")).unwrap();
    let tree = tree.file("etc/docker/daemon.json", CONFIG);
    let plan = seawall_audit::plan(&tree.audit());
    let applied = apply(&plan, &made).unwrap();
    assert!(!outside.exists());
    assert!(applied.backups.contains(&made.join("etc__docker__daemon.json.1")), "{applied:?}");
}

#[test]
fn a_plan_shows_no_credentials_and_steers_no_terminal() {
    let text = "{\n  \"http-proxy\": \"http://u:hush@proxy\",\n  \"log-opts\": {\"splunk-token\": \"hush\"},\n  \"x\": \"\u{202e}\u{9b}\"\n}\n";
    let tree = Tree::new().file("etc/docker/daemon.json", text);
    let plan = plan(&tree.audit());
    let shown = plan.to_string();
    assert!(shown.contains("http://…@proxy") && !shown.contains("hush"), "{shown}");
    assert!(!shown.contains(['\u{202e}', '\u{9b}']), "{shown}");
    let edit = plan.edits.iter().find(|edit| edit.path == "/etc/docker/daemon.json").unwrap();
    assert!(edit.after.contains("http://u:hush@proxy"), "what is written stays as it is");
}

#[test]
fn no_path_becomes_an_audit_rule_of_its_own() {
    for (uid, root) in [(0, "/srv/x\n-D"), (1000, "/srv/x\n-D"), (1000, "/srv")] {
        let Some(tree) = machine() else { return };
        let tree = tree
            .directory("srv/x\n-D")
            .file("usr/bin/dockerd", "x")
            .process(7, "/usr/bin/dockerd", &["dockerd", "--data-root", root])
            .file("proc/7/status", &format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n"));
        let plan = plan(&tree.audit());
        let edit = plan.edits.iter().find(|edit| edit.path.starts_with("/etc/audit")).unwrap();
        assert!(!edit.after.contains("-D") && !edit.after.contains("/srv"), "{}", edit.after);
        assert!(plan.not_fixed.iter().any(|it| it.subject == root), "{plan}");
    }
}
