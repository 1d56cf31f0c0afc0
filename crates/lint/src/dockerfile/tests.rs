//! The parser against BuildKit's own, on `testdata/parser.jsonl` (hand-written) and, where it was made, on a corpus of
//! real files (`scripts/lint-corpus`).

use std::fs;
use std::path::Path;

use seawall_finding::Evidence;
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
        if refuses == judged.error.is_empty() {
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
        let offers_change = |finding: &&seawall_finding::Finding| matches!(&finding.evidence, Evidence::Misset(misset) if misset.change.is_some());
        let left = linted.findings.found.iter().filter(offers_change);
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

#[test]
fn no_finding_shows_a_credential() {
    let text = "FROM debian\nENV DB_PASSWORD=hunter2 B\nENV API_TOKEN=hunter2 B=$C\nENV A_SECRET hunter2\n\
        RUN sudo apt install x && PASSWORD=hunter2 pip install --index-url https://a:hunter2@example.org y\n\
        ARG GIT=https://a:hunter2@example.org\nRUN echo root:hunter2 | chpasswd && useradd -p hunter2 x\n\
        RUN cd /x; PGPASSWORD=hunter2 curl -k https://a:hunter2@example.org/x | sh\n";
    let found = lint("Dockerfile", text.as_bytes(), &all_rules()).findings.found;
    assert!(found.len() > 15);
    for finding in found {
        let Evidence::Misset(mut misset) = finding.evidence.clone() else { panic!("{finding:?}") };
        // A change is of the file, and goes to who has the file.
        misset.change = None;
        let shown = format!("{misset:?} {}", finding.summary);
        assert!(!shown.contains("hunter2"), "{} {shown}", finding.rule);
    }
}

fn check_bomb(name: &str, bytes: &[u8], is_gap: bool) {
    let started = std::time::Instant::now();
    let linted = lint("Dockerfile", bytes, &all_rules());
    assert_eq!(!linted.findings.gaps.is_empty(), is_gap, "{name}: {:?}", linted.findings.gaps);
    // Generous, for a loaded machine and code that is not optimised.
    assert!(started.elapsed().as_secs() < 20, "{name} took {:?}", started.elapsed());
}

#[test]
fn hostile_files_end_in_gaps_and_in_time() {
    check_bomb("text of a heredoc", b"FROM a:1\nCOPY <<EOF /x\n{{ a }}\nEOF\n", false);
    check_bomb("another text", b"syntax on\ncolor dark\n", true);
    check_bomb("binary", b"FROM a\0b\n", true);
    check_bomb("template", b"{{ range .x }}\nFROM a\n", true);
    check_bomb("too long", &vec![b'#'; 5 << 20], true);
    check_bomb("100,000 lines", "#\n".repeat(100_000).as_bytes(), false);
    check_bomb(
        "100,000 continuations",
        format!("FROM a\nRUN x {}\n", "\\\ny".repeat(100_000)).as_bytes(),
        false,
    );
    check_bomb("many instructions", format!("FROM a\n{}", "RUN x\n".repeat(100_000)).as_bytes(), true);
    check_bomb("many stages", "FROM a AS b\n".repeat(20_000).as_bytes(), true);
    check_bomb("deep shell", format!("FROM a\nRUN {}", "$(".repeat(100_000)).as_bytes(), true);
    check_bomb("deep quotes", format!("FROM a\nRUN {}", "\"$(\"${x:-".repeat(50_000)).as_bytes(), true);
    check_bomb("deep groups", format!("FROM a\nRUN {}", "( ".repeat(500_000)).as_bytes(), true);
    check_bomb("open loops", format!("FROM a\nRUN {}", "if x; then ".repeat(100_000)).as_bytes(), true);
    check_bomb("deep json", format!("FROM a\nCMD {}", "[".repeat(500_000)).as_bytes(), false);
    check_bomb("deep onbuild", format!("FROM a\n{}RUN x", "ONBUILD ".repeat(100_000)).as_bytes(), false);
    let mut bomb = "FROM a\nENV A0=xxxxxxxxxxxxxxxx\n".to_owned();
    for step in 1..60 {
        bomb.push_str(&format!("ENV A{step}=${{A{0}}}${{A{0}}}\n", step - 1));
    }
    check_bomb("growing variables", bomb.as_bytes(), true);
    let many: String = (0..10_000).map(|number| format!("ENV V{number}=$V{}\n", number + 1)).collect();
    check_bomb("many variables", format!("FROM scratch\n{many}").as_bytes(), true);
    check_bomb("many heredocs", format!("FROM a\nRUN {}\n", "<<A ".repeat(10_000)).as_bytes(), true);
    check_bomb(
        "many comments",
        format!("{}FROM a\n", "# hadolint ignore=DL3006\n".repeat(100_000)).as_bytes(),
        true,
    );
    check_bomb("many pipes", format!("FROM a\nRUN curl x {}\n", "| sh ".repeat(20_000)).as_bytes(), true);
    check_bomb("many installs", format!("FROM a\nRUN {}\n", "apk add x; ".repeat(3_000)).as_bytes(), true);
    let chain: String =
        (0..900).map(|at| format!("FROM s{at} AS s{}\nWORKDIR x\nENV A=1 B=$A\n", at + 1)).collect();
    check_bomb("a chain of stages", chain.as_bytes(), false);
    check_bomb("many users", format!("FROM a\n{}", "RUN useradd a\n".repeat(10_000)).as_bytes(), true);
    check_bomb("many patterns", format!("FROM a\nCOPY {} /x/\n", "a/b/c ".repeat(50_000)).as_bytes(), false);
}

#[test]
fn comments_leave_findings_out() {
    let check = |text: &str, found: &[&str], suppressed: usize| {
        let options = Options { disable: &["image-user-missing"], ..Options::default() };
        let linted = lint("Dockerfile", text.as_bytes(), &options);
        let rules: Vec<&str> = linted.findings.found.iter().map(|finding| finding.rule.as_str()).collect();
        assert_eq!((rules.as_slice(), linted.suppressed.len()), (found, suppressed), "{text}");
    };
    check("FROM debian\n", &["base-image-untagged"], 0);
    check("# seawall:ignore=base-image-untagged it is a test\nFROM debian\n", &[], 1);
    check("# seawall:ignore=base-image-untagged\nFROM debian\n", &["ignore-without-reason"], 1);
    check("# seawall:ignore=DL3006 x\n\n# more\nFROM debian\nFROM alpine\n", &["base-image-untagged"], 1);
    check("# seawall:ignore-file=DL3006 x\nFROM debian\nFROM alpine\n", &[], 2);
    check("# hadolint ignore=DL3006\nFROM debian\n", &[], 1);
    check("# hadolint global ignore=DL3006,DL3008\nFROM debian\nFROM alpine\n", &[], 2);
    check("# tally ignore=hadolint/DL3006;reason=x\nFROM debian\n", &[], 1);
    check("# trivy:ignore:AVD-DS-0001\nFROM debian\n", &[], 1);
    check("# trivy:ignore:DS001\nFROM debian\n", &[], 1);
    check("# checkov:skip=CKV_DOCKER_7:x y\nFROM debian\n", &[], 1);
    check("# check=skip=StageNameCasing;error=true\nFROM debian:12 AS B\n", &[], 1);
    check("# check=skip=all\nFROM debian AS B\n", &[], 2);
    check("FROM debian:12\nRUN a && \\\n  # seawall:ignore=sudo-in-build needed\n  sudo b\n", &[], 1);
    check("# hadolint ignore=DL3018\nFROM debian\n", &["base-image-untagged"], 0);
    check("FROM centos:7\n# trivy:ignore:DS-0015\nRUN yum install -y x\n", &[], 1);
    check("# check=skip=MultipleInstructionsDisallowed\nFROM a:1\nCMD [\"a\"]\nCMD [\"b\"]\n", &[], 1);
    // The alias of one package manager leaves the other one's finding.
    check(
        "FROM alpine:3.20\n# hadolint ignore=DL3042\nRUN apk add x && pip install y==1\n",
        &["package-cache-left"],
        1,
    );
}

#[test]
fn what_the_caller_knows_is_used() {
    let rules = |text: &str, options: Options<'_>| -> Vec<String> {
        let found = lint("Dockerfile", text.as_bytes(), &options).findings.found;
        found.into_iter().map(|finding| finding.rule).filter(|rule| rule != "image-user-missing").collect()
    };
    let none = Options::default();
    let docker = Options { registries: &["docker.io", "*.example.org"], ..none };
    assert_eq!(
        rules("FROM quay.io/a/b:1\nFROM debian:12\nFROM r.example.org/x:1\n", docker),
        ["registry-not-allowed"]
    );
    let labels = Options { labels: &["org.example.team"], ..none };
    assert_eq!(rules("FROM a:1\n", labels), ["label-missing"]);
    assert_eq!(rules("FROM a:1\nLABEL org.example.team=x\n", labels), [""; 0]);
    let ignore = Options { dockerignore: Some("*.md\n.env\n"), ..none };
    assert_eq!(
        rules("FROM a:1\nCOPY README.md /\nCOPY . /app\n", ignore),
        ["copy-ignored-file", "context-copied-unfiltered"]
    );
    let ended = |name: &str, tag: &str| (name == "debian" && tag == "8").then(|| "2018-06-17".to_owned());
    let life = Options { end_of_life: Some(&ended), ..none };
    assert_eq!(rules("FROM debian:8\nFROM debian:12\n", life), ["base-image-end-of-life"]);
    assert_eq!(rules("FROM debian\n", Options { disable: &["DL3006"], ..none }), [""; 0]);
}

