//! Real Docker daemons with good and bad settings: what the audit says of them.

#[path = "place/place.rs"]
mod place;

use std::process::Command;

use place::{Tree, about, audit_of};
use seawall_audit::Audited;
use seawall_engine::{Endpoint, EngineKind};
use seawall_finding::Outcome::{self, Error, Fail, Manual, NotApplicable, NotChecked, Pass};
use seawall_testkit::Daemon;

/// The daemon's name among all that run here.
fn name(audited: &Audited, daemon: &Daemon) -> String {
    let socket = daemon.path("socket");
    let is_its = |label: &String| *label == format!("docker at {socket}");
    let mut labels = audited.checks.iter().map(|check| check.subject.label());
    labels.find(is_its).unwrap_or_else(|| "docker".to_owned())
}

/// What the rules say of the daemon.
fn check(daemon: &Daemon, expected: &[(&str, Outcome)]) {
    let audited = audit_of(daemon, |_| {});
    let name = name(&audited, daemon);
    for (rule, outcome) in expected {
        let answers: Vec<_> = audited.checks.iter().filter(|check| check.rule == *rule).collect();
        assert_eq!(about(&audited, rule, &name), [*outcome], "{rule} of {name}: {answers:#?}");
    }
}

#[test]
fn a_daemon_as_it_comes() {
    let Some(daemon) = Daemon::start_docker(&[], "{}") else { return };
    check(
        &daemon,
        &[
            ("daemon-rootless", Fail),
            ("daemon-user-namespaces", Fail),
            ("daemon-cgroup-parent", Pass),
            ("daemon-authorization", Fail),
            ("daemon-no-new-privileges", Fail),
            ("daemon-default-ulimits", Fail),
            ("daemon-seccomp", Pass),
            ("daemon-bridge-traffic", NotApplicable),
            ("daemon-iptables", Fail),
            ("daemon-tcp-tls", Pass),
            ("daemon-userland-proxy", Fail),
            ("daemon-metrics-exposed", Pass),
            ("daemon-log-level", Pass),
            ("daemon-central-logs", Fail),
            ("daemon-log-size", Fail),
            ("daemon-insecure-registries", Pass),
            ("daemon-plain-mirrors", Pass),
            ("daemon-storage-aufs", Pass),
            ("daemon-storage-devicemapper", Pass),
            ("daemon-base-device-size", Pass),
            ("daemon-live-restore", Fail),
            ("daemon-experimental", Pass),
            ("daemon-settings-conflict", Pass),
            ("swarm-unused", Pass),
            ("swarm-managers", NotApplicable),
            ("image-sprawl", Pass),
        ],
    );
}

/// Everything that one daemon can have wrong at the same time and still start.
#[test]
fn a_daemon_with_every_bad_setting() {
    let config = r#"{
        "insecure-registries": ["registry.example:5000"],
        "registry-mirrors": ["http://mirror.example"],
        "log-level": "debug",
        "cgroup-parent": "/system.slice",
        "experimental": true,
        "metrics-addr": "0.0.0.0:19323",
        "no-new-privileges": false
    }"#;
    let profile = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&profile, r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#).unwrap();
    let seccomp = format!("--seccomp-profile={}", profile.path().display());
    let arguments = ["-H", "tcp://127.0.0.1:12375", &seccomp];
    let Some(daemon) = Daemon::start_docker(&arguments, config) else { return };
    check(
        &daemon,
        &[
            ("daemon-insecure-registries", Fail),
            ("daemon-plain-mirrors", Fail),
            ("daemon-log-level", Fail),
            ("daemon-cgroup-parent", Fail),
            ("daemon-experimental", Fail),
            ("daemon-metrics-exposed", Fail),
            ("daemon-no-new-privileges", Fail),
            ("daemon-tcp-tls", Fail),
            ("daemon-seccomp", Fail),
        ],
    );
}

/// The settings that the benchmark wants, as far as this machine lets a daemon have them.
#[test]
fn a_daemon_with_every_good_setting() {
    let config = r#"{
        "no-new-privileges": true,
        "live-restore": true,
        "userland-proxy": false,
        "log-driver": "fluentd",
        "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1024, "Hard": 4096}},
        "cgroup-parent": "/made-for-containers"
    }"#;
    let Some(daemon) = Daemon::start_docker(&[], config) else { return };
    check(
        &daemon,
        &[
            ("daemon-no-new-privileges", Pass),
            ("daemon-live-restore", Pass),
            ("daemon-userland-proxy", Pass),
            ("daemon-central-logs", Pass),
            ("daemon-log-size", NotApplicable),
            ("daemon-default-ulimits", Pass),
            ("daemon-cgroup-parent", Manual),
        ],
    );
}

