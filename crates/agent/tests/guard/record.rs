//! What is recorded gives, replayed, what the machine gave.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;

use seawall_agent::{Counts, RuleFile, replay};
use seawall_detect::Matching;
use seawall_finding::Denial;

use crate::running::{Alert, Channel, Running, Setup, judgement};

const RULES: &str = r"
- rule: settled
  desc: d
  condition: evt.type = execve and proc.name = grep
  output: 'grep %proc.cmdline below %proc.aname[2] by %user.name'
  priority: NOTICE
- rule: opened
  desc: d
  condition: evt.type in (open, openat) and fd.name startswith /tmp/seawall-recorded
  output: '%fd.name %evt.arg.flags %proc.cmdline of %proc.pname in %container.id at %evt.rawtime'
  priority: WARNING
- rule: connected
  desc: d
  condition: evt.type = connect and fd.sport = 9
  output: '%fd.name %evt.res %proc.exepath'
  priority: WARNING
- rule: three times
  desc: d
  condition: evt.type = unlink
  output: '%evt.arg.path'
  priority: INFO
  count: 3
  within: 1m
";

pub(crate) fn replayed(file: &Path, rules: Vec<RuleFile>) -> (Counts, Vec<Alert>) {
    let (sender, alerts) = channel();
    let sink = Box::new(Channel(sender));
    let counts = replay(file, judgement(rules, Matching::First), vec![sink]).unwrap();
    (counts, alerts.try_iter().collect())
}

#[test]
fn a_replay_finds_what_the_machine_found() {
    let rules = || vec![RuleFile::BuiltIn("own.yaml", RULES)];
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("events.jsonl");
    let Some(mut guard) = Running::start(Setup { record: Some(file.clone()), ..Setup::of(rules()) }) else {
        return;
    };
    let script = "open(F, '>', '/tmp/seawall-recorded'); $a = pack('S n a4 x8', 2, 9, \"\\x7f\\0\\0\\1\"); \
        socket(C, 2, 1, 0); connect(C, $a); for (1..3) { open(F, '>', '/tmp/seawall-recorded'); unlink('/tmp/seawall-recorded') } \
        fork || open(F, '<', '/tmp/seawall-recorded'); wait";
    Command::new("perl").args(["-e", script]).stdin(Stdio::null()).status().unwrap();
    assert!(!guard.of("/tmp/seawall-recorded").is_empty());
    let (counts, live) = guard.end_with_alerts();
    let rules_of_live: std::collections::BTreeSet<&str> =
        live.iter().map(|alert| alert.rule.as_str()).collect();
    assert_eq!(rules_of_live.len(), 4, "{rules_of_live:?}");
    let (again, alerts) = replayed(&file, rules());
    assert_eq!(again.gaps, []);
    assert_eq!(again.asked, counts.asked);
    assert_eq!(again.alerts, counts.alerts);
    for (live, again) in live.iter().zip(&alerts) {
        assert_eq!(live.judged, again.judged);
    }
    assert_eq!(live.len(), alerts.len());
    is_hostile(&file, rules);
}

/// The same recording, cut off and forged in many ways.
fn is_hostile(file: &Path, rules: impl Fn() -> Vec<RuleFile>) {
    let text = std::fs::read(file).unwrap();
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count();
    let changed = |bytes: &[u8]| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        replayed(file.path(), rules()).0
    };
    let cut = changed(&text[..text.len() / 2]);
    assert!(cut.gaps.iter().any(|gap| gap.reason == "the recording ends early"), "{:?}", cut.gaps);
    let mut forged = text.clone();
    forged.extend_from_slice(b"{\"event\":{\"process\":99999,\"event\":{\"type\":\"openat\"}}}\n");
    forged.extend_from_slice(
        b"{\"process\":{\"id\":1,\"parent\":1,\"is\":{}}}\n{\"event\":7}\n\xff\xfe\n\n{\n",
    );
    forged.extend_from_slice(&[b'['; 300_000]);
    forged.push(b'\n');
    forged.extend_from_slice(format!("{}\n", "[".repeat(100_000)).as_bytes());
    let forged = changed(&forged);
    assert!(forged.asked as usize <= lines + 1);
    let reasons: Vec<&str> = forged.gaps.iter().map(|gap| gap.reason.as_str()).collect();
    assert!(
        reasons.iter().any(|reason| reason.starts_with("5 lines of the recording cannot be read")),
        "{reasons:?}"
    );
    assert!(reasons.iter().any(|reason| reason.starts_with("1 numbers")), "{reasons:?}");
}

