//! `seawall diff`: two targets → packages and findings gained, lost and kept.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Result, bail};
use seawall_advisory::Database;
use seawall_finding::{Finding, Fingerprint, Gap, Severity};
use seawall_inventory::Package;
use seawall_policy::Verdict;
use seawall_scan::{Assessed, assess};
use serde::Serialize;

use crate::Session;
use crate::args::{Diff, DiffFormat};
use crate::exit::Exit;
use crate::output;
use crate::target::{LeakRules, Targets, platforms};

mod files;

pub(crate) fn run(args: &Diff, session: &Session<'_>) -> Result<Exit> {
    if args.files {
        return files::run(args, session);
    }
    let database = super::scan::database(session)?;
    let targets = Targets::new(&args.after, session)?.with_leaks(LeakRules::builtin(session));
    let before = one(&args.before, &targets, args, database.as_ref(), session)?;
    let after = one(&after_name(args), &targets, args, database.as_ref(), session)?;
    let difference = Difference::of(&before, &after, args);
    let bytes = match args.format {
        DiffFormat::Json => {
            let mut bytes = serde_json::to_vec_pretty(&difference)?;
            bytes.push(b'\n');
            bytes
        }
        DiffFormat::Table => difference.text().into_bytes(),
    };
    output::write(args.output.as_ref(), &bytes, session.terminal)?;
    Ok(difference.verdict.into())
}

fn after_name(args: &Diff) -> Cow<'_, str> {
    args.after.target.to_string_lossy()
}

fn one(
    target: &str,
    targets: &Targets<'_>,
    args: &Diff,
    database: Option<&Database>,
    session: &Session<'_>,
) -> Result<Assessed> {
    let opened = targets.open(target, &platforms(&args.after))?;
    let [opened] = opened.as_slice() else {
        bail!("{target} has {} images; choose one with --platform", opened.len())
    };
    let mut examined = targets.examine(opened)?;
    // As in a scan, the image's settings are judged where that is asked for.
    examined.settings.clear();
    Ok(assess(examined, database, &super::assess_options(session)))
}

/// Everything that differs, and how much does not.
#[derive(Serialize)]
struct Difference<'d> {
    schema: &'static str,
    before: &'d str,
    after: Cow<'d, str>,
    verdict: Verdict,
    packages: Packages<'d>,
    findings: Findings<'d>,
    gaps: Gaps<'d>,
}

#[derive(Serialize)]
struct Packages<'d> {
    gained: Vec<&'d Package>,
    lost: Vec<&'d Package>,
    changed: Vec<Changed<'d>>,
    kept: usize,
}

/// A package of which each target has exactly one version, and not the same.
#[derive(Serialize)]
struct Changed<'d> {
    name: &'d str,
    ecosystem: &'static str,
    before: &'d str,
    after: &'d str,
}

#[derive(Serialize)]
struct Findings<'d> {
    gained: Vec<&'d Finding>,
    lost: Vec<&'d Finding>,
    kept: usize,
}

/// What could not be examined may hide a difference.
#[derive(Serialize)]
struct Gaps<'d> {
    before: &'d [Gap],
    after: &'d [Gap],
}

impl<'d> Difference<'d> {
    fn of(before: &'d Assessed, after: &'d Assessed, args: &'d Diff) -> Difference<'d> {
        let findings = findings(&before.findings.found, &after.findings.found);
        let denied = |least: Severity| findings.gained.iter().any(|finding| finding.severity >= least);
        let verdict = match args.fail_on {
            Some(least) if denied(least) => Verdict::Deny,
            Some(_) | None if findings.gained.is_empty() => Verdict::Allow,
            Some(_) | None => Verdict::Warn,
        };
        Difference {
            schema: "https://seawall.dev/schema/diff.v1.json",
            before: &args.before,
            after: after_name(args),
            verdict,
            packages: packages(&before.inventory.packages, &after.inventory.packages),
            findings,
            gaps: Gaps { before: &before.findings.gaps, after: &after.findings.gaps },
        }
    }
}

type Versions<'d> = BTreeMap<(&'static str, &'d str), BTreeMap<&'d str, &'d Package>>;

fn versions(packages: &[Package]) -> Versions<'_> {
    let mut versions = Versions::new();
    for package in packages {
        let key = (package.ecosystem.purl_type(), package.name.as_str());
        versions.entry(key).or_default().insert(&package.version, package);
    }
    versions
}

