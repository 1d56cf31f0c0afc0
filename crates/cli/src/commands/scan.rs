//! `seawall scan`: a target → what is in it → what is wrong → the policy's verdict → reports.

use anyhow::{Context as _, Result, anyhow};
use seawall_advisory::{Database, Development, Order};
use seawall_finding::{Evidence, Finding, FixState, Gap, GapKind, LeftOut, Severity, Subject};
use seawall_image::manifest::PlatformChoice;
use seawall_policy::{Context, Funnel, Judged, Policy, Verdict};
use seawall_report::{Collector, Report, advise};
use seawall_scan::{AssessOptions, Assessed, assess};

use crate::Session;
use crate::args::Scan;
use crate::exit::Exit;
use crate::output::Outputs;
use crate::target::{Opened, Targets, platforms};

/// Age above which the database is called old, in days: a distribution publishes several advisories a week.
const OLD_DAYS: i64 = 7;

pub(crate) fn run(args: &Scan, session: &Session<'_>) -> Result<Exit> {
    // What the user wrote is read before the target, so that a mistake in it costs no minute.
    let policy = policy(args)?;
    let outputs = Outputs::new(&args.format, args.output.as_deref(), args.template.as_deref())?;
    let database = database(session)?;
    let targets = Targets::new(&args.target, session)?;
    let choice = if args.all_platforms { PlatformChoice::All } else { platforms(&args.target) };
    let opened = targets.open(&args.target.target, &choice)?;
    let base = args.base.as_deref().map(|base| targets.open(base, &choice)).transpose()?;
    outputs.check_count(opened.len())?;
    let mut worst: Option<Exit> = None;
    for one in &opened {
        let mut examined = targets.examine(one)?;
        if let Some(base) = &base {
            examined.inventory.base = base_of(one, base)?;
        }
        let development = if args.include_dev { Development::Judge } else { Development::LeaveOut };
        let options = AssessOptions { development, ..super::assess_options(session) };
        let assessed = assess(examined, database.as_ref(), &options);
        let report = judged(assessed, &policy, args, session)?;
        outputs.write(&report, session.terminal)?;
        worst = worst.into_iter().chain([exit(&report, args)]).max_by_key(|exit| rank(*exit));
    }
    Ok(worst.unwrap_or(Exit::NotExamined))
}

fn policy(args: &Scan) -> Result<Policy> {
    let mut policy = Policy { fail_on: args.fail_on, ..Policy::default() };
    for path in &args.policy {
        policy.add_file(path)?;
    }
    for path in &args.ignore_file {
        policy.add_ignore_file(path)?;
    }
    for path in &args.vex {
        policy.add_vex(path)?;
    }
    if let Some(path) = &args.baseline {
        policy.add_baseline(path)?;
    }
    Ok(policy)
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

/// Pours the findings through the policy into a report.
fn judged(mut assessed: Assessed, policy: &Policy, args: &Scan, session: &Session<'_>) -> Result<Report> {
    leave_out(&mut assessed.findings.found, args, &mut assessed.coverage.left_out);
    let found = std::mem::take(&mut assessed.findings.found);
    let mut collector = Collector::default();
    let context = Context { today: session.config.today(), inventory: &assessed.inventory };
    let tally =
        Funnel::new(policy, context, vec![&mut collector]).pour(found).context("cannot collect findings")?;
    let findings = collector.into_findings();
    let advice = advise(&findings, &assessed.inventory, is_newer);
    Ok(Report { findings, advice, verdict: tally.worst, ..super::report(assessed, session) })
}

/// Takes out what the user does not want to see, and counts it.
fn leave_out(found: &mut Vec<Finding>, args: &Scan, left_out: &mut Vec<LeftOut>) {
    let mut without = |by: String, keep: &dyn Fn(&Finding) -> bool| {
        let before = found.len();
        found.retain(|finding| keep(finding));
        if found.len() < before {
            left_out.push(LeftOut { by, findings: (before - found.len()) as u64 });
        }
    };
    if args.only_fixed {
        without("--only-fixed".to_owned(), &has_fix);
    }
    if let Some(least) = args.severity {
        without(format!("--severity {least}"), &|finding| {
            finding.severity >= least || is_unrated_attack(finding)
        });
    }
}

fn has_fix(finding: &Finding) -> bool {
    finding.evidence.vulnerable().is_none_or(|vulnerable| vulnerable.state == FixState::Fixed)
}

/// A package that is itself an attack is shown whatever its record rates it.
fn is_unrated_attack(finding: &Finding) -> bool {
    matches!(finding.evidence, Evidence::Malicious(_)) && finding.severity == Severity::Unknown
}

/// Whether a fixed version is above another, in the version order of the finding's package.
fn is_newer(judged: &Judged, one: &str, other: &str) -> bool {
    let Subject::Package { ecosystem, .. } = &judged.finding.subject else { return false };
    Order::of(*ecosystem).compare(one, other) == Some(std::cmp::Ordering::Greater)
}

/// Nothing examined is not the same as nothing found: an image whose package database is behind the place where its
/// layer breaks off would else pass every policy, and any image with a database that is damaged.
fn exit(report: &Report, args: &Scan) -> Exit {
    // Without a database nobody expects a verdict, unless it was asked for.
    let is_verdict_expected =
        report.coverage.database.is_some() || args.fail_on.is_some() || !args.policy.is_empty();
    let is_hidden = |gap: &Gap| match gap.kind {
        GapKind::Limit | GapKind::Unreadable | GapKind::Malformed | GapKind::Unsupported => true,
        GapKind::NoData => args.fail_on_gaps || is_verdict_expected,
        GapKind::Undetermined => args.fail_on_gaps,
    };
    let is_judged_by_gaps = args.fail_on_gaps || report.coverage.packages_judged == 0;
    match report.verdict {
        Verdict::Deny => Exit::Denied,
        Verdict::Allow | Verdict::Warn if is_judged_by_gaps && report.gaps.iter().any(is_hidden) => {
            Exit::NotExamined
        }
        Verdict::Allow | Verdict::Warn => Exit::Allowed,
    }
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
