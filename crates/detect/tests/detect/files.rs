//! What later items and files do to earlier ones.

use seawall_detect::{Code, Engine, Level, Loaded, Matching, load};
use seawall_finding::Priority;

use crate::made::{Made, exec};

const BASE: &str = "
- list: shells
  items: [sh]
- macro: shell
  condition: proc.name in (shells)
- rule: Shell
  desc: a shell
  condition: evt.type = execve and shell
  output: shell %proc.name
  priority: NOTICE
  tags: [a, b]
";

fn loaded(own: &str) -> Loaded {
    load(&[("base.yaml", BASE), ("own.yaml", own)])
}

/// Whether the rule fires for a program after a second file.
fn check(own: &str, made: Made, expected: bool) {
    let loaded = loaded(own);
    assert!(!loaded.has_errors(), "{own}\n{:?}", loaded.diagnostics);
    let fires = Engine::new(loaded, Matching::All).matches(&made.event()).next().is_some();
    assert_eq!(fires, expected, "{own}");
}

#[test]
fn later_items_append_to_and_replace_earlier_ones() {
    check("", exec("sh"), true);
    check("- list: shells\n  items: [bash]\n", exec("sh"), false);
    check("- list: shells\n  items: [bash]\n  override: {items: append}\n", exec("sh"), true);
    check("- list: shells\n  items: [bash]\n  override: {items: append}\n", exec("bash"), true);
    check("- list: shells\n  append: true\n  items: [bash]\n", exec("bash"), true);
    check("- list: shells\n  items: [bash]\n  override: {items: replace}\n", exec("sh"), false);
    check(
        "- macro: shell\n  condition: and user.uid = 1\n  override: {condition: append}\n",
        exec("sh"),
        false,
    );
    check("- macro: shell\n  condition: or proc.name = fish\n  append: true\n", exec("fish"), true);
    check("- macro: shell\n  condition: proc.name = fish\n", exec("sh"), false);
    check(
        "- rule: Shell\n  condition: and not user.uid = 0\n  override: {condition: append}\n",
        exec("sh"),
        false,
    );
    check("- rule: Shell\n  condition: and not user.uid = 0\n  append: true\n", exec("sh"), false);
    check(
        "- rule: Shell\n  condition: proc.name = fish\n  override: {condition: replace}\n",
        exec("fish"),
        true,
    );
    check("- rule: Shell\n  enabled: false\n", exec("sh"), false);
    check("- rule: Shell\n  enabled: false\n  override: {enabled: replace}\n", exec("sh"), false);
}

#[test]
fn other_keys_of_rules_can_be_changed() {
    let rule = |own: &str| {
        let mut loaded = loaded(own);
        assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
        loaded.rules.remove(0)
    };
    let changed = rule(
        "- rule: Shell\n  priority: critical\n  tags: [b, c]\n  output: in %container.id\n  desc: more\n  override: {priority: replace, tags: append, output: append, desc: append}\n",
    );
    assert_eq!(changed.priority, Priority::Critical);
    assert_eq!(changed.tags, ["a", "b", "c"]);
    assert_eq!(changed.output.text, "shell %proc.name in %container.id");
    assert_eq!(changed.description, "a shell more");
    let changed = rule(
        "- rule: Shell\n  capture: true\n  capture_duration: 500\n  override: {capture: replace, capture_duration: replace}\n",
    );
    assert_eq!((changed.capture, changed.capture_duration_ms), (true, Some(500)));
    assert_eq!((rule("").file.as_str(), rule("").line), ("base.yaml", 6));
}

