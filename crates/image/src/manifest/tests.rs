use super::*;

const SHA: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn kind(text: &str) -> String {
    match Document::parse(text.as_bytes(), "", &Limits { layers_max: 2, ..Limits::default() }) {
        Ok(Document::Index(manifests)) => format!("index {}", manifests.len()),
        Ok(Document::Manifest(manifest)) => format!("manifest {}", manifest.layers.len()),
        Err(error) => error.to_string(),
    }
}

fn check_kind(template: &str, expected: &str) {
    let text = template.replace("SHA", SHA);
    assert!(kind(&text).contains(expected), "{text}: {}", kind(&text));
}

#[test]
fn documents_are_told_apart_by_content() {
    check_kind(r#"{"schemaVersion":2,"manifests":[{"digest":"SHA","size":3}]}"#, "index 1");
    check_kind(r#"{"schemaVersion":2,"config":{"digest":"SHA","size":3},"layers":[]}"#, "manifest 0");
    check_kind(r#"{"schemaVersion":1,"fsLayers":[]}"#, "schema 1");
    check_kind(r#"{"schemaVersion":2}"#, "neither");
    check_kind(r#"{"config":{"digest":"SHA"},"layers":[],"manifests":[]}"#, "both");
    check_kind(
        r#"{"config":{"digest":"SHA","mediaType":"application/vnd.cncf.helm.config.v1+json"},"layers":[]}"#,
        "artifact",
    );
    check_kind(r#"{"manifests":[{"digest":"sha256:../../etc/passwd"}]}"#, "cannot read");
    check_kind(r#"{"manifests":[{"digest":"SHA","size":-1}]}"#, "cannot read");
    check_kind(
        r#"{"config":{"digest":"SHA"},"layers":[{"digest":"SHA"},{"digest":"SHA"},{"digest":"SHA"}]}"#,
        "more than 2 layers",
    );
    check_kind("[[[[", "cannot read");
}

fn check_choice(offered: &[&str], choice: &PlatformChoice, expected: &str) {
    let digest: Digest = SHA.parse().unwrap();
    let descriptor = |platform: &&str| Descriptor {
        media_type: OCI_MANIFEST.to_owned(),
        digest: digest.clone(),
        size_bytes: 0,
        platform: platform.parse().ok(),
        annotations: BTreeMap::new(),
    };
    let manifests: Vec<Descriptor> = offered.iter().map(descriptor).collect();
    let shown = match choose(&manifests, choice) {
        Ok(chosen) => {
            let name = |one: &&Descriptor| one.platform.as_ref().map_or("-".to_owned(), Platform::to_string);
            chosen.iter().map(name).collect::<Vec<_>>().join(" ")
        }
        Err(error) => error.to_string(),
    };
    assert_eq!(shown, expected, "{offered:?}");
}

#[test]
fn platforms_are_chosen_or_listed() {
    let one = |text: &str| PlatformChoice::One(text.parse().unwrap());
    let many = ["linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8", "unknown/unknown"];
    check_choice(&many, &one("linux/arm64"), "linux/arm64/v8");
    check_choice(&many, &one("linux/arm"), "linux/arm/v7");
    check_choice(&many, &one("linux/arm/v6"), "linux/arm/v6");
    check_choice(&many, &PlatformChoice::All, "linux/amd64 linux/arm/v6 linux/arm/v7 linux/arm64/v8");
    let refusal =
        "no image for linux/s390x; on offer: linux/amd64, linux/arm/v6, linux/arm/v7, linux/arm64/v8";
    check_choice(&many, &one("linux/s390x"), refusal);
    check_choice(&["linux/s390x", "unknown/unknown"], &PlatformChoice::Host, "linux/s390x");
    check_choice(&["windows/amd64", "windows/amd64"], &one("windows/amd64"), "windows/amd64");
    check_choice(&["-", "-"], &PlatformChoice::Host, "- -");
    check_choice(&[], &one("linux/amd64"), "no image for linux/amd64; on offer: none");
}

#[test]
fn instructions_read_as_in_the_dockerfile() {
    let check = |recorded: &str, expected: &str| assert_eq!(instruction(recorded), expected, "{recorded}");
    check("/bin/sh -c #(nop)  CMD [\"sh\"]", "CMD [\"sh\"]");
    check("/bin/sh -c #(nop) ADD file:60 in / ", "ADD file:60 in /");
    check("/bin/sh -c apt-get update", "RUN apt-get update");
    check("|1 A=b /bin/sh -c make", "RUN make");
    check("RUN |2 A=b C=d /bin/sh -c make # buildkit", "RUN make");
    check("RUN /bin/sh -c make # buildkit", "RUN make");
    check("COPY . /app # buildkit", "COPY . /app");
    check("RUN [\"make\"]", "RUN [\"make\"]");
    check("", "");
}

#[test]
fn layers_get_the_instructions_that_made_them() {
    let config = r#"{"architecture":"arm64","variant":"v8","os":"linux","created":"2020-01-01T00:00:00Z",
        "config":{"User":"1000","Cmd":"sh","Entrypoint":null,"Env":["A=b"],"ExposedPorts":{"80/tcp":{}},
                  "Labels":{"a":"b"},"Healthcheck":{"Test":["NONE"]},"Volumes":null},
        "rootfs":{"type":"layers","diff_ids":["SHA","SHA"]},
        "history":[{"created_by":"/bin/sh -c #(nop) ADD a in /"},{"created_by":"ENV A=b","empty_layer":true},
                   {"created_by":"RUN /bin/sh -c b # buildkit"}]}"#
        .replace("SHA", SHA);
    let limits = Limits::default();
    let image = image(config.as_bytes(), None, &limits).unwrap();
    let made: Vec<_> = image.layers.iter().map(|layer| layer.instruction.as_deref()).collect();
    assert_eq!(made, [Some("ADD a in /"), Some("RUN b")]);
    assert_eq!(image.platform.to_string(), "linux/arm64/v8");
    assert_eq!(image.config.cmd, ["sh"]);
    assert_eq!(image.config.exposed_ports, ["80/tcp"]);
    assert!(!image.config.has_healthcheck);
    assert_eq!(image.config_digest, Some(digest_of(Algorithm::Sha256, config.as_bytes())));
}

#[test]
fn a_config_with_other_layers_than_the_manifest_is_refused() {
    let config = r#"{"rootfs":{"diff_ids":["SHA"]}}"#.replace("SHA", SHA);
    let error = image(config.as_bytes(), Some(&[]), &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("1 layers where the manifest has 0"), "{error}");
    let lying = verify("the manifest", b"other", &SHA.parse().unwrap()).unwrap_err();
    assert!(lying.to_string().contains("has digest sha256:"), "{lying}");
}