fn packages<'d>(before: &'d [Package], after: &'d [Package]) -> Packages<'d> {
    let (before, after) = (versions(before), versions(after));
    let none = BTreeMap::new();
    let mut found = Packages { gained: Vec::new(), lost: Vec::new(), changed: Vec::new(), kept: 0 };
    let names: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
    for (ecosystem, name) in names {
        let old = before.get(&(ecosystem, name)).unwrap_or(&none);
        let new = after.get(&(ecosystem, name)).unwrap_or(&none);
        let lost: Vec<&Package> = only(old, new);
        let gained: Vec<&Package> = only(new, old);
        found.kept += old.len() - lost.len();
        match (lost.as_slice(), gained.as_slice()) {
            ([was], [is]) => {
                found.changed.push(Changed { name, ecosystem, before: &was.version, after: &is.version })
            }
            _ => {
                found.lost.extend(lost);
                found.gained.extend(gained);
            }
        }
    }
    found
}

fn only<'d>(these: &BTreeMap<&str, &'d Package>, those: &BTreeMap<&str, &'d Package>) -> Vec<&'d Package> {
    these.iter().filter(|(version, _)| !those.contains_key(*version)).map(|(_, package)| *package).collect()
}

fn findings<'d>(before: &'d [Finding], after: &'d [Finding]) -> Findings<'d> {
    let prints =
        |found: &[Finding]| found.iter().map(Finding::fingerprint).collect::<BTreeSet<Fingerprint>>();
    let (old, new) = (prints(before), prints(after));
    let gained: Vec<_> = after.iter().filter(|finding| !old.contains(&finding.fingerprint())).collect();
    let lost = before.iter().filter(|finding| !new.contains(&finding.fingerprint())).collect();
    let kept = after.len() - gained.len();
    Findings { gained, lost, kept }
}

impl Difference<'_> {
    fn text(&self) -> String {
        let mut text = format!("{} → {}\n", self.before, self.after);
        let Packages { gained, lost, changed, kept } = &self.packages;
        let _ = writeln!(
            text,
            "\nPACKAGES  {} changed, {} gained, {} lost, {kept} kept",
            changed.len(),
            gained.len(),
            lost.len()
        );
        for change in changed {
            let _ = writeln!(
                text,
                "  ~ {} {} {} → {}",
                change.ecosystem, change.name, change.before, change.after
            );
        }
        for (mark, packages) in [("+", gained), ("-", lost)] {
            for package in packages {
                let _ = writeln!(
                    text,
                    "  {mark} {} {} {}",
                    package.ecosystem.purl_type(),
                    package.name,
                    package.version
                );
            }
        }
        let Findings { gained, lost, kept } = &self.findings;
        let _ = writeln!(text, "\nFINDINGS  {} gained, {} lost, {kept} kept", gained.len(), lost.len());
        for (mark, findings) in [("+", gained), ("-", lost)] {
            for finding in findings {
                let _ = writeln!(
                    text,
                    "  {mark} {:10} {:19} {}",
                    finding.severity,
                    finding.evidence.key(),
                    finding.subject.label()
                );
            }
        }
        let gaps = self.gaps.before.len() + self.gaps.after.len();
        if gaps > 0 {
            let _ =
                writeln!(text, "\nNOT EXAMINED  {gaps} gaps may hide differences; --format json lists them");
        }
        let _ = writeln!(text, "\n{}", self.verdict);
        seawall_report::printable(&text).into_owned()
    }
}
