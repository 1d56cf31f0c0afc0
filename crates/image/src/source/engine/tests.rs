//! With the engines of this machine; each test says so where one is absent.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use seawall_engine::EngineKind;
use seawall_testkit::{Image, Tar as Archive, sha256};

use super::*;
use crate::tar::{MemberKind, Step, Tar};

/// An image of three layers over busybox, loaded into an engine for the time of a test.
pub(crate) struct Loaded {
    program: &'static str,
    pub(crate) tag: String,
    pub(crate) options: EngineOptions,
    containers: Vec<String>,
}

impl Loaded {
    /// `None`, with a word, where the engine or the base image is absent.
    pub(crate) fn new(program: &'static str, name: &str) -> Option<Loaded> {
        let (kind, socket) = match program {
            "podman" => (EngineKind::Podman, "/run/podman/podman.sock"),
            _ => (EngineKind::Docker, "/var/run/docker.sock"),
        };
        let endpoint = Endpoint::unix(kind, socket);
        let base =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/images/busybox-glibc-amd64.tar.gz");
        if Engine::connect(&endpoint).is_err() || !Path::new(base).exists() {
            println!("skipped: no {program} at {socket}, or no {base}");
            return None;
        }
        let mut busybox = Vec::new();
        flate2::read::MultiGzDecoder::new(File::open(base).unwrap()).read_to_end(&mut busybox).unwrap();
        let tag = format!("localhost/seawall-test/{name}:{}", std::process::id());
        let image = Image::new()
            .stored_layer(busybox, seawall_testkit::Compression::Plain)
            .layer(layer_1())
            .layer(layer_2())
            .tag(&tag);
        let archive = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(archive.path(), image.old_docker_archive()).unwrap();
        let loaded = Command::new(program).args(["load", "-q", "-i"]).arg(archive.path()).output().unwrap();
        assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
        let options = EngineOptions {
            endpoints: vec![endpoint],
            in_place: InPlace::WherePossible,
            temporary: None,
            limits: Limits::default(),
        };
        Some(Loaded { program, tag, options, containers: Vec::new() })
    }

