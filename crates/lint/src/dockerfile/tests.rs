//! The parser against BuildKit's own, on `testdata/parser.jsonl` (hand-written) and, where it was made, on a corpus of
//! real files (`scripts/lint-corpus`).

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::instruction::{Body, Instruction};
use super::model::File;

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
