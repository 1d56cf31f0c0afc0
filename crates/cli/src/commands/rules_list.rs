//! `seawall rules list`: what is loaded, for people, programs and the reference.

use std::fmt::Write as _;

use anyhow::Result;
use seawall_detect::{Rule, meaning_and_advice};
use serde_json::{Value, json};

use super::rule_files::Texts;
use crate::Session;
use crate::args::rules::{ListFormat, RuleFiles};
use crate::exit::Exit;

pub(crate) fn run(files: &RuleFiles, format: ListFormat, session: &Session<'_>) -> Result<Exit> {
    let loaded = Texts::read(files)?.load(session)?;
    match format {
        ListFormat::Table => {
            let mut text = String::new();
            for rule in &loaded.rules {
                let off = if rule.enabled { "" } else { " (switched off)" };
                let techniques = techniques(rule).join(" ");
                writeln!(text, "{:<13} {:<58} {techniques}{off}", rule.priority.name(), rule.name)?;
            }
            writeln!(text, "{} rules", loaded.rules.len())?;
            session.terminal.text(&text)?;
        }
        ListFormat::Json => {
            let rules: Vec<Value> = loaded.rules.iter().map(described).collect();
            session.terminal.result(|out| {
                serde_json::to_writer_pretty(&mut *out, &rules)?;
                Ok(writeln!(out)?)
            })?;
        }
    }
    Ok(Exit::Allowed)
}

/// The reference page of Seawall's own rules.
pub(crate) fn markdown(files: &RuleFiles, session: &Session<'_>) -> Result<Exit> {
    let loaded = Texts::read(files)?.load(session)?;
    let mut text = "# Rules of the guard\n\nMade by `seawall rules list --markdown`; a test compares it with the rules. \
                    How rules are written is in [guard-rules.md](guard-rules.md).\n"
        .to_owned();
    let mut file = "";
    for rule in &loaded.rules {
        if rule.file != file {
            file = &rule.file;
            write!(text, "\n## {file}\n")?;
        }
        let (meaning, advice) = meaning_and_advice(&rule.description);
        write!(text, "\n### {}\n\n`{}`, {}", rule.name, rule.id(), rule.priority.name())?;
        let techniques = techniques(rule);
        if !techniques.is_empty() {
            write!(text, ", {}", techniques.join(" "))?;
        }
        write!(text, "\n\n{meaning}\n")?;
        if !advice.is_empty() {
            write!(text, "\nWhat to do: {advice}\n")?;
        }
    }
    session.terminal.text(&text)?;
    Ok(Exit::Allowed)
}

fn techniques(rule: &Rule) -> Vec<String> {
    rule.controls().into_iter().map(|control| control.id).collect()
}

fn described(rule: &Rule) -> Value {
    json!({
        "id": rule.id(),
        "name": rule.name,
        "priority": rule.priority,
        "source": rule.source,
        "enabled": rule.enabled,
        "description": rule.description,
        "tags": rule.tags,
        "controls": techniques(rule),
        "events": rule.event_types.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
        "respond": rule.respond,
        "file": rule.file,
        "line": rule.line,
    })
}
