//! What happened in one place in one stretch of time, told as one story: findings of the guard, the tactics they add up
//! to, the processes that did it, and what scans already knew of the image.
//!
//! Owns the grouping and its text. Refuses to judge: an incident is as bad as the worst of its findings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use seawall_finding::{Denial, Evidence, FieldValue, Fingerprint, Happened, Severity, Subject};
use seawall_policy::{Judged, Verdict};
use serde::Serialize;

use crate::json::write_pretty;
use crate::report::risk;
use crate::text::{clean, count, fit};
use crate::{Colour, RenderError};

mod tactic;
mod tree;

/// Quiet for so long, and what comes next is another incident.
const QUIET: SignedDuration = SignedDuration::from_mins(15);
/// Steps of one incident that are told one by one.
const STEPS_MAX: usize = 60;
/// Findings of a scan that are told beside an incident.
const KNOWN_MAX: usize = 5;

/// Findings that belong together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Incident {
    /// Where: `container web (docker)`, `host db1`.
    pub place: String,
    /// The container's image, where an output names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Of the worst finding.
    pub severity: Severity,
    /// Likewise.
    pub verdict: Verdict,
    /// When the first finding was made, RFC 3339.
    pub first: Timestamp,
    /// When the last one was made.
    pub last: Timestamp,
    /// Tactics of MITRE ATT&CK in the order in which they were seen first.
    pub tactics: Vec<&'static str>,
    /// What happened, in order; repetitions are one step.
    pub steps: Vec<Step>,
    /// The processes that did it, each below its parent.
    pub processes: Vec<Process>,
    /// What scans found in the image, the most pressing first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<Known>,
    /// How many more a scan found.
    pub known_more: usize,
    /// What was done about it, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
}

/// Writes incidents as JSON (`schema/incidents.v1.json`).
///
/// # Errors
/// `out` cannot be written.
pub fn write_json(incidents: &[Incident], out: &mut dyn std::io::Write) -> Result<(), RenderError> {
    let schema = "https://seawall.dev/schema/incidents.v1.json";
    write_pretty(&serde_json::json!({ "schema": schema, "incidents": incidents }), out)
}

/// A response to a finding, as its receipt tells it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// The finding that it answers.
    pub finding: Fingerprint,
    /// When, RFC 3339.
    pub time: Timestamp,
    /// What was done, and what came of it.
    pub told: String,
    /// The receipt's name, by which it can be undone.
    pub receipt: String,
}

/// One thing that happened, perhaps several times.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// The finding's identity.
    pub fingerprint: Fingerprint,
    /// The rule's name.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// What is to be done about it.
    pub verdict: Verdict,
    /// When first, RFC 3339.
    pub time: Timestamp,
    /// How many events.
    pub events: u64,
    /// What the kernel did about it before it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denial: Option<Denial>,
    /// The command line of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// The sentence of the rule.
    pub output: String,
    /// Techniques of MITRE ATT&CK.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub techniques: Vec<String>,
}

/// A process of an incident.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Process {
    /// How many ancestors are told above it.
    pub depth: usize,
    /// Its command line.
    pub command: String,
}

/// What a scan found in the image.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Known {
    /// The finding's identity.
    pub fingerprint: Fingerprint,
    /// How bad.
    pub severity: Severity,
    /// Its sentence.
    pub summary: String,
    /// Whether it is known to be exploited.
    pub exploited: bool,
}

/// What a scan found, and in which image.
#[derive(Debug, Clone, Copy)]
pub struct Scanned<'s> {
    /// The image as the scan was asked for it.
    pub image: &'s str,
    /// Its findings.
    pub findings: &'s [Judged],
}

