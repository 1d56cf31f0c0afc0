//! What rules deny does not happen, on the host and in containers of Docker; what is nearly so does. How it is denied
//! depends on the kernel: the doctor is asked.

mod containers;

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use seawall_agent::{Guard, GuardError, RuleFile};
use seawall_finding::Denial;
use seawall_policy::Policy;
use seawall_respond::Mode;

use crate::record::replayed;
use crate::running::{Alert, Running, Setup, judgement};

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
    let memory = format!(
        "perl -e '$^F = 100; $f = syscall({}, $n = q(inmemory), 0); open(O, q(>&=), $f); open(I, q(<), q(/bin/true)); \
         while (read(I, $b, 65536)) {{ syswrite(O, $b) }} exec {{qq(/proc/self/fd/$f)}} q(inmemory) or exit 1'",
        if cfg!(target_arch = "x86_64") { 319 } else { 279 }
    );
    for (line, expected) in [
        (format!("{} direct", at("evil")), false),
        (format!("{} by-link", at("link")), false),
        (format!("cd {} && ./evil by-relative", directory.path().display()), false),
        (format!("exec 3< {} && /proc/self/fd/3 by-descriptor", at("evil")), false),
        (format!("{} near", at("evil-too")), true),
        (format!("{} protected", at("spared")), true),
        (memory, false),
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
    let ipv4 = |port: u16| format!("pack(q(S n a4 x8), 2, {port}, pack(q(C4), 127, 0, 0, 1))");
    let ipv6 = |port: u16| format!("pack(q(S n N n8 N), 10, {port}, 0, 0, 0, 0, 0, 0, 65535, 32512, 1, 0)");
    let connect = |family: u8, to: String| {
        runs(&format!("perl -e 'socket(S, {family}, 1, 0); exit !connect(S, {to})'"))
    };
    let send = |to: String| runs(&format!("perl -e 'socket(S, 2, 2, 0); exit !send(S, q(x), 0, {to})'"));
    assert!(!connect(2, ipv4(port)) && !connect(10, ipv6(port)) && !send(ipv4(port)));
    assert!(connect(2, ipv4(other_port)) && connect(10, ipv6(other_port)) && send(ipv4(other_port)));
    let told = guard.of(&format!("127.0.0.1:{port}"));
    let how: Vec<Option<Denial>> = told.iter().map(|alert| alert.happened.denial).collect();
    assert_eq!(how, [Some(Denial::Refused); 3], "{told:?}");
    assert!(told[0].happened.output.contains("perl -e"), "{}", told[0].happened.output);
    // The other port from one look at the file to the next, and at no time neither.
    file(directory.path(), &[denies(other_port)]);
    guard.reload.store(true, Ordering::Relaxed);
    let end = Instant::now() + Duration::from_secs(20);
    while connect(2, ipv4(other_port)) {
        assert!(Instant::now() < end, "the new rules never deny");
    }
    assert!(connect(2, ipv4(port)));
    let counts = guard.end();
    assert_eq!(counts.reloads, 1);
    assert_eq!(counts.denials["no-connection"], 4, "{:?}", counts.gaps);
}

#[test]
fn a_replay_tells_denials_as_the_machine_did() {
    let directory = tempfile::tempdir().unwrap();
    let evil = directory.path().join("evil").display().to_string();
    std::fs::copy("/bin/true", &evil).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let denies = |name: &str| {
        let execution = format!("evt.type in (execve, execveat) and proc.exepath = {evil}");
        let connection = format!("evt.type = connect and fd.rip = 127.0.0.1 and fd.rport = {port}");
        let seen = "- rule: seen\n  desc: d\n  condition: evt.type = connect and fd.rport exists and proc.name = perl\n  \
            output: seen %fd.name %evt.res\n  priority: NOTICE\n";
        vec![rule(name, &execution), rule("no-connection", &connection), seen.to_owned()]
    };
    let record = directory.path().join("events.jsonl");
    let rules = file(directory.path(), &denies("no-evil"));
    let setup = Setup {
        mode: Mode::Enforced,
        record: Some(record.clone()),
        matching: seawall_detect::Matching::First,
        ..Setup::of(vec![rules])
    };
    let Some(mut guard) = Running::start(setup) else { return };
    let connect = format!(
        "perl -e 'socket(S, 2, 1, 0); exit !connect(S, pack(q(S n a4 x8), 2, {port}, pack(q(C4), 127, 0, 0, 1)))'"
    );
    for mark in ["once", "twice"] {
        assert!(!runs(&format!("{evil} {mark}")) && !runs(&connect));
        assert_eq!(denials(&mut guard, &format!("evil {mark}")).len(), 1);
    }
    let (counts, live) = guard.end_with_alerts();
    let of = |alerts: &[Alert]| alerts.iter().map(|alert| alert.judged.clone()).collect::<Vec<_>>();
    let denied = live.iter().filter(|alert| alert.happened.denial.is_some()).count();
    assert_eq!((denied, counts.denials.values().sum::<u64>()), (4, 4), "{live:?}");
    let (again, alerts) = replayed(&record, vec![file(directory.path(), &denies("no-evil"))]);
    assert_eq!(of(&alerts), of(&live));
    assert_eq!((again.denials, again.gaps), (counts.denials, Vec::new()));
    // Of a rule that the machine did not have it is said what it would do, to what happened.
    let (other, alerts) = replayed(&record, vec![file(directory.path(), &denies("no-evil-at-all"))]);
    let (told, how): (Vec<String>, Vec<Option<Denial>>) = alerts
        .iter()
        .filter(|alert| alert.rule == "no-evil-at-all")
        .map(|alert| (alert.rule.clone(), alert.happened.denial))
        .unzip();
    let expected = if executions_are() == Denial::Killed { 2 } else { 0 };
    assert_eq!(how, vec![Some(Denial::Rehearsed); expected], "{told:?}");
    assert_eq!((other.denials.values().sum::<u64>(), other.denials_untold), (2, 2));
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
            with: Vec::new(),
            record: None,
            kernel: "6".to_owned(),
            names: seawall_agent::NameSource::Observed,
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
