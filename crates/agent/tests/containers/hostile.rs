//! State that is late, half written, huge, or made to mislead.

use std::path::Path;
use std::time::{Duration, Instant};

use seawall_agent::containers::{Containers, Lookup};
use seawall_event::Container;

use crate::support::{A, B, Host, filled, settled};

const CONFIG: &str =
    r#"{"ID":"{A}","Name":"/web","Driver":"overlay2","Image":"sha256:{IMAGE}","Config":{"Image":"nginx"}}"#;
const DIRECTORY: &str = "var/lib/docker/containers/{A}";

fn docker(config: &str) -> Host {
    Host::new()
        .file(&format!("{DIRECTORY}/config.v2.json"), config)
        .file(&format!("{DIRECTORY}/hostconfig.json"), "{}")
}

fn is_named(container: &Container) -> bool {
    container.name.as_deref() == Some("web")
}

/// The container of each host is given up in time, with its id and one gap for this reason.
fn check_given_up(hosts: &[(Host, &'static str)]) {
    let began = Instant::now();
    let path = filled("/docker/{A}");
    let start = |(host, reason): &(Host, &'static str)| {
        let containers = host.containers();
        containers.made(7, Path::new(&path));
        (containers, *reason)
    };
    for (containers, reason) in hosts.iter().map(start).collect::<Vec<_>>() {
        let container = settled(&containers, 7, &path).unwrap();
        assert!(began.elapsed() < Duration::from_secs(4), "{reason}");
        assert_eq!(container.full_id.as_deref(), Some(A));
        assert!(!is_named(&container), "{reason}");
        // The thread that looks says its reason a moment after who asks has given up.
        let end = Instant::now() + Duration::from_secs(2);
        let told = || containers.gaps().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        while !told().contains(reason) {
            assert!(Instant::now() < end, "{reason}: {}", told());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn a_file_that_comes_late_is_found() {
    let host = docker("{\"ID\":");
    let containers = host.containers();
    let path = filled("/docker/{A}");
    containers.made(7, Path::new(&path));
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(5));
        let Lookup::Pending(container) = containers.of(7, None, 0) else { panic!("it is not there yet") };
        assert_eq!(container.id.as_deref(), Some(&A[..12]));
        assert_eq!(container.engine.as_deref(), Some("docker"));
    }
    host.write(&format!("{DIRECTORY}/config.v2.json"), CONFIG);
    assert!(is_named(&settled(&containers, 7, "/docker/{A}").unwrap()));
    assert_eq!(containers.gaps(), []);
}

#[test]
fn what_never_comes_is_given_up() {
    check_given_up(&[
        (Host::new(), "the image of a container of docker"),
        (docker("{\"ID\":"), "EOF while parsing"),
        (docker(&CONFIG.replace("{A}", "{B}")), "it is of another container"),
        (docker(&format!("{{\"Other\":{}", "[".repeat(100_000))), "EOF while parsing"),
        (docker(&CONFIG.replace("\"nginx\"", "[]")), "expected a string"),
        (docker(&" ".repeat(5 * 1024 * 1024)), "more than 4194304 bytes"),
    ]);
}

#[test]
fn links_and_pipes_are_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("config"), filled(CONFIG)).unwrap();
    let file = |host: &Host| host.0.path().join(filled(&format!("{DIRECTORY}/config.v2.json")));
    let (link, pipe) = (docker(CONFIG), docker(CONFIG));
    std::fs::remove_file(file(&link)).unwrap();
    std::os::unix::fs::symlink(outside.path().join("config"), file(&link)).unwrap();
    std::fs::remove_file(file(&pipe)).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(file(&pipe)).status().unwrap().success());
    check_given_up(&[(link, "symbolic links"), (pipe, "it is no regular file")]);
}

