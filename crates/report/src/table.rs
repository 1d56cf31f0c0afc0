//! The table for people: what to do, what has no fix, what was not examined, by which data.
//!
//! Findings are grouped by the upgrade that removes them; a group lists its worst few and counts the rest, because
//! every other format lists them all. Control characters of hostile names never reach the terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;

use seawall_finding::{Evidence, FixState, Severity, Vulnerable};
use seawall_inventory::TargetKind;
use seawall_policy::{Judged, Verdict};

use unicode_width::UnicodeWidthStr;

use crate::advice::{Removed, by_fingerprint, title};
use crate::text::{clean, count, fit, pad, wrap};
use crate::{Advice, Colour, RenderError, RenderOptions, Report};

/// Findings that one upgrade's group lists before it counts the rest.
const LISTED_MAX: usize = 3;
/// Ids that one line of unfixed findings lists before it counts the rest.
const IDS_MAX: usize = 3;
/// Packages without a fix that are listed before they are counted: nobody can act on them.
const UNFIXED_MAX: usize = 20;
/// Gaps that are listed before they are counted.
const GAPS_MAX: usize = 20;
/// Width where there is no terminal to ask.
const WIDTH: usize = 110;
/// Columns in which an upgrade and what it removes stand side by side: further apart, the eye loses the line.
const WIDE: usize = 120;

