//! `seawall audit`: this machine, its engines and their containers → checks and findings → reports, or a plan.

mod known;
mod scanned;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use seawall_advisory::Database;
use seawall_audit::{Attestation, Audited, Inputs, Plan, Root, Saved, attestations};
use seawall_engine::Endpoint;
use seawall_finding::{Coverage, Framework, Gap, GapKind, Outcome};
use seawall_inventory::{Inventory, Target, TargetKind};
use seawall_scan::Assessed;
use serde_json::Value;

use self::known::Known;
use self::scanned::Scans;
use super::judge::{Examined, Judge};
use super::redact::Redactor;
use crate::args::Audit;
use crate::exit::Exit;
use crate::target::named_endpoints;
use crate::{Session, output};

/// Saved answers of engines with thousands of containers have some 10 MB.
const SAVED_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Values of a saved file that are looked at to tell what it is.
const ANSWERS_LOOKED_AT: usize = 16;
/// Attestations are written by hand.
const ATTESTATIONS_BYTES_MAX: u64 = 4 * 1024 * 1024;

pub(crate) fn run(args: &Audit, session: &Session<'_>) -> Result<Exit> {
    let judge = Judge::new(&args.judging)?;
    judge.outputs.refuse_formats_of_packages()?;
    let audit = Prepared::new(args, session)?;
    let audited = audit.run();
    if args.fix {
        let plan = seawall_audit::plan(&audited);
        output::write(None, plan.to_string().as_bytes(), session.terminal)?;
        if !args.apply {
            return Ok(Exit::Allowed);
        }
        let applied = apply(&plan, args, session);
        // What was changed before a failure is changed: the second look tells what holds now.
        let exit = report(audit.run(), &judge, args, session)?;
        return applied.map(|()| exit);
    }
    report(audited, &judge, args, session)
}

fn apply(plan: &Plan, args: &Audit, session: &Session<'_>) -> Result<()> {
    let backup = args.backup.clone().unwrap_or_else(|| PathBuf::from("/var/backups/seawall"));
    let applied = seawall_audit::apply(plan, &backup)?;
    for file in &applied.backups {
        session.terminal.note(format_args!("kept {}", file.display()));
    }
    for path in &applied.changed {
        session.terminal.note(format_args!("changed {path}"));
    }
    for command in &applied.then {
        session.terminal.note(format_args!("to take effect: {command}"));
    }
    Ok(())
}

fn report(audited: Audited, judge: &Judge<'_>, args: &Audit, session: &Session<'_>) -> Result<Exit> {
    let Audited { host, mut checks, mut findings, .. } = audited;
    if let Some(framework) = args.benchmark.map(Framework::from) {
        // Only the numbers of this benchmark are of use to whoever asks for it.
        checks.iter_mut().for_each(|check| check.controls.retain(|control| control.framework == framework));
        checks.retain(|check| !check.controls.is_empty());
        let found = &mut findings.found;
        found.iter_mut().for_each(|one| one.controls.retain(|control| control.framework == framework));
        found.retain(|one| !one.controls.is_empty());
    }
    for check in checks.iter().filter(|check| check.outcome == Outcome::Error) {
        let gap = Gap::of_target(GapKind::Unreadable, format!("{}: {}", check.looked_at, check.seen));
        if !findings.gaps.contains(&gap) {
            findings.gaps.push(gap);
        }
    }
    let redactor = Redactor::new();
    checks.iter_mut().for_each(|check| redactor.check(check));
    findings.found.iter_mut().for_each(|finding| redactor.finding(finding));
    let is_answered = checks.iter().any(|check| matches!(check.outcome, Outcome::Pass | Outcome::Fail));
    let assessed = Assessed {
        inventory: Inventory {
            target: Target { kind: TargetKind::Host, name: named(host, args), digest: None },
            ..Inventory::default()
        },
        findings,
        coverage: Coverage { checks, ..Coverage::default() },
    };
    let report = judge.report(assessed, session)?;
    judge.outputs.write(&report, session.terminal)?;
    Ok(match is_answered {
        true => judge.exit(&report, Examined::Something),
        false => Exit::NotExamined,
    })
}

/// The machine's own name, else what the user named.
fn named(host: String, args: &Audit) -> String {
    match &args.root {
        _ if !host.is_empty() => host,
        Some(root) => root.display().to_string(),
        None => args.inspect.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" "),
    }
}

