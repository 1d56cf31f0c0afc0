//! One self-contained HTML page: no request leaves it, every name in it is escaped.

use std::collections::BTreeMap;
use std::io::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use seawall_finding::{AdvisorySource, Check, Evidence, Fingerprint, FixState, Outcome, Severity};
use seawall_policy::Judged;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::advice::{Removed, by_fingerprint, title};
use crate::report::risk;
use crate::score::{Section, sections};
use crate::table::{has_packages, is_urgent};
use crate::text::{clean, count, printable};
use crate::{Advice, RenderError, Report, web};

const PAGE: &str = include_str!("html/report.html.jinja");
const STYLE: &str = include_str!("html/report.css");
const SCRIPT: &str = include_str!("html/report.js");

#[derive(Serialize)]
struct Page<'a> {
    style: &'static str,
    style_hash: String,
    script: &'static str,
    script_hash: String,
    title: String,
    created: String,
    version: &'a str,
    verdict: String,
    facts: Vec<(&'static str, String)>,
    severities: Vec<(&'static str, usize)>,
    urgent: Vec<Urgent>,
    denied: usize,
    waived: usize,
    advice: Vec<AdviceRow>,
    findings: Vec<Row>,
    gaps: Vec<String>,
    coverage: Vec<(&'static str, String)>,
    advisories: &'a [AdvisorySource],
    packages: Vec<PackageRow>,
    has_packages: bool,
    sections: Vec<SectionRow>,
    checks: Vec<CheckRow>,
}

#[derive(Serialize)]
struct SectionRow {
    section: String,
    passed: usize,
    answered: usize,
    others: String,
}

#[derive(Serialize)]
struct CheckRow {
    outcome: &'static str,
    class: &'static str,
    title: String,
    controls: String,
    subject: String,
    seen: String,
    expected: String,
    looked_at: String,
}

/// A malicious package or ended support: what no upgrade of one package removes.
#[derive(Serialize)]
struct Urgent {
    severity: &'static str,
    summary: String,
    remedy: String,
}

#[derive(Serialize)]
struct AdviceRow {
    severity: &'static str,
    package: String,
    from: String,
    to: String,
    packages: String,
    places: Vec<String>,
    in_base: bool,
    exploited: bool,
    removed: Vec<RemovedRow>,
}

#[derive(Serialize)]
struct RemovedRow {
    severity: &'static str,
    id: String,
    title: String,
    exploited: bool,
}

#[derive(Serialize)]
struct Row {
    severity: &'static str,
    level: usize,
    /// What the page filters by: `fixed`, `open` or `waived`.
    kind: &'static str,
    verdict: String,
    id: String,
    subject: String,
    fixed: String,
    state: String,
    risk: f64,
    epss: Option<String>,
    exploited: bool,
    summary: String,
    remedy: String,
    place: String,
    instruction: String,
    facts: Vec<(&'static str, String)>,
    description: String,
    links: Vec<String>,
    waived: Option<String>,
}

#[derive(Serialize)]
struct PackageRow {
    kind: &'static str,
    name: String,
    version: String,
    license: String,
    place: String,
}

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let page = environment.render_str(PAGE, Serde(page(report)));
    let page = page.map_err(|error| RenderError::Template(error.to_string()))?;
    out.write_all(page.as_bytes())?;
    Ok(())
}

fn page(report: &Report) -> Page<'_> {
    let mut counts: BTreeMap<Severity, usize> = BTreeMap::new();
    for judged in report.findings.iter().filter(|judged| judged.waived.is_none()) {
        *counts.entry(judged.finding.severity).or_default() += 1;
    }
    let severity = |severity: Severity| (severity.name(), counts.get(&severity).copied().unwrap_or(0));
    let count = |wanted: fn(&Judged) -> bool| report.findings.iter().filter(|judged| wanted(judged)).count();
    let found = by_fingerprint(&report.findings);
    let is_urgent = |judged: &&Judged| judged.waived.is_none() && is_urgent(judged);
    Page {
        style: STYLE,
        style_hash: hash(STYLE),
        script: SCRIPT,
        script_hash: hash(SCRIPT),
        title: cell(&report.inventory.target.name),
        created: report.created.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        version: &report.version,
        verdict: report.verdict.to_string(),
        facts: facts(report),
        severities: Severity::ALL.into_iter().rev().map(severity).collect(),
        urgent: report.findings.iter().filter(is_urgent).map(urgent).collect(),
        denied: count(|judged| judged.verdict == seawall_policy::Verdict::Deny),
        waived: count(|judged| judged.waived.is_some()),
        advice: report.advice.iter().map(|advice| advice_row(advice, &found)).collect(),
        findings: report.findings.iter().map(row).collect(),
        gaps: report.gap_texts().map(|gap| cell(&gap)).collect(),
        coverage: coverage(report),
        advisories: &report.coverage.advisories,
        packages: packages(report),
        has_packages: has_packages(report.inventory.target.kind),
        sections: sections(&report.coverage.checks).iter().map(section_row).collect(),
        checks: report.coverage.checks.iter().map(check_row).collect(),
    }
}

/// A text as one cell of the page.
fn cell(text: &str) -> String {
    clean(text).into_owned()
}

/// The page's policy allows the style and the script by what they are, so that no other runs (CSP level 2, "hash-source").
fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

fn urgent(judged: &Judged) -> Urgent {
    let finding = &judged.finding;
    Urgent {
        severity: finding.severity.name(),
        summary: cell(&finding.summary),
        remedy: cell(&finding.remedy),
    }
}

fn advice_row(advice: &Advice, found: &BTreeMap<&Fingerprint, &Judged>) -> AdviceRow {
    let (version, packages) = advice.installed();
    let removed = advice.removed(found, |_| true);
    let row = |one: &Removed<'_>| RemovedRow {
        severity: one.severity.name(),
        id: cell(&one.vulnerable.id),
        title: cell(title(one.vulnerable)),
        exploited: one.vulnerable.known_exploited.is_some(),
    };
    AdviceRow {
        severity: advice.severity.name(),
        package: cell(&advice.package),
        from: version.map(cell).unwrap_or_default(),
        to: cell(&advice.to),
        packages: cell(&packages.join(", ")),
        places: advice.places(found).iter().map(|path| cell(&format!("/{path}"))).collect(),
        in_base: advice.in_base,
        exploited: removed.iter().any(|one| one.vulnerable.known_exploited.is_some()),
        removed: removed.iter().map(row).collect(),
    }
}

