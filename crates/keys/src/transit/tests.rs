//! Against a server that answers as the API documentation of Vault and OpenBao says, with OpenSSL's keys; and against
//! one of theirs where it is on the PATH.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use seawall_testkit::{Answer, Request, Sending, Server};
use tempfile::TempDir;

use super::*;

const TOKEN: &str = "hvs.secret-of-the-test";
const MESSAGE: &[u8] = b"a message";
/// What the engine calls the kinds, and how OpenSSL makes them.
const KINDS: [(&str, &[&str]); 4] = [
    ("ecdsa-p256", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ("ecdsa-p384", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
    ("rsa-2048", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ("ed25519", &["-algorithm", "ED25519"]),
];

fn openssl(directory: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// An engine with a key of each kind, named as the kind is, in two versions.
fn engine() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (kind, made) in KINDS {
        for version in ["1", "2"] {
            let file = format!("{kind}.{version}");
            openssl(directory.path(), &[&["genpkey", "-out", &file], made].concat());
        }
    }
    directory
}

fn refused(status: u16, words: &str) -> Answer {
    Answer::new(status, json!({"errors": [words]}).to_string())
}

fn served(directory: &Path, request: &Request) -> Answer {
    if request.header("x-vault-token") != TOKEN {
        return refused(403, "permission denied");
    }
    let (_, name) = request.path.rsplit_once('/').unwrap();
    if !directory.join(format!("{name}.1")).exists() {
        return Answer::new(404, r#"{"errors":[]}"#);
    }
    match (request.method.as_str(), request.path.strip_suffix(name)) {
        ("GET", Some("/v1/transit/keys/")) => about(directory, name),
        ("POST", Some("/v1/transit/sign/")) => signed(directory, name, &request.body),
        _ => refused(405, "unsupported operation"),
    }
}

fn about(directory: &Path, name: &str) -> Answer {
    let mut keys = serde_json::Map::new();
    for version in ["1", "2"] {
        let file = format!("{name}.{version}");
        let public = match name {
            "ed25519" => {
                let der = openssl(directory, &["pkey", "-in", &file, "-pubout", "-outform", "DER"]);
                BASE64_STANDARD.encode(&der[der.len() - 32..])
            }
            _ => String::from_utf8(openssl(directory, &["pkey", "-in", &file, "-pubout"])).unwrap(),
        };
        let about = json!({"creation_time": "2026-01-01T00:00:00Z", "name": "x", "public_key": public});
        keys.insert(version.to_owned(), about);
    }
    let data = json!({
        "name": name, "type": name, "latest_version": 2, "min_decryption_version": 1, "keys": keys,
        "supports_signing": true, "exportable": false,
    });
    Answer::new(200, json!({"request_id": "1", "data": data}).to_string())
}

fn signed(directory: &Path, name: &str, body: &str) -> Answer {
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["prehashed"], Value::from(name != "ed25519"), "{body}");
    let hash = if name == "ecdsa-p384" { "sha384" } else { "sha256" };
    if name != "ed25519" {
        assert_eq!(body["hash_algorithm"], hash.replace("sha", "sha2-"), "{body}");
    }
    let version = body["key_version"].as_u64().unwrap();
    let input = BASE64_STANDARD.decode(body["input"].as_str().unwrap()).unwrap();
    std::fs::write(directory.join("input"), input).unwrap();
    let file = format!("{name}.{version}");
    let digest = format!("digest:{hash}");
    let how: &[&str] = if name == "ed25519" { &["-rawin"] } else { &["-pkeyopt", &digest] };
    let signature =
        openssl(directory, &[&["pkeyutl", "-sign", "-inkey", &file, "-in", "input"], how].concat());
    let signature = format!("vault:v{version}:{}", BASE64_STANDARD.encode(signature));
    Answer::new(200, json!({"data": {"key_version": version, "signature": signature}}).to_string())
}

fn service(authority: &str) -> Service {
    Service {
        address: format!("http://{authority}"),
        token: Secret::new(TOKEN),
        namespace: None,
        mount: "transit".to_owned(),
        ca: None,
    }
}

fn uri(text: &str) -> TransitUri {
    TransitUri::parse(Product::Vault, text).unwrap()
}

fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn check_engine(service: &Service) {
    for (kind, _) in KINDS {
        let key =
            private_key(&uri(kind), service).unwrap_or_else(|error| panic!("{kind}: {}", words(&error)));
        let signature = key.sign(MESSAGE).unwrap_or_else(|error| panic!("{kind}: {}", words(&error)));
        let versions = public_keys(&uri(kind), service).unwrap();
        assert_eq!(versions.len(), 2, "{kind}");
        assert_eq!(&versions[0], key.public(), "{kind}");
        assert!(versions[0].verifies(MESSAGE, &signature) && !versions[1].verifies(MESSAGE, &signature));
        // The former version signs too where it is asked for.
        let former = private_key(&uri(&format!("{kind}?version=1")), service).unwrap();
        assert!(versions[1].verifies(MESSAGE, &former.sign(MESSAGE).unwrap()), "{kind}");
    }
}

#[test]
fn keys_of_every_kind_and_version_sign() {
    let directory = engine();
    let path = directory.path().to_owned();
    let server = Server::start(move |request, _| served(&path, request)).unwrap();
    check_engine(&service(server.authority()));
    // Two questions for a signature: what the key is, and the signature.
    let before = server.requests().len();
    private_key(&uri("ecdsa-p256"), &service(server.authority())).unwrap().sign(MESSAGE).unwrap();
    assert_eq!(server.requests().len() - before, 2);
}

/// Vault or OpenBao itself. Its development mode keeps everything in memory.
#[test]
fn the_real_service() {
    let program =
        ["bao", "vault"].into_iter().find(|name| Command::new(name).arg("version").output().is_ok());
    let Some(program) = program else {
        println!("skipped: neither bao nor vault is on the PATH");
        return;
    };
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let authority = format!("127.0.0.1:{port}");
    let home = tempfile::tempdir().unwrap();
    let listen = format!("-dev-listen-address={authority}");
    let mut child = Command::new(program)
        .args(["server", "-dev", "-dev-no-store-token", &listen, &format!("-dev-root-token-id={TOKEN}")])
        .env("HOME", home.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let post = |path: &str, body: Value| {
        let request = ureq::post(format!("http://{authority}/v1/{path}")).header("X-Vault-Token", TOKEN);
        request.content_type("application/json").send(body.to_string()).is_ok()
    };
    let ready = || {
        (0..300).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            post("sys/mounts/transit", json!({"type": "transit"}))
        })
    };
    let outcome = std::panic::catch_unwind(|| {
        assert!(ready(), "{program} does not start");
        for (kind, _) in KINDS {
            assert!(post(&format!("transit/keys/{kind}"), json!({"type": kind})), "{kind}");
            assert!(post(&format!("transit/keys/{kind}/rotate"), json!({})), "{kind}");
        }
        check_engine(&service(&authority));
        let stranger = Service { token: Secret::new("hvs.other"), ..service(&authority) };
        let denied = private_key(&uri("ecdsa-p256"), &stranger).unwrap_err();
        assert!(matches!(denied, TransitError::Denied { .. }), "{denied}");
        let missing = private_key(&uri("nothing"), &service(&authority)).unwrap_err();
        assert!(matches!(missing, TransitError::Missing { .. }), "{missing}");
        assert!(post("transit/keys/aes", json!({"type": "aes256-gcm96"})));
        let other = private_key(&uri("aes"), &service(&authority)).unwrap_err();
        assert!(words(&other).contains("one that does not sign"), "{}", words(&other));
    });
    child.kill().unwrap();
    child.wait().unwrap();
    outcome.unwrap();
}

#[test]
fn what_goes_wrong_is_told_apart() {
    let check = |answer: Answer, expected: &str| {
        let shown = answer.clone();
        let server = Server::start(move |_, _| answer.clone()).unwrap();
        let error = words(&private_key(&uri("release"), &service(server.authority())).unwrap_err());
        assert!(error.contains(expected), "{shown:?}: {error}");
        assert!(!error.contains(TOKEN), "{error}");
    };
    check(
        refused(403, "permission denied"),
        "does not let this token read the key `release`: permission denied",
    );
    check(Answer::new(404, r#"{"errors":[]}"#), "has nothing there to read the key `release`");
    check(
        refused(400, "bad\u{1b}[31m request"),
        "refuses to read the key `release` (HTTP 400): bad\\u{1b}[31m request",
    );
    check(refused(429, "slow down"), "(HTTP 429): slow down");
    check(refused(500, "internal"), "cannot read the key `release` now (HTTP 500): internal");
    check(refused(503, "Vault is sealed"), "(HTTP 503: sealed, or in maintenance): Vault is sealed");
    check(Answer::new(307, "").with("location", "http://127.0.0.1:1/"), "sends elsewhere");
    check(Answer::new(200, "<html>"), "cannot be used: ");
    check(Answer::new(200, r#"{"data":{}}"#), "cannot be used: ");
    let data = |keys: Value| {
        Answer::new(
            200,
            json!({"data": {"type": "ecdsa-p256", "latest_version": 1, "keys": keys}}).to_string(),
        )
    };
    check(data(json!({})), "has no version 1; the versions that it has are ");
    check(data(json!({"1": 1_700_000_000})), "one that does not sign");
    check(
        data(json!({"1": {"public_key": "x"}})),
        "version 1 of the key `release` (ecdsa-p256) cannot be used",
    );
    let mut endless = Answer::new(200, "a".repeat(100_000));
    endless.sending = Sending::Endless;
    check(endless, "cannot read the key `release` at http://127.0.0.1:");
    let mut cut = Answer::new(200, "a".repeat(100_000));
    cut.sending = Sending::Cut(10);
    check(cut, "cannot read the key `release` at http://127.0.0.1:");
    let gone = private_key(&uri("release"), &service("127.0.0.1:1")).unwrap_err();
    assert!(matches!(gone, TransitError::Unreachable { .. }), "{gone}");
}

/// A service that signs with another version than the one whose public key it told.
#[test]
fn a_signature_of_another_key_is_not_handed_on() {
    let directory = engine();
    let path = directory.path().to_owned();
    let server = Server::start(move |request, _| match request.method.as_str() {
        "POST" => {
            signed(&path, "ecdsa-p256", &request.body.replace("\"key_version\":2", "\"key_version\":1"))
        }
        _ => served(&path, request),
    })
    .unwrap();
    let key = private_key(&uri("ecdsa-p256"), &service(server.authority())).unwrap();
    assert!(matches!(key.sign(MESSAGE).unwrap_err(), KeyError::HolderLies));
}

#[test]
fn settings() {
    let check = |change: &dyn Fn(&mut Service), expected: &str| {
        let mut service = service("127.0.0.1:1");
        change(&mut service);
        let error = words(&private_key(&uri("release"), &service).unwrap_err());
        assert!(error.contains(expected), "{error}");
    };
    let address = |text: &'static str| move |service: &mut Service| service.address = text.to_owned();
    check(&address("http://vault.example:8200"), "over plain http the token could be read");
    check(&address("http://127.0.0.1.example:8200"), "over plain http the token could be read");
    check(&address("http://u:p@127.0.0.1:8200"), "more than scheme, host and port");
    check(&address("https://vault.example/x"), "more than scheme, host and port");
    check(&address("vault"), "does not begin with `https://`");
    check(&address("ftp://vault.example"), "does not begin with `https://`");
    check(&address("http://[::1]:1/"), "cannot read the key");
    check(&|service| service.mount = "../sys".to_owned(), "mount cannot be used");
    check(&|service| service.mount = String::new(), "mount cannot be used");
    check(&|service| service.token = Secret::new("a\nb"), "token cannot be used");
    check(&|service| service.ca = Some("/dev/null".into()), "not a regular file");
}

/// A real TLS server with a certificate of an authority of its own.
#[test]
fn a_private_authority_is_believed_where_it_is_given() {
    let directory = engine();
    let at = |name: &str| directory.path().join(name);
    // Without the extensions of an authority, which OpenSSL's own configuration would add.
    std::fs::write(at("req.conf"), "[req]\ndistinguished_name = name\n[name]\n").unwrap();
    let subject =
        ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-nodes", "-config", "req.conf"];
    let make = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", "tls.key"];
    openssl(directory.path(), &[&make[..], &["-out", "tls.pem"], &subject].concat());
    let body = String::from_utf8(about(directory.path(), "ecdsa-p256").body).unwrap();
    std::fs::create_dir_all(at("v1/transit/keys")).unwrap();
    let answer = format!("HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{body}");
    std::fs::write(at("v1/transit/keys/ecdsa-p256"), answer).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut child = Command::new("openssl")
        .args(["s_server", "-accept", &port, "-cert", "tls.pem", "-key", "tls.key", "-HTTP", "-quiet"])
        .current_dir(directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let service = |ca: Option<std::path::PathBuf>| Service {
        address: format!("https://127.0.0.1:{port}"),
        ca,
        ..service("127.0.0.1:1")
    };
    let mut asked = private_key(&uri("ecdsa-p256"), &service(Some(at("tls.pem"))));
    for _ in 0..50 {
        if asked.is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        asked = private_key(&uri("ecdsa-p256"), &service(Some(at("tls.pem"))));
    }
    let stranger = private_key(&uri("ecdsa-p256"), &service(None));
    child.kill().unwrap();
    child.wait().unwrap();
    asked.unwrap_or_else(|error| panic!("{}", words(&error)));
    let stranger = stranger.unwrap_err();
    assert!(matches!(stranger, TransitError::Unreachable { .. }), "{}", words(&stranger));
}
