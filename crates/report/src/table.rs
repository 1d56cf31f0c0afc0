//! The table for people: what to do, what has no fix, what was not examined, by which data.
//!
//! Findings are grouped by the upgrade that removes them; a group lists its worst few and counts the rest, because
//! every other format lists them all. Control characters of hostile names never reach the terminal.

mod checks;
mod coverage;
mod settings;
mod unfixed;
mod upgrades;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

use seawall_finding::{Evidence, Severity};
use seawall_inventory::TargetKind;
use seawall_policy::{Judged, Verdict};

pub(crate) use settings::is_one_of_many;

use crate::text::{clean, count, fit, wrap};
use crate::{Colour, RenderError, RenderOptions, Report};

/// Gaps that are listed before they are counted.
const GAPS_MAX: usize = 20;
/// Width where there is no terminal to ask.
const WIDTH: usize = 110;

pub(crate) fn write(
    report: &Report,
    options: &RenderOptions,
    out: &mut dyn Write,
) -> Result<(), RenderError> {
    let table = Table { report, colour: options.colour, width: options.width.unwrap_or(WIDTH).max(40) };
    let mut text = String::new();
    table.header(&mut text);
    table.urgent(&mut text);
    table.leaks(&mut text);
    table.upgrades(&mut text);
    table.unfixed(&mut text);
    table.settings(&mut text);
    table.checks(&mut text);
    table.gaps(&mut text);
    table.coverage(&mut text);
    table.verdict(&mut text);
    out.write_all(text.as_bytes())?;
    Ok(())
}

struct Table<'a> {
    report: &'a Report,
    colour: Colour,
    width: usize,
}

