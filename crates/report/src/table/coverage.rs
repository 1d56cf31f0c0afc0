//! What was looked at, by which data, and what is not listed above.

use std::fmt::Write as _;

use super::{Table, has_packages, is_negligible};
use crate::text::{clean, count, pad, wrap};

impl Table<'_> {
    pub(super) fn coverage(&self, text: &mut String) {
        let coverage = &self.report.coverage;
        let has_packages = has_packages(self.report.inventory.target.kind);
        let hidden = self.hidden();
        if has_packages || coverage.files > 0 || !hidden.is_empty() {
            self.heading(text, "COVERAGE");
        }
        let files = count(usize::try_from(coverage.files).unwrap_or(usize::MAX), "file");
        let size = format!("{files}, {} MB", coverage.bytes / 1_000_000);
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
        self.row(text, "looked for", &coverage.only.join(", "));
        let are_wanted = coverage.only.is_empty() || coverage.only.iter().any(|what| what == "packages");
        if !has_packages || !are_wanted {
            self.row(text, "not listed", &hidden);
            return;
        }
        self.row(text, "packages", if packages.is_empty() { "none" } else { &packages });
        self.row(text, "judged", &self.judged());
        self.advisories(text);
        self.row(text, "not listed", &hidden);
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
        // Without packages no source is asked, however many there are.
        if advisories.is_empty() && !self.report.inventory.packages.is_empty() {
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
        for (packages, why) in [
            (coverage.packages_undetermined, "undetermined"),
            (coverage.packages_unanswered, "unknown because the advisory database is damaged"),
        ] {
            if packages > 0 {
                let _ = write!(judged, ", {packages} {why}");
            }
        }
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
}
