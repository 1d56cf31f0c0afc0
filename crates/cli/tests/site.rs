//! A site's own trust: openssl checks its certificates, lists and time stamps, sigstore-python and cosign its signatures,
//! where they are there (`pip install sigstore`; cosign on the PATH).
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a failed test panics and says what it skips")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use seawall_testkit::{Image, Layout, Tar};
use serde_json::Value;

const WHO: &str = "build@example.com";
const ISSUER: &str = "https://exampleltd.seawall.local";
/// 2026-06-01, when the site is made.
const DAY: i64 = 1_780_272_000;

struct Site {
    directory: tempfile::TempDir,
}

impl Site {
    /// One with the site `site` and the file `file`.
    fn new() -> Site {
        let site = Site { directory: tempfile::tempdir().unwrap() };
        fs::write(site.at("file"), "file").unwrap();
        site.check(DAY, &["trust", "init", "site", "--name", "Example Ltd"], 0);
        site
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// What it says at a time, with this exit code.
    fn check(&self, time: i64, arguments: &[&str], exit: i32) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null()).env_clear();
        command.env("HOME", self.directory.path()).env("SEAWALL_KEY_PASSWORD", "correct horse");
        let output = command.env("SOURCE_DATE_EPOCH", time.to_string()).output().unwrap();
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {told}");
        told
    }

    fn sign(&self, time: i64, bundle: &str) {
        let by = ["--site", "site", "--identity", WHO];
        self.check(time, &[&["sign"], &by[..], &["--bundle", bundle, "file"]].concat(), 0);
    }

    fn verify(&self, bundle: &str, more: &[&str], exit: i32) -> String {
        let root = ["--trusted-root", "site/trusted_root.json"];
        let who = ["--certificate-identity", WHO, "--certificate-oidc-issuer", ISSUER];
        let verify = ["verify-bundle", "--bundle", bundle];
        // A year later.
        self.check(DAY + 365 * 86_400, &[&verify[..], &root, &who, more, &["file"]].concat(), exit)
    }

    /// Another program in the directory: whether it is content, and what it says.
    fn run(&self, program: &str, arguments: &[&str]) -> Option<(bool, String)> {
        let mut command = Command::new(program);
        let output = command.args(arguments).current_dir(self.directory.path()).output().ok()?;
        let told = [output.stdout, output.stderr].concat();
        Some((output.status.success(), String::from_utf8_lossy(&told).into_owned()))
    }

    fn openssl(&self, arguments: &str) {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        match self.run("openssl", &arguments) {
            Some((is_good, told)) => assert!(is_good, "openssl {arguments:?}: {told}"),
            None => println!("skipped: openssl is not installed"),
        }
    }
}

#[test]
fn openssl_checks_certificates_lists_and_time_stamps() {
    let site = Site::new();
    site.sign(DAY + 60, "bundle");
    let bundle: Value = serde_json::from_slice(&fs::read(site.at("bundle")).unwrap()).unwrap();
    let material = &bundle["verificationMaterial"];
    // openssl decodes base64 itself, where it stands in lines.
    let decode = |name: &str, value: &Value| {
        fs::write(site.at("encoded"), value.as_str().unwrap()).unwrap();
        site.openssl(&format!("base64 -d -A -in encoded -out {name}"));
    };
    decode("leaf.der", &material["certificate"]["rawBytes"]);
    decode("stamp", &material["timestampVerificationData"]["rfc3161Timestamps"][0]["signedTimestamp"]);
    decode("signature", &bundle["messageSignature"]["signature"]);
    let at = DAY + 120;
    site.openssl("x509 -inform DER -in leaf.der -out leaf.pem");
    let untrusted = "-CAfile site/root.pem -untrusted site/ca.pem -x509_strict";
    site.openssl(&format!("verify -attime {at} {untrusted} leaf.pem"));
    site.openssl(&format!(
        "verify -attime {at} -CAfile site/root.pem -purpose timestampsign -x509_strict site/tsa.pem"
    ));
    site.openssl("crl -in site/crl.pem -CAfile site/ca.pem -noout");
    let chain = "-CAfile site/root.pem -untrusted site/tsa.pem";
    site.openssl(&format!("ts -verify -attime {at} -data signature -in stamp {chain}"));
    site.check(at, &["trust", "revoke", "site", WHO], 0);
    site.openssl("crl -in site/crl.pem -CAfile site/ca.pem -noout");
    fs::write(
        site.at("chain"),
        [fs::read(site.at("site/ca.pem")).unwrap(), fs::read(site.at("site/crl.pem")).unwrap()].concat(),
    )
    .unwrap();
    let arguments = format!(
        "verify -attime {at} -crl_check -CAfile site/root.pem -untrusted chain -CRLfile site/crl.pem leaf.pem"
    );
    let arguments: Vec<&str> = arguments.split(' ').collect();
    if let Some((is_good, told)) = site.run("openssl", &arguments) {
        assert!(!is_good && told.contains("revoked"), "{told}");
    }
}