#[test]
fn exceptions_keep_a_rule_silent() {
    let with = |exceptions: &str| {
        format!("- rule: Shell\n  exceptions:\n{exceptions}\n  override: {{exceptions: append}}\n")
    };
    let pairs = "    - name: known\n      fields: [proc.name, user.name]\n      comps: [=, in]\n      values:\n        - [sh, [root, alice]]\n        - [zsh, [x]]";
    check(&with(pairs), exec("sh"), false);
    check(&with(pairs), exec("sh").user(5, "eve"), true);
    let default =
        "    - name: known\n      fields: [proc.name, user.name]\n      values:\n        - [sh, root]";
    check(&with(default), exec("sh"), false);
    check(&with(default), exec("sh").user(5, "eve"), true);
    let single = "    - name: known\n      fields: user.name\n      values: [root, alice]";
    check(&with(single), exec("sh"), false);
    check(&with(single), exec("sh").user(5, "eve"), true);
    let starts =
        "    - name: known\n      fields: proc.cmdline\n      comps: startswith\n      values: ['sh -c']";
    check(&with(starts), exec("sh -c id"), false);
    check(&with(starts), exec("sh -x id"), true);
    let list = "    - name: known\n      fields: proc.name\n      values: [shells]";
    check(&with(list), exec("sh"), false);
    let empty = "    - name: known\n      fields: [proc.name, user.name]";
    check(&with(empty), exec("sh"), true);
    // Values are appended to an exception of the same name.
    let more = format!(
        "{}- rule: Shell\n  exceptions:\n    - name: known\n      values: [[sh, root]]\n  override: {{exceptions: append}}\n",
        with(empty)
    );
    check(&more, exec("sh"), false);
}

#[test]
fn required_versions_are_compared() {
    let check = |own: &str, is_fine: bool| {
        let loaded = loaded(own);
        assert_eq!(!loaded.has_errors(), is_fine, "{own} {:?}", loaded.diagnostics);
    };
    check("- required_engine_version: 0.57.0\n", true);
    check("- required_engine_version: \"0.63.0\"\n", true);
    check("- required_engine_version: 26\n", true);
    check("- required_engine_version: 0.64.0\n", false);
    check("- required_engine_version: 1.0.0\n", false);
    check("- required_engine_version: x\n", false);
    check("- required_plugin_versions: [{name: container, version: 0.4.0}]\n", true);
    check("- required_plugin_versions: [{name: container, version: 0.9.0}]\n", false);
    check("- required_plugin_versions: [{name: cloudtrail, version: 0.1.0}]\n", false);
    check(
        "- required_plugin_versions: [{name: x, version: 1.0.0, alternatives: [{name: json, version: 0.7.0}]}]\n",
        true,
    );
}

#[test]
fn one_bad_item_costs_that_item() {
    let own = "
- rule: Bad condition
  desc: d
  condition: proc.nmae = sh
  output: o
  priority: INFO
- rule: Bad output
  desc: d
  condition: proc.name = sh
  output: \"%proc.nmae\"
  priority: INFO
- list: broken
  items: [a
- rule: Good
  desc: d
  condition: proc.name = good
  output: o
  priority: INFO
";
    let loaded = loaded(own);
    let names: Vec<&str> = loaded.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["Shell", "Good"]);
    assert_eq!(loaded.diagnostics.iter().filter(|d| d.level == Level::Error).count(), 3);
    let codes: Vec<Code> = loaded.diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
    assert!(codes.contains(&Code::LoadErrYamlParse), "{codes:?}");
}

#[test]
fn unknown_fields_can_leave_a_rule_out() {
    let rule = |skips: bool, condition: &str| {
        format!(
            "- rule: r\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n  skip-if-unknown-filter: {skips}\n"
        )
    };
    let skipped = loaded(&rule(true, "proc.new_field = 1 and proc.name = x"));
    assert!(!skipped.has_errors());
    assert_eq!(skipped.rules.len(), 1);
    assert!(skipped.diagnostics.iter().any(|d| d.code == Code::LoadUnknownFilter));
    assert!(loaded(&rule(false, "proc.new_field = 1")).has_errors());
    assert!(loaded(&rule(true, "proc.name = ")).has_errors());
    let source =
        "- rule: r\n  desc: d\n  condition: x.y = 1\n  output: o\n  priority: INFO\n  source: okta\n";
    let loaded = loaded(source);
    assert!(!loaded.has_errors());
    assert!(loaded.diagnostics.iter().any(|d| d.code == Code::LoadUnknownSource));
}
