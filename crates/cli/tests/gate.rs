//! `seawall pin`, `seawall gate` and `seawall attest --provenance` as a pipeline meets them.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use seawall_testkit::{Compression, Distribution, Image, Layout, Tar};
use serde_json::Value;

#[path = "place/place.rs"]
#[expect(dead_code, reason = "this test uses a part of it")]
mod place;

use place::{OS_RELEASE, Place, debian};

struct Site {
    place: Place,
    _running: Distribution,
    registry: String,
}

impl Site {
    /// A registry with the signed image `base:1`, the unsigned `wild:1`, and `app:1`.
    fn new() -> Option<Site> {
        let running = Distribution::start("127.0.0.1", |_| "http: {addr: 'ADDRESS'}\n".to_owned())?;
        let registry = format!("127.0.0.1:{}", running.port());
        let site = Site { place: Place::with_database(), _running: running, registry };
        site.check(&["trust", "keygen", "--output", "our"], 0);
        for name in ["base", "wild"] {
            site.push(name, name, &Image::new().layer(Tar::new().file("x", name)));
        }
        site.push("app", "app", &debian(&[("zlib", "1:1.2.13-1")]));
        site.check(&["sign", "--key", "our.key", &site.name("base:1")], 0);
        let policy =
            format!("version: 1\ntrust:\n  - {{images: ['{}/**'], keys: [our.pub]}}\n", site.registry);
        site.write("policy.yaml", &policy);
        Some(site)
    }

    fn push(&self, name: &str, layout: &str, image: &Image) {
        let layout = self.at(&format!("layout-{layout}"));
        Layout::new().image(image).write(&layout).unwrap();
        self.check(&["copy", &format!("oci:{}", layout.display()), &self.name(&format!("{name}:1"))], 0);
    }

    fn at(&self, name: &str) -> PathBuf {
        self.place.path(name)
    }

    fn name(&self, path: &str) -> String {
        format!("{}/{path}", self.registry)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.at(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap()
    }

    fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        command.args(arguments).current_dir(self.place.path("")).stdin(Stdio::null()).env_clear();
        command
            .env("HOME", self.place.path(""))
            .env("SEAWALL_KEY_PASSWORD", "")
            .env("SEAWALL_DB", self.place.path("db"));
        let output = command.envs(environment.iter().copied()).output().unwrap();
        let told = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(told).unwrap())
    }

    fn check(&self, arguments: &[&str], exit: i32) -> String {
        let (code, told) = self.run(arguments, &[]);
        assert_eq!(code, Some(exit), "{arguments:?}: {told}");
        told
    }

    /// The predicate of an attestation of the image, by what its type ends with.
    fn predicate(&self, image: &str, kind: &str) -> Value {
        self.check(&["copy", image, &format!("oci:seen-{kind}:1")], 0);
        let blobs = self.at(&format!("seen-{kind}/blobs/sha256"));
        let documents = std::fs::read_dir(blobs).unwrap().filter_map(|entry| {
            serde_json::from_slice::<Value>(&std::fs::read(entry.unwrap().path()).unwrap()).ok()
        });
        let payloads = documents.filter_map(|document| {
            let encoded = document["dsseEnvelope"]["payload"].as_str()?.to_owned();
            self.write("encoded", &encoded);
            let decode = ["base64", "-d", "-A", "-in", "encoded"];
            let output =
                Command::new("openssl").args(decode).current_dir(self.place.path("")).output().ok()?;
            serde_json::from_slice::<Value>(&output.stdout).ok()
        });
        let mut wanted =
            payloads.filter(|statement| statement["predicateType"].as_str().unwrap().contains(kind));
        wanted.next().unwrap()["predicate"].clone()
    }
}

