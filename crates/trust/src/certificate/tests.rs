use std::process::Command;

use super::*;
use crate::testing::{self, Wish};

#[test]
fn what_openssl_makes_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-384",
            "-nodes",
            "-days",
            "30",
        ])
        .args(["-subj", "/O=Example/CN=signer", "-addext", "extendedKeyUsage=codeSigning"])
        .args(["-addext", "subjectAltName=email:a@example.com,URI:https://example.com/x"])
        .args(["-keyout", &at("key"), "-out", &at("certificate")])
        .output();
    let Ok(made) = made else {
        println!("skipped: openssl is not installed");
        return;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let text = std::fs::read_to_string(at("certificate")).unwrap();
    let [certificate] = <[Certificate; 1]>::try_from(Certificate::read_pem(&text).unwrap()).unwrap();
    assert_eq!((certificate.label(), certificate.to_pem()), ("signer".to_owned(), text));
    assert_eq!(
        identity::Named::of(&certificate).unwrap().subjects,
        ["a@example.com", "https://example.com/x"]
    );
    assert!(certificate.is_issued_by(&certificate) && certificate.is_signed_by(&certificate.key().unwrap()));
}

#[test]
fn certificates_that_are_malformed() {
    let key = testing::key();
    let twice = testing::extension(&[0x55, 0x1d, 0x0f], true, &[3, 2, 7, 0x80]);
    let der = Wish { more: vec![twice], ..Wish::leaf(&key) }.der("root", &key);
    assert!(Certificate::read(&der).unwrap_err().0.contains("extension twice (2.5.29.15)"));
    let good = Wish::leaf(&key).der("root", &key);
    for length in 0..good.len() {
        assert!(Certificate::read(&good[..length]).is_err());
    }
    assert!(Certificate::read(&[&good[..], &[0]].concat()).is_err());
}

#[test]
fn bytes_that_change_change_the_verdict() {
    let (key, root_key) = (testing::key(), testing::key());
    let good = Wish::leaf(&key).der("root", &root_key);
    for position in 0..good.len() {
        let mut changed = good.clone();
        changed[position] ^= 1;
        let is_good = Certificate::read(&changed).is_ok_and(|one| one.is_signed_by(root_key.public()));
        assert!(!is_good, "{position}");
    }
}
