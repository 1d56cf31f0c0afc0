//! What needs no network asks none: in a network namespace of its own, which has not even a loopback that is up, and
//! under the eyes of strace.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

use std::path::Path;
use std::process::{Command, Stdio};

use seawall_testkit::{Image, Layout, Tar};

const SEAWALL: &str = env!("CARGO_BIN_EXE_seawall");

/// Each with how it ends: what signs and verifies files and layouts, what would have to ask a registry or a service.
const COMMANDS: &[(&[&str], i32)] = &[
    (&["--offline", "scan", "--only", "packages", "oci:layout"], 0),
    (&["sign", "--key", "our.key", "--bundle", "bundle", "file"], 0),
    (&["verify-bundle", "--bundle", "bundle", "--key", "our.pub", "file"], 0),
    (&["--offline", "verify-bundle", "--bundle", "bundle", "--key", "our.pub", "file"], 0),
    (&["--offline", "sign", "--key", "our.key", "oci:layout"], 0),
    (&["--offline", "verify", "--key", "our.pub", "oci:layout"], 0),
    (&["--offline", "verify", "--key", "our.pub", "registry.example/app:1"], 2),
    (&["--offline", "verify", "--key", "hashivault://release", "oci:layout"], 2),
];

fn run(directory: &Path, words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(directory).stdin(Stdio::null()).env_clear();
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin").env("HOME", directory);
    command.env("SEAWALL_KEY_PASSWORD", "correct horse").env("VAULT_ADDR", "http://127.0.0.1:1");
    let output = command.env("VAULT_TOKEN", "x").output().unwrap();
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code(), told)
}

/// A key pair, a file, a layout with an image.
fn prepared() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file"), "file").unwrap();
    assert_eq!(run(directory.path(), &[SEAWALL, "trust", "keygen", "--output", "our"]).0, Some(0));
    let image = Image::new().layer(Tar::new().file("etc/os-release", "ID=debian\nVERSION_ID=12\n"));
    Layout::new().image(&image).write(&directory.path().join("layout")).unwrap();
    directory
}

#[test]
fn in_a_namespace_without_a_network() {
    if !Command::new("unshare").args(["--net", "true"]).status().is_ok_and(|status| status.success()) {
        println!("skipped: unshare makes no network namespace here");
        return;
    }
    let directory = prepared();
    for (arguments, exit) in COMMANDS {
        let (code, told) = run(directory.path(), &[&["unshare", "--net", SEAWALL], *arguments].concat());
        assert_eq!(code, Some(*exit), "{arguments:?}: {told}");
    }
}

#[test]
fn no_socket_is_asked_for() {
    let directory = prepared();
    let watch = ["strace", "-f", "-qq", "-e", "trace=%network", "-o", "calls"];
    if run(directory.path(), &[&watch[..], &["true"]].concat()).0 != Some(0) {
        println!("skipped: strace is not installed, or may trace nothing here");
        return;
    }
    for (arguments, exit) in COMMANDS {
        let (code, told) = run(directory.path(), &[&watch[..], &[SEAWALL], *arguments].concat());
        assert_eq!(code, Some(*exit), "{arguments:?}: {told}");
        let calls = std::fs::read_to_string(directory.path().join("calls")).unwrap();
        // A pair of sockets wakes a thread and reaches nobody.
        let asked = |call: &&str| ["socket(", "connect(", "sendto("].iter().any(|name| call.contains(name));
        let asked: Vec<&str> = calls.lines().filter(asked).collect();
        assert!(asked.is_empty(), "{arguments:?}: {asked:?}");
    }
    // The watch sees what is there to see.
    let verify = [SEAWALL, "verify", "--key", "our.pub", "127.0.0.1:1/app:1"];
    run(directory.path(), &[&watch[..], &verify].concat());
    assert!(std::fs::read_to_string(directory.path().join("calls")).unwrap().contains("connect("));
}
