//! Containers that live for milliseconds: each must have its name and image when its first program starts.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use seawall_agent::containers::{Containers, Lookup, Options, Store};
use seawall_event::Container;
use seawall_sensor::{Action, Clause, Interest, Kind, Sensor};
use seawall_testkit::{Daemon, Kind as DaemonKind};

use crate::support::image;

/// What was known of one container, when.
#[derive(Default)]
struct Seen {
    was_known_when_made: bool,
    /// When its first program started: how long it was pending then.
    waited: Option<Duration>,
    container: Container,
}

fn sensor() -> Option<Sensor> {
    if !Path::new("/sys/kernel/btf/vmlinux").exists() {
        println!("skipped: no BTF");
        return None;
    }
    let kinds = [Kind::CgroupMade, Kind::CgroupRemoved, Kind::Executed];
    let interest = Interest { clauses: vec![Clause::all_of(kinds)], ..Interest::default() };
    match Sensor::open(&seawall_sensor::Options { interest, ..seawall_sensor::Options::default() }) {
        Ok(sensor) => Some(sensor),
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
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

fn look(event: &seawall_sensor::KernelEvent, containers: &Containers, seen: &mut HashMap<String, Seen>) {
    if let Action::CgroupMade { id, path } = &event.action {
        containers.made(*id, path);
        match containers.of(*id, Some(path), 0) {
            Lookup::Host => {}
            Lookup::Known(container) => note(seen, &container).was_known_when_made = true,
            Lookup::Pending(container) => note(seen, &container).was_known_when_made = false,
        }
    }
    if let Action::CgroupRemoved { id, .. } = &event.action {
        containers.removed(*id);
    }
    if let Action::Executed(execution) = &event.action
        && matches!(execution.name.to_str(), Some("/true"))
    {
        let began = Instant::now();
        loop {
            let lookup =
                containers.of(event.caller.cgroup_id, Some(&execution.cgroup), event.caller.process);
            match lookup {
                Lookup::Host => panic!("{} is no container", execution.cgroup.display()),
                Lookup::Pending(_) => std::thread::sleep(Duration::from_micros(100)),
                Lookup::Known(container) => {
                    let seen = note(seen, &container);
                    seen.waited = Some(began.elapsed());
                    seen.container = (*container).clone();
                    return;
                }
            }
        }
    }
}

fn note<'s>(seen: &'s mut HashMap<String, Seen>, container: &Container) -> &'s mut Seen {
    seen.entry(container.full_id.clone().unwrap()).or_default()
}

fn told(engine: &str, seen: &HashMap<String, Seen>, took: Duration) {
    let started: Vec<&Seen> = seen.values().filter(|seen| seen.waited.is_some()).collect();
    let at_once = |seen: &&&Seen| seen.waited.is_some_and(|waited| waited < Duration::from_micros(50));
    let made = started.iter().filter(|seen| seen.was_known_when_made).count();
    println!(
        "{engine}: {} containers in {took:.1?}; known when the cgroup was made {made}, when the first program \
         started {}; the longest wait {:?}",
        started.len(),
        started.iter().filter(at_once).count(),
        started.iter().filter_map(|seen| seen.waited).max().unwrap_or_default(),
    );
}

fn docker(count: usize) {
    let Some(mut sensor) = sensor() else { return };
    let Some(daemon) = Daemon::start(DaemonKind::Docker) else { return };
    let archive = daemon.path("image.tar");
    std::fs::write(&archive, image()).unwrap();
    daemon.ask(&["import", &archive, "registry.example:5000/team/tiny:8"]).unwrap();
    let stores = vec![Store::Docker { data: daemon.path("data").into() }];
    let containers = Containers::start(Options { stores, ..Options::of_host(Path::new("/")) });
    let socket = format!("unix://{}", daemon.path("socket"));
    let began = Instant::now();
    let seen = watch(&mut sensor, &containers, count, 4, |number| {
        let mut command = Command::new("docker");
        let name = format!("tiny-{number}");
        command.args(["-H", &socket, "run", "--rm", "--network=none", "--name", &name]);
        command.args(["registry.example:5000/team/tiny:8", "/true"]);
        command
    });
    told("docker", &seen, began.elapsed());
    let mut names: Vec<String> = Vec::new();
    for seen in seen.values().filter(|seen| seen.waited.is_some()) {
        let container = &seen.container;
        let image = container.image.clone().unwrap();
        assert_eq!(image.repository.as_deref(), Some("registry.example:5000/team/tiny"));
        assert_eq!(image.tag.as_deref(), Some("8"));
        assert_eq!(container.engine.as_deref(), Some("docker"));
        names.extend(container.name.clone());
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
    assert_eq!(containers.gaps(), []);
}

#[test]
fn each_of_docker_is_named() {
    docker(16);
}

/// The measure of the field notes; takes a minute.
#[test]
#[ignore = "takes a minute: cargo test -p seawall-agent --test containers -- --ignored"]
fn each_of_256_of_docker_is_named() {
    docker(256);
}