/// The incidents among judged findings, in the order of their beginnings. What did not happen (a scan's findings) is
/// told beside the incidents of its image only.
///
/// An answer belongs to the last incident with its finding that began before it.
pub fn incidents(findings: &[Judged], scanned: &[Scanned<'_>], answers: Vec<Answer>) -> Vec<Incident> {
    let mut places: BTreeMap<String, Vec<(Timestamp, &Judged, &Happened)>> = BTreeMap::new();
    for judged in findings {
        let Some(happened) = judged.finding.evidence.happened() else { continue };
        // A time that cannot be read is no reason to lose what happened.
        let time = happened.time.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        places.entry(place(&judged.finding.subject)).or_default().push((time, judged, happened));
    }
    let mut all = Vec::new();
    for (place, mut found) in places {
        found.sort_by_key(|(time, ..)| *time);
        let parts = found.chunk_by(|(before, ..), (time, ..)| time.duration_since(*before) <= QUIET);
        all.extend(parts.filter_map(|part| incident(&place, part, scanned)));
    }
    all.sort_by_key(|incident| incident.first);
    attach(&mut all, answers);
    all
}

fn attach(all: &mut [Incident], answers: Vec<Answer>) {
    let mut places: BTreeMap<Fingerprint, Vec<usize>> = BTreeMap::new();
    for (at, incident) in all.iter().enumerate() {
        incident.steps.iter().for_each(|step| places.entry(step.fingerprint.clone()).or_default().push(at));
    }
    for answer in answers {
        let of_finding = places.get(&answer.finding).into_iter().flatten().copied();
        let began = |at: &usize| all.get(*at).is_some_and(|incident| incident.first <= answer.time);
        if let Some(incident) = of_finding.rev().find(began).and_then(|at| all.get_mut(at)) {
            incident.answers.push(answer);
        }
    }
}

fn place(subject: &Subject) -> String {
    match subject {
        Subject::Container { engine, name } => format!("container {name} ({engine})"),
        Subject::Host { name } => format!("host {name}"),
        Subject::Package { .. }
        | Subject::Distribution { .. }
        | Subject::Engine { .. }
        | Subject::Image { .. }
        | Subject::Workload { .. }
        | Subject::Target { .. } => subject.label(),
    }
}

fn incident(
    place: &str,
    found: &[(Timestamp, &Judged, &Happened)],
    scanned: &[Scanned<'_>],
) -> Option<Incident> {
    let ((first, ..), (last, ..)) = (found.first()?, found.last()?);
    let image = found.iter().find_map(|(_, _, happened)| image(happened));
    let mut tactics = Vec::new();
    let mut steps: Vec<Step> = Vec::new();
    let mut known_steps = BTreeMap::new();
    for (time, judged, happened) in found {
        for tactic in happened.tags.iter().filter_map(|tag| tactic::of(tag)) {
            if !tactics.contains(&tactic) {
                tactics.push(tactic);
            }
        }
        // What was rehearsed first and denied later is two steps.
        let same = (&judged.fingerprint, happened.denial.map(Denial::name));
        match known_steps.get(&same).and_then(|at: &usize| steps.get_mut(*at)) {
            Some(step) => step.events = step.events.saturating_add(happened.events),
            None => {
                known_steps.insert(same, steps.len());
                steps.push(step(*time, judged, happened));
            }
        }
    }
    let (known, known_more) = known(image.as_deref(), scanned);
    Some(Incident {
        place: place.to_owned(),
        severity: found.iter().map(|(_, judged, _)| judged.finding.severity).max()?,
        verdict: found.iter().map(|(_, judged, _)| judged.verdict).max()?,
        first: *first,
        last: *last,
        tactics,
        steps,
        processes: tree::of(found.iter().map(|(_, _, happened)| happened.lineage.as_slice())),
        known,
        known_more,
        image,
        answers: Vec::new(),
    })
}

fn step(time: Timestamp, judged: &Judged, happened: &Happened) -> Step {
    let is_technique = |tag: &&String| {
        tag.strip_prefix('T').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    Step {
        fingerprint: judged.fingerprint.clone(),
        rule: happened.rule.clone(),
        severity: judged.finding.severity,
        verdict: judged.verdict,
        time,
        events: happened.events,
        denial: happened.denial,
        process: happened.lineage.first().cloned(),
        output: happened.output.clone(),
        techniques: happened.tags.iter().filter(is_technique).cloned().collect(),
    }
}

/// The image as the engine has it, or `repository:tag` from the fields of an output.
fn image(happened: &Happened) -> Option<String> {
    let known = happened.container.as_ref().map(|container| container.image.clone());
    if let Some(image) = known.filter(|image| !image.is_empty()) {
        return Some(image);
    }
    let text = |name: &str| match happened.fields.get(name) {
        Some(FieldValue::Text(text)) => Some(text.as_str()).filter(|text| !text.is_empty()),
        Some(FieldValue::Null | FieldValue::Bool(_) | FieldValue::Number(_)) | None => None,
    };
    let repository = text("container.image.repository")?;
    Some(match text("container.image.tag") {
        Some(tag) => format!("{repository}:{tag}"),
        None => repository.to_owned(),
    })
}

/// What scans of this image found: what is known to be exploited first, then by risk.
fn known(image: Option<&str>, scanned: &[Scanned<'_>]) -> (Vec<Known>, usize) {
    let is_same = |scan: &&Scanned<'_>| image.is_some_and(|image| is_image(image, scan.image));
    let mut found: Vec<(bool, &Judged)> = scanned
        .iter()
        .filter(is_same)
        .flat_map(|scan| scan.findings)
        .filter(|judged| judged.waived.is_none() && !matches!(judged.finding.evidence, Evidence::Happened(_)))
        .map(|judged| {
            let vulnerable = judged.finding.evidence.vulnerable();
            (vulnerable.is_some_and(|vulnerable| vulnerable.known_exploited.is_some()), judged)
        })
        .collect();
    found.sort_by(|(one_exploited, one), (other_exploited, other)| {
        other_exploited.cmp(one_exploited).then_with(|| risk(other).total_cmp(&risk(one)))
    });
    let mut told = BTreeSet::new();
    found.retain(|(_, judged)| told.insert(judged.finding.summary.as_str()));
    let more = found.len().saturating_sub(KNOWN_MAX);
    let known = found.into_iter().take(KNOWN_MAX).map(|(exploited, judged)| Known {
        fingerprint: judged.fingerprint.clone(),
        severity: judged.finding.severity,
        summary: judged.finding.summary.clone(),
        exploited,
    });
    (known.collect(), more)
}

/// Whether two texts name one image: Docker's own registry, `library/` and `:latest` may be left out.
fn is_image(one: &str, other: &str) -> bool {
    fn plain(name: &str) -> &str {
        let name = name.split_once('@').map_or(name, |(name, _)| name);
        let name = name.strip_suffix(":latest").unwrap_or(name);
        let name = name.strip_prefix("docker.io/").unwrap_or(name);
        name.strip_prefix("library/").unwrap_or(name)
    }
    plain(one) == plain(other)
}

/// Incidents as text for people.
pub fn tell(incidents: &[Incident], colour: Colour, width: usize) -> String {
    let mut text = String::new();
    for (index, incident) in incidents.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        Telling { colour, width: width.max(60) }.incident(&mut text, incident);
    }
    text
}

struct Telling {
    colour: Colour,
    width: usize,
}

impl Telling {
    fn line(&self, text: &mut String, line: &str) {
        text.push_str(fit(&clean(line), self.width).trim_end());
        text.push('\n');
    }

    fn heading(&self, text: &mut String, line: &str) {
        let line = clean(line);
        let line = fit(&line, self.width);
        match self.colour {
            Colour::Never => text.push_str(&line),
            Colour::Ansi => {
                let _infallible = write!(text, "\x1b[1m{line}\x1b[0m");
            }
        }
        text.push('\n');
    }

    fn incident(&self, text: &mut String, incident: &Incident) {
        let image = incident.image.as_ref().map(|image| format!(" of {image}")).unwrap_or_default();
        let severity = incident.severity.name().to_uppercase();
        self.heading(text, &format!("{severity}  {}{image}", incident.place));
        let events = incident.steps.iter().fold(0_u64, |sum, step| sum.saturating_add(step.events));
        let span = format!("{} to {}", second(incident.first), clock(incident.last));
        let steps = count(incident.steps.len(), "finding");
        let events = count(usize::try_from(events).unwrap_or(usize::MAX), "event");
        self.line(text, &format!("  {span}, {steps} from {events}, {}", incident.verdict));
        if !incident.tactics.is_empty() {
            self.line(text, &format!("  {}", incident.tactics.join(" → ")));
        }
        self.steps(text, &incident.steps);
        if !incident.processes.is_empty() {
            self.line(text, "\n");
            self.line(text, "  The processes");
            for Process { depth, command } in &incident.processes {
                self.line(text, &format!("    {}{command}", "  ".repeat((*depth).min(12))));
            }
        }
        self.known(text, incident);
        if !incident.answers.is_empty() {
            text.push('\n');
            self.line(text, "  What was done");
            for answer in &incident.answers {
                self.line(text, &format!("    {}  {}", clock(answer.time), answer.told));
            }
        }
    }

    fn steps(&self, text: &mut String, steps: &[Step]) {
        text.push('\n');
        for step in steps.iter().take(STEPS_MAX) {
            let times = if step.events > 1 { format!(" ×{}", step.events) } else { String::new() };
            let techniques = step.techniques.join(" ");
            let severity = step.severity.name();
            let denial = step.denial.map(|denial| format!(" [{}]", denial.name())).unwrap_or_default();
            let rule = &step.rule;
            self.line(
                text,
                &format!("  {}  {severity:<8}  {rule}{times}{denial}  {techniques}", clock(step.time)),
            );
            if let Some(process) = &step.process {
                self.line(text, &format!("{:26}{process}", ""));
            }
        }
        if let Some(more @ 1..) = steps.len().checked_sub(STEPS_MAX) {
            self.line(text, &format!("  and {more} more"));
        }
    }

    fn known(&self, text: &mut String, incident: &Incident) {
        if incident.known.is_empty() {
            return;
        }
        text.push('\n');
        self.line(text, "  What was known of the image");
        for known in &incident.known {
            let exploited = if known.exploited { ", known to be exploited" } else { "" };
            self.line(text, &format!("    {:<8}  {}{exploited}", known.severity.name(), known.summary));
        }
        if incident.known_more > 0 {
            self.line(text, &format!("    and {} more", incident.known_more));
        }
    }
}

/// `2026-11-28 16:02:03`.
fn second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `16:02:03.120`.
fn clock(time: Timestamp) -> String {
    time.strftime("%H:%M:%S.%3f").to_string()
}

#[cfg(test)]
mod tests;
