//! Dockerfiles and Containerfiles → findings: read as BuildKit reads them, judged by one table of checks that is the
//! union of what hadolint, BuildKit, Trivy, Checkov, Dockle and KICS ask, and what none of them does.
//!
//! Refuses I/O: the text comes in with its name, and so does the `.dockerignore` that goes with it. Refuses to judge
//! what it cannot know: what a base image holds, and scripts for a shell that is not of the POSIX kind.

mod arguments;
mod bases;
mod check;
mod expand;
mod fix;
mod instruction;
pub(crate) mod limits;
mod model;
mod names;
mod packages;
mod parser;
mod rules;
mod run;
mod source;
mod suppress;
#[cfg(test)]
mod tests;

pub use bases::{BaseImage, bases};
pub use check::{Check, Standing};
pub use fix::{Fixed, apply};
pub use rules::CHECKS;
pub use suppress::Suppressed;

pub(crate) use rules::{controls, names_secret};
pub(crate) use suppress::Suppression;

use seawall_finding::{Confidence, Evidence, Finding, Findings, Gap, GapKind, Misset, Severity, Subject};
use seawall_inventory::Place;

use check::{Hit, Hits};
use limits::FILE_BYTES_MAX;
use model::File;

/// What the caller knows and wants.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// Rules (ids or aliases) that run although they are off by default; `all` means every one.
    pub enable: &'a [&'a str],
    /// Rules (ids or aliases) that do not run.
    pub disable: &'a [&'a str],
    /// The text of the `.dockerignore` that goes with the file; `Some("")` where there is none.
    pub dockerignore: Option<&'a str>,
    /// Registries that images may come from; empty allows all.
    pub registries: &'a [&'a str],
    /// Labels that an image must have.
    pub labels: &'a [&'a str],
    /// Ids of rules that others ask about the same files, and that comments may name.
    pub other_rules: &'a [&'a str],
    /// When the support of an image (repository and tag) ended, as `YYYY-MM-DD`, where it has.
    pub end_of_life: Option<&'a EndOfLife>,
}

/// Repository and tag of an image → the day on which its support ended.
pub type EndOfLife = dyn Fn(&str, &str) -> Option<String> + Sync;

/// What a build file gives.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Linted {
    /// What is wrong and what could not be examined.
    pub findings: Findings,
    /// What a comment in the file asks to leave out.
    pub suppressed: Vec<Suppressed>,
    /// How many rules looked at it.
    pub rules_run: usize,
}

/// Judges the file called `name`.
pub fn lint(name: &str, bytes: &[u8], options: &Options<'_>) -> Linted {
    let mut linted = Linted::default();
    if let Some(gap) = refusal(name, bytes) {
        linted.findings.gaps.push(gap);
        return linted;
    }
    let file = File::read(bytes, options.dockerignore);
    if let Some(gap) = misnomer(name, &file) {
        linted.findings.gaps.push(gap);
        return linted;
    }
    for cut in &file.cuts {
        linted.findings.gaps.push(Gap::at(GapKind::Limit, name, cut));
    }
    let mut hits = Vec::new();
    for check in CHECKS.iter().filter(|check| check.runs(options)) {
        linted.rules_run += 1;
        let mut found = Hits::default();
        (check.look)(&file, options, &mut found);
        if found.is_cut {
            let reason = format!("{} finds more than a report can hold", check.rule.id);
            linted.findings.gaps.push(Gap::at(GapKind::Limit, name, reason));
        }
        hits.extend(found.hits.into_iter().map(|hit| (*check, file.without_change_in_list(hit))));
    }
    hits.sort_by_key(|(_, hit)| hit.span);
    for (check, hit) in hits {
        let line = file.source.line_of(hit.span.start);
        let suppressed_by =
            file.suppressions.iter().find(|suppression| suppression.covers(check, &hit, line));
        let finding = finding(name, &file, check, hit, line);
        match suppressed_by {
            Some(by) => linted.suppressed.push(by.suppressed(finding)),
            None => linted.findings.found.push(finding),
        }
    }
    linted
}

