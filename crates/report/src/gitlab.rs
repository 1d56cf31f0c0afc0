//! GitLab's container-scanning report, schema 15 (`gl-container-scanning-report.json`).

use std::io::Write;

use seawall_finding::{Evidence, Severity, Subject};
use seawall_policy::Judged;
use serde_json::{Value, json};

use crate::json::write_pretty;
use crate::{RenderError, Report};

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let time = report.created.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let tool = json!({ "id": "seawall", "name": "Seawall", "version": report.version, "vendor": { "name": "Seawall" } });
    let listed = report.findings.iter().filter(|judged| judged.waived.is_none());
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
        "vulnerabilities": listed.filter_map(|judged| vulnerability(report, judged)).collect::<Vec<_>>(),
    });
    write_pretty(&document, out)
}

fn vulnerability(report: &Report, judged: &Judged) -> Option<Value> {
    let finding = &judged.finding;
    let Subject::Package { name, version, .. } = &finding.subject else { return None };
    let Evidence::Vulnerable(vulnerable) = &finding.evidence else { return None };
    let distro = report.inventory.distro.as_ref();
    let identifier = |id: &String| {
        let kind = id.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let mut identifier = json!({ "type": kind, "name": id, "value": id });
        if id.starts_with("CVE-") {
            identifier["url"] = json!(format!("https://nvd.nist.gov/vuln/detail/{id}"));
        }
        identifier
    };
    let title = if vulnerable.title.is_empty() { &finding.summary } else { &vulnerable.title };
    Some(json!({
        // GitLab wants a UUID-shaped id that stays the same from scan to scan.
        "id": judged.fingerprint.to_string(),
        "name": title.chars().take(255).collect::<String>(),
        "description": if vulnerable.description.is_empty() { title } else { &vulnerable.description },
        "severity": match finding.severity {
            Severity::Unknown => "Unknown",
            Severity::Negligible => "Info",
            Severity::Low => "Low",
            Severity::Medium => "Medium",
            Severity::High => "High",
            Severity::Critical => "Critical",
        },
        "solution": finding.remedy,
        "location": {
            "dependency": { "package": { "name": name }, "version": version },
            "operating_system": distro.map_or("unknown".to_owned(), |distro| distro.release().replace(':', " ")),
            "image": report.inventory.target.name,
        },
        "identifiers": std::iter::once(&vulnerable.id).chain(&vulnerable.aliases).map(identifier).collect::<Vec<_>>(),
        "links": finding.references.iter().map(|url| json!({ "url": url })).collect::<Vec<_>>(),
    }))
}