/// A recording of a machine that denied by one rule and then by another.
#[test]
fn what_the_kernel_judged_is_not_judged_again() {
    const DENIES: &str = r"
- rule: no x
  desc: d
  condition: evt.type = execve and proc.exepath = /x
  output: '%proc.cmdline'
  priority: CRITICAL
  respond: [deny]
- rule: no y
  desc: d
  condition: evt.type = execve and proc.exepath = /y
  output: '%proc.cmdline'
  priority: CRITICAL
  respond: [deny]
- rule: run
  desc: d
  condition: evt.type = execve
  output: '%proc.cmdline'
  priority: INFO
";
    let event = |beside: &str, exe: u8| {
        format!(
            "{{\"event\":{{\"process\":{exe},{beside}\"event\":{{\"type\":\"execve\",\"result\":0}}}}}}\n"
        )
    };
    let check = |lines: &[String], expected: &[(&str, Option<Denial>)], untold: u64| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let head = "{\"recording\":{\"format\":1,\"version\":\"1\",\"host\":\"h\",\"kernel\":\"6\",\"start_ns\":0}}\n\
            {\"process\":{\"id\":1,\"is\":{\"exe_path\":\"/x\"}}}\n{\"process\":{\"id\":2,\"is\":{\"exe_path\":\"/y\"}}}\n";
        let end = format!("{{\"end\":{{\"events\":{}}}}}\n", lines.len());
        write!(file, "{head}{}{end}", lines.concat()).unwrap();
        let (counts, alerts) = replayed(file.path(), vec![RuleFile::BuiltIn("own.yaml", DENIES)]);
        let told: Vec<(&str, Option<Denial>)> =
            alerts.iter().map(|alert| (alert.rule.as_str(), alert.happened.denial)).collect();
        assert_eq!((told.as_slice(), counts.denials_untold), (expected, untold));
        assert_eq!(counts.gaps, []);
    };
    let by_x = "\"denied\":{\"rule\":\"no x\",\"how\":\"killed\"},";
    let by_none = "\"denied\":{\"rule\":\"gone\",\"how\":\"refused\"},";
    let by_no_denial = "\"denied\":{\"rule\":\"run\",\"how\":\"refused\"},";
    let (denies_x, denies_y) = ("\"denies\":[\"no x\"],", "\"denies\":[\"no y\",\"run\"],");
    let (rehearsed, killed) = (Some(Denial::Rehearsed), Some(Denial::Killed));
    check(&[event("", 1), event("", 2)], &[("no x", rehearsed), ("no y", rehearsed)], 0);
    check(&[event(denies_x, 1), event(by_x, 1)], &[("run", None), ("no x", killed)], 0);
    let changing = [event(denies_x, 1), event("", 2), event(denies_y, 1), event("", 2)];
    check(&changing, &[("run", None), ("no y", rehearsed), ("no x", rehearsed), ("run", None)], 0);
    check(&[event(by_none, 1), event(by_no_denial, 1)], &[], 2);
}

#[test]
fn what_is_no_recording_is_refused() {
    let check = |text: &str, expected: &str| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let rules = vec![RuleFile::BuiltIn("own.yaml", RULES)];
        let error = replay(file.path(), judgement(rules, Matching::First), Vec::new()).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains(expected), "{source}");
    };
    check("", "no recording");
    check("{\"event\":{\"event\":{}}}\n", "no recording");
    check(
        "{\"recording\":{\"format\":9,\"version\":\"9\",\"host\":\"\",\"kernel\":\"\",\"start_ns\":0}}\n",
        "format 9",
    );
}