    pub(crate) fn run(&mut self, arguments: &[&str]) -> String {
        let output = Command::new(self.program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Makes a container without starting it.
    pub(crate) fn create(&mut self, name: &str) -> String {
        let name = format!("seawall-{name}-{}", std::process::id());
        self.containers.push(name.clone());
        let tag = self.tag.clone();
        self.run(&["create", "--name", &name, &tag, "/bin/sh"]);
        name
    }

    /// Starts a container that lives until the test ends; `None`, with a word, where the engine cannot run any.
    pub(crate) fn container(&mut self, name: &str, script: &str) -> Option<String> {
        let name = format!("seawall-{name}-{}", std::process::id());
        self.containers.push(name.clone());
        let tag = self.tag.clone();
        let script = format!("{script}; : > /ready; exec sleep 600");
        let network = "--network=none";
        let arguments = ["run", "-d", network, "--name", &name, &tag, "/bin/sh", "-c", &script];
        let output = Command::new(self.program).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("OCI permission denied") {
            println!("skipped: {} cannot run containers here: {said}", self.program);
            return None;
        }
        assert!(output.status.success(), "{said}");
        for _ in 0..600 {
            let diff = self.run(&["diff", &name]);
            if diff.contains("/ready") {
                return Some(name);
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        let logs = Command::new(self.program).args(["logs", &name]).output().unwrap();
        panic!("the container {name} does not get ready: {}", String::from_utf8_lossy(&logs.stderr));
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        let quietly = |arguments: &[&str]| {
            let _ = Command::new(self.program)
                .args(arguments)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        };
        for name in &self.containers {
            quietly(&["rm", "-f", "-t", "0", name]);
            quietly(&["rm", "-f", name]);
        }
        quietly(&["rmi", "-f", &self.tag]);
    }
}

fn layer_1() -> Archive {
    Archive::new()
        .directory("app")
        .file("app/one", "1")
        .file("app/two", vec![b'2'; 70_000])
        .directory("app/sub")
        .file("app/sub/deep", "d")
        .symlink("app/link", "/etc/passwd")
        .hardlink("app/zz", "app/two")
}

fn layer_2() -> Archive {
    Archive::new()
        .directory("app")
        .file("app/.wh.one", "")
        .directory("app/sub")
        .file("app/sub/.wh..wh..opq", "")
        .file("app/sub/new", "n")
}

/// Path → kind, size and digest of the content of a layer's members.
pub(crate) fn members(layer: &[u8]) -> BTreeMap<String, String> {
    let limits = Limits::default();
    let mut tar = Tar::new(layer, &limits);
    let mut members = BTreeMap::new();
    loop {
        match tar.advance().unwrap() {
            Step::Member => {}
            Step::End => return members,
            Step::Problem(problem) => panic!("{problem:?}"),
            Step::Truncated => panic!("the tar breaks off"),
        }
        let member = tar.member().clone();
        let mut body = Vec::new();
        tar.body().read_to_end(&mut body).unwrap();
        assert_eq!(body.len() as u64, member.size_bytes);
        let path =
            String::from_utf8_lossy(&member.path).trim_start_matches("./").trim_end_matches('/').to_owned();
        let link = String::from_utf8_lossy(&member.link).into_owned();
        let what = match member.kind {
            MemberKind::File => format!("file {}", &sha256(&body)[7..17]),
            MemberKind::Directory => "directory".to_owned(),
            MemberKind::Symlink => format!("-> {link}"),
            MemberKind::Hardlink => format!("= {link}"),
            MemberKind::Special => "special".to_owned(),
        };
        members.insert(path, what);
    }
}

pub(crate) fn read(opened: &OpenImage, position: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    opened.blobs.open(&opened.image.layers[position]).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

pub(crate) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn check(program: &'static str) {
    let Some(loaded) = Loaded::new(program, "image") else { return };
    let in_place = open(&loaded.tag, &PlatformChoice::Host, &loaded.options).unwrap();
    let never = EngineOptions { in_place: InPlace::Never, ..loaded.options.clone() };
    let exported = open(&loaded.tag, &PlatformChoice::Host, &never).unwrap();
    assert_eq!((in_place.len(), exported.len()), (1, 1));
    let (in_place, exported) = (&in_place[0], &exported[0]);
    assert_eq!(in_place.image.config_digest, exported.image.config_digest);
    assert_eq!(in_place.image.history, exported.image.history);
    let diff_ids =
        |one: &OpenImage| one.image.layers.iter().map(|layer| layer.diff_id.clone()).collect::<Vec<_>>();
    assert_eq!(diff_ids(in_place), diff_ids(exported));
    assert_eq!(in_place.image.layers[1].instruction.as_deref(), Some("RUN step 1"));
    assert!(in_place.image.name.is_some());
    for (position, layer) in exported.image.layers.iter().enumerate() {
        let original = read(exported, position);
        assert_eq!(sha256(&original), layer.diff_id.to_string());
        assert!(exported.blobs.is_verbatim(layer));
        // The directory of an overlay has no entry for the root itself.
        let mut expected = members(&original);
        expected.retain(|path, _| !matches!(path.as_str(), "" | "."));
        // An engine that is not root's, or a test that is not, gets an export both times.
        assert_eq!(members(&read(in_place, position)), expected, "layer {position}");
    }
    assert_eq!(members(&read(in_place, 2)).get("app/.wh.one").map(|what| &what[..4]), Some("file"));
    // The id, whole and in part, means the same image, and no name.
    let id = in_place.image.config_digest.clone().unwrap();
    for reference in [id.to_string(), id.short().to_owned()] {
        let by_id = open(&reference, &PlatformChoice::Host, &loaded.options).unwrap();
        assert_eq!(by_id[0].image.config_digest, Some(id.clone()));
        assert_eq!(by_id[0].image.name, None);
    }
    let other = PlatformChoice::One("linux/arm64".parse().unwrap());
    let refused = open(&loaded.tag, &other, &loaded.options).map(drop).unwrap_err();
    assert!(
        words(&refused).contains("no image for linux/arm64; on offer: linux/amd64"),
        "{}",
        words(&refused)
    );
}

#[test]
fn docker_in_place_and_by_export() {
    check("docker");
}

#[test]
fn podman_in_place_and_by_export() {
    check("podman");
}

#[test]
fn what_was_tried_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let absent = directory.path().join("docker.sock");
    let options = |endpoints| EngineOptions {
        endpoints,
        in_place: InPlace::WherePossible,
        temporary: None,
        limits: Limits::default(),
    };
    let told = |options: &EngineOptions| {
        let error = open("app:1", &PlatformChoice::Host, options).map(drop).unwrap_err();
        words(&error).replace(&directory.path().display().to_string(), "DIR")
    };
    assert_eq!(told(&options(Vec::new())), "no engine has app:1; there was none to try");
    let none = options(vec![Endpoint::unix(EngineKind::Docker, &absent)]);
    assert_eq!(
        told(&none),
        "no engine has app:1; tried:\n  docker (unix://DIR/docker.sock): there is no socket; is the engine installed \
         and running? Start it or name another socket"
    );
    if let Some(mut loaded) = Loaded::new("docker", "told") {
        loaded.options.endpoints.insert(0, Endpoint::unix(EngineKind::Docker, &absent));
        let error =
            open("seawall.invalid/none:1", &PlatformChoice::Host, &loaded.options).map(drop).unwrap_err();
        let shown = words(&error);
        assert!(
            shown.contains("docker (unix:///var/run/docker.sock): the engine does not have it"),
            "{shown}"
        );
        assert!(
            !shown.contains("there is no socket"),
            "an absent engine is no news beside one that answers: {shown}"
        );
    }
}

#[test]
fn containerd_gives_an_image_by_blobs() {
    let sockets = ["/tmp/ctd.sock", "/run/containerd/containerd.sock"];
    let endpoint = sockets.map(|path| Endpoint::unix(EngineKind::Containerd, path));
    let Some(endpoint) = endpoint.into_iter().find(|one| Engine::connect(one).is_ok()) else {
        println!("skipped: no containerd at {}", sockets.join(" or "));
        return;
    };
    let containerd = Containerd::connect(&endpoint).unwrap();
    let options = EngineOptions {
        endpoints: vec![endpoint],
        in_place: InPlace::WherePossible,
        temporary: None,
        limits: Limits::default(),
    };
    for known in containerd.list().unwrap() {
        let by_name = open(&known.name, &PlatformChoice::Host, &options).unwrap();
        for position in 0..by_name[0].image.layers.len() {
            let layer = &by_name[0].image.layers[position];
            assert_eq!(
                Some(sha256(&read(&by_name[0], position))),
                layer.digest.as_ref().map(ToString::to_string)
            );
        }
        if let Some(short) = known.name.strip_prefix("docker.io/") {
            let by_short_name = open(short, &PlatformChoice::Host, &options).unwrap();
            assert_eq!(by_short_name[0].image.layers, by_name[0].image.layers);
        }
    }
}
