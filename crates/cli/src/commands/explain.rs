//! `seawall explain`: what a rule or a vulnerability is, and how to fix what it finds.

use std::fmt::Write as _;

use anyhow::{Result, bail};
use seawall_advisory::Database;
use seawall_advisory::database::{Advisory, Text};
use seawall_advisory::record::{Bound, Enrichment, State};
use seawall_finding::Severity;
use seawall_report::RuleText;

use super::rules::{self, Explained, Group};
use crate::Session;
use crate::exit::Exit;
use crate::terminal::Terminal;

/// Lines that list affected packages before the rest is counted.
const AFFECTED_MAX: usize = 30;

pub(crate) fn run(id: &str, session: &Session<'_>) -> Result<Exit> {
    let text = match rules::by_id(id) {
        Some(rule) => rule_text(&rule),
        None if is_advisory_id(id) => {
            let Some(database) = super::scan::database(session)? else {
                bail!("cannot explain {id}: there is no advisory database; `seawall db update` makes one")
            };
            advisory_text(&database, &id.to_uppercase(), id)?
        }
        None => {
            bail!(
                "`{id}` is neither an advisory's id (CVE-2024-6387, GHSA-…, DSA-…) nor a rule; \
                 `seawall explain --list` lists the rules"
            )
        }
    };
    session.terminal.text(&text)?;
    Ok(Exit::Allowed)
}

/// Every rule on a line, or the reference page of them.
pub(crate) fn reference(markdown: bool, terminal: &Terminal) -> Result<Exit> {
    let mut text = String::new();
    if markdown {
        text.push_str(
            "# Rules\n\nMade by `seawall explain --markdown`; a test compares it with the rules.\n",
        );
    }
    for Group { title, rules } in rules::groups() {
        let _ = if markdown { write!(text, "\n## {title}\n") } else { writeln!(text, "{title}") };
        for rule in rules {
            match markdown {
                true => markdown_of(&mut text, &rule),
                false => {
                    let _ =
                        writeln!(text, "  {:<9} {:<40} {}", rule.severity.name(), rule.id, rule.text.title);
                }
            }
        }
    }
    terminal.text(&text)?;
    Ok(Exit::Allowed)
}

fn markdown_of(text: &mut String, rule: &Explained) {
    let RuleText { title, why, fix } = &rule.text;
    let _ = write!(text, "\n### {}\n\n{title} ({})\n\n{why}\n\nFix: {fix}\n", rule.id, rule.severity);
    let controls: Vec<String> =
        rule.controls.iter().map(|control| format!("{} {}", control.framework.name(), control.id)).collect();
    if !controls.is_empty() {
        let _ = writeln!(text, "\nControls: {}", controls.join(", "));
    }
    if !rule.aliases.is_empty() {
        let _ = writeln!(text, "\nElsewhere: {}", rule.aliases.join(", "));
    }
}

/// Letters, a dash, and a digit or more behind it: rules have no digits.
fn is_advisory_id(id: &str) -> bool {
    let has_prefix = id.split_once('-').is_some_and(|(prefix, rest)| {
        prefix.bytes().all(|byte| byte.is_ascii_alphanumeric()) && rest.len() > 3
    });
    has_prefix && id.bytes().any(|byte| byte.is_ascii_digit())
}

fn rule_text(rule: &Explained) -> String {
    let RuleText { title, why, fix } = &rule.text;
    let mut text = format!("{title} ({})\n\n{why}\n\nFix: {fix}\n", rule.id);
    if rule.severity != Severity::Unknown {
        let _ = write!(text, "\nSeverity: {}\n", rule.severity);
    }
    if !rule.controls.is_empty() {
        text.push_str("\nControls:\n");
    }
    for control in &rule.controls {
        let _ = writeln!(text, "  {} {}", control.framework.name(), control.id);
    }
    if !rule.aliases.is_empty() {
        let _ = writeln!(text, "\nElsewhere: {}", rule.aliases.join(", "));
    }
    for reference in &rule.references {
        let _ = writeln!(text, "  {reference}");
    }
    text
}

fn advisory_text(database: &Database, upper: &str, given: &str) -> Result<String> {
    // GHSA ids are lower case behind the prefix, the others upper case.
    let spellings = [given.to_owned(), upper.to_owned(), ghsa(given)];
    let advisories: Vec<Advisory> =
        spellings.iter().map(|id| database.by_id(id)).find(|found| !found.is_empty()).unwrap_or_default();
    let enrichment = spellings.iter().find_map(|id| database.enrichment(id));
    if advisories.is_empty() && enrichment.is_none() {
        bail!("no source of the database knows {given}; `seawall db status` shows its sources and ages");
    }
    let mut text = String::new();
    heading(&mut text, upper, &advisories, enrichment.as_ref());
    if let Some(enrichment) = &enrichment {
        facts(&mut text, enrichment);
    }
    prose(&mut text, database, &advisories);
    affected(&mut text, &advisories);
    Ok(text)
}

fn ghsa(id: &str) -> String {
    match id.get(..5) {
        Some(prefix) if prefix.eq_ignore_ascii_case("ghsa-") => {
            format!("GHSA-{}", id[5..].to_ascii_lowercase())
        }
        _ => id.to_owned(),
    }
}

