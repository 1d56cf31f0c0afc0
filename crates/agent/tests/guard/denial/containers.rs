//! Denials in containers of Docker.

use std::path::Path;
use std::time::{Duration, Instant};

use seawall_agent::containers::{Options, Store};
use seawall_finding::Denial;
use seawall_policy::Policy;
use seawall_respond::Mode;

use super::{executions_are, file, policy, rule, runs};
use crate::containers::{COPY, IMAGE, docker, import_image};
use crate::running::{Running, Setup};

#[test]
fn what_was_dropped_is_denied_and_what_came_with_the_image_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let Some(daemon) = docker(directory.path()) else { return };
    import_image(&daemon);
    let other = "registry.example/other/perl:5";
    daemon.ask(&["tag", IMAGE, other]).unwrap();
    let rules = [
        rule(
            "no-drop",
            "evt.type in (execve, execveat) and container.id != host and (proc.is_exe_upper_layer = true or not \
            (proc.is_exe_lower_layer = true or proc.exepath in (/sbin/docker-init, /dev/init, /run/podman-init)))",
        ),
        rule("no-debugfs", "evt.type = execve and container.id != host and proc.exepath = /usr/bin/debugfs"),
        rule(
            "no-nc-of-team",
            "evt.type = execve and container.image.repository = registry.example/team/perl and \
            basename(proc.exepath) = nc",
        ),
        rule("no-out", "evt.type = connect and container.id != host and fd.rip = 127.9.9.9"),
    ];
    let setup = || Setup {
        containers: Options {
            stores: vec![Store::Docker { data: daemon.path("data").into() }],
            ..Options::of_host(Path::new("/"))
        },
        mode: Mode::Enforced,
        policy: policy("version: 1\nrespond: {protect: {name: [precious-*]}}\n"),
        ..Setup::of(vec![file(directory.path(), &rules)])
    };
    // One that is there before the guard, and others that come after.
    let start = |name: &str, image: &str| {
        daemon
            .ask(&["run", "-d", "--network=none", "--name", name, image, "perl", "-e", "sleep 600"])
            .unwrap();
    };
    start("before", IMAGE);
    let Some(mut guard) = Running::start(setup()) else { return };
    for (name, image) in [("after", IMAGE), ("other", other), ("precious-1", IMAGE)] {
        start(name, image);
    }
    // Until all are described: docker writes what it knows after it has started them.
    std::thread::sleep(Duration::from_secs(3));
    let how = executions_are();
    let mut wrong = Vec::new();
    let link = "link('/bin/true', '/tmp/hard'); exec {'/tmp/hard'} '/tmp/hard', @ARGV or exit 1";
    let descriptor = "open(I, '<', '/bin/true'); open(O, '>', '/tmp/fd'); while (read(I, $b, 65536)) { print O $b } close O; \
        chmod 0755, '/tmp/fd'; open(F, '<', '/tmp/fd'); $^F = 100; open(G, '<', '/tmp/fd'); \
        exec {'/proc/self/fd/' . fileno(G)} 'x', @ARGV or exit 1";
    // A file system in memory is in no layer.
    let in_memory = descriptor.replace("/tmp/fd", "/dev/fd-copy");
    let connects = |to: &str| {
        format!(
            "socket(C, 2, 1, 0); connect(C, pack('S n a4 x8', 2, 9, pack('C4', {to}))) or $! + 0 == 1 and exit 7; exit 0"
        )
    };
    let (out, near_out) = (connects("127, 9, 9, 9"), connects("127, 9, 9, 8"));
    // Where the call is refused, it is the script that goes on.
    let copy = format!("{COPY} or exit 1");
    let perl = |script: &str| vec!["perl".to_owned(), "-e".to_owned(), script.to_owned()];
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    for (number, (container, line, denied)) in [
        ("after", perl(&copy), Some("no-drop")),
        ("before", perl(&copy), Some("no-drop")),
        ("after", perl("exec {'/bin/true'} '/bin/true', @ARGV"), None),
        ("after", perl(link), Some("no-drop")),
        ("after", perl(descriptor), Some("no-drop")),
        ("after", perl(&in_memory), Some("no-drop")),
        ("after", words(&["debugfs"]), Some("no-debugfs")),
        ("after", words(&["nc"]), Some("no-nc-of-team")),
        ("before", words(&["nc"]), Some("no-nc-of-team")),
        ("other", words(&["nc"]), None),
        ("other", perl(&copy), Some("no-drop")),
        ("precious-1", perl(&copy), None),
        ("precious-1", words(&["debugfs"]), None),
        ("after", perl(&out), Some("no-out")),
        ("after", perl(&near_out), None),
        ("precious-1", perl(&out), None),
    ]
    .into_iter()
    .enumerate()
    {
        let mark = format!("inside-{number}.");
        let mut all = vec!["exec", container];
        all.extend(line.iter().map(String::as_str));
        all.push(&mark);
        let ended = daemon.ask(&all);
        if ended.is_ok() == denied.is_some() {
            wrong.push(format!("{container} {line:?}: {ended:?}"));
        }
        // An event waits for what its engine says of its container; what the host did after it does not.
        let end = Instant::now() + Duration::from_secs(5);
        let mut told = guard.of(&mark);
        while told.is_empty() && denied.is_some() && Instant::now() < end {
            told = guard.of(&mark);
        }
        let expected = denied.map(|rule| {
            (
                rule.to_owned(),
                Some(if rule == "no-out" { Denial::Refused } else { how }),
                container.to_owned(),
            )
        });
        let got: Vec<_> = told
            .iter()
            .map(|alert| {
                let container = alert.happened.container.clone().unwrap_or_default();
                (alert.rule.clone(), alert.happened.denial, container.name)
            })
            .collect();
        if got != expected.into_iter().collect::<Vec<_>>() {
            wrong.push(format!("{container} {line:?}: told {got:?}"));
        }
    }
    // On the host nothing of it holds.
    assert!(runs(
        "python3 -c \"import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.9.9.9', 9))\""
    ));
    let counts = guard.end();
    assert_eq!(wrong, Vec::<String>::new(), "{:?}", counts.gaps);
    assert_eq!(counts.denials_untold, 0, "{:?}", counts.gaps);

    // Where no container has to be spared for its name, the first program of a new one is denied as well.
    let Some(mut guard) = Running::start(Setup { policy: Policy::default(), ..setup() }) else { return };
    let run =
        |program: &str, mark: &str| daemon.ask(&["run", "--rm", "--network=none", IMAGE, program, mark]);
    assert!(run("debugfs", "first-denied").is_err());
    assert_eq!(run("true", "first-near"), Ok(Vec::new()));
    let told: Vec<_> =
        guard.of("first-denied").into_iter().map(|alert| (alert.rule, alert.happened.denial)).collect();
    assert_eq!(told, [("no-debugfs".to_owned(), Some(how))]);
    assert_eq!(guard.of("first-near").len(), 0);
    guard.end();
}