fn coverage(report: &Report) -> Vec<(&'static str, String)> {
    let coverage = &report.coverage;
    let mut rows = Vec::new();
    let mut row = |label, number: u64, text: String| {
        if number > 0 {
            rows.push((label, text));
        }
    };
    let layers = count(coverage.layers as usize, "layer");
    row("layers", coverage.layers.into(), format!("{layers}, {} from the cache", coverage.layers_cached));
    row("files", coverage.files, format!("{}, {} MB", coverage.files, coverage.bytes / 1_000_000));
    let packages = report.inventory.packages.len();
    let judged = u64::from(has_packages(report.inventory.target.kind));
    row("packages judged", packages as u64 * judged, format!("{} of {packages}", coverage.packages_judged));
    let number = |number: u64| number.to_string();
    let undetermined = coverage.packages_undetermined;
    row("undetermined for their version", undetermined, number(undetermined));
    let unanswered = coverage.packages_unanswered;
    row("unknown because the advisory database is damaged", unanswered, number(unanswered));
    let owned = coverage.packages_owned;
    row("judged as part of their distribution package", owned, number(owned));
    let development = coverage.packages_for_development;
    row("for development only, not judged", development, number(development));
    let suppressed = coverage.problems_suppressed;
    row("problems that the vendor denies", suppressed, number(suppressed));
    for left_out in &coverage.left_out {
        row(
            "findings left out",
            left_out.findings,
            cell(&format!("{} by {}", left_out.findings, left_out.by)),
        );
    }
    if let Some(database) = &coverage.database {
        row("database", 1, cell(database));
    }
    rows
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let inventory = &report.inventory;
    let mut facts = Vec::new();
    let mut fact =
        |label, value: Option<String>| facts.extend(value.map(|value| (label, clean(&value).into_owned())));
    let distro = inventory.distro.as_ref();
    fact("Distribution", distro.map(|d| if d.name.is_empty() { d.release() } else { d.name.clone() }));
    let end = distro.and_then(|distro| distro.end_of_life.as_ref());
    fact("Supported until", end.map(|end| end.on.clone()));
    let image = inventory.image.as_ref();
    // The tar of a root file system does not say.
    fact("Platform", image.map(|image| image.platform.to_string()).filter(|platform| platform != "/"));
    fact("Layers", image.map(|image| image.layers.len().to_string()));
    let base = inventory.base.as_ref();
    fact(
        "Base image",
        base.map(|b| {
            format!("{} ({})", b.name.as_deref().unwrap_or("unnamed"), count(b.layers as usize, "layer"))
        }),
    );
    let packages = has_packages(inventory.target.kind).then(|| inventory.packages.len().to_string());
    fact("Packages", packages);
    fact("Digest", inventory.target.digest.as_ref().map(ToString::to_string));
    facts
}

