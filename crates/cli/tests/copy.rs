//! `seawall copy` between registries, layouts and archives: what was signed at one end verifies at the other, and skopeo
//! sees the same image.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use seawall_testkit::{Answer, Distribution, Image, Layout, Server, Tar, output};
use serde_json::Value;

struct Site {
    directory: tempfile::TempDir,
}

impl Site {
    fn new() -> Site {
        let site = Site { directory: tempfile::tempdir().unwrap() };
        site.check(&["trust", "keygen", "--output", "our"], 0);
        site
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn check(&self, arguments: &[&str], exit: i32) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null()).env_clear();
        command.env("HOME", self.directory.path()).env("SEAWALL_KEY_PASSWORD", "");
        let output = command.output().unwrap();
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {told}");
        told
    }

    fn verify(&self, image: &str) {
        self.check(&["verify", "--key", "our.pub", "--attestation", "custom", image], 0);
    }

    /// What skopeo says of an image.
    fn inspect(&self, image: &str) -> Value {
        let mut command = Command::new("skopeo");
        command.args(["inspect", "--tls-verify=false", image]).current_dir(self.directory.path());
        serde_json::from_slice(&output(&mut command).unwrap()).unwrap()
    }
}

fn registry() -> Option<Distribution> {
    Distribution::start("127.0.0.1", |_| "http: {addr: 'ADDRESS'}\n".to_owned())
}