#[test]
fn base_images_are_verified_and_pinned() {
    let Some(site) = Site::new() else { return };
    let (base, wild) = (site.name("base:1"), site.name("wild:1"));
    let text = format!("ARG V=1\nFROM {base} AS build\nRUN x\nFROM build\nCOPY --from={base} /x /x\n");
    site.write("Dockerfile", &text);
    let pin = ["pin", "--policy", "policy.yaml", "Dockerfile"];
    let told = site.check(&pin, 0);
    assert!(told.contains(&format!("+FROM {base}@sha256:")), "{told}");
    assert_eq!(site.read("Dockerfile"), text);
    site.check(&[&pin[..], &["--apply"]].concat(), 0);
    let pinned = site.read("Dockerfile");
    assert_eq!(pinned.matches("@sha256:").count(), 2, "{pinned}");
    // What is pinned stays so, also when the tag moves.
    site.push("base", "moved", &Image::new().layer(Tar::new().file("x", "moved")));
    assert!(!site.check(&pin, 0).contains("+FROM"));
    // An image that nobody trusts is not pinned, and one whose name is not known neither.
    site.write("Dockerfile", &format!("FROM {wild}\n"));
    let told = site.check(&pin, 1);
    assert!(told.contains("# not trusted: Dockerfile:1: ") && !told.contains("+FROM"), "{told}");
    site.check(&["pin", "Dockerfile"], 0);
    site.write("Dockerfile", "ARG V\nFROM x:${V}\n");
    assert!(site.check(&["pin", "Dockerfile"], 3).contains("a variable whose value is not known"));
    site.write("Dockerfile", &format!("ARG V=1\nFROM {}:${{V}}\n", site.name("wild")));
    assert!(site.check(&["pin", "Dockerfile"], 3).contains("pin what its ARG sets"));
    site.write("Dockerfile", &format!("FROM {}\n", site.name("nothing:1")));
    assert!(site.check(&["pin", "Dockerfile"], 3).contains("(404)"));
    // Files are called as they were named.
    for name in ["Dockerfile".to_owned(), site.at("Dockerfile").display().to_string()] {
        let told = site.check(&["pin", &name], 3);
        assert!(told.contains(&format!("# not pinned: {name}:")), "{told}");
    }
    assert!(site.check(&["pin", "policy.yaml"], 2).contains("no build file"));
}

#[test]
fn a_gate_judges_all_at_once_and_signs_what_it_let_pass() {
    let Some(site) = Site::new() else { return };
    std::fs::create_dir(site.at("src")).unwrap();
    let (base, wild, app) = (site.name("base:1"), site.name("wild:1"), site.name("app:1"));
    let file = |base: &str| site.write("src/Dockerfile", &format!("FROM {base}\nUSER 1000\nCMD [\"/x\"]\n"));
    file(&wild);
    let gate = [
        "gate",
        "--files",
        "src",
        "--policy",
        "policy.yaml",
        "--key",
        "our.key",
        "--format",
        "json=out.json",
        "--format",
        "sarif=out.sarif",
    ];
    let github = [("GITHUB_ACTIONS", "true")];
    let (code, told) = site.run(&[&gate[..], &[&app]].concat(), &github);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("::error title=image-signature-missing,file=src/Dockerfile,line=1::"), "{told}");
    assert!(told.contains("nothing was signed"), "{told}");
    site.check(&["verify", "--key", "our.pub", &app], 1);
    let report: Value = serde_json::from_str(&site.read("out.json")).unwrap();
    assert_eq!(report["verdict"], "deny");
    assert!(site.read("out.sarif").contains("image-signature-missing"));
    file(&base);
    // A leaked credential in the files of the image is denied too.
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAx7Lr0tT2Hq1n\n";
    let layer = Tar::new().file("etc/passwd", "root:x:0:0::/:/x\n").file(
        "root/.aws/credentials",
        format!(
            "[default]\naws_access_key_id = AKIA{}\naws_secret_access_key = {}\n{key}",
            "Z3MSJV5XQK7LPFWN", "q7Vx2mB9tYc4Lw8Rk1Zs6Hn3Jf5Gd0PaUeIoXvMb"
        ),
    );
    Layout::new().image(&Image::new().layer(layer)).write(&site.at("leaky")).unwrap();
    let leaky = format!("oci:{}", site.at("leaky").display());
    site.check(&[&gate[..4], &["policy.yaml", &leaky]].concat(), 1);
    // What it let pass it signs, with what it saw.
    let told = site.check(&[&gate[..], &["--provenance", &app]].concat(), 0);
    assert!(told.contains("is signed with key"), "{told}");
    let attested =
        ["--attestation", "vuln", "--attestation", "cyclonedx", "--attestation", "slsaprovenance1"];
    site.check(&[&["verify", "--key", "our.pub"], &attested[..], &[&app]].concat(), 0);
    let scan = site.predicate(&app, "attestation/vuln");
    assert_eq!(scan["scanner"]["result"]["verdict"], "warn");
    // A base image that nobody can ask for is not one that was verified.
    file(&site.name("nothing:1"));
    site.check(&["gate", "--files", "src", "--policy", "policy.yaml"], 3);
    // Neither is an image without its advisories one that was judged.
    let (code, told) = site.run(&["gate", "--fail-on", "critical", &app], &[("SEAWALL_DB", "/nowhere")]);
    assert_eq!(code, Some(3), "{told}");
    site.check(&["gate"], 2);
}

