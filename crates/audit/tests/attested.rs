//! A person's answers count while they are valid, for what no program answers.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

#[path = "place/place.rs"]
mod place;

use place::{Tree, about, engine};
use seawall_audit::{Score, Section, attestations};
use seawall_finding::Outcome::{self, Attested, Fail, Manual, NotChecked, Pass};
use serde_json::json;

fn check(rule: &str, yaml: &str, expected: Outcome) {
    let image = json!([{"Id": "sha256:1", "RepoTags": ["a:1"], "RootFS": {}, "Config": {}}]);
    let audited = Tree::new().audit_with(|inputs| {
        inputs.saved = vec![engine(&image)];
        inputs.attestations = attestations(yaml).unwrap();
    });
    assert_eq!(about(&audited, rule, "a:1"), [expected], "{yaml}");
}

fn attestation(rule: &str, subject: &str, until: &str) -> String {
    format!(
        "- {{rule: {rule}, subject: \"{subject}\", who: ada, when: 2026-01-01, until: {until}, statement: looked at}}\n"
    )
}

#[test]
fn valid_answers_count() {
    check("image-trusted-base", "[]", Manual);
    check("image-trusted-base", &attestation("image-trusted-base", "a:1", "2027-01-01"), Attested);
    check("image-trusted-base", &attestation("image-trusted-base", "b:1", "2027-01-01"), Manual);
    check("image-trusted-base", &attestation("image-trusted-base", "a:1", "2026-11-27"), Manual);
    check("image-trusted-base", &attestation("image-trusted-base", "a:1", "2026-11-28"), Attested);
    check("image-setuid-files", "[]", NotChecked);
    check("image-setuid-files", &attestation("image-setuid-files", "a:1", "2027-01-01"), Attested);
    // What fails fails.
    check("image-user", &attestation("image-user", "a:1", "2027-01-01"), Fail);
}

#[test]
fn an_expired_answer_is_told() {
    let image = json!([{"Id": "sha256:1", "RepoTags": ["a:1"], "RootFS": {}, "Config": {}}]);
    let audited = Tree::new().audit_with(|inputs| {
        inputs.saved = vec![engine(&image)];
        inputs.attestations = attestations(&attestation("image-trusted-base", "a:1", "2026-11-27")).unwrap();
    });
    let check = audited.checks.iter().find(|check| check.rule == "image-trusted-base").unwrap();
    assert!(check.seen.contains("2026-11-27"), "{}", check.seen);
}

#[test]
fn mistakes_are_refused() {
    for text in [
        attestation("no-such-rule", "", "2027-01-01"),
        attestation("image-user", "", "2025-01-01"),
        "- {rule: image-user, who: '', when: 2026-01-01, until: 2027-01-01, statement: x}".to_owned(),
        "- {rule: image-user}".to_owned(),
        "rule: x".to_owned(),
    ] {
        assert!(attestations(&text).is_err(), "{text}");
    }
}

#[test]
fn scores_count_what_is_unanswered_apart() {
    let tree =
        Tree::new().file("proc/sys/kernel/osrelease", "6.1.0").file("proc/sys/kernel/kptr_restrict", "0");
    let audited = tree.file("proc/sys/kernel/dmesg_restrict", "1").audit();
    let score = Score::of(Section::Kernel, &audited.checks);
    assert_eq!((score.count(Pass), score.count(Fail)), (1, 2), "{:#?}", audited.checks);
    assert_eq!(score.percent(), Some(33));
    assert!(score.unanswered() > 0);
    assert_eq!(audited.scores().len(), Section::ALL.len());
    let nothing = Tree::new().audit();
    assert_eq!(Score::of(Section::Kernel, &nothing.checks).percent(), None);
}