#[test]
fn sigstore_clients_verify_what_a_site_signs() {
    let site = Site::new();
    for round in 0..3 {
        site.sign(DAY + 60 + round, "bundle");
    }
    assert!(
        site.verify("bundle", &[], 0)
            .contains(&format!("signed by {WHO} (by {ISSUER}) at 2026-06-01T00:01:02Z"))
    );
    let program = format!(
        "import sys\n\
         try:\n    import sigstore\n\
         except ImportError:\n    sys.exit(77)\n\
         from sigstore.models import Bundle, TrustedRoot\n\
         from sigstore.verify import Verifier, policy\n\
         root = TrustedRoot.from_file('site/trusted_root.json')\n\
         bundle = Bundle.from_json(open('bundle', 'rb').read())\n\
         who = policy.Identity(identity='{WHO}', issuer='{ISSUER}')\n\
         Verifier(trusted_root=root).verify_artifact(open('file', 'rb').read(), bundle, who)\n\
         print('verified')\n"
    );
    match site.run("python3", &["-c", &program]) {
        Some((true, told)) => assert!(told.contains("verified"), "{told}"),
        Some((false, told)) if told.is_empty() => println!("skipped: sigstore for Python is not installed"),
        Some((false, told)) => panic!("sigstore-python: {told}"),
        None => println!("skipped: python3 is not installed"),
    }
    let who = ["--certificate-identity", WHO, "--certificate-oidc-issuer", ISSUER];
    let verify = ["verify-blob", "--bundle", "bundle", "--trusted-root", "site/trusted_root.json"];
    match site.run("cosign", &[&verify[..], &who, &["file"]].concat()) {
        Some((is_good, told)) => assert!(is_good, "cosign: {told}"),
        None => println!("skipped: cosign is not on the PATH"),
    }
}

#[test]
fn what_was_revoked_or_made_anew() {
    let site = Site::new();
    site.sign(DAY + 60, "before");
    let revoked = ["--crl", "site/crl.pem"];
    site.verify("before", &revoked, 0);
    let keys = fs::read(site.at("site/online.key")).unwrap();
    let root = fs::read_to_string(site.at("site/trusted_root.json")).unwrap();
    for (count, part) in ["ca", "tsa", "log", "certificate-log"].into_iter().enumerate() {
        let time = DAY + 1000 * (i64::try_from(count).unwrap() + 1);
        site.check(time, &["trust", "rotate", "site", "--part", part], 0);
        site.sign(time + 60, "after");
        // The old one counts for what it did, the new one from when it was made.
        site.verify("before", &revoked, 0);
        site.verify("after", &revoked, 0);
    }
    // Who still has the old keys signs in vain.
    let (new_keys, new_root) = (
        fs::read(site.at("site/online.key")).unwrap(),
        fs::read_to_string(site.at("site/trusted_root.json")).unwrap(),
    );
    assert_ne!(root, new_root);
    fs::write(site.at("site/online.key"), keys).unwrap();
    site.sign(DAY + 9000, "stolen");
    assert!(site.verify("stolen", &[], 1).contains("not trusted"));
    fs::write(site.at("site/online.key"), new_keys).unwrap();
    let told = site.check(DAY + 9100, &["trust", "revoke", "site", "nobody@example.com"], 2);
    assert!(told.contains("certified nobody called"), "{told}");
    site.check(DAY + 9100, &["trust", "revoke", "site", WHO], 0);
    assert!(site.verify("after", &revoked, 1).contains("was revoked at 2026-06-01T02:31:40Z"));
    // What an authority certified that was replaced since is taken back too.
    assert!(site.verify("before", &revoked, 1).contains("was revoked at 2026-06-01T02:31:40Z"));
    site.verify("after", &[], 0);
    let stranger = ["sign", "--site", "site", "--identity", "not a name", "--bundle", "x", "file"];
    assert!(site.check(DAY, &stranger, 2).contains("neither a mail address"));
    assert!(site.check(DAY, &["trust", "init", "site"], 2).contains("cannot make"));
}

#[test]
fn an_image_signed_and_attested_by_a_site() {
    let site = Site::new();
    Layout::new().image(&Image::new().layer(Tar::new().file("x", "x"))).write(&site.at("layout")).unwrap();
    let by = ["--site", "site", "--identity", WHO];
    site.check(DAY + 60, &[&["sign"], &by[..], &["oci:layout"]].concat(), 0);
    fs::write(site.at("predicate"), "{}").unwrap();
    site.check(DAY + 61, &[&["attest"], &by[..], &["--predicate", "predicate", "oci:layout"]].concat(), 0);
    let verify = |time: i64, identity: &str, exit: i32| {
        let root = ["verify", "--trusted-root", "site/trusted_root.json", "--attestation", "custom"];
        let who = ["--certificate-identity", identity, "--certificate-oidc-issuer", ISSUER];
        site.check(time, &[&root[..], &who, &["oci:layout"]].concat(), exit)
    };
    verify(DAY + 86_400, WHO, 0);
    verify(DAY + 86_400, "somebody@example.com", 1);
}
