//! `seawall rules` as a user meets it.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]
#![expect(dead_code, reason = "this test needs a part of what tests of the binary share")]

use std::path::Path;

use serde_json::Value;

#[path = "place/place.rs"]
mod place;

use place::Place;

const SHELL: &str = "- rule: Shell\n  desc: d\n  condition: evt.type = execve and proc.name = sh\n  output: shell\n  priority: NOTICE\n";

const EVENT: &str = r#"{"type":"execve","result":0,"process":{"name":"sh","exe_path":"/bin/sh"},"container":{"id":"abc","name":"web"}}"#;

fn own_events(subject: &str) -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/guard");
    directory.join(format!("{subject}.events.jsonl")).display().to_string()
}

#[test]
fn rules_are_listed_for_people_programs_and_the_reference() {
    let place = Place::new();
    let (out, _) = place.check(&["rules", "list"], 0);
    assert!(out.contains("Critical      Program run from memory"), "{out}");
    assert!(out.ends_with("137 rules\n"), "{out}");
    let rules = place.write("rules.yaml", SHELL);
    let (out, _) = place.check(&["rules", "list", "--rules", &rules, "--format", "json"], 0);
    let listed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(listed[0]["id"], "shell");
    assert_eq!(listed[0]["events"], serde_json::json!(["execve"]));
    let (out, _) = place.check(&["rules", "list", "--markdown"], 0);
    let kept = include_str!("../../../docs/rules-guard.md");
    assert!(out == kept, "run `seawall rules list --markdown > docs/rules-guard.md`");
    let (out, _) = place.check(&["explain", "Program run from memory"], 0);
    assert!(out.starts_with("Program run from memory (program-run-from-memory)\n"), "{out}");
    place.check(&["rules", "list", "--rules", &place.write("bad.yaml", "- rule: x\n  desc: d\n")], 2);
}

#[test]
fn tests_pass_or_fail_with_a_reason_in_every_format() {
    let place = Place::new();
    let (out, _) = place.check(&["rules", "test", &own_events("shells"), &own_events("miners")], 0);
    assert!(out.ends_with("46 cases, 0 failed\n"), "{out}");
    let rules = place.write("rules.yaml", SHELL);
    place.write("day.jsonl", EVENT);
    let cases = format!(
        "- {{name: \"<fine> & good\", event: {EVENT}, alerts: Shell}}\n- {{capture: day.jsonl, alerts: none}}\n"
    );
    let cases = place.write("cases.yaml", cases);
    let junit = place.path("junit.xml").display().to_string();
    let arguments = [
        "rules",
        "test",
        "--rules",
        &rules,
        &cases,
        "--format",
        "json",
        "--format",
        &format!("junit={junit}"),
    ];
    let (out, _) = place.check(&arguments, 1);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["passed"], &report["failed"]), (&Value::from(1), &Value::from(1)));
    assert_eq!(report["cases"][1]["failures"][0], "`Shell` speaks, which nobody expects");
    let junit = std::fs::read_to_string(junit).unwrap();
    assert!(junit.contains(r#"<testcase name="&lt;fine&gt; &amp; good""#), "{junit}");
    assert!(junit.contains(r#"<failure message="`Shell` speaks, which nobody expects"/>"#), "{junit}");
    let day = place.path("day.jsonl").display().to_string();
    place.check(&["rules", "test", "--rules", &rules, "--expect", "Shell", &day], 0);
    place.check(&["rules", "test", "--rules", &rules, "--expect", "none", &day], 1);
    let (_, err) = place.check(&["rules", "test", "--rules", &rules, &day], 2);
    assert!(err.contains("--expect"), "{err}");
}

#[test]
fn a_rule_is_explained() {
    let place = Place::new();
    let event = format!("{}:2", own_events("miners"));
    let (out, _) = place.check(&["rules", "explain", &event, "Known miner started"], 0);
    assert!(out.contains("does not match this execve"), "{out}");
    assert!(out.contains("no  one of 2\n"), "{out}");
    assert!(out.contains("no    proc.name in (miner_names)   proc.name is \"nginx\"\n"), "{out}");
    assert!(out.contains("yes starts_program (macro)\n"), "{out}");
    let event = format!("{}:1", own_events("miners"));
    let (out, _) = place.check(&["rules", "explain", &event, "known-miner-started", "--format", "json"], 0);
    let tree: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(tree["holds"], true);
    assert_eq!(tree["tree"]["branches"][1]["branches"][0]["matched"]["list"], "miner_names");
    for wrong in ["nothing", "/does/not/exist:1", &format!("{}:999", own_events("miners"))] {
        place.check(&["rules", "explain", wrong, "Known miner started"], 2);
    }
    let (_, err) = place.check(&["rules", "explain", &event, "Known minor started"], 2);
    assert!(err.contains("did you mean `Known miner started`?"), "{err}");
}

#[test]
fn a_denial_that_no_kernel_can_decide_is_found_without_one() {
    let place = Place::new();
    let check = |condition: &str, code: i32, expected: &str| {
        let rule = format!(
            "- rule: r\n  desc: d\n  condition: {condition}\n  output: o\n  priority: NOTICE\n  respond: [deny]\n"
        );
        let (out, _) = place.check(&["rules", "check", &place.write("deny.yaml", rule)], code);
        assert!(out.contains(expected), "{out}");
    };
    check("evt.type = execve and proc.exepath = /bin/nc", 0, "1 rules");
    check("evt.type = execve and proc.name = nc", 2, "proc.name");
}

#[test]
fn what_a_workload_does_is_learned() {
    let place = Place::new();
    let rules = place.write("rules.yaml", SHELL);
    let day =
        place.write("day.jsonl", format!("{EVENT}\n{}\n", EVENT.replace("web", "other").replace("sh", "id")));
    let output = place.path("learned").display().to_string();
    let learn =
        ["rules", "learn", "--rules", &rules, "--from", &day, "--container", "web", "--output", &output];
    let (out, _) = place.check(&learn, 0);
    assert!(out.starts_with("1 events, 1 programs"), "{out}");
    let exceptions = format!("{output}/exceptions.yaml");
    place.check(&["rules", "check", &rules, &exceptions], 0);
    let (out, _) = place
        .check(&["rules", "test", "--rules", &rules, "--rules", &exceptions, "--expect", "none", &day], 0);
    assert!(out.ends_with("1 cases, 0 failed\n"), "{out}");
    let seccomp: Value =
        serde_json::from_str(&std::fs::read_to_string(format!("{output}/seccomp.json")).unwrap()).unwrap();
    assert_eq!(seccomp["syscalls"][0]["action"], "SCMP_ACT_ALLOW");
    let nobody = ["rules", "learn", "--from", &day, "--container", "nobody", "--output", &output];
    let (_, err) = place.check(&nobody, 2);
    assert!(err.contains("no events of this workload"), "{err}");
}
