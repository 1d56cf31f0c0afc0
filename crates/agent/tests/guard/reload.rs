//! Rules change while the guard runs.

use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use seawall_agent::RuleFile;

use crate::running::{Running, Setup};

/// `settled` is asked in every version; `touched` has the version in its output.
fn rules(version: &str) -> String {
    format!(
        "- rule: settled\n  desc: d\n  condition: evt.type = execve and proc.name = grep\n  \
         output: '{version} %proc.cmdline'\n  priority: NOTICE\n"
    )
}

#[test]
fn a_reload_loses_no_event_and_a_mistake_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rules.yaml");
    std::fs::write(&path, rules("first")).unwrap();
    let Some(mut guard) = Running::start(Setup::of(vec![RuleFile::Path(path.clone())])) else { return };
    let grep = |mark: &str| {
        Command::new("grep").args(["x", mark]).stdin(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    };
    let mut number = 0;
    let mut until = |guard: &mut Running, said: &str| {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let mark = format!("reload-{number}.");
            grep(&mark);
            number += 1;
            if guard.of(&mark).iter().any(|alert| alert.happened.output.starts_with(said)) {
                return;
            }
            assert!(Instant::now() < end, "{said} is never said");
        }
    };
    until(&mut guard, "first");
    // By its own look at the file.
    std::fs::write(&path, rules("second")).unwrap();
    until(&mut guard, "second");
    // A mistake is refused, and when it is asked for at once.
    std::fs::write(&path, rules("third").replace("proc.name", "proc.nmae")).unwrap();
    guard.reload.store(true, Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(1500));
    until(&mut guard, "second");
    std::fs::write(&path, rules("fourth")).unwrap();
    until(&mut guard, "fourth");
    let (counts, alerts) = guard.end_with_alerts();
    for number in 0..number {
        let mark = format!("reload-{number}.");
        let told = alerts.iter().filter(|alert| alert.happened.output.contains(&mark)).count();
        assert_eq!(told, 1, "{mark}");
    }
    assert!(counts.reloads >= 2 && counts.reloads_refused >= 1, "{counts:?}");
}
