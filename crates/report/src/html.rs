//! One self-contained HTML page: no request leaves it, every name in it is escaped.

use std::collections::BTreeMap;
use std::io::Write;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use seawall_finding::{Coverage, Evidence, Severity};
use seawall_policy::Judged;
use serde::Serialize;

use crate::text::clean;
use crate::{Advice, RenderError, Report};

const PAGE: &str = include_str!("html/report.html.jinja");

#[derive(Serialize)]
struct Page<'a> {
    title: String,
    created: String,
    version: &'a str,
    verdict: String,
    facts: Vec<(&'static str, String)>,
    severities: Vec<(&'static str, usize)>,
    denied: usize,
    waived: usize,
    advice: Vec<AdviceRow<'a>>,
    findings: Vec<Row>,
    gaps: Vec<String>,
    coverage: &'a Coverage,
    packages: Vec<PackageRow>,
}

#[derive(Serialize)]
struct AdviceRow<'a> {
    #[serde(flatten)]
    advice: &'a Advice,
    removes: usize,
    now: String,
}

#[derive(Serialize)]
struct Row {
    severity: &'static str,
    level: usize,
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
    let now = |advice: &Advice| clean(&advice.packages.join(", ")).into_owned();
    Page {
        title: clean(&report.inventory.target.name).into_owned(),
        created: report.created.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        version: &report.version,
        verdict: report.verdict.to_string(),
        facts: facts(report),
        severities: Severity::ALL.into_iter().rev().map(severity).collect(),
        denied: count(|judged| judged.verdict == seawall_policy::Verdict::Deny),
        waived: count(|judged| judged.waived.is_some()),
        advice: report
            .advice
            .iter()
            .map(|advice| AdviceRow { advice, removes: advice.fingerprints.len(), now: now(advice) })
            .collect(),
        findings: report.findings.iter().map(row).collect(),
        gaps: report.gaps.iter().map(|gap| clean(&gap.to_string()).into_owned()).collect(),
        coverage: &report.coverage,
        packages: packages(report),
    }
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
    fact("Platform", image.map(|image| image.platform.to_string()));
    fact("Layers", image.map(|image| image.layers.len().to_string()));
    let base = inventory.base.as_ref();
    fact(
        "Base image",
        base.map(|b| format!("{} ({} layers)", b.name.as_deref().unwrap_or("unnamed"), b.layers)),
    );
    fact("Packages", Some(inventory.packages.len().to_string()));
    fact("Digest", inventory.target.digest.as_ref().map(ToString::to_string));
    facts
}

fn row(judged: &Judged) -> Row {
    let finding = &judged.finding;
    let vulnerable = match &finding.evidence {
        Evidence::Vulnerable(vulnerable) => Some(vulnerable.as_ref()),
        Evidence::Outdated(_) | Evidence::Malicious(_) => None,
    };
    let title = vulnerable.map(|vulnerable| vulnerable.title.clone()).filter(|title| !title.is_empty());
    let waived = judged.waived.as_ref().map(|waived| {
        let until = waived.until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
        let owner = waived.owner.as_ref().map(|owner| format!(" ({owner})")).unwrap_or_default();
        format!("{}: {}{owner}{until}", waived.by, waived.reason)
    });
    let layer = finding.place.layer.as_ref();
    Row {
        severity: finding.severity.name(),
        level: Severity::ALL.iter().position(|severity| *severity == finding.severity).unwrap_or(0),
        verdict: judged.verdict.to_string(),
        id: finding.evidence.key(),
        subject: clean(&finding.subject.label()).into_owned(),
        fixed: vulnerable.map(|vulnerable| vulnerable.fixed_versions.join(", ")).unwrap_or_default(),
        state: vulnerable.map(|vulnerable| vulnerable.state.label().to_owned()).unwrap_or_default(),
        risk: vulnerable.map_or(100.0, |vulnerable| vulnerable.risk).round(),
        epss: vulnerable
            .and_then(|vulnerable| vulnerable.epss.as_ref())
            .map(|epss| format!("{:.1} %", epss.score * 100.0)),
        exploited: vulnerable.is_some_and(|vulnerable| vulnerable.known_exploited.is_some()),
        summary: clean(&title.unwrap_or_else(|| finding.summary.clone())).into_owned(),
        remedy: clean(&finding.remedy).into_owned(),
        place: clean(&finding.place.to_string()).into_owned(),
        instruction: clean(layer.and_then(|layer| layer.instruction.as_deref()).unwrap_or_default())
            .into_owned(),
        facts: finding.evidence.facts(),
        description: vulnerable.map(|vulnerable| vulnerable.description.clone()).unwrap_or_default(),
        // Only web addresses become links: a `javascript:` one in an advisory must not.
        links: finding.references.iter().filter(|url| is_web(url)).cloned().collect(),
        waived,
    }
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
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
