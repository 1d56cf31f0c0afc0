//! GitLab's container-scanning report, schema 15 (`gl-container-scanning-report.json`).

use std::io::Write;

use seawall_finding::Severity;
use serde_json::{Value, json};

use crate::json::write_pretty;
use crate::problem::{Problem, problems};
use crate::text::clean;
use crate::{RenderError, Report, identity, web};

/// What the schema allows, in characters.
const NAME_MAX: usize = 255;
const DESCRIPTION_MAX: usize = 1_048_576;
const SOLUTION_MAX: usize = 7000;

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let time = report.created.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let tool = json!({ "id": "seawall", "name": "Seawall", "version": report.version, "vendor": { "name": "Seawall" } });
    let problems = problems(report);
    let listed = problems.iter().filter(|problem| !problem.is_waived());
    let document = json!({
        "version": "15.2.1",
        "scan": {
            "analyzer": tool,
            "scanner": tool,
            "type": "container_scanning",
            "start_time": time,
            "end_time": time,
            "status": "success",
            "messages": report.gaps.iter().map(|gap| json!({ "level": "warn", "value": format!("not examined: {gap}") })).collect::<Vec<_>>(),
        },
        "vulnerabilities": listed.map(|problem| vulnerability(report, problem)).collect::<Vec<_>>(),
    });
    write_pretty(&document, out)
}

fn vulnerability(report: &Report, problem: &Problem<'_>) -> Value {
    let Problem { judged, package, vulnerable, index: _ } = problem;
    let finding = &judged.finding;
    let distro = report.inventory.distro.as_ref();
    let identifier = |id: &String| {
        let kind =
            id.split('-').next().filter(|kind| !kind.is_empty()).unwrap_or("other").to_ascii_lowercase();
        let mut identifier = json!({ "type": kind, "name": id, "value": id });
        if id.starts_with("CVE-") {
            identifier["url"] = json!(format!("https://nvd.nist.gov/vuln/detail/{id}"));
        }
        identifier
    };
    let title = if vulnerable.title.is_empty() { &finding.summary } else { &vulnerable.title };
    let description = if vulnerable.description.is_empty() { title } else { &vulnerable.description };
    let operating_system = distro.map_or(String::new(), |distro| distro.release().replace(':', " "));
    json!({
        // GitLab wants a UUID that stays the same from scan to scan.
        "id": identity::dashed(&judged.fingerprint.to_string()),
        "name": start(&clean(title), NAME_MAX),
        "description": start(description, DESCRIPTION_MAX),
        "severity": match finding.severity {
            Severity::Unknown => "Unknown",
            Severity::Negligible => "Info",
            Severity::Low => "Low",
            Severity::Medium => "Medium",
            Severity::High => "High",
            Severity::Critical => "Critical",
        },
        "solution": start(&finding.remedy, SOLUTION_MAX),
        "location": {
            "dependency": { "package": { "name": package.name }, "version": package.version },
            "operating_system": if operating_system.is_empty() { "unknown" } else { &operating_system },
            "image": report.inventory.target.name,
        },
        "identifiers": std::iter::once(&vulnerable.id).chain(&vulnerable.aliases).map(identifier).collect::<Vec<_>>(),
        "links": finding.references.iter().filter_map(|url| web::address(url)).map(|url| json!({ "url": url })).collect::<Vec<_>>(),
    })
}

fn start(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}
