//! `seawall lint`: build files and manifests → findings → reports, or a diff that mends them.

mod leaks;
mod read;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, stdout};
use std::path::PathBuf;

use anyhow::{Result, bail};
use seawall_finding::{Coverage, Finding, Findings, Gap, GapKind, LeftOut, Severity};
use seawall_inventory::{Inventory, Target, TargetKind};
use seawall_leaks::CONFIDENCE_MIN;
use seawall_lint::files::{self, Options};
use seawall_lint::workload::Selection;
use seawall_lint::{manifest, pss};
use seawall_report::printable;
use seawall_scan::Assessed;
use similar::TextDiff;

use self::leaks::Leaked;
pub(super) use self::read::Files;
use self::read::{FILE_BYTES_MAX, Origin};
use super::judge::{Examined, Judge};
use super::redact::Redactor;
use crate::args::Lint;
use crate::exit::Exit;
use crate::input::{self, Links};
use crate::target::LeakRules;
use crate::{Session, output};

/// The profiles of engines have some 20 kB.
const SECCOMP_BYTES_MAX: u64 = 4 * 1024 * 1024;

pub(crate) fn run(args: &Lint, session: &Session<'_>) -> Result<Exit> {
    let mut judge = Judge::new(&args.judging)?;
    judge.outputs.refuse_formats_of_packages()?;
    if args.pss.is_some() && args.judging.fail_on.is_none() && args.judging.policy.is_empty() {
        // A standard is a policy: what it forbids is denied.
        judge.policy.fail_on = Some(Severity::Unknown);
    }
    let redactor = Redactor::new();
    let options = options(args, &redactor)?;
    let paths: Vec<PathBuf> = args.path.iter().chain(&args.compose_file).cloned().collect();
    let files = Files::read(&paths)?;
    if args.fix {
        return fix(&files, &options, &judge, args, (session, &redactor));
    }
    let credentials = match args.pss {
        Some(_) => Credentials::LeftAlone,
        None => Credentials::Searched(session),
    };
    let looked = judged_files(&files, &options, &redactor, credentials);
    let name = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
    let read = looked.coverage.files;
    let assessed = Assessed {
        inventory: Inventory {
            target: Target { kind: TargetKind::Files, name, digest: None },
            ..Inventory::default()
        },
        findings: looked.findings,
        coverage: looked.coverage,
    };
    let report = judge.report(assessed, session)?;
    judge.outputs.write(&report, session.terminal)?;
    if read == 0 {
        session
            .terminal
            .note(format_args!("note: there is no file of a known kind in {}", report.inventory.target.name));
        return Ok(Exit::NotExamined);
    }
    let examined = if looked.is_anything_read { Examined::Something } else { Examined::Nothing };
    Ok(judge.exit(&report, examined))
}

/// What was seen of files.
pub(super) struct Looked {
    pub(super) findings: Findings,
    pub(super) coverage: Coverage,
    pub(super) is_anything_read: bool,
}

/// Reads and judges what the user named, for a command that judges other things too.
pub(super) fn look(paths: &[PathBuf], session: &Session<'_>) -> Result<(Files, Looked)> {
    let files = Files::read(paths)?;
    let looked = judged_files(&files, &Options::default(), &Redactor::new(), Credentials::Searched(session));
    Ok((files, looked))
}

/// Whether files are searched for credentials too.
#[derive(Clone, Copy)]
enum Credentials<'s> {
    Searched(&'s Session<'s>),
    /// A Pod Security Standard says nothing of them.
    LeftAlone,
}

fn judged_files(
    files: &Files,
    options: &Options,
    redactor: &Redactor,
    credentials: Credentials<'_>,
) -> Looked {
    let linted = files::examine(&files.files, options);
    let mut findings = linted.findings;
    let unread = findings.gaps.iter().filter(|gap| gap.kind != GapKind::Undetermined);
    let unread: BTreeSet<&str> = unread.filter_map(|gap| gap.place.path.as_deref()).collect();
    let is_anything_read = linted.files > unread.len() as u64;
    findings.gaps.extend(files.gaps.iter().cloned());
    findings.found.iter_mut().for_each(|finding| redactor.finding(finding));
    let leaked = match credentials {
        Credentials::LeftAlone => Leaked::default(),
        Credentials::Searched(session) => {
            let key = LeakRules::key(session);
            leaks::search(&files.files, (redactor.rules(), key.as_ref()), options, &findings.found)
        }
    };
    findings.extend(leaked.findings);
    let left_out = [
        ("comments in the files".to_owned(), linted.suppressed + leaked.suppressed),
        (format!("confidence of leaks below {CONFIDENCE_MIN:?}").to_lowercase(), leaked.doubtful),
    ];
    let left_out = left_out.into_iter().filter(|(_, findings)| *findings > 0);
    let left_out = left_out.map(|(by, findings)| LeftOut { by, findings }).collect();
    let coverage = Coverage { files: linted.files, bytes: linted.bytes, left_out, ..Coverage::default() };
    Looked { findings, coverage, is_anything_read }
}

