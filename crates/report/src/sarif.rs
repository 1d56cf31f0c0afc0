//! SARIF 2.1.0 (OASIS sarif-v2.1.0), as GitHub code scanning reads it: a stable rule id per vulnerability,
//! `partialFingerprints`, and `security-severity` for its severity badge.

use std::collections::BTreeMap;
use std::io::Write;

use seawall_finding::{Evidence, Severity};
use seawall_policy::Judged;
use serde::Serialize;

use crate::json::write_pretty;
use crate::table::is_one_of_many;
use crate::{RenderError, Report, RuleText, web};

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    invocations: [Invocation; 1],
    results: Vec<SarifResult<'a>>,
    column_kind: &'static str,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    semantic_version: &'a str,
    rules: Vec<ReportingDescriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportingDescriptor {
    id: String,
    name: String,
    short_description: Text,
    full_description: Text,
    help: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<String>,
    properties: RuleProperties,
}

#[derive(Serialize)]
struct RuleProperties {
    tags: Vec<String>,
    precision: &'static str,
    #[serde(rename = "security-severity")]
    security_severity: String,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: String,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression<'a>>,
}

#[derive(Serialize)]
struct Suppression<'a> {
    kind: &'static str,
    status: &'static str,
    justification: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    logical_locations: [LogicalLocation; 1],
    message: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
}

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let mut rules = Vec::new();
    let mut index = BTreeMap::new();
    let mut results = Vec::new();
    for judged in &report.findings {
        let id = rule_id(judged);
        let rule_index = *index.entry(id.clone()).or_insert_with(|| {
            rules.push(rule(&id, judged, report.rules.get(&judged.finding.rule)));
            rules.len() - 1
        });
        results.push(result(report, judged, id, rule_index));
    }
    let notification = |gap: String| Notification {
        level: "warning",
        message: Text { text: format!("not examined: {gap}") },
    };
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool { driver: Driver { name: "Seawall", semantic_version: &report.version, rules } },
            invocations: [Invocation {
                execution_successful: true,
                tool_execution_notifications: report.gap_texts().map(notification).collect(),
            }],
            results,
            column_kind: "utf16CodeUnits",
        }],
    };
    write_pretty(&log, out)
}

/// A rule per vulnerability: code scanning groups and dismisses by rule.
fn rule_id(judged: &Judged) -> String {
    match &judged.finding.evidence {
        Evidence::Vulnerable(vulnerable) => vulnerable.id.clone(),
        Evidence::Malicious(malicious) => malicious.id.clone(),
        Evidence::Outdated(_)
        | Evidence::Leaked(_)
        | Evidence::Misset(_)
        | Evidence::Happened(_)
        | Evidence::Untrusted(_) => judged.finding.rule.clone(),
    }
}

fn rule(id: &str, judged: &Judged, about: Option<&RuleText>) -> ReportingDescriptor {
    let finding = &judged.finding;
    let (title, description) = match &finding.evidence {
        Evidence::Vulnerable(vulnerable) => (vulnerable.title.clone(), vulnerable.description.clone()),
        Evidence::Malicious(malicious) => (malicious.title.clone(), String::new()),
        Evidence::Outdated(_)
        | Evidence::Leaked(_)
        | Evidence::Misset(_)
        | Evidence::Happened(_)
        | Evidence::Untrusted(_) => match about {
            Some(about) => (about.title.clone(), about.why.clone()),
            None => (finding.summary.clone(), String::new()),
        },
    };
    let title = if title.is_empty() { id.to_owned() } else { title };
    let facts: Vec<String> =
        finding.evidence.facts().iter().map(|(label, value)| format!("{label}: {value}")).collect();
    // A vulnerability's facts are those of every result; a setting's or a credential's are of this one alone.
    let help = match about {
        Some(about) if finding.evidence.vulnerable().is_none() => about.fix.clone(),
        _ => format!("{}\n{}", finding.remedy, facts.join("\n")),
    };
    ReportingDescriptor {
        id: id.to_owned(),
        name: finding.rule.clone(),
        full_description: Text { text: if description.is_empty() { title.clone() } else { description } },
        short_description: Text { text: title },
        help: Text { text: help },
        help_uri: finding.references.iter().find_map(|url| web::address(url)),
        properties: RuleProperties {
            tags: vec!["security".to_owned(), finding.rule.clone(), finding.severity.name().to_owned()],
            precision: "very-high",
            security_severity: format!("{:.1}", score(judged)),
        },
    }
}

/// The first CVSS base score that lies in the severity's band, so that both say the same; else the band's middle.
fn score(judged: &Judged) -> f64 {
    let severity = judged.finding.severity;
    let ratings = judged.finding.evidence.vulnerable().map(|vulnerable| vulnerable.ratings.as_slice());
    let mut scores = ratings.unwrap_or_default().iter().filter_map(|rating| rating.score);
    let rated = scores.find(|score| Severity::from_cvss(*score) == severity);
    rated.unwrap_or(match severity {
        Severity::Critical => 9.5,
        Severity::High => 8.0,
        Severity::Medium => 5.5,
        Severity::Low => 2.0,
        Severity::Negligible | Severity::Unknown => 0.0,
    })
}

fn result<'a>(report: &Report, judged: &'a Judged, rule_id: String, rule_index: usize) -> SarifResult<'a> {
    let finding = &judged.finding;
    let level = match finding.severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Negligible | Severity::Unknown => "note",
    };
    let target = &report.inventory.target.name;
    let (path, qualified) = match &finding.place.path {
        Some(path) => (path.as_str(), format!("{target}/{path}")),
        None => (target.as_str(), finding.subject.label()),
    };
    let label = finding.subject.label();
    let summary = match is_one_of_many(finding) {
        true => format!("{label}: {}", finding.summary),
        false => finding.summary.clone(),
    };
    let about = if label == *target { label } else { format!("{label} in {target}") };
    // Code scanning takes relative addresses only.
    let uri: String = percent_encoding::utf8_percent_encode(path.trim_start_matches('/'), PATH).collect();
    let suppressions = judged.waived.iter().map(|waived| Suppression {
        kind: "external",
        status: "accepted",
        justification: &waived.reason,
    });
    SarifResult {
        rule_id,
        rule_index,
        level,
        message: Text { text: summary },
        locations: [Location {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation { uri },
                region: Region { start_line: finding.place.line.unwrap_or(1) },
            },
            logical_locations: [LogicalLocation { fully_qualified_name: qualified }],
            message: Text { text: about },
        }],
        partial_fingerprints: BTreeMap::from([("seawall/v1", judged.fingerprint.to_string())]),
        suppressions: suppressions.collect(),
    }
}

/// RFC 3986 path characters stay; SARIF wants a valid relative URI reference.
const PATH: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~')
    .remove(b'+')
    .remove(b'@');
