//! What rules deny does not happen, on the host and in containers of Docker; what is nearly so does. How it is denied
//! depends on the kernel: the doctor is asked.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use seawall_agent::containers::{Options, Store};
use seawall_agent::{Guard, GuardError, RuleFile};
use seawall_finding::Denial;
use seawall_policy::Policy;
use seawall_respond::Mode;

use crate::containers::{COPY, IMAGE, docker, import_image};
use crate::running::{Running, Setup, judgement};

/// Lets a test wait until everything before was told.
const SETTLED: &str = "
- rule: settled
  desc: d
  condition: evt.type = execve and proc.name = grep and proc.args contains settled
  output: settled %proc.cmdline
  priority: NOTICE
";

fn rule(name: &str, condition: &str) -> String {
    format!(
        "- rule: {name}\n  desc: d\n  condition: {condition}\n  output: {name} %proc.exepath %proc.cmdline %proc.pname %fd.name\n  \
         priority: CRITICAL\n  respond: [deny]\n"
    )
}

fn file(directory: &Path, rules: &[String]) -> RuleFile {
    let path = directory.join("rules.yaml");
    std::fs::write(&path, format!("{SETTLED}{}", rules.concat())).unwrap();
    RuleFile::Path(path)
}

fn policy(text: &str) -> Policy {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("policy.yaml");
    std::fs::write(&path, text).unwrap();
    let mut policy = Policy::default();
    policy.add_file(&path).unwrap();
    policy
}

/// How this kernel denies executions.
fn executions_are() -> Denial {
    let report = seawall_sensor::doctor();
    let ability = report.abilities.iter().find(|ability| ability.name == "denied executions").unwrap();
    assert_eq!(ability.works, Ok(()));
    if ability.means.contains("LSM") { Denial::Refused } else { Denial::Killed }
}

/// Runs it below a shell: what Seawall itself starts is never denied. Returns whether it ended well.
fn runs(line: &str) -> bool {
    let line = format!("{line}; exit $?");
    Command::new("sh")
        .args(["-c", &line])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

fn denials(guard: &mut Running, mark: &str) -> Vec<(String, Option<Denial>)> {
    guard.of(mark).into_iter().map(|alert| (alert.rule, alert.happened.denial)).collect()
}

#[test]
fn an_execution_on_the_host_is_denied_and_told_with_who_wanted_it() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    for name in ["evil", "evil-too", "spared"] {
        std::fs::copy("/bin/true", at(name)).unwrap();
    }
    std::os::unix::fs::symlink(at("evil"), at("link")).unwrap();
    let rules = [
        rule(
            "no-evil",
            &format!("evt.type in (execve, execveat) and proc.exepath in ({}, {})", at("evil"), at("spared")),
        ),
        rule("no-memory", "evt.type = execve and proc.is_exe_from_memfd = true and container.id = host"),
    ];
    let setup = || Setup {
        policy: policy(&format!("version: 1\nrespond: {{protect: {{program: [{}]}}}}\n", at("spared"))),
        ..Setup::of(vec![file(directory.path(), &rules)])
    };
    // Rehearsed, nothing is denied and the finding says that it would be.
    let Some(mut guard) = Running::start(setup()) else { return };
    assert!(runs(&format!("{} rehearsed", at("evil"))));
    assert_eq!(denials(&mut guard, "evil rehearsed"), [("no-evil".to_owned(), Some(Denial::Rehearsed))]);
    assert!(guard.end().denials.is_empty());

    let Some(mut guard) = Running::start(Setup { mode: Mode::Enforced, ..setup() }) else { return };
    let memory = "python3 -c \"import os; f = os.memfd_create('inmemory'); os.write(f, open('/bin/true','rb').read()); \
        os.execv('/proc/self/fd/%d' % f, ['inmemory'])\"";
    for (line, expected) in [
        (format!("{} direct", at("evil")), false),
        (format!("{} by-link", at("link")), false),
        (format!("cd {} && ./evil by-relative", directory.path().display()), false),
        (format!("exec 3< {} && /proc/self/fd/3 by-descriptor", at("evil")), false),
        (format!("{} near", at("evil-too")), true),
        (format!("{} protected", at("spared")), true),
        (memory.to_owned(), false),
        ("/bin/true on-disk".to_owned(), true),
    ] {
        assert_eq!(runs(&line), expected, "{line}");
    }
    let how = executions_are();
    for mark in ["direct", "by-link", "by-relative", "by-descriptor"] {
        assert_eq!(denials(&mut guard, mark), [("no-evil".to_owned(), Some(how))], "{mark}");
    }
    let told = &guard.of("direct")[0];
    let fields = format!("no-evil {} evil direct sh ", at("evil"));
    assert!(told.happened.output.starts_with(&fields), "{}", told.happened.output);
    assert_eq!(denials(&mut guard, "inmemory"), [("no-memory".to_owned(), Some(how))]);
    assert_eq!(guard.of("near").len() + guard.of("protected").len(), 0);
    let counts = guard.end();
    assert_eq!(counts.denials.values().sum::<u64>(), 5, "{:?} {:?}", counts.denials, counts.gaps);
    // Nothing is denied without a guard.
    assert!(runs(&at("evil")));
}

