//! The binary with real engines and a real registry of the test's own: what it finds there is what it finds in the
//! archive that was put in.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it skips"
)]

use std::path::Path;
use std::process::Command;

use seawall_testkit::{Daemon, Distribution, Image, Kind, Layout, Storage, Tar, output, sha256};
use serde_json::Value;

#[path = "place/place.rs"]
mod place;

use place::{OS_RELEASE, Place, debian, ids, status};

const NAME: &str = "seawall-engines:1";
const FULL_NAME: &str = "docker.io/library/seawall-engines:1";
const BUSYBOX: &str = "busybox-glibc-amd64.tar.gz";

/// A Debian that gets openssl in its second layer.
fn app() -> Image {
    let base = Tar::new()
        .directory("etc")
        .file("etc/os-release", OS_RELEASE)
        .directory("var")
        .directory("var/lib")
        .directory("var/lib/dpkg")
        .file("var/lib/dpkg/status", status(&[("zlib", "1:1.2.13-1")]));
    let top = Tar::new()
        .directory("var/lib/dpkg")
        .file("var/lib/dpkg/status", status(&[("zlib", "1:1.2.13-1"), ("openssl", "3.0.11-1")]))
        .directory("opt")
        .directory("opt/requests-2.0.0.dist-info")
        .file("opt/requests-2.0.0.dist-info/METADATA", METADATA);
    Image::new().layer(base).layer(top).tag(FULL_NAME)
}

const METADATA: &str = "Metadata-Version: 2.1\nName: requests\nVersion: 2.0.0\n";

/// What the upper layer of the containers says is installed: wget came, zlib went.
fn changed_status() -> String {
    status(&[("openssl", "3.0.11-1"), ("wget", "1.21.3-1")])
}

/// What a report says, in the words in which reports of the same image may not differ.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    findings: Vec<String>,
    packages: Vec<String>,
    gaps: Value,
}

fn told(report: &Value) -> Told {
    let mut findings: Vec<String> = ids(report).into_iter().map(str::to_owned).collect();
    findings.sort_unstable();
    let mut packages: Vec<String> = Vec::new();
    for package in report["packages"].as_array().unwrap() {
        for place in package["places"].as_array().unwrap() {
            let layer = &place["layer"];
            let text = format!("{} {} {}", package["name"], package["version"], layer["index"]);
            packages.push(format!("{text} {}", layer["diff_id"]).replace('"', ""));
        }
    }
    packages.sort_unstable();
    Told { findings, packages, gaps: report["gaps"].clone() }
}

/// Which instruction brought a package.
fn instruction_of<'r>(report: &'r Value, name: &str) -> &'r str {
    let packages = report["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == name).unwrap();
    package["places"][0]["layer"]["instruction"].as_str().unwrap_or_default()
}

/// Scans without a cache, so that every byte comes from the engine.
fn scan(place: &Place, daemon: &Daemon, target: &str) -> Value {
    scan_as(place, daemon, target, &mut place.command(&["scan", "--no-cache", "-f", "json", target]))
}

fn scan_as(place: &Place, daemon: &Daemon, target: &str, command: &mut Command) -> Value {
    let (variable, socket) = daemon.variable();
    let output = command.env(variable, socket).env("TMPDIR", place.path("")).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{:?}: {target}: {err}", daemon.kind);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn load(daemon: &Daemon, image: &Image) {
    std::fs::write(daemon.path("archive"), image.docker_archive()).unwrap();
    match daemon.kind {
        Kind::Docker | Kind::Podman => daemon.ask(&["load", "-q", "-i", &daemon.path("archive")]).unwrap(),
        Kind::Containerd => daemon.ask(&["images", "import", &daemon.path("archive")]).unwrap(),
    };
}

fn check_image(kind: Kind, storage: Storage, prefix: &str) {
    let Some(daemon) = Daemon::start_with(kind, storage) else { return };
    let place = Place::with_database();
    let image = app();
    load(&daemon, &image);
    let archive = place.write("app.tar", image.docker_archive());
    let of_archive = place.json(&["scan", "--no-cache", &archive], 0);
    let expected = told(&of_archive);
    assert_eq!(expected.findings, ["CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0003"]);
    // The small database has nothing of PyPI, and that is all that is missing.
    assert_eq!(expected.gaps.as_array().unwrap().len(), 1, "{}", expected.gaps);
    let config = sha256(&image.config());
    let config = config.trim_start_matches("sha256:");
    let mut targets = vec![format!("{prefix}:{NAME}"), format!("{prefix}:{FULL_NAME}"), NAME.to_owned()];
    if kind != Kind::Containerd {
        // An image's id is its configuration's digest there, whole or its start.
        targets.extend([format!("{prefix}:sha256:{config}"), format!("{prefix}:{config}")]);
        targets.push(format!("{prefix}:{}", &config[..12]));
    }
    for target in targets {
        let report = scan(&place, &daemon, &target);
        assert_eq!(told(&report), expected, "{kind:?}, {storage:?}: {target}");
        assert_eq!(instruction_of(&report, "openssl"), "RUN step 1", "{kind:?}: {target}");
    }
}

