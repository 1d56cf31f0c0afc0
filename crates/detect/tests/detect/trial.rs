//! Cases of events against rules: the two ways to write them, and what is told of one that fails.

use seawall_detect::{Case, Engine, Matching, Outcome, load};

const RULES: &str = "
- rule: Shell
  desc: d
  condition: evt.type = execve and proc.name = sh
  output: shell %proc.name tty=%proc.tty in %container.id
  priority: NOTICE
- rule: Three shells
  desc: d
  condition: evt.type = execve and proc.name = sh
  output: three
  priority: NOTICE
  count: 3
  within: 10s
- rule: Pod made
  desc: d
  source: k8s_audit
  condition: ka.verb = create and ka.target.resource = pods
  output: pod by %ka.user.name
  priority: NOTICE
";

fn cases(text: &str, expected: &[&str]) -> Result<Vec<Case>, String> {
    let expected: Vec<String> = expected.iter().map(|rule| (*rule).to_owned()).collect();
    let capture = |name: &str| match name {
        "shells.jsonl" => Ok(SHELLS.to_owned()),
        _ => Err("it is not there".to_owned()),
    };
    Case::read("cases", text, &expected, &capture).map_err(|error| error.to_string())
}

const SHELLS: &str = r#"{"type":"execve","result":0,"time_ns":1,"process":{"name":"sh"}}
{"type":"execve","result":0,"time_ns":2,"process":{"name":"sh"}}

{"kind":"EventList","items":[{"auditID":"1","stageTimestamp":"2026-11-28T00:00:01Z","verb":"create","user":{"username":"eve"},"objectRef":{"resource":"pods"}}]}
"#;

fn run(text: &str, expected: &[&str]) -> Vec<Outcome> {
    let mut engine = Engine::new(load(&[("rules.yaml", RULES)]), Matching::All);
    cases(text, expected).unwrap().iter().map(|case| case.run(&mut engine)).collect()
}

/// One case in YAML: its events and what is expected; what is told of it.
fn check(events: &str, alerts: &str, failures: &[&str]) {
    let outcomes = run(&format!("- name: a case\n  events:\n{events}\n  alerts: {alerts}\n"), &[]);
    assert_eq!(outcomes[0].failures, failures, "{events} {alerts}");
}

#[test]
fn alerts_are_compared_with_all_that_speak() {
    let shell = "    - {type: execve, result: 0, container: {id: abc}, process: {name: sh, tty: 0}}";
    let other = "    - {type: execve, process: {name: ls}}";
    check(shell, "Shell", &[]);
    check(shell, "[Shell]", &[]);
    check(other, "none", &[]);
    check(other, "[]", &[]);
    check(other, "Shell", &["`Shell` is silent"]);
    check(shell, "none", &["`Shell` speaks, which nobody expects"]);
    check(shell, "[Shell, Shell]", &["`Shell` is silent"]);
    check(&format!("{shell}\n{shell}"), "[Shell, Shell]", &[]);
    check(&format!("{shell}\n{shell}\n{shell}"), "[Shell, Three shells, Shell, Shell]", &[]);
    check(shell, "[{rule: Shell, fields: {proc.name: sh, proc.tty: 0}, output: in abc}]", &[]);
    check(
        shell,
        "[{rule: Shell, fields: {container.id: x}}]",
        &["`container.id` of `Shell` is \"abc\", expected \"x\""],
    );
    check(shell, "[{rule: Shell, fields: {fd.name: x}}]", &["the output of `Shell` does not show `fd.name`"]);
    check(
        shell,
        "[{rule: Shell, output: of abc}]",
        &["`Shell` says \"shell sh tty=0 in abc\", without \"of abc\""],
    );
    check(other, "Sehll", &["no rule `Sehll` is loaded, did you mean `Shell`?", "`Sehll` is silent"]);
}

#[test]
fn recordings_and_audit_logs_are_tested() {
    let failures = |text: &str, expected: &[&str]| run(text, expected)[0].failures.clone();
    assert!(failures(SHELLS, &["Shell", "Shell", "Pod made"]).is_empty());
    assert_eq!(failures(SHELLS, &["Shell", "Shell"]), ["`Pod made` speaks, which nobody expects"]);
    assert!(failures("- {capture: shells.jsonl, alerts: [Shell, Shell, Pod made]}\n", &[]).is_empty());
    let case = r#"{"rule":"Three shells","fires":true,"before":[EVENT,EVENT],"event":EVENT}"#;
    let event = r#"{"type":"execve","result":0,"process":{"name":"sh"}}"#;
    let case = case.replace("EVENT", event);
    assert!(failures(&case, &[]).is_empty());
    assert_eq!(failures(&case.replace("true", "false"), &[]), ["`Three shells` speaks"]);
    let early = case.replacen("[", &format!("[{event},"), 1);
    assert_eq!(failures(&early, &[]), ["`Three shells` speaks at event 3 of 4 already"]);
}

#[test]
fn what_is_no_case_is_told_with_its_line() {
    let check = |text: &str, expected: &str| {
        let error = cases(text, &[]).map(|cases| cases.len()).unwrap_err();
        assert!(error.contains(expected), "{error}");
    };
    check("", "cases:1: this file has no cases");
    check("- {alerts: none}\n", "cases:1: a case has an `event`, `events` or a `capture`");
    check("- {event: {type: execve}}\n", "cases:1: a case has `alerts`, or a `rule` and whether it `fires`");
    check(
        "\n- {event: {type: exeve}, alerts: none}\n",
        "cases:2: event 1 of the case: this is no event: `exeve`",
    );
    check("- {event: {type: execve, colour: red}, alerts: none}\n", "unknown field `colour`");
    check("- {evnet: {}, alerts: none}\n", "unknown field `evnet`");
    check("- {capture: other.jsonl, alerts: none}\n", "cannot read other.jsonl: it is not there");
    check("- [1\n", "cases:");
    check(SHELLS, "say with `--expect RULE`");
    check("{\"rule\":\"Shell\",\"fires\":true,\"event\":{\"type\":\"execve\"}}\n{\"rule\":", "cases:2: ");
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    check(&format!("- {{event: {deep}, alerts: none}}\n"), "nested");
    let first = "{\"rule\":\"Shell\",\"fires\":true,\"event\":{\"type\":\"execve\"}}";
    check(&format!("{first}\n{{\"event\":{deep}}}"), "cases:2: recursion limit");
}
