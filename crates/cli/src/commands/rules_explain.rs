//! `seawall rules explain`: the condition as it is written, with what each part looked at.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use seawall_detect::{Asked, Branch, Explanation, Observed, Part, explain};
use serde_json::Value;

use super::rule_files::{self, Texts};
use crate::Session;
use crate::args::rules::{Explain, ExplainFormat};
use crate::exit::Exit;

/// An event on standard input; more is no event.
const STDIN_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Characters of a value before the rest is left out.
const VALUE_CHARS_MAX: usize = 120;

/// Parts of a list of what decided before the rest is counted.
const DECIDED_MAX: usize = 6;

pub(crate) fn run(args: &Explain, session: &Session<'_>) -> Result<Exit> {
    let texts = Texts::read(&args.rules)?;
    let observed = event(&args.event, session)?;
    let explanation = explain(&texts.as_files(), &args.rule, &observed)?;
    match args.format {
        ExplainFormat::Json => session.terminal.result(|out| {
            serde_json::to_writer_pretty(&mut *out, &explanation)?;
            Ok(writeln!(out)?)
        })?,
        ExplainFormat::Text => session.terminal.text(&text(&explanation, Depth::of(args.all)))?,
    }
    Ok(Exit::Allowed)
}

/// The event that was named.
fn event(named: &str, session: &Session<'_>) -> Result<Observed> {
    let line = if named == "-" {
        let mut text = String::new();
        let read = std::io::stdin().lock().take(STDIN_BYTES_MAX).read_to_string(&mut text);
        read.context("cannot read an event from standard input")?;
        text
    } else {
        let split = named.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse::<usize>().ok()?)));
        let Some((file, number)) = split else {
            bail!("`{named}` names no event; write FILE:LINE, or `-` for standard input")
        };
        let text = rule_files::capture(Path::new(file), session)?;
        let line = number.checked_sub(1).and_then(|at| text.lines().nth(at));
        line.with_context(|| format!("{file} has no line {number}"))?.to_owned()
    };
    let line = of_case(line.trim());
    let mut read = Observed::read(&line, 1).with_context(|| format!("cannot read the event {named}"))?;
    if read.len() > 1 {
        bail!("{named} holds {} events; give one", read.len());
    }
    read.pop().with_context(|| format!("{named} holds no event"))
}

/// The event of a case of a file of tests; other lines are what they are.
fn of_case(line: &str) -> String {
    let json: Option<Value> = serde_json::from_str(line).ok();
    let event = json.as_ref().filter(|json| json.get("rule").is_some()).and_then(|json| json.get("event"));
    event.map_or_else(|| line.to_owned(), Value::to_string)
}

/// How much is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Whatever is on the way to what decided; the rest as one line each.
    Deciding,
    /// Every part.
    All,
}

impl Depth {
    fn of(all: bool) -> Depth {
        if all { Depth::All } else { Depth::Deciding }
    }
}

fn text(explanation: &Explanation, depth: Depth) -> String {
    let Explanation { rule, file, line, event, holds, tree, decided_by, steps, notes } = explanation;
    let verdict = if *holds { "matches" } else { "does not match" };
    let mut text = format!("{rule} {verdict} this {event} ({file}:{line})\n\n");
    lines(&mut text, tree, "", depth);
    for (number, step) in steps.iter().enumerate() {
        let fits = if step.holds { "is" } else { "is not" };
        let _ = writeln!(text, "\nStep {} that comes before: this event {fits} it", number + 1);
        lines(&mut text, step, "", depth);
    }
    let shown: Vec<String> = decided_by.iter().take(DECIDED_MAX).map(|part| format!("`{part}`")).collect();
    let more = match decided_by.len().saturating_sub(DECIDED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let _ = writeln!(text, "\nDecided by {}{more}", shown.join(", "));
    for note in notes {
        let _ = writeln!(text, "Note: {note}");
    }
    text
}

/// A branch and what it is made of. `all of` at the top needs no line: its parts are the list.
fn lines(text: &mut String, branch: &Branch, indent: &str, depth: Depth) {
    let is_list = matches!(branch.part, Part::All) && indent.is_empty();
    if is_list {
        branch.branches.iter().for_each(|part| line(text, part, "", depth));
    } else {
        line(text, branch, indent, depth);
    }
}

fn line(text: &mut String, branch: &Branch, indent: &str, depth: Depth) {
    let mark = if branch.holds { "yes" } else { "no " };
    let _ = writeln!(text, "{mark} {indent}{}", title(branch));
    if !is_opened(branch, depth) {
        return;
    }
    let deeper = format!("{indent}  ");
    for part in shown(branch) {
        line(text, part, &deeper, depth);
    }
}

/// What a line says. A negation with one comparison or macro is said in one.
fn title(branch: &Branch) -> String {
    match &branch.part {
        Part::All => format!("all of {}", branch.branches.len()),
        Part::Any => format!("one of {}", branch.branches.len()),
        Part::Not => match branch.branches.as_slice() {
            [inner] => format!("not {}", title(inner)),
            _ => "not".to_owned(),
        },
        Part::Macro { name } => format!("{name} (macro)"),
        Part::Exception { name } => format!("no exception `{name}`"),
        Part::Scope => "scope".to_owned(),
        Part::Asked(asked) => comparison(asked),
    }
}

fn comparison(asked: &Asked) -> String {
    let Asked { condition, field, value, other, matched } = asked;
    let mut line = format!("{condition}   ");
    match value {
        None => {
            let _ = write!(line, "{field} is absent: compares false");
        }
        Some(value) => {
            let _ = write!(line, "{field} is {:?}", short(value));
        }
    }
    if let Some(other) = other {
        let _ = write!(line, ", right side is {:?}", short(other));
    }
    if let Some(matched) = matched {
        let _ = match &matched.list {
            Some(list) => write!(line, ", matched by {:?} of {list}", short(&matched.item)),
            None => write!(line, ", matched by {:?}", short(&matched.item)),
        };
    }
    line
}

fn short(value: &str) -> String {
    let mut short: String = value.chars().take(VALUE_CHARS_MAX).collect();
    if value.chars().nth(VALUE_CHARS_MAX).is_some() {
        short.push('…');
    }
    short
}

/// What stands below a branch: a negation shows what is in its inside, a macro of one `and` or `or` its parts.
fn shown(branch: &Branch) -> &[Branch] {
    match (&branch.part, branch.branches.as_slice()) {
        (Part::Not, [inner]) => shown(inner),
        (Part::Macro { .. } | Part::Scope, [inner]) if matches!(inner.part, Part::All) => &inner.branches,
        (_, branches) => branches,
    }
}

/// A comparison has nothing below. Of the rest, what decided is opened where it says something: that none of a
/// hundred exceptions holds is one line.
fn is_opened(branch: &Branch, depth: Depth) -> bool {
    let is_quiet_denial = branch.holds && matches!(branch.part, Part::Not | Part::Exception { .. });
    depth == Depth::All || branch.decides && !is_quiet_denial
}
