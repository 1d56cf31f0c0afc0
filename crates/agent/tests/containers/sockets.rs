//! Engines that hang, lie or are not there delay nobody.

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use seawall_agent::containers::{Containers, Lookup, Options};
use seawall_engine::{Endpoint, EngineKind};

use crate::support::{A, B, Host, filled, settled};

/// What an engine says to a request.
enum Answer {
    Gives(String),
    Lacks,
    Hangs,
}

/// A socket that accepts and answers each request with what `answer` makes of its first line.
fn listen(path: &Path, answer: impl Fn(&str) -> Answer + Send + Clone + 'static) {
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.unwrap(), answer.clone());
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut bytes) {
                    let request = String::from_utf8_lossy(&bytes[..length]).into_owned();
                    match answer(request.lines().next().unwrap_or_default()) {
                        Answer::Gives(body) => {
                            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                            let _ = stream.write_all(format!("{head}{body}").as_bytes());
                        }
                        Answer::Lacks => {
                            let head = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
                            let _ = stream.write_all(head.as_bytes());
                        }
                        Answer::Hangs => std::thread::sleep(Duration::from_secs(600)),
                    }
                }
            });
        }
    });
}

fn containers(host: &Host) -> Containers {
    let endpoint = Endpoint::unix(EngineKind::Docker, host.0.path().join("docker.sock"));
    Containers::start(Options { engines: vec![endpoint], ..host.options() })
}

const INSPECTED: &str = r#"{"Id":"{A}","Name":"/web","Image":"sha256:{IMAGE}","Config":{"Image":"nginx:1",
    "Labels":null},"HostConfig":{"NetworkMode":"default","Privileged":true},"Mounts":null,
    "NetworkSettings":{"Networks":{"bridge":{"IPAddress":"172.17.0.2"}}}}"#;

#[test]
fn what_the_disk_does_not_say_the_socket_does() {
    let host = Host::new();
    listen(&host.0.path().join("docker.sock"), |request| {
        Answer::Gives(filled(match request {
            line if line.contains("/version") => r#"{"Version":"28.0"}"#,
            line if line.contains("/images/") => {
                r#"{"Id":"sha256:{IMAGE}","RepoTags":["nginx:1"],"RepoDigests":["nginx@{DIGEST}"]}"#
            }
            _ => INSPECTED,
        }))
    });
    let containers = containers(&host);
    let container = settled(&containers, 7, "/docker/{A}").unwrap();
    let image = container.image.clone().unwrap();
    assert_eq!(container.name.as_deref(), Some("web"));
    assert_eq!(container.ip.as_deref(), Some("172.17.0.2"));
    assert_eq!(container.privileged, Some(true));
    assert_eq!(image.repository.as_deref(), Some("nginx"));
    assert!(image.digest.is_some());
    assert_eq!(containers.gaps(), []);
}

/// One that has ended before the engine answers a question about it.
#[test]
fn what_was_announced_is_known() {
    let host = Host::new();
    listen(&host.0.path().join("docker.sock"), |request| match request {
        line if line.contains("/version") => Answer::Gives(r#"{"Version":"28.0"}"#.to_owned()),
        line if line.contains("/events") => Answer::Gives(filled(
            "{\"Actor\":{\"ID\":\"{A}\",\"Attributes\":{\"image\":\"nginx:1\",\"name\":\"web\"}}}\n",
        )),
        _ => Answer::Lacks,
    });
    let containers = containers(&host);
    // It is announced before its cgroup is made, as a rule.
    std::thread::sleep(Duration::from_millis(300));
    let container = settled(&containers, 7, "/docker/{A}").unwrap();
    let image = container.image.clone().unwrap();
    assert_eq!(container.name.as_deref(), Some("web"));
    assert_eq!(image.repository.as_deref(), Some("nginx"));
    assert_eq!(containers.gaps(), []);
}

#[test]
fn an_engine_that_hangs_delays_nobody() {
    let host = Host::new()
        .file(
            "var/lib/docker/containers/{B}/config.v2.json",
            r#"{"ID":"{B}","Name":"/db","Image":"sha256:{IMAGE}"}"#,
        )
        .file("var/lib/docker/containers/{B}/hostconfig.json", "{}");
    listen(&host.0.path().join("docker.sock"), |_| Answer::Hangs);
    let containers = containers(&host);
    let began = Instant::now();
    let first = containers.of(7, Some(Path::new(&filled("/docker/{A}"))), 0);
    assert!(matches!(first, Lookup::Pending(_)));
    assert!(began.elapsed() < Duration::from_millis(100));
    // Another is found meanwhile, and the first is given up in its time.
    assert_eq!(settled(&containers, 8, "/docker/{B}").unwrap().name.as_deref(), Some("db"));
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(settled(&containers, 7, "/docker/{A}").unwrap().full_id.as_deref(), Some(A));
    assert!(began.elapsed() < Duration::from_secs(4));
    let began = Instant::now();
    drop(containers);
    assert!(began.elapsed() < Duration::from_millis(100));
    assert_ne!(A, B);
}

#[test]
fn an_engine_that_talks_nonsense_is_a_gap() {
    let host = Host::new();
    listen(&host.0.path().join("docker.sock"), |_| Answer::Gives("[".repeat(10_000)));
    let containers = containers(&host);
    settled(&containers, 7, "/docker/{A}").unwrap();
    let told: Vec<String> = containers.gaps().iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|gap| gap.contains("what an engine knows of a container")), "{told:?}");
}
