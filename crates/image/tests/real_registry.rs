//! Debian's docker-registry, filled by skopeo: plain, with a login, with TLS by an authority of our own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking and says what it skips")]

use std::collections::BTreeSet;
use std::io::Read;
use std::net::{IpAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

use seawall_image::credentials::{Credential, Credentials, Secret};
use seawall_image::manifest::PlatformChoice;
use seawall_image::registry::{Registry, RegistryOptions};
use seawall_image::source::registry::open;
use seawall_inventory::ImageName;
use seawall_testkit::{Compression, Distribution, Image, Layout, Tar, sha256};

/// htpasswd's line for user `u` with password `p`.
const HTPASSWD: &str = "u:$2y$05$abcdefghijklmnopqrstuuqwWMzKt5N8p.u2GX5MuH1t19BMWuLOW\n";

/// Puts two images in with skopeo, `app:1` and `team/app:multi` (an index).
fn fill(running: &Distribution, registry: &str, arguments: &[&str]) {
    let layout = running.directory().join("layout");
    let images = ["amd64", "arm64"].map(|architecture| app().platform("linux", architecture));
    Layout::new().image(&app().tag("1")).index("multi", &images).write(&layout).unwrap();
    for (tag, name) in [("1", "app:1"), ("multi", "team/app:multi")] {
        let output = Command::new("skopeo")
            .args(["copy", "-q", "--all", "--dest-tls-verify=false"])
            .args(arguments)
            .arg(format!("oci:{}:{tag}", layout.display()))
            .arg(format!("docker://{registry}/{name}"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn app() -> Image {
    let tar = Tar::new().file("etc/os-release", "ID=test\n").file("zeros", vec![0; 3_000_000]).finish();
    Image::new().stored_layer(tar, Compression::Gzip).layer(Tar::new().whiteout("zeros"))
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

/// Pulls an image with all layers; its platforms, or why not.
fn pull(options: RegistryOptions, registry: &str, name: &str) -> String {
    let client = Registry::new(options).unwrap();
    let name: ImageName = format!("{registry}/{name}").parse().unwrap();
    let opened = match open(&client, &name, &PlatformChoice::All) {
        Ok(opened) => opened,
        Err(error) => return words(&error),
    };
    let mut platforms = Vec::new();
    for one in &opened {
        for layer in &one.image.layers {
            let mut bytes = Vec::new();
            one.blobs.open(layer).unwrap().read_to_end(&mut bytes).unwrap();
            assert_eq!(sha256(&bytes), layer.digest.as_ref().unwrap().to_string());
        }
        platforms.push(one.image.platform.to_string());
    }
    platforms.join(" ")
}

fn check(outcome: &str, expected: &str) {
    assert!(outcome.contains(expected), "`{outcome}` lacks `{expected}`");
}

#[test]
fn a_public_registry() {
    let Some(running) = Distribution::start("127.0.0.1", |_| "http: {addr: 'ADDRESS'}\n".to_owned()) else {
        return;
    };
    let registry = format!("127.0.0.1:{}", running.port());
    fill(&running, &registry, &[]);
    check(&pull(RegistryOptions::default(), &registry, "app:1"), "linux/amd64");
    check(&pull(RegistryOptions::default(), &registry, "team/app:multi"), "linux/amd64 linux/arm64");
    check(
        &pull(RegistryOptions::default(), &registry, "app:2"),
        "check the name and tag (404): manifest unknown",
    );
    check(&pull(RegistryOptions::default(), &registry, "none"), "(404)");
}

#[test]
fn a_registry_with_a_login() {
    let running = Distribution::start("127.0.0.1", |directory| {
        let file = directory.join("htpasswd");
        std::fs::write(&file, HTPASSWD).unwrap();
        format!("auth: {{htpasswd: {{realm: x, path: {}}}}}\nhttp: {{addr: 'ADDRESS'}}\n", file.display())
    });
    let Some(running) = running else { return };
    let registry = format!("127.0.0.1:{}", running.port());
    fill(&running, &registry, &["--dest-creds=u:p"]);
    let with = |password: &str| {
        let credential = Credential::Basic { username: "u".into(), password: Secret::new(password) };
        let given = [(registry.clone(), credential)].into();
        RegistryOptions {
            credentials: Credentials { given, ..Credentials::default() },
            ..RegistryOptions::default()
        }
    };
    check(&pull(RegistryOptions::default(), &registry, "app:1"), "needs a login");
    check(&pull(with("wrong"), &registry, "app:1"), "refused the recorded login");
    check(&pull(with("p"), &registry, "team/app:multi"), "linux/amd64 linux/arm64");
}

/// An address of this machine that is not loopback.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    // Nothing is sent; the system chooses the address it would send from.
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

fn certificate(directory: &Path, address: &str) -> (PathBuf, PathBuf) {
    let (certificate, key) = (directory.join("cert.pem"), directory.join("key.pem"));
    let output = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=registry", "-addext", &format!("subjectAltName=IP:{address}")])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (certificate, key)
}

#[test]
fn a_registry_with_tls() {
    let Some(address) = own_address().map(|address| address.to_string()) else {
        println!("skipped: this machine has no address but loopback");
        return;
    };
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: openssl is not installed");
        return;
    }
    let running = Distribution::start(&address, |directory| {
        let (certificate, key) = certificate(directory, &address);
        let (certificate, key) = (certificate.display(), key.display());
        format!("http: {{addr: 'ADDRESS', tls: {{certificate: {certificate}, key: {key}}}}}\n")
    });
    let Some(running) = running else { return };
    let registry = format!("{address}:{}", running.port());
    fill(&running, &registry, &[]);
    check(&pull(RegistryOptions::default(), &registry, "app:1"), "give the registry's certificate authority");
    let ca_files = vec![running.directory().join("cert.pem")];
    check(
        &pull(RegistryOptions { ca_files, ..RegistryOptions::default() }, &registry, "app:1"),
        "linux/amd64",
    );
    let insecure: BTreeSet<String> = [registry.clone()].into();
    check(
        &pull(RegistryOptions { insecure, ..RegistryOptions::default() }, &registry, "app:1"),
        "linux/amd64",
    );
}

#[test]
fn plain_http_elsewhere_must_be_allowed() {
    let Some(address) = own_address().map(|address| address.to_string()) else {
        println!("skipped: this machine has no address but loopback");
        return;
    };
    let Some(running) = Distribution::start(&address, |_| "http: {addr: 'ADDRESS'}\n".to_owned()) else {
        return;
    };
    let registry = format!("{address}:{}", running.port());
    fill(&running, &registry, &[]);
    check(
        &pull(RegistryOptions::default(), &registry, "app:1"),
        "list it as insecure if it speaks plain HTTP",
    );
    let insecure: BTreeSet<String> = [registry.clone()].into();
    check(
        &pull(RegistryOptions { insecure, ..RegistryOptions::default() }, &registry, "app:1"),
        "linux/amd64",
    );
}