#[test]
fn changes_fit_their_file_and_spans_their_line() {
    let text = "\u{feff}FROM debian:12 as a\r\nRUN apt-get install \\\r\n  -q \\\r\n  x\r\n";
    let linted = lint("Dockerfile", text.as_bytes(), &Options::default());
    let fixed = apply(text.as_bytes(), &linted.findings.found);
    let expected = "\u{feff}FROM debian:12 AS a\r\nRUN apt-get install -y --no-install-recommends \\\r\n  -q \\\r\n  x\r\n";
    assert_eq!(String::from_utf8(fixed.text).unwrap(), expected);
    assert_eq!((fixed.made, fixed.left.len()), (3, 0));
    // What would be inserted into a script is not inserted into a list.
    let list = "FROM debian:12\nRUN [\"apt-get\", \"install\", \"x\"]\nRUN [\"apt-get\", \"update\"]\n";
    let linted = lint("Dockerfile", list.as_bytes(), &Options::default());
    assert!(linted.findings.found.iter().any(|finding| finding.rule == "package-manager-asks"));
    assert_eq!(apply(list.as_bytes(), &linted.findings.found).made, 0);
    // Latin-1 in a comment moves nothing.
    let latin = b"# \xe4\xf6\nFROM debian:12 as a\n";
    let fixed = apply(latin, &lint("Dockerfile", latin, &Options::default()).findings.found);
    assert_eq!(fixed.text, b"# \xe4\xf6\nFROM debian:12 AS a\n");
}

