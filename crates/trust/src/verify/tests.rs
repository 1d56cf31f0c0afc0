use super::*;
use crate::bundle::LogEntry;
use crate::certificate::TIME_STAMPING;
use crate::certificate::identity::Pattern;
use crate::key::{KeyAlgorithm, PrivateKey};
use crate::sign::{sign_bytes, sign_statement};
use crate::testing::{self, ISSUER, SUBJECT, Site, Wish, at, hashed_rekord};

const NOW: &str = "2026-06-01T00:00:00Z";

fn by_key(bundle: &Bundle, artifact: Artifact<'_>, keys: &[&PrivateKey]) -> String {
    let keys: Vec<PublicKey> = keys.iter().map(|key| key.public().clone()).collect();
    told(verify(bundle, artifact, Wanted::Keys(&keys, None), at(NOW)))
}

fn told(verified: Result<Verified, Refusal>) -> String {
    match verified {
        Ok(verified) => {
            let at = verified.at.map(|at| format!(" at {at}")).unwrap_or_default();
            let unchecked = verified.unchecked.iter().map(|what| format!(", not checked: {what}"));
            format!("ok{at}{}", unchecked.collect::<String>())
        }
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn a_file_and_its_key() {
    let (key, other) = (testing::key(), testing::key());
    let bundle = sign_bytes(b"file", &key).unwrap();
    let check = |bytes: &[u8], keys: &[&PrivateKey], expected: &str| {
        let told = by_key(&bundle, Artifact::Bytes(bytes), keys);
        assert!(told.contains(expected), "{told}");
    };
    check(b"file", &[&key], "ok");
    check(b"file", &[&other, &key], "ok");
    check(b"file", &[&other], "another key");
    check(b"elif", &[&key], "another artifact");
    check(b"file", &[], "another key");
}

#[test]
fn a_message_digest_is_no_substitute_for_the_message() {
    let key = testing::key();
    let mut bundle = sign_bytes(b"file", &key).unwrap();
    let Content::Message { digest, .. } = &mut bundle.content else { unreachable!() };
    *digest = Some((crate::key::Hash::Sha256, crate::key::Hash::Sha256.of(b"elif")));
    assert_eq!(by_key(&bundle, Artifact::Bytes(b"elif"), &[&key]), Refusal::BadSignature.to_string());
    assert_eq!(by_key(&bundle, Artifact::Bytes(b"file"), &[&key]), Refusal::OtherArtifact.to_string());
}

#[test]
fn a_hint_that_is_a_digest_must_be_the_keys() {
    let (key, other) = (testing::key(), testing::key());
    let signed = sign_bytes(b"file", &key).unwrap();
    let check = |hint: &str, expected: &str| {
        let bundle = Bundle { signer: Signer::Key { hint: hint.to_owned() }, ..signed.clone() };
        let told = by_key(&bundle, Artifact::Bytes(b"file"), &[&key]);
        assert!(told.contains(expected), "{hint}: {told}");
    };
    check("", "ok");
    check("SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA", "ok");
    check(&other.public().hint(), "another key");
}

#[test]
fn a_wrong_key_id_of_an_envelope_is_refused() {
    let (key, other) = (testing::key(), testing::key());
    let digest = Digest::sha256([7; 32]);
    let statement = Statement::new(&digest, "https://x.example", serde_json::json!({}));
    let mut bundle = sign_statement(&statement, &key).unwrap();
    assert_eq!(by_key(&bundle, Artifact::Digest(&digest), &[&key]), "ok");
    let Content::Envelope(envelope) = &mut bundle.content else { unreachable!() };
    envelope.key_id = other.public().hint();
    assert!(by_key(&bundle, Artifact::Digest(&digest), &[&key]).contains("another key"));
}

#[test]
fn a_signature_over_another_digest_is_refused() {
    let key = testing::key();
    let digest = Digest::sha256([7; 32]);
    let statement = Statement::new(&digest, "https://x.example", serde_json::json!({}));
    let bundle = sign_statement(&statement, &key).unwrap();
    let other = Digest::sha256([8; 32]);
    assert_eq!(by_key(&bundle, Artifact::Digest(&other), &[&key]), Refusal::OtherArtifact.to_string());
    assert_eq!(by_key(&bundle, Artifact::Bytes(b"x"), &[&key]), Refusal::OtherArtifact.to_string());
}

#[test]
fn an_envelope_of_another_payload_type_is_refused() {
    let key = testing::key();
    let digest = Digest::sha256([7; 32]);
    let statement = Statement::new(&digest, "https://x.example", serde_json::json!({}));
    let mut bundle = sign_statement(&statement, &key).unwrap();
    let Content::Envelope(envelope) = &mut bundle.content else { unreachable!() };
    envelope.payload_type = "text/plain".to_owned();
    assert_eq!(by_key(&bundle, Artifact::Digest(&digest), &[&key]), Refusal::BadSignature.to_string());
    let Content::Envelope(envelope) = &mut bundle.content else { unreachable!() };
    envelope.signature = key.sign(&envelope.signed_bytes()).unwrap();
    assert!(by_key(&bundle, Artifact::Digest(&digest), &[&key]).contains("no statement"));
}

#[test]
fn kinds_of_keys_are_not_confused() {
    for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Ed25519] {
        let key = PrivateKey::generate(algorithm).unwrap();
        let mut bundle = sign_bytes(b"file", &key).unwrap();
        bundle.signer = Signer::Key { hint: String::new() };
        for other in [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Ed25519] {
            let other = PrivateKey::generate(other).unwrap();
            let told = by_key(&bundle, Artifact::Bytes(b"file"), &[&other]);
            assert_eq!(told, Refusal::BadSignature.to_string());
        }
        assert_eq!(by_key(&bundle, Artifact::Bytes(b"file"), &[&key]), "ok");
    }
}

fn identities() -> Vec<Identity> {
    vec![Identity { subject: Pattern::exact(SUBJECT), issuer: Some(Pattern::exact(ISSUER)) }]
}

fn by_identity(bundle: &Bundle, root: &TrustedRoot) -> String {
    told(verify(bundle, Artifact::Bytes(b"file"), Wanted::Identities(&identities(), root), at(NOW)))
}

#[test]
fn a_certificate_that_was_valid_when_the_log_saw_it() {
    let site = Site::new();
    let bundle = site.bundle(b"file", |key| site.leaf(Wish::leaf(key)));
    assert_eq!(by_identity(&bundle, &site.trusted()), "ok at 2026-01-01T00:01:00Z");
    // Through the file too.
    let read = Bundle::read(&bundle.write().unwrap()).unwrap();
    assert_eq!(read, bundle);
}

#[test]
fn a_key_is_no_certificate_and_a_certificate_no_key() {
    let site = Site::new();
    let bundle = site.bundle(b"file", |key| site.leaf(Wish::leaf(key)));
    assert!(
        by_key(&bundle, Artifact::Bytes(b"file"), &[&site.root_key]).contains("a certificate where a key")
    );
    let bundle = sign_bytes(b"file", &site.root_key).unwrap();
    assert!(by_identity(&bundle, &site.trusted()).contains("a key where a certificate"));
}

/// Changes a good bundle and expects why it is refused.
fn changed(change: impl FnOnce(&Site, &mut Bundle), expected: &str) {
    let site = Site::new();
    let mut bundle = site.bundle(b"file", |key| site.leaf(Wish::leaf(key)));
    change(&site, &mut bundle);
    let told = by_identity(&bundle, &site.trusted());
    assert!(told.contains(expected), "{told} instead of {expected}");
}

/// Records another body in place of the bundle's, as the log would.
fn recorded(site: &Site, bundle: &mut Bundle, message: &[u8], signature: &[u8], pem: &str) {
    bundle.log_entries = vec![site.entry(hashed_rekord(message, signature, pem))];
}

fn leaf_pem(bundle: &Bundle) -> String {
    let Signer::Certificates(certificates) = &bundle.signer else { unreachable!() };
    certificates[0].to_pem()
}

#[test]
fn cve_2022_36056_an_entry_of_another_artifact() {
    changed(
        |site, bundle| {
            let (signature, pem) = (bundle.content.signature().to_vec(), leaf_pem(bundle));
            recorded(site, bundle, b"elif", &signature, &pem);
        },
        "of another artifact",
    );
}

#[test]
fn cve_2026_22703_an_entry_of_another_signature_or_signer() {
    changed(
        |site, bundle| {
            let pem = leaf_pem(bundle);
            recorded(site, bundle, b"file", b"another", &pem);
        },
        "of another signature",
    );
    changed(
        |site, bundle| {
            let signature = bundle.content.signature().to_vec();
            recorded(site, bundle, b"file", &signature, &site.root.to_pem());
        },
        "of another signer",
    );
}

#[test]
fn ghsa_fx35_mq7g_6g98_a_raw_key_in_place_of_a_certificate() {
    changed(
        |site, bundle| {
            let Signer::Certificates(certificates) = &bundle.signer else { unreachable!() };
            let pem = certificates[0].key().unwrap().to_pem();
            let signature = bundle.content.signature().to_vec();
            recorded(site, bundle, b"file", &signature, &pem);
        },
        "of another signer",
    );
}

#[test]
fn an_entry_that_the_log_did_not_promise_or_prove() {
    let entry = |change: fn(&mut LogEntry), expected: &str| {
        changed(|_, bundle| bundle.log_entries.iter_mut().for_each(change), expected);
    };
    entry(|entry| entry.integrated_time += 1, "did not sign the entry's promise");
    entry(|entry| entry.index += 1, "did not sign the entry's promise");
    entry(|entry| entry.proof.as_mut().unwrap().index = 4, "does not lead");
    entry(|entry| entry.proof.as_mut().unwrap().index = 7, "does not lead");
    entry(|entry| entry.proof.as_mut().unwrap().tree_size = 8, "of another tree");
    entry(|entry| entry.proof.as_mut().unwrap().root[0] ^= 1, "does not lead");
    entry(|entry| entry.proof.as_mut().unwrap().hashes.truncate(1), "does not lead");
    entry(|entry| entry.proof.as_mut().unwrap().hashes.push(vec![0; 32]), "does not lead");
    entry(
        |entry| {
            let proof = entry.proof.as_mut().unwrap();
            proof.checkpoint = proof.checkpoint.replacen("\n7\n", "\n9\n", 1);
        },
        "of another tree",
    );
    entry(
        |entry| {
            let proof = entry.proof.as_mut().unwrap();
            proof.checkpoint = proof.checkpoint.replacen("log.example", "log.exampel", 1);
        },
        "did not sign the checkpoint",
    );
    entry(|entry| entry.kind = "dsse".to_owned(), "of another kind");
    entry(|entry| entry.log_id[0] ^= 1, "no log of the trusted root recorded it");
    changed(|_, bundle| bundle.log_entries.clear(), "no log of the trusted root recorded it");
}

/// A proof says that the entry is in the log, and nothing of when it came there.
#[test]
fn an_unsigned_time_is_no_time() {
    let entry = |entry: &mut LogEntry| entry.signed_entry_timestamp = None;
    changed(|_, bundle| bundle.log_entries.iter_mut().for_each(entry), "nobody vouches for the time");
}

#[test]
fn a_log_key_that_was_not_in_use() {
    let site = Site::new();
    let bundle = site.bundle(b"file", |key| site.leaf(Wish::leaf(key)));
    let mut root = site.trusted();
    root.logs[0].valid.end = Some(at("2025-12-31T00:00:00Z"));
    assert!(by_identity(&bundle, &root).contains("not in use"));
    // Nor does it help to say no time.
    let mut silent = bundle.clone();
    silent.log_entries[0].integrated_time = 0;
    silent.log_entries[0].signed_entry_timestamp = None;
    silent.timestamps = vec![site.stamp(bundle.content.signature(), "20260101000200Z")];
    assert!(by_identity(&silent, &root).contains("not in use"));
    root.logs[0].valid.end = None;
    assert_eq!(by_identity(&silent, &root), "ok at 2026-01-01T00:02:00Z");
}

#[test]
fn an_expired_certificate_with_and_without_a_time_stamp() {
    let site = Site::new();
    let root = TrustedRoot { logs: Vec::new(), ..site.trusted() };
    let mut bundle = site.bundle(b"file", |key| site.leaf(Wish::leaf(key)));
    // The log is not known, so nobody vouches for its time.
    assert!(by_identity(&bundle, &root).contains("nobody vouches for the time"));
    let signature = bundle.content.signature().to_vec();
    let mut check = |stamp: Vec<u8>, expected: &str| {
        bundle.timestamps = vec![stamp];
        let told = by_identity(&bundle, &root);
        assert!(told.contains(expected), "{told} instead of {expected}");
    };
    check(site.stamp(&signature, "20260101000200Z"), "ok at 2026-01-01T00:02:00Z");
    check(site.stamp(&signature, "20260101001001Z"), "and not at 2026-01-01T00:10:01Z");
    check(site.stamp(b"another signature", "20260101000200Z"), "nobody vouches for the time");
    let mut broken = site.stamp(&signature, "20260101000200Z");
    *broken.last_mut().unwrap() ^= 1;
    check(broken, "nobody vouches for the time");
    // An authority whose root is another one.
    check(Site::new().stamp(&signature, "20260101000200Z"), "nobody vouches for the time");
}

/// A leaf of another wish, or another authority, and why it is refused.
fn certified(certificate: impl FnOnce(&Site, &PrivateKey) -> Certificate, expected: &str) {
    let site = Site::new();
    let bundle = site.bundle(b"file", |key| certificate(&site, key));
    let told = by_identity(&bundle, &site.trusted());
    assert!(told.contains(expected), "{told} instead of {expected}");
}

#[test]
fn certificates_with_tricks() {
    certified(
        |site, key| site.leaf(Wish { names: &["other@example.com"], ..Wish::leaf(key) }),
        "signed by other@",
    );
    certified(
        |site, key| site.leaf(Wish { issuer: Some("https://other"), ..Wish::leaf(key) }),
        "by https://other",
    );
    certified(
        |site, key| site.leaf(Wish { issuer: None, ..Wish::leaf(key) }),
        "signed by release@example.com",
    );
    certified(
        |site, key| site.leaf(Wish { names: &["release@example.com\0.x"], ..Wish::leaf(key) }),
        "cannot be read",
    );
    let server = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
    certified(|site, key| site.leaf(Wish { purpose: &server, ..Wish::leaf(key) }), "not for this purpose");
    certified(|site, key| site.leaf(Wish { authority: Some(0), ..Wish::leaf(key) }), "is an authority's");
    let unknown = testing::extension(&[0x2a, 0x03], true, &[5, 0]);
    certified(|site, key| site.leaf(Wish { more: vec![unknown], ..Wish::leaf(key) }), "critical extension");
    certified(|site, key| Wish::leaf(key).signed("root", &site.root_key), "no signed certificate timestamp");
    certified(
        |site, key| Wish::leaf(key).with_sct("root", &site.root_key, key).signed("root", &site.root_key),
        "no log of the trusted root promised",
    );
    certified(
        |site, key| Wish::leaf(key).with_sct("root", key, &site.certificate_log).signed("root", key),
        "did not sign",
    );
    certified(|_, key| Wish::leaf(key).signed("leaf", key), "no trusted authority issued");
}

/// A leaf below an intermediate that is as `intermediate` wishes.
fn below(intermediate: impl Fn(Wish<'_>) -> Wish<'_>, expected: &str) {
    let site = Site::new();
    let middle_key = testing::key();
    let middle = intermediate(Wish::authority("middle", &middle_key)).signed("root", &site.root_key);
    let mut bundle = site.bundle(b"file", |key| {
        Wish::leaf(key).with_sct("middle", &middle_key, &site.certificate_log).signed("middle", &middle_key)
    });
    if let Signer::Certificates(certificates) = &mut bundle.signer {
        certificates.push(middle);
    }
    let told = by_identity(&bundle, &site.trusted());
    assert!(told.contains(expected), "{told} instead of {expected}");
}

#[test]
fn authorities_with_tricks() {
    below(|wish| wish, "ok");
    below(|wish| Wish { authority: None, ..wish }, "not an authority's certificate");
    below(|wish| Wish { until: "20250101000000Z", ..wish }, "and not at");
    below(|wish| Wish { purpose: TIME_STAMPING, ..wish }, "not for this purpose");
    let constraints = testing::extension(&[0x55, 0x1d, 0x1e], false, &[0x30, 0]);
    below(|wish| Wish { more: vec![constraints.clone()], ..wish }, "name constraints");
}

#[test]
fn a_path_that_is_too_long_for_its_authority() {
    let site = Site::new();
    let root = Wish { authority: Some(0), ..Wish::authority("root", &site.root_key) };
    let trusted = TrustedRoot {
        authorities: vec![Authority {
            certificates: vec![root.signed("root", &site.root_key)],
            valid: Default::default(),
        }],
        ..site.trusted()
    };
    let middle_key = testing::key();
    let mut bundle = site.bundle(b"file", |key| {
        Wish::leaf(key).with_sct("middle", &middle_key, &site.certificate_log).signed("middle", &middle_key)
    });
    if let Signer::Certificates(certificates) = &mut bundle.signer {
        certificates.push(Wish::authority("middle", &middle_key).signed("root", &site.root_key));
    }
    assert!(by_identity(&bundle, &trusted).contains("its path is too long"));
}

#[test]
fn a_private_authority_needs_no_logs() {
    let site = Site::new();
    let root = TrustedRoot::private(&site.root.to_pem()).unwrap();
    let identities = vec![Identity { subject: Pattern::exact(SUBJECT), issuer: None }];
    let verify = |until: &str| {
        let wish = |key: &PrivateKey| Wish { until, ..Wish::leaf(key) }.signed("root", &site.root_key);
        let bundle = Bundle { log_entries: Vec::new(), ..site.bundle(b"file", wish) };
        told(super::verify(
            &bundle,
            Artifact::Bytes(b"file"),
            Wanted::Identities(&identities, &root),
            at(NOW),
        ))
    };
    assert_eq!(verify("20270101000000Z"), "ok");
    assert!(verify("20260501000000Z").contains("nobody vouches for the time"));
}

/// npm's provenance of sigstore 2.0.0 from GitHub Actions, against the public trusted root of that time.
#[test]
fn a_public_attestation_of_npm() {
    let bundle = Bundle::read(include_bytes!("../../testdata/provenance.sigstore.json")).unwrap();
    let root = TrustedRoot::read(include_bytes!("../../testdata/trusted_root.json")).unwrap();
    let digest = "sha512:46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe3\
                  4640966eee9fc2ccca387082b4c85cd3c"
        .parse()
        .unwrap();
    let verify = |subject: &str, issuer: &str, digest: &Digest| {
        let identity =
            Identity { subject: Pattern::glob(subject).unwrap(), issuer: Some(Pattern::exact(issuer)) };
        let wanted = [identity];
        super::verify(&bundle, Artifact::Digest(digest), Wanted::Identities(&wanted, &root), at(NOW))
    };
    let (subject, issuer) = (
        "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main",
        "https://token.actions.githubusercontent.com",
    );
    let verified = verify(subject, issuer, &digest).unwrap();
    assert_eq!(verified.at, Some(at("2023-08-18T16:05:35Z")));
    assert_eq!(verified.statement.unwrap().predicate_type, "https://slsa.dev/provenance/v1");
    assert!(verify("https://github.com/sigstore/sigstore-js/**", issuer, &digest).is_ok());
    assert!(matches!(verify("https://github.com/other/**", issuer, &digest), Err(Refusal::OtherIdentity(_))));
    assert!(matches!(verify(subject, "https://other", &digest), Err(Refusal::OtherIdentity(_))));
    assert_eq!(verify(subject, issuer, &Digest::sha256([0; 32])), Err(Refusal::OtherArtifact));
}

/// A time stamp of sigstore's own authority over a signature by a key.
#[test]
fn a_time_stamp_of_sigstore() {
    let bundle = Bundle::read(include_bytes!("../../testdata/time-stamped.sigstore.json")).unwrap();
    let root = TrustedRoot::read(include_bytes!("../../testdata/time-stamped.trusted_root.json")).unwrap();
    let [stamp] = bundle.timestamps.as_slice() else { unreachable!() };
    let at = |signature: &[u8]| timestamp::check(stamp, signature, &root.timestamp_authorities);
    assert_eq!(at(bundle.content.signature()), Ok(testing::at("2026-06-04T17:43:29Z")));
    assert!(at(b"another").unwrap_err().contains("another signature"));
}
