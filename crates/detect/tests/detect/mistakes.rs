//! What is wrong is told with its place and with what was meant.

use seawall_detect::{Diagnostic, load};

fn first(text: &str) -> Diagnostic {
    let mut diagnostics = load(&[("rules.yaml", text)]).diagnostics;
    assert!(!diagnostics.is_empty(), "{text}");
    diagnostics.remove(0)
}

/// A rule with this condition on the line 4 has this mistake.
fn check(condition: &str, column: usize, message: &str, help: &str) {
    let text = format!("- rule: r\n  desc: d\n  priority: INFO\n  condition: {condition}\n  output: o\n");
    let found = first(&text);
    let told = (found.line, found.column, found.message.as_str(), found.help.as_str());
    assert_eq!(told, (4, column, message, help), "{condition}");
    assert_eq!(found.item, "rule r");
}

#[test]
fn conditions() {
    check("proc.nmae = sh", 14, "`proc.nmae` is no field", "did you mean `proc.name`?");
    check("evt.type = opne", 25, "`opne` is no type of an event", "did you mean `open`?");
    check("evt.arg.flgas = x", 14, "no event has an argument `flgas`", "did you mean `evt.arg.flags`?");
    check("proc.name contians sh", 24, "`contians` is no operator", "write `contains`");
    check("shel", 14, "there is no macro `shel`", "");
    check("fd.num = abc", 23, "`abc` is no number, and `fd.num` is one", "");
    check("proc.tty >= x", 26, "`x` is no number, and `proc.tty` is one", "");
    check(
        "fd.num contains 3",
        21,
        "`contains` cannot be asked of `fd.num`, which is a number",
        "a number knows `=`, `!=`, `<`, `<=`, `>`, `>=`, `in` and `exists`",
    );
    check(
        "fd.ip startswith 10",
        20,
        "`startswith` cannot be asked of `fd.ip`, which is an address",
        "write `=`, `!=`, `in` or `exists`",
    );
    check("fd.ip = 10.0.0", 22, "`10.0.0` is no address and no network", "");
    check("fd.snet in (10.0.0.0/33)", 26, "`10.0.0.0/33` is no address and no network", "");
    check("evt.is_open_read = maybe", 33, "`evt.is_open_read` is `true` or `false`, not `maybe`", "");
    check("proc.name in sh)", 29, "this `)` closes nothing", "");
    check("proc.name = sh and", 32, "expected a blank or `(` behind `and`", "");
    check("ka.verb = get", 14, "`ka.verb` is a field of k8s_audit events; this is about syscall events", "");
    check("proc.nthreads > 1", 14, "Falco has the field `proc.nthreads`, Seawall has not", "");
    check("proc.name[2] = x", 14, "`proc.name` takes no argument", "");
    check("proc.aname[x] = x", 14, "`proc.aname` takes a number from 0 to 65535", "");
    check("evt.arg = x", 14, "`evt.arg` needs an argument: `evt.arg[…]`", "");
    check("tolower(fd.num) = x", 14, "`tolower` takes a text", "");
    check("proc.name = val(fd.num)", 24, "`proc.name` cannot be compared with `val(…)`", "");
    check("evt.buffer bcontains xyz", 35, "`xyz` is no even number of hexadecimal digits", "");
}

#[test]
fn places_are_found_in_folded_quoted_and_appended_texts() {
    let at = |text: &str| {
        let found = first(text);
        (found.file.clone(), found.line, found.column)
    };
    let rule = "- rule: r\n  desc: d\n  priority: INFO\n  output: o\n";
    let folded =
        format!("{rule}  condition: >\n    proc.name = sh\n    and (fd.name = x\n         or fd.nmae = y)\n");
    assert_eq!(at(&folded), ("rules.yaml".to_owned(), 8, 13));
    let quoted = format!("{rule}  condition: 'proc.name = ''a b'' and fd.nmae = y'\n");
    assert_eq!(at(&quoted), ("rules.yaml".to_owned(), 5, 39));
    let double = format!("{rule}  condition: \"proc.name = \\\"a\\\" and fd.nmae = y\"\n");
    assert_eq!(at(&double), ("rules.yaml".to_owned(), 5, 37));
    let plain = format!("{rule}  condition: proc.name = sh and\n    fd.nmae = y\n");
    assert_eq!(at(&plain), ("rules.yaml".to_owned(), 6, 5));
    let macros = format!("- macro: m\n  condition: (fd.nmae = y)\n{rule}  condition: proc.name = x and m\n");
    assert_eq!(at(&macros), ("rules.yaml".to_owned(), 2, 15));
    let base = format!("{rule}  condition: proc.name = x\n");
    let appended = "- rule: r\n  condition: and fd.nmae = y\n  override: {condition: append}\n";
    let loaded = load(&[("base.yaml", &base), ("own.yaml", appended)]);
    let found = &loaded.diagnostics[0];
    assert_eq!((found.file.as_str(), found.line, found.column), ("own.yaml", 2, 18));
    let output = "- rule: r\n  desc: d\n  priority: INFO\n  condition: proc.name = x\n  output: >\n    a line\n    and %fd.nmae\n";
    assert_eq!(at(output), ("rules.yaml".to_owned(), 7, 10));
}