#[test]
fn an_image_of_docker() {
    check_image(Kind::Docker, Storage::Overlay, "docker");
}

#[test]
fn an_image_of_docker_by_export() {
    check_image(Kind::Docker, Storage::Copies, "docker");
}

#[test]
fn an_image_of_podman() {
    check_image(Kind::Podman, Storage::Overlay, "podman");
}

#[test]
fn an_image_of_podman_by_export() {
    check_image(Kind::Podman, Storage::Copies, "podman");
}

#[test]
fn an_image_of_containerd() {
    check_image(Kind::Containerd, Storage::Overlay, "containerd");
}

/// Makes a container that is not started and changes what it has installed.
fn create(daemon: &Daemon, name: &str) {
    let file = daemon.path("status");
    std::fs::write(&file, changed_status()).unwrap();
    if daemon.kind != Kind::Containerd {
        daemon.ask(&["create", "--network=none", "--name", name, FULL_NAME, "/x"]).unwrap();
        daemon.ask(&["cp", &file, &format!("{name}:/var/lib/dpkg/status")]).unwrap();
        return;
    }
    daemon.ask(&["containers", "create", FULL_NAME, name, "/x"]).unwrap();
    let mount = daemon.ask(&["snapshots", "mounts", &daemon.path("mounted"), name]).unwrap();
    std::fs::create_dir_all(daemon.path("mounted")).unwrap();
    output(Command::new("sh").arg("-c").arg(String::from_utf8(mount).unwrap())).unwrap();
    std::fs::write(daemon.path("mounted/var/lib/dpkg/status"), changed_status()).unwrap();
    output(Command::new("umount").arg(daemon.path("mounted"))).unwrap();
}

fn check_container(kind: Kind, storage: Storage) {
    let Some(daemon) = Daemon::start_with(kind, storage) else { return };
    let place = Place::with_database();
    load(&daemon, &app());
    create(&daemon, "seawall-web");
    let upper = Tar::new().directory("var/lib/dpkg").file("var/lib/dpkg/status", changed_status());
    let archive = place.write("app.tar", app().layer(upper).docker_archive());
    let mut expected = told(&place.json(&["scan", "--no-cache", &archive], 0));
    assert_eq!(expected.findings, ["CVE-2024-0001", "CVE-2024-0002", "CVE-2024-0004"]);
    let report = scan(&place, &daemon, "container:seawall-web");
    let mut found = told(&report);
    // An upper layer's tar is the engine's or ours, byte by byte another than the test's.
    let without_top = |told: &mut Told| {
        for package in told.packages.iter_mut().filter(|package| package.contains(" 2 ")) {
            package.truncate(package.find("sha256:").unwrap_or(package.len()));
        }
    };
    without_top(&mut expected);
    without_top(&mut found);
    assert_eq!(found, expected, "{kind:?}, {storage:?}");
    assert_eq!(instruction_of(&report, "wget"), "container upper layer", "{kind:?}");
    assert_eq!(instruction_of(&report, "openssl"), "RUN step 1", "{kind:?}");
}

#[test]
fn a_container_of_docker() {
    check_container(Kind::Docker, Storage::Overlay);
}

#[test]
fn a_container_of_docker_by_export() {
    check_container(Kind::Docker, Storage::Copies);
}

#[test]
fn a_container_of_podman() {
    check_container(Kind::Podman, Storage::Overlay);
}

#[test]
fn a_container_of_podman_by_export() {
    check_container(Kind::Podman, Storage::Copies);
}

#[test]
fn a_container_of_containerd() {
    check_container(Kind::Containerd, Storage::Overlay);
}

/// A container that ran and removed what its image has.
fn check_run(kind: Kind, storage: Storage) {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/images").join(BUSYBOX);
    if !base.exists() {
        println!("skipped: there is no {}", base.display());
        return;
    }
    let Some(daemon) = Daemon::start_with(kind, storage) else { return };
    let place = Place::with_database();
    let busybox = output(Command::new("gzip").arg("-dc").arg(&base)).unwrap();
    let image = app().stored_layer(busybox, seawall_testkit::Compression::Plain).configure(|config| {
        config["config"]["Cmd"] = serde_json::json!(["/bin/sh", "-c", "rm -r /opt/requests-2.0.0.dist-info"]);
    });
    load(&daemon, &image);
    let name = "seawall-ran";
    let run = ["run", "--network=none", "--cgroupns=host", "--name", name, FULL_NAME];
    if let Err(error) = daemon.ask(&run) {
        println!("skipped: {kind:?} cannot run containers here: {error}");
        return;
    }
    let packages = |target: &str| told(&scan(&place, &daemon, target)).packages;
    let is_requests = |package: &String| package.starts_with("requests ");
    assert!(packages(NAME).iter().any(is_requests), "{kind:?}, {storage:?}");
    let after = packages(&format!("container:{name}"));
    assert!(!after.is_empty() && !after.iter().any(is_requests), "{kind:?}, {storage:?}: {after:?}");
    daemon.ask(&["rm", "-f", name]).unwrap();
}