#[test]
fn a_connection_is_denied_and_what_denies_is_exchanged_with_the_rules() {
    let directory = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let other_port = other.local_addr().unwrap().port();
    let denies = |port: u16| {
        rule(
            "no-connection",
            &format!(
                "evt.type in (connect, sendto, sendmsg) and fd.rnet in (127.0.0.0/8) and fd.rport = {port}"
            ),
        )
    };
    let setup = Setup { mode: Mode::Enforced, ..Setup::of(vec![file(directory.path(), &[denies(port)])]) };
    let Some(mut guard) = Running::start(setup) else { return };
    let connect = |to: &str, port: u16| {
        runs(&format!("python3 -c \"import socket; socket.create_connection(('{to}', {port}))\""))
    };
    let send = |port: u16| {
        let socket = "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)";
        runs(&format!("python3 -c \"import socket; {socket}.sendto(b'x', ('127.0.0.1', {port}))\""))
    };
    assert!(!connect("127.0.0.1", port) && !connect("::ffff:127.0.0.1", port) && !send(port));
    assert!(connect("127.0.0.1", other_port) && send(other_port));
    let told = guard.of(&format!("127.0.0.1:{port}"));
    let how: Vec<Option<Denial>> = told.iter().map(|alert| alert.happened.denial).collect();
    assert_eq!(how, [Some(Denial::Refused); 3], "{told:?}");
    assert!(told[0].happened.output.contains("python3 -c"), "{}", told[0].happened.output);
    // The other port from one look at the file to the next, and at no time neither.
    file(directory.path(), &[denies(other_port)]);
    guard.reload.store(true, Ordering::Relaxed);
    let end = Instant::now() + Duration::from_secs(20);
    while connect("127.0.0.1", other_port) {
        assert!(Instant::now() < end, "the new rules never deny");
    }
    assert!(connect("127.0.0.1", port));
    let counts = guard.end();
    assert_eq!(counts.reloads, 1);
    assert_eq!(counts.denials["no-connection"], 4, "{:?}", counts.gaps);
}

