//! Our own keys: count, dedup, scope, sequence; and what a finding holds.

use seawall_detect::{Engine, Matching, load};
use seawall_finding::{
    Evidence, FieldValue, Framework, Happened, Priority, ProcessIdentity, Severity, Subject,
};

use crate::made::{Made, exec, open};

fn engine(keys: &str) -> Engine {
    let text = format!(
        "- rule: Shell started\n  desc: d\n  output: shell=%proc.name of %fd.name tty=%proc.tty\n  priority: WARNING\n  tags: [x, T1059.004, TA0002, mitre_execution]\n{keys}\n"
    );
    let condition = if keys.contains("condition:") { "" } else { "  condition: proc.name = sh\n" };
    let loaded = load(&[("rules.yaml", &format!("{text}{condition}"))]);
    assert_eq!(loaded.rules.len(), 1, "{:?}", loaded.diagnostics);
    Engine::new(loaded, Matching::First)
}

/// How many events each finding stands for, event by event.
fn observed(engine: &mut Engine, events: &[Made]) -> Vec<u64> {
    let events_of = |made: &Made| {
        engine.observe(&made.clone().event()).first().map_or(0, |finding| happened(&finding.evidence).events)
    };
    events.iter().map(events_of).collect()
}

fn happened(evidence: &Evidence) -> &Happened {
    evidence.happened().unwrap()
}

#[test]
fn a_finding_has_everything_that_whoever_reads_it_needs() {
    let mut engine = engine("  respond: [kill]");
    let mut event = exec("sh -c \x1b[31mred").below(&["bash", "sshd -D"]).inside().event();
    let process = std::sync::Arc::make_mut(event.process.as_mut().unwrap());
    (process.pid, process.start_ns) = (Some(4711), Some(9));
    let found = engine.observe(&event);
    let finding = &found[0];
    assert_eq!(finding.rule, "shell-started");
    assert_eq!(finding.severity, Severity::Medium);
    assert_eq!(finding.summary, "shell=sh of <NA> tty=0");
    assert_eq!(finding.subject, Subject::Container { engine: "docker".to_owned(), name: "web-1".to_owned() });
    let controls: Vec<(Framework, &str)> =
        finding.controls.iter().map(|control| (control.framework, control.id.as_str())).collect();
    assert_eq!(controls, [(Framework::MitreAttack, "T1059.004"), (Framework::MitreAttack, "TA0002")]);
    let happened = happened(&finding.evidence);
    assert_eq!(happened.priority, Priority::Warning);
    assert_eq!(happened.lineage, ["sh -c \x1b[31mred", "bash", "sshd -D"]);
    assert_eq!(happened.fields["proc.name"], FieldValue::Text("sh".to_owned()));
    assert_eq!(happened.fields["fd.name"], FieldValue::Null);
    assert_eq!(happened.fields["proc.tty"], FieldValue::Number(0));
    assert_eq!(happened.time, "2026-11-28T00:00:01.500000000Z");
    // Whoever responds meets this process and no other.
    assert_eq!(happened.process, Some(ProcessIdentity { pid: 4711, start_ns: Some(9) }));
    assert_eq!(happened.container.as_ref().map(|container| container.name.as_str()), Some("web-1"));
    assert_eq!(happened.respond, ["kill"]);
    // The same thing a minute later is the same finding.
    let again = engine.observe(&exec("sh -c x").below(&["bash"]).inside().later(60).event());
    assert_eq!(again[0].fingerprint(), finding.fingerprint());
}

#[test]
fn outputs_show_fields_and_nothing_that_a_terminal_obeys() {
    let check = |output: &str, made: Made, expected: &str| {
        let text = format!(
            "- rule: r\n  desc: d\n  priority: INFO\n  condition: evt.num > 0\n  output: '{output}'\n"
        );
        let loaded = load(&[("rules.yaml", &text)]);
        assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
        let found = Engine::new(loaded, Matching::All).observe(&made.event());
        assert_eq!(found[0].summary, expected);
    };
    check("a %proc.name b", exec("sh"), "a sh b");
    check("*a %proc.pname.", exec("sh").below(&[]), "a <NA>.");
    check("%proc.name.", exec("sh"), "sh.");
    check("%proc.name/%proc.tty", exec("sh"), "sh/0");
    check("%proc.aname[2]", exec("sh").below(&["a", "b"]), "b");
    check("%evt.arg[0] %evt.arg.name", open("/x", "O_RDONLY"), "/x /x");
    check("%toupper(proc.name)!", exec("sh"), "SH!");
    check("100 %% (%proc.name)", exec("sh"), "100 % (sh)");
    check("%evt.type %evt.time", exec("sh"), "execve 00:00:01.500000000");
    check("%proc.cmdline", exec("sh a\nb\x1b[2J\u{202e}c"), "sh a\\nb\\u{1b}[2J\\u{202e}c");
    check("%container.id", exec("sh"), "host");
    check("%proc.aname", exec("sh").below(&["a", "b"]), "a->b");
}

