//! What the disk and what the socket of each engine tell of one running container.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use seawall_agent::containers::{Containers, Lookup, Options, Store};
use seawall_engine::{Endpoint, EngineKind};
use seawall_event::Container;
use seawall_testkit::{Daemon, Kind};

use crate::support::{PODMAN_LIMITS, image, import_into_containerd};

/// The container of a living process, when it is known and nothing more comes.
fn of_process(containers: &Containers, pid: u32, is_whole: impl Fn(&Container) -> bool) -> Arc<Container> {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        match containers.of(u64::from(pid) + (1 << 40), None, pid) {
            Lookup::Known(container) if is_whole(&container) || Instant::now() > end => return container,
            Lookup::Known(_) | Lookup::Pending(_) => assert!(Instant::now() < end, "it is pending for ever"),
            Lookup::Host => panic!("{pid} is in no container"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A socket may answer after the time in which events wait: machines that run tests are busy.
fn has_image(container: &Container) -> bool {
    container.image.is_some()
}

/// Ends what would outlive its engine, also when the test fails.
struct Ended<'d>(&'d Daemon, &'d [&'d [&'d str]]);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        for command in self.1 {
            let _ = self.0.ask(command);
        }
    }
}

fn options(stores: Vec<Store>, engines: Vec<Endpoint>) -> Options {
    Options { stores, engines, ..Options::of_host(Path::new("/")) }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap().trim().to_owned()
}

/// A line for each field that is known.
fn told(source: &str, container: &Container) {
    let mut shown = serde_json::to_value(container).unwrap();
    for key in ["id", "full_id"] {
        shown.as_object_mut().unwrap().remove(key);
    }
    println!("{source}: {shown}");
}

fn check(source: &str, container: &Container, engine: &str, repository: &str) {
    told(&format!("{engine}, {source}"), container);
    let image = container.image.clone().unwrap();
    assert_eq!(container.engine.as_deref(), Some(engine));
    assert_eq!(container.name.as_deref(), Some("web"));
    assert_eq!(image.name.as_deref(), Some(format!("{repository}:8").as_str()));
    assert_eq!(image.repository.as_deref(), Some(repository));
    assert_eq!(image.tag.as_deref(), Some("8"));
    assert_eq!(image.id.map(|id| id.len()), Some(12));
    assert_eq!(container.privileged, Some(false));
    assert_eq!(container.host_pid, Some(true));
    assert_eq!(container.host_network, Some(false));
    assert_eq!(container.host_ipc, Some(false));
    let mounts = container.mounts.clone().unwrap();
    let etc = mounts.iter().find(|mount| mount.destination == "/host/etc").unwrap();
    assert_eq!((etc.source.as_str(), etc.writable), ("/etc", false));
}

const RUN: [&str; 8] = [
    "run",
    "-d",
    "--name=web",
    "--network=none",
    "--pid=host",
    "--ipc=private",
    "--label=tier=front",
    "--volume=/etc:/host/etc:ro",
];

#[test]
fn docker() {
    let Some(daemon) = Daemon::start(Kind::Docker) else { return };
    let archive = daemon.path("image.tar");
    std::fs::write(&archive, image()).unwrap();
    daemon.ask(&["import", &archive, "team/tiny:8"]).unwrap();
    daemon.ask(&[&RUN[..], &["team/tiny:8", "/pause"]].concat()).unwrap();
    let pid = text(daemon.ask(&["inspect", "--format={{.State.Pid}}", "web"]).unwrap()).parse().unwrap();
    let store = Store::Docker { data: daemon.path("data").into() };
    let endpoint = Endpoint::unix(EngineKind::Docker, daemon.path("socket"));
    for (source, options) in
        [("disk", options(vec![store], vec![])), ("socket", options(vec![], vec![endpoint]))]
    {
        let containers = Containers::start(options);
        let container = of_process(&containers, pid, has_image);
        check(source, &container, "docker", "team/tiny");
        assert_eq!(container.labels.get("tier").map(String::as_str), Some("front"));
    }
}

#[test]
fn podman() {
    let Some(daemon) = Daemon::start(Kind::Podman) else { return };
    let archive = daemon.path("image.tar");
    std::fs::write(&archive, image()).unwrap();
    daemon.ask(&["import", &archive, "localhost/tiny:8"]).unwrap();
    let run = [&RUN[..], &PODMAN_LIMITS, &["localhost/tiny:8", "/pause"]].concat();
    daemon.ask(&run).unwrap();
    let pid = text(daemon.ask(&["inspect", "--format={{.State.Pid}}", "web"]).unwrap()).parse().unwrap();
    let _ended = Ended(&daemon, &[&["rm", "--force", "--time=0", "web"]]);
    let store = Store::Storage { graph: daemon.path("data").into(), run: daemon.path("exec").into() };
    let endpoint = Endpoint::unix(EngineKind::Podman, daemon.path("socket"));
    let containers = Containers::start(options(vec![store.clone()], vec![]));
    let container = of_process(&containers, pid, has_image);
    check("disk", &container, "podman", "localhost/tiny");
    assert!(container.image.as_ref().unwrap().digest.is_some());
    assert!(container.labels.is_empty(), "the disk does not say them");
    let containers = Containers::start(options(vec![], vec![endpoint.clone()]));
    check("socket", &of_process(&containers, pid, has_image), "podman", "localhost/tiny");
    let containers = Containers::start(options(vec![store], vec![endpoint]));
    let container = of_process(&containers, pid, |container| !container.labels.is_empty());
    assert_eq!(container.labels.get("tier").map(String::as_str), Some("front"));
}

#[test]
fn containerd() {
    let Some(daemon) = Daemon::start(Kind::Containerd) else { return };
    import_into_containerd(&daemon);
    // The runtime keeps its own list of the whole machine.
    let id = format!("web-{}", std::process::id());
    let run = ["run", "-d", "--privileged", "--label=tier=front", "--mount"];
    let more =
        ["type=bind,src=/etc,dst=/host/etc,options=rbind:ro", "docker.io/library/tiny:8", &id, "/pause"];
    daemon.ask(&[&run[..], &more].concat()).unwrap();
    let tasks = text(daemon.ask(&["tasks", "ls"]).unwrap());
    let line = tasks.lines().find(|line| line.starts_with(&id)).unwrap();
    let pid = line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap();
    let store = Store::Containerd { state: daemon.path("exec").into() };
    let endpoint = Endpoint::unix(EngineKind::Containerd, daemon.path("socket"));
    let _ended = Ended(&daemon, &[&["tasks", "delete", "--force", &id], &["containers", "delete", &id]]);
    let containers = Containers::start(options(vec![store.clone()], vec![]));
    let container = of_process(&containers, pid, |_| true);
    told("containerd, disk only", &container);
    assert_eq!(container.image, None);
    let containers = Containers::start(options(vec![store], vec![endpoint]));
    let container = of_process(&containers, pid, has_image);
    told("containerd", &container);
    let image = container.image.clone().unwrap();
    assert_eq!(image.repository.as_deref(), Some("docker.io/library/tiny"));
    assert_eq!(image.tag.as_deref(), Some("8"));
    assert!(image.digest.is_some_and(|digest| digest.starts_with("sha256:")));
    assert_eq!(container.full_id.as_deref(), Some(id.as_str()));
    assert_eq!(container.labels.get("tier").map(String::as_str), Some("front"));
    assert_eq!(container.privileged, Some(true));
    assert_eq!(container.host_pid, Some(false));
    let mounts = container.mounts.clone().unwrap();
    assert_eq!(mounts.len(), 1, "{mounts:?}");
    assert_eq!((mounts[0].source.as_str(), mounts[0].writable), ("/etc", false));
}
