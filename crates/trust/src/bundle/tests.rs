use super::*;
use crate::sign::sign_bytes;
use crate::testing;

fn check(text: &str, expected: &str) {
    let told = Bundle::read(text.as_bytes()).map_or_else(|error| error.to_string(), |_| "ok".to_owned());
    assert!(told.contains(expected), "{text}: {told}");
}

/// A bundle of these members.
fn bundle(version: &str, material: &str, content: &str) -> String {
    format!(r#"{{"mediaType":"{version}","verificationMaterial":{{{material}}},{content}}}"#)
}

const KEY: &str = r#""publicKey":{"hint":""}"#;
const MESSAGE: &str = r#""messageSignature":{"messageDigest":{},"signature":"AAAA"}"#;

#[test]
fn what_is_written_is_read() {
    let bundle = sign_bytes(b"file", &testing::key()).unwrap();
    assert_eq!(Bundle::read(&bundle.write().unwrap()).unwrap(), bundle);
}

#[test]
fn versions() {
    check(&bundle(MEDIA_TYPE, KEY, MESSAGE), "ok");
    for version in ["0.1", "0.2", "0.3"] {
        let media_type = format!("application/vnd.dev.sigstore.bundle+json;version={version}");
        check(&bundle(&media_type, KEY, MESSAGE), "ok");
    }
    check(
        &bundle("application/vnd.dev.sigstore.bundle+json;version=0.4", KEY, MESSAGE),
        "no version that is known",
    );
    check(&bundle("", KEY, MESSAGE), "no version that is known");
}

#[test]
fn one_signer_and_one_content() {
    let envelope = r#""dsseEnvelope":{"payload":"e30=","payloadType":"x","signatures":[{"sig":"AAAA"}]}"#;
    let empty = r#""dsseEnvelope":{"payload":"e30=","payloadType":"x","signatures":[]}"#;
    check(&bundle(MEDIA_TYPE, KEY, envelope), "ok");
    check(&bundle(MEDIA_TYPE, KEY, empty), "0 signatures");
    check(&bundle(MEDIA_TYPE, KEY, &format!("{envelope},{MESSAGE}")), "a message signature and an envelope");
    check(&bundle(MEDIA_TYPE, KEY, r#""x":1"#), "holds no signature");
    check(&bundle(MEDIA_TYPE, "", MESSAGE), "neither a key nor a certificate");
    let certificate = r#""certificate":{"rawBytes":"AAAA"}"#;
    check(&bundle(MEDIA_TYPE, &format!("{KEY},{certificate}"), MESSAGE), "a key and a certificate");
    check(&bundle(MEDIA_TYPE, certificate, MESSAGE), "not a certificate");
    check(&bundle(MEDIA_TYPE, r#""x509CertificateChain":{"certificates":[]}"#, MESSAGE), "0.3 forbids");
    check(&bundle(MEDIA_TYPE, KEY, r#""messageSignature":{"signature":""}"#), "signature is empty");
}

#[test]
fn duplicate_fields_are_refused() {
    check(&bundle(MEDIA_TYPE, &format!("{KEY},{KEY}"), MESSAGE), "stands there twice");
    check(&bundle(MEDIA_TYPE, KEY, &format!("{MESSAGE},{MESSAGE}")), "stands there twice");
    check(&bundle(MEDIA_TYPE, KEY, &format!(r#"{MESSAGE},"unknown":1,"unknown":2"#)), "stands there twice");
}

#[test]
fn later_versions_need_a_proof() {
    let entry = r#""tlogEntries":[{"logIndex":"1","logId":{"keyId":"AAAA"},"kindVersion":{"kind":"dsse","version":"0.0.1"},
        "integratedTime":"1","inclusionPromise":{"signedEntryTimestamp":"AAAA"},"canonicalizedBody":"AAAA"}]"#;
    let material = format!("{KEY},{entry}");
    check(&bundle("application/vnd.dev.sigstore.bundle+json;version=0.1", &material, MESSAGE), "ok");
    check(
        &bundle("application/vnd.dev.sigstore.bundle+json;version=0.2", &material, MESSAGE),
        "no inclusion proof",
    );
    check(&bundle(MEDIA_TYPE, &material, MESSAGE), "no inclusion proof");
}

/// A public attestation with one byte changed reads or does not, and verifies only if what is said of which artifact by
/// whom is the same.
#[test]
fn changed_bytes_of_an_attestation() {
    use crate::certificate::identity::{Identity, Pattern};
    use crate::trusted_root::TrustedRoot;
    use crate::verify::{Artifact, Wanted, verify};
    let good: &[u8] = include_bytes!("../../testdata/provenance.sigstore.json");
    let root = TrustedRoot::read(include_bytes!("../../testdata/trusted_root.json")).unwrap();
    let subject = Pattern::glob("https://github.com/sigstore/**").unwrap();
    let identities = [Identity { subject, issuer: Some(Pattern::glob("https://**").unwrap()) }];
    let digest = "sha512:46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe3\
                  4640966eee9fc2ccca387082b4c85cd3c"
        .parse()
        .unwrap();
    let verified = |bytes: &[u8]| {
        let bundle = Bundle::read(bytes).ok()?;
        let wanted = Wanted::Identities(&identities, &root);
        verify(&bundle, Artifact::Digest(&digest), wanted, testing::at("2026-06-01T00:00:00Z")).ok()
    };
    let expected = verified(good).unwrap();
    for position in (0..good.len()).step_by(37) {
        let mut changed = good.to_vec();
        changed[position] ^= 4;
        if let Some(other) = verified(&changed) {
            assert_eq!((&other.by, &other.statement), (&expected.by, &expected.statement), "{position}");
        }
    }
}

#[test]
fn limits() {
    let stamps = r#"{"signedTimestamp":"AAAA"},"#.repeat(20);
    let material = format!(
        r#"{KEY},"timestampVerificationData":{{"rfc3161Timestamps":[{}]}}"#,
        stamps.trim_end_matches(',')
    );
    check(&bundle(MEDIA_TYPE, &material, MESSAGE), "more than 16 time stamps");
}
