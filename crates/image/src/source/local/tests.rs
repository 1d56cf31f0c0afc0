use std::io::Write;

use seawall_testkit::{Compression as Packed, Image as Built, Layout, Tar, sha256};

use super::*;
use crate::walk_layer;

/// An error with its causes.
pub(crate) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn app() -> Built {
    let gz = Tar::new().file("y", "y").finish();
    Built::new().layer(Tar::new().file("etc/x", "x")).stored_layer(gz, Packed::Gzip).tag("app:1")
}

/// What there is: for images their tags and the verified number of files of each layer.
fn shown(opened: Result<Local, LocalError>) -> String {
    match opened {
        Ok(Local::Directory(path)) => format!("directory {}", path.display()),
        Ok(Local::Sbom(bytes)) => format!("sbom of {} bytes", bytes.len()),
        Ok(Local::Images(images)) => images.iter().map(image).collect::<Vec<_>>().join("; "),
        Err(error) => words(&error),
    }
}

fn image(one: &OpenImage) -> String {
    let files = one.image.layers.iter().map(|layer| {
        let blob = one.blobs.open(layer).unwrap();
        let walk = walk_layer(blob, Some(&layer.diff_id), &mut [], &Limits::default(), &|_| {});
        format!(" {} {:?}", walk.files, walk.verification)
    });
    format!("image {}{}", one.image.tags.join(","), files.collect::<String>())
}

/// The same from a file and from a stream.
fn check(bytes: &[u8], reference: &str, expected: &str) {
    let reference = Some(reference).filter(|text| !text.is_empty());
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let from_file = shown(open(file.path(), reference, &LocalOptions::default()));
    let from_stream = shown(open_stream(bytes, "-", reference, &LocalOptions::default()));
    for found in [from_file, from_stream] {
        assert!(found.contains(expected), "`{found}` lacks `{expected}`");
    }
}

#[test]
fn archives_of_images_however_stored() {
    let expected = "image app:1 1 Matches 1 Matches";
    for bytes in [app().docker_archive(), app().old_docker_archive(), app().layout().archive()] {
        check(&bytes, "", expected);
        check(&Packed::Gzip.pack(&bytes), "", expected);
        check(&Packed::Zstd.pack(&bytes), "", expected);
        check(&bytes, "app:1", expected);
        check(&bytes, "app:2", "holds no image app:2; there is: app:1");
    }
    let two = Layout::new().image(&app()).image(&Built::new().tag("other:1"));
    check(&two.archive(), "", "add the name of one, as in PATH:NAME: app:1, other:1");
    check(&two.archive(), "other:1", "image other:1");
}

#[test]
fn archives_that_are_both_are_read_by_what_is_there() {
    // Docker with containerd's store lists platforms whose blobs it has not.
    let images = ["amd64", "arm64"].map(|architecture| app().platform("linux", architecture));
    let layout = Layout::new().index("app:1", &images).archive();
    let both = [&images[0].docker_archive()[..], b""].concat();
    let without_end = both.len() - 1024;
    let both = [&both[..without_end], &layout].concat();
    let file = |choice| {
        let options = LocalOptions { choice, ..LocalOptions::default() };
        shown(open_stream(&both[..], "-", None, &options))
    };
    assert_eq!(file(PlatformChoice::Host), "image app:1 1 Matches 1 Matches");
    assert_eq!(file(PlatformChoice::All).matches("Matches").count(), 4);
    assert_eq!(file(PlatformChoice::One("linux/arm64".parse().unwrap())).matches("Matches").count(), 2);
    let partial = images[0].docker_archive();
    let partial = Tar::new()
        .file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#)
        .file("index.json", "{}")
        .cut()
        .into_iter()
        .chain(partial)
        .collect::<Vec<u8>>();
    let options = LocalOptions { choice: PlatformChoice::All, ..LocalOptions::default() };
    assert_eq!(shown(open_stream(&partial[..], "-", None, &options)), "image app:1 1 Matches 1 Matches");
}