#[test]
fn a_daemon_that_keeps_small_logs() {
    let Some(daemon) = Daemon::start_docker(&[], r#"{"log-opts": {"max-size": "10m"}}"#) else { return };
    check(&daemon, &[("daemon-log-size", Pass), ("daemon-central-logs", Fail)]);
}

#[test]
fn a_daemon_that_remaps_users() {
    let Some(daemon) = Daemon::start_docker(&["--userns-remap=daemon"], "{}") else { return };
    check(&daemon, &[("daemon-user-namespaces", Pass), ("daemon-rootless", Fail)]);
}

/// The bridge says by itself whether containers on it may talk.
#[test]
fn a_daemon_with_a_bridge() {
    let bridge = "seawall-audit0";
    let made = Command::new("ip").args(["link", "add", bridge, "type", "bridge"]).status();
    let addressed = Command::new("ip").args(["addr", "add", "172.31.251.1/24", "dev", bridge]).status();
    if !made.is_ok_and(|it| it.success()) || !addressed.is_ok_and(|it| it.success()) {
        println!("skipped: no bridge can be made here");
        let _ = Command::new("ip").args(["link", "del", bridge]).status();
        return;
    }
    for (config, expected) in [(r#"{"icc": false}"#, Pass), (r#"{"icc": true}"#, Fail)] {
        if let Some(daemon) =
            Daemon::start_docker(&[&format!("--bridge={bridge}"), "--iptables=true"], config)
        {
            check(&daemon, &[("daemon-bridge-traffic", expected)]);
        }
    }
    let _ = Command::new("ip").args(["link", "del", bridge]).status();
}

/// A swarm of one manager: what it says, before and after it is set right.
#[test]
fn a_swarm() {
    let Some(daemon) = Daemon::start_docker(&[], "{}") else { return };
    if let Err(error) =
        daemon.ask(&["swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "0.0.0.0:12377"])
    {
        println!("skipped: Docker cannot make a swarm here: {error}");
        return;
    }
    check(
        &daemon,
        &[
            ("swarm-unused", Fail),
            ("swarm-managers", Pass),
            ("swarm-listen-address", Fail),
            ("swarm-secrets", NotApplicable),
            ("swarm-auto-lock", Fail),
            ("swarm-unlock-key-rotation", NotApplicable),
            ("swarm-certificate-expiry", Pass),
            ("swarm-ca-rotation", Pass),
            ("swarm-data-path", Fail),
            ("daemon-live-restore", NotApplicable),
        ],
    );
    // Networks and services of its own.
    daemon.ask(&["network", "create", "-d", "overlay", "plain"]).unwrap();
    check(&daemon, &[("swarm-overlay-encryption", Fail)]);
    let service = ["service", "create", "--detach", "--replicas=0", "--name", "web", "--no-resolve-image"];
    daemon.ask(&[&service[..], &["--env", "DB_PASSWORD=x", "busybox"]].concat()).unwrap();
    check(&daemon, &[("swarm-secrets", Fail), ("swarm-unused", Pass)]);
    daemon.ask(&["service", "rm", "web"]).unwrap();
    daemon.ask(&[&service[..], &["--env", "DB_PASSWORD_FILE=/run/secrets/db", "busybox"]].concat()).unwrap();
    check(&daemon, &[("swarm-secrets", Pass)]);
    daemon.ask(&["swarm", "update", "--autolock=true", "--cert-expiry=4320h"]).unwrap();
    check(
        &daemon,
        &[
            ("swarm-auto-lock", Pass),
            ("swarm-unlock-key-rotation", Manual),
            ("swarm-certificate-expiry", Fail),
        ],
    );
    daemon.ask(&["swarm", "leave", "--force"]).unwrap();
    check(&daemon, &[("swarm-unused", Pass), ("swarm-auto-lock", NotApplicable)]);
}

/// What cannot be read is an error for each question that needs it, and passes none.
#[test]
fn a_daemon_whose_file_was_broken_since() {
    let Some(daemon) = Daemon::start_docker(&[], "{}") else { return };
    std::fs::write(daemon.path("daemon.json"), "{\"icc\": ").unwrap();
    check(&daemon, &[("daemon-no-new-privileges", Error), ("daemon-tcp-tls", Error), ("swarm-unused", Pass)]);
}

/// Without its process and its files only what it tells itself is known.
#[test]
fn a_daemon_that_is_asked_from_elsewhere() {
    let Some(daemon) = Daemon::start_docker(&[], "{}") else { return };
    let audited = Tree::new().audit_with(|inputs| {
        inputs.endpoints = vec![Endpoint::unix(EngineKind::Docker, daemon.path("socket"))];
    });
    for (rule, expected) in [
        ("daemon-tcp-tls", NotChecked),
        ("daemon-no-new-privileges", NotChecked),
        ("daemon-storage-aufs", Pass),
        ("daemon-live-restore", Fail),
        ("daemon-rootless", Fail),
        ("swarm-unused", Pass),
    ] {
        assert_eq!(about(&audited, rule, "docker"), [expected], "{rule}");
    }
}
