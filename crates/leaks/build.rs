//! Turns `rules/leaks/*.yaml` into code, and refuses rules that break a promise: every rule has an id of its own, a
//! literal that every match of it contains, a longest match, and samples.

#![expect(clippy::expect_used, reason = "a build that cannot go on says why")]

#[path = "src/literal.rs"]
mod literal;
#[path = "src/spec.rs"]
mod spec;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use spec::{RuleFile, RuleSpec};

fn main() {
    let directory =
        Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../rules/leaks");
    println!("cargo::rerun-if-changed={}", directory.display());
    let mut paths: Vec<_> = fs::read_dir(&directory)
        .expect("rules/leaks can be listed")
        .map(|entry| entry.expect("rules/leaks can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    paths.sort();
    let mut code = String::from("vec![\n");
    let mut ids = BTreeSet::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("a rule file can be read");
        let file: RuleFile =
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for rule in &file.rules {
            assert!(ids.insert(rule.id.clone()), "{}: two rules are called {}", path.display(), rule.id);
            let fail = |reason: String| panic!("{}: rule {}: {reason}", path.display(), rule.id);
            let plan = rule.plan().unwrap_or_else(fail);
            assert!(rule.has_samples(), "rule {} has no samples", rule.id);
            code.push_str(&emit(&file, rule, plan.as_ref()));
        }
    }
    code.push(']');
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("rules.rs");
    fs::write(out, code).expect("the output directory can be written");
}

fn emit(file: &RuleFile, rule: &RuleSpec, plan: Option<&spec::Plan>) -> String {
    let mut code = String::from("Rule {\n");
    let severity = rule.severity.as_ref().or(file.severity.as_ref()).expect("a severity");
    let mut field =
        |name: &str, value: String| writeln!(code, "    {name}: {value},").expect("a string takes all");
    field("id", format!("Cow::Borrowed({:?})", rule.id));
    field("title", format!("Cow::Borrowed({:?})", rule.title));
    field("why", format!("Cow::Borrowed({:?})", rule.why.as_ref().unwrap_or(&file.why)));
    field("fix", format!("Cow::Borrowed({:?})", rule.fix.as_ref().unwrap_or(&file.fix)));
    field("severity", format!("Severity::{}", capital(severity)));
    field("confidence", format!("Confidence::{}", capital(rule.confidence.as_deref().unwrap_or("high"))));
    field("entropy_min", format!("{:?}", rule.entropy));
    field("check", rule.check.as_ref().map_or("None".to_owned(), |check| format!("Check::named({check:?})")));
    field("near", format!("strings(&{:?})", rule.near));
    field("paths", format!("strings(&{:?})", rule.paths));
    field("path", "None".to_owned());
    field("touches", format!("{}", rule.edge.as_deref() == Some("none")));
    field("binary", rule.binary.to_string());
    field("mixed", rule.mixed.to_string());
    field("placeholder", rule.placeholder.to_string());
    field("password", rule.password.to_string());
    field("generic", rule.generic.to_string());
    field("allow", "Vec::new()".to_owned());
    let search = plan.map_or("None".to_owned(), |plan| {
        let literals: Vec<String> =
            plan.literals.iter().map(|literal| format!("b{:?}", text(literal))).collect();
        format!(
            "Some(Search::new(Cow::Borrowed({:?}), literals(&[{}]), {}, {}, {}, {}))",
            plan.regex,
            literals.iter().map(|literal| format!("&{literal}[..]")).collect::<Vec<_>>().join(", "),
            plan.before_min,
            plan.before_max,
            plan.after_max,
            plan.has_group,
        )
    });
    field("search", search);
    code.push_str("},\n");
    code
}

fn text(literal: &[u8]) -> &str {
    std::str::from_utf8(literal).expect("literals of built-in rules are ASCII")
}

fn capital(word: &str) -> String {
    let (head, tail) = word.split_at(1);
    head.to_ascii_uppercase() + tail
}
