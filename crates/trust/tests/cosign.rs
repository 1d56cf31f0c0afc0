//! cosign as the oracle: what it writes verifies with us, and what we write with it. Skipped where it is not on the PATH
//! (`go install github.com/sigstore/cosign/v3/cmd/cosign@v3.1.2`).
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a failed test panics and says what it skips")]

use std::path::PathBuf;
use std::process::Command;

use jiff::Timestamp;
use seawall_image::registry::{Registry, RegistryOptions};
use seawall_testkit::{Distribution, Image, Tar, sha256};
use seawall_trust::bundle::Bundle;
use seawall_trust::image::{Home, attest, examine, pin, resolve, sign, sign_simply};
use seawall_trust::sign::sign_bytes;
use seawall_trust::verify::{Artifact, Wanted, verify};
use seawall_trust::{KeyAlgorithm, PrivateKey, PublicKey, Secret};

const PASSWORD: &str = "correct horse";
const NOW: &str = "2026-06-01T00:00:00Z";
/// No log, no authority: as a site without internet signs.
const SIGNING_CONFIG: &str = r#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}"#;

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// cosign in a directory of its own.
struct Cosign {
    directory: tempfile::TempDir,
}

impl Cosign {
    fn new() -> Option<Cosign> {
        if Command::new("cosign").arg("version").output().is_err() {
            println!("skipped: cosign is not on the PATH");
            return None;
        }
        let cosign = Cosign { directory: tempfile::tempdir().unwrap() };
        cosign.write("config.json", SIGNING_CONFIG);
        cosign.write("file", "file");
        Some(cosign)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.at(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap()
    }

    /// Runs it; what it says when it fails.
    fn run(&self, arguments: &[&str]) -> Result<(), String> {
        let mut command = Command::new("cosign");
        command.args(arguments).current_dir(self.directory.path()).env("COSIGN_PASSWORD", PASSWORD);
        let output = command.env("HOME", self.directory.path()).output().unwrap();
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    fn must(&self, arguments: &[&str]) {
        if let Err(error) = self.run(arguments) {
            panic!("cosign {}: {error}", arguments.join(" "));
        }
    }

    /// A key that it made or took in.
    fn key(&self, algorithm: KeyAlgorithm) -> PrivateKey {
        match algorithm {
            KeyAlgorithm::P256 => self.must(&["generate-key-pair", "--output-key-prefix", "its"]),
            KeyAlgorithm::P384 | KeyAlgorithm::Ed25519 | KeyAlgorithm::Rsa { .. } => {
                let made: &[&str] = match algorithm {
                    KeyAlgorithm::Ed25519 => &["-algorithm", "ED25519"],
                    KeyAlgorithm::Rsa { .. } => &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
                    KeyAlgorithm::P256 | KeyAlgorithm::P384 => {
                        &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]
                    }
                };
                let output = Command::new("openssl").arg("genpkey").args(made).output().unwrap();
                self.write("plain.pem", output.stdout);
                self.must(&["import-key-pair", "--yes", "--key", "plain.pem", "--output-key-prefix", "its"]);
            }
        }
        PrivateKey::from_pem(&self.read("its.key"), Some(&Secret::new(PASSWORD))).unwrap()
    }
}

const ALGORITHMS: [KeyAlgorithm; 4] =
    [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Ed25519, KeyAlgorithm::Rsa { bits: 3072 }];

#[test]
fn its_keys_and_signatures_are_ours() {
    let Some(cosign) = Cosign::new() else { return };
    for algorithm in ALGORITHMS {
        let key = cosign.key(algorithm);
        assert_eq!(key.public().to_pem(), cosign.read("its.pub"), "{algorithm}");
        let keys = [PublicKey::from_pem(&cosign.read("its.pub")).unwrap()];
        let wanted = Wanted::Keys(&keys, None);
        cosign.must(&[
            "sign-blob",
            "--yes",
            "--key",
            "its.key",
            "--signing-config",
            "config.json",
            "--bundle",
            "bundle",
            "file",
        ]);
        let bundle = Bundle::read(cosign.read("bundle").as_bytes()).unwrap();
        verify(&bundle, Artifact::Bytes(b"file"), wanted, now()).unwrap();
        assert!(verify(&bundle, Artifact::Bytes(b"elif"), wanted, now()).is_err(), "{algorithm}");
        cosign.write("predicate", r#"{"a":1}"#);
        cosign.must(&[
            "attest-blob",
            "--yes",
            "--key",
            "its.key",
            "--signing-config",
            "config.json",
            "--bundle",
            "statement",
            "--predicate",
            "predicate",
            "--type",
            "https://x.example",
            "file",
        ]);
        let bundle = Bundle::read(cosign.read("statement").as_bytes()).unwrap();
        let verified = verify(&bundle, Artifact::Bytes(b"file"), wanted, now()).unwrap();
        assert_eq!(verified.statement.unwrap().predicate_type, "https://x.example", "{algorithm}");
        assert!(verify(&bundle, Artifact::Bytes(b"elif"), wanted, now()).is_err(), "{algorithm}");
    }
}

#[test]
fn our_keys_and_signatures_are_its() {
    let Some(cosign) = Cosign::new() else { return };
    for algorithm in [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Ed25519] {
        let key = PrivateKey::generate(algorithm).unwrap();
        cosign.write("our.key", key.to_encrypted_pem(&Secret::new(PASSWORD)).unwrap());
        // cosign overwrites a longer file and leaves its end.
        let _ = std::fs::remove_file(cosign.at("our.pub"));
        cosign.must(&["public-key", "--key", "our.key", "--outfile", "our.pub"]);
        assert_eq!(cosign.read("our.pub"), key.public().to_pem(), "{algorithm}");
        cosign.write("bundle", sign_bytes(b"file", &key).unwrap().write().unwrap());
        let verify = |file| {
            cosign.run(&[
                "verify-blob",
                "--key",
                "our.pub",
                "--bundle",
                "bundle",
                "--insecure-ignore-tlog",
                file,
            ])
        };
        cosign.write("elif", "elif");
        // cosign 3.1.2 signs with such a key and SHA-384, and verifies with SHA-256: it refuses its own as well. OpenSSL
        // says that the signature is good (`keys_of_openssl_are_read`).
        if algorithm != KeyAlgorithm::P384 {
            verify("file").unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        }
        assert!(verify("elif").is_err(), "{algorithm}");
    }
}

/// An image in a registry of Debian's, and both clients.
#[test]
fn images_both_ways() {
    let Some(cosign) = Cosign::new() else { return };
    let Some(running) = Distribution::start("127.0.0.1", |_| "http: {addr: 'ADDRESS'}\n".to_owned()) else {
        return;
    };
    let text = format!("127.0.0.1:{}/app:1", running.port());
    let registry = Registry::new(RegistryOptions::default()).unwrap();
    let name = text.parse().unwrap();
    let image = Image::new().layer(Tar::new().file("x", "x"));
    for blob in image.blobs().into_iter().chain([image.config()]) {
        registry.push_blob(&name, &blob).unwrap();
    }
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    registry.push_manifest(&name, Some("1"), media_type, &image.manifest()).unwrap();
    let home = Home::Registry(registry, Box::new(name));
    let pinned = pin(&home).unwrap();
    assert_eq!(pinned.digest.to_string(), sha256(&image.manifest()));

    // Ours for it: the bundle as a referrer, the attestation, the tag of the older generation.
    let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
    cosign.write("our.pub", key.public().to_pem());
    let verify = |key: &str| cosign.run(&["verify", "--key", key, "--insecure-ignore-tlog", &text]);
    assert!(verify("our.pub").is_err());
    sign(&home, &pinned, &key, now()).unwrap();
    verify("our.pub").unwrap();
    attest(&home, &pinned, "https://x.example", serde_json::json!({"a": 1}), &key, now()).unwrap();
    cosign.must(&[
        "verify-attestation",
        "--key",
        "our.pub",
        "--type",
        "https://x.example",
        "--insecure-ignore-tlog",
        &text,
    ]);

    // Its for us.
    let its = cosign.key(KeyAlgorithm::P256);
    let count = |key: &PrivateKey| {
        let keys = [key.public().clone()];
        let attempts = examine(&home, &pinned.digest, &[Wanted::Keys(&keys, None)], now()).unwrap();
        attempts.iter().filter(|attempt| attempt.outcome.is_ok()).count()
    };
    assert_eq!((count(&key), count(&its)), (2, 0));
    cosign.must(&["sign", "--yes", "--key", "its.key", "--signing-config", "config.json", &text]);
    assert_eq!((count(&key), count(&its)), (2, 1));
    cosign.write("predicate", r#"{"a":1}"#);
    cosign.must(&[
        "attest",
        "--yes",
        "--key",
        "its.key",
        "--signing-config",
        "config.json",
        "--predicate",
        "predicate",
        "--type",
        "https://x.example",
        &text,
    ]);
    assert_eq!((count(&key), count(&its)), (2, 2));
    verify("its.pub").unwrap();
    assert_eq!(resolve(&home).unwrap(), [pinned]);
}

/// The older generation: an image with nothing but the tag `.sig`, for which cosign looks where there is no bundle.
#[test]
fn the_older_generation() {
    let Some(cosign) = Cosign::new() else { return };
    let Some(running) = Distribution::start("127.0.0.1", |_| "http: {addr: 'ADDRESS'}\n".to_owned()) else {
        return;
    };
    let text = format!("127.0.0.1:{}/app:1", running.port());
    let registry = Registry::new(RegistryOptions::default()).unwrap();
    let name = text.parse().unwrap();
    let image = Image::new().layer(Tar::new().file("x", "x"));
    for blob in image.blobs().into_iter().chain([image.config()]) {
        registry.push_blob(&name, &blob).unwrap();
    }
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    registry.push_manifest(&name, Some("1"), media_type, &image.manifest()).unwrap();
    let home = Home::Registry(registry, Box::new(name));
    let (key, pinned) = (PrivateKey::generate(KeyAlgorithm::P256).unwrap(), pin(&home).unwrap());
    cosign.write("our.pub", key.public().to_pem());
    let verify = || cosign.run(&["verify", "--key", "our.pub", "--insecure-ignore-tlog", &text]);
    assert!(verify().is_err());
    sign_simply(&home, &pinned, &key).unwrap();
    verify().unwrap();
}
