//! Real Docker daemons with good and bad settings: what the audit says of them.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

#[path = "place/place.rs"]
mod place;

use std::process::Command;

use place::{audit_of, outcomes};
use seawall_audit::Audited;
use seawall_finding::Outcome::{self, Error, Fail, Manual, NotApplicable, Pass};
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
        let about: Vec<_> = audited.checks.iter().filter(|check| check.rule == *rule).collect();
        assert_eq!(outcomes(&audited, rule, &name), [*outcome], "{rule} of {name}: {about:#?}");
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
