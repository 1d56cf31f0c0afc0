//! What is learned of a workload: its profile, its seccomp profile, its capabilities, and rules of what is beyond.

use seawall_detect::{Engine, Matching, Observed, learn, load};
use seawall_event::{Event, EventType, EventTypes};

use crate::made::{call, connect, exec, open};

fn observed(events: Vec<Event>) -> Vec<Observed> {
    events.into_iter().map(|event| Observed::Call(Box::new(event))).collect()
}

fn day() -> Vec<Event> {
    let mut events = vec![
        exec("/usr/bin/web -p 80").inside().event(),
        open("/etc/web.conf", "O_RDONLY").inside().event(),
        connect("10.0.0.9:5432").inside().event(),
        call("fchown").inside().caps(&["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"]).event(),
        call("fchown").inside().caps(&["CAP_NET_RAW"]).result(-1).event(),
        call("umount").inside().event(),
    ];
    events.extend((0..40).map(|n| open(&format!("/var/lib/web/{n}.db"), "O_WRONLY").inside().event()));
    events
}

fn watched(names: &[&str]) -> EventTypes {
    let mut types = EventTypes::default();
    names.iter().for_each(|name| types.insert(EventType::named(name).unwrap()));
    types
}

#[test]
fn a_profile_gathers_what_it_saw_and_its_rules_speak_of_the_rest() {
    let learned = learn(&[], "web", EventTypes::default(), &observed(day()));
    let profile = &learned.profile;
    assert_eq!(profile.executables.iter().collect::<Vec<_>>(), ["/usr/bin/web"]);
    assert_eq!(profile.writes.iter().collect::<Vec<_>>(), ["/var/lib/web/"]);
    assert_eq!(profile.reads.iter().collect::<Vec<_>>(), ["/etc/web.conf"]);
    assert_eq!(profile.connects.iter().map(|one| one.port).collect::<Vec<_>>(), [Some(5432)]);
    let loaded = load(&[("profile.rules.yaml", &learned.rules)]);
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
    let mut engine = Engine::new(loaded, Matching::All);
    let mut spoke =
        |event: Event| engine.observe(&event).into_iter().map(|found| found.rule).collect::<Vec<_>>();
    for event in day() {
        assert_eq!(spoke(event), Vec::<String>::new());
    }
    assert_eq!(spoke(exec("/tmp/miner").inside().event()), ["new-program-of-web"]);
    assert_eq!(spoke(open("/etc/passwd", "O_WRONLY").inside().event()), ["new-file-written-of-web"]);
    assert_eq!(spoke(connect("203.0.113.9:4444").inside().event()), ["new-connection-of-web"]);
    // Another image is not this workload.
    assert!(spoke(exec("/tmp/miner").inside().image("registry.example/other").event()).is_empty());
}

#[test]
fn seccomp_refuses_what_is_dangerous_or_watched_and_was_not_seen() {
    let watched = watched(&["chroot", "execve", "fchown", "ptrace", "mkdir"]);
    let learned = learn(&[], "web", watched, &observed(day()));
    let allowed: Vec<&str> = learned.seccomp["syscalls"][0]["names"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    let check = |name: &str, expected: bool| assert_eq!(allowed.contains(&name), expected, "{name}");
    check("read", true);
    check("futex", true);
    check("execve", true);
    check("fchown", true);
    check("umount2", true);
    check("chroot", false);
    check("mkdir", false);
    check("ptrace", false);
    check("bpf", false);
    check("init_module", false);
    check("procexit", false);
    check("io_uring", false);
    assert_eq!(learned.seccomp["defaultAction"], "SCMP_ACT_ERRNO");
}

#[test]
fn capabilities_are_those_that_calls_needed() {
    let learned = learn(&[], "web", EventTypes::default(), &observed(day()));
    let set = &learned.capabilities;
    assert_eq!(set.add, ["CHOWN"]);
    assert_eq!((set.needed[0].call.as_str(), set.needed[0].times), ("fchown", 1));
    assert_eq!(set.undecided, ["KILL"]);
    assert_eq!(set.unused, ["NET_RAW"]);
    assert!(
        learned.gaps.iter().any(|gap| gap.contains("do not say which capabilities")),
        "{:?}",
        learned.gaps
    );
}

#[test]
fn exceptions_hold_whatever_a_name_contains() {
    let rules = "- rule: Read\n  desc: d\n  condition: evt.type = openat\n  output: o\n  priority: NOTICE\n- list: x\n  items: [y]\n";
    for path in
        ["/a, b", "/a\"b", "/a\\b", "/(a)", "x", "/a\nb: c", "/é\u{1b}[31m", "'quoted'", "(x)", "- rule: z"]
    {
        let events = observed(vec![open(path, "O_RDONLY").inside().event()]);
        let learned = learn(&[("rules.yaml", rules)], "web", EventTypes::default(), &events);
        let loaded = load(&[("rules.yaml", rules), ("learned.yaml", &learned.exceptions)]);
        assert!(!loaded.has_errors(), "{path:?} {:?}", loaded.diagnostics);
        let mut engine = Engine::new(loaded, Matching::All);
        assert!(engine.observe_any(&events[0]).is_empty(), "{path:?}\n{}", learned.exceptions);
        let other = open("/other", "O_RDONLY").inside().event();
        assert_eq!(engine.observe(&other).len(), 1, "{path:?}\n{}", learned.exceptions);
    }
}

#[test]
fn many_objects_are_excepted_by_what_they_begin_with() {
    let rules = "- rule: Write\n  desc: d\n  condition: evt.type = openat\n  output: o\n  priority: NOTICE\n";
    let files =
        |from: usize| (from..from + 20).map(|n| open(&format!("/srv/data/{n}"), "O_WRONLY").inside().event());
    let learned = learn(&[("r.yaml", rules)], "web", EventTypes::default(), &observed(files(0).collect()));
    let mut engine =
        Engine::new(load(&[("r.yaml", rules), ("learned.yaml", &learned.exceptions)]), Matching::All);
    assert!(files(100).all(|event| engine.observe(&event).is_empty()), "{}", learned.exceptions);
    assert_eq!(engine.observe(&open("/etc/passwd", "O_WRONLY").inside().event()).len(), 1);
}
