//! Docker, podman and containerd as they are on this machine; each test says so where one is absent.
//!
//! They read what is there and need no particular image or container.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it skips"
)]

use std::io::Read;
use std::path::Path;

use seawall_engine::{Containerd, Docker, Endpoint, Engine, EngineKind};

fn endpoint(kind: EngineKind, paths: &[&str]) -> Option<Endpoint> {
    let endpoint =
        paths.iter().map(|path| Endpoint::unix(kind, *path)).find(|it| Engine::connect(it).is_ok());
    if endpoint.is_none() {
        println!("skipped: no {kind} answers at {}", paths.join(" or "));
    }
    endpoint
}

fn check_docker(docker: &Docker) {
    assert!(!docker.version().version.is_empty());
    let images = docker.images().unwrap();
    let containers = docker.containers().unwrap();
    println!("{}: {} images, {} containers", docker.endpoint(), images.len(), containers.len());
    for image in &images {
        // A test of another program may remove an image meanwhile.
        let Some(tag) = image.tags.first() else { continue };
        let Ok(details) = docker.image(tag) else { continue };
        assert_eq!(details.id, image.id, "{tag}");
        assert!(!details.diff_ids.is_empty(), "{tag}");
        let overlay = details.overlay.unwrap();
        assert_eq!(overlay.lower.len() + 1, details.diff_ids.len(), "{tag}");
        if Path::new(&overlay.upper).is_dir() {
            assert!(details.config_files.iter().any(|path| path.is_file()), "{tag}");
        }
    }
    if let Some(tag) = images.first().and_then(|image| image.tags.first()) {
        let mut start = [0; 512];
        docker.export_image(tag).unwrap().read_exact(&mut start).unwrap();
        assert_eq!(&start[257..262], b"ustar");
    }
    for container in &containers {
        let Ok(details) = docker.container(&container.name) else { continue };
        assert_eq!(details.container.id, container.id);
        assert_eq!(details.container.image_id, container.image_id, "{}", container.name);
        assert!(details.overlay.is_some());
        docker.changes(&container.id).unwrap();
    }
    assert!(docker.image("seawall.invalid/none:1").unwrap_err().failure.is_not_found());
    assert!(docker.container("seawall-none").unwrap_err().failure.is_not_found());
}

#[test]
fn docker_describes_what_it_lists() {
    let Some(endpoint) = endpoint(EngineKind::Docker, &["/var/run/docker.sock"]) else { return };
    let docker = Docker::connect(&endpoint).unwrap();
    assert_eq!(docker.version().kind, EngineKind::Docker);
    check_docker(&docker);
}

#[test]
fn podman_describes_what_it_lists() {
    let Some(endpoint) = endpoint(EngineKind::Podman, &["/run/podman/podman.sock"]) else { return };
    // Whatever the endpoint is called, the engine says what it is.
    let Endpoint { address, .. } = endpoint;
    let docker = Docker::connect(&Endpoint { kind: EngineKind::Docker, address }).unwrap();
    assert_eq!(docker.version().kind, EngineKind::Podman);
    check_docker(&docker);
}

#[test]
fn containerd_gives_the_blobs_of_its_images() {
    let paths =
        ["/tmp/ctd.sock", "/run/containerd/containerd.sock", "/var/run/docker/containerd/containerd.sock"];
    let Some(endpoint) = endpoint(EngineKind::Containerd, &paths) else { return };
    let containerd = Containerd::connect(&endpoint).unwrap();
    let images = containerd.list().unwrap();
    println!("{}: {} images", containerd.endpoint(), images.len());
    for image in &images {
        assert_eq!(&containerd.image(&image.name).unwrap().digest, &image.digest);
        let mut from_file = Vec::new();
        containerd.blob(&image.namespace, &image.digest).unwrap().read_to_end(&mut from_file).unwrap();
        let mut from_socket = Vec::new();
        let mut reader = containerd.blob_over_socket(&image.namespace, &image.digest).unwrap();
        reader.read_to_end(&mut from_socket).unwrap();
        assert_eq!(from_file, from_socket);
        assert_eq!(from_file.len() as u64, image.size_bytes);
    }
    for container in containerd.containers().unwrap() {
        assert_eq!(containerd.container(&container.id).unwrap().container, container);
    }
    assert!(containerd.image("seawall.invalid/none:1").unwrap_err().failure.is_not_found());
    assert!(containerd.container("seawall-none").unwrap_err().failure.is_not_found());
    let none = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
    let error = containerd.blob("default", &none).map(drop).unwrap_err();
    assert!(error.failure.is_not_found(), "{error:?}");
}
