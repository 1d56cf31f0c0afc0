//! Signing and verifying as a user meets it: files, images of a layout and of Debian's registry, the policy.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use seawall_testkit::{Distribution, Image, Layout, Tar, output};
use serde_json::Value;

/// A directory in which `seawall` runs.
struct Site {
    directory: tempfile::TempDir,
}

impl Site {
    /// One with the key pair `our` and the file `file`.
    fn new() -> Site {
        let site = Site { directory: tempfile::tempdir().unwrap() };
        site.write("file", "file");
        site.check(&["trust", "keygen", "--output", "our"], 0);
        site
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.at(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null()).env_clear();
        command.env("HOME", self.directory.path()).env("SEAWALL_KEY_PASSWORD", "correct horse");
        command.env("SOURCE_DATE_EPOCH", "1780272000");
        command
    }

    /// What it writes to stdout and stderr together, with this exit code.
    fn check(&self, arguments: &[&str], exit: i32) -> String {
        let output = self.command(arguments).output().unwrap();
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8(told).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {told}");
        told
    }

    fn rules(&self, arguments: &[&str], exit: i32) -> Vec<String> {
        let output = self.command(arguments).args(["--format", "json"]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {told}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn a_file_its_signature_and_what_is_wrong_with_it() {
    let site = Site::new();
    site.check(&["sign", "--key", "our.key", "--bundle", "bundle", "file"], 0);
    let verify = ["verify-bundle", "--bundle", "bundle", "--key", "our.pub"];
    let with = |file: &'static str| [&verify[..], &[file]].concat();
    assert!(site.check(&with("file"), 0).contains("signed by key SHA256:"));
    site.write("elif", "elif");
    assert!(site.check(&with("elif"), 1).contains("not trusted: it is a signature of another artifact"));
    assert!(site.check(&with("missing"), 2).contains("cannot read missing"));
    site.check(&["trust", "keygen", "--output", "other", "--algorithm", "ed25519"], 0);
    let told = site.check(&["verify-bundle", "--bundle", "bundle", "--key", "other.pub", "file"], 1);
    assert!(told.contains("another key"), "{told}");
    site.write("bundle", "{}");
    site.check(&with("file"), 2);
    // Nobody who must have signed is no reason to trust.
    assert!(
        site.check(&["verify-bundle", "--bundle", "bundle", "file"], 2).contains("say who must have signed")
    );
}

#[test]
fn keys_are_kept_and_kept_secret() {
    let site = Site::new();
    assert!(site.check(&["trust", "keygen", "--output", "our"], 2).contains("there already"));
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(site.at("our.key")).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(site.at("our.key")).unwrap();
    assert!(text.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
    let sign = ["sign", "--key", "our.key", "--bundle", "bundle", "file"];
    let output = site.command(&sign).env("SEAWALL_KEY_PASSWORD", "wrong").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("the password does not open the key file") && !told.contains("wrong "), "{told}");
    assert!(!site.at("bundle").exists());
}

/// What holds for an image wherever it lies.
fn image(site: &Site, image: &str) {
    let verify = ["verify", "--key", "our.pub", image];
    assert_eq!(site.rules(&verify, 1), ["image-signature-missing"]);
    site.check(&["sign", "--key", "our.key", image], 0);
    assert_eq!(site.rules(&verify, 0), [""; 0]);
    let attested = ["verify", "--key", "our.pub", "--attestation", "cyclonedx", image];
    assert_eq!(site.rules(&attested, 1), ["image-attestation-missing"]);
    site.write("predicate", r#"{"bomFormat":"CycloneDX"}"#);
    site.check(&["attest", "--key", "our.key", "--type", "cyclonedx", "--predicate", "predicate", image], 0);
    assert_eq!(site.rules(&attested, 0), [""; 0]);
    site.check(&["trust", "keygen", "--output", "other"], 0);
    let other = ["verify", "--key", "other.pub", image];
    assert_eq!(site.rules(&other, 1), ["image-signature-refused"]);
    let told = site.check(&other, 1);
    assert!(told.contains("has no signature that counts: it is signed with another key"), "{told}");
    site.check(&["sign", "--key", "other.key", "--legacy", image], 0);
    assert_eq!(site.rules(&other, 0), [""; 0]);
    let both = ["verify", "--key", "our.pub", "--key", "other.pub", "--signers", "2", image];
    assert_eq!(site.rules(&both, 0), [""; 0]);
}

#[test]
fn an_image_of_a_layout() {
    let site = Site::new();
    Layout::new().image(&Image::new().layer(Tar::new().file("x", "x"))).write(&site.at("layout")).unwrap();
    image(&site, "oci:layout");
}

#[test]
fn an_image_of_a_registry_and_the_policy() {
    let site = Site::new();
    let Some(running) = Distribution::start("127.0.0.1", |_| "http: {addr: 'ADDRESS'}\n".to_owned()) else {
        return;
    };
    let registry = format!("127.0.0.1:{}", running.port());
    let app = format!("{registry}/team/app:1");
    Layout::new().image(&Image::new().layer(Tar::new().file("x", "x"))).write(&site.at("layout")).unwrap();
    let (from, to) = (format!("oci:{}", site.at("layout").display()), format!("docker://{app}"));
    output(Command::new("skopeo").args(["copy", "--quiet", "--dest-tls-verify=false", &from, &to])).unwrap();
    image(&site, &app);
    let policy = |entries: &str| site.write("policy.yaml", &format!("version: 1\ntrust:\n{entries}"));
    let verify = ["verify", "--policy", "policy.yaml", &app];
    policy("  - {images: ['127.0.0.1:*/team'], keys: [our.pub, other.pub], signers: 2}\n");
    assert_eq!(site.rules(&verify, 0), [""; 0]);
    policy("  - {images: [registry.example], keys: [our.pub]}\n");
    assert_eq!(site.rules(&verify, 1), ["image-trust-undefined"]);
    policy("  - {images: ['127.0.0.1:*'], keys: [our.pub], expires: 2026-05-31}\n");
    assert_eq!(site.rules(&verify, 1), ["image-trust-undefined"]);
    // Break-glass: a waiver with a reason, an owner and an end.
    policy(
        "  - {images: [registry.example], keys: [our.pub]}\nwaivers:\n  - {rule: image-trust-undefined, \
         reason: it burns, owner: ops, expires: 2026-06-02}\n",
    );
    assert_eq!(site.rules(&verify, 0), ["image-trust-undefined"]);
    // Nobody asks the network offline, and that is no pass.
    assert!(
        site.check(&["--offline", "verify", "--key", "our.pub", &app], 2)
            .contains("network calls are switched off")
    );
    drop(running);
    assert!(site.check(&["verify", "--key", "our.pub", &app], 2).contains("connection refused"));
}
