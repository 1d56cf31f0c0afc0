//! Releases and runtimes that get no fixes any more.

mod known;

use seawall_finding::{Confidence, Evidence, Finding, Findings, Outdated, Rule, Severity, Subject};
use seawall_inventory::{Distro, Ecosystem, EndOfLife, Inventory, Place};

use crate::database::Database;
use crate::record::Support;
use crate::rules::{END_OF_LIFE_DISTRIBUTION, END_OF_LIFE_RUNTIME};

/// When a distribution's release stops getting fixes, and a finding where it has. `today` is `YYYY-MM-DD`. Without a
/// database, or where it does not know the release, a small built-in table is asked.
pub fn end_of_life(
    database: Option<&Database>,
    distro: &Distro,
    today: &str,
) -> (Option<EndOfLife>, Findings) {
    let mut findings = Findings::default();
    let Some(dates) = support_of(database, distro).and_then(|support| dates(distro, support)) else {
        return (None, findings);
    };
    let is_extended = dates.extended_on.as_deref().is_some_and(|extended| extended >= today);
    let is_served = dates.on.as_str() >= today || (is_extended && !distro.streams.is_empty());
    if !is_served {
        findings.found.push(distribution_finding(distro, &dates, is_extended));
    }
    (Some(dates), findings)
}

fn dates(distro: &Distro, support: Support) -> Option<EndOfLife> {
    let Support { ends_on, extended_ends_on, .. } = support;
    match (distro.id.as_str(), extended_ends_on) {
        // Debian's long-term support comes through the same archive to everybody: its end is the end.
        ("debian", Some(extended)) => Some(EndOfLife { on: extended, extended_on: None }),
        (_, extended_on) => Some(EndOfLife { on: ends_on?, extended_on }),
    }
}

fn support_of(database: Option<&Database>, distro: &Distro) -> Option<Support> {
    let version = distro.version.as_deref()?;
    let parts: Vec<&str> = version.split('.').collect();
    // Cycles are `12`, `3.20`, `22.04`, `2023` or `15.5`, by product.
    let cycles = || (1..=parts.len()).rev().map(|count| parts.get(..count).unwrap_or_default().join("."));
    database
        .and_then(|database| cycles().find_map(|cycle| database.support(&distro.id, &cycle)))
        .or_else(|| cycles().find_map(|cycle| known::support(&distro.id, &cycle)))
}

fn distribution_finding(distro: &Distro, dates: &EndOfLife, is_extended: bool) -> Finding {
    let version = distro.version.clone().unwrap_or_default();
    let product = match distro.name.is_empty() {
        true => format!("{} {version}", distro.id),
        false => distro.name.clone(),
    };
    let (severity, remedy) = match &dates.extended_on {
        Some(extended) if is_extended => (
            Severity::Medium,
            format!("Move to a supported release, or subscribe to extended support until {extended}."),
        ),
        Some(_) | None => (END_OF_LIFE_DISTRIBUTION.severity, "Move to a supported release.".to_owned()),
    };
    Finding {
        severity,
        subject: Subject::Distribution { id: distro.id.clone(), version },
        remedy,
        ..outdated(&END_OF_LIFE_DISTRIBUTION, product, dates, distro_subject(distro))
    }
}

fn distro_subject(distro: &Distro) -> Subject {
    Subject::Distribution { id: distro.id.clone(), version: distro.version.clone().unwrap_or_default() }
}

fn outdated(rule: &Rule, product: String, dates: &EndOfLife, subject: Subject) -> Finding {
    Finding {
        rule: rule.id.to_owned(),
        subject,
        place: Place::default(),
        severity: rule.severity,
        confidence: Confidence::High,
        summary: format!("{product} has got no fixes since {}.", dates.on),
        evidence: Evidence::Outdated(Outdated {
            product,
            ended_on: dates.on.clone(),
            extended_on: dates.extended_on.clone(),
        }),
        remedy: String::new(),
        references: Vec::new(),
        controls: rule.finding_controls(),
    }
}

/// Runtimes as Seawall's catalog names them, and as endoflife.date does.
const RUNTIMES: &[(&str, &str)] = &[
    ("node", "nodejs"),
    ("nodejs", "nodejs"),
    ("python", "python"),
    ("php", "php"),
    ("ruby", "ruby"),
    ("perl", "perl"),
    ("openjdk", "eclipse-temurin"),
    ("dotnet", "dotnet"),
    ("erlang", "erlang"),
    ("go", "go"),
    ("stdlib", "go"),
];

/// Language runtimes of an inventory that get no fixes any more: programs recognised by their content and the
/// Go standard library in programs. A distribution's own packages are the distribution's to support.
pub fn end_of_life_runtimes(database: &Database, inventory: &Inventory, today: &str) -> Findings {
    let mut findings = Findings::default();
    for package in &inventory.packages {
        let is_runtime = package.ecosystem == Ecosystem::Generic
            || (package.ecosystem == Ecosystem::Golang && package.name == "stdlib");
        if !is_runtime || package.owner.is_some() {
            continue;
        }
        let Some((_, product)) = RUNTIMES.iter().find(|(name, _)| *name == package.name) else { continue };
        let version = package.version.trim_start_matches('v').trim_start_matches("go");
        let parts: Vec<&str> = version.split('.').collect();
        let support = (1..=parts.len().min(2))
            .rev()
            .find_map(|count| database.support(product, &parts.get(..count).unwrap_or_default().join(".")));
        let Some(support) = support else { continue };
        let Some(on) = support.ends_on.filter(|on| on.as_str() < today) else { continue };
        let dates = EndOfLife { on, extended_on: support.extended_ends_on };
        let label = if package.name == "stdlib" { "Go" } else { &package.name };
        let subject = Subject::Package {
            purl: package.purl(inventory.distro.as_ref()),
            ecosystem: package.ecosystem,
            name: package.name.clone(),
            version: package.version.clone(),
        };
        let mut finding =
            outdated(&END_OF_LIFE_RUNTIME, format!("{label} {}", support.cycle), &dates, subject);
        finding.place = package.places.first().cloned().unwrap_or_default();
        finding.remedy = format!("Move to a supported release of {label}.");
        findings.found.push(finding);
    }
    findings
}
