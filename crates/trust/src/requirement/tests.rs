use super::*;
use crate::key::PrivateKey;
use crate::testing::{self, at};
use crate::verify::{Refusal, Verified};

const NOW: &str = "2026-06-01T00:00:00Z";

fn name(text: &str) -> ImageName {
    text.parse().unwrap()
}

fn image() -> Pinned {
    Pinned { digest: Digest::sha256([7; 32]), media_type: String::new(), size_bytes: 1 }
}

fn signed(key: &PrivateKey, at: Option<&str>) -> Attempt {
    let by = By::Key(key.public().clone());
    let at = at.map(testing::at);
    let verified = Verified {
        by,
        at,
        log_indexes: Vec::new(),
        statement: None,
        unchecked: Vec::new(),
        tolerated: Vec::new(),
    };
    Attempt { place: "here".to_owned(), outcome: Ok(verified) }
}

fn requirement(key: &PrivateKey) -> Requirement {
    Requirement { keys: vec![key.public().clone()], ..Requirement::default() }
}

fn check(requirement: &Requirement, attempts: &[Attempt], expected: &[&str]) {
    let findings = requirement.judge("app", &image(), attempts, at(NOW));
    let told: Vec<String> =
        findings.found.iter().map(|finding| format!("{} {}", finding.rule, finding.summary)).collect();
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.contains(expected), "{told} instead of {expected}");
    }
}

#[test]
fn signatures_that_are_missing_wrong_or_few() {
    let (key, other) = (testing::key(), testing::key());
    let one = requirement(&key);
    check(&one, &[], &["image-signature-missing app has no signature"]);
    check(&one, &[signed(&key, None)], &[]);
    let bad = || Attempt { place: "there".to_owned(), outcome: Err(Refusal::BadSignature) };
    check(&one, &[bad(), bad()], &["that counts: the signature is not by this key over this artifact"]);
    // One that is bad does not spoil one that is good, and does not count for it.
    check(&one, &[bad(), signed(&key, None)], &[]);
    let two = Requirement { signers: 2, keys: vec![key.public().clone(), other.public().clone()], ..one };
    check(&two, &[signed(&key, None), signed(&key, None)], &["app has signatures by 1 of 2 that count"]);
    check(&two, &[signed(&key, None), signed(&other, None)], &[]);
}

#[test]
fn age_revocation_and_expiry() {
    let key = testing::key();
    let aged = Requirement { age_days_max: Some(30), ..requirement(&key) };
    check(&aged, &[signed(&key, Some("2026-05-20T00:00:00Z"))], &[]);
    check(&aged, &[signed(&key, Some("2026-04-20T00:00:00Z"))], &["image-signature-refused"]);
    check(&aged, &[signed(&key, None)], &["image-signature-refused"]);
    let revoked = Requirement { revoked_keys: [key.public().fingerprint()].into(), ..requirement(&key) };
    check(&revoked, &[signed(&key, None)], &["image-signature-refused"]);
    let revoked = Requirement { revoked_digests: [image().digest].into(), ..requirement(&key) };
    check(&revoked, &[signed(&key, None)], &["image-revoked"]);
    let expired = Requirement { expires: Some("2026-05-31".parse().unwrap()), ..requirement(&key) };
    check(&expired, &[signed(&key, None)], &["image-trust-undefined"]);
    let lasting = Requirement { expires: Some("2026-06-01".parse().unwrap()), ..requirement(&key) };
    check(&lasting, &[signed(&key, None)], &[]);
}

#[test]
fn an_attestation_is_no_signature_and_a_signature_no_attestation() {
    let key = testing::key();
    let wanted = Requirement { attestations: vec!["https://x.example".to_owned()], ..requirement(&key) };
    check(&wanted, &[signed(&key, None)], &["image-attestation-missing"]);
    let mut attested = signed(&key, None);
    if let Ok(verified) = &mut attested.outcome {
        verified.statement = Some(crate::statement::Statement::new(
            &image().digest,
            "https://x.example",
            serde_json::Value::Null,
        ));
    }
    check(&wanted, &[signed(&key, None), attested], &[]);
}

fn read(entry: &str) -> Result<Requirements, FileError> {
    let key = testing::key().public().to_pem();
    let open = move |path: &str| match path {
        "key.pub" => Ok(key.clone()),
        _ => Err(format!("there is no {path}")),
    };
    Requirements::read(&format!("version: 1\nclauses: []\ntrust:\n{entry}"), &open)
}

#[test]
fn the_first_entry_that_matches_counts() {
    let text = "- images: [registry.example/app]\n  keys: [key.pub]\n  signers: 2\n\
                - images: ['registry.example/team-*', 'ghcr.io/org/**']\n  keys: [key.pub]\n  signers: 3\n\
                - images: ['docker.io']\n  keys: [key.pub]\n  signers: 4\n";
    let requirements = read(text).unwrap();
    let check = |image: &str, expected: Option<usize>| {
        let found = requirements.of(&name(image)).map(|requirement| requirement.signers);
        assert_eq!(found, expected, "{image}");
    };
    check("registry.example/app:1", Some(2));
    check("registry.example/app/part", Some(2));
    check("registry.example/application", None);
    check("registry.example/team-a/x", Some(3));
    check("ghcr.io/org/a/b", Some(3));
    check("ghcr.io/organisation/a", None);
    check("alpine", Some(4));
    check("docker.io.attacker.example/alpine", None);
}

#[test]
fn entries_that_could_never_be_met_or_always() {
    let check = |entry: &str, expected: &str| {
        let error = read(entry).unwrap_err().to_string();
        assert!(error.contains(expected), "{entry}: {error}");
    };
    check("- images: ['**']\n", "neither keys, identities nor");
    check("- images: []\n  keys: [key.pub]\n", "about no images");
    check("- images: ['**']\n  keys: [key.pub]\n  signers: 0\n", "trust everything");
    check("- images: ['**']\n  keys: [other.pub]\n", "there is no other.pub");
    check("- images: ['**']\n  identities: [{subject: a, issuer: b}]\n", "need `trusted-root`");
    check("- images: ['**']\n  identities: [{subject: a}]\n", "needs its `issuer`");
    check("- images: ['**']\n  keys: [key.pub]\n  revoked-keys: ['SHA256:xy']\n", "no fingerprint");
    check("- images: ['**']\n  keys: [key.pub]\n  unknown: 1\n", "unknown");
    check("- images: ['**']\n  keys: [key.pub]\n  attestations: [slsa]\n", "neither an address");
}
