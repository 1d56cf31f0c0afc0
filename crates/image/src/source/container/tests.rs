use std::collections::BTreeMap;

use super::super::engine::tests::{Loaded, members, read, words};
use super::*;

const SCRIPT: &str = "echo changed > /app/two; rm /app/link; rm -r /app/sub; mkdir /app/sub; echo r > /app/sub/re; \
    echo hidden > /app/.wh.zz; mkfifo /pipe; ln /app/two /app/hard";

/// The upper layer's members, of which the same must come of a directory and of an export.
fn upper(opened: &OpenContainer) -> BTreeMap<String, String> {
    assert_eq!(opened.gaps, []);
    let layers = &opened.image.image.layers;
    let top = layers.last().unwrap();
    assert_eq!(top.instruction.as_deref(), Some(UPPER_LAYER));
    assert_eq!(layers.len(), 4);
    let bytes = read(&opened.image, 3);
    if opened.image.blobs.is_verbatim(top) {
        assert_eq!(seawall_testkit::sha256(&bytes), top.diff_id.to_string());
    }
    // What engines write themselves into every container.
    let mut members = members(&bytes);
    let own = |path: &str| {
        matches!(path, "" | "." | "dev" | "proc" | "sys" | "run" | "etc" | "ready" | ".dockerenv")
    };
    members.retain(|path, _| {
        let top = path.split('/').next().unwrap_or_default();
        !own(path) && !matches!(top, "dev" | "proc" | "sys" | "run" | "etc")
    });
    members
}

fn check(program: &'static str) {
    let Some(mut loaded) = Loaded::new(program, "container") else { return };
    let Some(name) = loaded.container("running", SCRIPT) else { return };
    let never = EngineOptions { in_place: InPlace::Never, ..loaded.options.clone() };
    for state in ["running", "stopped"] {
        let in_place = open(&name, &loaded.options).unwrap();
        let exported = open(&name, &never).unwrap();
        for opened in [&in_place, &exported] {
            assert_eq!(opened.container.name, name);
            assert_eq!(opened.container.running, state == "running");
            assert_eq!(opened.container.engine, program);
            let members = upper(opened);
            let kind = |path: &str| {
                members.get(path).map(|what| what.split(' ').next().unwrap_or_default().to_owned())
            };
            let is = |path: &str, expected: Option<&str>| {
                assert_eq!(kind(path).as_deref(), expected, "{program}, {state}: {path} in {members:?}");
            };
            is("app/hard", Some("file"));
            is("app/two", Some("="));
            is("app/one", None);
            is("app/.wh.link", Some("file"));
            is("app/sub/re", Some("file"));
            // A container's own file must not hide the image's `app/zz`.
            is("app/.wh.zz", None);
            is("app/\\x2ewh.zz", Some("file"));
            is("pipe", Some("special"));
            let hides_new =
                members.contains_key("app/sub/.wh.new") || members.contains_key("app/sub/.wh..wh..opq");
            assert!(hides_new, "{program}, {state}: {members:?}");
        }
        let same = open(&name, &loaded.options).unwrap();
        let top =
            |opened: &OpenContainer| opened.image.image.layers.last().map(|layer| layer.diff_id.clone());
        assert_eq!(top(&same), top(&in_place), "a container that did not change keeps its identity");
        if state == "running" {
            loaded.run(&["stop", "-t", "0", &name]);
        }
    }
    let error = open("seawall-none", &loaded.options).map(drop).unwrap_err();
    assert!(words(&error).contains("no engine has seawall-none"), "{}", words(&error));
}

#[test]
fn docker_running_and_stopped() {
    check("docker");
}

#[test]
fn podman_running_and_stopped() {
    check("podman");
}

/// A container that never ran, with a file put into it.
fn check_created(program: &'static str) {
    let Some(mut loaded) = Loaded::new(program, "created") else { return };
    let name = loaded.create("created");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "put in").unwrap();
    loaded.run(&["cp", &file.path().display().to_string(), &format!("{name}:/app/put")]);
    let never = EngineOptions { in_place: InPlace::Never, ..loaded.options.clone() };
    for options in [&loaded.options, &never] {
        let opened = open(&name, options).unwrap();
        assert!(!opened.container.running);
        let members = upper(&opened);
        assert_eq!(members.keys().map(String::as_str).collect::<Vec<_>>(), ["app", "app/put"], "{program}");
    }
}

#[test]
fn docker_created() {
    check_created("docker");
}

#[test]
fn podman_created() {
    check_created("podman");
}

#[test]
fn containers_of_containerd() {
    use seawall_engine::{Endpoint, EngineKind};
    let endpoint = ["/tmp/ctd.sock", "/run/containerd/containerd.sock"]
        .map(|path| Endpoint::unix(EngineKind::Containerd, path))
        .into_iter()
        .find(|endpoint| Engine::connect(endpoint).is_ok());
    let Some(endpoint) = endpoint else {
        println!("skipped: no containerd");
        return;
    };
    let options = EngineOptions {
        endpoints: vec![endpoint.clone()],
        in_place: InPlace::WherePossible,
        temporary: None,
        limits: Limits::default(),
    };
    for container in Containerd::connect(&endpoint).unwrap().containers().unwrap() {
        let opened = open(&container.id, &options).unwrap();
        let is_marked = opened
            .image
            .image
            .layers
            .last()
            .is_some_and(|top| top.instruction.as_deref() == Some(UPPER_LAYER));
        assert_eq!(is_marked, opened.gaps.is_empty());
        let never = EngineOptions { in_place: InPlace::Never, ..options.clone() };
        let without = open(&container.id, &never).unwrap();
        assert!(without.gaps[0].reason.contains("run as root"), "{:?}", without.gaps);
    }
}
