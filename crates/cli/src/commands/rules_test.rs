//! `seawall rules test`: events against what the rules shall say of them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use seawall_detect::{Case, Engine, Matching, Outcome};
use seawall_report::printable;
use serde_json::{Value, json};

use super::rule_files::{self, Texts};
use crate::Session;
use crate::args::rules::{Test, TestFormat, TestOutput};
use crate::exit::Exit;

/// The name of the JSON's format.
const SCHEMA: &str = "seawall.rules-test/v1";

/// A case and how it ended.
struct Ran {
    file: String,
    case: Case,
    outcome: Outcome,
}

pub(crate) fn run(args: &Test, session: &Session<'_>) -> Result<Exit> {
    if args.format.iter().filter(|output| output.file.is_none()).count() > 1 {
        bail!("only one format can go to stdout; give the others a file: --format junit=rules.xml");
    }
    let loaded = Texts::read(&args.rules)?.load(session)?;
    let matching = if args.first { Matching::First } else { Matching::All };
    let mut engine = Engine::new(loaded, matching);
    let mut ran = Vec::new();
    for path in &args.file {
        let file = path.display().to_string();
        for case in cases(path, &file, &args.expect, session)? {
            let outcome = case.run(&mut engine);
            ran.push(Ran { file: file.clone(), case, outcome });
        }
    }
    let table = [TestOutput { format: TestFormat::Table, file: None }];
    let outputs = if args.format.is_empty() { &table[..] } else { &args.format };
    for output in outputs {
        write_out(output, &ran, session)?;
    }
    let is_fine = ran.iter().all(|ran| ran.outcome.failures.is_empty());
    Ok(if is_fine { Exit::Allowed } else { Exit::Denied })
}

/// Recordings that a case names lie beside its file.
fn cases(path: &Path, file: &str, expected: &[String], session: &Session<'_>) -> Result<Vec<Case>> {
    let beside = path.parent().unwrap_or(Path::new(""));
    let capture =
        |name: &str| rule_files::capture(&beside.join(name), session).map_err(|error| format!("{error:#}"));
    Ok(Case::read(file, &rule_files::capture(path, session)?, expected, &capture)?)
}

fn write_out(output: &TestOutput, ran: &[Ran], session: &Session<'_>) -> Result<()> {
    let text = match output.format {
        TestFormat::Table => table(ran)?,
        TestFormat::Json => format!("{:#}\n", as_json(ran)),
        TestFormat::Junit => junit(ran)?,
    };
    match &output.file {
        Some(file) => fs::write(file, text).with_context(|| format!("cannot write {}", file.display())),
        None if output.format == TestFormat::Table => session.terminal.text(&text),
        None => session.terminal.result(|out| Ok(out.write_all(text.as_bytes())?)),
    }
}

fn failed(ran: &[Ran]) -> usize {
    ran.iter().filter(|ran| !ran.outcome.failures.is_empty()).count()
}

fn table(ran: &[Ran]) -> Result<String> {
    let mut text = String::new();
    for Ran { file, case, outcome } in ran {
        let mark = if outcome.failures.is_empty() { "pass" } else { "FAIL" };
        writeln!(text, "{mark}  {file}:{}  {}", case.line, case.name)?;
        for failure in &outcome.failures {
            writeln!(text, "      {failure}")?;
        }
    }
    writeln!(text, "{} cases, {} failed", ran.len(), failed(ran))?;
    Ok(text)
}

fn as_json(ran: &[Ran]) -> Value {
    let case = |Ran { file, case, outcome }: &Ran| {
        json!({
            "file": file,
            "line": case.line,
            "name": case.name,
            "events": case.events(),
            "passed": outcome.failures.is_empty(),
            "spoke": outcome.spoke,
            "failures": outcome.failures,
        })
    };
    let failed = failed(ran);
    json!({
        "schema": SCHEMA,
        "passed": ran.len() - failed,
        "failed": failed,
        "cases": ran.iter().map(case).collect::<Vec<_>>(),
    })
}

fn junit(ran: &[Ran]) -> Result<String> {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let (cases, failed) = (ran.len(), failed(ran));
    writeln!(text, "<testsuites tests=\"{cases}\" failures=\"{failed}\">")?;
    writeln!(text, "  <testsuite name=\"seawall rules test\" tests=\"{cases}\" failures=\"{failed}\">")?;
    for Ran { file, case, outcome } in ran {
        let (name, class) = (attribute(&case.name), attribute(&format!("{file}:{}", case.line)));
        if outcome.failures.is_empty() {
            writeln!(text, "    <testcase name=\"{name}\" classname=\"{class}\"/>")?;
            continue;
        }
        let message = attribute(&outcome.failures.join("; "));
        writeln!(text, "    <testcase name=\"{name}\" classname=\"{class}\">")?;
        writeln!(text, "      <failure message=\"{message}\"/>\n    </testcase>")?;
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    Ok(text)
}

/// A text inside quotation marks of XML, which knows no control characters.
fn attribute(text: &str) -> String {
    let escape = |character: char| match character {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        '\n' | '\t' => " ".to_owned(),
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}'.to_string(),
        other => other.to_string(),
    };
    printable(text).chars().map(escape).collect()
}
