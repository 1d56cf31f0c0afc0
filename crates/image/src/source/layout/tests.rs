use seawall_testkit::{Compression, Image as Built, Layout, Tar, sha256};

use super::*;
use crate::manifest::OCI_MANIFEST;

fn app(name: &str) -> Built {
    let tar = Tar::new().file("etc/name", name).finish();
    Built::new().layer(Tar::new().file("base", "b")).stored_layer(tar, Compression::Gzip)
}

/// Opens, reads all layers, and says what came: tags and platform of each image, or the chain of errors.
fn outcome(path: &Path, reference: &str, choice: &PlatformChoice) -> String {
    let opened = open(path, Some(reference).filter(|text| !text.is_empty()), choice, &Limits::default());
    match opened {
        Ok(images) => images.iter().map(shown).collect::<Vec<_>>().join("; "),
        Err(error) => crate::source::local::tests::words(&error),
    }
}

fn shown(one: &OpenImage) -> String {
    let mut text = format!("{} {}", one.image.tags.join(","), one.image.platform);
    for layer in &one.image.layers {
        let mut bytes = Vec::new();
        match one.blobs.open(layer) {
            Ok(mut blob) => {
                blob.read_to_end(&mut bytes).unwrap();
                assert_eq!(Some(sha256(&bytes)), layer.digest.as_ref().map(Digest::to_string));
            }
            Err(error) => text.push_str(&format!(" {}", crate::source::local::tests::words(&error))),
        }
    }
    text
}

fn check(layout: &Layout, reference: &str, expected: &str) {
    let directory = tempfile::tempdir().unwrap();
    layout.write(directory.path()).unwrap();
    let found = outcome(directory.path(), reference, &PlatformChoice::Host);
    assert!(found.contains(expected), "`{found}` lacks `{expected}`");
}

#[test]
fn images_are_found_by_name() {
    let two = Layout::new().image(&app("one").tag("one:1")).image(&app("two").tag("two:1"));
    check(&app("one").layout(), "", " linux/amd64");
    check(&app("one").tag("1").layout(), "", "1 linux/amd64");
    check(&two, "", "it holds several images; add the name of one, as in PATH:NAME: one:1, two:1");
    check(&two, "two:1", "two:1 linux/amd64");
    check(&two, &format!("@{}", sha256(&app("one").manifest())), "one:1 linux/amd64");
    check(&two, "three", "it holds no image three; there is: one:1, two:1");
    check(&two, &format!("@sha256:{}", "0".repeat(64)), "it holds no image @sha256:0000");
    check(&app("one").tag("1").tag("2").layout(), "", "1,2 linux/amd64");
    check(&Layout::new(), "", "it holds no image");
}

#[test]
fn indexes_are_followed() {
    let images = ["amd64", "arm64"].map(|architecture| app(architecture).platform("linux", architecture));
    let nested = Layout::new().index("multi", &images);
    check(&nested, "multi", "multi linux/amd64");
    check(&nested, &format!("@{}", sha256(&images[1].manifest())), " linux/arm64");
    let flat = Layout::new().image(&images[0]).image(&images[1]);
    check(&flat, "", " linux/amd64");
    let directory = tempfile::tempdir().unwrap();
    nested.write(directory.path()).unwrap();
    let all = outcome(directory.path(), "", &PlatformChoice::All);
    assert_eq!(all, "multi linux/amd64; multi linux/arm64");
    let other = PlatformChoice::One("linux/s390x".parse().unwrap());
    assert!(outcome(directory.path(), "", &other).contains("on offer: linux/amd64, linux/arm64"));
    let opened = open(directory.path(), None, &PlatformChoice::Host, &Limits::default()).unwrap();
    assert!(opened[0].image.index_digest.is_some());
}

