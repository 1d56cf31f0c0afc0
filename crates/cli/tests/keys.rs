//! Keys that are not in files, as a user meets them: in a token of SoftHSM's, and in a service on loopback.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a failed test panics and says what it skips")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use seawall_testkit::{Answer, Image, Layout, Server, Tar};
use serde_json::{Value, json};

const MODULES: [&str; 2] =
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
const PIN: &str = "987654";

/// A directory in which `seawall` runs, with a token in it.
struct Site {
    directory: tempfile::TempDir,
    module: &'static str,
}

impl Site {
    /// One with the token `release`, and in it a key of each kind; the label is the kind.
    fn new() -> Option<Site> {
        let module = MODULES.into_iter().find(|path| Path::new(path).exists());
        let runs = |program: &str| Command::new(program).arg("--version").output().is_ok();
        let (Some(module), true, true) = (module, runs("softhsm2-util"), runs("pkcs11-tool")) else {
            println!("skipped: softhsm2 and opensc are not installed");
            return None;
        };
        let site = Site { directory: tempfile::tempdir().unwrap(), module };
        std::fs::create_dir(site.at("tokens")).unwrap();
        let tokens = site.at("tokens");
        site.write("softhsm.conf", &format!("directories.tokendir = {}\n", tokens.display()));
        site.write("file", "file");
        site.write("predicate", r#"{"a":1}"#);
        site.token("release");
        for (kind, id) in
            [("EC:prime256v1", "01"), ("EC:secp384r1", "02"), ("rsa:2048", "03"), ("EC:edwards25519", "04")]
        {
            site.key("release", kind, kind, id);
        }
        Some(site)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.at(name), text).unwrap();
    }

    fn run(&self, program: &str, arguments: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null()).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", self.directory.path());
        command.env("SOFTHSM2_CONF", self.at("softhsm.conf")).env("COSIGN_PKCS11_MODULE_PATH", self.module);
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code(), told)
    }

    fn must(&self, program: &str, arguments: &[&str]) {
        let (exit, told) = self.run(program, arguments);
        assert_eq!(exit, Some(0), "{program} {arguments:?}: {told}");
    }

    fn token(&self, label: &str) {
        let made = ["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "5678"];
        self.must("softhsm2-util", &made);
    }

    fn key(&self, token: &str, kind: &str, label: &str, id: &str) {
        let login = ["--module", self.module, "--token-label", token, "--login", "--pin", PIN];
        let made = ["--keypairgen", "--key-type", kind, "--label", label, "--id", id];
        self.must("pkcs11-tool", &[&login[..], &made].concat());
    }

    /// What `seawall` writes, with this exit code. It never writes a PIN.
    fn check(&self, arguments: &[&str], exit: i32) -> String {
        let (code, told) = self.run(env!("CARGO_BIN_EXE_seawall"), arguments);
        assert_eq!(code, Some(exit), "{arguments:?}: {told}");
        assert!(!told.contains(PIN) && !told.contains("123123"), "{arguments:?}: {told}");
        told
    }

    fn sign(&self, key: &str, exit: i32) -> String {
        self.check(&["sign", "--key", key, "--bundle", "bundle", "file"], exit)
    }
}

#[test]
fn keys_of_a_token_sign_and_others_agree() {
    let Some(site) = Site::new() else { return };
    site.write("pin", &format!("{PIN}\n"));
    for kind in ["EC:prime256v1", "EC:secp384r1", "rsa:2048", "EC:edwards25519"] {
        let key = format!("pkcs11:token=release;object={}?pin-source=pin", kind.replace(':', "%3a"));
        assert!(site.sign(&key, 0).contains("is signed with key SHA256:"));
        // The public half needs no PIN, and names the module here.
        let public = key.replace("pin-source=pin", &format!("module-path={}", site.module));
        site.write("key.pub", &site.check(&["trust", "public-key", "--key", &public], 0));
        for by in ["key.pub", &public] {
            let told = site.check(&["verify-bundle", "--bundle", "bundle", "--key", by, "file"], 0);
            assert!(told.contains("signed by key SHA256:"), "{told}");
        }
        openssl_agrees(&site, kind);
        cosign_agrees(&site, kind);
        images(&site, &key, &public);
    }
}

