//! Credentials and settings as Trivy reports them: results of class `secret` and `config`, one a file.

use std::collections::BTreeMap;

use seawall_finding::{Evidence, Leaked, Misset};
use seawall_policy::Judged;
use serde::Serialize;

use super::{LayerRef, ResultSet, layer, severity};
use crate::Report;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Secret<'a> {
    #[serde(rename = "RuleID")]
    rule_id: &'a str,
    category: &'a str,
    severity: &'static str,
    title: &'a str,
    start_line: u32,
    end_line: u32,
    code: Code,
    #[serde(rename = "Match")]
    matched: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<LayerRef>,
}

/// The lines round it; ours never show any.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Code {
    lines: Option<()>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MisconfSummary {
    successes: usize,
    failures: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Misconfiguration<'a> {
    #[serde(rename = "Type")]
    kind: &'static str,
    #[serde(rename = "ID")]
    id: &'a str,
    title: &'a str,
    description: &'a str,
    message: &'a str,
    resolution: &'a str,
    severity: &'static str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    references: &'a [String],
    status: &'static str,
    cause_metadata: CauseMetadata,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CauseMetadata {
    resource: String,
    provider: &'static str,
    service: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_line: Option<u32>,
}

/// One result a file or subject; waived findings are left out, as in the rest of the document.
pub(super) fn results(report: &Report) -> Vec<ResultSet<'_>> {
    let mut sets: BTreeMap<(&'static str, String), ResultSet<'_>> = BTreeMap::new();
    for judged in report.findings.iter().filter(|judged| judged.waived.is_none()) {
        let target = judged.finding.place.path.clone().unwrap_or_else(|| judged.finding.subject.label());
        let class = match &judged.finding.evidence {
            Evidence::Leaked(_) => "secret",
            Evidence::Misset(_) => "config",
            Evidence::Vulnerable(_)
            | Evidence::Outdated(_)
            | Evidence::Malicious(_)
            | Evidence::Happened(_)
            | Evidence::Untrusted(_) => continue,
        };
        let set = sets.entry((class, target.clone())).or_insert_with(|| ResultSet::empty(class, target));
        match &judged.finding.evidence {
            Evidence::Leaked(leaked) => set.secrets.push(secret(report, judged, leaked)),
            Evidence::Misset(misset) => set.misconfigurations.push(misconfiguration(report, judged, misset)),
            Evidence::Vulnerable(_)
            | Evidence::Outdated(_)
            | Evidence::Malicious(_)
            | Evidence::Happened(_)
            | Evidence::Untrusted(_) => {}
        }
    }
    for set in sets.values_mut() {
        let failures = set.misconfigurations.len();
        set.misconf_summary = (failures > 0).then_some(MisconfSummary { successes: 0, failures });
    }
    sets.into_values().collect()
}

fn secret<'a>(report: &'a Report, judged: &'a Judged, leaked: &'a Leaked) -> Secret<'a> {
    let line = judged.finding.place.line.unwrap_or(1);
    Secret {
        rule_id: &judged.finding.rule,
        category: &leaked.secret,
        severity: severity(judged.finding.severity),
        title: &leaked.secret,
        start_line: line,
        end_line: line,
        code: Code { lines: None },
        matched: &leaked.redacted,
        layer: layer(report, &judged.finding.place),
    }
}

fn misconfiguration<'a>(report: &'a Report, judged: &'a Judged, misset: &'a Misset) -> Misconfiguration<'a> {
    let finding = &judged.finding;
    let about = report.rules.get(&finding.rule);
    Misconfiguration {
        kind: "Seawall Security Check",
        id: &finding.rule,
        title: about.map_or(finding.summary.as_str(), |about| &about.title),
        description: about.map_or("", |about| &about.why),
        message: &finding.summary,
        resolution: &finding.remedy,
        severity: severity(finding.severity),
        references: &finding.references,
        status: "FAIL",
        cause_metadata: CauseMetadata {
            resource: misset.setting.clone(),
            provider: "Seawall",
            service: "general",
            start_line: finding.place.line,
            end_line: finding.place.line,
        },
    }
}