#[test]
fn tars_of_root_file_systems() {
    let root = || Tar::new().directory(".").file("./etc/os-release", "ID=x").file("./usr/bin/sh", "sh");
    check(&root().finish(), "", "image  2 Matches");
    check(&Packed::Gzip.pack(&root().finish()), "", "image  2 Matches");
    check(&root().finish(), "x", "has no images, so there is no `x` in it");
    // Not Docker's manifest.json, and damage that is only a gap.
    check(&root().file("manifest.json", r#"{"name":"app"}"#).finish(), "", "image  3 Matches");
    check(&root().raw(&[7; 512]).file("z", "z").finish(), "", "image  3 Matches");
    check(&root().cut(), "", "image  2 Matches");
    // For Docker this is an archive of images, whatever else is in it.
    let hidden = [Tar::new().file("etc/x", "").cut(), app().docker_archive()].concat();
    check(&hidden, "", "image app:1");
}

#[test]
fn bills_of_materials() {
    check(b"{\"bomFormat\":\"CycloneDX\"}", "", "sbom of 25 bytes");
    check(b"\xef\xbb\xbf\n <?xml version='1.0'?><bom/>", "", "sbom of");
    check(b"# made by hand\n\nSPDXVersion: SPDX-2.3\n", "", "sbom of");
    check(&Packed::Gzip.pack(b"{}"), "", "sbom of 2 bytes");
    check(b"{}", "x", "has no images");
    let long = [b"{".as_slice(), &[b' '; 10_000]].concat();
    check(&long, "", "sbom of 10001 bytes");
    let options = |sbom_bytes_max| LocalOptions {
        limits: Limits { sbom_bytes_max, ..Limits::default() },
        ..LocalOptions::default()
    };
    for (max, expected) in
        [(10_001, "sbom of 10001"), (10_000, "it is larger than 10000"), (10, "larger than 10 ")]
    {
        let found = shown(open_stream(&long[..], "-", None, &options(max)));
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn what_is_none_of_these() {
    check(b"", "", "is no image archive, OCI layout");
    check(b"#!/bin/sh\n", "", "is no image archive, OCI layout");
    check(&[0; 1024], "", "the archive is contradictory: it is empty");
    check(b"\x7fELF", "", "is no image archive, OCI layout");
    check(&[0x1f, 0x8b, 8, 0], "", "cannot read");
    check(b"\x04\x22\x4d\x18", "", "lz4 compression is not supported");
    let whole = app().docker_archive();
    check(&whole[..whole.len() / 2], "", "breaks off");
    let gz = Packed::Gzip.pack(&whole);
    check(&gz[..gz.len() / 2], "", "cannot read");
    let mut layout = app().layout().archive();
    layout.truncate(layout.len() / 2 / 512 * 512 + 100);
    check(&layout, "", "breaks off");
    let missing = Path::new("/nonexistent/x");
    assert_eq!(
        shown(open(missing, None, &LocalOptions::default())),
        "cannot read /nonexistent/x: No such file or directory (os error 2)"
    );
}

#[test]
fn archives_that_attack() {
    let listed = r#"[{"Config":"../../etc/passwd","RepoTags":[],"Layers":[]}]"#;
    check(&Tar::new().file("manifest.json", listed).finish(), "", "it lacks etc/passwd");
    let circle = Tar::new()
        .symlink("manifest.json", "a")
        .symlink("a", "b")
        .symlink("b", "a")
        .file("oci-layout", "{}")
        .finish();
    check(&circle, "", "image  4");
    let listed = r#"[{"Config":"c","RepoTags":["../x"],"Layers":["/l"]}]"#;
    let config = format!(r#"{{"rootfs":{{"diff_ids":["{}"]}}}}"#, sha256(b""));
    let absolute =
        Tar::new().file("manifest.json", listed).file("/../c", config).symlink("l", "/etc/passwd").finish();
    check(&absolute, "", "it lacks etc/passwd");
    // A bomb: far more than the stored bytes make plausible.
    let bomb = Packed::Gzip.pack(&Tar::new().file("zeros", vec![0; 3_000_000]).finish());
    let options = LocalOptions {
        limits: Limits { ratio_free_bytes: 100_000, ratio_max: 10, ..Limits::default() },
        ..LocalOptions::default()
    };
    let found = shown(open_stream(&bomb[..], "-", None, &options));
    assert!(found.contains("it expands to more than 10 times its size"), "{found}");
    let options = LocalOptions {
        limits: Limits { archive_bytes_max: 100_000, ..Limits::default() },
        ..LocalOptions::default()
    };
    let found = shown(open_stream(&bomb[..], "-", None, &options));
    assert!(found.contains("it is larger than 100000 bytes"), "{found}");
}

#[test]
fn directories_and_layouts() {
    let directory = tempfile::tempdir().unwrap();
    let at = |path: &Path, reference| shown(open(path, reference, &LocalOptions::default()));
    assert_eq!(at(directory.path(), None), format!("directory {}", directory.path().display()));
    assert!(at(directory.path(), Some("x")).contains("has no images"));
    app().layout().write(directory.path()).unwrap();
    assert_eq!(at(directory.path(), None), "image app:1 1 Matches 1 Matches");
    assert_eq!(at(directory.path(), Some("app:1")), "image app:1 1 Matches 1 Matches");
    assert!(at(directory.path(), Some("x")).contains("it holds no image x"));
}

#[test]
fn references_stand_behind_paths() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    std::fs::write(path("a"), "").unwrap();
    std::fs::write(path("a:b"), "").unwrap();
    let check = |text: &str, expected: Option<(&str, Option<&str>)>| {
        let text = path(text);
        let found = split(&text);
        assert_eq!(found, expected.map(|(name, reference)| (PathBuf::from(path(name)), reference)), "{text}");
    };
    check("a", Some(("a", None)));
    check("a:b", Some(("a:b", None)));
    check("a:c", Some(("a", Some("c"))));
    check("a:c:1", Some(("a", Some("c:1"))));
    check("a:b:c:1", Some(("a:b", Some("c:1"))));
    check("a@sha256:00", Some(("a", Some("@sha256:00"))));
    check("a:", Some(("a", None)));
    check("c", None);
    assert_eq!(split(""), None);
    assert_eq!(split("debian:12"), None);
}

#[test]
fn real_root_file_systems_and_layouts() {
    let data = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/images"));
    let check = |name: &str, reference: Option<&str>, expected: &str| {
        let path = data.join(name);
        if !path.exists() {
            println!("skipped: no {}", path.display());
            return;
        }
        let found = shown(open(&path, reference, &LocalOptions::default()));
        assert!(found.contains(expected), "{name}: `{found}` lacks `{expected}`");
    };
    check("alpine-minirootfs-3.20.3-x86_64.tar.gz", None, "image  421 Matches");
    check("busybox-glibc-amd64.tar.gz", None, "Matches");
    check("almalinux-9.3-micro-aarch64.tar.xz", None, "Matches");
    let two = "oci-layout-two-images.tar.xz";
    check(two, None, "PATH:NAME: example.com/empty:latest, example.com/empty/but:different");
    check(two, Some("latest"), "image example.com/empty:latest");
    check(two, Some("example.com/empty"), "image example.com/empty:latest");
    check(two, Some("example.com/empty/but:different"), "Matches");
}
