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

use crate::text::{clean, count, fit, pad, wrap};
use crate::{Advice, Colour, RenderError, RenderOptions, Report};

/// Findings that one upgrade's group lists before it counts the rest.
const LISTED_MAX: usize = 4;
/// Ids that one line of unfixed findings lists before it counts the rest.
const IDS_MAX: usize = 3;
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
            for line in wrap(&clean(&judged.finding.summary), self.width - 14) {
                let _ = writeln!(text, "  {severity}  {line}");
            }
            for line in wrap(&clean(&judged.finding.remedy), self.width - 14) {
                let _ = writeln!(text, "              {line}");
            }
        }
    }

    fn upgrades(&self, text: &mut String) {
        if self.report.advice.is_empty() {
            return;
        }
        self.heading(text, "UPGRADE");
        let found: BTreeMap<_, &Judged> = self.listed().map(|judged| (&judged.fingerprint, judged)).collect();
        for advice in &self.report.advice {
            let mut removed: Vec<&Judged> = advice
                .fingerprints
                .iter()
                .filter_map(|fingerprint| found.get(fingerprint).copied())
                .collect();
            if removed.is_empty() {
                continue;
            }
            removed.sort_by(|a, b| {
                risk(b).total_cmp(&risk(a)).then(b.finding.severity.cmp(&a.finding.severity))
            });
            self.upgrade(text, advice, &removed);
        }
    }

    fn upgrade(&self, text: &mut String, advice: &Advice, removed: &[&Judged]) {
        let origin = if advice.in_base { ", in the base image" } else { "" };
        let what = clean(&advice.package);
        let title = format!("{what} → {}", clean(&advice.to));
        let removes = format!("removes {}{origin}", removed.len());
        let room = self.width.saturating_sub(removes.chars().count() + 2);
        let _ = writeln!(text, "{}  {}", self.paint("1", &pad(&fit(&title, room), room)), removes);
        let packages = advice.packages.iter().map(|package| clean(package)).collect::<Vec<_>>().join(", ");
        self.line(text, &format!("  now {packages}{}", self.place(removed)));
        for judged in removed.iter().take(LISTED_MAX) {
            self.finding(text, judged);
        }
        if removed.len() > LISTED_MAX {
            let _ = writeln!(text, "  … and {} more", removed.len() - LISTED_MAX);
        }
    }

    /// The layer's instruction for what an image's own layers brought, the path where there is one place.
    fn place(&self, removed: &[&Judged]) -> String {
        let Some(first) = removed.first().map(|judged| &judged.finding.place) else { return String::new() };
        let instruction = first.layer.as_ref().and_then(|layer| layer.instruction.as_deref());
        let is_language = removed.first().is_some_and(|judged| match &judged.finding.subject {
            seawall_finding::Subject::Package { ecosystem, .. } => !ecosystem.is_distribution(),
            seawall_finding::Subject::Distribution { .. } | seawall_finding::Subject::Target { .. } => false,
        });
        match (is_language, &first.path, instruction) {
            (true, Some(path), _) => format!(" in /{}", clean(path)),
            (_, _, Some(instruction)) => format!(" by {}", clean(instruction)),
            _ => String::new(),
        }
    }

    fn finding(&self, text: &mut String, judged: &Judged) {
        let Evidence::Vulnerable(vulnerable) = &judged.finding.evidence else { return };
        let marks = marks(vulnerable);
        let id = pad(&clean(&vulnerable.id), 19);
        let start = format!("{id} {:>3.0}  {marks}", vulnerable.risk);
        let room = self.width.saturating_sub(14 + start.chars().count());
        let title = clean(&vulnerable.title);
        let title = fit(&title, room);
        let _ = writeln!(
            text,
            "{}",
            format!("  {}  {start}{title}", self.severity(judged.finding.severity)).trim_end()
        );
    }

    fn unfixed(&self, text: &mut String) {
        let mut groups: BTreeMap<(&str, String), Vec<&Judged>> = BTreeMap::new();
        for judged in self.listed() {
            if let Evidence::Vulnerable(vulnerable) = &judged.finding.evidence
                && vulnerable.state != FixState::Fixed
            {
                groups
                    .entry((vulnerable.state.label(), judged.finding.subject.label()))
                    .or_default()
                    .push(judged);
            }
        }
        let mut state = "";
        for ((label, package), judged) in groups {
            if label != state {
                self.heading(text, &label.to_uppercase());
                state = label;
            }
            let worst = judged.iter().map(|judged| judged.finding.severity).max().unwrap_or_default();
            let ids: Vec<String> =
                judged.iter().take(IDS_MAX).map(|judged| judged.finding.evidence.key()).collect();
            let more =
                if judged.len() > IDS_MAX { format!(" +{}", judged.len() - IDS_MAX) } else { String::new() };
            let line = format!("{}  {}{more}", pad(&fit(&clean(&package), 38), 38), clean(&ids.join(" ")));
            let _ = writeln!(
                text,
                "  {}  {}",
                self.severity(worst),
                fit(&line, self.width.saturating_sub(14)).trim_end()
            );
        }
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
        let ecosystem = |count: &seawall_finding::CatalogCount| {
            format!("{} {}", count.packages, count.ecosystem.purl_type())
        };
        let packages = coverage.packages.iter().map(ecosystem).collect::<Vec<_>>().join(", ");
        let mut lines = Vec::new();
        if coverage.layers > 0 {
            let cached = if coverage.layers_cached > 0 {
                format!(" ({} from the cache)", coverage.layers_cached)
            } else {
                String::new()
            };
            lines.push(format!(
                "looked at   {}{cached}, {} files, {} MB",
                count(coverage.layers as usize, "layer"),
                coverage.files,
                coverage.bytes / 1_000_000
            ));
        } else if coverage.files > 0 {
            lines.push(format!("looked at   {} files, {} MB", coverage.files, coverage.bytes / 1_000_000));
        }
        lines.push(format!("packages    {}", if packages.is_empty() { "none" } else { &packages }));
        lines.push(format!(
            "judged      {} of {}",
            coverage.packages_judged,
            count(self.report.inventory.packages.len(), "package")
        ));
        for source in &coverage.advisories {
            let as_of = source.as_of.as_deref().and_then(|as_of| as_of.get(..10)).unwrap_or("unknown age");
            lines.push(format!(
                "by          {} for {}, as of {as_of}, {} records",
                source.name, source.covers, source.records
            ));
        }
        if coverage.advisories.is_empty() {
            lines.push("by          no advisory data: `seawall db update` fetches it".to_owned());
        }
        let waived = self.report.findings.iter().filter(|judged| judged.waived.is_some()).count();
        let negligible = self.report.findings.iter().filter(|judged| is_negligible(judged)).count();
        if waived > 0 || negligible > 0 {
            lines.push(format!("not listed  {waived} waived, {negligible} negligible"));
        }
        for line in lines {
            self.line(text, &format!("  {}", clean(&line)));
        }
    }

    fn verdict(&self, text: &mut String) {
        let mut severities: BTreeMap<Severity, usize> = BTreeMap::new();
        for judged in self.listed() {
            *severities.entry(judged.finding.severity).or_default() += 1;
        }
        let parts: Vec<String> =
            severities.iter().rev().map(|(severity, count)| format!("{count} {severity}")).collect();
        let found = if parts.is_empty() { "nothing found".to_owned() } else { parts.join(", ") };
        let denied = self.report.findings.iter().filter(|judged| judged.verdict == Verdict::Deny).count();
        let verdict = match self.report.verdict {
            Verdict::Allow => self.paint("32", "allow"),
            Verdict::Warn => self.paint("33", "warn"),
            Verdict::Deny => self.paint("1;31", "deny"),
        };
        let why = if denied > 0 { format!(" ({denied} denied)") } else { String::new() };
        let _ = writeln!(text, "\n{verdict}: {found}{why}");
    }

    /// What the table lists: neither waived nor negligible.
    fn listed(&self) -> impl Iterator<Item = &Judged> {
        self.report.findings.iter().filter(|judged| judged.waived.is_none() && !is_negligible(judged))
    }
}

fn is_negligible(judged: &Judged) -> bool {
    judged.waived.is_none() && judged.verdict == Verdict::Allow
}

fn is_vulnerable(judged: &Judged) -> bool {
    matches!(judged.finding.evidence, Evidence::Vulnerable(_))
}

fn risk(judged: &Judged) -> f64 {
    match &judged.finding.evidence {
        Evidence::Vulnerable(vulnerable) => vulnerable.risk,
        Evidence::Outdated(_) | Evidence::Malicious(_) => 0.0,
    }
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