#[test]
fn what_cannot_be_denied_is_refused_at_load() {
    let directory = tempfile::tempdir().unwrap();
    let check = |condition: &str, policy_text: &str, mode: Mode, expected: &str| {
        let rules = vec![file(directory.path(), &[rule("r", condition)])];
        let judgement = seawall_agent::Judgement {
            policy: policy(policy_text),
            ..judgement(rules, seawall_detect::Matching::First)
        };
        let options = seawall_agent::Options {
            judgement,
            proc_root: "/proc".into(),
            hostname: "host".to_owned(),
            containers: Setup::of(Vec::new()).containers,
            reload: std::sync::Arc::default(),
            duration: None,
            record: None,
            kernel: "6".to_owned(),
            mode,
        };
        match Guard::new(options, Vec::new(), |_| {}) {
            Err(GuardError::Deny(error)) => assert!(error.to_string().contains(expected), "{error}"),
            Err(GuardError::Open(error)) => println!("skipped: {error}"),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("accepted: {condition}"),
        }
    };
    let plain = "version: 1\n";
    for mode in [Mode::Rehearsal, Mode::Enforced] {
        check(
            "evt.type = execve and proc.name = nc",
            plain,
            mode,
            "rules.yaml:7: the rule `r` responds with `deny`",
        );
        check("evt.type = execve and proc.name = nc", plain, mode, "cannot decide `proc.name = nc`");
        check("evt.type = openat and fd.name = /x", plain, mode, "`evt.type` openat");
    }
    let protects = "version: 1\nrespond: {protect: {program: [/opt/*/backup]}}\n";
    check(
        "evt.type = execve and proc.exepath = /x",
        protects,
        Mode::Enforced,
        "cannot hold `protect: program: /opt/*/backup`",
    );
}

#[test]
fn in_containers_of_docker_what_was_dropped_is_denied_and_what_came_with_the_image_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let Some(daemon) = docker(directory.path()) else { return };
    import_image(&daemon);
    let other = "registry.example/other/perl:5";
    daemon.ask(&["tag", IMAGE, other]).unwrap();
    let rules = [
        rule("no-drop", "evt.type = execve and container.id != host and proc.is_exe_upper_layer = true"),
        rule("no-debugfs", "evt.type = execve and container.id != host and proc.exepath = /usr/bin/debugfs"),
        rule(
            "no-nc-of-team",
            "evt.type = execve and container.image.repository = registry.example/team/perl and \
            basename(proc.exepath) = nc",
        ),
        rule("no-out", "evt.type = connect and container.id != host and fd.rip = 127.9.9.9"),
    ];
    let stores = vec![Store::Docker { data: daemon.path("data").into() }];
    let setup = Setup {
        containers: Options { stores, ..Options::of_host(Path::new("/")) },
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
    let Some(mut guard) = Running::start(setup) else { return };
    for (name, image) in [("after", IMAGE), ("other", other), ("precious-1", IMAGE)] {
        start(name, image);
    }
    // Until all are described: docker writes what it knows after it has started them.
    std::thread::sleep(Duration::from_secs(3));
    let how = executions_are();
    let mut wrong = Vec::new();
    let link = "link('/bin/true', '/tmp/hard'); exec {'/tmp/hard'} '/tmp/hard', @ARGV";
    let descriptor = "open(I, '<', '/bin/true'); open(O, '>', '/tmp/fd'); while (read(I, $b, 65536)) { print O $b } close O; \
        chmod 0755, '/tmp/fd'; open(F, '<', '/tmp/fd'); $^F = 100; open(G, '<', '/tmp/fd'); \
        exec {'/proc/self/fd/' . fileno(G)} 'x', @ARGV";
    let connects = |to: &str| {
        format!(
            "socket(C, 2, 1, 0); connect(C, pack('S n a4 x8', 2, 9, pack('C4', {to}))) or $! + 0 == 1 and exit 7; exit 0"
        )
    };
    let (out, near_out) = (connects("127, 9, 9, 9"), connects("127, 9, 9, 8"));
    let perl = |script: &str| vec!["perl".to_owned(), "-e".to_owned(), script.to_owned()];
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    for (number, (container, line, denied)) in [
        ("after", perl(COPY), Some("no-drop")),
        ("before", perl(COPY), Some("no-drop")),
        ("after", perl("exec {'/bin/true'} '/bin/true', @ARGV"), None),
        ("after", perl(link), Some("no-drop")),
        ("after", perl(descriptor), Some("no-drop")),
        ("after", words(&["debugfs"]), Some("no-debugfs")),
        ("after", words(&["nc"]), Some("no-nc-of-team")),
        ("before", words(&["nc"]), Some("no-nc-of-team")),
        ("other", words(&["nc"]), None),
        ("other", perl(COPY), Some("no-drop")),
        ("precious-1", perl(COPY), None),
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
        let told = guard.of(&mark);
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
}