#[test]
fn items() {
    let check = |text: &str, message: &str| {
        let told = load(&[("rules.yaml", text)]).diagnostics;
        assert!(told.iter().any(|found| found.to_string().contains(message)), "{text}\n{told:?}");
    };
    let rule = "- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  condition: evt.type = open\n";
    check("- rlue: r\n", "did you mean `rule`?");
    check("- rule: r\n  output: o\n", "a rule has a `condition`, a `desc`, a `priority`");
    check(&format!("{rule}  tag: [x]\n"), "did you mean `tags`?");
    check(&format!("{rule}  enabled: maybe\n"), "`enabled` is `true` or `false`, not `maybe`");
    check(&rule.replace("INFO", "WARNNG"), "did you mean `WARNING`?");
    check(&rule.replace("evt.type = open", "proc.name = x"), "names no type of event");
    check(&format!("{rule}  count: 5\n"), "need `within`");
    check(&format!("{rule}  count: 5\n  within: fast\n"), "`fast` is no duration");
    check(&format!("{rule}  respond: [capture, kil]\n"), "`kil` is no response");
    check(&format!("{rule}  per: [proc.nmae]\n  count: 1\n  within: 1s\n"), "did you mean `proc.name`?");
    check(
        "- rule: x\n  condition: a\n  override: {condition: append}\n",
        "no rule of the name `x` is defined",
    );
    check("- list: l\n  items: [a]\n  append: true\n  override: {items: append}\n", "cannot both be used");
    check("- list: l\n", "a list has `items`");
    check("- list: l\n  items: a\n", "`items` is a list, and this is a value");
    check("- list: l\n  items: [a]\n", "no rule uses this list");
    check("- macro: m\n  condition: evt.num = 0\n", "no rule uses this macro");
    check("- macro: 1m\n  condition: evt.num = 0\n", "no condition can name this macro");
    check("a: b\n", "a rule file is a list of items");
    check("- [a]\n", "an item is a mapping");
    check("- list: [a\n", "this is no YAML");
    check(
        "- macro: a\n  condition: b\n- macro: b\n  condition: a\n- macro: a\n  condition: b\n- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  condition: a\n",
        "defined by itself: a → b → a",
    );
    check(
        "- list: a\n  items: [b]\n- list: b\n  items: [a]\n- list: a\n  items: [b]\n- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  condition: proc.name in (a)\n",
        "contains itself",
    );
    check(
        "- rule: r\n  desc: d\n  priority: INFO\n  output: o\n  source: k8s_audit\n  condition: not ka.verb in (\"<NA>\")\n",
        "`ka.verb` is never `<NA>`",
    );
    check(
        &format!("{rule}  exceptions: [{{name: e, fields: [proc.name, fd.name], values: [[a]]}}]\n"),
        "there are 2 fields and 1 values",
    );
    check(
        &format!("{rule}  exceptions: [{{name: e, fields: [proc.name], comps: [like]}}]\n"),
        "`like` is no operator",
    );
}

#[test]
fn a_diagnostic_shows_the_line_and_points_into_it() {
    let text = "- rule: Shell\n  desc: d\n  priority: INFO\n  condition: proc.nmae = sh\n  output: o\n";
    assert_eq!(
        first(text).to_string(),
        "rules.yaml:4:14: error in rule Shell: `proc.nmae` is no field (LOAD_ERR_COMPILE_CONDITION)
      condition: proc.nmae = sh
                 ^
    help: did you mean `proc.name`?"
    );
}
