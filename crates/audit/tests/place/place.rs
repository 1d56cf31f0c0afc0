//! What the tests share: an audit of a daemon or of a made-up root, and its answers by rule.

use seawall_audit::{Audited, Inputs, Root};
use seawall_engine::{Endpoint, EngineKind};
use seawall_finding::Outcome;
use seawall_testkit::{Daemon, Kind};

/// The day on which the tests take place.
pub const NOW: &str = "2026-11-28T12:00:00Z";

/// Inputs that know nothing but the root.
pub fn inputs(root: &Root) -> Inputs<'_> {
    Inputs {
        root,
        endpoints: Vec::new(),
        saved: Vec::new(),
        attestations: Vec::new(),
        trusted_users: None,
        trusted_images: None,
        now: NOW.parse().unwrap_or_default(),
        known: &|_| None,
        scanned: &|_| None,
        newest: &|_| None,
    }
}

/// The machine with one engine.
pub fn audit_of(daemon: &Daemon, change: impl FnOnce(&mut Inputs<'_>)) -> Audited {
    let kind = match daemon.kind {
        Kind::Docker => EngineKind::Docker,
        Kind::Podman => EngineKind::Podman,
        Kind::Containerd => EngineKind::Containerd,
    };
    let root = Root::open("/".as_ref()).unwrap_or_else(|error| panic!("{error}"));
    let mut inputs = inputs(&root);
    inputs.endpoints = vec![Endpoint::unix(kind, daemon.path("socket"))];
    inputs.now = jiff::Timestamp::now();
    change(&mut inputs);
    seawall_audit::run(&inputs)
}

/// The answers to a rule about one subject, by its label.
pub fn outcomes(audited: &Audited, rule: &str, subject: &str) -> Vec<Outcome> {
    let about = audited.checks.iter().filter(|check| check.rule == rule && check.subject.label() == subject);
    about.map(|check| check.outcome).collect()
}