fn heading(text: &mut String, id: &str, advisories: &[Advisory], enrichment: Option<&Enrichment>) {
    text.push_str(id);
    if let Some(enrichment) = enrichment.filter(|enrichment| !enrichment.title.is_empty()) {
        let _ = write!(text, ": {}", enrichment.title);
    }
    text.push('\n');
    let mut names: Vec<&str> = advisories
        .iter()
        .flat_map(|advisory| {
            let identity = &advisory.identity;
            let aliases = identity.aliases.iter().map(String::as_str);
            aliases.chain([identity.id.as_str()]).chain(identity.advisory.as_deref())
        })
        .filter(|name| *name != id)
        .collect();
    names.sort_unstable();
    names.dedup();
    if !names.is_empty() {
        let _ = writeln!(text, "also known as {}", names.join(", "));
    }
}

fn facts(text: &mut String, enrichment: &Enrichment) {
    if let Some(exploited) = &enrichment.known_exploited {
        let by = if exploited.ransomware { ", by ransomware too" } else { "" };
        let _ = writeln!(text, "known to be exploited (CISA KEV) since {}{by}", exploited.added);
    }
    if let Some((score, percentile)) = enrichment.epss {
        let _ = writeln!(text, "EPSS {:.1} %: above {:.0} % of all CVEs", score * 100.0, percentile * 100.0);
    }
    for rating in &enrichment.ratings {
        let score = rating.score.map(|score| format!(" {score:.1}")).unwrap_or_default();
        let vector = rating.vector.as_deref().map(|vector| format!(" ({vector})")).unwrap_or_default();
        let _ = writeln!(text, "rated {}{score} by {}{vector}", rating.severity, rating.source);
    }
    if !enrichment.weaknesses.is_empty() {
        let _ = writeln!(text, "weakness {}", enrichment.weaknesses.join(", "));
    }
}

/// The longest description and all references, each once.
fn prose(text: &mut String, database: &Database, advisories: &[Advisory]) {
    let mut seen = std::collections::BTreeSet::new();
    let mut known: Vec<(String, Text)> = Vec::new();
    for advisory in advisories {
        let identity = &advisory.identity;
        if seen.insert((advisory.source.name.clone(), identity.id.clone(), identity.advisory.clone())) {
            let found = database.text(&advisory.source.name, &identity.id, identity.advisory.as_deref());
            known.extend(found.map(|found| (advisory.source.name.clone(), found)));
        }
    }
    let best = known.iter().max_by_key(|(_, text)| text.description.len());
    if let Some((source, best)) = best.filter(|(_, text)| !text.description.is_empty()) {
        let _ = write!(text, "\n{}\n(from {source})\n", best.description.trim());
    }
    let references: std::collections::BTreeSet<&str> =
        known.iter().flat_map(|(_, text)| text.references.iter().map(String::as_str)).collect();
    if !references.is_empty() {
        text.push_str("\nReferences:\n");
        for reference in references.iter().take(AFFECTED_MAX) {
            let _ = writeln!(text, "  {reference}");
        }
    }
}

fn affected(text: &mut String, advisories: &[Advisory]) {
    let mut lines: Vec<String> = advisories.iter().map(line).collect();
    lines.sort();
    lines.dedup();
    if lines.is_empty() {
        return;
    }
    text.push_str("\nAffected:\n");
    for line in lines.iter().take(AFFECTED_MAX) {
        let _ = writeln!(text, "  {line}");
    }
    if lines.len() > AFFECTED_MAX {
        let _ = writeln!(text, "  … and {} more", lines.len() - AFFECTED_MAX);
    }
}

/// `debian:12 openssl before 3.0.14-1 (debian-dsa)`.
fn line(advisory: &Advisory) -> String {
    let affected = &advisory.affected;
    let range = |range: &seawall_advisory::record::Range| {
        let from = range.introduced.as_deref().filter(|from| !matches!(*from, "" | "0"));
        let from = from.map(|from| format!("from {from} ")).unwrap_or_default();
        match &range.until {
            Bound::Fixed(fixed) => format!("{from}before {fixed}"),
            Bound::LastAffected(last) => format!("{from}up to {last}"),
            Bound::Open => format!("{from}all versions"),
        }
    };
    let mut versions: Vec<String> = affected.ranges.iter().map(range).collect();
    if versions.is_empty() {
        versions.push(match affected.versions.len() {
            0 => "all versions".to_owned(),
            _ => affected.versions.iter().take(5).cloned().collect::<Vec<_>>().join(", "),
        });
    }
    let state = match affected.state {
        State::Fixed => "",
        State::NotFixed => ", not fixed",
        State::Deferred => ", fix deferred",
        State::WillNotFix => ", will not be fixed",
        State::UnderInvestigation => ", under investigation",
        State::EndOfLife => ", end of life",
        State::Undetermined => ", undetermined",
        State::NotAffected => ", not affected",
    };
    let versions = versions.join("; ");
    format!("{} {} {versions}{state} ({})", affected.space, affected.name, advisory.source.name)
}