#[test]
fn a_container_of_docker_that_ran() {
    check_run(Kind::Docker, Storage::Overlay);
}

#[test]
fn a_container_of_docker_that_ran_by_export() {
    check_run(Kind::Docker, Storage::Copies);
}

#[test]
fn a_container_of_podman_that_ran() {
    check_run(Kind::Podman, Storage::Overlay);
}

/// Whoever may talk to the engine but not read its directories gets the same, by export.
#[test]
fn an_image_and_a_container_for_a_user_without_rights() {
    let Some(daemon) = Daemon::start(Kind::Docker) else { return };
    let place = Place::with_database();
    load(&daemon, &app());
    create(&daemon, "seawall-web");
    let binary = place.path("seawall");
    std::fs::copy(env!("CARGO_BIN_EXE_seawall"), &binary).unwrap();
    let open_to_all = ["-c", "chmod 711 \"$1\" && chmod 666 \"$1/socket\" && chmod -R a+rwX \"$2\"", "sh"];
    let directories = [daemon.path("").into(), place.path("")];
    output(Command::new("sh").args(open_to_all).args(directories)).unwrap();
    for target in [NAME, "container:seawall-web"] {
        let in_place = told(&scan(&place, &daemon, target));
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"])
            .arg(&binary)
            .args(["scan", "--no-cache", "-f", "json", target])
            .env_clear()
            .env("HOME", place.path(""))
            .env("SEAWALL_DB", place.path("db"))
            .env("SOURCE_DATE_EPOCH", "1717200000");
        let exported = told(&scan_as(&place, &daemon, target, &mut command));
        assert_eq!(exported.findings, in_place.findings, "{target}");
        assert_eq!(exported.packages.len(), in_place.packages.len(), "{target}");
        assert_eq!(exported.gaps, in_place.gaps, "{target}");
    }
}

#[test]
fn an_image_of_a_registry() {
    let Some(registry) = Distribution::start("127.0.0.1", |_| "http: {addr: 'ADDRESS'}\n".to_owned()) else {
        return;
    };
    let place = Place::with_database();
    let arm = debian(&[("wget", "1.21.3-1")]).platform("linux", "arm64");
    let images = [app(), arm];
    let layout = Layout::new().image(&app().tag("1")).index("many", &images);
    layout.write(&place.path("layout")).unwrap();
    let address = format!("127.0.0.1:{}", registry.port());
    for tag in ["1", "many"] {
        let copy = ["copy", "-q", "--all", "--dest-tls-verify=false"];
        let from = format!("oci:{}:{tag}", place.path("layout").display());
        let to = format!("docker://{address}/app:{tag}");
        output(Command::new("skopeo").args(copy).args([from, to])).unwrap();
    }
    let archive = place.write("app.tar", app().docker_archive());
    let expected = told(&place.json(&["scan", &archive], 0));
    let amd = ["--platform", "linux/amd64"];
    for target in [format!("registry:{address}/app:1"), format!("{address}/app:1")] {
        let report = place.json(&["scan", "--no-cache", &target], 0);
        assert_eq!(told(&report), expected, "{target}");
    }
    let many = format!("registry:{address}/app:many");
    assert_eq!(told(&place.json(&[&["scan", &many], &amd[..]].concat(), 0)), expected);
    let of_arm = place.json(&["scan", &many, "--platform", "linux/arm64"], 0);
    assert_eq!(ids(&of_arm), ["CVE-2024-0004"]);
    let (out, _) = place.check(&["scan", &many, "--all-platforms"], 0);
    for word in ["linux/amd64", "linux/arm64", "CVE-2024-0001", "CVE-2024-0004"] {
        assert!(out.contains(word), "{word} is not in {out}");
    }
    let (_, err) = place.check(&["scan", &many, "--platform", "linux/s390x"], 2);
    assert!(err.contains("linux/s390x") && err.contains("linux/arm64"), "{err}");
    let (_, err) = place.check(&["scan", &format!("registry:{address}/absent:1")], 2);
    assert!(err.contains("absent"), "{err}");
}