#[test]
fn a_count_is_reached_within_its_time_and_for_each_key() {
    let mut engine = engine("  count: 3\n  within: 10s\n  per: [container.id, user.name]");
    let sh = || exec("sh");
    assert_eq!(observed(&mut engine, &[sh(), sh(), sh(), sh(), sh(), sh()]), [0, 0, 3, 0, 0, 3]);
    assert_eq!(observed(&mut engine, &[sh(), sh().later(6), sh().later(12), sh().later(15)]), [0, 0, 0, 3]);
    let other = || exec("sh").user(1000, "alice").later(100);
    assert_eq!(observed(&mut engine, &[sh().later(100), other(), sh().later(100), other()]), [0, 0, 0, 0]);
    assert_eq!(observed(&mut engine, &[other(), sh().later(100)]), [3, 3]);
}

#[test]
fn a_rule_that_spoke_is_silent_and_counts_what_it_left_out() {
    let mut engine = engine("  dedup: {within: 10s, per: [container.id]}");
    let sh = |seconds| exec("sh").later(seconds);
    assert_eq!(observed(&mut engine, &[sh(0), sh(1), sh(2), sh(10), sh(11), sh(12)]), [1, 0, 0, 0, 4, 0]);
    assert_eq!(observed(&mut engine, &[exec("sh").inside()]), [1]);
    // A clock that jumps back by a day makes nothing silent for a day.
    assert_eq!(observed(&mut engine, &[sh(86_400), sh(20), sh(21)]), [2, 1, 0]);
}

#[test]
fn a_scope_is_a_condition() {
    let mut engine =
        engine("  scope: {image: ['registry.example/*', 'x'], namespace: prod, label: {team: 'pay*'}}");
    let inside = || exec("sh").inside().namespace("prod").label("team", "payments");
    assert_eq!(observed(&mut engine, &[inside()]), [1]);
    assert_eq!(observed(&mut engine, &[inside().image("docker.io/x"), inside().namespace("dev")]), [0, 0]);
    assert_eq!(
        observed(&mut engine, &[inside().label("team", "web"), exec("sh"), exec("sh").inside()]),
        [0, 0, 0]
    );
}

#[test]
fn a_sequence_is_steps_in_their_order_on_the_same_thing() {
    let keys = "  condition: evt.type = execve\n  sequence:\n    - condition: evt.type = openat and evt.is_open_write = true\n      bind: fd.name\n  bind: proc.exepath\n  within: 1m\n  per: container.id";
    let mut engine = engine(keys);
    let write = || open("/usr/bin/drop", "O_CREAT|O_WRONLY");
    let run = || exec("/usr/bin/drop");
    assert_eq!(
        observed(&mut engine, &[run(), write(), exec("/usr/bin/other"), run(), run()]),
        [0, 0, 0, 1, 0]
    );
    assert_eq!(observed(&mut engine, &[write(), run().later(61)]), [0, 0]);
    let later = |made: Made| made.later(1000);
    let events = [write().inside(), run(), run().inside()].map(later);
    assert_eq!(observed(&mut engine, &events), [0, 0, 1]);
    let read = open("/usr/bin/drop", "O_RDONLY");
    assert_eq!(observed(&mut engine, &[read, run().later(200)]), [0, 0]);
}

#[test]
fn keys_are_forgotten_before_memory_is_full() {
    let mut engine = engine("  dedup: {within: 1d, per: [proc.pid]}\n  condition: proc.name = sh");
    for pid in 0..30_000 {
        let mut event = exec("sh").later(pid).event();
        std::sync::Arc::get_mut(event.process.as_mut().unwrap()).unwrap().pid = Some(pid as i64);
        assert_eq!(engine.observe(&event).len(), 1);
    }
    assert!(engine.forgotten() > 10_000, "{}", engine.forgotten());
}

#[test]
fn first_or_all_rules_speak() {
    let rule = |name: &str| {
        format!("- rule: {name}\n  desc: d\n  output: o\n  priority: INFO\n  condition: evt.type = execve\n")
    };
    let off = format!("{}  enabled: false\n", rule("c"));
    let text = format!("{}{}{off}", rule("a"), rule("b"));
    let rules = |matching| {
        let mut engine = Engine::new(load(&[("rules.yaml", &text)]), matching);
        engine.observe(&exec("sh").event()).into_iter().map(|finding| finding.rule).collect::<Vec<_>>()
    };
    assert_eq!(rules(Matching::First), ["a"]);
    assert_eq!(rules(Matching::All), ["a", "b"]);
}

#[test]
fn distinct_counts_different_values() {
    let mut engine = engine("  count: 3\n  distinct: fd.name\n  within: 10s");
    let file = |name: &str, seconds| open(name, "O_RDONLY").by("sh").later(seconds);
    let same = [file("/a", 0), file("/a", 1), file("/a", 2), file("/b", 3), exec("sh"), file("/c", 4)];
    assert_eq!(observed(&mut engine, &same), [0, 0, 0, 0, 0, 3]);
    // What is too old counts no more, what came again is as young as its last time.
    let slow = [file("/a", 100), file("/b", 108), file("/a", 109), file("/c", 115)];
    assert_eq!(observed(&mut engine, &slow), [0, 0, 0, 3]);
}
