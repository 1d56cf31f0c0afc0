//! Two machines made of files and saved answers: on one every rule fails, on the other every rule passes. A rule without
//! both is a mistake, unless its reason stands in the list below.

#[path = "place/machines.rs"]
mod machines;
#[path = "place/place.rs"]
mod place;

use std::collections::BTreeSet;

use seawall_audit::{Audited, Section, rules};
use seawall_finding::{Framework, Outcome};

/// Rules that files and saved answers cannot ask, and who does.
const ELSEWHERE: &[(&str, &str)] = &[
    ("host-hardened", "answered by the others of its section: see below"),
    ("daemon-central-logs", "real_daemon.rs"),
    ("daemon-storage-aufs", "below: a daemon has one driver"),
    ("daemon-storage-devicemapper", "below: a daemon has one driver"),
    ("kernel-security-module", "below: other rules ask only where there is one"),
    ("swarm-unused", "real_daemon.rs"),
    ("swarm-managers", "real_daemon.rs, and the number by the unit test"),
    ("swarm-listen-address", "real_daemon.rs"),
    ("swarm-overlay-encryption", "real_daemon.rs"),
    ("swarm-secrets", "real_daemon.rs"),
    ("swarm-auto-lock", "real_daemon.rs"),
    ("swarm-unlock-key-rotation", "real_daemon.rs"),
    ("swarm-certificate-expiry", "real_daemon.rs"),
    ("swarm-ca-rotation", "real_daemon.rs"),
    ("swarm-data-path", "real_daemon.rs"),
    ("container-ssh-server", "real_containers.rs"),
    ("exec-privileged", "real_containers.rs"),
    ("exec-root", "real_containers.rs"),
    ("image-update-alone", "the history of a real image, and unit tests"),
    ("image-add", "the history of a real image, and unit tests"),
    ("kernel-user-namespaces", "a good kernel for one machine is a bad one for the other: below"),
];

fn with(audited: &Audited, outcome: Outcome) -> BTreeSet<&str> {
    audited.checks.iter().filter(|check| check.outcome == outcome).map(|check| check.rule.as_str()).collect()
}

