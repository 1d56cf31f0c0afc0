//! The databases of dpkg, apk and pacman, and the files that name a distribution.
#![no_main]

use libfuzzer_sys::fuzz_target;

mod catalog_content;

const PATHS: &[&str] = &[
    "var/lib/dpkg/status",
    "var/lib/dpkg/status.d/base",
    "var/lib/dpkg/info/libc6:amd64.list",
    "var/lib/dpkg/info/libc6:amd64.md5sums",
    "usr/share/doc/libc6/copyright",
    "var/lib/chisel/manifest.wall",
    "lib/apk/db/installed",
    "var/lib/pacman/local/glibc-2.38-1/desc",
    "var/lib/pacman/local/glibc-2.38-1/files",
    "etc/os-release",
    "etc/alpine-release",
    "etc/apk/repositories",
    "etc/redhat-release",
    "etc/lsb-release",
    "var/lib/ubuntu-advantage/status.json",
    "root/buildinfo/content_manifests/a.json",
    "var/lib/rpmmanifest/container-manifest-2",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((path, bytes)) = bytes.split_first() else { return };
    catalog_content::show(PATHS[usize::from(*path) % PATHS.len()], bytes);
});