pub(crate) fn write(
    report: &Report,
    options: &RenderOptions,
    out: &mut dyn Write,
) -> Result<(), RenderError> {
    let table = Table { report, colour: options.colour, width: options.width.unwrap_or(WIDTH).max(40) };
    let mut text = String::new();
    table.header(&mut text);
    table.urgent(&mut text);
    table.upgrades(&mut text);
    table.unfixed(&mut text);
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

/// The problems of one source package that have no fix.
#[derive(Default)]
struct Unfixed<'a> {
    severity: Severity,
    risk: f64,
    ids: Vec<&'a str>,
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
        parts.push(count(inventory.packages.len(), "package"));
        match (&inventory.image, inventory.target.kind) {
            (Some(image), _) => {
                parts.push(count(image.layers.len(), "layer"));
                parts.push(image.platform.to_string());
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
        let urgent: Vec<&Judged> = self.listed().filter(|judged| !is_vulnerable(judged)).collect();
        if urgent.is_empty() {
            return;
        }
        self.heading(text, "ATTENTION");
        for judged in urgent {
            let severity = self.severity(judged.finding.severity);
            for (index, line) in wrap(&clean(&judged.finding.summary), self.width - 14).iter().enumerate() {
                let label = if index == 0 { severity.as_str() } else { "          " };
                let _ = writeln!(text, "  {label}  {line}");
            }
            for line in wrap(&clean(&judged.finding.remedy), self.width - 14) {
                let _ = writeln!(text, "              {line}");
            }
        }
    }

    fn upgrades(&self, text: &mut String) {
        let found = by_fingerprint(&self.report.findings);
        let mut is_first = true;
        for advice in &self.report.advice {
            let removed = advice.removed(&found, is_listed);
            if removed.is_empty() {
                continue;
            }
            if std::mem::take(&mut is_first) {
                self.heading(text, "UPGRADE");
            }
            self.upgrade(text, advice, &advice.places(&found), &removed);
        }
    }

    fn upgrade(&self, text: &mut String, advice: &Advice, places: &[&str], removed: &[Removed<'_>]) {
        let (version, packages) = advice.installed();
        let what = match version {
            Some(version) => format!("{} {}", clean(&advice.package), clean(version)),
            None => clean(&advice.package).into_owned(),
        };
        let what = format!("{what} → {}", clean(&advice.to));
        let removes = format!("removes {}{}", removed.len(), worst(removed));
        let room = self.width.min(WIDE).saturating_sub(removes.width() + 2);
        let _ = writeln!(text, "{}  {removes}", self.paint("1", &pad(&fit(&what, room), room)));
        if let Some(whereabouts) = whereabouts(advice, version, &packages, places, removed) {
            self.line(text, &format!("  in {whereabouts}"));
        }
        let (telling, rest): (Vec<_>, Vec<_>) = removed.iter().partition(|one| {
            !title(one.vulnerable).is_empty()
                || !marks(one.vulnerable).is_empty()
                || one.severity >= Severity::High
        });
        let (shown, more) = telling.split_at(telling.len().min(LISTED_MAX));
        for one in shown {
            self.finding(text, one);
        }
        let others: Vec<&str> = more.iter().chain(&rest).map(|one| one.vulnerable.id.as_str()).collect();
        self.others(text, &others, if shown.is_empty() { "" } else { "and " });
    }

    /// As many ids as fit on one line, and how many there are.
    fn others(&self, text: &mut String, ids: &[&str], and: &str) {
        let Some(first) = ids.first() else { return };
        let mut line = format!("  {and}{}", clean(first));
        let mut left = ids.len() - 1;
        for id in ids.iter().skip(1) {
            let tail = if left > 1 { format!(", {left} more").len() } else { 0 };
            if line.width() + 2 + id.width() + tail > self.width {
                break;
            }
            let _ = write!(line, ", {}", clean(id));
            left -= 1;
        }
        if left > 0 {
            let _ = write!(line, ", {left} more");
        }
        self.line(text, &line);
    }

    fn finding(&self, text: &mut String, one: &Removed<'_>) {
        let title = title(one.vulnerable);
        let id = pad(&fit(&clean(&one.vulnerable.id), 24), 16);
        let line = format!("{id} {:>3.0}  {}{}", one.vulnerable.risk, marks(one.vulnerable), clean(title));
        let line = fit(line.trim_end(), self.width.saturating_sub(14));
        let line = format!("  {}  {line}", self.severity(one.severity));
        let _ = writeln!(text, "{}", line.trim_end());
    }

    /// One line a source package, because its binaries have the same problems; the worst first.
    fn unfixed(&self, text: &mut String) {
        let mut groups: BTreeMap<(FixState, String), Unfixed<'_>> = BTreeMap::new();
        for judged in self.listed() {
            if let Evidence::Vulnerable(vulnerable) = &judged.finding.evidence
                && vulnerable.state != FixState::Fixed
            {
                let matched = vulnerable.matched.first();
                let name = matched.map_or_else(
                    || judged.finding.subject.label(),
                    |matched| format!("{} {}", matched.name, matched.version),
                );
                let group = groups.entry((vulnerable.state, name)).or_default();
                group.severity = group.severity.max(judged.finding.severity);
                group.risk = group.risk.max(vulnerable.risk);
                if !group.ids.contains(&vulnerable.id.as_str()) {
                    group.ids.push(&vulnerable.id);
                }
            }
        }
        let mut by_state: BTreeMap<FixState, Vec<(String, Unfixed<'_>)>> = BTreeMap::new();
        for ((state, name), group) in groups {
            by_state.entry(state).or_default().push((name, group));
        }
        for (state, mut groups) in by_state {
            groups.sort_by(|(_, a), (_, b)| b.severity.cmp(&a.severity).then(b.risk.total_cmp(&a.risk)));
            self.heading(text, &state.label().to_uppercase());
            let (shown, others) = groups.split_at(groups.len().min(UNFIXED_MAX));
            for (name, group) in shown {
                self.unfixed_line(text, name, group);
            }
            if !others.is_empty() {
                let problems: usize = others.iter().map(|(_, group)| group.ids.len()).sum();
                let others = count(others.len(), "package");
                self.line(text, &format!("  and {others} with {}", count(problems, "problem")));
            }
        }
    }

    fn unfixed_line(&self, text: &mut String, name: &str, group: &Unfixed<'_>) {
        let (shown, others) = group.ids.split_at(group.ids.len().min(IDS_MAX));
        let more = if others.is_empty() { String::new() } else { format!(" +{}", others.len()) };
        let room = (self.width / 3).max(24);
        let line = format!("{}  {}{more}", pad(&fit(&clean(name), room), room), clean(&shown.join(" ")));
        let line = fit(&line, self.width.saturating_sub(14));
        let _ = writeln!(text, "  {}  {}", self.severity(group.severity), line.trim_end());
    }

    fn gaps(&self, text: &mut String) {
        let gaps = &self.report.gaps;
        if gaps.is_empty() {
            return;
        }
        self.heading(text, &format!("NOT EXAMINED ({})", gaps.len()));
        for gap in gaps.iter().take(GAPS_MAX) {
            for line in wrap(&clean(&gap.to_string()), self.width - 2) {
                let _ = writeln!(text, "  {line}");
            }
        }
        if gaps.len() > GAPS_MAX {
            let _ = writeln!(text, "  … and {} more", gaps.len() - GAPS_MAX);
        }
    }

    fn coverage(&self, text: &mut String) {
        self.heading(text, "COVERAGE");
        let coverage = &self.report.coverage;
        let size = format!("{} files, {} MB", coverage.files, coverage.bytes / 1_000_000);
        if coverage.layers > 0 {
            let cached = match coverage.layers_cached {
                0 => String::new(),
                cached => format!(" ({cached} from the cache)"),
            };
            let layers = count(coverage.layers as usize, "layer");
            self.row(text, "looked at", &format!("{layers}{cached}, {size}"));
        } else if coverage.files > 0 {
            self.row(text, "looked at", &size);
        }
        let ecosystem = |count: &seawall_finding::CatalogCount| {
            format!("{} {}", count.packages, count.ecosystem.purl_type())
        };
        let packages = coverage.packages.iter().map(ecosystem).collect::<Vec<_>>().join(", ");
        self.row(text, "packages", if packages.is_empty() { "none" } else { &packages });
        self.row(text, "judged", &self.judged());
        self.advisories(text);
        self.row(text, "not listed", &self.hidden());
    }

    /// A label and its text, which may take several lines; nothing for an empty text.
    fn row(&self, text: &mut String, label: &str, value: &str) {
        for (index, line) in wrap(&clean(value), self.width.saturating_sub(14)).iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            let _ = writeln!(text, "  {label:<10}  {line}");
        }
    }

    /// The sources in columns: what they cover, their name, their age.
    fn advisories(&self, text: &mut String) {
        let advisories = &self.report.coverage.advisories;
        if advisories.is_empty() {
            self.row(text, "by", "no advisory data: `seawall db update` fetches it");
        }
        for (index, source) in advisories.iter().enumerate() {
            let as_of = source.as_of.as_deref().and_then(|as_of| as_of.get(..10)).unwrap_or("unknown age");
            let label = if index == 0 { "by" } else { "" };
            let (covers, name) = (pad(&source.covers, 14), pad(&source.name, 16));
            let line = format!("  {label:<10}  {covers} {name} {as_of}  {} records", source.records);
            self.line(text, &clean(&line));
        }
    }

    /// Packages that advisories were asked about, and why the others were not.
    fn judged(&self) -> String {
        let coverage = &self.report.coverage;
        let all = count(self.report.inventory.packages.len(), "package");
        let mut judged = format!("{} of {all}", coverage.packages_judged);
        if coverage.packages_owned > 0 {
            let _ = write!(judged, ", {} as part of their distribution package", coverage.packages_owned);
        }
        if coverage.packages_for_development > 0 {
            let _ = write!(judged, ", {} for development left out", coverage.packages_for_development);
        }
        judged
    }

    /// What was found and is not listed, so that a short report never looks like a clean one.
    fn hidden(&self) -> String {
        let findings = &self.report.findings;
        let mut parts = Vec::new();
        let mut part = |number: usize, what: &str| {
            if number > 0 {
                parts.push(format!("{number} {what}"));
            }
        };
        part(findings.iter().filter(|judged| judged.waived.is_some()).count(), "waived");
        part(findings.iter().filter(|judged| is_negligible(judged)).count(), "negligible");
        let suppressed = self.report.coverage.problems_suppressed;
        part(usize::try_from(suppressed).unwrap_or(usize::MAX), "that the vendor denies");
        for left_out in &self.report.coverage.left_out {
            parts.push(format!("{} by {}", left_out.findings, left_out.by));
        }
        parts.join(", ")
    }

    /// Counts each problem once, as the groups above do: not once a package of the same source.
    fn verdict(&self, text: &mut String) {
        let mut problems: BTreeMap<(String, String), Severity> = BTreeMap::new();
        for judged in self.listed() {
            let name = match &judged.finding.evidence {
                Evidence::Vulnerable(vulnerable) => vulnerable.matched.first().map(|m| m.name.clone()),
                Evidence::Outdated(_) | Evidence::Malicious(_) => None,
            };
            let name = name.unwrap_or_else(|| judged.finding.subject.label());
            let severity = problems.entry((name, judged.finding.evidence.key())).or_default();
            *severity = (*severity).max(judged.finding.severity);
        }
        let found = match by_severity(problems.values().copied()) {
            counts if counts.is_empty() => "nothing found".to_owned(),
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
            why.push(format!("{listed} findings in all packages"));
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

/// How many an upgrade removes of each severity that is worth a word.
fn worst(removed: &[Removed<'_>]) -> String {
    let severities = removed.iter().map(|one| one.severity).filter(|severity| *severity >= Severity::Medium);
    match by_severity(severities) {
        counts if counts.is_empty() => String::new(),
        counts => format!(" ({counts})"),
    }
}

/// The packages, where they say more than the upgrade's name; where they are; which layer brought them.
fn whereabouts(
    advice: &Advice,
    version: Option<&str>,
    packages: &[&str],
    places: &[&str],
    removed: &[Removed<'_>],
) -> Option<String> {
    let mut parts = Vec::new();
    if version.is_none() || packages != [advice.package.as_str()] {
        parts.push(clean(&packages.join(", ")).into_owned());
    }
    match places {
        [] => {}
        [path] => parts.push(format!("/{}", clean(path))),
        [path, others @ ..] => parts.push(format!("/{} and {} more", clean(path), others.len())),
    }
    let place = &removed.first()?.judged.finding.place;
    if advice.in_base {
        parts.push("the base image".to_owned());
    } else if let Some(instruction) = place.layer.as_ref().and_then(|layer| layer.instruction.as_deref()) {
        parts.push(format!("layer of {}", clean(instruction)));
    }
    if parts.is_empty() { None } else { Some(parts.join(" · ")) }
}

fn is_negligible(judged: &Judged) -> bool {
    judged.waived.is_none() && judged.verdict == Verdict::Allow
}

fn is_vulnerable(judged: &Judged) -> bool {
    matches!(judged.finding.evidence, Evidence::Vulnerable(_))
}

/// `exploited` (CISA KEV) and an EPSS of 10 % or more.
fn marks(vulnerable: &Vulnerable) -> String {
    let mut marks = String::new();
    if vulnerable.known_exploited.is_some() {
        marks.push_str("exploited  ");
    }
    if let Some(epss) = vulnerable.epss.as_ref().filter(|epss| epss.score >= 0.1) {
        let _ = write!(marks, "EPSS {:.0} %  ", epss.score * 100.0);
    }
    marks
}

fn kind_label(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Image => "image",
        TargetKind::Directory => "directory",
        TargetKind::Container => "container",
        TargetKind::Sbom => "SBOM",
    }
}