/// An image of a layout: signed, attested, verified, each by the address of the key.
fn images(site: &Site, key: &str, public: &str) {
    let _ = std::fs::remove_dir_all(site.at("layout"));
    Layout::new().image(&Image::new().layer(Tar::new().file("x", "x"))).write(&site.at("layout")).unwrap();
    let verify = ["verify", "--key", public, "--attestation", "https://x.example", "oci:layout"];
    site.check(&verify, 1);
    site.check(&["sign", "--key", key, "--legacy", "oci:layout"], 0);
    site.check(
        &["attest", "--key", key, "--type", "https://x.example", "--predicate", "predicate", "oci:layout"],
        0,
    );
    site.check(&verify, 0);
}

fn openssl_agrees(site: &Site, kind: &str) {
    let bundle: Value = serde_json::from_slice(&std::fs::read(site.at("bundle")).unwrap()).unwrap();
    site.write("signature.txt", bundle["messageSignature"]["signature"].as_str().unwrap());
    site.must("openssl", &["base64", "-d", "-A", "-in", "signature.txt", "-out", "signature"]);
    let verify: &[&str] = match kind {
        "EC:edwards25519" => &[
            "pkeyutl",
            "-verify",
            "-pubin",
            "-inkey",
            "key.pub",
            "-rawin",
            "-in",
            "file",
            "-sigfile",
            "signature",
        ],
        "EC:secp384r1" => &["dgst", "-sha384", "-verify", "key.pub", "-signature", "signature", "file"],
        _ => &["dgst", "-sha256", "-verify", "key.pub", "-signature", "signature", "file"],
    };
    site.must("openssl", verify);
}

fn cosign_agrees(site: &Site, kind: &str) {
    // cosign 3.1.2 verifies with SHA-256 what it signs with P-384 and SHA-384 (crates/trust/tests/cosign.rs).
    if kind == "EC:secp384r1" || Command::new("cosign").arg("version").output().is_err() {
        return;
    }
    let verify = ["verify-blob", "--key", "key.pub", "--bundle", "bundle", "--insecure-ignore-tlog", "file"];
    site.must("cosign", &verify);
}

#[test]
fn what_a_token_refuses_is_told() {
    let Some(site) = Site::new() else { return };
    let with_pin = |address: &str| format!("{address}?pin-value={PIN}");
    site.key("release", "EC:prime256v1", "twice", "11");
    site.key("release", "EC:prime256v1", "twice", "12");
    let told = site.sign(&with_pin("pkcs11:token=release;object=twice"), 2);
    assert!(told.contains("fits 2 private keys in the token `release`: `object=twice;id=%1"), "{told}");
    site.sign(&with_pin("pkcs11:token=release;object=twice;id=%12"), 0);
    let told = site.sign(&with_pin("pkcs11:token=release;object=none"), 2);
    assert!(told.contains("fits 0 private keys in the token `release`"), "{told}");
    let told = site.sign(&with_pin("pkcs11:token=other;object=twice"), 2);
    assert!(told.contains("fits 0 of the tokens that are there: `release` ("), "{told}");
    site.token("second");
    let told = site.sign(&with_pin("pkcs11:object=rsa%3a2048"), 2);
    assert!(told.contains("fits 2 of the tokens that are there"), "{told}");
    // A wrong PIN is tried once. SoftHSM does not count, so the answer says that it was not tried again.
    let told = site.sign("pkcs11:token=release;object=rsa%3a2048?pin-value=123123", 2);
    assert!(told.contains("the token `release` refuses the PIN; it was not tried again"), "{told}");
    // No terminal, no PIN.
    let told = site.sign("pkcs11:token=release;object=rsa%3a2048", 2);
    assert!(told.contains("there is no PIN for the token `release`"), "{told}");
    // An address that is wrong does not show the PIN in it.
    let told = site.sign("pkcs11:token=release;objekt=x?pin-value=123123", 2);
    assert!(told.contains("the attribute at place 2 is not known"), "{told}");
}