fn options(args: &Lint, redactor: &Redactor) -> Result<Options> {
    let other_rules: Vec<String> = redactor.rules().iter().map(|rule| rule.id().to_owned()).collect();
    for name in args.enable.iter().chain(&args.disable).filter(|name| *name != "all") {
        let is_called = |rule: &seawall_lint::LintRule| {
            rule.rule.id == name || rule.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
        };
        let is_disabled_leak = args.disable.contains(name) && other_rules.contains(name);
        if !is_disabled_leak && !seawall_lint::rules().any(|rule| is_called(&rule)) {
            bail!("there is no rule `{name}`; `seawall explain --list` shows them all")
        }
    }
    let version = args.kubernetes_version.unwrap_or(pss::Version::LATEST);
    let seccomp = |path: &PathBuf| Ok((path.display().to_string(), input::text_of(path, SECCOMP_BYTES_MAX)?));
    Ok(Options {
        manifest: manifest::Options {
            selection: Selection {
                all: args.enable.iter().any(|name| name == "all"),
                also: args.enable.clone(),
                skip: args.disable.clone(),
            },
            pod_security: args.pss.map(|level| (level, version)),
            seccomp_profiles: args.seccomp_profile.iter().map(seccomp).collect::<Result<_>>()?,
            compose_files: args.compose_file.iter().map(|path| read::shown(path)).collect(),
            ignore_suppressions: args.no_ignore,
            ..manifest::Options::default()
        },
        registries: args.registry.clone(),
        labels: args.label.clone(),
        other_rules,
        harden: args.harden,
    })
}

/// Shows the changes as one diff and what they leave; makes them where that is asked.
fn fix(
    files: &Files,
    options: &Options,
    judge: &Judge<'_>,
    args: &Lint,
    (session, redactor): (&Session<'_>, &Redactor),
) -> Result<Exit> {
    let mut text = String::new();
    let mut left: Vec<(&str, Finding)> = Vec::new();
    let mut gaps = files.gaps.clone();
    let mut is_all_changed = true;
    for (path, bytes) in &files.files {
        let Ok(before) = std::str::from_utf8(bytes) else {
            gaps.push(Gap::at(GapKind::Malformed, path, "it is not UTF-8 text"));
            continue;
        };
        let Some(fixed) = files::fix(path, before, files.dockerignore(path), options) else { continue };
        left.extend(fixed.left.into_iter().map(|finding| (path.as_str(), finding)));
        if fixed.text == before {
            continue;
        }
        let diff = TextDiff::from_lines(before, &fixed.text);
        let name = one_line(path);
        let _ = write!(text, "{}", diff.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")));
        if args.apply {
            match change(files.origins.get(path), bytes, &fixed.text) {
                Ok(()) => session.terminal.note(format_args!("changed {path}: {} mended", fixed.mended)),
                Err(error) => {
                    session.terminal.error(&error.context(format!("cannot change {path}")));
                    is_all_changed = false;
                }
            }
        }
    }
    left.iter_mut().for_each(|(_, finding)| redactor.finding(finding));
    if args.pss.is_none() {
        let known: Vec<Finding> = left.iter().map(|(_, finding)| finding.clone()).collect();
        let key = LeakRules::key(session);
        let leaked = leaks::search(&files.files, (redactor.rules(), key.as_ref()), options, &known);
        left.extend(leaked.findings.found.into_iter().map(|finding| ("", finding)));
        gaps.extend(leaked.findings.gaps);
    }
    for (path, finding) in &left {
        let path = finding.place.path.as_deref().unwrap_or(path);
        let line = finding.place.line.map(|line| format!(":{line}")).unwrap_or_default();
        let told = format!("# not fixed: {path}{line}: {} [{}]", finding.summary, finding.rule);
        let _ = writeln!(text, "{}", one_line(&told));
    }
    for gap in &gaps {
        let _ = writeln!(text, "{}", one_line(&format!("# not examined: {}", gap.as_named())));
    }
    // A patch must hold the very bytes of the files; a terminal would obey them.
    match stdout().is_terminal() {
        true => session.terminal.text(&text)?,
        false => output::write(None, text.as_bytes(), session.terminal)?,
    }
    if !is_all_changed {
        return Ok(Exit::BadInput);
    }
    // What is left is judged, so that a pipeline can mend and refuse in one step.
    let found = left.into_iter().map(|(_, finding)| finding).collect();
    let report =
        judge.report(Assessed { findings: Findings { found, gaps }, ..Assessed::default() }, session)?;
    Ok(judge.exit(&report, Examined::Something))
}

/// Writes the new text to the file that was read, if it is that still.
pub(super) fn change(origin: Option<&Origin>, before: &[u8], after: &str) -> Result<()> {
    let path = match origin {
        Some(Origin::Path(path)) => path,
        Some(Origin::Stdin) => bail!("it came on standard input; save the diff of --fix"),
        Some(Origin::Unnamed) | None => bail!("its name is not UTF-8; name the file itself"),
    };
    if input::read(path, FILE_BYTES_MAX, Links::Refuse)? != before {
        bail!("it was changed by somebody else meanwhile");
    }
    output::replace(path, |out| Ok(std::io::Write::write_all(out, after.as_bytes())?))
}

/// Text of a file's as one line that no terminal obeys and no patch misreads.
pub(super) fn one_line(text: &str) -> String {
    printable(text).replace(['\n', '\t'], " ")
}
