//! What the tests share: made-up roots, saved answers, audits of them and of real daemons, and answers by rule.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use seawall_audit::{Audited, Inputs, Root, Saved};
use seawall_engine::{Endpoint, EngineKind};
use seawall_finding::Outcome;
use seawall_testkit::{Daemon, Kind};
use serde_json::{Value, json};

/// The day on which the tests with made-up roots take place.
pub(crate) const NOW: &str = "2026-11-28T12:00:00Z";

/// A root made of a few files.
pub(crate) struct Tree(tempfile::TempDir);

impl Tree {
    pub(crate) fn new() -> Tree {
        Tree(tempfile::tempdir().unwrap_or_else(|error| panic!("{error}")))
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub(crate) fn file(self, path: &str, text: &str) -> Tree {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap_or(self.0.path())).unwrap_or_else(|error| panic!("{error}"));
        fs::write(&path, text).unwrap_or_else(|error| panic!("{error}"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))
            .unwrap_or_else(|error| panic!("{error}"));
        self
    }

    pub(crate) fn directory(self, path: &str) -> Tree {
        fs::create_dir_all(self.path(path)).unwrap_or_else(|error| panic!("{error}"));
        self
    }

    pub(crate) fn mode(self, path: &str, mode: u32) -> Tree {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode))
            .unwrap_or_else(|error| panic!("{error}"));
        self
    }

    /// Only root may give a file away.
    pub(crate) fn owner(self, path: &str, uid: u32, gid: u32) -> Tree {
        std::os::unix::fs::lchown(self.path(path), Some(uid), Some(gid))
            .unwrap_or_else(|error| panic!("{error}"));
        self
    }

    pub(crate) fn link(self, path: &str, target: &str) -> Tree {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap_or(self.0.path())).unwrap_or_else(|error| panic!("{error}"));
        symlink(target, path).unwrap_or_else(|error| panic!("{error}"));
        self
    }

    pub(crate) fn process(self, pid: u32, program: &str, words: &[&str]) -> Tree {
        let status = "Name:\tx\nUid:\t0\t0\t0\t0\n";
        self.link(&format!("proc/{pid}/exe"), program)
            .file(&format!("proc/{pid}/cmdline"), &(words.join("\0") + "\0"))
            .file(&format!("proc/{pid}/status"), status)
    }

    pub(crate) fn audit(&self) -> Audited {
        self.audit_with(|_| {})
    }

    pub(crate) fn audit_with(&self, change: impl FnOnce(&mut Inputs<'_>)) -> Audited {
        let root = Root::open(self.0.path()).unwrap_or_else(|error| panic!("{error}"));
        let mut inputs = Inputs::new(&root, NOW.parse().unwrap_or_default());
        change(&mut inputs);
        seawall_audit::run(&inputs)
    }
}

/// A saved answer.
pub(crate) fn engine(answer: &Value) -> Saved {
    Saved { name: "saved.json".to_owned(), bytes: answer.to_string().into_bytes() }
}

/// A saved inspection of a container that differs from an ordinary one's by these members.
pub(crate) fn inspected(name: &str, host_config: &Value, more: &Value) -> Saved {
    let mut answer = json!({
        "Id": format!("{name}-id"),
        "Name": format!("/{name}"),
        "Image": "sha256:1",
        "State": {"Status": "running", "Running": true, "Pid": 1},
        "Config": {"Image": "a:1", "User": "1000"},
        "HostConfig": {"NetworkMode": "backend", "RestartPolicy": {"Name": "no"}},
        "Mounts": [],
    });
    let merge = |into: &mut Value, from: &Value| {
        for (key, value) in from.as_object().into_iter().flatten() {
            into[key.as_str()] = value.clone();
        }
    };
    merge(&mut answer["HostConfig"], host_config);
    merge(&mut answer, more);
    engine(&json!([answer]))
}

/// The machine with one engine.
pub(crate) fn audit_of(daemon: &Daemon, change: impl FnOnce(&mut Inputs<'_>)) -> Audited {
    let kind = match daemon.kind {
        Kind::Docker => EngineKind::Docker,
        Kind::Podman => EngineKind::Podman,
        Kind::Containerd => EngineKind::Containerd,
    };
    let root = Root::open("/".as_ref()).unwrap_or_else(|error| panic!("{error}"));
    let mut inputs = Inputs::new(&root, jiff::Timestamp::now());
    inputs.endpoints = vec![Endpoint::unix(kind, daemon.path("socket"))];
    change(&mut inputs);
    seawall_audit::run(&inputs)
}

/// The answers to a rule about one subject, by its label.
pub(crate) fn about(audited: &Audited, rule: &str, subject: &str) -> Vec<Outcome> {
    let about = audited.checks.iter().filter(|check| check.rule == rule && check.subject.label() == subject);
    about.map(|check| check.outcome).collect()
}
