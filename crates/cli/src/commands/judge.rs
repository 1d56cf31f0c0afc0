//! What every command does with its findings: leave out, judge, report, and say it in an exit code.

use anyhow::{Context as _, Result};
use seawall_finding::{Evidence, Finding, Gap, GapKind, LeftOut, Severity};
use seawall_policy::{Context, Funnel, Policy, Verdict};
use seawall_report::{Collector, Report};
use seawall_scan::Assessed;

use super::redact::hide_names;
use super::rules;
use crate::Session;
use crate::args::Judging;
use crate::exit::Exit;
use crate::output::Outputs;

/// What the user wrote of policy and outputs, read before the work begins: a mistake in it must cost no minute.
pub(crate) struct Judge<'a> {
    /// Clauses, waivers, the baseline.
    pub(crate) policy: Policy,
    /// Formats and files.
    pub(crate) outputs: Outputs,
    args: &'a Judging,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(args: &'a Judging) -> Result<Judge<'a>> {
        let mut policy = Policy { fail_on: args.fail_on, ..Policy::default() };
        for path in &args.policy {
            policy.add_file(path)?;
        }
        for path in &args.ignore_file {
            policy.add_ignore_file(path)?;
        }
        if let Some(path) = &args.baseline {
            policy.add_baseline(path)?;
        }
        let outputs = Outputs::new(&args.format, args.output.as_deref(), args.template.as_deref())?;
        Ok(Judge { policy, outputs, args })
    }

    /// Pours the findings through the policy into a report.
    pub(crate) fn report(&self, mut assessed: Assessed, session: &Session<'_>) -> Result<Report> {
        if let Some(least) = self.args.severity {
            let keep = |finding: &Finding| finding.severity >= least || is_unrated_attack(finding);
            leave_out(&mut assessed, format!("--severity {least}"), keep);
        }
        hide_names(&mut assessed.findings, &mut assessed.inventory);
        let found = std::mem::take(&mut assessed.findings.found);
        let mut collector = Collector::default();
        let context = Context { today: session.config.today(), inventory: &assessed.inventory };
        let tally = Funnel::new(&self.policy, context, vec![&mut collector])
            .pour(found)
            .context("cannot collect findings")?;
        let findings = collector.into_findings();
        let texts = rules::texts(findings.iter().map(|judged| judged.finding.rule.as_str()));
        Ok(Report { findings, rules: texts, verdict: tally.worst, ..super::report(assessed, session) })
    }

    /// The verdict as a number. Nothing examined is not the same as nothing found: an image whose package database
    /// is behind the place where its layer breaks off would else pass every policy.
    pub(crate) fn exit(&self, report: &Report, examined: Examined) -> Exit {
        // Without a database nobody expects a verdict, unless it was asked for.
        let is_verdict_expected =
            report.coverage.database.is_some() || self.args.fail_on.is_some() || !self.args.policy.is_empty();
        let is_hidden = |gap: &Gap| {
            is_unread(gap) || self.args.fail_on_gaps || gap.kind == GapKind::NoData && is_verdict_expected
        };
        let is_judged_by_gaps = self.args.fail_on_gaps || examined == Examined::Nothing;
        match report.verdict {
            Verdict::Deny => Exit::Denied,
            Verdict::Allow | Verdict::Warn if is_judged_by_gaps && report.gaps.iter().any(is_hidden) => {
                Exit::NotExamined
            }
            Verdict::Allow | Verdict::Warn => Exit::Allowed,
        }
    }
}

/// Whether there was anything to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Examined {
    /// Nothing, or not what the database should know: gaps decide the exit code.
    Nothing,
    /// Something; gaps are told but decide nothing unless the user wants it.
    #[default]
    Something,
}

/// Whether something was there and was not read: it may hold anything, so nobody vouches for what it is part of.
pub(crate) fn is_unread(gap: &Gap) -> bool {
    match gap.kind {
        GapKind::Limit | GapKind::Unreadable | GapKind::Malformed | GapKind::Unsupported => true,
        GapKind::NoData | GapKind::Undetermined => false,
    }
}

/// Takes out what the user does not want to see, and counts it.
pub(crate) fn leave_out(assessed: &mut Assessed, by: String, keep: impl Fn(&Finding) -> bool) {
    let found = &mut assessed.findings.found;
    let before = found.len();
    found.retain(|finding| keep(finding));
    if found.len() < before {
        let findings = (before - found.len()) as u64;
        assessed.coverage.left_out.push(LeftOut { by, findings });
    }
}

/// A package that is itself an attack is shown whatever its record rates it.
fn is_unrated_attack(finding: &Finding) -> bool {
    matches!(finding.evidence, Evidence::Malicious(_)) && finding.severity == Severity::Unknown
}