#[test]
fn a_module_is_what_the_user_named() {
    let Some(site) = Site::new() else { return };
    let check = |module: &str, expected: &str| {
        let told = site.sign(&format!("pkcs11:token=release?module-path={module}&pin-value={PIN}"), 2);
        assert!(told.contains(expected), "{module}: {told}");
    };
    check("libsofthsm2.so", "its path must begin with `/`");
    check("/usr/lib", "it is not a regular file");
    check("/nowhere.so", "the module /nowhere.so cannot be used");
    site.write("text.so", "no library");
    check(&site.at("text.so").display().to_string(), "cannot be used");
    std::fs::copy(site.module, site.at("open.so")).unwrap();
    site.must("chmod", &["666", "open.so"]);
    check(&site.at("open.so").display().to_string(), "others may write it");
    site.must("chmod", &["644", "open.so"]);
    site.must("chmod", &["777", "."]);
    check(&site.at("open.so").display().to_string(), "others may write a directory above it");
    site.must("chmod", &["700", "."]);
    // Whoever writes a policy names keys by file only.
    let policy = format!(
        "version: 1\ntrust:\n  - images: ['**']\n    keys: ['pkcs11:token=release?module-path={}']\n",
        site.module
    );
    site.write("policy.yaml", &policy);
    let told = site.check(&["verify", "--policy", "policy.yaml", "oci:layout"], 2);
    assert!(told.contains("a policy names keys by file"), "{told}");
}

#[test]
fn a_service_is_asked_where_the_environment_says() {
    let directory = tempfile::tempdir().unwrap();
    let run = |key: &str, variables: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        command.args(["trust", "public-key", "--key", key]).env_clear().env("HOME", directory.path());
        let output = command.envs(variables.iter().copied()).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let made = Command::new(env!("CARGO_BIN_EXE_seawall"))
        .args(["trust", "keygen", "--output", "our"])
        .current_dir(directory.path())
        .env("SEAWALL_KEY_PASSWORD", "x")
        .output()
        .unwrap();
    assert!(made.status.success());
    let public = std::fs::read_to_string(directory.path().join("our.pub")).unwrap();
    let answer =
        json!({"data": {"type": "ecdsa-p256", "latest_version": 1, "keys": {"1": {"public_key": public}}}});
    let server = Server::start(move |request, _| {
        match (request.path.as_str(), request.header("x-vault-token"), request.header("x-vault-namespace")) {
            ("/v1/sign/ing/keys/release", "hvs.right", "team") => Answer::new(200, answer.to_string()),
            _ => Answer::new(403, r#"{"errors":["permission denied"]}"#),
        }
    })
    .unwrap();
    let address = format!("http://{}", server.authority());
    let vault = [
        ("VAULT_ADDR", address.as_str()),
        ("VAULT_NAMESPACE", "team"),
        ("TRANSIT_SECRET_ENGINE_PATH", "sign/ing"),
    ];
    let told = run("hashivault://release", &[&vault[..], &[("VAULT_TOKEN", "hvs.right")]].concat());
    assert_eq!(told, public);
    let told = run("hashivault://release", &[&vault[..], &[("VAULT_TOKEN", "hvs.wrong")]].concat());
    assert!(told.contains("does not let this token read the key `release`: permission denied"), "{told}");
    assert!(!told.contains("hvs.wrong"), "{told}");
    let told = run("hashivault://release", &vault);
    assert!(told.contains("no token for the service"), "{told}");
    std::fs::write(directory.path().join(".vault-token"), "hvs.right\n").unwrap();
    assert_eq!(run("hashivault://release", &vault), public);
    // OpenBao's own variables come first.
    let bao =
        [("BAO_ADDR", address.as_str()), ("VAULT_ADDR", "http://127.0.0.1:1"), ("BAO_NAMESPACE", "team")];
    let mount = [("TRANSIT_SECRET_ENGINE_PATH", "sign/ing"), ("BAO_TOKEN", "hvs.right")];
    assert_eq!(run("openbao://release", &[&bao[..], &mount].concat()), public);
    let offline = Command::new(env!("CARGO_BIN_EXE_seawall"))
        .args(["--offline", "trust", "public-key", "--key", "hashivault://release"])
        .envs(vault)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&offline.stderr).contains("not asked: --offline"), "{offline:?}");
    assert!(run("hashivault://release", &[]).contains("say where the service is: VAULT_ADDR"));
    assert!(run("awskms:///alias/x", &[]).contains("keys of awskms:// are not supported; a token"));
}
