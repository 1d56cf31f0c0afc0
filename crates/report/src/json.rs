//! Seawall's own JSON: one object with `schema`, `target`, `findings`, `gaps`, `coverage`, `verdict` and more.

use std::collections::BTreeMap;
use std::io::Write;

use seawall_finding::{Coverage, Gap};
use seawall_inventory::{Base, Container, Distro, Image, Package, Programs, Target};
use seawall_policy::{Judged, Verdict};
use serde::{Serialize, Serializer};

use crate::score::{Section, sections};
use crate::{Advice, RenderError, Report, RuleText};

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    created: String,
    seawall: &'a str,
    target: &'a Target,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a Image>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'a Container>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<&'a Base>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distro: Option<&'a Distro>,
    verdict: Verdict,
    findings: &'a [Judged],
    gaps: &'a [Gap],
    coverage: &'a Coverage,
    advice: &'a [Advice],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sections: Vec<Section<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    rules: &'a BTreeMap<String, RuleText>,
    packages: &'a [Package],
    #[serde(skip_serializing_if = "Option::is_none")]
    programs: Option<&'a Programs>,
}

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    write_pretty(&document(report), out)
}

pub(crate) fn document(report: &Report) -> impl Serialize {
    let inventory = &report.inventory;
    Document {
        schema: "https://seawall.dev/schema/report.v1.json",
        created: report.created.to_string(),
        seawall: &report.version,
        target: &inventory.target,
        image: inventory.image.as_ref(),
        container: inventory.container.as_ref(),
        base: inventory.base.as_ref(),
        distro: inventory.distro.as_ref(),
        verdict: report.verdict,
        findings: &report.findings,
        gaps: &report.gaps,
        coverage: &report.coverage,
        advice: &report.advice,
        sections: sections(&report.coverage.checks),
        rules: &report.rules,
        packages: &inventory.packages,
        programs: inventory.programs.as_ref(),
    }
}

/// A list whose items are made while they are written, one at a time: a bill of ten thousand packages is never held as
/// a whole.
pub(crate) struct Each<F>(pub(crate) F);

impl<I: Iterator<Item: Serialize>, F: Fn() -> I> Serialize for Each<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// Indented JSON with a final line break, as every JSON format here is written.
pub(crate) fn write_pretty(document: &impl Serialize, out: &mut dyn Write) -> Result<(), RenderError> {
    serde_json::to_writer_pretty(&mut *out, document).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}