#[test]
fn statements_about_images_are_no_images() {
    let digest = sha256(b"x");
    let statement = |annotations: serde_json::Value| {
        serde_json::json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": 1,
                           "annotations": annotations})
    };
    let layout = app("one")
        .layout()
        .descriptor(statement(serde_json::json!({"vnd.docker.reference.type": "attestation-manifest"})))
        .descriptor(statement(serde_json::json!({"kind": "dev.cosignproject.cosign/sigs"})));
    check(&layout, "", " linux/amd64");

    // As `seawall sign`, oras and regctl store what refers to an image: nothing but its manifest says it.
    let signature = serde_json::json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": digest, "size": 2},
        "layers": [], "subject": {"mediaType": OCI_MANIFEST, "digest": digest, "size": 1}});
    let signature = signature.to_string();
    let digest = sha256(signature.as_bytes());
    let descriptor = serde_json::json!({"mediaType": OCI_MANIFEST, "digest": digest, "size": 1});
    check(&app("one").layout().descriptor(descriptor).blob(&digest, signature), "", " linux/amd64");
}

#[test]
fn layouts_that_lie() {
    let image = app("one");
    let manifest = sha256(&image.manifest());
    check(&image.layout().blob(&manifest, "{}"), "", "the manifest has digest sha256:44136");
    check(&image.layout().blob(&sha256(&image.config()), "{}"), "", "the image configuration has digest");
    let descriptor = |digest: &str| serde_json::json!({"mediaType": "", "digest": digest, "size": 1});
    check(&Layout::new().descriptor(descriptor(&manifest)), "", "cannot read blobs/sha256/");
    let escaping = "sha256:../../../../../../etc/passwd";
    check(&Layout::new().descriptor(descriptor(escaping)), "", "cannot read the manifest");
    // An index that contains itself cannot be made, one that is deep can.
    let mut digest = manifest.clone();
    let mut layout = image.layout();
    for _ in 0..9 {
        let media_type = OCI_INDEX;
        let index = serde_json::json!({"schemaVersion": 2, "mediaType": media_type,
                                       "manifests": [{"mediaType": media_type, "digest": digest, "size": 1}]});
        digest = sha256(index.to_string().as_bytes());
        layout = layout.blob(&digest, index.to_string());
    }
    check(&layout, &format!("@{digest}"), "the index has more than 4 levels");
}

#[test]
fn files_that_are_missing_or_links() {
    let write = || {
        let directory = tempfile::tempdir().unwrap();
        app("one").layout().write(directory.path()).unwrap();
        directory
    };
    let check = |directory: tempfile::TempDir, expected: &str| {
        let found = outcome(directory.path(), "", &PlatformChoice::Host);
        assert!(found.contains(expected), "`{found}` lacks `{expected}`");
    };
    let layer = |directory: &tempfile::TempDir| {
        directory.path().join(blob_path(&sha256(&app("one").blobs()[1]).parse().unwrap()))
    };
    let missing = write();
    std::fs::remove_file(layer(&missing)).unwrap();
    check(missing, " linux/amd64 cannot open layer sha256:");

    let linked = write();
    std::fs::remove_file(layer(&linked)).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", layer(&linked)).unwrap();
    check(linked, "or it is a link, which is not followed");

    let linked = write();
    std::fs::rename(linked.path().join("blobs"), linked.path().join("else")).unwrap();
    std::os::unix::fs::symlink("else", linked.path().join("blobs")).unwrap();
    check(linked, "cannot read blobs/sha256/");

    let version = write();
    std::fs::write(version.path().join(MARKER), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    check(version, "version 2.0.0 are not supported");

    let large = write();
    std::fs::write(large.path().join(INDEX), vec![b' '; 5 * 1024 * 1024]).unwrap();
    check(large, "more than 4194304 bytes");

    let cut = write();
    std::fs::write(cut.path().join(INDEX), "{\"manif").unwrap();
    check(cut, "cannot read the manifest");

    check(tempfile::tempdir().unwrap(), "cannot read oci-layout of the OCI layout: there is no such file");
}
