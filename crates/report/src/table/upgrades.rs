//! What to upgrade: a title, where it is, the few vulnerabilities that tell most, the others by name.

use std::fmt::Write as _;

use seawall_finding::{Severity, Vulnerable};
use unicode_width::UnicodeWidthStr;

use super::{Table, by_severity, is_listed};
use crate::Advice;
use crate::advice::{Removed, by_fingerprint, title};
use crate::text::{clean, fit, pad};

/// Findings that one upgrade's group lists before it counts the rest.
const LISTED_MAX: usize = 3;
/// Columns in which an upgrade and what it removes stand side by side: further apart, the eye loses the line.
const WIDE: usize = 120;

impl Table<'_> {
    pub(super) fn upgrades(&self, text: &mut String) {
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