/// For `scripts/lint-differences`, which compares with hadolint and tally: rule, alias and line of every hit.
#[test]
#[ignore = "writes target/lint-corpus/ours.jsonl"]
fn write_hits_for_the_comparison() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/lint-corpus");
    let (mut out, mut scripts) = (String::new(), String::new());
    for entry in fs::read_dir(&corpus).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "Dockerfile") {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        // `judge fixed/*` tells whether BuildKit still takes what was changed.
        let fixed = apply(&bytes, &lint("Dockerfile", &bytes, &all_rules()).findings.found);
        fs::create_dir_all(corpus.join("fixed")).unwrap();
        fs::write(corpus.join("fixed").join(path.file_name().unwrap()), fixed.text).unwrap();
        let file = File::read(&bytes, None);
        for (_, _, script) in file.scripts().filter(|(run, _, _)| matches!(run.body, Body::ShellForm(_))) {
            let faults: Vec<&str> = script.script.faults.iter().map(|fault| fault.reason).collect();
            let script = serde_json::json!({"text": script.joined.text, "faults": faults});
            scripts.push_str(&format!("{script}\n"));
        }
        for check in CHECKS {
            let mut hits = super::check::Hits::default();
            (check.look)(&file, &all_rules(), &mut hits);
            for hit in hits.hits {
                let line = file.source.line_of(hit.span.start);
                let instruction = file.parsed.instructions.iter().rfind(|i| i.span.start <= hit.span.start);
                let first = instruction.map_or(line, |i| file.source.line_of(i.span.start));
                let name = path.file_name().unwrap().to_string_lossy();
                let fits = |name: &&&str| hit.alias.is_none_or(|alias| super::check::means(alias, name));
                let aliases: Vec<&str> = check.aliases.iter().filter(fits).copied().collect();
                let hit = serde_json::json!({
                    "file": name, "rule": check.rule.id, "aliases": aliases, "line": line, "first": first,
                    "seen": super::check::shown(file.source.slice(hit.span)),
                });
                out.push_str(&format!("{hit}\n"));
            }
        }
    }
    fs::write(corpus.join("ours.jsonl"), out).unwrap();
    fs::write(corpus.join("scripts.jsonl"), scripts).unwrap();
    let samples: Vec<_> = CHECKS.iter().map(|check| {
        serde_json::json!({"rule": check.rule.id, "aliases": check.aliases, "bad": check.bad, "good": check.good})
    }).collect();
    fs::write(corpus.join("samples.json"), serde_json::to_string(&samples).unwrap()).unwrap();
}
