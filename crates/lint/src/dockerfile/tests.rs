//! The parser against BuildKit's own, on `testdata/parser.jsonl` (hand-written) and, where it was made, on a corpus of
//! real files (`scripts/lint-corpus`).

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::instruction::{Body, Instruction};
use super::model::File;
use super::{CHECKS, Options, apply, lint};

#[derive(Deserialize)]
struct Judged {
    text: String,
    error: String,
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Node {
    name: String,
    flags: Vec<String>,
    args: Vec<String>,
    json: bool,
    first: u32,
    last: u32,
    heredocs: Vec<String>,
    trigger: Option<Box<Node>>,
}

fn node(file: &File<'_>, instruction: &Instruction) -> Node {
    let flag = |flag: &super::instruction::Flag| match &flag.value {
        Some(value) => format!("--{}={value}", flag.name),
        None => format!("--{}", flag.name),
    };
    let mut trigger = None;
    let (mut args, mut json) = (Vec::new(), false);
    let texts = |words: &[super::instruction::Word]| words.iter().map(|word| word.text.clone()).collect();
    match &instruction.body {
        Body::From { image, as_word, name } => {
            let words = [Some(image), as_word.as_ref(), name.as_ref()];
            args = words.into_iter().flatten().map(|word| word.text.clone()).collect();
        }
        Body::ShellForm(range) if !range.is_empty() => args = vec![instruction.line.slice(range).to_owned()],
        Body::ShellForm(_) | Body::Broken | Body::NoHealthcheck => {}
        Body::ExecForm(words) => (args, json) = (texts(words), true),
        Body::Words { words, is_json } => (args, json) = (texts(words), *is_json),
        Body::Pairs { pairs, is_legacy } => {
            for pair in pairs {
                let value = pair.value.as_ref().map(|value| value.text.clone());
                if instruction.keyword == super::instruction::Keyword::Arg {
                    let value = value.map(|value| format!("={value}")).unwrap_or_default();
                    args.push(format!("{}{value}", pair.name.text));
                } else {
                    let equals = if *is_legacy { "" } else { "=" };
                    args.extend([pair.name.text.clone(), value.unwrap_or_default(), equals.to_owned()]);
                }
            }
        }
        Body::Text(word) => args = vec![word.text.clone()],
        Body::Trigger(inner) => {
            let mut inner = node(file, inner);
            (inner.first, inner.last) = (0, 0);
            inner.heredocs.clear();
            trigger = Some(Box::new(inner));
        }
    }
    if instruction.keyword == super::instruction::Keyword::Healthcheck {
        let kind = instruction.rest_text().split_whitespace().next().unwrap_or_default();
        args.insert(0, kind.to_owned());
    }
    let heredocs = instruction.effective().heredocs.iter();
    Node {
        name: instruction.name.text.clone(),
        flags: instruction.flags.iter().map(flag).collect(),
        args,
        json,
        first: file.source.line_of(instruction.span.start),
        last: file.source.line_of(instruction.span.end.saturating_sub(1).max(instruction.span.start)),
        heredocs: heredocs.map(|h| format!("{}\n{}", h.name, file.source.slice(h.content))).collect(),
        trigger,
    }
}

fn disagreements(path: &Path) -> Option<(usize, Vec<String>)> {
    let lines = fs::read_to_string(path).ok()?;
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let judged: Judged = serde_json::from_str(line).unwrap();
        if judged.text.contains('\u{fffd}') {
            continue;
        }
        let file = File::read(judged.text.as_bytes(), None);
        let out_of_place = file
            .parsed
            .instructions
            .iter()
            .zip(&file.steps)
            .any(|(i, step)| step.stage.is_none() && i.keyword != super::instruction::Keyword::Arg);
        let parse_problems: Vec<_> =
            file.problems().iter().filter(|p| !p.reason.contains("a substitution in it")).collect();
        let refuses = !parse_problems.is_empty() || out_of_place;
        if refuses != !judged.error.is_empty() {
            wrong
                .push(format!("{:?}\n  BuildKit: {}\n  we: {:?}", judged.text, judged.error, parse_problems));
            continue;
        }
        if !judged.error.is_empty() {
            continue;
        }
        let ours: Vec<Node> = file.parsed.instructions.iter().map(|i| node(&file, i)).collect();
        for (ours, theirs) in ours.iter().zip(&judged.nodes).filter(|(ours, theirs)| ours != theirs) {
            wrong.push(format!("  BuildKit: {theirs:?}\n  we: {ours:?}"));
        }
        if ours.len() != judged.nodes.len() {
            wrong.push(format!(
                "{:?}: {} instructions, BuildKit {}",
                judged.text,
                ours.len(),
                judged.nodes.len()
            ));
        }
    }
    Some((lines.lines().count(), wrong))
}

fn check(path: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    match disagreements(&path) {
        Some((count, wrong)) => {
            assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
        }
        None => eprintln!("skipped: {} is not there", path.display()),
    }
}

