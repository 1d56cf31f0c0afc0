//! `seawall scan`: a target → what is in it → what is wrong → the policy's verdict → reports.

use anyhow::{Context as _, Result, anyhow};
use seawall_advisory::{Database, Development, Order};
use seawall_finding::{Evidence, Finding, FixState, GapKind, Subject};
use seawall_image::manifest::PlatformChoice;
use seawall_leaks::{Rules, UserRules};
use seawall_policy::Judged;
use seawall_report::advise;
use seawall_scan::{AssessOptions, Assessed, assess};

use super::judge::{Examined, Judge, leave_out};
use crate::Session;
use crate::args::{LookFor, Scan};
use crate::exit::Exit;
use crate::target::{LeakRules, Opened, Targets, platforms};

/// Age above which the database is called old, in days: a distribution publishes several advisories a week.
const OLD_DAYS: i64 = 7;

pub(crate) fn run(args: &Scan, session: &Session<'_>) -> Result<Exit> {
    // What the user wrote is read before the target, so that a mistake in it costs no minute.
    let mut judge = Judge::new(&args.judging)?;
    for path in &args.vex {
        judge.policy.add_vex(path)?;
    }
    let database = if args.wants(LookFor::Packages) { database(session)? } else { None };
    let mut targets = Targets::new(&args.target, session)?;
    if args.wants(LookFor::Leaks) {
        targets = targets.with_leaks(leak_rules(args, session)?);
    }
    let choice = if args.all_platforms { PlatformChoice::All } else { platforms(&args.target) };
    let opened = targets.open(&args.target.target, &choice)?;
    let base = args.base.as_deref().map(|base| targets.open(base, &choice)).transpose()?;
    judge.outputs.check_count(opened.len())?;
    let mut worst: Option<Exit> = None;
    for one in &opened {
        let mut examined = targets.examine(one)?;
        if let Some(base) = &base {
            examined.inventory.base = base_of(one, base)?;
        }
        let development = if args.include_dev { Development::Judge } else { Development::LeaveOut };
        let options = AssessOptions { development, ..super::assess_options(session) };
        let mut assessed = assess(examined, database.as_ref(), &options);
        keep_wanted(&mut assessed, args);
        if args.only_fixed {
            leave_out(&mut assessed, "--only-fixed".to_owned(), has_fix);
        }
        let mut report = judge.report(assessed, session)?;
        report.advice = advise(&report.findings, &report.inventory, is_newer);
        judge.outputs.write(&report, session.terminal)?;
        let coverage = &report.coverage;
        let is_hidden = args.wants(LookFor::Packages)
            && coverage.packages_judged + coverage.packages_undetermined == 0
            || coverage.packages_unanswered > 0;
        let examined = if is_hidden { Examined::Nothing } else { Examined::Something };
        worst = worst.into_iter().chain([judge.exit(&report, examined)]).max_by_key(|exit| rank(*exit));
    }
    Ok(worst.unwrap_or(Exit::NotExamined))
}

/// The largest rule files that people publish have some 1 MB.
const LEAK_RULES_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// By what leaked credentials are looked for.
fn leak_rules(args: &Scan, session: &Session<'_>) -> Result<LeakRules> {
    let read = |path: &std::path::PathBuf| {
        Ok((path.display().to_string(), crate::input::text_of(path, LEAK_RULES_BYTES_MAX)?))
    };
    let files: Vec<(String, String)> = args.leak_rules.iter().map(read).collect::<Result<_>>()?;
    let files: Vec<UserRules<'_>> = files.iter().map(|(name, text)| UserRules { name, text }).collect();
    let builtin = LeakRules::builtin(session);
    let rules = if files.is_empty() { builtin.rules } else { Rules::with_user(&files)? };
    Ok(LeakRules { rules, confidence_min: args.leak_confidence.into(), ..builtin })
}

/// Leaves what the user asked to look for, and says in the report that this is not all.
fn keep_wanted(assessed: &mut Assessed, args: &Scan) {
    let name = |what: &LookFor| match what {
        LookFor::Packages => "packages",
        LookFor::Leaks => "leaks",
        LookFor::Settings => "settings",
    };
    assessed.coverage.only = args.only.iter().map(|what| name(what).to_owned()).collect();
    assessed.findings.found.retain(|finding| {
        args.wants(match &finding.evidence {
            Evidence::Vulnerable(_) | Evidence::Outdated(_) | Evidence::Malicious(_) => LookFor::Packages,
            Evidence::Leaked(_) => LookFor::Leaks,
            Evidence::Misset(_) | Evidence::Untrusted(_) => LookFor::Settings,
            // Of what runs; a scan has none.
            Evidence::Happened(_) => return false,
        })
    });
    if !args.wants(LookFor::Packages) {
        assessed.findings.gaps.retain(|gap| gap.kind != GapKind::NoData);
    }
}

/// The advisory database; its absence and its age are told, not an error.
pub(super) fn database(session: &Session<'_>) -> Result<Option<Database>> {
    let directory = session.config.database(session.global.db.as_deref());
    let database = match Database::open(&directory) {
        Ok(database) => database,
        Err(seawall_advisory::OpenError::Absent { .. }) => {
            session.terminal.note(format_args!(
                "note: there is no advisory database in {}; `seawall db update` makes one. \
                 Without it packages are listed and ends of life judged, vulnerabilities are not.",
                directory.display()
            ));
            return Ok(None);
        }
        Err(error) => {
            return Err(error).context("cannot use the advisory database; `seawall db update` makes it anew");
        }
    };
    let built = database.manifest().built_at.as_deref().and_then(|at| at.parse::<jiff::Timestamp>().ok());
    let age = built.map(|built| session.config.now().duration_since(built).as_hours() / 24);
    if let Some(days) = age.filter(|days| *days > OLD_DAYS) {
        session.terminal.note(format_args!(
            "note: the advisory database is {days} days old; `seawall db update` fetches what has changed"
        ));
    }
    Ok(Some(database))
}

fn base_of(image: &Opened, base: &[Opened]) -> Result<Option<seawall_inventory::Base>> {
    let Some(image) = image.image() else { return Err(anyhow!("--base needs an image as the target")) };
    let bases: Vec<_> = base.iter().filter_map(Opened::image).collect();
    if bases.is_empty() {
        return Err(anyhow!("--base needs an image"));
    }
    let found = bases.into_iter().find_map(|base| seawall_scan::base_of(image, base));
    found.map(Some).ok_or_else(|| anyhow!("the target is not built on the image that --base names"))
}

fn has_fix(finding: &Finding) -> bool {
    finding.evidence.vulnerable().is_none_or(|vulnerable| vulnerable.state == FixState::Fixed)
}

/// Whether a fixed version is above another, in the version order of the finding's package.
fn is_newer(judged: &Judged, one: &str, other: &str) -> bool {
    let Subject::Package { ecosystem, .. } = &judged.finding.subject else { return false };
    Order::of(*ecosystem).compare(one, other) == Some(std::cmp::Ordering::Greater)
}

/// Which of several platforms' exits is the worst.
fn rank(exit: Exit) -> u8 {
    match exit {
        Exit::Allowed => 0,
        Exit::NotExamined => 1,
        Exit::Denied => 2,
        Exit::BadInput => 3,
    }
}
