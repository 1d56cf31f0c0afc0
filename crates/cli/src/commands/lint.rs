//! `seawall lint`: build files and manifests → findings → reports, or a diff that mends them.

mod read;

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result, bail};
use seawall_finding::{Coverage, Finding, Findings, GapKind, LeftOut, Severity};
use seawall_inventory::{Inventory, Target, TargetKind};
use seawall_lint::files::{self, Options};
use seawall_lint::workload::Selection;
use seawall_lint::{manifest, pss};
use seawall_scan::Assessed;
use similar::TextDiff;

use self::read::Files;
use super::judge::{Examined, Judge};
use super::redact::Redactor;
use crate::Session;
use crate::args::Lint;
use crate::exit::Exit;
use crate::output;

pub(crate) fn run(args: &Lint, session: &Session<'_>) -> Result<Exit> {
    let mut judge = Judge::new(&args.judging)?;
    judge.outputs.refuse_formats_of_packages()?;
    if args.pss.is_some() && args.judging.fail_on.is_none() && args.judging.policy.is_empty() {
        // A standard is a policy: what it forbids is denied.
        judge.policy.fail_on = Some(Severity::Unknown);
    }
    let options = options(args)?;
    let files = Files::read(&args.path)?;
    if args.fix {
        return fix(&files, &options, &judge, args, session);
    }
    let linted = files::examine(&files.files, &options);
    let mut findings = linted.findings;
    findings.gaps.extend(files.gaps);
    let redactor = Redactor::new();
    findings.found.iter_mut().for_each(|finding| redactor.finding(finding));
    let unread = findings.gaps.iter().filter(|gap| gap.kind != GapKind::Undetermined);
    let is_anything_read = linted.files > unread.filter(|gap| gap.place.path.is_some()).count() as u64;
    let left_out = match linted.suppressed {
        0 => Vec::new(),
        findings => vec![LeftOut { by: "comments in the files".to_owned(), findings }],
    };
    let name = args.path.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
    let assessed = Assessed {
        inventory: Inventory {
            target: Target { kind: TargetKind::Files, name, digest: None },
            ..Inventory::default()
        },
        findings,
        coverage: Coverage { files: linted.files, bytes: linted.bytes, left_out, ..Coverage::default() },
    };
    let report = judge.report(assessed, session)?;
    judge.outputs.write(&report, session.terminal)?;
    if linted.files == 0 {
        session
            .terminal
            .note(format_args!("note: there is no file of a known kind in {}", report.inventory.target.name));
        return Ok(Exit::NotExamined);
    }
    let examined = if is_anything_read { Examined::Something } else { Examined::Nothing };
    Ok(judge.exit(&report, examined))
}

fn options(args: &Lint) -> Result<Options> {
    for name in args.enable.iter().chain(&args.disable).filter(|name| *name != "all") {
        let is_called = |rule: &seawall_lint::LintRule| {
            rule.rule.id == name || rule.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
        };
        if !seawall_lint::rules().any(|rule| is_called(&rule)) {
            bail!("there is no rule `{name}`; `seawall explain --list` shows them all")
        }
    }
    let version = args.kubernetes_version.unwrap_or(pss::Version::LATEST);
    let seccomp = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((path.display().to_string(), text))
    };
    Ok(Options {
        manifest: manifest::Options {
            selection: Selection {
                all: args.enable.iter().any(|name| name == "all"),
                also: args.enable.clone(),
                skip: args.disable.clone(),
            },
            pod_security: args.pss.map(|level| (level, version)),
            seccomp_profiles: args.seccomp_profile.iter().map(seccomp).collect::<Result<_>>()?,
            ignore_suppressions: args.no_ignore,
            ..manifest::Options::default()
        },
        registries: args.registry.clone(),
        labels: args.label.clone(),
        harden: args.harden,
    })
}

/// Shows the changes as one diff and what they leave; makes them where that is asked.
fn fix(
    files: &Files,
    options: &Options,
    judge: &Judge<'_>,
    args: &Lint,
    session: &Session<'_>,
) -> Result<Exit> {
    let mut text = String::new();
    let mut left: Vec<(&str, Finding)> = Vec::new();
    for (path, bytes) in &files.files {
        let Ok(before) = std::str::from_utf8(bytes) else { continue };
        let Some(fixed) = files::fix(path, before, files.dockerignore(path), options) else { continue };
        left.extend(fixed.left.into_iter().map(|finding| (path.as_str(), finding)));
        if fixed.text == before {
            continue;
        }
        let diff = TextDiff::from_lines(before, &fixed.text);
        let _ = write!(text, "{}", diff.unified_diff().header(&format!("a/{path}"), &format!("b/{path}")));
        if args.apply {
            if path == "-" {
                bail!("--apply cannot change what came on standard input; save the diff of --fix")
            }
            output::replace(std::path::Path::new(path), |out| {
                Ok(std::io::Write::write_all(out, fixed.text.as_bytes())?)
            })
            .with_context(|| format!("cannot change {path}"))?;
            session.terminal.note(format_args!("changed {path}: {} mended", fixed.mended));
        }
    }
    for (path, finding) in &left {
        let line = finding.place.line.map(|line| format!(":{line}")).unwrap_or_default();
        let _ = writeln!(text, "# not fixed: {path}{line}: {} [{}]", finding.summary, finding.rule);
    }
    for gap in &files.gaps {
        let _ = writeln!(text, "# not examined: {gap}");
    }
    output::write(None, text.as_bytes(), session.terminal)?;
    // What is left is judged, so that a pipeline can mend and refuse in one step.
    let found = left.into_iter().map(|(_, finding)| finding).collect();
    let findings = Findings { found, gaps: files.gaps.clone() };
    let report = judge.report(Assessed { findings, ..Assessed::default() }, session)?;
    Ok(judge.exit(&report, Examined::Something))
}