impl Table<'_> {
    fn line(&self, text: &mut String, line: &str) {
        text.push_str(fit(line, self.width).trim_end());
        text.push('\n');
    }

    fn heading(&self, text: &mut String, heading: &str) {
        text.push('\n');
        text.push_str(&self.paint("1", heading));
        text.push('\n');
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.colour {
            Colour::Never => text.to_owned(),
            Colour::Ansi => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }

    fn severity(&self, severity: Severity) -> String {
        let code = match severity {
            Severity::Critical => "1;35",
            Severity::High => "31",
            Severity::Medium => "33",
            Severity::Low => "36",
            Severity::Negligible | Severity::Unknown => "2",
        };
        self.paint(code, &format!("{:<10}", severity.name()))
    }

    fn header(&self, text: &mut String) {
        let inventory = &self.report.inventory;
        let mut parts = Vec::new();
        if let Some(distro) = &inventory.distro {
            let name =
                if distro.name.is_empty() { distro.release().replace(':', " ") } else { distro.name.clone() };
            parts.push(clean(&name).into_owned());
        }
        if has_packages(inventory.target.kind) {
            parts.push(count(inventory.packages.len(), "package"));
        }
        match (&inventory.image, inventory.target.kind) {
            (Some(image), _) => {
                parts.push(count(image.layers.len(), "layer"));
                // The tar of a root file system does not say.
                parts.extend(Some(image.platform.to_string()).filter(|platform| platform != "/"));
            }
            (None, kind) => parts.push(kind_label(kind).to_owned()),
        }
        if let Some(digest) = &inventory.target.digest {
            parts.push(format!("{}:{}", digest.algorithm().name(), digest.short()));
        }
        let target = clean(&inventory.target.name);
        text.push_str(&self.paint("1", &fit(&target, self.width)));
        text.push('\n');
        self.line(text, &parts.join(" · "));
    }

    /// Malicious packages and ended support: what no upgrade of one package removes.
    fn urgent(&self, text: &mut String) {
        let urgent: Vec<&Judged> = self.listed().filter(|judged| is_urgent(judged)).collect();
        if urgent.is_empty() {
            return;
        }
        self.heading(text, "ATTENTION");
        for judged in urgent {
            self.entry(text, judged.finding.severity, &judged.finding.summary, &judged.finding.remedy);
        }
    }

    fn gaps(&self, text: &mut String) {
        let gaps = &self.report.gaps;
        if gaps.is_empty() {
            return;
        }
        self.heading(text, &format!("NOT EXAMINED ({})", gaps.len()));
        for gap in self.report.gap_texts().take(GAPS_MAX) {
            for line in wrap(&clean(&gap), self.width - 2) {
                let _ = writeln!(text, "  {line}");
            }
        }
        if gaps.len() > GAPS_MAX {
            let _ = writeln!(text, "  … and {} more", gaps.len() - GAPS_MAX);
        }
    }

    /// Counts each problem once, as the groups above do: not once a package of the same source.
    fn verdict(&self, text: &mut String) {
        let mut problems: BTreeMap<(String, String), Severity> = BTreeMap::new();
        for judged in self.listed() {
            let matched =
                judged.finding.evidence.vulnerable().and_then(|vulnerable| vulnerable.matched.first());
            let name = matched.map(|matched| matched.name.clone());
            let name = name.unwrap_or_else(|| judged.finding.subject.label());
            let severity = problems.entry((name, judged.finding.evidence.key())).or_default();
            *severity = (*severity).max(judged.finding.severity);
        }
        let found = match by_severity(problems.values().copied()) {
            counts if counts.is_empty() && self.report.gaps.is_empty() => "nothing found".to_owned(),
            counts if counts.is_empty() => "nothing found in what could be examined".to_owned(),
            counts => counts,
        };
        let denied = self.report.findings.iter().filter(|judged| judged.verdict == Verdict::Deny).count();
        let verdict = match self.report.verdict {
            Verdict::Allow => self.paint("32", "allow"),
            Verdict::Warn => self.paint("33", "warn"),
            Verdict::Deny => self.paint("1;31", "deny"),
        };
        let listed = self.listed().count();
        let mut why = Vec::new();
        if listed > problems.len() {
            why.push(format!("{listed} findings in all"));
        }
        if denied > 0 {
            why.push(format!("{denied} denied"));
        }
        let why = if why.is_empty() { String::new() } else { format!(" ({})", why.join(", ")) };
        let indent = self.report.verdict.to_string().len() + 2;
        let lines = wrap(&format!("{found}{why}"), self.width.saturating_sub(indent));
        let _ = writeln!(text, "\n{verdict}: {}", lines.join(&format!("\n{}", " ".repeat(indent))));
    }

    /// What the table lists: neither waived nor negligible.
    fn listed(&self) -> impl Iterator<Item = &Judged> {
        self.report.findings.iter().filter(|judged| is_listed(judged))
    }
}

fn is_listed(judged: &Judged) -> bool {
    judged.waived.is_none() && !is_negligible(judged)
}

fn is_negligible(judged: &Judged) -> bool {
    judged.waived.is_none() && judged.verdict == Verdict::Allow
}

/// Malicious packages and ended support: what no upgrade of one package removes.
pub(crate) fn is_urgent(judged: &Judged) -> bool {
    match &judged.finding.evidence {
        Evidence::Malicious(_) | Evidence::Outdated(_) => true,
        Evidence::Vulnerable(_)
        | Evidence::Leaked(_)
        | Evidence::Misset(_)
        | Evidence::Happened(_)
        | Evidence::Untrusted(_) => false,
    }
}

/// `1 critical, 3 high`.
fn by_severity(severities: impl Iterator<Item = Severity>) -> String {
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    for severity in severities {
        *counts.entry(severity).or_default() += 1;
    }
    let parts: Vec<String> =
        counts.iter().rev().map(|(severity, count)| format!("{count} {severity}")).collect();
    parts.join(", ")
}

/// Whether the target is one in which packages are looked for.
pub(crate) fn has_packages(kind: TargetKind) -> bool {
    match kind {
        TargetKind::Image | TargetKind::Directory | TargetKind::Container | TargetKind::Sbom => true,
        TargetKind::Host | TargetKind::Files => false,
    }
}

fn kind_label(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Image => "image",
        TargetKind::Directory => "directory",
        TargetKind::Container => "container",
        TargetKind::Sbom => "SBOM",
        TargetKind::Host => "host",
        TargetKind::Files => "files",
    }
}
