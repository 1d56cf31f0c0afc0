//! Containers that live for milliseconds: each must have its name and image when its first program starts.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use seawall_agent::containers::{Containers, Lookup, Options, Store};
use seawall_engine::{Endpoint, EngineKind};
use seawall_event::Container;
use seawall_sensor::{Action, Clause, Interest, KernelEvent, Kind, Sensor};
use seawall_testkit::{Daemon, Kind as DaemonKind};

use crate::support::{PODMAN_LIMITS, image, import_into_containerd};

/// One container, and how long it was pending when its first program started.
struct Seen {
    waited: Duration,
    container: Container,
}

/// One at a time: each sees the containers of the others.
static ONE: Mutex<()> = Mutex::new(());

fn sensor() -> Option<(Sensor, MutexGuard<'static, ()>)> {
    let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let kinds = [Kind::CgroupMade, Kind::CgroupRemoved, Kind::Executed];
    let interest = Interest { clauses: vec![Clause::all_of(kinds)], ..Interest::default() };
    match Sensor::open(&seawall_sensor::Options { interest, ..seawall_sensor::Options::default() }) {
        Ok(sensor) => Some((sensor, one)),
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

/// containerd's runtime keeps its own list of the whole machine.
fn name(number: usize) -> String {
    format!("tiny-{}-{number}", std::process::id())
}

/// Starts `count` containers, `at_once` at a time, and looks at each as the guard does.
fn watch(
    sensor: &mut Sensor,
    containers: &Containers,
    count: usize,
    at_once: usize,
    start: impl Fn(usize) -> Command + Sync,
) -> HashMap<String, Seen> {
    let mut seen: HashMap<String, Seen> = HashMap::new();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let starter = || {
        loop {
            let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if number >= count {
                return;
            }
            let ended = start(number).stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
            assert!(ended.success(), "container {number}");
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..at_once).map(|_| scope.spawn(starter)).collect();
        let mut is_last = false;
        while !is_last {
            is_last = threads.iter().all(std::thread::ScopedJoinHandle::is_finished);
            sensor.poll(Duration::from_millis(50), |event| look(&event, containers, &mut seen)).unwrap();
        }
    });
    assert_eq!(sensor.lost(), []);
    seen
}

fn look(event: &KernelEvent, containers: &Containers, seen: &mut HashMap<String, Seen>) {
    if let Action::CgroupMade { id, path } = &event.action {
        containers.made(*id, path);
    }
    if let Action::CgroupRemoved { id, .. } = &event.action {
        containers.removed(*id);
    }
    if let Action::Executed(execution) = &event.action
        && execution.name == Path::new("/short-lived")
    {
        let began = Instant::now();
        let container = loop {
            match containers.of(event.caller.cgroup_id, Some(&execution.cgroup), event.caller.process) {
                Lookup::Host => panic!("{} is no container", execution.cgroup.display()),
                Lookup::Pending(_) => std::thread::sleep(Duration::from_micros(100)),
                Lookup::Known(container) => break container,
            }
        };
        let id = container.full_id.clone().unwrap();
        seen.insert(id, Seen { waited: began.elapsed(), container: (*container).clone() });
    }
}

/// Says what was measured, and holds every container against its name and image.
fn check(engine: &str, seen: &HashMap<String, Seen>, count: usize, took: Duration, repository: &str) {
    let at_once = seen.values().filter(|seen| seen.waited < Duration::from_micros(50)).count();
    let longest = seen.values().map(|seen| seen.waited).max().unwrap_or_default();
    println!(
        "{engine}: {} of {count} containers in {took:.1?}: {at_once} were known when their program started, the \
         longest wait was {longest:.1?}",
        seen.len(),
    );
    let mut names = BTreeSet::new();
    for Seen { container, .. } in seen.values() {
        let image = container.image.clone().unwrap_or_default();
        assert_eq!(image.repository.as_deref(), Some(repository), "{container:?}");
        assert_eq!(image.tag.as_deref(), Some("8"));
        assert_eq!(container.engine.as_deref(), Some(engine));
        names.insert(container.name.clone().unwrap());
    }
    assert_eq!(names, (0..count).map(name).collect());
}

/// Where Docker's containers are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Disk,
    /// As from within a container that has the socket and nothing else of the host.
    Socket,
}

