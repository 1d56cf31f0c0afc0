use std::io::Write;

use seawall_testkit::{Compression, Image, Tar as Archive, sha256};

use super::*;

fn app() -> Image {
    let same = || Archive::new().file("etc/x", "x");
    Image::new()
        .layer(same())
        .stored_layer(Archive::new().file("y", "y").finish(), Compression::Gzip)
        .layer(same())
        .tag("app:1")
}

fn outcome(bytes: &[u8], choice: &PlatformChoice) -> String {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let opened = match open_export(file, choice, &Limits::default()) {
        Ok(opened) => opened,
        Err(error) => {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            return format!("{error}{cause}");
        }
    };
    for one in &opened {
        let stored = app().blobs();
        for (layer, expected) in one.image.layers.iter().zip(stored) {
            let mut bytes = Vec::new();
            one.blobs.open(layer).unwrap().read_to_end(&mut bytes).unwrap();
            assert_eq!(sha256(&bytes), sha256(&expected));
        }
    }
    opened
        .iter()
        .map(|one| format!("{} {}", one.image.platform, one.image.tags.join(" ")))
        .collect::<Vec<_>>()
        .join(", ")
}

fn check(bytes: &[u8], expected: &str) {
    let outcome = outcome(bytes, &PlatformChoice::Host);
    assert!(outcome.contains(expected), "`{outcome}` lacks `{expected}`");
}

#[test]
fn exports_old_and_new() {
    check(&app().docker_archive(), "linux/amd64 app:1");
    check(&app().old_docker_archive(), "linux/amd64 app:1");
    let other = PlatformChoice::One("linux/arm64".parse().unwrap());
    assert!(outcome(&app().docker_archive(), &other).contains("on offer: linux/amd64"));
}

#[test]
fn exports_that_are_none() {
    check(b"", "it lacks manifest.json");
    check(&[0; 1024], "it lacks manifest.json");
    check(&Archive::new().file("manifest.json", "{").finish(), "cannot read the archive's manifest.json");
    check(&Archive::new().file("manifest.json", r#"[{"Config":"c"}]"#).finish(), "it lacks c");
    check(&Archive::new().symlink("manifest.json", "manifest.json").finish(), "it lacks manifest.json");
    check(&Archive::new().symlink("manifest.json", "/etc/passwd").finish(), "it lacks etc/passwd");
    let config = r#"{"rootfs":{"diff_ids":[]}}"#;
    let listed = r#"[{"Config":"c","Layers":["a"]}]"#;
    check(
        &Archive::new().file("manifest.json", listed).file("c", config).finish(),
        "manifest.json has 1 layers",
    );
    let whole = app().docker_archive();
    check(&whole[..whole.len() / 2 / 512 * 512 + 100], "breaks off");
}