#[test]
fn provenance_of_the_environment() {
    let Some(site) = Site::new() else { return };
    let app = site.name("app:1");
    let attest = ["attest", "--key", "our.key", "--provenance", &app];
    let github = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "org/app"),
        ("GITHUB_WORKFLOW_REF", "org/app/.github/workflows/x.yml@refs/heads/main"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_SHA", "c0ffee"),
        ("GITHUB_RUN_ID", "7"),
    ];
    let (code, told) = site.run(&attest, &github);
    assert_eq!(code, Some(0), "{told}");
    site.check(&["verify", "--key", "our.pub", "--attestation", "slsaprovenance1", &app], 1);
    site.check(&["sign", "--key", "our.key", &app], 0);
    site.check(&["verify", "--key", "our.pub", "--attestation", "slsaprovenance1", &app], 0);
    let made = site.predicate(&app, "provenance/v1");
    assert_eq!(made["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"], "c0ffee");
    let (code, told) = site.run(&attest, &github[..5]);
    assert!(code == Some(2) && told.contains("does not set GITHUB_SHA"), "{told}");
    let other = format!(r#"{{"containerimage.digest":"sha256:{}"}}"#, "0".repeat(64));
    site.write("metadata", &other);
    let buildkit = [&attest[..], &["--buildkit-metadata", "metadata"]].concat();
    assert!(site.check(&buildkit, 2).contains("it is of the image"));
    // A scan without advisories is no evidence.
    let scan = ["attest", "--key", "our.key", "--scan", &app];
    site.check(&scan, 0);
    let (code, told) = site.run(&scan, &[("SEAWALL_DB", "/nowhere")]);
    assert!(code == Some(2) && told.contains("without advisories"), "{told}");
}

#[test]
fn an_image_that_could_not_be_read_is_neither_signed_nor_attested() {
    let Some(site) = Site::new() else { return };
    let whole = Tar::new().file("etc/os-release", OS_RELEASE).file("x", "x".repeat(4096)).finish();
    let broken = whole[..whole.len() - 3000].to_vec();
    let database = Tar::new().file("etc/os-release", OS_RELEASE).file("var/lib/rpm/rpmdb.sqlite", "garbage");
    for (name, image) in [
        ("database", Image::new().layer(database)),
        ("layer", Image::new().stored_layer(broken, Compression::Plain)),
    ] {
        site.push(name, name, &image);
        let image = site.name(&format!("{name}:1"));
        let told = site.check(&["gate", "--key", "our.key", &image], 3);
        assert!(told.contains("nothing was signed") && !told.contains("has an attestation"), "{told}");
        site.check(&["verify", "--key", "our.pub", &image], 1);
        let told = site.check(&["attest", "--key", "our.key", "--scan", &image], 2);
        assert!(told.contains("part of it was not read"), "{told}");
    }
}

#[test]
fn what_a_registry_says_hides_no_base_image() {
    let Some(site) = Site::new() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let body = r#"{"errors":[{"code":"DENIED","message":"pin what its ARG sets"}]}"#;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let head = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nConnection: close";
            let _ = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    let file = format!("FROM 127.0.0.1:{port}/x:1\nUSER 1000\nCMD [\"/x\"]\n");
    site.write("Dockerfile", &file);
    let told = site.check(&["gate", "--files", "Dockerfile", "--policy", "policy.yaml"], 3);
    assert!(told.contains("pin what its ARG sets"), "{told}");
    // A name with a variable is asked for, and lacks nothing.
    site.write("Dockerfile", &format!("ARG V=1\nFROM {}:$V\nUSER 1000\n", site.name("base")));
    site.check(&["gate", "--files", "Dockerfile", "--policy", "policy.yaml"], 0);
}

#[test]
fn a_build_file_that_was_not_read_does_not_pass_a_gate() {
    let Some(site) = Site::new() else { return };
    let good = format!("FROM {}\nUSER 1000\nCMD [\"/x\"]\n", site.name("base:1"));
    site.write("Dockerfile", &good);
    let gate = |more: &[&str], exit| {
        site.check(&[&["gate", "--policy", "policy.yaml", "--files", "Dockerfile"], more].concat(), exit)
    };
    gate(&[], 0);
    std::fs::File::create(site.at("Dockerfile.large")).unwrap().set_len(65 << 20).unwrap();
    gate(&["--files", "Dockerfile.large"], 3);
    std::fs::create_dir(site.at("linked")).unwrap();
    site.write("elsewhere", &good);
    std::os::unix::fs::symlink("../elsewhere", site.at("linked/Dockerfile")).unwrap();
    gate(&["--files", "linked"], 3);
}
