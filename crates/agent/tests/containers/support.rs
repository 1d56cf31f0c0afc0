//! Hosts made of files, and programs of a few bytes.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use seawall_agent::containers::{Containers, Lookup, Options};
use seawall_event::Container;
use seawall_testkit::{Daemon, Image, Tar};

pub(crate) const A: &str = "3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e";
pub(crate) const B: &str = "9d41c3601e3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233d";
pub(crate) const IMAGE: &str = "d74de5752236b4d215fa6d29191c50e13f2611758a86ff9c0cf9f331e7f00bca";
pub(crate) const DIGEST: &str = "sha256:5673d3085009b94d9e00dc97bdaca633d1f6121f5bc5509ca33f1f0868b58117";

/// The file system of a host.
pub(crate) struct Host(pub(crate) tempfile::TempDir);

impl Host {
    pub(crate) fn new() -> Host {
        Host(tempfile::tempdir().unwrap())
    }

    /// Writes a file; `{A}` and the like in name and content are the constants' values.
    pub(crate) fn file(self, path: &str, content: impl ToString) -> Host {
        self.write(path, content);
        self
    }

    pub(crate) fn write(&self, path: &str, content: impl ToString) {
        let at = self.0.path().join(filled(path));
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, filled(&content.to_string())).unwrap();
    }

    pub(crate) fn options(&self) -> Options {
        Options::of_host(self.0.path())
    }

    pub(crate) fn containers(&self) -> Containers {
        Containers::start(self.options())
    }
}

pub(crate) fn filled(text: &str) -> String {
    [("{A}", A), ("{B}", B), ("{IMAGE}", IMAGE), ("{DIGEST}", DIGEST)]
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// The container of a path, when all is known that can be; `None` on the host.
pub(crate) fn settled(containers: &Containers, cgroup_id: u64, path: &str) -> Option<Arc<Container>> {
    let path = filled(path);
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        match containers.of(cgroup_id, Some(Path::new(&path)), 0) {
            Lookup::Host => return None,
            Lookup::Known(container) => return Some(container),
            Lookup::Pending(_) => assert!(Instant::now() < end, "{path} is pending for ever"),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// An executable for x86-64 of this code, with one segment and nothing else (the System V ABI's chapter 4 and 5).
fn executable(code: &[u8]) -> Vec<u8> {
    const HEADERS: u64 = 64 + 56;
    const BASE: u64 = 0x40_0000;
    let length = HEADERS + code.len() as u64;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    let short = |file: &mut Vec<u8>, values: &[u16]| {
        values.iter().for_each(|value| file.extend(value.to_le_bytes()));
    };
    let long = |file: &mut Vec<u8>, values: &[u64]| {
        values.iter().for_each(|value| file.extend(value.to_le_bytes()));
    };
    short(&mut file, &[2, 62, 1, 0]);
    long(&mut file, &[BASE + HEADERS, 64, 0]);
    short(&mut file, &[0, 0, 64, 56, 1, 0, 0, 0]);
    short(&mut file, &[1, 0, 5, 0]);
    long(&mut file, &[0, BASE, BASE, length, length, 0x1000]);
    file.extend(code);
    file
}

/// podman asks for limits that a machine may not give; these every one gives.
pub(crate) const PODMAN_LIMITS: [&str; 2] = ["--ulimit=nofile=64:64", "--ulimit=nproc=64:64"];

/// Puts `docker.io/library/tiny:8` into containerd's default namespace.
pub(crate) fn import_into_containerd(daemon: &Daemon) {
    let archive = daemon.path("image.tar");
    let image = Image::new().stored_layer(image(), seawall_testkit::Compression::Plain).tag("tiny:8");
    fs::write(&archive, image.docker_archive()).unwrap();
    daemon.ask(&["images", "import", &archive]).unwrap();
}

/// An image's files: `/short-lived`, which ends at once, and `/pause`, which never does.
pub(crate) fn image() -> Vec<u8> {
    let ends = executable(&[0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05]);
    let waits = executable(&[0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7]);
    Tar::new()
        .file_with_mode("short-lived", 0o755, ends)
        .file_with_mode("pause", 0o755, waits)
        .directory("etc")
        .file("etc/passwd", "root:x:0:0:root:/:/pause\nweb:x:33:33::/srv:/pause\n")
        .file("etc/group", "root:x:0:\nwww:x:33:web\n")
        .finish()
}