fn docker(count: usize, from: From) {
    let Some((mut sensor, _one)) = sensor() else { return };
    let Some(daemon) = Daemon::start(DaemonKind::Docker) else { return };
    let archive = daemon.path("image.tar");
    std::fs::write(&archive, image()).unwrap();
    daemon.ask(&["import", &archive, "registry.example:5000/team/tiny:8"]).unwrap();
    let host = Options::of_host(Path::new("/"));
    let nothing = tempfile::tempdir().unwrap();
    let options = match from {
        From::Disk => Options { stores: vec![Store::Docker { data: daemon.path("data").into() }], ..host },
        From::Socket => Options {
            root: nothing.path().to_owned(),
            engines: vec![Endpoint::unix(EngineKind::Docker, daemon.path("socket"))],
            ..host
        },
    };
    let containers = Containers::start(options);
    let (variable, socket) = daemon.variable();
    let began = Instant::now();
    let seen = watch(&mut sensor, &containers, count, 4, |number| {
        let mut command = Command::new("docker");
        command.args(["run", "--rm", "--network=none", "--name", &name(number)]).env(variable, &socket);
        command.args(["registry.example:5000/team/tiny:8", "/short-lived"]);
        command
    });
    check("docker", &seen, count, began.elapsed(), "registry.example:5000/team/tiny");
    // Docker answers questions about a container when it has started it, which may be late on a busy machine.
    assert!(from == From::Socket || containers.gaps().is_empty(), "{:?}", containers.gaps());
}

#[test]
fn each_of_docker_is_named_by_its_socket() {
    docker(16, From::Socket);
}

fn podman(count: usize) {
    let Some((mut sensor, _one)) = sensor() else { return };
    let Some(daemon) = Daemon::start(DaemonKind::Podman) else { return };
    let archive = daemon.path("image.tar");
    std::fs::write(&archive, image()).unwrap();
    daemon.ask(&["import", &archive, "localhost/tiny:8"]).unwrap();
    let stores = vec![Store::Storage { graph: daemon.path("data").into(), run: daemon.path("exec").into() }];
    let containers = Containers::start(Options { stores, ..Options::of_host(Path::new("/")) });
    let (variable, socket) = daemon.variable();
    let began = Instant::now();
    let seen = watch(&mut sensor, &containers, count, 2, |number| {
        let mut command = Command::new("podman");
        command.args(["--remote", "run", "--rm", "--network=none", "--name", &name(number)]);
        command.args(PODMAN_LIMITS).args(["localhost/tiny:8", "/short-lived"]).env(variable, &socket);
        command
    });
    check("podman", &seen, count, began.elapsed(), "localhost/tiny");
    assert_eq!(containers.gaps(), []);
}

fn containerd(count: usize) {
    let Some((mut sensor, _one)) = sensor() else { return };
    let Some(daemon) = Daemon::start(DaemonKind::Containerd) else { return };
    import_into_containerd(&daemon);
    let endpoint = Endpoint::unix(EngineKind::Containerd, daemon.path("socket"));
    let stores = vec![Store::Containerd { state: daemon.path("exec").into() }];
    let host = Options::of_host(Path::new("/"));
    let containers = Containers::start(Options { stores, engines: vec![endpoint], ..host });
    let socket = daemon.path("socket");
    let began = Instant::now();
    let seen = watch(&mut sensor, &containers, count, 2, |number| {
        let mut command = Command::new("ctr");
        command.args([
            "-a",
            &socket,
            "run",
            "--rm",
            "docker.io/library/tiny:8",
            &name(number),
            "/short-lived",
        ]);
        command
    });
    check("containerd", &seen, count, began.elapsed(), "docker.io/library/tiny");
    assert_eq!(containers.gaps(), []);
}

#[test]
fn each_of_docker_is_named() {
    docker(16, From::Disk);
}

#[test]
fn each_of_podman_is_named() {
    podman(8);
}

#[test]
fn each_of_containerd_is_named() {
    containerd(8);
}

/// The measure of the field notes.
#[test]
#[ignore = "takes minutes: cargo test -p seawall-agent --test containers -- --ignored --nocapture"]
fn each_of_256_is_named() {
    docker(256, From::Disk);
    podman(256);
    containerd(256);
    docker(256, From::Socket);
}
