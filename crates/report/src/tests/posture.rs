//! A made-up report of settings, credentials and checks.

use std::collections::BTreeMap;

use seawall_finding::{
    Change, Check, Confidence, Control, Coverage, Evidence, Finding, Framework, Leaked, Misset, Outcome,
    Severity, Subject,
};
use seawall_inventory::{Inventory, Place, PlaceLayer, Target, TargetKind};
use seawall_policy::{Judged, Verdict};

use super::sample::digest;
use crate::{Report, RuleText};

fn control() -> Control {
    Control { framework: Framework::CisDocker18, id: "2.2".to_owned() }
}

fn finding(rule: &str, subject: Subject, place: Place, severity: Severity, evidence: Evidence) -> Finding {
    Finding {
        rule: rule.to_owned(),
        summary: format!("{} breaks {rule}", subject.label()),
        subject,
        place,
        severity,
        confidence: Confidence::High,
        evidence,
        remedy: "Change the setting.".to_owned(),
        references: Vec::new(),
        controls: vec![control()],
    }
}

fn misset(setting: &str, change: Option<Change>) -> Evidence {
    Evidence::Misset(Box::new(Misset {
        setting: setting.to_owned(),
        seen: "true".to_owned(),
        expected: "false".to_owned(),
        source: Some("/etc/docker/daemon.json".to_owned()),
        because: Vec::new(),
        change,
    }))
}

fn leaked(path: &str, layer: u32, deleted_in_layer: Option<u32>) -> Finding {
    let layer =
        PlaceLayer { index: layer, diff_id: digest(0x10), instruction: Some("COPY . /app".to_owned()) };
    let place = Place { layer: Some(layer), line: Some(3), ..Place::path(path) };
    let evidence = Leaked {
        secret: "npm access token".to_owned(),
        redacted: "npm_…(40)".to_owned(),
        value_id: "00112233445566778899aabbccddeeff".to_owned(),
        carrier: None,
        encodings: vec!["base64".to_owned()],
        proof: vec!["checksum".to_owned()],
        deleted_in_layer,
    };
    let subject = Subject::Target { name: "app".to_owned() };
    finding("npm-access-token", subject, place, Severity::High, Evidence::Leaked(Box::new(evidence)))
}

fn check(rule: &str, section: &str, outcome: Outcome) -> Check {
    Check {
        rule: rule.to_owned(),
        title: format!("The title of {rule}"),
        section: section.to_owned(),
        controls: vec![control()],
        severity: Severity::Medium,
        subject: Subject::Engine { name: "docker".to_owned() },
        place: Place::default(),
        outcome,
        looked_at: "/etc/docker/daemon.json".to_owned(),
        seen: "nothing".to_owned(),
        expected: "icc: false".to_owned(),
    }
}

pub(super) fn report() -> Report {
    let container = |name: &str| Subject::Container { engine: "docker".to_owned(), name: name.to_owned() };
    let line = |line| Place { line: Some(line), ..Place::path("app/Dockerfile") };
    let file = Subject::Target { name: "app/Dockerfile".to_owned() };
    let change = || Some(Change { start: 0, end: 3, text: "COPY".to_owned() });
    let found = vec![
        finding(
            "container-privileged",
            container("web"),
            Place::default(),
            Severity::Critical,
            misset("Privileged", None),
        ),
        finding(
            "container-privileged",
            container("db"),
            Place::default(),
            Severity::Critical,
            misset("Privileged", None),
        ),
        finding(
            "daemon-icc",
            Subject::Engine { name: "docker".to_owned() },
            Place::default(),
            Severity::Medium,
            misset("icc", None),
        ),
        finding("add-instead-of-copy", file.clone(), line(3), Severity::Low, misset("ADD a", change())),
        finding("add-instead-of-copy", file.clone(), line(7), Severity::Low, misset("ADD b", change())),
        finding("last-user-root", file, line(9), Severity::Medium, misset("USER", None)),
        leaked("app/.npmrc", 1, Some(2)),
        leaked("app/copy/.npmrc", 3, None),
    ];
    let judged = |finding: Finding| {
        let fingerprint = finding.fingerprint();
        let verdict = if finding.severity == Severity::Critical { Verdict::Deny } else { Verdict::Warn };
        Judged { finding, fingerprint, verdict, reasons: Vec::new(), responses: Vec::new(), waived: None }
    };
    let about = RuleText {
        title: "Privileged container".to_owned(),
        why: "It is root on the host.".to_owned(),
        fix: "Run it without --privileged.".to_owned(),
    };
    Report {
        created: "2026-11-28T12:00:00Z".parse().unwrap(),
        version: "0.1.0".to_owned(),
        inventory: Inventory {
            target: Target { kind: TargetKind::Host, name: "node-1".to_owned(), digest: None },
            ..Inventory::default()
        },
        findings: found.into_iter().map(judged).collect(),
        gaps: Vec::new(),
        coverage: Coverage {
            checks: vec![
                check("daemon-icc", "Daemon configuration", Outcome::Fail),
                check("daemon-live-restore", "Daemon configuration", Outcome::Pass),
                check("daemon-userns", "Daemon configuration", Outcome::NotChecked),
                check("container-privileged", "Containers", Outcome::Fail),
                check("swarm-managers", "Swarm", Outcome::NotApplicable),
                check("host-hardened", "Host", Outcome::Manual),
                check("host-users", "Host", Outcome::Attested),
            ],
            ..Coverage::default()
        },
        advice: Vec::new(),
        rules: BTreeMap::from([("container-privileged".to_owned(), about)]),
        verdict: Verdict::Deny,
    }
}
