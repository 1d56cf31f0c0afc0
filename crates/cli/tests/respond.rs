//! `seawall respond`: what a policy would do about the guard's findings, and receipts that are not there.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

use std::path::Path;
use std::process::{Command, Stdio};

/// Exit code, stdout and stderr.
fn seawall(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
    // No engine of this machine has a part in this.
    command
        .args(arguments)
        .env("DOCKER_HOST", "unix:///nonexistent")
        .env("CONTAINER_HOST", "unix:///nonexistent");
    command.env("CONTAINERD_ADDRESS", "/nonexistent").stdin(Stdio::null());
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn finding(pid: u32, respond: &str) -> String {
    format!(
        r#"{{"rule":"a-shell","subject":{{"kind":"host","name":"here"}},"severity":"high","summary":"a shell","evidence":
        {{"kind":"happened","rule":"A shell","priority":"Notice","source":"syscall","event":"execve","number":1,
        "time":"2026-01-01T00:00:00Z","output":"a shell","events":1,"about":"sh","process":{{"pid":{pid},"start_ns":1}},
        "respond":["{respond}"]}},"verdict":"warn","fingerprint":"00000000000000000000000000000000"}}"#
    )
}

#[test]
fn a_policy_is_rehearsed() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    // More of them than refusals have receipts in a minute of the guard.
    let many: String = (0..100).map(|_| finding(std::process::id(), "kill") + "\n").collect();
    let findings = write("findings.jsonl", &many);
    let policy = write("policy.yaml", "version: 1\nrespond: {rules: rehearse, host: kill}\n");
    let (code, out, error) = seawall(&["respond", "rehearse", "--policy", &policy, &findings]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(out.matches("another one has its number now").count(), 100, "{out}");
    let wrong = write("wrong.yaml", "version: 1\nclauses:\n- verdict: deny\n  respond: [frieze]\n");
    let (code, _, error) = seawall(&["respond", "rehearse", "--policy", &wrong, &findings]);
    assert_eq!(code, 2);
    assert!(error.contains("line 4") && error.contains("did you mean `freeze`?"), "{error}");
}

fn check_refused(arguments: &[&str], directory: &Path, expected: &str) {
    let receipts = directory.display().to_string();
    let (code, _, error) = seawall(&[arguments, &["--receipts", &receipts]].concat());
    assert_eq!(code, 2, "{error}");
    assert!(error.contains(expected), "{arguments:?}: {error}");
}

#[test]
fn receipts_that_are_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let (code, out, _) = seawall(&["respond", "list", "--receipts", &directory.path().display().to_string()]);
    assert_eq!((code, out.as_str()), (0, ""));
    check_refused(&["respond", "undo", "../../etc/passwd"], directory.path(), "is not the name of a receipt");
    check_refused(
        &["respond", "undo", "20260101T000000.000Z-1-1-kill"],
        directory.path(),
        "cannot read the receipt",
    );
    check_refused(&["respond", "list"], &directory.path().join("none"), "cannot list");
}

#[test]
fn receipts_of_others_are_not_acted_on() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let (code, _, error) =
        seawall(&["respond", "release", "--receipts", &directory.path().display().to_string()]);
    assert_eq!(code, 2);
    assert!(error.contains("others may write there"), "{error}");
}
