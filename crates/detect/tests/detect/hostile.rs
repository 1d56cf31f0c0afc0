//! Files made to hang, fill memory or overflow: each ends quickly, with an error that names the limit.

use std::fmt::Write;
use std::time::{Duration, Instant};

use seawall_detect::load;

fn check(what: &str, text: &str, message: &str) {
    let before = Instant::now();
    let loaded = load(&[("rules.yaml", text)]);
    assert!(before.elapsed() < Duration::from_secs(20), "{what} took {:?}", before.elapsed());
    let told = loaded.diagnostics.iter().any(|diagnostic| diagnostic.message.contains(message));
    assert!(told, "{what}: {:?}", loaded.diagnostics.first());
    assert!(loaded.diagnostics.len() <= 1001, "{what}");
}

fn rule(condition: &str) -> String {
    format!("- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  condition: {condition}\n")
}

#[test]
fn aliases_that_multiply() {
    let mut bomb = "- &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        writeln!(bomb, "- &a{level} [{}]", vec![before; 10].join(", ")).unwrap();
    }
    check("an alias bomb", &bomb, "values, aliases repeated");
}

#[test]
fn depth() {
    check("nested YAML", &format!("- {}{}", "[".repeat(100), "]".repeat(100)), "nested more than 32 deep");
    check("nested YAML", &format!("- {}{}", "[".repeat(99_999), "]".repeat(99_999)), "this is no YAML");
    check(
        "parentheses",
        &rule(&format!("{}proc.name = x{}", "(".repeat(9999), ")".repeat(9999))),
        "nested 128 deep",
    );
    check(
        "calls",
        &rule(&format!("{}proc.name{} = x", "tolower(".repeat(9999), ")".repeat(9999))),
        "nested 128 deep",
    );
    let mut chain = "- macro: m0\n  condition: proc.name = x\n".to_owned();
    for level in 1..3000 {
        writeln!(chain, "- macro: m{level}\n  condition: not (m{} and fd.num = {level})", level - 1).unwrap();
    }
    check("a chain of macros", &format!("{chain}{}", rule("m2999")), "nested more than 400 deep");
}

#[test]
fn macros_that_double_are_one_graph() {
    let mut chain = "- macro: m0\n  condition: proc.name = x\n".to_owned();
    for level in 1..60 {
        let before = level - 1;
        writeln!(chain, "- macro: m{level}\n  condition: (m{before} or fd.num = {level}) and (m{before} or fd.num = 1{level})").unwrap();
    }
    let loaded = load(&[("rules.yaml", &format!("{chain}{}", rule("m59")))]);
    assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
}

#[test]
fn lists_that_multiply() {
    let mut lists = "- list: l0\n  items: [a, b, c, d, e, f, g, h, i, j]\n".to_owned();
    for level in 1..9 {
        let before = vec![format!("l{}", level - 1); 10].join(", ");
        writeln!(lists, "- list: l{level}\n  items: [{before}]").unwrap();
    }
    check("lists of lists", &format!("{lists}{}", rule("proc.name in (l8)")), "items");
}

#[test]
fn regular_expressions() {
    check(
        "a counted one",
        &rule("proc.name regex '((a{1000}){1000}){1000}'"),
        "no regular expression that can be used",
    );
    check("a long one", &rule(&format!("proc.name regex '{}'", "a".repeat(5000))), "may have 4096 bytes");
    check("a broken one", &rule("proc.name regex '('"), "no regular expression that can be used");
    check("a long pattern", &rule(&format!("proc.name glob '{}'", "*a".repeat(5000))), "may have 4096 bytes");
}

#[test]
fn size() {
    check("a large file", &"#".repeat(17 * 1024 * 1024), "a rule file may have");
    check("a large condition", &rule(&"proc.name = x or ".repeat(70_000)), "a condition may have");
    let parts: Vec<String> = (0..40_000).map(|number| format!("fd.num={number}")).collect();
    check(
        "many parts",
        &format!(
            "{}{}",
            rule(&parts.join(" or ")),
            rule(&parts.join(" and ")).replace("rule: r", "rule: s").replace("fd.num", "fd.ino")
        ),
        "parts",
    );
    let mut nonsense = String::new();
    for number in 0..3000 {
        writeln!(nonsense, "- rule: r{number}").unwrap();
    }
    check("a file of nonsense", &nonsense, "the others are not shown");
}
