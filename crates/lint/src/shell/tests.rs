//! Scripts → the commands that are in them.

use super::{ExpansionKind, Joint, parse};

/// Each command as its words, with what stands behind it.
fn check(text: &str, expected: &[(&[&str], Joint)]) {
    let script = parse(text);
    assert!(script.faults.is_empty(), "{text}: {:?}", script.faults);
    let words = |command: &super::Command| -> Vec<String> {
        command.words.iter().map(|word| word.text.clone()).collect()
    };
    let got: Vec<(Vec<String>, Joint)> =
        script.commands.iter().map(|command| (words(command), command.behind)).collect();
    let expected: Vec<(Vec<String>, Joint)> = expected
        .iter()
        .map(|(words, joint)| (words.iter().map(|word| (*word).to_owned()).collect(), *joint))
        .collect();
    assert_eq!(got, expected, "{text}");
}

#[test]
fn lists_come_apart() {
    check(
        "a b && c || d; e | f & g",
        &[
            (&["a", "b"], Joint::And),
            (&["c"], Joint::Or),
            (&["d"], Joint::Semicolon),
            (&["e"], Joint::Pipe),
            (&["f"], Joint::Background),
            (&["g"], Joint::Edge),
        ],
    );
    check("A=1 B=2 c 'd e' \"f\\\"g\" h\\ i # j", &[(&["c", "d e", "f\"g", "h i"], Joint::Edge)]);
    check("A=1; a > b 2>&1 >>c <d", &[(&[], Joint::Semicolon), (&["a"], Joint::Edge)]);
    check(
        "a <<E && b\nit's\nE\nc",
        &[(&["a"], Joint::And), (&["b"], Joint::Semicolon), (&["c"], Joint::Edge)],
    );
}

#[test]
fn compound_commands_leave_their_commands() {
    check(
        "if a; then b; elif c; then d; else e; fi",
        &[
            (&["a"], Joint::Semicolon),
            (&["b"], Joint::Semicolon),
            (&["c"], Joint::Semicolon),
            (&["d"], Joint::Semicolon),
            (&["e"], Joint::Semicolon),
        ],
    );
    check(
        "for x in 1 2; do a; done && while b; do c; done",
        &[(&["a"], Joint::Semicolon), (&["b"], Joint::Semicolon), (&["c"], Joint::Semicolon)],
    );
    check(
        "case $x in a|b) c;; (d) e ;; *) f; esac; g",
        &[
            (&["c"], Joint::Semicolon),
            (&["e"], Joint::Semicolon),
            (&["f"], Joint::Semicolon),
            (&["g"], Joint::Edge),
        ],
    );
    check(
        "f() { a; }; ( b; c ) && ! d",
        &[
            (&["a"], Joint::Semicolon),
            (&["b"], Joint::Semicolon),
            (&["c"], Joint::Edge),
            (&["d"], Joint::Edge),
        ],
    );
    check(
        "[[ a && b || c ]] && d; ((x++)); e=(1 2)",
        &[(&["[[", "a", "b", "c", "]]"], Joint::And), (&["d"], Joint::Semicolon), (&[], Joint::Edge)],
    );
}

#[test]
fn substitutions_come_before_the_command_that_they_are_in() {
    check(
        "a \"$(b \"$(c)\")\" `d` <(e)",
        &[
            (&["c"], Joint::Edge),
            (&["b", "$(c)"], Joint::Edge),
            (&["d"], Joint::Edge),
            (&["e"], Joint::Edge),
            (&["a", "$(b \"$(c)\")", "`d`", "<(e)"], Joint::Edge),
        ],
    );
    let script = parse("a $B \"${C:-$D}\" $((1 + 2)) '$E' \\$F");
    let kinds: Vec<ExpansionKind> = script
        .commands
        .iter()
        .flat_map(|command| &command.words)
        .flat_map(|word| word.expansions.iter().map(|expansion| expansion.kind.clone()))
        .collect();
    let variable = |name: &str| ExpansionKind::Variable(name.to_owned());
    assert_eq!(kinds, [variable("B"), variable("C"), ExpansionKind::Arithmetic]);
}

#[test]
fn mistakes_are_found_and_reading_goes_on() {
    for text in [
        "a 'b",
        "a \"b",
        "a $(b",
        "a `b",
        "( a",
        "a )",
        "{ a",
        "if a; then b",
        "for x in y; do z",
        "fi",
        "a >",
    ] {
        assert!(!parse(text).faults.is_empty(), "{text}");
    }
    let script = parse("a; ) b; \"c");
    assert_eq!(script.commands.len(), 3);
    assert!(parse(&"$(".repeat(10_000)).is_cut);
}
