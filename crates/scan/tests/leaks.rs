//! Leaked credentials of a whole image: each is found, with its layer and instruction, and none is shown.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

use std::num::NonZeroUsize;
use std::path::Path;

use seawall_finding::{Confidence, Evidence, Finding};
use seawall_image::source::local::{self, Local, LocalOptions};
use seawall_image::{Limits, OpenImage};
use seawall_leaks::Rules;
use seawall_scan::{Examine, Examined, LayerCache, LeakSearch, examine};
use seawall_testkit::{Image, Tar};
use serde_json::json;

/// Secrets are put together here so that none stands in this file.
fn npm_token() -> String {
    ["//registry.npmjs.org/:_authToken=", "k7Qm2xWv", "9LpZ4tRb", "\n"].concat()
}

fn private_key() -> String {
    let body = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQAAACAq8m1T3vKx0wPzJd5Zb7nYQe4u";
    ["-----BEGIN OPENSSH ", "PRIVATE KEY-----\n", body, "\n-----END OPENSSH ", "PRIVATE KEY-----\n"].concat()
}

fn aws_secret() -> String {
    ["q8Zp3LxT0v", "Rk7YwN2mHd", "Jf5Bc1Gs9A", "eUi6Oo4KtX"].concat()
}

/// An environment variable, a build argument, a label, a file, and a file that a later layer removes.
fn leaky() -> Image {
    Image::new()
        .layer(Tar::new().directory("etc").file("etc/os-release", "ID=debian\nVERSION_ID=12\n"))
        .layer(Tar::new().directory("root").file("root/.npmrc", npm_token()))
        .layer(Tar::new().directory("root/.ssh").file("root/.ssh/id_rsa", private_key()))
        .layer(Tar::new().whiteout("root/.ssh/id_rsa"))
        .tag("leaky:1")
        .configure(|config| {
            config["config"]["Env"] = json!(["PATH=/bin", format!("AWS_SECRET_ACCESS_KEY={}", aws_secret())]);
            config["config"]["Labels"] = json!({"deploy.token": "w4Gn8sLq2VzX7bTk"});
            config["history"] = json!([
                {"created_by": "ADD rootfs.tar /"},
                {"created_by": format!("ENV AWS_SECRET_ACCESS_KEY={}", aws_secret()), "empty_layer": true},
                {"created_by": "LABEL deploy.token=w4Gn8sLq2VzX7bTk", "empty_layer": true},
                {"created_by": "COPY .npmrc /root/"},
                {"created_by": "RUN |1 BUILD_TOKEN=h3Jc6yPw9MdR5fUa /bin/sh -c make # buildkit"},
                {"created_by": "RUN rm /root/.ssh/id_rsa"},
            ]);
        })
}

fn open(image: &Image, directory: &Path) -> OpenImage {
    let path = directory.join("image.tar");
    std::fs::write(&path, image.docker_archive()).unwrap();
    let options = LocalOptions {
        choice: seawall_image::manifest::PlatformChoice::Host,
        temporary: None,
        limits: Limits::default(),
    };
    let Local::Images(mut images) = local::open(&path, None, &options).unwrap() else {
        panic!("it is no image")
    };
    images.remove(0)
}

fn examined(open: &OpenImage, rules: &Rules, cache: Option<&LayerCache>) -> Examined {
    let leaks = Some(LeakSearch { rules, key: None, confidence_min: Confidence::Medium });
    let limits = Limits::default();
    let options = Examine { cache, jobs: NonZeroUsize::MIN, leaks, limits: &limits, progress: &|_| {} };
    examine::image("leaky:1", open, &options)
}

/// Rule, path or carrier, layer, instruction, layer that removes it.
fn told(finding: &Finding) -> String {
    let Evidence::Leaked(leaked) = &finding.evidence else { panic!("{finding:?}") };
    let layer = finding.place.layer.as_ref().unwrap();
    format!(
        "{} in {} of layer {} ({}){}",
        finding.rule,
        finding.place.path.as_ref().or(leaked.carrier.as_ref()).unwrap(),
        layer.index,
        layer.instruction.as_deref().unwrap_or_default(),
        leaked.deleted_in_layer.map(|layer| format!(", removed by {layer}")).unwrap_or_default(),
    )
}

#[test]
fn five_of_five_with_layer_and_instruction() {
    let directory = tempfile::tempdir().unwrap();
    let open = open(&leaky(), directory.path());
    let rules = Rules::builtin();
    let examined = examined(&open, &rules, None);
    let mut found: Vec<String> = examined.leaks.iter().map(told).collect();
    found.sort();
    let expected = [
        "aws-secret-access-key in environment variable AWS_SECRET_ACCESS_KEY of layer 0 (ENV AWS_SECRET_ACCESS_KEY=…)",
        "build-argument-secret in build argument BUILD_TOKEN of layer 2 (RUN make)",
        "label-secret in label deploy.token of layer 0 (LABEL deploy.token=…)",
        "npmrc-auth in root/.npmrc of layer 1 (COPY .npmrc /root/)",
        "openssh-private-key in root/.ssh/id_rsa of layer 2 (RUN make), removed by 3",
    ];
    assert_eq!(found, expected);
}

#[test]
fn no_value_is_in_what_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let open = open(&leaky(), directory.path());
    let rules = Rules::builtin();
    let cache = LayerCache::new(&directory.path().join("cache"));
    let examined = examined(&open, &rules, Some(&cache));
    let told = format!("{examined:?}{}", serde_json::to_string(&examined.inventory).unwrap());
    for secret in
        [aws_secret().as_str(), "w4Gn8sLq2VzX7bTk", "h3Jc6yPw9MdR5fUa", "k7Qm2xWv9LpZ4tRb", "AAAAMwAAAAtzc2g"]
    {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
    let entries = std::fs::read_dir(directory.path().join("cache/layers")).unwrap();
    for entry in entries {
        let bytes = zstd::decode_all(std::fs::File::open(entry.unwrap().path()).unwrap()).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(!text.contains("k7Qm2xWv9LpZ4tRb") && !text.contains("AAAAMwAAAAtzc2g"), "{text}");
    }
}

#[test]
fn what_was_found_is_known_the_next_time() {
    let directory = tempfile::tempdir().unwrap();
    let open = open(&leaky(), directory.path());
    let rules = Rules::builtin();
    let cache = LayerCache::new(&directory.path().join("cache"));
    let first = examined(&open, &rules, Some(&cache));
    let second = examined(&open, &rules, Some(&cache));
    assert_eq!((first.coverage.layers_cached, second.coverage.layers_cached), (0, 4));
    assert_eq!(first.leaks, second.leaks);
    // Other rules look again.
    let text = "[extend]\nuseDefault = true\ndisabledRules = [\"openssh-private-key\"]\n";
    let others = Rules::with_user(&[seawall_leaks::UserRules { name: "a.toml", text }]).unwrap();
    let third = examined(&open, &others, Some(&cache));
    assert_eq!((third.coverage.layers_cached, third.leaks.len()), (0, 4));
}