/// Docker's container `{B}` with this cgroup parent, besides `{A}`.
fn inner(parent: &str) -> Host {
    docker(CONFIG)
        .file(
            "var/lib/docker/containers/{B}/config.v2.json",
            CONFIG.replace("{A}", "{B}").replace("web", "inner"),
        )
        .file("var/lib/docker/containers/{B}/hostconfig.json", format!(r#"{{"CgroupParent":"{parent}"}}"#))
}

fn name(host: &Host, path: &str) -> String {
    settled(&host.containers(), 7, path).unwrap().name.clone().unwrap_or_default()
}

#[test]
fn a_container_cannot_take_the_name_of_another() {
    // Docker in docker: the inner one is no container of this host.
    assert_eq!(name(&docker(CONFIG), "/docker/{A}/docker/{B}"), "web");
    // A cgroup that the container's own processes have named so.
    assert_eq!(name(&inner(""), "/docker/{A}/docker/{B}"), "web");
    assert_eq!(name(&inner(""), "/docker/{A}/{B}"), "web");
    // One that was started with `--cgroup-parent`.
    assert_eq!(name(&inner("/docker/{A}"), "/docker/{A}/{B}"), "inner");
    // This host is a container itself, of another's engine.
    let host = inner("");
    std::fs::remove_dir_all(host.0.path().join(filled(DIRECTORY))).unwrap();
    assert_eq!(name(&host, "/docker/{A}/docker/{B}"), "inner");
}

#[test]
fn a_user_cannot_take_the_name_of_a_systems_container() {
    let host = docker(CONFIG).file("etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n");
    let containers = host.containers();
    let path = "/user.slice/user-1000.slice/user@1000.service/docker-{A}.scope";
    assert!(!is_named(&settled(&containers, 7, path).unwrap()));
}

#[test]
fn two_words_are_containerds_only_where_it_says_so() {
    let specification = r#"{"annotations":{},"linux":{"cgroupsPath":"PATH"}}"#;
    let host = |path: &str| {
        let tasks = "run/containerd/io.containerd.runtime.v2.task";
        Host::new().file(&format!("{tasks}/default/redis/config.json"), specification.replace("PATH", path))
    };
    let engine = |host: &Host, path: &str| {
        settled(&host.containers(), 7, path).map(|container| container.engine.clone().unwrap())
    };
    assert_eq!(engine(&host("/default/redis"), "/default/redis/worker").as_deref(), Some("containerd"));
    assert_eq!(engine(&host("/default/redis"), "/default/postgres"), None);
    assert_eq!(engine(&host("/default/redis"), "/x/default/redis"), None);
}

#[test]
fn many_cgroups_are_bounded_and_said() {
    let host = Host::new();
    let containers = host.containers();
    for id in 0..70_000_u64 {
        containers.made(id, Path::new(&format!("/docker/{id:064x}")));
    }
    let told: Vec<String> = containers.gaps().iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|gap| gap.contains("more than 65536 are")), "{told:?}");
    assert!(told.iter().any(|gap| gap.contains("4096 others")), "{told:?}");
    // What was removed makes room.
    for id in 0..70_000_u64 {
        containers.removed(id);
    }
    assert_eq!(containers.of(1 << 40, Some(Path::new("/init.scope")), 0), Lookup::Host);
    let there_is_room = containers.of(1 << 41, Some(Path::new(&format!("/docker/{B}"))), 0);
    assert_ne!(there_is_room, Lookup::Host);
}

#[test]
fn a_removed_one_is_remembered_for_its_last_events() {
    let host = docker(CONFIG);
    let containers = host.containers();
    assert!(is_named(&settled(&containers, 7, "/docker/{A}").unwrap()));
    std::fs::remove_dir_all(host.0.path().join("var/lib/docker/containers")).unwrap();
    containers.removed(7);
    assert!(matches!(containers.of(7, None, 0), Lookup::Known(container) if is_named(&container)));
}

#[test]
fn long_texts_are_cut() {
    let long = "é".repeat(100_000);
    let config = CONFIG
        .replace("/web", &long)
        .replace("\"Config\":{", &format!(r#""Config":{{"Labels":{{"a":"{long}"}},"#));
    let container = settled(&docker(&config).containers(), 7, "/docker/{A}").unwrap();
    assert_eq!(container.name.as_deref(), Some("é".repeat(2048).as_str()));
    assert!(container.labels.is_empty());
}

#[test]
fn one_that_nobody_knew_is_looked_for_again_when_it_starts_again() {
    let host = Host::new();
    let containers = host.containers();
    assert!(!is_named(&settled(&containers, 7, "/docker/{A}").unwrap()));
    containers.removed(7);
    host.write(&format!("{DIRECTORY}/config.v2.json"), CONFIG);
    host.write(&format!("{DIRECTORY}/hostconfig.json"), "{}");
    assert!(is_named(&settled(&containers, 8, "/docker/{A}").unwrap()));
}

#[test]
fn looking_up_what_is_known_is_quick() {
    let host = docker(CONFIG);
    let containers: Containers = host.containers();
    settled(&containers, 7, "/docker/{A}").unwrap();
    const TIMES: u32 = 100_000;
    let began = Instant::now();
    for _ in 0..TIMES {
        std::hint::black_box(containers.of(7, None, 0));
    }
    let each = began.elapsed() / TIMES;
    println!("one look-up: {each:?}");
    assert!(each < Duration::from_micros(20), "{each:?}");
}
