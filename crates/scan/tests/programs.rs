//! What of an image can be run is listed with its digest and package, as the squashed tree has it.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

use std::num::NonZeroUsize;
use std::path::Path;

use seawall_finding::Confidence;
use seawall_image::source::local::{self, Local, LocalOptions};
use seawall_image::{Limits, OpenImage};
use seawall_inventory::{Program, Programs};
use seawall_leaks::Rules;
use seawall_scan::{Examine, Examined, LayerCache, LeakSearch, examine};
use seawall_testkit::{Image, Tar, sha256};

const STATUS: &str = "Package: tools\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\n\n";

fn image() -> Image {
    let base = Tar::new()
        .file("etc/os-release", "ID=debian\nVERSION_ID=12\n")
        .file("var/lib/dpkg/status", STATUS)
        .file("var/lib/dpkg/info/tools.list", "/.\n/bin/tool\n/usr/lib/x.so\n")
        .file_with_mode("usr/bin/tool", 0o755, "\x7fELFtool")
        .hardlink("usr/bin/alias", "usr/bin/tool")
        .file_with_mode("usr/lib/x.so", 0o644, "\x7fELFlibrary")
        .file_with_mode("srv/run.sh", 0o644, "#!/bin/sh\n")
        .file_with_mode("srv/plain.txt", 0o644, "plain")
        .file_with_mode("srv/empty", 0o755, "")
        .file_with_mode("srv/gone", 0o755, "gone")
        .file_with_mode("srv/twice", 0o755, "first")
        .file_with_mode("srv/twice", 0o755, "second")
        .hardlink("srv/link", "srv/plain.txt")
        .file_with_mode("srv/replaced", 0o755, "one");
    let top = Tar::new()
        .whiteout("srv/gone")
        .file_with_mode("srv/replaced", 0o755, "two")
        .hardlink("srv/alias", "srv/replaced");
    Image::new().layer(base).layer(top).tag("app:1")
}

fn open(image: &Image, directory: &Path) -> OpenImage {
    let path = directory.join("image.tar");
    std::fs::write(&path, image.docker_archive()).unwrap();
    let choice = seawall_image::manifest::PlatformChoice::Host;
    let options = LocalOptions { choice, temporary: None, limits: Limits::default() };
    let Local::Images(mut images) = local::open(&path, None, &options).unwrap() else { panic!("no image") };
    images.remove(0)
}

fn examined(open: &OpenImage, rules: Option<&Rules>, cache: Option<&LayerCache>) -> Examined {
    let leaks = rules.map(|rules| LeakSearch { rules, key: None, confidence_min: Confidence::Medium });
    let limits = Limits::default();
    let options = Examine { cache, jobs: NonZeroUsize::MIN, leaks, limits: &limits, progress: &|_| {} };
    examine::image("app:1", open, &options)
}

#[test]
fn programs_of_the_squashed_tree_have_their_digest_and_package() {
    let directory = tempfile::tempdir().unwrap();
    let open = open(&image(), directory.path());
    let rules = Rules::builtin();
    let cache = LayerCache::new(directory.path());
    let expected = [
        ("srv/alias", "two", false),
        ("srv/replaced", "two", false),
        ("srv/run.sh", "#!/bin/sh\n", false),
        ("srv/twice", "second", false),
        ("usr/bin/alias", "\x7fELFtool", false),
        ("usr/bin/tool", "\x7fELFtool", true),
        ("usr/lib/x.so", "\x7fELFlibrary", true),
    ];
    let package: seawall_inventory::Purl =
        "pkg:deb/debian/tools@1.0-1?arch=amd64&distro=debian-12".parse().unwrap();
    let files = expected.map(|(path, content, is_owned)| Program {
        path: path.to_owned(),
        size_bytes: content.len() as u64,
        digest: Some(sha256(content.as_bytes()).parse().unwrap()),
        package: is_owned.then(|| package.clone()),
    });
    let expected = Some(Programs { is_complete: true, files: files.into() });
    // Beside the search for leaks, without it, kept, and as it was kept.
    for (rules, cache) in
        [(Some(&rules), None), (None, None), (None, Some(&cache)), (Some(&rules), Some(&cache))]
    {
        let examined = examined(&open, rules, cache);
        assert_eq!(examined.inventory.programs, expected);
        assert!(examined.gaps.is_empty(), "{:?}", examined.gaps);
    }
}

#[test]
fn a_layer_that_breaks_off_may_hold_more_programs() {
    let directory = tempfile::tempdir().unwrap();
    let whole = Tar::new().file_with_mode("a", 0o755, "one").finish();
    let cut = Tar::new().file_with_mode("b", 0o755, vec![7; 4096]).cut();
    let image = Image::new()
        .stored_layer(whole, seawall_testkit::Compression::Plain)
        .stored_layer(cut[..1024].to_vec(), seawall_testkit::Compression::Plain)
        .tag("app:1");
    let examined = examined(&open(&image, directory.path()), None, None);
    let programs = examined.inventory.programs.unwrap();
    assert!(!programs.is_complete);
    let known: Vec<(&str, bool)> =
        programs.files.iter().map(|file| (file.path.as_str(), file.digest.is_some())).collect();
    assert_eq!(known, [("a", true), ("b", false)]);
    let of_b = examined.gaps.iter().filter(|gap| gap.place.path.as_deref() == Some("b")).count();
    assert_eq!(of_b, 1, "{:?}", examined.gaps);
}
