//! `seawall sbom`: what is in a target, as a software bill of materials.

use anyhow::{Result, bail};
use seawall_advisory::Detail;
use seawall_report::Format;
use seawall_scan::{AssessOptions, assess};

use super::redact::hide_names;
use crate::Session;
use crate::args::{Output, Sbom};
use crate::exit::Exit;
use crate::output::Outputs;
use crate::target::{Targets, platforms};

pub(crate) fn run(args: &Sbom, session: &Session<'_>) -> Result<Exit> {
    match args.format {
        Format::CycloneDx | Format::Spdx | Format::Spdx3 | Format::Json | Format::Github | Format::Table => {}
        Format::Sarif
        | Format::Junit
        | Format::Html
        | Format::Trivy
        | Format::Grype
        | Format::Gitlab
        | Format::Template => {
            bail!("`{}` is a format of findings; use `seawall scan`, or cyclonedx, spdx, spdx3", args.format)
        }
    }
    let output = Output { format: args.format, file: args.output.clone() };
    let outputs = Outputs::new(&[output], None, None)?;
    let targets = Targets::new(&args.target, session)?;
    let opened = targets.open(&args.target.target, &platforms(&args.target))?;
    outputs.check_count(opened.len())?;
    let options = AssessOptions { detail: Detail::Facts, ..super::assess_options(session) };
    let mut exit = Exit::NotExamined;
    for one in &opened {
        let mut assessed = assess(targets.examine(one)?, None, &options);
        hide_names(&mut assessed.findings, &mut assessed.inventory);
        for gap in &assessed.findings.gaps {
            // Without a database nothing is judged, which nobody asked for here.
            if gap.kind != seawall_finding::GapKind::NoData {
                session.terminal.note(format_args!("not examined: {gap}"));
            }
        }
        let report = super::report(assessed, session);
        outputs.write(&report, session.terminal)?;
        exit = Exit::Allowed;
    }
    Ok(exit)
}
