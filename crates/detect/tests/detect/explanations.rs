//! Why a rule speaks or not: what decided, where conditions came from, what is absent.

use seawall_detect::{Branch, ExplainError, Explanation, Matching, Observed, Part, explain, load};
use seawall_event::Event;

use crate::made::{call, exec, open};
use crate::official::{SYSCALL, official_files};

const RULES: &str = "
- list: shells
  items: [sh, bash]
- list: programs
  items: [shells, python3]
- macro: starts
  condition: evt.type in (execve, execveat)
- rule: Shell
  desc: d
  condition: starts and proc.name in (programs) and not (user.name = root or proc.pname != cron)
  output: o
  priority: NOTICE
  exceptions:
    - {name: known, fields: [proc.name, proc.args], comps: [=, startswith], values: [[bash, x]]}
  scope: {image: [registry.example/*]}
- rule: Off
  desc: d
  condition: starts and proc.name contains anyof (a, sh)
  output: o
  priority: NOTICE
  enabled: false
  count: 3
  within: 90s
";

fn explained(rule: &str, event: Event) -> Explanation {
    explain(&[("rules.yaml", RULES)], rule, &Observed::Call(Box::new(event))).unwrap()
}

fn check(event: Event, holds: bool, decided_by: &[&str]) {
    let explanation = explained("Shell", event);
    assert_eq!(explanation.decided_by, decided_by);
    assert_eq!(explanation.holds, holds);
}

#[test]
fn the_comparisons_that_decided_are_named() {
    let ada = |line: &str| exec(line).user(1000, "ada").below(&["cron"]).inside();
    check(ada("ls").event(), false, &["proc.name in (programs)"]);
    check(exec("sh").below(&["cron"]).inside().event(), false, &["user.name = root"]);
    check(ada("sh").below(&["init"]).event(), false, &["proc.pname != cron"]);
    check(ada("bash x").event(), false, &["proc.name = bash", "proc.args startswith x"]);
    check(
        ada("sh").image("other/x").event(),
        false,
        &["container.image.repository glob \"registry.example/*\""],
    );
    let all = [
        "evt.type in (execve, execveat)",
        "proc.name in (programs)",
        "user.name = root",
        "proc.pname != cron",
        "proc.name = bash",
        "proc.args startswith x",
        "container.image.repository glob \"registry.example/*\"",
    ];
    check(ada("sh").event(), true, &all);
}

/// All branches, from the top.
fn branches<'b>(branch: &'b Branch, all: &mut Vec<&'b Branch>) {
    all.push(branch);
    branch.branches.iter().for_each(|inner| branches(inner, all));
}

#[test]
fn values_lists_and_what_is_absent_are_shown() {
    // No parent: `!=` compares false.
    let explanation = explained("Shell", exec("bash").user(1, "daemon").below(&[]).inside().event());
    assert!(explanation.holds);
    let mut all = Vec::new();
    branches(&explanation.tree, &mut all);
    let asked = |condition: &str| {
        let found = all.iter().find_map(|branch| {
            let Part::Asked(asked) = &branch.part else { return None };
            (asked.condition == condition).then_some((branch.holds, asked))
        });
        found.unwrap()
    };
    let (holds, program) = asked("proc.name in (programs)");
    let matched = program.matched.as_ref().unwrap();
    assert_eq!((holds, program.value.as_deref()), (true, Some("bash")));
    assert_eq!((matched.item.as_str(), matched.list.as_deref()), ("bash", Some("programs")));
    let (holds, parent) = asked("proc.pname != cron");
    assert_eq!((holds, parent.value.as_deref()), (false, None));
    assert!(all.iter().any(|branch| matches!(&branch.part, Part::Macro { name } if name == "starts")));
    assert!(all.iter().any(|branch| matches!(&branch.part, Part::Exception { name } if name == "known")));
}

#[test]
fn notes_say_what_the_condition_does_not() {
    let explanation = explained("off", exec("zsh").event());
    let (mut all, expected) =
        (Vec::new(), "it speaks when 3 events came within 90s; one event is not enough");
    branches(&explanation.tree, &mut all);
    assert!(explanation.notes.iter().any(|note| note == expected), "{:?}", explanation.notes);
    assert!(explanation.notes.iter().any(|note| note == "the rule is switched off"));
    let matched = all.iter().find_map(|branch| {
        let Part::Asked(asked) = &branch.part else { return None };
        asked.matched.as_ref().filter(|matched| matched.item == "sh")
    });
    assert!(matched.is_some());
    let broken =
        [("b.yaml", "- rule: b\n  desc: d\n  condition: proc.nmae = x\n  output: o\n  priority: INFO\n")];
    let error = |rule: &str| explain(&broken, rule, &Observed::Call(Box::default())).unwrap_err();
    assert!(matches!(error("b"), ExplainError::Broken(told) if told.message.contains("proc.nmae")));
    assert!(matches!(error("c"), ExplainError::Unknown { .. }));
}

#[test]
fn hostile_rules_end() {
    let mut text = "- macro: m0\n  condition: proc.name = x\n".to_owned();
    for n in 1..60 {
        let before = n - 1;
        text += &format!("- macro: m{n}\n  condition: (m{before} or m{before}) and not m{before}\n");
    }
    text += "- rule: r\n  desc: d\n  condition: m59\n  output: o\n  priority: INFO\n";
    text += "- macro: a\n  condition: b\n- macro: b\n  condition: a\n";
    text += "- rule: circle\n  desc: d\n  condition: b\n  output: o\n  priority: INFO\n";
    for rule in ["r", "circle"] {
        let error = explain(&[("r.yaml", &text)], rule, &Observed::Call(Box::default())).unwrap_err();
        assert!(matches!(error, ExplainError::Broken(_)), "{error}");
    }
}

#[test]
fn official_rules_are_explained_as_the_engine_answers() {
    let Some(files) = official_files(&SYSCALL) else { return };
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let mut engine = seawall_detect::Engine::new(load(&files), Matching::All);
    for event in [
        exec("sh -c id").inside().tty(34816).below(&["runc"]).event(),
        open("/etc/shadow", "O_RDONLY").by("python3").event(),
        call("ptrace").event(),
    ] {
        let matching: Vec<usize> = engine.matches(&event).collect();
        let observed = Observed::Call(Box::new(event));
        for (index, rule) in engine.rules().iter().enumerate().step_by(7) {
            let explanation = explain(&files, &rule.name, &observed).unwrap();
            let matches = matching.contains(&index);
            assert_eq!(explanation.holds, matches || !rule.enabled && explanation.holds, "{}", rule.name);
        }
    }
}