/// Larger than a piece of an upload, and of bytes that are not all alike.
fn large() -> Vec<u8> {
    (0..20_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn signatures_come_along() {
    let (Some(one), Some(other)) = (registry(), registry()) else { return };
    let site = Site::new();
    let images = [
        Image::new().layer(Tar::new().file("large", large())).platform("linux", "amd64"),
        Image::new().layer(Tar::new().file("x", "arm")).platform("linux", "arm64"),
    ];
    Layout::new().index("1", &images).write(&site.at("layout")).unwrap();
    let (app, mirror) =
        (format!("127.0.0.1:{}/team/app:1", one.port()), format!("127.0.0.1:{}/m/app:2", other.port()));
    let told = site.check(&["copy", "oci:layout:1", &app], 0);
    let digest =
        told.lines().find(|line| line.starts_with("sha256:") && !line.contains(' ')).unwrap().to_owned();
    // Both kinds of signature of all three manifests, an attestation, and a signature of the attestation.
    site.check(&["sign", "--key", "our.key", "--legacy", &app], 0);
    std::fs::write(site.at("predicate"), "{}").unwrap();
    site.check(&["attest", "--key", "our.key", "--predicate", "predicate", &app], 0);
    site.verify(&app);
    // Registry to registry: nothing of it is gone, and the fallback tag of the second is written too.
    let told = site.check(&["copy", &app, &mirror], 0);
    assert!(told.contains(&digest) && told.contains("10 manifests, of which 7 say something"), "{told}");
    site.verify(&mirror);
    assert!(site.check(&["copy", &app, &mirror], 0).contains("0 blobs sent (0 bytes)"));
    let seen = site.inspect(&format!("docker://{mirror}"));
    assert_eq!(seen["Layers"], site.inspect(&format!("docker://{app}"))["Layers"]);
    let raw = ["inspect", "--raw", "--tls-verify=false", &format!("docker://{mirror}")];
    let raw = output(Command::new("skopeo").args(raw)).unwrap();
    assert_eq!(seawall_testkit::sha256(&raw), digest);
    // Over an air gap.
    site.check(&["copy", &mirror, "oci-archive:app.tar"], 0);
    assert!(site.check(&["copy", &mirror, "oci-archive:app.tar"], 2).contains("there already"));
    assert_eq!(site.inspect("oci-archive:app.tar:2")["Layers"], seen["Layers"]);
    let (back, bare) =
        (format!("127.0.0.1:{}/b/app:3", one.port()), format!("127.0.0.1:{}/bare:1", one.port()));
    site.check(&["copy", "oci-archive:app.tar", &back], 0);
    site.verify(&back);
    site.check(&["copy", &back, "oci:out:4"], 0);
    site.verify("oci:out:4");
    assert_eq!(site.inspect("oci:out:4")["Layers"], seen["Layers"]);
    // The image alone.
    site.check(&["copy", "--image-only", &back, &bare], 0);
    site.check(&["verify", "--key", "our.pub", &bare], 1);
}

#[test]
fn a_copy_that_broke_off_goes_on() {
    let site = Site::new();
    Layout::new().image(&Image::new().layer(Tar::new().file("x", "x"))).write(&site.at("layout")).unwrap();
    let index: Value = serde_json::from_slice(&std::fs::read(site.at("layout/index.json")).unwrap()).unwrap();
    let digest = index["manifests"][0]["digest"].as_str().unwrap().replace(':', "/");
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(site.at("layout/blobs").join(&digest)).unwrap()).unwrap();
    let layer = manifest["layers"][0]["digest"].as_str().unwrap().replace(':', "/");
    // A layer that is another one is not stored under its name, and no tag points at the half.
    let path = site.at("layout/blobs").join(&layer);
    let whole = std::fs::read(&path).unwrap();
    let mut broken = whole.clone();
    broken[0] ^= 1;
    std::fs::write(&path, &broken).unwrap();
    assert!(site.check(&["copy", "oci:layout", "oci:out:1"], 2).contains("another digest"));
    assert!(!site.at("out/blobs").join(&layer).exists());
    let listed = std::fs::read_to_string(site.at("out/index.json")).unwrap();
    assert!(!listed.contains("sha256:"), "{listed}");
    std::fs::write(&path, &whole).unwrap();
    let told = site.check(&["copy", "oci:layout", "oci:out:1"], 0);
    assert!(told.contains("1 blobs sent") && told.contains("1 were there"), "{told}");
    // Nor is it believed where it lies at the other end, and no link beside leads out of there.
    std::fs::write(site.at("out/blobs").join(&layer), &broken).unwrap();
    std::fs::write(site.at("victim"), "").unwrap();
    for name in [format!("blobs/{layer}.new"), "index.new".to_owned()] {
        std::os::unix::fs::symlink(site.at("victim"), site.at("out").join(name)).unwrap();
    }
    let told = site.check(&["copy", "oci:layout", "oci:out:1"], 0);
    assert!(told.contains("1 blobs sent") && told.contains("1 were there"), "{told}");
    assert_eq!(std::fs::read(site.at("out/blobs").join(&layer)).unwrap(), whole);
    assert!(std::fs::read(site.at("victim")).unwrap().is_empty());
    // A link in the place of a layer leads nowhere.
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    assert!(site.check(&["copy", "oci:layout", "oci:other:1"], 2).contains("no regular file"));
    std::fs::write(site.at("no.tar"), "x").unwrap();
    site.check(&["copy", "oci-archive:no.tar", "oci:other:1"], 2);
}

#[test]
fn refusals_are_told_apart() {
    let site = Site::new();
    Layout::new().image(&Image::new().layer(Tar::new().file("x", "x"))).write(&site.at("layout")).unwrap();
    let ends = |status: u16| {
        Server::start(move |_, _| {
            Answer::new(status, "{}").with("retry-after", "600").with("www-authenticate", "Basic realm=x")
        })
        .unwrap()
    };
    for (status, words) in [(401, "needs a login"), (403, "(403)"), (404, "(404)"), (429, "(429)")] {
        let server = ends(status);
        let image = format!("{}/app:1", server.authority());
        let told = site.check(&["copy", &image, "oci:out:1"], 2);
        assert!(told.contains(words), "{status}: {told}");
        let told = site.check(&["copy", "oci:layout", &image], 2);
        // A blob that is not there is what a copy is for; then nobody takes it.
        assert!(told.contains(words), "{status}: {told}");
    }
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let told = site.check(&["copy", &format!("{dead}/app:1"), "oci:out:1"], 2);
    assert!(told.contains("connection refused"), "{told}");
}

/// A registry that does not tell what refers to the image is no reason to copy it without its signatures.
#[test]
fn referrers_that_cannot_be_had_stop_the_copy() {
    let site = Site::new();
    let store = seawall_testkit::Store::new().image("1", &Image::new().layer(Tar::new().file("x", "x")));
    let server = Server::start(move |request, _| match request.path.contains("/referrers/") {
        true => Answer::new(403, "{}"),
        false => store.answer(request),
    })
    .unwrap();
    let image = format!("{}/app:1", server.authority());
    let told = site.check(&["copy", &image, "oci:out:1"], 2);
    assert!(told.contains("(403)"), "{told}");
    site.check(&["copy", "--image-only", &image, "oci:out:1"], 0);
}

/// Two builds that differ in a file and in nothing else.
#[test]
fn builds_that_differ_are_told_by_file() {
    let site = Site::new();
    let build = |name: &str, tar: Tar| {
        let base = Tar::new().file("base", "base");
        Layout::new().image(&Image::new().layer(base).layer(tar)).write(&site.at(name)).unwrap();
    };
    build("one", Tar::new().file("a", "a").file("b", "b"));
    build("same", Tar::new().file("a", "a").file("b", "b"));
    build("other", Tar::new().file("a", "A").file_with_mode("b", 0o755, "b").file("c", "c"));
    build("order", Tar::new().file("b", "b").file("a", "a"));
    let diff =
        |other: &str, exit: i32| site.check(&["diff", "--files", "oci:one", &format!("oci:{other}")], exit);
    assert!(diff("same", 0).contains("the same"));
    let told = diff("other", 1);
    for expected in ["layer 1", "  a: content sha256:", "  b: mode 0644 → 0755", "  c: only after"] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(!told.contains("layer 0"), "{told}");
    assert!(diff("order", 1).contains("in another order"));
}
