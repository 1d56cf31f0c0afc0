//! `seawall incidents`: what the guard found and what scans know → one story for each place and stretch of time.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use seawall_policy::Judged;
use seawall_report::Colour;
use seawall_report::incident::{Answer, Scanned, incidents, tell, write_json};
use seawall_respond::{Outcome, Receipt, Receipts};
use serde::Deserialize;

use super::respond;
use crate::Session;
use crate::args::{DiffFormat, Incidents};
use crate::exit::Exit;
use crate::{input, output};

/// A file of findings or a report: some 60,000 findings. What is larger is rotated before.
const FILE_BYTES_MAX: u64 = 128 << 20;
/// Width where there is no terminal to ask.
const WIDTH: usize = 110;

/// Of a scan's JSON report, what is told beside an incident.
#[derive(Deserialize)]
struct Scan {
    target: Target,
    findings: Vec<Judged>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

pub(crate) fn run(args: &Incidents, session: &Session<'_>) -> Result<Exit> {
    let mut findings = Vec::new();
    for path in &args.file {
        findings.extend(alerts(path, session)?);
    }
    let scans: Vec<Scan> = args.with.iter().map(|path| scan(path)).collect::<Result<_>>()?;
    let scanned: Vec<Scanned<'_>> =
        scans.iter().map(|scan| Scanned { image: &scan.target.name, findings: &scan.findings }).collect();
    let answers = match &args.receipts {
        Some(directory) => answers(directory, session)?,
        None => Vec::new(),
    };
    let found = incidents(&findings, &scanned, answers);
    let bytes = match args.format {
        DiffFormat::Json => {
            let mut bytes = Vec::new();
            write_json(&found, &mut bytes)?;
            bytes
        }
        DiffFormat::Table => {
            let is_file = args.output.is_some();
            let colour = if session.terminal.colour() && !is_file { Colour::Ansi } else { Colour::Never };
            tell(&found, colour, session.terminal.width().unwrap_or(WIDTH)).into_bytes()
        }
    };
    output::write(args.output.as_ref(), &bytes, session.terminal)?;
    if found.is_empty() {
        session.terminal.note("nothing happened: the files hold no finding of the guard");
    }
    let worst = found.iter().map(|incident| incident.verdict).max().unwrap_or_default();
    Ok(worst.into())
}

/// The findings that `seawall guard --format json` wrote, one a line. A line that was cut (the guard is still writing, or
/// was killed) is told and left out.
fn alerts(path: &Path, session: &Session<'_>) -> Result<Vec<Judged>> {
    let bytes = input::bytes_of(path, FILE_BYTES_MAX)?;
    let mut found = Vec::new();
    let mut wrong = 0_usize;
    let mut first_wrong = None;
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.trim_ascii().is_empty()) {
        match serde_json::from_slice::<Judged>(line) {
            Ok(judged) => found.push(judged),
            Err(error) => {
                wrong += 1;
                first_wrong.get_or_insert_with(|| format!("line {}: {error}", index + 1));
            }
        }
    }
    match first_wrong {
        Some(reason) if found.is_empty() => {
            bail!("{} holds no findings of `seawall guard --format json`: {reason}", path.display())
        }
        Some(reason) => {
            let path = path.display();
            session
                .terminal
                .note(format_args!("{path}: {wrong} lines are no findings and were left out; {reason}"));
        }
        None => {}
    }
    Ok(found)
}

/// What the receipts of a directory tell, but for what was not needed or refused: that stands in them.
fn answers(directory: &Path, session: &Session<'_>) -> Result<Vec<Answer>> {
    let (receipts, wrong) = Receipts::at(directory).all()?;
    for error in wrong {
        session.terminal.error(&anyhow::Error::msg(format!("{error}: it is not told")));
    }
    let is_told = |receipt: &Receipt| match receipt.outcome {
        Outcome::Begun | Outcome::Done | Outcome::Rehearsed | Outcome::Failed => true,
        Outcome::Needless | Outcome::Refused => false,
    };
    let told = receipts.into_iter().filter(is_told).map(|receipt| Answer {
        time: receipt.time,
        told: respond::told(&receipt),
        receipt: receipt.id.to_string(),
        finding: receipt.finding,
    });
    Ok(told.collect())
}

fn scan(path: &Path) -> Result<Scan> {
    let text = input::text_of(path, FILE_BYTES_MAX)?;
    serde_json::from_str(&text)
        .with_context(|| format!("{} is no JSON report of `seawall scan`", path.display()))
}