#[test]
fn every_rule_fails_on_one_machine_and_passes_on_another() {
    let Some((bad, good)) = machines::both() else {
        println!("skipped: only root may give files away");
        return;
    };
    let (fail, pass) = (with(&bad, Outcome::Fail), with(&good, Outcome::Pass));
    let of_workloads: BTreeSet<&str> = seawall_lint::workload::rules().map(|rule| rule.rule.id).collect();
    let mut wrong = Vec::new();
    for rule in rules() {
        // Those have samples of their own, and real containers.
        if of_workloads.contains(rule.id) || ELSEWHERE.iter().any(|(id, _)| *id == rule.id) {
            continue;
        }
        let seen = |audited: &Audited| {
            let about = audited.checks.iter().filter(|check| check.rule == rule.id);
            about
                .map(|check| format!("{}: {} [{}]", check.outcome.name(), check.seen, check.looked_at))
                .collect::<Vec<_>>()
        };
        if !fail.contains(rule.id) {
            wrong.push(format!("{} does not fail: {:?}", rule.id, seen(&bad)));
        }
        if !pass.contains(rule.id) {
            wrong.push(format!("{} does not pass: {:?}", rule.id, seen(&good)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let failures = bad.checks.iter().filter(|check| check.outcome == Outcome::Fail).count();
    assert!(failures <= bad.findings.found.len(), "each failure is a finding");
}

#[test]
fn every_rule_is_answered_everywhere() {
    let empty = place::Tree::new().audit();
    let answered: BTreeSet<&str> = empty.checks.iter().map(|check| check.rule.as_str()).collect();
    let missing: Vec<&str> = rules().iter().map(|rule| rule.id).filter(|id| !answered.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // An empty directory proves nothing.
    let passed: Vec<&seawall_finding::Check> =
        empty.checks.iter().filter(|check| check.outcome == Outcome::Pass).collect();
    assert!(passed.is_empty(), "{passed:#?}");
}

/// An engine tells some of its settings; the rest nobody has seen, and none of it passes.
#[test]
fn what_an_engine_does_not_tell_is_not_its_default() {
    let info = serde_json::json!({"ServerVersion": "29.1.0", "Driver": "overlay2", "SecurityOptions": ["name=seccomp"]});
    let audited = place::Tree::new().audit_with(|inputs| inputs.saved = vec![place::engine(&info)]);
    assert_eq!(place::about(&audited, "daemon-tcp-tls", "docker"), [Outcome::NotChecked]);
    assert_eq!(place::about(&audited, "daemon-iptables", "docker"), [Outcome::NotChecked]);
    assert_eq!(place::about(&audited, "daemon-settings-conflict", "docker"), [Outcome::NotChecked]);
    assert_eq!(place::about(&audited, "daemon-storage-aufs", "docker"), [Outcome::Pass]);
}

#[test]
fn every_recommendation_has_a_rule() {
    let ids = |framework: Framework| -> BTreeSet<String> {
        let controls = rules().into_iter().flat_map(|rule| rule.controls);
        controls.filter(|(its, _)| *its == framework).map(|(_, id)| (*id).to_owned()).collect()
    };
    let expected = |daemon: u32| -> BTreeSet<String> {
        let section = |prefix: &str, last: u32| {
            (1..=last).map(|number| format!("{prefix}.{number}")).collect::<Vec<_>>()
        };
        let sections =
            [("1.1", 18), ("1.2", 2), ("2", daemon), ("3", 24), ("4", 12), ("5", 32), ("6", 2), ("7", 9)];
        sections.iter().flat_map(|(prefix, last)| section(prefix, *last)).collect()
    };
    assert_eq!(ids(Framework::CisDocker16), expected(18));
    assert_eq!(ids(Framework::CisDocker17), expected(18));
    assert_eq!(ids(Framework::CisDocker18), expected(19));
    assert_eq!(expected(19).len(), 118);
}

#[test]
fn rules_are_described_once() {
    let mut seen = BTreeSet::new();
    for rule in rules() {
        assert!(seen.insert(rule.id), "{} twice", rule.id);
        assert!(
            rule.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
            "{}",
            rule.id
        );
        assert!(!rule.title.is_empty() && rule.why.ends_with('.') && rule.fix.ends_with('.'), "{}", rule.id);
        assert!(!rule.controls.is_empty() && !rule.references.is_empty(), "{}", rule.id);
    }
    let names: BTreeSet<&str> = Section::ALL.iter().map(|section| section.name()).collect();
    assert_eq!(names.len(), Section::ALL.len());
}

#[test]
fn storage_drivers() {
    let with = |driver: &str| {
        let info = serde_json::json!({"ServerVersion": "29.1.0", "Driver": driver});
        place::Tree::new().audit_with(|inputs| inputs.saved = vec![place::engine(&info)])
    };
    let check = |driver: &str, aufs: Outcome, devicemapper: Outcome| {
        let audited = with(driver);
        assert_eq!(place::about(&audited, "daemon-storage-aufs", "docker"), [aufs], "{driver}");
        assert_eq!(
            place::about(&audited, "daemon-storage-devicemapper", "docker"),
            [devicemapper],
            "{driver}"
        );
    };
    check("overlay2", Outcome::Pass, Outcome::Pass);
    check("aufs", Outcome::Fail, Outcome::Pass);
    check("devicemapper", Outcome::Pass, Outcome::Fail);
}

#[test]
fn security_modules() {
    let check = |modules: &str, enforce: &str, expected: Outcome| {
        let tree = place::Tree::new()
            .file("proc/sys/kernel/osrelease", "6.1.0")
            .file("sys/kernel/security/lsm", modules)
            .file("sys/fs/selinux/enforce", enforce);
        assert_eq!(place::about(&tree.audit(), "kernel-security-module", ""), [expected], "{modules}");
    };
    check("capability,landlock", "0", Outcome::Fail);
    check("capability,selinux", "0", Outcome::Fail);
    check("capability,selinux", "1", Outcome::Pass);
    check("capability,apparmor", "0", Outcome::Pass);
}

#[test]
fn user_namespaces() {
    let check = |limit: &str, clone: &str, remap: &str, expected: Outcome| {
        let tree = place::Tree::new()
            .file("proc/sys/kernel/osrelease", "6.1.0")
            .file("proc/sys/user/max_user_namespaces", limit)
            .file("proc/sys/kernel/unprivileged_userns_clone", clone)
            .file("etc/docker/daemon.json", &format!("{{\"userns-remap\": \"{remap}\"}}"));
        assert_eq!(
            place::about(&tree.audit(), "kernel-user-namespaces", ""),
            [expected],
            "{limit} {clone} {remap}"
        );
    };
    check("1000", "1", "", Outcome::Fail);
    check("1000", "0", "", Outcome::Pass);
    check("1000", "1", "default", Outcome::Pass);
    check("0", "1", "default", Outcome::Fail);
    check("0", "1", "", Outcome::Pass);
}

#[test]
fn a_host_is_hardened_when_nothing_of_its_kernel_fails() {
    let check = |pointers: &str, expected: Outcome| {
        let tree = place::Tree::new()
            .file("proc/sys/kernel/osrelease", "6.1.0")
            .file("proc/sys/kernel/seccomp/actions_avail", "allow")
            .file("sys/kernel/security/lsm", "apparmor")
            .file("proc/sys/kernel/kptr_restrict", pointers);
        assert_eq!(place::about(&tree.audit(), "host-hardened", ""), [expected], "{pointers}");
    };
    check("1", Outcome::Pass);
    check("0", Outcome::Fail);
}
