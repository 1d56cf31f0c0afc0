use crate::rules::{Rules, RulesError, UserRules};
use crate::samples::found;

fn rules(name: &str, text: &str) -> Rules {
    Rules::with_user(&[UserRules { name, text }]).unwrap()
}

/// Which rules of a gitleaks file find something in `sample` at `path`, and how many gaps the file has.
fn check(toml: &str, path: &str, sample: &str, expected: &[&str], gaps: usize) {
    let rules = rules(".gitleaks.toml", toml);
    assert_eq!(found(&rules, path, sample), expected, "{sample}");
    assert_eq!(rules.gaps().len(), gaps, "{:?}", rules.gaps());
}

const RULE: &str = "[[rules]]\nid = \"corp\"\ndescription = \"Corp key\"\nregex = '''corp-([a-z]{5})-x'''\nsecretGroup = 1\n";

#[test]
fn rules_of_gitleaks() {
    check(RULE, "a", "k: corp-qwxyz-x", &["corp"], 0);
    check(
        "[[rules]]\nid = \"any\"\nregex = '''[0-9]{3}-[0-9]{4}-[a-z]+'''\n",
        "a",
        "x 123-4567-abc",
        &["any"],
        0,
    );
    check(
        "[[rules]]\nid = \"key\"\nregex = '''[a-z]+=[0-9]{9}'''\nkeywords = [\"zone\"]\n",
        "a",
        "zone=987654321",
        &["key"],
        0,
    );
    check(
        "[[rules]]\nid = \"key\"\nregex = '''[a-z]+=[0-9]{9}'''\nkeywords = [\"zone\"]\n",
        "a",
        "z=987654321",
        &[],
        0,
    );
    check(
        "[[rules]]\nid = \"py\"\nregex = '''corp[0-9]{4}'''\npath = '''\\.py$'''\n",
        "a.py",
        "corp4711",
        &["py"],
        0,
    );
    check(
        "[[rules]]\nid = \"py\"\nregex = '''corp[0-9]{4}'''\npath = '''\\.py$'''\n",
        "a.rb",
        "corp4711",
        &[],
        0,
    );
    check("[[rules]]\nid = \"bad\"\nregex = '''corp(?=x)'''\n", "a", "corpx", &[], 1);
}

#[test]
fn allow_lists_of_gitleaks() {
    let with = |list: &str| format!("{RULE}{list}");
    check(&with("[[rules.allowlists]]\nstopwords = [\"QWX\"]\n"), "a", "corp-qwxyz-x", &[], 0);
    check(
        &with("[[rules.allowlists]]\nregexTarget = \"line\"\nregexes = ['''sample''']\n"),
        "a",
        "corp-qwxyz-x # sample",
        &[],
        0,
    );
    check(
        &with("[[rules.allowlists]]\ncondition = \"AND\"\npaths = ['''^t/''']\nstopwords = [\"qwx\"]\n"),
        "a",
        "corp-qwxyz-x",
        &["corp"],
        0,
    );
    check(&with("[allowlist]\npaths = ['''^vendor/''']\n"), "vendor/a", "corp-qwxyz-x", &[], 0);
    check(
        &with("[[allowlists]]\ntargetRules = [\"other\"]\npaths = ['''a''']\n"),
        "a",
        "corp-qwxyz-x",
        &["corp"],
        0,
    );
}

#[test]
fn comments_on_the_line() {
    check(RULE, "a", "corp-qwxyz-x # gitleaks:allow\n", &[], 0);
    check(RULE, "a", "corp-qwxyz-x # seawall:ignore test key\n", &[], 0);
}

#[test]
fn built_in_rules_stay_where_the_file_says_so() {
    let builtin = Rules::builtin().iter().count();
    let extended = rules(
        "a.toml",
        &format!("[extend]\nuseDefault = true\ndisabledRules = [\"age-secret-key\"]\n{RULE}"),
    );
    assert_eq!(extended.iter().count(), builtin);
    assert!(extended.get("corp").is_some() && extended.get("age-secret-key").is_none());
    assert!(rules("a.toml", RULE).get("github-token").is_none());
    assert!(rules("a.toml", "[allowlist]\npaths = ['''x''']\n").get("github-token").is_some());
    assert_ne!(extended.digest(), Rules::builtin().digest());
}

#[test]
fn rules_in_yaml() {
    let text = "why: w\nfix: f\nrules:\n  - {id: corp-key, title: Corp key, regex: 'corp-[a-z]{5}-x', confidence: medium, good: [corp-abcde-x], bad: [corp]}\n  - {id: endless, title: x, regex: 'corp.*', good: [x], bad: [y]}\n";
    let rules = rules("corp.yaml", text);
    assert_eq!(found(&rules, "a", "corp-qwxyz-x"), ["corp-key"]);
    assert_eq!(rules.gaps().len(), 1, "{:?}", rules.gaps());
    let broken = Rules::with_user(&[UserRules { name: "x.yaml", text: "why: [" }]);
    assert!(matches!(broken, Err(RulesError::Malformed { .. })));
}