fn row(judged: &Judged) -> Row {
    let finding = &judged.finding;
    let vulnerable = finding.evidence.vulnerable();
    let title = vulnerable.map(|vulnerable| vulnerable.title.as_str()).filter(|title| !title.is_empty());
    let layer = finding.place.layer.as_ref();
    let kind = match vulnerable {
        _ if judged.waived.is_some() => "waived",
        Some(vulnerable) if vulnerable.state == FixState::Fixed => "fixed",
        Some(_) | None => "open",
    };
    Row {
        severity: finding.severity.name(),
        level: Severity::ALL.iter().position(|severity| *severity == finding.severity).unwrap_or(0),
        kind,
        verdict: judged.verdict.to_string(),
        id: match &finding.evidence {
            Evidence::Vulnerable(_) | Evidence::Malicious(_) | Evidence::Outdated(_) => {
                cell(&finding.evidence.key())
            }
            Evidence::Leaked(_) | Evidence::Misset(_) | Evidence::Happened(_) | Evidence::Untrusted(_) => {
                cell(&finding.rule)
            }
        },
        subject: cell(&finding.subject.label()),
        fixed: vulnerable.map(|vulnerable| cell(&vulnerable.fixed_versions.join(", "))).unwrap_or_default(),
        state: vulnerable.map(|vulnerable| vulnerable.state.label().to_owned()).unwrap_or_default(),
        risk: risk(judged).round(),
        epss: vulnerable
            .and_then(|vulnerable| vulnerable.epss.as_ref())
            .filter(|epss| epss.score >= EPSS_SHOWN)
            .map(|epss| format!("{:.0} %", epss.score * 100.0)),
        exploited: vulnerable.is_some_and(|vulnerable| vulnerable.known_exploited.is_some()),
        summary: cell(title.unwrap_or(&finding.summary)),
        remedy: cell(&finding.remedy),
        place: cell(&finding.place.to_string()),
        instruction: cell(layer.and_then(|layer| layer.instruction.as_deref()).unwrap_or_default()),
        facts: finding.evidence.facts().into_iter().map(|(label, value)| (label, cell(&value))).collect(),
        description: vulnerable
            .map(|vulnerable| printable(&vulnerable.description).into_owned())
            .unwrap_or_default(),
        // Only web addresses become links: a `javascript:` one in an advisory must not.
        links: finding.references.iter().filter_map(|url| web::address(url)).collect(),
        waived: judged.waived.as_ref().map(waived),
    }
}

/// EPSS scores below this say nothing.
const EPSS_SHOWN: f64 = 0.1;

fn section_row(section: &Section<'_>) -> SectionRow {
    let other = |outcome: &Outcome| match section.outcomes.get(outcome) {
        Some(number) if !matches!(outcome, Outcome::Pass | Outcome::Fail) => {
            Some(format!("{number} {}", outcome.name()))
        }
        _ => None,
    };
    SectionRow {
        section: cell(section.section),
        passed: section.passed,
        answered: section.answered,
        others: Outcome::ALL.iter().filter_map(other).collect::<Vec<_>>().join(", "),
    }
}

fn check_row(check: &Check) -> CheckRow {
    let control = |control: &seawall_finding::Control| format!("{} {}", control.framework.name(), control.id);
    CheckRow {
        outcome: check.outcome.name(),
        class: match check.outcome {
            Outcome::Fail => check.severity.name(),
            Outcome::Pass | Outcome::Attested => "passed",
            Outcome::NotApplicable | Outcome::Manual | Outcome::NotChecked | Outcome::Error => "unknown",
        },
        title: cell(&check.title),
        controls: check.controls.iter().map(control).collect::<Vec<_>>().join(", "),
        subject: cell(&check.subject.label()),
        seen: cell(&check.seen),
        expected: cell(&check.expected),
        looked_at: cell(&check.looked_at),
    }
}

fn waived(waived: &seawall_policy::Waived) -> String {
    let until = waived.until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
    let owner = waived.owner.as_ref().map(|owner| format!(" ({owner})")).unwrap_or_default();
    cell(&format!("{}: {}{owner}{until}", waived.by, waived.reason))
}

fn packages(report: &Report) -> Vec<PackageRow> {
    let row = |package: &seawall_inventory::Package| PackageRow {
        kind: package.ecosystem.purl_type(),
        name: clean(&package.name).into_owned(),
        version: clean(&package.version).into_owned(),
        license: clean(&package.licenses.join(", ")).into_owned(),
        place: package.places.first().map(|place| clean(&place.to_string()).into_owned()).unwrap_or_default(),
    };
    report.inventory.packages.iter().map(row).collect()
}