/// Everything that an audit needs, read before it begins.
struct Prepared<'a> {
    args: &'a Audit,
    root: Root,
    endpoints: Vec<Endpoint>,
    saved: Vec<Saved>,
    attestations: Vec<Attestation>,
    database: Option<Database>,
    known: Known,
    scans: Option<Scans<'a>>,
    now: jiff::Timestamp,
}

impl<'a> Prepared<'a> {
    fn new(args: &'a Audit, session: &'a Session<'a>) -> Result<Prepared<'a>> {
        let attestations = match &args.attestations {
            Some(path) => {
                let text = String::from_utf8(bytes_of(path, ATTESTATIONS_BYTES_MAX)?)
                    .with_context(|| format!("{} is not UTF-8", path.display()))?;
                attestations(&text).with_context(|| format!("cannot use {}", path.display()))?
            }
            None => Vec::new(),
        };
        let saved = |path: &PathBuf| {
            let bytes = bytes_of(path, SAVED_BYTES_MAX)?;
            if !is_answer(&bytes) {
                bail!("{} is no answer of `docker inspect` or `docker info --format json`", path.display())
            }
            Ok(Saved { name: path.display().to_string(), bytes })
        };
        let saved: Vec<Saved> = args.inspect.iter().map(saved).collect::<Result<_>>()?;
        let is_live = args.root.is_none() && saved.is_empty();
        // Saved answers are of another machine: joined with the files of this one they would make a third.
        let nowhere = tempfile::tempdir().context("cannot make a temporary directory")?;
        let path = match &args.root {
            Some(root) => root.as_path(),
            None if is_live => Path::new("/"),
            None => nowhere.path(),
        };
        let root = Root::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        if args.apply && !is_live && args.root.is_none() {
            bail!("--apply changes this machine or the one at --root, not saved answers");
        }
        let endpoints = match args.engine.as_slice() {
            [] if is_live => {
                let named = named_endpoints(session)?;
                let found = seawall_audit::endpoints(&root).into_iter().filter(|one| !named.contains(one));
                let found: Vec<Endpoint> = found.collect();
                named.into_iter().chain(found).collect()
            }
            given => given.iter().map(|text| answering(text)).collect::<Result<_>>()?,
        };
        let database = super::scan::database(session)?;
        Ok(Prepared {
            args,
            endpoints,
            saved,
            attestations,
            known: Known::new(path),
            database,
            scans: args.scan_images.then(|| Scans::new(session)).transpose()?,
            root,
            now: session.config.now(),
        })
    }

    fn run(&self) -> Audited {
        seawall_audit::run(&Inputs {
            root: &self.root,
            endpoints: self.endpoints.clone(),
            saved: self.saved.clone(),
            attestations: self.attestations.clone(),
            trusted_users: given(&self.args.trusted_user),
            trusted_images: given(&self.args.trusted_image),
            now: self.now,
            known: &|component| self.known.about(component, self.database.as_ref()?),
            scanned: &|id| self.scans.as_ref()?.about(id, self.database.as_ref()),
            newest: &|_| None,
        })
    }
}

/// Whether bytes hold at least one object as engines answer; the rest of a file is judged piece by piece.
fn is_answer(bytes: &[u8]) -> bool {
    let is_object = |value: &Value| ["Id", "ID", "ServerVersion"].iter().any(|key| value.get(key).is_some());
    let values = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>().map_while(Result::ok);
    let mut values = values.take(ANSWERS_LOOKED_AT);
    values.any(|value| is_object(&value) || value.as_array().is_some_and(|items| items.iter().any(is_object)))
}

/// An engine that the user named; one that does not answer is a mistake, not a machine without engines.
fn answering(text: &str) -> Result<Endpoint> {
    let endpoint: Endpoint = text.parse()?;
    seawall_engine::Engine::connect(&endpoint).with_context(|| format!("{text} does not answer"))?;
    Ok(endpoint)
}

/// Names as a collection, where there are any.
fn given<C: FromIterator<String>>(names: &[String]) -> Option<C> {
    (!names.is_empty()).then(|| names.iter().cloned().collect())
}

/// A file of the user's; a device would give bytes for ever.
fn bytes_of(path: &Path, bytes_max: u64) -> Result<Vec<u8>> {
    let read = || {
        let mut bytes = Vec::new();
        fs::File::open(path)?.take(bytes_max + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > bytes_max {
            return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "it is too large"));
        }
        Ok(bytes)
    };
    read().with_context(|| format!("cannot read {}", path.display()))
}