#[test]
fn hand_written_files_are_read_as_buildkit_does() {
    check("testdata/parser.jsonl");
}

#[test]
fn real_files_are_read_as_buildkit_does() {
    check("../../target/lint-corpus/corpus.jsonl");
}

fn all_rules() -> Options<'static> {
    Options { enable: &["all"], ..Options::default() }
}

fn rules_of(text: &str) -> Vec<String> {
    let linted = lint("Dockerfile", text.as_bytes(), &all_rules());
    linted.findings.found.into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn each_check_finds_its_bad_samples_and_no_good_one() {
    let mut wrong = Vec::new();
    for check in CHECKS {
        let id = check.rule.id.to_owned();
        wrong.extend(
            check
                .bad
                .iter()
                .filter(|text| !rules_of(text).contains(&id))
                .map(|text| format!("{id} misses {text:?}")),
        );
        wrong.extend(
            check
                .good
                .iter()
                .filter(|text| rules_of(text).contains(&id))
                .map(|text| format!("{id} finds {text:?}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_fix_removes_what_it_fixes_and_leaves_a_file_that_builds() {
    let samples = CHECKS.iter().flat_map(|check| check.bad.iter().map(|text| (*text).to_owned()));
    let mut texts: Vec<String> = samples.collect();
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/lint-corpus/corpus.jsonl");
    let lines = fs::read_to_string(corpus).unwrap_or_default();
    texts.extend(lines.lines().map(|line| serde_json::from_str::<Judged>(line).unwrap().text));
    let mut wrong = Vec::new();
    for text in texts {
        let mut current = text.clone().into_bytes();
        for _ in 0..10 {
            let linted = lint("Dockerfile", &current, &all_rules());
            let fixed = apply(&current, &linted.findings.found);
            if fixed.made == 0 {
                break;
            }
            current = fixed.text;
        }
        let linted = lint("Dockerfile", &current, &all_rules());
        let left = linted.findings.found.iter().filter(|finding| match &finding.evidence {
            seawall_finding::Evidence::Misset(misset) => misset.change.is_some(),
            _ => false,
        });
        let left: Vec<_> = left.map(|finding| finding.rule.as_str()).collect();
        let broken = |bytes: &[u8]| File::read(bytes, None).problems().len();
        let shell = |bytes: &[u8]| {
            File::read(bytes, None).scripts().map(|(_, _, s)| s.script.faults.len()).sum::<usize>()
        };
        let shown = String::from_utf8_lossy(&current);
        if !left.is_empty() {
            wrong.push(format!("{left:?} found again in\n{shown}"));
        }
        if broken(&current) > broken(text.as_bytes()) || shell(&current) > shell(text.as_bytes()) {
            wrong.push(format!("broken:\n{text}\n--- to\n{shown}"));
        }
    }
    assert!(wrong.is_empty(), "{} files\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn ids_and_titles_are_one_each() {
    let ids: std::collections::BTreeSet<_> = CHECKS.iter().map(|check| check.rule.id).collect();
    assert_eq!(ids.len(), CHECKS.len());
    for check in CHECKS {
        let rule = &check.rule;
        let is_kebab = rule.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        assert!(
            is_kebab && !rule.title.is_empty() && !rule.why.is_empty() && !rule.fix.is_empty(),
            "{}",
            rule.id
        );
    }
}

/// For `scripts/lint-differences`, which compares with hadolint and tally: rule, alias and line of every hit.
#[test]
#[ignore = "writes target/lint-corpus/ours.jsonl"]
fn write_hits_for_the_comparison() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/lint-corpus");
    let mut out = String::new();
    for entry in fs::read_dir(&corpus).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "Dockerfile") {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let file = File::read(&bytes, None);
        for check in CHECKS {
            let mut hits = super::check::Hits::default();
            (check.look)(&file, &all_rules(), &mut hits);
            for hit in hits.hits {
                let line = file.source.line_of(hit.span.start);
                let instruction = file.parsed.instructions.iter().rfind(|i| i.span.start <= hit.span.start);
                let first = instruction.map_or(line, |i| file.source.line_of(i.span.start));
                let name = path.file_name().unwrap().to_string_lossy();
                let aliases: Vec<&str> = hit.alias.map_or(check.aliases.to_vec(), |alias| vec![alias]);
                let hit = serde_json::json!({
                    "file": name, "rule": check.rule.id, "aliases": aliases, "line": line, "first": first,
                    "seen": super::check::shown(file.source.slice(hit.span)),
                });
                out.push_str(&format!("{hit}\n"));
            }
        }
    }
    fs::write(corpus.join("ours.jsonl"), out).unwrap();
    let samples: Vec<_> = CHECKS.iter().map(|check| {
        serde_json::json!({"rule": check.rule.id, "aliases": check.aliases, "bad": check.bad, "good": check.good})
    }).collect();
    fs::write(corpus.join("samples.json"), serde_json::to_string(&samples).unwrap()).unwrap();
}