/// The comments of a build file that ask to leave findings out.
pub(crate) fn comments(bytes: &[u8]) -> Vec<Suppression> {
    if refusal("", bytes).is_some() { Vec::new() } else { File::read(bytes, None).suppressions }
}

/// Instructions out of a file: a step of an image's history.
pub(crate) struct Instructions {
    file: File<'static>,
}

/// What a check says about them.
pub(crate) struct Said {
    pub(crate) setting: String,
    pub(crate) seen: String,
    pub(crate) summary: String,
    pub(crate) expected: String,
    pub(crate) severity: Option<Severity>,
    pub(crate) confidence: Confidence,
}

impl Instructions {
    /// Reads instructions that stand in a stage of some image.
    pub(crate) fn read(text: &str) -> Instructions {
        let text = format!("FROM unknown:0\n{text}\n");
        let is_fit = text.len() <= FILE_BYTES_MAX && !text.contains('\0');
        Instructions { file: File::read(if is_fit { text.as_bytes() } else { b"" }, None) }
    }

    /// What the checks of these ids find.
    pub(crate) fn hits(&self, ids: &[&str]) -> Vec<(&'static Check, Said)> {
        let mut said = Vec::new();
        for check in CHECKS.iter().filter(|check| ids.contains(&check.rule.id)) {
            let mut found = Hits::default();
            (check.look)(&self.file, &Options::default(), &mut found);
            said.extend(found.hits.into_iter().map(|hit| (*check, said_of(&self.file, hit))));
        }
        said
    }
}

/// Why a text is not judged as a build file, whatever its name.
fn misnomer(name: &str, file: &File<'_>) -> Option<Gap> {
    if file.is_template() {
        return Some(Gap::at(GapKind::Unsupported, name, "it is a template from which a Dockerfile is made"));
    }
    let reason = "it is no Dockerfile: it has no FROM, and words that are no instructions";
    (!file.is_build_file()).then(|| Gap::at(GapKind::Malformed, name, reason))
}

fn said_of(file: &File<'_>, hit: Hit) -> Said {
    let seen = check::shown(file.source.slice(hit.span));
    let keyword =
        file.parsed.instructions.iter().rfind(|instruction| instruction.span.start <= hit.span.start);
    let keyword = keyword.map_or("file", |instruction| instruction.keyword.name());
    let detail = if hit.detail.is_empty() { &seen } else { &hit.detail };
    let first = detail.split_whitespace().next().unwrap_or_default();
    Said {
        setting: match first.eq_ignore_ascii_case(keyword) {
            true => detail.clone(),
            false => format!("{keyword} {detail}"),
        },
        summary: hit.summary,
        expected: hit.expected,
        severity: hit.severity,
        confidence: hit.confidence,
        seen,
    }
}

/// The check with this id or alias, in any case.
pub fn check_named(name: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.is_called(name)).copied()
}

/// Why a file is not read at all.
fn refusal(name: &str, bytes: &[u8]) -> Option<Gap> {
    if bytes.len() > FILE_BYTES_MAX {
        let reason = format!("it is longer than {} MB", FILE_BYTES_MAX >> 20);
        return Some(Gap::at(GapKind::Limit, name, reason));
    }
    if bytes.contains(&0) {
        return Some(Gap::at(GapKind::Malformed, name, "it is not text"));
    }
    None
}

fn finding(name: &str, file: &File<'_>, check: &Check, mut hit: Hit, line: u32) -> Finding {
    let change = hit.change.take();
    let said = said_of(file, hit);
    let misset = Misset {
        setting: said.setting,
        seen: said.seen,
        expected: said.expected,
        source: None,
        because: Vec::new(),
        change,
    };
    Finding {
        rule: check.rule.id.to_owned(),
        subject: Subject::Target { name: name.to_owned() },
        place: Place { path: Some(name.to_owned()), line: Some(line), ..Place::default() },
        severity: said.severity.unwrap_or(check.rule.severity),
        confidence: said.confidence,
        summary: said.summary,
        evidence: Evidence::Misset(Box::new(misset)),
        remedy: check.rule.fix.to_owned(),
        references: check.rule.references.iter().map(|&address| address.to_owned()).collect(),
        controls: check.rule.finding_controls(),
    }
}
