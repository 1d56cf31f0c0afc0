//! Archives as skopeo, Docker and containerd write them, opened as files and as streams.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking and says what it skips")]

use std::fs::File;
use std::path::Path;
use std::process::Command;

use seawall_image::manifest::PlatformChoice;
use seawall_image::source::local::{Local, LocalError, LocalOptions, open, open_stream};
use seawall_image::{Limits, walk_layer};
use seawall_testkit::{Compression, Daemon, Image, Kind, Layout, Tar, output};

fn app(architecture: &str) -> Image {
    let tar = Tar::new().file("etc/os-release", "ID=test\n").file("zeros", vec![0; 300_000]).finish();
    Image::new()
        .stored_layer(tar, Compression::Gzip)
        .layer(Tar::new().whiteout("zeros").file("usr/x", architecture))
        .platform("linux", architecture)
}

/// Tags, platform, and what the layers' digests say.
fn shown(opened: Result<Local, LocalError>) -> String {
    let images = match opened {
        Ok(Local::Images(images)) => images,
        Ok(Local::Directory(path)) => return format!("directory {}", path.display()),
        Ok(Local::Sbom(_)) => return "document".to_owned(),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| {
                let next = cause.source().map(ToString::to_string).unwrap_or_default();
                format!("{cause}: {next}")
            });
            return format!("{error}: {}", cause.unwrap_or_default());
        }
    };
    let mut lines = Vec::new();
    for one in &images {
        let layers = one.image.layers.iter().map(|layer| {
            let blob = one.blobs.open(layer).unwrap();
            let walk = walk_layer(blob, Some(&layer.diff_id), &mut [], &Limits::default(), &|_| {});
            format!(" {} {:?}", walk.files, walk.verification)
        });
        let layers: String = layers.collect();
        lines.push(format!("{} {}{layers}", one.image.tags.join(","), one.image.platform));
    }
    lines.join("; ")
}

fn check(path: &str, reference: Option<&str>, choice: PlatformChoice, expected: &str) {
    let options = LocalOptions { choice, ..LocalOptions::default() };
    let from_file = shown(open(Path::new(path), reference, &options));
    assert_eq!(from_file, expected, "{path}");
    if Path::new(path).is_file() {
        assert_eq!(
            shown(open_stream(File::open(path).unwrap(), "-", reference, &options)),
            expected,
            "{path}"
        );
    }
}

const LAYERS: &str = "2 Matches 1 Matches";

#[test]
fn what_skopeo_writes() {
    if Command::new("skopeo").arg("--version").output().is_err() {
        println!("skipped: skopeo is not installed");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    Layout::new()
        .image(&app("amd64").tag("1"))
        .index("multi", &["amd64", "arm64"].map(app))
        .write(&directory.path().join("layout"))
        .unwrap();
    let copy = |from: &str, arguments: &[&str], to: &str| {
        let mut skopeo = Command::new("skopeo");
        let from = format!("oci:{}:{from}", at("layout"));
        output(skopeo.args(["copy", "-q", "--insecure-policy"]).args(arguments).args([&from, to])).unwrap();
    };
    let host = PlatformChoice::Host;
    copy("1", &[], &format!("docker-archive:{}:app:1", at("docker.tar")));
    check(&at("docker.tar"), None, host.clone(), &format!("docker.io/library/app:1 linux/amd64 {LAYERS}"));
    check(
        &at("docker.tar"),
        Some("app:1"),
        host.clone(),
        &format!("docker.io/library/app:1 linux/amd64 {LAYERS}"),
    );
    copy("1", &[], &format!("oci-archive:{}:app:1", at("oci.tar")));
    check(&at("oci.tar"), None, host.clone(), &format!("app:1 linux/amd64 {LAYERS}"));
    copy("1", &["--dest-compress-format", "zstd"], &format!("oci:{}:app:1", at("zstd")));
    check(&at("zstd"), None, host.clone(), &format!("app:1 linux/amd64 {LAYERS}"));
    copy("multi", &["--all"], &format!("oci-archive:{}:multi", at("multi.tar")));
    check(&at("multi.tar"), None, host, &format!("multi linux/amd64 {LAYERS}"));
    let both = format!("multi linux/amd64 {LAYERS}; multi linux/arm64 {LAYERS}");
    check(&at("multi.tar"), None, PlatformChoice::All, &both);
    for (program, name) in [
        ("gzip", "multi.tar.gz"),
        ("xz", "multi.tar.xz"),
        ("bzip2", "multi.tar.bz2"),
        ("zstd", "multi.tar.zst"),
    ] {
        match output(Command::new(program).args(["-k", &at("multi.tar")])) {
            Ok(_) => check(&at(name), None, PlatformChoice::All, &both),
            Err(error) => println!("skipped: {program}: {error}"),
        }
    }
}

#[test]
fn what_engines_save() {
    for kind in [Kind::Docker, Kind::Containerd, Kind::Podman] {
        let Some(daemon) = Daemon::start(kind) else { continue };
        let tags = ["docker.io/library/one:1", "docker.io/library/two:2"];
        for tag in tags {
            std::fs::write(daemon.path("archive"), app("amd64").tag(tag).old_docker_archive()).unwrap();
            match daemon.kind {
                Kind::Docker | Kind::Podman => {
                    daemon.ask(&["load", "-q", "-i", &daemon.path("archive")]).unwrap()
                }
                Kind::Containerd => daemon.ask(&["images", "import", &daemon.path("archive")]).unwrap(),
            };
        }
        let saved = daemon.path("saved.tar");
        match daemon.kind {
            Kind::Docker => daemon.ask(&["save", "-o", &saved, "one:1", "two:2"]).unwrap(),
            Kind::Containerd => daemon.ask(&["images", "export", &saved, tags[0], tags[1]]).unwrap(),
            Kind::Podman => daemon.ask(&["save", "-q", "-m", "-o", &saved, "one:1", "two:2"]).unwrap(),
        };
        // Both have the same configuration and layers, so for Docker they are one image with two tags.
        for reference in [Some("two:2"), None] {
            for choice in [PlatformChoice::Host, PlatformChoice::All] {
                let options = LocalOptions { choice, ..LocalOptions::default() };
                let found = shown(open(Path::new(&saved), reference, &options));
                let is_right = found.contains("two:2") && found.ends_with(&format!("linux/amd64 {LAYERS}"));
                assert!(is_right, "{kind:?}: {found}");
            }
        }
    }
}
