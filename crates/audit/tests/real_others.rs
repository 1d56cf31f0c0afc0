//! Real podman and containerd: their containers are judged by the same rules.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

#[path = "place/place.rs"]
mod place;

use place::{about, audit_of};
use seawall_finding::Outcome::{self, Fail, Pass};
use seawall_testkit::{Daemon, Image, Kind, Tar};

const IMAGE: &str = "docker.io/library/seawall-audit:1";
const OF_USER: &str = "docker.io/library/seawall-audit:2";

/// An image of a user of its own, or of root.
fn load(daemon: &Daemon, name: &str, user: &str) {
    let image = Image::new().layer(Tar::new().directory("data")).tag(name);
    let image = image.configure(|config| config["config"]["User"] = user.into());
    std::fs::write(daemon.path("archive"), image.docker_archive()).unwrap();
    match daemon.kind {
        Kind::Docker | Kind::Podman => daemon.ask(&["load", "-q", "-i", &daemon.path("archive")]).unwrap(),
        Kind::Containerd => daemon.ask(&["images", "import", &daemon.path("archive")]).unwrap(),
    };
}

fn check(daemon: &Daemon, container: &str, expected: &[(&str, Outcome)]) {
    let audited = audit_of(daemon, |_| {});
    for (rule, outcome) in expected {
        let answers: Vec<_> = audited.checks.iter().filter(|check| check.rule == *rule).collect();
        assert_eq!(about(&audited, rule, container), [*outcome], "{rule} of {container}: {answers:#?}");
    }
}

const BAD: &[(&str, Outcome)] = &[
    ("root-user", Fail),
    ("sensitive-host-mount", Fail),
    ("privilege-escalation-allowed", Fail),
    ("writable-root-filesystem", Fail),
    ("host-network-namespace", Fail),
    ("host-pid-namespace", Fail),
    ("memory-unlimited", Fail),
];

const GOOD: &[(&str, Outcome)] = &[
    ("root-user", Pass),
    ("sensitive-host-mount", Pass),
    ("privilege-escalation-allowed", Pass),
    ("writable-root-filesystem", Pass),
    ("host-network-namespace", Pass),
    ("host-pid-namespace", Pass),
    ("memory-unlimited", Pass),
];

#[test]
fn containers_of_podman() {
    let Some(daemon) = Daemon::start(Kind::Podman) else { return };
    load(&daemon, IMAGE, "");
    let bad = ["create", "--name", "bad", "--network=host", "--pid=host", "-v=/etc:/x", IMAGE, "/x"];
    let good = [
        "create",
        "--name",
        "good",
        "--network=none",
        "--user=1000",
        "--read-only",
        "--memory=64m",
        "--security-opt=no-new-privileges",
        IMAGE,
        "/x",
    ];
    for words in [&bad[..], &good[..]] {
        if let Err(error) = daemon.ask(words) {
            println!("skipped: podman cannot create containers here: {error}");
            return;
        }
    }
    check(&daemon, "bad", BAD);
    check(&daemon, "good", GOOD);
}

#[test]
fn containers_of_containerd() {
    let Some(daemon) = Daemon::start(Kind::Containerd) else { return };
    load(&daemon, IMAGE, "");
    load(&daemon, OF_USER, "1000:1000");
    let create = |name: &str, more: &[&str]| {
        let mut words = vec!["containers", "create"];
        words.extend(more);
        words.extend([if name == "good" { OF_USER } else { IMAGE }, name, "/x"]);
        daemon.ask(&words).unwrap();
    };
    create("privileged", &["--privileged"]);
    create("bad", &["--net-host", "--mount", "type=bind,src=/etc,dst=/x,options=rbind:rw"]);
    create("good", &["--read-only", "--seccomp", "--memory-limit", "67108864"]);
    check(
        &daemon,
        "bad",
        &[
            ("root-user", Fail),
            ("sensitive-host-mount", Fail),
            ("writable-root-filesystem", Fail),
            ("host-network-namespace", Fail),
            ("memory-unlimited", Fail),
            ("seccomp-disabled", Fail),
        ],
    );
    check(
        &daemon,
        "good",
        &[
            ("root-user", Pass),
            ("sensitive-host-mount", Pass),
            ("writable-root-filesystem", Pass),
            ("host-network-namespace", Pass),
            ("host-pid-namespace", Pass),
            ("memory-unlimited", Pass),
            ("seccomp-disabled", Pass),
        ],
    );
    check(
        &daemon,
        "privileged",
        &[("dangerous-capability", Fail), ("seccomp-disabled", Fail), ("unmasked-proc", Fail)],
    );
}

/// A socket behind which nobody answers as an engine does, and one that nobody listens on.
#[test]
fn engines_that_answer_nonsense() {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let answering = std::thread::spawn(move || {
        for stream in listener.incoming().take(1) {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{]x").unwrap();
        }
    });
    let root = seawall_audit::Root::open(directory.path()).unwrap();
    let tree = place::Tree::new();
    let audited = tree.audit_with(|inputs| {
        inputs.endpoints = vec![
            seawall_engine::Endpoint::unix(seawall_engine::EngineKind::Docker, &path),
            seawall_engine::Endpoint::unix(
                seawall_engine::EngineKind::Docker,
                directory.path().join("none.sock"),
            ),
        ];
    });
    answering.join().unwrap();
    assert_eq!(audited.findings.gaps.len(), 1, "{:?}", audited.findings.gaps);
    assert!(audited.checks.iter().all(|check| check.outcome != Pass));
    assert_eq!(seawall_audit::endpoints(&root), []);
}
